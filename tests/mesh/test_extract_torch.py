"""The torch net is the CPU net: same vertices, same quads, same order."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from engine.core.grid import Grid
from engine.core.volume import LabelMap
from engine.mesh.extract import extract
from engine.mesh.extract_net import SurfaceNet
from engine.mesh.smooth import DEFAULT_SMOOTHING, NO_SMOOTHING, Smoothing
from engine.mesh.torch_extract import net_tensors
from tests.mesh.extract_shapes import PLACEMENTS, Placement, from_labels, sphere

LABELS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=7), elements=st.integers(0, 3))


def on_torch(
    label_map: LabelMap, labels: Collection[int] | None = None, smoothing: Smoothing = DEFAULT_SMOOTHING
) -> SurfaceNet:
    tensor = torch.from_numpy(np.array(label_map.labels, order="K"))
    return net_tensors(tensor, label_map.grid, labels, smoothing).to_net(label_map.grid)


def check_same(ours: SurfaceNet, other: SurfaceNet) -> None:
    assert np.array_equal(ours.quads, other.quads)
    assert np.array_equal(ours.labels, other.labels)
    assert np.array_equal(ours.sheets, other.sheets)
    assert np.array_equal(ours.voxel_counts, other.voxel_counts)
    assert ours.frame == other.frame
    assert ours.vertices_mm.dtype == other.vertices_mm.dtype == np.float32
    assert np.array_equal(ours.vertices_mm, other.vertices_mm)


@given(labels=LABELS)
@settings(max_examples=60, deadline=None)
def test_random_labels_give_the_same_net(labels: NDArray[np.uint8]) -> None:
    check_same(on_torch(from_labels(labels)), extract(from_labels(labels)))


@pytest.mark.parametrize("placement", PLACEMENTS, ids=str)
def test_shapes_on_oblique_and_mirrored_grids_give_the_same_net(placement: Placement) -> None:
    label_map = placement.label_map((sphere(12), (-11, 0, 0)), (sphere(12), (11, 0, 0)))
    for smoothing in (NO_SMOOTHING, DEFAULT_SMOOTHING):
        check_same(on_torch(label_map, smoothing=smoothing), extract(label_map, smoothing=smoothing))


@pytest.mark.parametrize("labels", [None, (2, 300, 65535)])
def test_sixteen_bit_labels_give_the_same_net(labels: Collection[int] | None) -> None:
    values = np.array((0, 2, 300, 40000, 65535), dtype=np.uint16)
    label_map = from_labels(values[np.random.default_rng(9).integers(0, 5, (12, 13, 14))])
    check_same(on_torch(label_map, labels), extract(label_map, labels=labels))


def test_labels_left_out_count_as_background() -> None:
    label_map = from_labels(np.random.default_rng(10).integers(0, 256, (12, 13, 14)).astype(np.uint8))
    check_same(on_torch(label_map, (1, 7, 255)), extract(label_map, labels=(1, 7, 255)))


def test_a_tensor_on_the_host_is_read_in_place() -> None:
    labels = np.random.default_rng(11).integers(0, 3, (8, 9, 10)).astype(np.uint8)
    plain = from_labels(labels)
    tensor = torch.from_numpy(np.ascontiguousarray(labels.T)).permute(2, 1, 0)
    check_same(extract(LabelMap(plain.grid, tensor, ())), extract(plain))


@pytest.mark.data
def test_a_real_scan_gives_the_same_net(shared_data: Path) -> None:
    import nibabel

    image: Any = nibabel.load(shared_data / "ct" / "abdomen_pelvis_ts_vertebrae.nii.gz")
    labels = np.asfortranarray(np.asarray(image.dataobj).astype(np.uint8))
    matrix_lps = np.diag((-1.0, -1.0, 1.0, 1.0)) @ image.affine
    shape = (labels.shape[0], labels.shape[1], labels.shape[2])
    label_map = LabelMap(Grid.from_matrix(shape, matrix_lps), labels, ())
    check_same(on_torch(label_map), extract(label_map))


@pytest.mark.cuda
def test_a_graphics_card_gives_the_same_net() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    label_map = PLACEMENTS[1].label_map((sphere(20), (-19, 0, 0)), (sphere(20), (19, 0, 0)))
    tensor = torch.from_numpy(np.array(label_map.labels, order="K")).cuda()
    check_same(extract(LabelMap(label_map.grid, tensor, ())), extract(label_map))
