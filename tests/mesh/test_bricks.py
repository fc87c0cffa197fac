"""Surfaces of an edited label map: at all times those of the whole, made again only where voxels changed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.grid import Grid
from engine.core.volume import LabelMap
from engine.mesh.bricks import BRICK_CELLS, BrickNet
from engine.mesh.extract import extract
from engine.mesh.normals import vertex_normals

SHAPE = (150, 140, 100)
GRID = Grid.centred(SHAPE, (0.8, 0.7, 1.1), "2.25.4")


def drawn(seed: int) -> NDArray[np.uint8]:
    """Overlapping balls of four labels, some touching the border."""
    rng = np.random.default_rng(seed)
    index = np.indices(SHAPE).transpose(1, 2, 3, 0)
    labels = np.zeros(SHAPE, dtype=np.uint8, order="F")
    for n in range(9):
        centre, radius = rng.uniform(0, SHAPE), rng.uniform(8, 35)
        labels[((index - centre) ** 2).sum(axis=-1) < radius**2] = n % 4 + 1
    return labels


def stroke(labels: NDArray[np.uint8], rng: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """A ball painted or erased somewhere; returns the box of voxels it may have changed."""
    centre, radius = rng.integers(0, SHAPE), int(rng.integers(2, 12))
    low, high = np.maximum(centre - radius, 0), np.minimum(centre + radius + 1, SHAPE)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    index = np.indices(tuple(int(n) for n in high - low)).transpose(1, 2, 3, 0) + low
    labels[box][((index - centre) ** 2).sum(axis=-1) <= radius**2] = rng.integers(0, 5)
    return (int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2]))


def corners(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.int64]:
    """Triangles as sorted rows of rounded positions (0.001 mm), each beginning at its least corner."""
    points = np.rint(vertices[faces].astype(np.float64) * 1000).astype(np.int64)
    least = np.lexsort(points.transpose(2, 0, 1)[::-1], axis=1)[:, 0]
    turned = np.stack([points[np.arange(len(points)), (least + n) % 3] for n in range(3)], axis=1).reshape(-1, 9)
    return turned[np.lexsort(turned.T[::-1])]


def assert_whole(net: BrickNet, labels: NDArray[np.uint8]) -> None:
    for label, surface in extract(LabelMap(GRID, labels, ())).surfaces().items():
        patches = [patch for brick in net.bricks if (patch := net.patch(brick, label)) is not None]
        together = np.concatenate([corners(p.surface.vertices_mm, p.surface.faces) for p in patches])
        together = together[np.lexsort(together.T[::-1])]
        whole = corners(surface.vertices_mm, surface.faces)
        assert together.shape == whole.shape
        assert np.abs(together - whole).max() <= 1  # float32 rounds either way


@pytest.mark.parametrize("seed", range(3))
def test_after_any_strokes_the_bricks_together_are_the_surfaces_of_the_whole(seed: int) -> None:
    labels, rng = drawn(seed), np.random.default_rng(100 + seed)
    net = BrickNet(GRID, labels)
    assert_whole(net, labels)
    for _ in range(6):
        net.change(labels, *stroke(labels, rng))
    assert_whole(net, labels)


@pytest.mark.parametrize("seed", range(3))
def test_a_change_tells_every_brick_that_looks_different_and_no_other(seed: int) -> None:
    labels, rng = drawn(seed), np.random.default_rng(200 + seed)
    net = BrickNet(GRID, labels)

    def looks() -> dict[tuple[tuple[int, int, int], int], bytes]:
        return {
            (brick, label): patch.surface.vertices_mm.tobytes() + patch.surface.faces.tobytes()
            for brick in net.bricks
            for label in net.labels_of(brick)
            if (patch := net.patch(brick, label)) is not None
        }

    for _ in range(4):
        before = looks()
        told = set(net.change(labels, *stroke(labels, rng)))
        after = looks()
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        assert changed <= told
        assert len(told) < len(before.keys() | after.keys())


def test_nothing_changed_is_nothing_told() -> None:
    labels = drawn(0)
    net = BrickNet(GRID, labels)
    assert net.change(labels, (20, 20, 20), (60, 60, 60)) == ()


def test_neighbouring_bricks_share_their_normals_at_the_seam() -> None:
    labels = drawn(1)
    net = BrickNet(GRID, labels)
    whole = extract(LabelMap(GRID, labels, ())).surface(2)
    known = {
        tuple(np.rint(v * 1000).astype(int)): n for v, n in zip(whole.vertices_mm, vertex_normals(whole), strict=True)
    }
    worst = 0.0
    for brick in net.bricks:
        patch = net.patch(brick, 2)
        if patch is None:
            continue
        for vertex, normal in zip(patch.surface.vertices_mm, patch.normals, strict=True):
            found = known.get(tuple(np.rint(vertex * 1000).astype(int)))
            if found is not None:
                worst = max(worst, float(np.abs(found - normal).max()))
    assert worst < 1e-2


def test_labels_that_are_left_out_are_background() -> None:
    labels = drawn(2)
    net = BrickNet(GRID, labels, kept=[1, 3])
    assert {label for brick in net.bricks for label in net.labels_of(brick)} <= {1, 3}
    assert BRICK_CELLS == 64
