"""Structure sets: read back by our reader, by a rasteriser that is not ours, and by plastimatch."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray

from engine.core.anatomy import structure
from engine.core.grid import Grid
from engine.core.volume import LabelMap, Volume
from engine.export.dicom.part10 import save
from engine.export.dicom.source import Source
from engine.export.dicom.structure_set import SYNTAX, Marker, structure_set
from engine.ingest.contour import Window, filled
from engine.ingest.dicom.structure_set import read_structure_set, separate
from tests.export.scans import BY_PIPELINE, OBLIQUE, SHAPE, complaints, dice, drawn, masks, opened, scan, stamp
from tests.ingest.dicom_writer import AXIAL

WAYS: dict[str, dict[str, Any]] = {
    "axial": {"orientation": AXIAL},
    "oblique, counted downwards": {"orientation": OBLIQUE, "flipped": True},
}


def written(label_map: LabelMap, source: Source, folder: Path, *markers: Marker) -> Path:
    return save(structure_set([label_map], source, stamp(), markers), folder / "structures.dcm", syntax=SYNTAX)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Volume, Source]:
    return opened(scan(tmp_path_factory.mktemp("scan"), OBLIQUE))


def filled_by_matplotlib(path: Path, grid: Grid) -> dict[str, NDArray[np.bool_]]:
    """Every closed structure of `path` on `grid`: pydicom and matplotlib, and nothing of ours but the matrix."""
    found = pydicom.dcmread(path)
    names = {one.ROINumber: one.ROIName for one in found.StructureSetROISequence}
    rows, columns = np.mgrid[: grid.shape[1], : grid.shape[0]]
    centres = np.column_stack([columns.ravel(), rows.ravel()])
    voxel_from_patient = np.linalg.inv(grid.patient_from_voxel.matrix)
    shapes = {}
    for roi in found.ROIContourSequence:
        mask = np.zeros(grid.shape[::-1], np.bool_)
        for contour in roi.ContourSequence:
            points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
            voxels = points @ voxel_from_patient[:3, :3].T + voxel_from_patient[:3, 3]
            level = round(float(voxels[0, 2]))
            mask[level] |= Polygon(voxels[:, :2]).contains_points(centres).reshape(mask.shape[1:])
        shapes[str(names[roi.ReferencedROINumber])] = mask.T
    return shapes


@pytest.mark.parametrize("way", WAYS)
def test_structures_come_back_with_their_holes_by_our_reader_and_by_matplotlib(way: str, tmp_path: Path) -> None:
    volume, source = opened(scan(tmp_path / "scan", **WAYS[way]))
    label_map = drawn(volume.grid)
    path = written(label_map, source, tmp_path)
    wanted = masks(label_map)
    ours = {one.structures[0].name: np.asarray(one.labels) > 0 for one in separate(path, volume)}
    theirs = filled_by_matplotlib(path, volume.grid)
    assert list(ours) == list(theirs) == list(wanted)
    for name, mask in wanted.items():
        assert np.array_equal(ours[name], mask)
        assert np.array_equal(theirs[name], mask)
    assert read_structure_set(path, volume, lambda *_: None).value.structures[1].code == label_map.structures[1].code


def test_plastimatch_draws_the_same(tmp_path: Path) -> None:
    nrrd: Any = pytest.importorskip("nrrd")
    program = shutil.which("plastimatch")
    if program is None:
        pytest.skip("plastimatch is not installed (Debian: plastimatch)")
    volume, source = opened(scan(tmp_path / "scan", AXIAL))
    label_map = drawn(volume.grid)
    path = written(label_map, source, tmp_path)
    run = [
        program,
        "convert",
        "--input",
        str(path),
        "--referenced-ct",
        str(tmp_path / "scan"),
        "--prefix-format",
        "nrrd",
    ]
    subprocess.run([*run, "--output-prefix", str(tmp_path / "masks")], capture_output=True, check=True)
    found = {file.stem: nrrd.read(str(file))[0] > 0 for file in (tmp_path / "masks").iterdir()}
    for name, mask in masks(label_map).items():
        assert dice(found[name], mask) >= 0.98


def test_each_contour_names_the_slice_that_it_lies_on(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    found = pydicom.dcmread(written(drawn(volume.grid), source, tmp_path))
    place = {one.sop_instance_uid: one.position_mm for one in source.slices}
    contours = [contour for roi in found.ROIContourSequence for contour in roi.ContourSequence]
    assert len(contours) > 20
    for contour in contours:
        (image,) = contour.ContourImageSequence
        points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
        assert np.abs((points - place[image.ReferencedSOPInstanceUID]) @ source.normal).max() < 0.01
    (space,) = found.ReferencedFrameOfReferenceSequence
    (series,) = space.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    assert series.SeriesInstanceUID == source.series_uid
    assert len(series.ContourImageSequence) == SHAPE[2]


def test_dciodvfy_finds_no_fault(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    assert complaints(written(drawn(volume.grid), source, tmp_path, Marker("Nasion", volume.grid.centre_mm))) == []


def test_names_types_colours_and_markers_are_said(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    found = pydicom.dcmread(written(drawn(volume.grid), source, tmp_path, Marker("Nasion", volume.grid.centre_mm)))
    assert [one.ROIName for one in found.StructureSetROISequence] == ["Body", "Tumour", "Left lung", "Nasion"]
    kinds = [one.RTROIInterpretedType for one in found.RTROIObservationsSequence]
    assert kinds == ["EXTERNAL", "GTV", "ORGAN", "MARKER"]
    assert list(found.ROIContourSequence[1].ROIDisplayColor) == [250, 122, 0]
    (point,) = found.ROIContourSequence[3].ContourSequence
    assert point.ContourGeometricType == "POINT"
    assert np.array(point.ContourData, dtype=float) == pytest.approx(volume.grid.centre_mm, abs=1e-3)
    assert found.ApprovalStatus == "UNAPPROVED"
    assert "Research use" in found.StructureSetDescription


def test_a_contour_too_long_for_an_explicit_decimal_string_is_whole(tmp_path: Path) -> None:
    grid = Grid.from_matrix((60, 1200, 1), np.diag([0.5, 0.5, 1.0, 1.0]), "1.2.3")
    comb = np.zeros((60, 1200, 1), np.uint8, order="F")
    comb[2:5, 2:1198], comb[5:58, 2:1198:2] = 2, 2
    label_map = LabelMap(grid, comb, (structure("tumour", 2, BY_PIPELINE),))
    _, source = opened(scan(tmp_path / "scan", FrameOfReferenceUID="1.2.3"))
    path = written(label_map, source, tmp_path)
    (contour,) = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence
    raw: Any = contour.get_item("ContourData")
    assert raw.length > 0xFFFF
    points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)[:, :2] / 0.5
    assert np.array_equal(filled([points], Window(0, 0, 1200, 60)), comb[:, :, 0].T > 0)
