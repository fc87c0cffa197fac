"""Surface nets: exact on voxels, true on shapes, closed and two-manifold on anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from engine.core.errors import Cancelled, InvalidValue
from engine.core.grid import Grid
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.mesh.extract import extract, warm_up
from engine.mesh.extract_grid import check_counts
from engine.mesh.extract_net import SurfaceNet
from engine.mesh.kernels_net import stitch
from engine.mesh.smooth import NO_SMOOTHING
from tests.mesh.extract_shapes import (
    PLACEMENTS,
    Placement,
    Shape,
    ellipsoid,
    from_labels,
    shell,
    sphere,
    torus,
)

SHAPES = (sphere(20), ellipsoid(20, 26, 31), torus(34, 20), shell(24, 20))
LABELS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 3))


def as_trimesh(surface: Surface) -> trimesh.Trimesh:
    return trimesh.Trimesh(surface.vertices_mm, surface.faces, process=False)


def check_sound(net: SurfaceNet) -> None:
    """Every surface closed, oriented, two-manifold; every vertex used, with a single fan of faces."""
    for label, surface in net.surfaces().items():
        assert surface.is_closed(), f"label {label}"
        mesh = as_trimesh(surface)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        check_fans(surface)


def check_fans(surface: Surface) -> None:
    """The faces round each vertex form one ring: walking from edge to edge meets all of them."""
    onward: dict[int, dict[int, int]] = {}
    for a, b, c in surface.faces.tolist():
        for at, to, then in ((a, b, c), (b, c, a), (c, a, b)):
            onward.setdefault(at, {})[to] = then
    assert sorted(onward) == list(range(len(surface.vertices_mm)))
    for ring in onward.values():
        start = next(iter(ring))
        reached, length = ring[start], 1
        while reached != start:
            reached, length = ring[reached], length + 1
        assert length == len(ring)


def boundary(net: SurfaceNet, label: int, other: int) -> set[tuple[tuple[float, ...], ...]]:
    """Triangles of the surface of `label` whose quads part it from `other`, as sets of points."""
    surface = net.surface(label)
    rows = np.flatnonzero((net.labels == label).any(axis=1))
    shared = np.repeat((net.labels[rows] == other).any(axis=1), 2)
    return {tuple(sorted(map(tuple, surface.vertices_mm[face].tolist()))) for face in surface.faces[shared]}


class TestShapes:
    @pytest.mark.parametrize("placement", PLACEMENTS, ids=str)
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_surface_is_true_on_oblique_anisotropic_and_mirrored_grids(
        self, shape: Shape, placement: Placement
    ) -> None:
        net = extract(placement.label_map((shape, (0, 0, 0))))
        surface = net.surface(1)
        volume_mm3 = shape.volume * net.voxel_volume_mm3
        errors = np.abs(shape.distance(placement.in_voxels(surface.vertices_mm)))
        assert abs(surface.volume_mm3 / volume_mm3 - 1) < 0.005
        assert abs(net.volume_change(1, surface)) < 0.005
        assert np.percentile(errors, 95) < 0.35
        assert errors.max() < 0.9
        assert as_trimesh(surface).euler_number == shape.euler
        check_sound(net)

    @pytest.mark.parametrize("placement", PLACEMENTS, ids=str)
    def test_two_spheres_that_touch_share_their_boundary_and_nothing_else(self, placement: Placement) -> None:
        # They overlap by two voxels, so that they touch along a disc: the second takes the lens from the first.
        net = extract(placement.label_map((sphere(20), (-19, 0, 0)), (sphere(20), (19, 0, 0))))
        first, second = net.surfaces().values()
        check_sound(net)
        assert boundary(net, 1, 2) == boundary(net, 2, 1) != set()
        assert as_trimesh(first).euler_number == as_trimesh(second).euler_number == 2
        exact = sphere(20).volume * net.voxel_volume_mm3
        lens = np.pi * 2**2 * (60 - 2) / 12 * net.voxel_volume_mm3
        assert abs((first.volume_mm3 + second.volume_mm3) / (2 * exact - lens) - 1) < 0.005


class TestVoxels:
    @given(labels=LABELS)
    @settings(max_examples=60, deadline=None)
    def test_random_labels_give_closed_two_manifold_surfaces_of_exactly_their_voxels(
        self, labels: NDArray[np.uint8]
    ) -> None:
        net = extract(from_labels(labels), smoothing=NO_SMOOTHING)
        check_sound(net)
        assert net.present == tuple(int(label) for label in np.unique(labels[labels > 0]))
        for label in net.present:
            count = int((labels == label).sum())
            assert net.voxel_counts[label] == count
            assert net.voxel_volume_of(label) == pytest.approx(count)
            assert net.surface(label).volume_mm3 == pytest.approx(count, abs=1e-3)

    @given(labels=LABELS)
    @settings(max_examples=30, deadline=None)
    def test_smoothing_leaves_topology_and_keeps_vertices_in_their_cells(self, labels: NDArray[np.uint8]) -> None:
        blocks, smoothed = extract(from_labels(labels), smoothing=NO_SMOOTHING), extract(from_labels(labels))
        assert np.array_equal(blocks.quads, smoothed.quads)
        assert np.array_equal(blocks.sheets, smoothed.sheets)
        if len(blocks.vertices_mm):
            assert np.abs(blocks.vertices_mm - smoothed.vertices_mm).max() <= 0.5 + 1e-5

    @given(labels=LABELS)
    @settings(max_examples=30, deadline=None)
    def test_neighbours_share_the_very_same_triangles(self, labels: NDArray[np.uint8]) -> None:
        net = extract(from_labels(labels))
        for label in net.present:
            for other in net.present:
                assert boundary(net, label, other) == boundary(net, other, label)

    def test_every_arrangement_of_a_cell_and_its_neighbour_is_two_manifold(self) -> None:
        # All masks of twelve voxels, two cells that share a face, each alone in a block of 4 x 4 x 5: 4096 blocks.
        masks = np.arange(4096)
        blocks = np.zeros((64, 64, 4, 4, 5), dtype=np.uint8)
        blocks[:, :, 1:3, 1:3, 1:4] = (masks[:, None] >> np.arange(12) & 1).reshape(64, 64, 2, 2, 3)
        labels = blocks.transpose(0, 2, 1, 3, 4).reshape(256, 256, 5)
        surface = extract(from_labels(labels), smoothing=NO_SMOOTHING).surface(1)
        assert surface.is_closed()
        check_fans(surface)
        # The complement meets the same pairs of cells from the other side.
        surface = extract(from_labels(1 - labels), smoothing=NO_SMOOTHING).surface(1)
        assert surface.is_closed()
        check_fans(surface)

    def test_checkerboard_is_one_closed_box_a_voxel(self) -> None:
        labels = (np.indices((6, 5, 4)).sum(axis=0) % 2).astype(np.uint8)
        net = extract(from_labels(labels), smoothing=NO_SMOOTHING)
        surface = net.surface(1)
        check_sound(net)
        assert as_trimesh(surface).body_count == 60
        assert len(surface.vertices_mm) == 60 * 8

    def test_full_volume_is_closed_at_its_border(self) -> None:
        net = extract(from_labels(np.full((3, 4, 5), 7, dtype=np.uint8), 2.0), smoothing=NO_SMOOTHING)
        surface = net.surface(7)
        check_sound(net)
        assert surface.volume_mm3 == pytest.approx(60 * 8)
        assert surface.area_mm2 == pytest.approx((2 * (12 + 15 + 20)) * 4)
        assert as_trimesh(surface).bounds == pytest.approx(np.array([[-3, -4, -5], [3, 4, 5]]))

    @pytest.mark.parametrize(
        "shape", [(1, 1, 1), (1, 64, 1), (62, 1, 1), (63, 2, 2), (64, 2, 1), (65, 1, 3), (130, 3, 2)]
    )
    def test_rows_of_any_length_are_complete(self, shape: tuple[int, int, int]) -> None:
        # Words hold 64 cells: lengths about that border each of its sides.
        labels = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
        net = extract(from_labels(labels), smoothing=NO_SMOOTHING)
        check_sound(net)
        for label in net.present:
            assert net.surface(label).volume_mm3 == pytest.approx((labels == label).sum(), rel=1e-4)

    def test_quads_face_the_outside_label_which_is_the_lesser(self) -> None:
        labels = np.zeros((2, 1, 1), dtype=np.uint8)
        labels[:, 0, 0] = (5, 9)
        net = extract(from_labels(labels), smoothing=NO_SMOOTHING)
        between = net.quads[(net.labels == (9, 5)).all(axis=1)]
        assert (net.labels[:, 0] > net.labels[:, 1]).all()
        assert len(between) == 1
        a, b, c = net.vertices_mm[between[0, :3]]
        assert np.cross(b - a, c - b) == pytest.approx((-1, 0, 0))

    def test_empty_label_map_gives_an_empty_net(self) -> None:
        net = extract(from_labels(np.zeros((4, 4, 4), dtype=np.uint8)))
        assert net.present == ()
        assert net.surfaces() == {}
        assert net.quads.shape == (0, 4)

    def test_triangles_of_the_net_split_every_quad(self) -> None:
        net = extract(from_labels(np.ones((1, 1, 1), dtype=np.uint8)))
        assert Surface(net.frame, net.vertices_mm, net.triangles()).is_closed()


class TestLabels:
    def test_labels_left_out_count_as_background(self) -> None:
        labels = np.random.default_rng(1).integers(0, 6, (20, 21, 22)).astype(np.uint8)
        chosen = extract(from_labels(labels), labels=(2, 5))
        alone = extract(from_labels(np.where(np.isin(labels, (2, 5)), labels, 0).astype(np.uint8)))
        assert chosen.present == (2, 5)
        assert np.array_equal(chosen.quads, alone.quads)
        assert np.array_equal(chosen.sheets, alone.sheets)
        assert np.array_equal(chosen.vertices_mm, alone.vertices_mm)

    def test_sixteen_bit_labels_give_the_same_net(self) -> None:
        labels = np.random.default_rng(2).integers(0, 5, (17, 18, 19)).astype(np.uint8)
        wide = np.array((0, 300, 1000, 40000, 65535), dtype=np.uint16)[labels]
        narrow_net, wide_net = extract(from_labels(labels)), extract(from_labels(wide))
        assert wide_net.present == (300, 1000, 40000, 65535)
        assert np.array_equal(wide_net.quads, narrow_net.quads)
        assert np.array_equal(wide_net.vertices_mm, narrow_net.vertices_mm)
        assert np.array_equal(wide_net.surface(40000).faces, narrow_net.surface(3).faces)

    def test_any_memory_order_gives_the_same_net(self) -> None:
        labels = np.random.default_rng(3).integers(0, 3, (9, 10, 11)).astype(np.uint8)
        grid = Grid.centred(labels.shape, 1.0)
        rows, columns = (extract(LabelMap(grid, np.array(labels, order=order), ())) for order in ("C", "F"))
        assert np.array_equal(rows.vertices_mm, columns.vertices_mm)
        assert np.array_equal(rows.quads, columns.quads)

    def test_label_without_voxels_is_refused_with_those_there_are(self) -> None:
        net = extract(from_labels(np.full((2, 2, 2), 3, dtype=np.uint8)))
        with pytest.raises(InvalidValue, match=r"label 4 has no voxel; there are \(3,\)"):
            net.surface(4)

    def test_label_that_the_map_cannot_hold_is_refused(self) -> None:
        with pytest.raises(InvalidValue, match="1 to 255, got 256"):
            extract(from_labels(np.zeros((2, 2, 2), dtype=np.uint8)), labels=(256,))

    def test_background_cannot_be_kept(self) -> None:
        with pytest.raises(InvalidValue, match="got 0"):
            extract(from_labels(np.zeros((2, 2, 2), dtype=np.uint8)), labels=(0,))


def test_cancelling_stops_the_extraction() -> None:
    def stop(fraction: float, stage: str) -> None:
        if fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        extract(from_labels(np.ones((4, 4, 4), dtype=np.uint8)), progress=stop)


@pytest.mark.data
def test_every_structure_of_a_real_brain_is_closed_and_true_to_its_voxels(shared_data: Path) -> None:
    import nibabel

    path = shared_data / "mri" / "t1_defaced_conformed256_meshnet18_output.nii.gz"
    image: Any = nibabel.load(path)
    labels = np.asfortranarray(np.asarray(image.dataobj).astype(np.uint8))
    net = extract(from_labels(labels))
    for label, surface in net.surfaces().items():
        assert surface.is_closed()
        assert as_trimesh(surface).is_winding_consistent
        assert net.voxel_counts[label] == (labels == label).sum()
        assert abs(net.volume_change(label, surface)) < 0.03


@pytest.mark.parametrize("counts", [(2**30 + 1, 0), (0, 2**31)])
def test_a_net_that_int32_cannot_index_is_refused(counts: tuple[int, int]) -> None:
    check_counts(2**30, 2**31 - 1)
    with pytest.raises(InvalidValue, match="Smooth or crop"):
        check_counts(*counts)


def test_warming_up_leaves_nothing_to_compile() -> None:
    warm_up()
    before = len(stitch.signatures)  # type: ignore[attr-defined]  # numba's dispatcher
    extract(from_labels(np.ones((3, 3, 3), dtype=np.uint8))).surfaces()
    assert len(stitch.signatures) == before  # type: ignore[attr-defined]
