"""Segmentations: read back voxel for voxel by our reader and by highdicom, and judged by dciodvfy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest

from engine.core.anatomy import ANATOMY
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import VOXEL
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.structure import Provenance, Structure
from engine.core.transform import Transform
from engine.core.volume import LabelMap, Volume
from engine.export.dicom.meaning import algorithm_type, cielab
from engine.export.dicom.part10 import save
from engine.export.dicom.segmentation import Kind, segmentation
from engine.export.dicom.source import Source
from engine.ingest.dicom.object import colour_of_cielab
from engine.ingest.dicom.segmentation_object import read_segmentation, separate
from tests.export.scans import OBLIQUE, SHAPE, complaints, drawn, masks, opened, scan, stamp
from tests.ingest.dicom_writer import AXIAL

WAYS: dict[str, dict[str, Any]] = {
    "axial": {"orientation": AXIAL},
    "oblique": {"orientation": OBLIQUE},
    "slices counted downwards": {"orientation": OBLIQUE, "flipped": True},
    "turned": {"orientation": [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Volume, Source]:
    return opened(scan(tmp_path_factory.mktemp("scan"), OBLIQUE))


@pytest.mark.parametrize("way", WAYS)
def test_every_structure_comes_back_whole_however_the_slices_lie(way: str, tmp_path: Path) -> None:
    volume, source = opened(scan(tmp_path / "scan", **WAYS[way]))
    label_map = drawn(volume.grid)
    path = save(segmentation([label_map], source, stamp()), tmp_path / "seg.dcm")
    wanted = masks(label_map)
    found = {one.structures[0].name: one for one in separate(path)}
    assert list(found) == list(wanted)
    read = read_segmentation(path, volume, silent).value
    assert np.array_equal(np.asarray(read.labels), np.asarray(label_map.labels))
    for name, mask in wanted.items():
        assert np.count_nonzero(np.asarray(found[name].labels)) == np.count_nonzero(mask)


@pytest.mark.parametrize("way", ["slices counted downwards", "turned"])
def test_highdicom_finds_the_same_voxels_in_the_same_places(way: str, tmp_path: Path) -> None:
    volume, source = opened(scan(tmp_path / "scan", **WAYS[way]))
    label_map = drawn(volume.grid)
    path = save(segmentation([label_map], source, stamp()), tmp_path / "seg.dcm")
    read: Any = highdicom.seg.segread(path)
    for number, mask in enumerate(masks(label_map).values(), 1):
        theirs: Any = read.get_volume(segment_numbers=[number], combine_segments=True)
        at = np.argwhere(theirs.array > 0)
        places = theirs.map_indices_to_reference(at)
        voxels = volume.grid.patient_from_voxel.inverse.apply(places)
        assert np.abs(voxels - np.rint(voxels)).max() < 1e-3
        ours = np.zeros(SHAPE, np.bool_)
        ours[tuple(np.rint(voxels).astype(int).T)] = True
        assert np.array_equal(ours, mask)


def test_each_frame_names_the_slice_that_it_was_made_on(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    found = pydicom.dcmread(save(segmentation([drawn(volume.grid)], source, stamp()), tmp_path / "seg.dcm"))
    place = {one.sop_instance_uid: one.position_mm for one in source.slices}
    for groups in found.PerFrameFunctionalGroupsSequence:
        (image,) = groups.DerivationImageSequence[0].SourceImageSequence
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        assert image.SpatialLocationsPreserved == "YES"
        assert np.abs(place[image.ReferencedSOPInstanceUID] - position).max() < 0.01


def test_labels_between_the_slices_name_none_and_labels_of_part_of_the_pixels_say_so(
    study: tuple[Volume, Source], tmp_path: Path
) -> None:
    volume, source = study
    between = volume.grid.patient_from_voxel.matrix.copy()
    between[:3, 3] += between[:3, 2] / 2
    part = volume.grid.cropped((1, 0, 0), (SHAPE[0] - 1, SHAPE[1], SHAPE[2]))
    for grid, count, kept in ((Grid(SHAPE, Transform(volume.grid.frame, VOXEL, between)), 0, ""), (part, 1, "NO")):
        found = segmentation([drawn(grid)], source, stamp())
        for groups in found.PerFrameFunctionalGroupsSequence:
            assert len(groups.DerivationImageSequence) == count
            for derived in groups.DerivationImageSequence:
                assert derived.SourceImageSequence[0].SpatialLocationsPreserved == kept


def test_a_label_map_segmentation_is_read_by_ours_and_by_highdicom(
    study: tuple[Volume, Source], tmp_path: Path
) -> None:
    volume, source = study
    label_map = drawn(volume.grid)
    path = save(segmentation([label_map], source, stamp(), Kind.LABELMAP), tmp_path / "seg.dcm")
    assert np.array_equal(
        np.asarray(read_segmentation(path, volume, silent).value.labels), np.asarray(label_map.labels)
    )
    theirs: Any = highdicom.seg.segread(path)
    assert theirs.get_volume(combine_segments=True).array.max() == 3
    body = theirs.SegmentSequence[1]
    assert "Without what it includes" in body.SegmentDescription


def test_dciodvfy_finds_no_fault(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    margin = LabelMap(
        volume.grid,
        np.where(np.asarray(drawn(volume.grid).labels) == 1, 9, 0).astype(np.uint8),
        (Structure(9, "margin_5mm", "5 mm margin", None, (1, 2, 3)),),
    )
    assert complaints(save(segmentation([drawn(volume.grid), margin], source, stamp()), tmp_path / "s.dcm")) == []


def test_margins_overlap_what_they_are_round(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    tumour = drawn(volume.grid)
    everything = LabelMap(
        volume.grid, np.full(SHAPE, 1, np.uint8, order="F"), (Structure(1, "margin", "Margin", None, (1, 2, 3)),)
    )
    found = segmentation([tumour, everything], source, stamp())
    assert found.SegmentsOverlap == "YES"
    (margin,) = [one for one in found.SegmentSequence if one.SegmentLabel == "Margin"]
    assert margin.SegmentedPropertyTypeCodeSequence[0].CodeValue == "MARGIN"
    maps = separate(save(found, tmp_path / "seg.dcm"))
    assert np.count_nonzero(np.asarray(maps[-1].labels)) == np.prod(SHAPE)


def test_codes_sides_colours_and_how_it_was_found_are_said(study: tuple[Volume, Source]) -> None:
    volume, source = study
    body, tumour, lung = segmentation([drawn(volume.grid)], source, stamp()).SegmentSequence
    assert (tumour.SegmentedPropertyTypeCodeSequence[0].CodeValue, tumour.SegmentLabel) == ("108369006", "Tumour")
    assert tumour.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    side = lung.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert side.CodeMeaning == "Left"
    assert "SegmentedPropertyTypeModifierCodeSequence" not in body.SegmentedPropertyTypeCodeSequence[0]
    assert (body.SegmentAlgorithmType, body.SegmentAlgorithmName) == ("AUTOMATIC", "ct-tissue 3")
    assert "level 200" in body.SegmentDescription
    assert "Research use" in body.SegmentDescription


@pytest.mark.parametrize("key", ANATOMY)
def test_colours_survive(key: str) -> None:
    found = colour_of_cielab(cielab(ANATOMY[key].colour))
    assert found is not None
    assert np.abs(np.array(found) - ANATOMY[key].colour).max() <= 1


def test_what_nobody_can_know_is_not_called_automatic() -> None:
    one = ANATOMY["bone"].as_structure("bone", 1, Provenance("nifti label map", "1"))
    assert algorithm_type(one) == "SEMIAUTOMATIC"
    assert algorithm_type(replace(one, provenance=Provenance("ct-tissue", "3"))) == "AUTOMATIC"


def test_the_same_call_gives_the_same_bytes(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    one, two = (save(segmentation([drawn(volume.grid)], source, stamp()), tmp_path / name) for name in ("a", "b"))
    assert one.read_bytes() == two.read_bytes()


def test_another_frame_of_reference_an_empty_map_and_a_key_used_twice_are_refused(
    study: tuple[Volume, Source],
) -> None:
    volume, source = study
    label_map = drawn(volume.grid)
    with pytest.raises(FrameMismatch, match="lies in patient:1\\.2\\.3"):
        segmentation([drawn(Grid.from_matrix(SHAPE, volume.grid.patient_from_voxel.matrix, "1.2.3"))], source, stamp())
    with pytest.raises(InvalidValue, match="no structure has a voxel"):
        segmentation([replace(label_map, labels=np.zeros(SHAPE, np.uint8))], source, stamp())
    with pytest.raises(InvalidValue, match="key used by several"):
        segmentation([label_map, label_map], source, stamp())
    with pytest.raises(InvalidValue, match="one label map"):
        segmentation([label_map, label_map], source, stamp(), Kind.LABELMAP)
