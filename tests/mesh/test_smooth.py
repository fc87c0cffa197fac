"""Smoothing: the same for any tiling, grid and neighbourhood; flat stays flat; volumes stay."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.array import Float32
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.volume import LabelMap
from engine.mesh.extract import extract
from engine.mesh.kernels_slabs import Slabs
from engine.mesh.kernels_smooth import PARTS_PER_VOXEL
from engine.mesh.normals import vertex_normals
from engine.mesh.smooth import NO_SMOOTHING, Smoothing, smooth
from tests.mesh.extract_shapes import from_labels, rotation


def ball(size: int, radius: float) -> NDArray[np.uint8]:
    """A ball as label 1, off the centre of its cube."""
    centre = size / 2 + np.array((0.1, -0.2, 0.3))
    indices = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1)
    labels: NDArray[np.uint8] = (np.linalg.norm(indices - centre, axis=-1) < radius).astype(np.uint8)
    return labels


def by_definition(labels: NDArray[np.uint8], smoothing: Smoothing) -> Float32:
    """Vertices in voxels, smoothed with one list of neighbours a vertex, as the docstring words it."""
    net = extract(from_labels(labels), smoothing=NO_SMOOTHING)
    edges = np.concatenate([net.quads[:, [n, (n + 1) % 4]] for n in range(4)])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    centres = net.vertices_mm.astype(np.float64)
    points = centres.copy()
    for step in smoothing.steps:
        total, count = np.zeros_like(points), np.zeros(len(points))
        np.add.at(total, edges[:, 0], points[edges[:, 1]])
        np.add.at(count, edges[:, 0], 1)
        points += step * (total / count[:, None] - points)
        points = np.clip(points, centres - smoothing.reach_voxels, centres + smoothing.reach_voxels)
    return points.astype(np.float32)


@pytest.mark.parametrize(
    "smoothing", [Smoothing(), Smoothing(iterations=2), Smoothing(reach_voxels=0.2, step=0.4)], ids=repr
)
def test_every_vertex_moves_towards_the_mean_of_its_neighbours_within_its_reach(smoothing: Smoothing) -> None:
    labels = np.random.default_rng(4).integers(0, 3, (11, 12, 13)).astype(np.uint8)
    labels[2:9, 2:9, 2:9] = ball(7, 3.2)
    found = extract(from_labels(labels), smoothing=smoothing).vertices_mm
    assert found == pytest.approx(by_definition(labels, smoothing), abs=2e-4)


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("depth", [3, 40, 90])
def test_result_does_not_depend_on_the_number_of_threads(threads: int, depth: int) -> None:
    # One chain of cells, three in a slice, as smooth() gets it: links along y and z.
    count, rng = 3 * depth, np.random.default_rng(5)
    links = np.full((count, 4), count, dtype=np.uint32)
    links[3:, 2], links[:-3, 3] = np.arange(count - 3), np.arange(3, count)
    masks = (np.where(links[:, 2] < count, 16, 0) | np.where(links[:, 3] < count, 32, 0)).astype(np.uint8)
    sideways = np.arange(count) % 3 < 2
    chosen = sideways & (rng.random(count) < 0.7)
    links[chosen, 1] = np.flatnonzero(chosen) + 1
    masks[chosen] |= 8
    heads = np.arange(0, count + 1, 3)
    with Slabs(1) as one, Slabs(threads) as many:
        alone, shared = (smooth(heads, links, masks, Smoothing(), slabs) for slabs in (one, many))
    assert np.abs(alone).max() > 0.1 * PARTS_PER_VOXEL
    assert np.array_equal(alone, shared)


def test_smoothing_commutes_with_the_grid() -> None:
    labels = np.asfortranarray(ball(20, 7))
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(6) @ np.array([[0.5, 0.1, 0], [0, 1.5, 0], [0, 0.3, 3.0]])
    matrix[:3, 3] = (30, -40, 50)
    grid = Grid.from_matrix((20, 20, 20), matrix)
    plain = extract(LabelMap(Grid.from_matrix((20, 20, 20), np.eye(4)), labels, ()))
    skewed = extract(LabelMap(grid, labels, ()))
    assert skewed.vertices_mm == pytest.approx(grid.patient_from_voxel.apply(plain.vertices_mm), abs=1e-4)


def test_part_of_a_volume_is_smoothed_as_in_the_whole() -> None:
    labels = np.random.default_rng(7).integers(0, 2, (60, 60, 60)).astype(np.uint8) * ball(60, 27)
    smoothing = Smoothing(iterations=6)
    whole_grid = Grid.from_matrix((60, 60, 60), np.eye(4))
    whole = extract(LabelMap(whole_grid, np.asfortranarray(labels), ()), smoothing=smoothing).vertices_mm
    halo = smoothing.iterations + 2
    low, size = 20 - halo, 16 + 2 * halo
    part_labels = np.asfortranarray(labels[low : low + size, low : low + size, low : low + size])
    part_grid = whole_grid.cropped((low, low, low), (size, size, size))
    part = extract(LabelMap(part_grid, part_labels, ()), smoothing=smoothing).vertices_mm
    inside_whole, inside_part = (v[((v > 20) & (v < 36)).all(axis=1)] for v in (whole, part))
    assert len(inside_whole) > 1000
    assert inside_part == pytest.approx(inside_whole, abs=1e-5)


def test_flat_walls_stay_flat_and_still() -> None:
    labels = np.zeros((70, 40, 40), dtype=np.uint8)
    labels[:, :, 20:] = 1
    vertices = extract(from_labels(labels)).vertices_mm
    middle = vertices[(np.abs(vertices[:, :2]) < 2).all(axis=1) & (np.abs(vertices[:, 2]) < 5)]
    assert len(middle) == 9
    assert middle[:, 2] == pytest.approx(np.zeros(9), abs=1e-6)


def test_smoothing_makes_a_ball_rounder_and_keeps_its_volume() -> None:
    label_map = from_labels(ball(50, 20))
    centre = np.full(3, 0.5) + np.array((0.1, -0.2, 0.3))
    spread, turn = [], []
    for iterations in (0, 8, 16):
        net = extract(label_map, smoothing=Smoothing(iterations=iterations))
        surface = net.surface(1)
        assert abs(net.volume_change(1, surface)) < 0.005
        out = surface.vertices_mm - centre
        distance = np.linalg.norm(out, axis=1)
        spread.append(distance.std())
        cosine = (vertex_normals(surface) * out).sum(axis=1) / distance
        turn.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())
    assert spread[0] > 2 * spread[1] > 2.4 * spread[2]
    assert turn[0] > turn[1] > turn[2]
    assert turn[2] < 8


def test_single_voxel_stays_a_closed_body_within_reach() -> None:
    labels = np.zeros((3, 3, 3), dtype=np.uint8)
    labels[1, 1, 1] = 1
    net = extract(from_labels(labels))
    surface = net.surface(1)
    assert surface.is_closed()
    assert 0 < surface.volume_mm3 < 8
    assert net.volume_change(1, surface) == pytest.approx(surface.volume_mm3 - 1)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"iterations": 3}, "even number"),
        ({"iterations": -2}, "even number"),
        ({"reach_voxels": 0.6}, "half a voxel"),
        ({"reach_voxels": 0.0}, "half a voxel"),
        ({"step": 1.0}, "between 0 and 1"),
        ({"pass_band": 0.0}, "pass band"),
        ({"step": 0.8}, "ripples grow"),
    ],
)
def test_parameters_that_cannot_work_are_refused(parameters: dict[str, float], reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason):
        Smoothing(**parameters)  # type: ignore[arg-type]  # iterations is an int in the cases above
