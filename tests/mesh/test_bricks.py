"""Surfaces of an edited label map: at all times those of the whole, made again only where voxels changed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.grid import Grid
from engine.core.volume import LabelMap
from engine.mesh.bricks import BLOCK_CELLS, BRICK_CELLS, BrickNet, Patch
from engine.mesh.extract import extract
from engine.mesh.kernels_smooth import PARTS_PER_VOXEL
from engine.mesh.normals import vertex_normals
from engine.mesh.smooth import NO_SMOOTHING

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


def assert_whole(net: BrickNet, labels: NDArray[np.uint8]) -> None:
    """Quad for quad what a net of all labels would be, every vertex within a thousandth of a voxel."""
    net.settle()
    anew = BrickNet(GRID, labels)
    assert net.bricks == anew.bricks
    for brick in net.bricks:
        ours, theirs = net.cells_of(brick), anew.cells_of(brick)
        for name in ("cells", "quads", "labels", "sheets"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        assert np.abs(ours.offsets.astype(int) - theirs.offsets).max() <= PARTS_PER_VOXEL / 1000


@pytest.mark.parametrize("seed", range(3))
def test_after_any_strokes_the_bricks_together_are_the_surfaces_of_the_whole(seed: int) -> None:
    labels, rng = drawn(seed), np.random.default_rng(100 + seed)
    net = BrickNet(GRID, labels)
    for _ in range(6):
        net.change(labels, *stroke(labels, rng))
    assert_whole(net, labels)


def test_after_many_strokes_in_one_place_vertices_stand_where_they_would() -> None:
    labels, rng = drawn(4), np.random.default_rng(104)
    net = BrickNet(GRID, labels)
    for _ in range(40):
        (i0, j0, k0), (i1, j1, k1) = rng.integers(60, 70, 3).tolist(), rng.integers(72, 80, 3).tolist()
        labels[i0:i1, j0:j1, k0:k1] = rng.integers(0, 5)
        net.change(labels, (i0, j0, k0), (i1, j1, k1))
    assert_whole(net, labels)


def test_bricks_that_were_not_edited_are_the_surfaces_of_the_label_map() -> None:
    labels = drawn(0)
    net = BrickNet(GRID, labels)
    for label, surface in extract(LabelMap(GRID, labels, ())).surfaces().items():
        shown = net.whole(label).surface
        together, whole = (
            np.unique(np.rint(each.vertices_mm[each.faces].mean(axis=1) * 100), axis=0) for each in (shown, surface)
        )
        np.testing.assert_allclose(together, whole, atol=1.01)


Place = tuple[int, int, int]
Looks = dict[tuple[int, Place], NDArray[np.float32]]

#: Half of a step of positions on the wire, for a scan of half a metre: nobody can see less.
SEEN_MM = 0.004


def put(shown: Looks, patch: Patch) -> None:
    """What a client does: blocks of a later patch take the place of those of earlier ones."""
    ends = np.cumsum(patch.counts)
    assert patch.counts.sum() == len(patch.surface.faces)
    for place, start, end in zip(patch.blocks.places.tolist(), ends - patch.counts, ends, strict=True):
        i, j, k = place
        shown.pop((patch.label, (i, j, k)), None)
        if end > start:
            shown[patch.label, (i, j, k)] = patch.surface.vertices_mm[patch.surface.faces[start:end]]


def looks(net: BrickNet) -> Looks:
    """The triangles that each block shows of each structure."""
    shown: Looks = {}
    for label in range(1, 5):
        put(shown, net.whole(label))
    return shown


def differing(a: Looks, b: Looks) -> set[tuple[int, Place]]:
    return {
        key
        for key in a.keys() | b.keys()
        if key not in a or key not in b or a[key].shape != b[key].shape or np.abs(a[key] - b[key]).max() > SEEN_MM
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_change_tells_every_block_that_looks_different_and_few_others(seed: int) -> None:
    labels, rng = drawn(seed), np.random.default_rng(200 + seed)
    net = BrickNet(GRID, labels)
    for _ in range(4):
        before = looks(net)
        patches = net.change(labels, *stroke(labels, rng))
        told = {(patch.label, (i, j, k)) for patch in patches for i, j, k in patch.blocks.places.tolist()}
        changed = differing(before, looks(net))
        assert changed <= told
        # A vertex that moved belongs to quads of the blocks beside it too, whose triangles may stay as they are.
        assert len(told) <= 2 * len(changed) + 8


@pytest.mark.parametrize("seed", range(2))
def test_patches_put_over_what_was_shown_before_are_the_whole(seed: int) -> None:
    labels, rng = drawn(seed), np.random.default_rng(300 + seed)
    net = BrickNet(GRID, labels)
    shown = looks(net)
    for _ in range(5):
        for patch in net.change(labels, *stroke(labels, rng)):
            put(shown, patch)
    assert differing(shown, looks(BrickNet(GRID, labels))) == set()


def test_what_is_erased_whole_beside_something_else_leaves_only_that() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8, order="F")
    labels[30:32, 20:24, 20:24], labels[35:60, 20:40, 20:40] = 1, 2
    net = BrickNet(GRID, labels, smoothing=NO_SMOOTHING)
    labels[30:32, 20:24, 20:24] = 0
    (patch,) = net.change(labels, (30, 20, 20), (32, 24, 24))
    assert (patch.label, patch.surface.triangle_count) == (1, 0)
    assert net.whole(1).surface.triangle_count == 0
    assert net.whole(2).surface.triangle_count > 0


def test_nothing_changed_is_nothing_told() -> None:
    labels = drawn(0)
    net = BrickNet(GRID, labels)
    assert net.change(labels, (20, 20, 20), (60, 60, 60)) == ()


def test_a_patch_has_the_normals_of_the_whole_at_its_rim_too() -> None:
    labels, rng = drawn(1), np.random.default_rng(5)
    net = BrickNet(GRID, labels)
    for patch in net.change(labels, *stroke(labels, rng)):
        whole = extract(LabelMap(GRID, labels, ())).surface(patch.label)
        known: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}  # sheets that touch share a place
        for vertex, normal in zip(whole.vertices_mm, vertex_normals(whole), strict=True):
            known.setdefault(tuple(np.rint(vertex * 1000).astype(int)), []).append(normal)
        found = [
            min(np.abs(each - normal).max() for each in known[key])
            for vertex, normal in zip(patch.surface.vertices_mm, patch.normals, strict=True)
            if (key := tuple(np.rint(vertex * 1000).astype(int))) in known
        ]
        assert len(found) > 0.9 * len(patch.normals)
        assert max(found) < 1e-2


def test_labels_that_are_left_out_are_background() -> None:
    labels = drawn(2)
    net = BrickNet(GRID, labels, kept=[1, 3])
    assert [len(net.whole(label).surface.faces) > 0 for label in range(1, 5)] == [True, False, True, False]
    assert BRICK_CELLS % BLOCK_CELLS == 0
