"""A traced surface in, a registration or a reason out."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from engine.core.array import Float64
from engine.core.errors import FrameMismatch
from engine.core.frame import patient
from engine.core.surface import Surface
from engine.core.transform import Transform
from guidance.register.registration import Doubt, Method, RegistrationRefused
from guidance.register.rigid_fit import turn
from guidance.register.surface import register_surface
from tests.guidance.margins.shapes import PATIENT, ball, lumpy, surface
from tests.guidance.register.places import CLAMP

pytest.importorskip("open3d")

TRUTH = Transform.rigid(PATIENT, CLAMP, turn(np.array([0.3, 0.5, -0.2])), [100.0, -50.0, 20.0])
#: About as large as a head.
HEAD = lumpy(3, 80.0, 5)
FACE = np.array([0.0, -0.8, 0.6])
DEEP_MM = np.random.default_rng(9).uniform(-40.0, 40.0, (5, 3))


def traces(
    rng: np.random.Generator, of: Surface = HEAD, count: int = 300, noise_mm: float = 0.5, down_to: float = 0.3
) -> Float64:
    """Points on the part of a surface that faces forward, in the clamp's frame."""
    vertices = of.vertices_mm.astype(np.float64)
    facing = vertices / np.linalg.norm(vertices, axis=1, keepdims=True) @ FACE > down_to
    chosen = vertices[facing][rng.integers(0, int(facing.sum()), count)]
    return TRUTH.inverse.apply(chosen + rng.normal(size=chosen.shape) * noise_mm / np.sqrt(3))


def roughly(rng: np.random.Generator, degrees: float = 8.0, mm: float = 6.0) -> Transform:
    axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    rotation = turn(axis * np.deg2rad(degrees)) @ TRUTH.matrix[:3, :3]
    return Transform.rigid(PATIENT, CLAMP, rotation, TRUTH.matrix[:3, 3] + way * mm)


def refusal(traced: Float64, of: Surface = HEAD, start: Transform | None = TRUTH) -> RegistrationRefused:
    with pytest.raises(RegistrationRefused) as caught:
        register_surface(traced, of, CLAMP, start)
    return caught.value


def test_from_rough_landmarks_the_patient_is_found_and_the_stated_error_holds() -> None:
    held, off_mm = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        made = register_surface(traces(rng), HEAD, CLAMP, roughly(rng))
        off = made.patient_from_tracked.apply(TRUTH.inverse.apply(DEEP_MM)) - DEEP_MM
        off_mm += np.linalg.norm(off, axis=1).tolist()
        held += [made.expected_error(at).holds(o) for at, o in zip(DEEP_MM, off, strict=True)]
        assert made.method is Method.SURFACE
        assert not len(made.landmarks_mm)
    assert max(off_mm) < 0.5
    assert np.mean(held) > 0.9


def test_without_landmarks_features_find_it() -> None:
    rng = np.random.default_rng(0)
    made = register_surface(traces(rng, count=600, down_to=-0.1), HEAD, CLAMP, None)
    off = made.patient_from_tracked.apply(TRUTH.inverse.apply(DEEP_MM)) - DEEP_MM
    assert np.linalg.norm(off, axis=1).max() < 0.5


def tube(length_mm: float) -> Surface:
    return surface(trimesh.creation.cylinder(radius=40.0, height=length_mm, sections=96).subdivide().subdivide())


def plate() -> Surface:
    return surface(trimesh.creation.box(extents=(200.0, 200.0, 20.0)).subdivide_to_size(6.0))


@pytest.mark.parametrize("of", [ball(80.0, 5), tube(400.0), plate()], ids=["ball", "tube", "plate"])
def test_a_surface_that_slides_along_itself_is_refused(of: Surface) -> None:
    """The ends of tube and plate are not traced."""
    rng = np.random.default_rng(1)
    vertices = of.vertices_mm.astype(np.float64)
    middle = vertices[(np.abs(vertices[:, 2]) < 60) & (np.linalg.norm(vertices[:, :2], axis=1) < 90)]
    chosen = middle[rng.integers(0, len(middle), 300)] + rng.normal(size=(300, 3)) * 0.3
    refused = refusal(TRUTH.inverse.apply(chosen), of)
    assert refused.doubt is Doubt.SYMMETRIC
    assert "another shape" in str(refused)


def test_a_surface_that_fits_in_two_places_is_refused() -> None:
    """A square block, begun from between two of its quarter turns; it is its own mirror image, which may fit better."""
    block = surface(trimesh.creation.box(extents=(90.0, 90.0, 60.0)).subdivide_to_size(4.0))
    rng = np.random.default_rng(2)
    traced = TRUTH.inverse.apply(block.vertices_mm[rng.integers(0, len(block.vertices_mm), 400)].astype(np.float64))
    between = Transform.rigid(PATIENT, CLAMP, turn(np.array([0, 0, np.pi / 4])) @ TRUTH.matrix[:3, :3], (0, 0, 0))
    middle = TRUTH.inverse.apply([0.0, 0.0, 0.0])
    start = Transform.rigid(PATIENT, CLAMP, between.matrix[:3, :3], -between.matrix[:3, :3] @ middle)
    assert refusal(traced, block, start).doubt in (Doubt.NOT_CONVERGED, Doubt.DOES_NOT_FIT, Doubt.MIRRORED)


def test_traces_of_something_else_are_refused() -> None:
    refused = refusal(traces(np.random.default_rng(3), lumpy(8, 80.0, 5)))
    assert refused.doubt is Doubt.DOES_NOT_FIT
    assert "mm from the surface" in str(refused)


@pytest.mark.parametrize(
    ("traced", "doubt"),
    [
        (np.zeros((59, 3)), Doubt.TOO_FEW),
        (np.full((100, 3), np.nan), Doubt.NOT_FINITE),
        (np.random.default_rng(0).uniform(0, 30, (100, 3)), Doubt.TOGETHER),
    ],
)
def test_traces_that_cannot_do_are_refused(traced: Float64, doubt: Doubt) -> None:
    assert refusal(traced).doubt is doubt


def test_a_start_of_another_patient_space_is_refused() -> None:
    other = Transform.rigid(patient("9.9"), CLAMP, np.eye(3), (0.0, 0.0, 0.0))
    with pytest.raises(FrameMismatch, match=r"9\.9"):
        register_surface(traces(np.random.default_rng(4)), HEAD, CLAMP, other)
