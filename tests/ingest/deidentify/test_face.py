"""Faces: found in heads that have one, gone after removal, and nothing inside the skull changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from engine.core.array import Float64
from engine.core.volume import Volume
from engine.ingest.deidentify.face import FacePlane, Looked, find_face
from engine.ingest.open import read_volume, take_inventory
from engine.ingest.phantom.make import Phantom, make_phantom

TIP_OF_NOSE, CHIN, LIPS, EYE = (0.0, -118.0, -34.0), (0.0, -86.0, -100.0), (0.0, -100.0, -70.0), (33.0, -80.0, -8.0)
#: What lies in the skull. The optic nerve is white matter too, and is not in it: only the largest piece counts.
INSIDE = ("grey_matter", "white_matter", "csf", "tumour", "oedema")


def places_mm(volume: Volume) -> Float64:
    """(ni, nj, nk, 3)."""
    voxels = np.stack(np.meshgrid(*map(np.arange, volume.grid.shape), indexing="ij"), axis=-1)
    matrix = np.asarray(volume.grid.patient_from_voxel.matrix)
    return np.asarray(voxels @ matrix[:3, :3].T + matrix[:3, 3])


@pytest.fixture(scope="module", params=["head_ct", "head"])
def head(request: pytest.FixtureRequest) -> Phantom:
    return make_phantom(request.param, size="small", seed=3)


def plane_of(volume: Volume) -> FacePlane:
    found = find_face(volume)
    assert isinstance(found, FacePlane)
    return found


def test_nothing_inside_the_skull_lies_before_the_plane(head: Phantom) -> None:
    labels = np.asarray(head.label_map.labels)
    wanted = [label for key in INSIDE for s in head.label_map.structures if s.key == key for label in s.labels]
    pieces, _ = ndimage.label(np.isin(labels, wanted))
    inside = pieces == 1 + int(np.bincount(pieces.reshape(-1))[1:].argmax())
    assert np.count_nonzero(inside) * head.volume.grid.voxel_volume_mm3 > 1e6
    assert float(plane_of(head.volume).before_mm(places_mm(head.volume))[inside].max()) < -2.0


def test_nose_lips_eyes_and_chin_lie_before_the_plane(head: Phantom) -> None:
    plane = plane_of(head.volume)
    assert all(plane.before_mm(np.array(place)) > 0 for place in (TIP_OF_NOSE, CHIN, LIPS, EYE))


def test_a_head_without_its_face_has_none(head: Phantom) -> None:
    samples = np.array(head.volume.samples)
    samples[plane_of(head.volume).before_mm(places_mm(head.volume)) > 0] = samples.min()
    assert find_face(head.volume.with_samples(samples)) is Looked.NO_FACE


@pytest.mark.slow
@pytest.mark.parametrize("turn_deg", [(12.0, 0.0, 0.0), (-12.0, 5.0, 10.0)])
def test_of_a_head_that_is_turned_the_brain_stays_whole_and_the_nose_goes(turn_deg: tuple[float, float, float]) -> None:
    head = make_phantom("head_ct", size="small", seed=3)
    x, y, z = np.deg2rad(turn_deg)
    about = {0: x, 1: y, 2: z}
    turn = np.eye(4)
    for axis, angle in about.items():
        one = np.eye(4)
        a, b = [n for n in range(3) if n != axis]
        one[a, a] = one[b, b] = np.cos(angle)
        one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
        turn = one @ turn
    grid = head.volume.grid
    matrix = turn @ np.asarray(grid.patient_from_voxel.matrix)
    turned = replace(grid, patient_from_voxel=replace(grid.patient_from_voxel, matrix=matrix))
    volume = replace(head.volume, grid=turned)
    plane = plane_of(volume)
    brain = ndimage.binary_opening(
        np.isin(np.asarray(head.label_map.labels), head.label_map.structure("grey_matter").labels)
    )
    assert float(plane.before_mm(places_mm(volume))[brain].max()) < 0
    assert plane.before_mm(turn[:3, :3] @ np.array(TIP_OF_NOSE)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["thorax", "abdomen"])
def test_a_trunk_has_no_face(name: str) -> None:
    assert find_face(make_phantom(name, size="small").volume) is Looked.NO_FACE


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("dicom/ct_head_ge_tilt_irregular", Looked.NO_FACE),  # cut off below the brain before it was published
        ("mri/t1_seg3d.nii.gz", Looked.NO_FACE),
        ("ct/abdomen_pelvis_ts.nii.gz", Looked.NO_FACE),
        ("ct/chest_lidc0314_1p5mm.nii.gz", Looked.NO_FACE),
    ],
)
@pytest.mark.slow
def test_real_scans_without_a_face_have_none(shared_data: Path, path: str, seen: Looked) -> None:
    info = take_inventory([shared_data / path]).series[0]
    assert find_face(read_volume(info).value) is seen


@pytest.mark.slow
def test_the_jaw_that_an_owner_left_of_a_real_face_is_found(shared_data: Path) -> None:
    volume = read_volume(take_inventory([shared_data / "dicom" / "mr_t1_defaced_deflated"]).series[0]).value
    assert isinstance(find_face(volume), FacePlane)
