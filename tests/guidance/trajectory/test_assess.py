"""One way: its clearances, its angle, its profile, and why it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import patient
from guidance.margins.surface_tree import SEARCH_MM, SurfaceTree
from guidance.trajectory.assess import FREE_MM, Fault, Surroundings, Weights
from guidance.trajectory.entry_surface import EntrySurface
from guidance.trajectory.trajectory import Limits
from guidance.uncertainty.pose_error import PoseError
from tests.guidance.margins.shapes import ball, surface
from tests.guidance.trajectory.phantoms import (
    FACETS_MM,
    HEAD,
    HEAD_MM,
    clearance_mm,
    head_with,
    tree_of,
    wall,
    way,
)

BALLS = {"artery": ((20.0, 0.0, 40.0), 8.0), "vein": ((-15.0, 10.0, 50.0), 5.0)}
STRAIGHT = way((0.0, 0.0, HEAD_MM), (0.0, 0.0, 10.0))


def test_clearance_is_from_the_tool_to_the_structure_where_it_is_least() -> None:
    told = head_with(BALLS).assess(STRAIGHT)
    assert [one.key for one in told.clearances] == ["artery", "vein"]
    for one in told.clearances:
        exact = clearance_mm(STRAIGHT, *BALLS[one.key])
        assert one.distance_mm == pytest.approx(exact, abs=FACETS_MM + SEARCH_MM)
        assert one.error_mm == pytest.approx(SEARCH_MM)
        assert one.least_mm == one.distance_mm - one.error_mm
    assert told.clearances[0].depth_mm == pytest.approx(50, abs=1.5)
    assert told.allowed
    assert told.angle_deg == pytest.approx(0, abs=0.5)
    assert told.trajectory.length_mm == 80


def test_a_simplified_surface_and_a_registration_make_the_error_larger() -> None:
    rough = SurfaceTree(replace(ball(8.0, 4, (20.0, 0.0, 40.0)), error_mm=0.7))
    of_rough = Surroundings(HEAD, {"artery": rough})
    assert of_rough.assess(STRAIGHT).clearances[0].error_mm == pytest.approx(0.7 + SEARCH_MM)
    registration = PoseError.isotropic(0.0, 1.0, np.zeros(3))
    (told,) = of_rough.assess(STRAIGHT, registration).clearances
    assert told.error_mm == pytest.approx(0.7 + SEARCH_MM + 1.96, abs=1e-3)
    turned = PoseError.isotropic(0.02, 0.0, np.array((0.0, 0.0, 90.0)))  # 50 mm away, across the way
    assert of_rough.assess(STRAIGHT, turned).clearances[0].error_mm == pytest.approx(0.75 + 1.96 * 1.0, abs=0.05)


def test_the_profile_follows_the_way_and_is_nowhere_less_than_the_clearance() -> None:
    told = head_with(BALLS).assess(STRAIGHT)
    depths = np.linspace(0, 80, told.profile_mm.shape[1])
    for key, row in zip(told.keys, told.profile_mm, strict=True):
        centre, radius = BALLS[key]
        places = STRAIGHT.entry_mm + depths[:, None] * STRAIGHT.direction
        exact = np.linalg.norm(places - centre, axis=1) - radius - STRAIGHT.radius_mm
        assert row == pytest.approx(exact, abs=FACETS_MM + SEARCH_MM)
        (least,) = (one for one in told.clearances if one.key == key)
        assert row.min() >= least.least_mm
    assert told.nearest_mm == pytest.approx(told.profile_mm.min(axis=0))


def test_within_a_structure_clearance_and_profile_are_negative() -> None:
    told = head_with({"artery": ((1.0, 0.0, 40.0), 8.0)}).assess(STRAIGHT)
    assert told.clearances[0].distance_mm == pytest.approx(-8, abs=0.3)
    assert told.nearest_mm.min() == pytest.approx(-8, abs=0.3)
    assert [one.fault for one in told.refusals] == [Fault.TOO_NEAR]
    assert told.refusals[0].words({"artery": "Artery"}) == "goes through Artery"
    assert told.cost == np.inf


@pytest.mark.parametrize(
    ("made", "fault", "words"),
    [
        (way((0, 0, 90), (0, 0, -70)), Fault.TOO_LONG, "160 mm long; 100 mm is allowed"),
        (way((0, 0, 90), (60, 0, 60)), Fault.TOO_OBLIQUE, "63° from upright; 45° is allowed"),
        (way((0, 0, 80), (0, 0, 10)), Fault.NOT_AT_SURFACE, "begins 10 mm from the surface"),
        (way((0, 0, 90), (0, 0, 100)), Fault.TARGET_OUTSIDE, "ends 10 mm outside"),
    ],
)
def test_a_way_that_breaks_a_limit_is_refused_in_words(made: object, fault: Fault, words: str) -> None:
    told = head_with().assess(made)  # type: ignore[arg-type]
    (refusal,) = (one for one in told.refusals if one.fault is fault)
    assert words in refusal.words()
    assert not told.allowed


def test_too_near_says_how_near_and_what_is_needed() -> None:
    told = head_with({"artery": ((12.0, 0.0, 40.0), 9.0)}).assess(STRAIGHT)
    assert told.refusals[0].words({"artery": "Artery"}) == "may come within 1.9 mm of Artery; 2.0 mm is needed"


def test_a_forbidden_structure_may_be_passed_but_not_gone_through() -> None:
    beside, through = wall((2.0, 40.0, 20.0), (3.0, 0.0, 50.0)), wall((2.0, 40.0, 20.0), (1.5, 0.0, 50.0))
    assert head_with(forbidden={"falx": beside}).assess(STRAIGHT).allowed
    (refusal,) = head_with(forbidden={"falx": through}).assess(STRAIGHT).refusals
    assert refusal.words({"falx": "Falx"}) == "goes through Falx, which is forbidden"


def test_a_way_that_leaves_the_body_and_enters_it_again_is_refused() -> None:
    ring: Any = trimesh.creation.torus(major_radius=40.0, minor_radius=15.0)
    told = Surroundings(EntrySurface(surface(ring)), {}).assess(way((55, 0, 0), (-40, 0, 0)))
    assert [one.fault for one in told.refusals] == [Fault.LEAVES]


def test_a_cavity_within_and_a_body_beside_are_no_way_in() -> None:
    inner = trimesh.creation.icosphere(subdivisions=3, radius=15.0)
    inner.invert()
    beside = trimesh.creation.icosphere(subdivisions=3, radius=20.0)
    beside.apply_translation((0.0, 0.0, 130.0))
    head = trimesh.creation.icosphere(subdivisions=5, radius=HEAD_MM)
    many: Any = trimesh.util.concatenate([beside, inner, head])
    told = Surroundings(EntrySurface(surface(many)), {}).assess(way((0, 0, 90), (0, 0, 5)))
    assert told.allowed


def test_structures_of_another_patient_space_are_refused() -> None:
    other = SurfaceTree(replace(ball(8.0, 2), frame=patient("9.9")))
    with pytest.raises(FrameMismatch):
        Surroundings(HEAD, {"artery": other})


def test_weights_that_count_nothing_are_refused() -> None:
    with pytest.raises(InvalidValue):
        Weights(0, 0, 0)
    with pytest.raises(InvalidValue):
        Weights(angle=-1)


places = st.tuples(*[st.floats(-60, 60)] * 2, st.floats(15, 70)).map(np.array)


@settings(max_examples=15)
@given(centre=places, radius=st.floats(2, 12), gone=st.floats(0.2, 30))
def test_a_structure_that_moves_away_never_brings_less_clearance_nor_more_cost(
    centre: np.ndarray, radius: float, gone: float
) -> None:
    away = np.array((centre[0], centre[1], 0.0))
    if np.linalg.norm(away) < 1e-3:
        away = np.array((1.0, 0.0, 0.0))
    moved = centre + gone * away / np.linalg.norm(away)
    before, after = (
        Surroundings(HEAD, {"a": tree_of(tuple(at), radius)}, limits=Limits(clearance_mm=0.0)).assess(STRAIGHT)
        for at in (centre, moved)
    )
    assert after.clearances[0].distance_mm >= before.clearances[0].distance_mm - 2 * SEARCH_MM
    assert after.cost <= before.cost + 2 * 2 * SEARCH_MM / FREE_MM


@settings(max_examples=15)
@given(centre=places, radius=st.floats(2, 12))
def test_clearance_is_that_of_the_formula_for_any_ball(centre: np.ndarray, radius: float) -> None:
    (told,) = head_with({"a": (tuple(centre), radius)}).assess(STRAIGHT).clearances
    exact = clearance_mm(STRAIGHT, tuple(centre), radius)
    if exact + STRAIGHT.radius_mm > 0:  # outside; within, the deepest place of a line is not that formula
        assert told.distance_mm == pytest.approx(exact, abs=SEARCH_MM + 0.01 * radius)
    else:
        assert told.distance_mm < 0


@settings(max_examples=15)
@given(thin=st.floats(0, 5), more=st.floats(0, 5))
def test_a_thicker_tool_has_as_much_less_clearance_as_it_is_thicker(thin: float, more: float) -> None:
    around = head_with(BALLS)
    one, other = (around.assess(replace(STRAIGHT, radius_mm=radius)) for radius in (thin, thin + more))
    for key in BALLS:
        before, after = (next(c.distance_mm for c in told.clearances if c.key == key) for told in (one, other))
        assert before - after == pytest.approx(more, abs=1e-9)


@settings(max_examples=15)
@given(least=st.lists(st.floats(0, 40), min_size=1, max_size=6), more=st.floats(0, 10), which=st.integers(0, 5))
def test_cost_falls_with_every_clearance_and_stays_within_its_weights(
    least: list[float], more: float, which: int
) -> None:
    around, needed = head_with(), np.zeros(len(least))
    grown = np.array(least)
    grown[which % len(least)] += more
    before, after = (
        float(around.cost(np.array(values), needed, np.float64(10.0), np.float64(60.0)))  # type: ignore[arg-type]
        for values in (least, grown)
    )
    assert after <= before + 1e-12
    assert 0 <= after <= 1
