"""Structure sets: shapes with known volumes, real ones, and those of another scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import measure as untyped_measure

from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.volume import LabelMap, Source, Volume
from engine.ingest.contour import Window, filled
from engine.ingest.dicom.structure_set import read_structure_set, separate
from engine.ingest.open import read_labels, take_inventory
from engine.ingest.study import Reading
from tests.ingest.drawn_structures import blank, circle, rectangle, saved, structure_set

MEASURE: Any = untyped_measure
Contours = Sequence[NDArray[np.float64]]


def drawn(tmp_path: Path, contours: Contours, volume: Volume | None = None, **options: Any) -> Reading[LabelMap]:
    """One structure, read back."""
    path = saved(structure_set({"shape": contours}, **options), tmp_path / "rs.dcm")
    return read_structure_set(path, volume or blank(), silent)


def volume_mm3(reading: Reading[LabelMap], label: int = 1) -> float:
    voxels = int(np.count_nonzero(np.asarray(reading.value.labels) == label))
    return voxels * reading.value.grid.voxel_volume_mm3


# --- filling ---------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 23), st.floats(-3, 23)), min_size=3, max_size=12))
def test_filling_agrees_with_an_independent_point_in_polygon_test(points: list[tuple[float, float]]) -> None:
    polygon = np.array(points) + 0.12345
    found = filled([polygon], Window(0, 0, 20, 21))
    expected = MEASURE.grid_points_in_poly((20, 21), polygon[:, ::-1])
    told = _from_edges(polygon, (20, 21)) > 1e-9  # centres on an edge are nobody's
    np.testing.assert_array_equal(found[told], expected[told])


def _from_edges(polygon: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Distance of each pixel's centre from the nearest edge, (rows, columns); a polygon is (n, 2) columns and rows."""
    centre = np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[0])), axis=-1)[..., None, :].astype(np.float64)
    along = np.roll(polygon, -1, axis=0) - polygon
    square = np.maximum((along**2).sum(-1), 1e-300)
    part = np.clip(((centre - polygon) * along).sum(-1) / square, 0.0, 1.0)
    return np.asarray(np.linalg.norm(centre - polygon - part[..., None] * along, axis=-1).min(-1), np.float64)


def test_a_window_shows_part_of_the_same_filling() -> None:
    polygon = circle((10, 11, 0), 7.3)[:, :2]
    whole = filled([polygon], Window(0, 0, 30, 40))
    np.testing.assert_array_equal(filled([polygon], Window(5, 6, 10, 9)), whole[5:15, 6:15])


# --- shapes ----------------------------------------------------------------------------------------


def test_a_cylinder_has_its_volume(tmp_path: Path) -> None:
    reading = drawn(tmp_path, [circle((40.37, 35.21, z), 20) for z in range(10, 50, 2)])
    assert volume_mm3(reading) == pytest.approx(np.pi * 400 * 40, rel=0.005)
    assert reading.repairs == ()


def test_the_filled_voxels_are_those_whose_centres_lie_inside(tmp_path: Path) -> None:
    reading = drawn(tmp_path, [rectangle((9.6, 19.6), (30.4, 25.4), z) for z in (20, 22)])
    expected = np.zeros((80, 70, 40), bool)
    expected[10:31, 20:26, 10:12] = True
    np.testing.assert_array_equal(np.asarray(reading.value.labels) == 1, expected)


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_a_contour_inside_another_is_a_hole_and_one_inside_that_an_island(tmp_path: Path, kind: str) -> None:
    rings = [circle((40.37, 35.21, z), radius) for z in range(10, 50, 2) for radius in (25, 15, 5)]
    reading = drawn(tmp_path, rings, kind=kind)
    assert volume_mm3(reading) == pytest.approx(np.pi * (625 - 225 + 25) * 40, rel=0.005)


def test_a_keyhole_contour_has_its_hole(tmp_path: Path) -> None:
    outer, inner = circle((40.37, 35.21, 0), 25), circle((40.37, 35.21, 0), 15)[::-1]
    keyhole = np.concatenate([outer, outer[:1], inner[-1:], inner, outer[:1]])
    reading = drawn(tmp_path, [keyhole + np.array((0, 0, z)) for z in range(10, 50, 2)])
    assert volume_mm3(reading) == pytest.approx(np.pi * (625 - 225) * 40, rel=0.01)


def test_a_structure_may_branch(tmp_path: Path) -> None:
    trunk = [circle((40.37, 35.21, z), 12) for z in range(10, 30, 2)]
    branches = [circle((x + 0.37, 35.21, z), 7) for z in range(30, 50, 2) for x in (30, 50)]
    reading = drawn(tmp_path, [*trunk, *branches])
    assert volume_mm3(reading) == pytest.approx(np.pi * (144 * 20 + 2 * 49 * 20), rel=0.01)
    upper = np.asarray(reading.value.labels)[:, :, 20]
    assert upper[30, 35] == upper[50, 35] == 1
    assert upper[40, 35] == 0


def test_a_contour_given_twice_does_not_erase_itself(tmp_path: Path) -> None:
    ring = [circle((40.37, 35.21, z), 20) for z in range(10, 50, 2)]
    reading = drawn(tmp_path, [*ring, *ring])
    assert volume_mm3(reading) == pytest.approx(np.pi * 400 * 40, rel=0.005)
    assert any("given twice" in repair for repair in reading.repairs)


def test_contours_that_cross_are_said(tmp_path: Path) -> None:
    reading = drawn(tmp_path, [circle((x, 35, 20), 10) for x in (36, 44)])
    assert any("cross" in repair for repair in reading.repairs)


# --- between slices --------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "offset"), [(2.0, 1.0), (6.0, 0.0), (3.0, 0.5), (1.0, 0.0), (0.7, 0.3)])
def test_a_ball_keeps_its_volume_whatever_the_contour_spacing(tmp_path: Path, step: float, offset: float) -> None:
    heights = np.arange(-18, 18.001, step) + offset
    rings = [circle((40.37, 35.21, 40 + h), float(np.sqrt(400 - h * h))) for h in heights if abs(h) < 19.5]
    reading = drawn(tmp_path, rings)
    assert volume_mm3(reading) == pytest.approx(4 / 3 * np.pi * 8000, rel=0.04)
    assert any("interpolated" in repair for repair in reading.repairs)


def test_slices_between_distant_contours_are_between_them_in_shape(tmp_path: Path) -> None:
    reading = drawn(tmp_path, [circle((40.37, 35.21, z), r) for z, r in ((20, 10), (26, 16))])
    areas = np.count_nonzero(np.asarray(reading.value.labels), axis=(0, 1))[10:14]
    np.testing.assert_allclose(areas, np.pi * np.array([10, 12, 14, 16]) ** 2, rtol=0.05)


def test_a_gap_left_on_purpose_stays_a_gap(tmp_path: Path) -> None:
    reading = drawn(tmp_path, [circle((40.37, 35.21, z), 10) for z in (10, 12, 14, 16, 40, 42, 44)])
    filled_slices = np.flatnonzero(np.asarray(reading.value.labels).any(axis=(0, 1)))
    assert filled_slices.tolist() == [5, 6, 7, 8, 20, 21, 22]


def test_a_structure_thinner_than_a_slice_is_not_lost(tmp_path: Path) -> None:
    reading = drawn(tmp_path, [circle((40.37, 35.21, z), 10) for z in (20.9, 21.0, 21.1)])
    assert np.flatnonzero(np.asarray(reading.value.labels).any(axis=(0, 1))).size == 1


# --- other directions ------------------------------------------------------------------------------

AXES = np.array([[1, 0, 0], [0, np.cos(0.4), -np.sin(0.4)], [0, np.sin(0.4), np.cos(0.4)]])


@pytest.mark.parametrize("order", [[2, 0, 1], [0, 2, 1], [1, 2, 0]])
def test_contours_along_any_axis_of_the_volume_are_drawn_on_its_slices(tmp_path: Path, order: list[int]) -> None:
    rings = [(circle((36, 35, z), 15) - (0, 0, 0))[:, order] for z in np.arange(20, 50, 1.0)]
    reading = drawn(tmp_path, rings, blank((80, 80, 40)))
    assert volume_mm3(reading) == pytest.approx(np.pi * 225 * 30, rel=0.03)
    assert not any("oblique" in repair for repair in reading.repairs)


def test_contours_follow_an_oblique_volume(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = AXES * (1, 1, 2)
    matrix[:3, 3] = (-17, 4, 90)
    rings = [circle((40.37, 35.21, z), 20) @ AXES.T + (-17, 4, 90) for z in range(10, 50, 2)]
    reading = drawn(tmp_path, rings, blank(matrix=matrix))
    assert volume_mm3(reading) == pytest.approx(np.pi * 400 * 40, rel=0.005)
    assert reading.repairs == ()


def test_contours_oblique_to_the_volume_keep_their_volume(tmp_path: Path) -> None:
    centre = np.array([40.0, 35.0, 40.0])
    rings = [(circle((0, 0, h), float(np.sqrt(324 - h * h)))) @ AXES.T + centre for h in np.arange(-16, 17, 2.0)]
    reading = drawn(tmp_path, rings)
    assert volume_mm3(reading) == pytest.approx(4 / 3 * np.pi * 18**3, rel=0.03)
    assert any("oblique" in repair for repair in reading.repairs)
    inside = np.argwhere(np.asarray(reading.value.labels)) * (1, 1, 2)
    np.testing.assert_allclose(inside.mean(axis=0), centre, atol=0.5)
    assert np.linalg.norm(inside - centre, axis=1).max() < 18 + 2


# --- several structures ----------------------------------------------------------------------------


def test_the_smaller_of_overlapping_structures_wins_and_nothing_is_lost(tmp_path: Path) -> None:
    body = [circle((40.37, 35.21, z), 30) for z in range(10, 60, 2)]
    tumour = [circle((40.37, 35.21, z), 6) for z in range(20, 30, 2)]
    path = saved(structure_set({"tumour": tumour, "BODY": body}), tmp_path / "rs.dcm")
    reading = read_structure_set(path, blank(), silent)
    assert volume_mm3(reading, 1) == pytest.approx(np.pi * 36 * 10, rel=0.03)
    assert any("'BODY' and 'Tumour' share" in repair for repair in reading.repairs)
    assert [(s.key, s.colour) for s in reading.value.structures] == [("tumour", (10, 20, 30)), ("body", (20, 20, 30))]
    whole = {one.structures[0].key: int(np.count_nonzero(np.asarray(one.labels))) for one in separate(path, blank())}
    assert whole["body"] * 2.0 == pytest.approx(np.pi * 900 * 50, rel=0.005)


def test_a_structure_beyond_the_volume_is_set_aside_whole(tmp_path: Path) -> None:
    inside = [circle((40.37, 35.21, z), 10) for z in range(20, 30, 2)]
    outside = [circle((40.37, 35.21, z), 10) for z in range(60, 100, 2)]
    path = saved(structure_set({"inside": inside, "outside": outside}), tmp_path / "rs.dcm")
    reading = read_structure_set(path, blank(), silent)
    assert [s.name for s in reading.value.structures] == ["Inside"]
    assert [problem.reason for problem in reading.problems] == [
        "structure 'outside' is not drawn: 10 of its 20 planes lie beyond the first or last slice"
    ]


def test_points_and_open_contours_are_said_and_left_out(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no structure can be drawn") as refusal:
        drawn(tmp_path, [circle((40.37, 35.21, 20), 10)], kind="OPEN_PLANAR")
    assert "no closed contour" in str(refusal.value)


# --- belonging -------------------------------------------------------------------------------------

RING: Contours = [circle((40.37, 35.21, z), 10) for z in range(20, 30, 2)]


@pytest.mark.parametrize(
    ("frame", "series", "said"),
    [
        ("1.2.3", None, "another frame of reference"),
        (None, "1.2.3", "another series"),
        (None, "", "names no series"),
    ],
)
def test_half_a_match_is_taken_and_said(tmp_path: Path, frame: str | None, series: str | None, said: str) -> None:
    options: dict[str, Any] = {"frame": frame, "series": series}
    reading = drawn(tmp_path, RING, **{name: value for name, value in options.items() if value is not None})
    assert any(said in repair for repair in reading.repairs)


def test_a_structure_set_of_another_scan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="another scan"):
        drawn(tmp_path, RING, frame="1.2.3", series="1.2.4")


def test_without_a_volume_contours_are_refused(tmp_path: Path) -> None:
    path = saved(structure_set({"shape": RING}), tmp_path / "rs.dcm")
    with pytest.raises(InputRefused, match="need the volume"):
        read_structure_set(path, None, silent)


# --- real ones -------------------------------------------------------------------------------------


@pytest.mark.data
def test_the_phantoms_structure_sets_are_read_or_refused_by_their_references(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "rtstruct_rtutils_phantom" / "mock_data"
    slices = sorted((pydicom.dcmread(path, stop_before_pixels=True) for path in folder.glob("ct_*.dcm")),
                    key=lambda one: float(one.ImagePositionPatient[2]))  # fmt: skip
    first = slices[0]
    matrix = np.diag([float(first.PixelSpacing[1]), float(first.PixelSpacing[0]), 5.0, 1.0])
    matrix[:3, 3] = first.ImagePositionPatient
    volume = blank((512, 512, 2), matrix, first.FrameOfReferenceUID, first.SeriesInstanceUID)
    reading = read_structure_set(folder / "rt.dcm", volume, silent)
    assert [s.name for s in reading.value.structures] == ["ROI-1"]
    assert np.count_nonzero(np.asarray(reading.value.labels)) > 1000
    for name in ("invalid_reference_rt.dcm", "non_existent_reference_rt.dcm"):
        with pytest.raises(InputRefused, match="no structure can be drawn"):
            read_structure_set(folder / name, volume, silent)


def area_mm2(ring: NDArray[np.float64]) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


@pytest.mark.data
def test_a_large_clinical_structure_set_keeps_the_areas_of_its_contours(shared_data: Path) -> None:
    path = shared_data / "dicom" / "rt_breast_dicompyler" / "rtss.dcm"
    matrix = np.diag([1.074219, 1.074219, 3.0, 1.0])
    matrix[:3, 3] = (-275, -524, -122.44)
    frame = "2.16.840.1.113662.2.12.0.3057.1241703565.36"
    grid = Grid.from_matrix((512, 512, 175), matrix, frame)
    volume = Volume(grid, np.zeros((175, 512, 512), np.int16).T, source=Source("dicom"))
    # Heart, scar, tumour bed and its block have one contour a plane and no gap: slices times area.
    expected = {}
    for item in pydicom.dcmread(path).ROIContourSequence:
        rings = [np.reshape(np.array(c.ContourData, float), (-1, 3)) for c in item.get("ContourSequence", [])]
        expected[int(item.ReferencedROINumber)] = 3.0 * sum(area_mm2(ring) for ring in rings)
    found = {one.structures[0].label: one for one in separate(path, volume)}
    for label in (5, 9, 10):
        voxels = int(np.count_nonzero(np.asarray(found[label].labels)))
        assert voxels * grid.voxel_volume_mm3 == pytest.approx(expected[label], rel=0.01)


@pytest.mark.parametrize("is_delimited", [False, True])
@pytest.mark.parametrize("kept", [0.4, 0.7, 0.98])
def test_a_structure_set_that_is_cut_short_is_not_taken_for_a_smaller_one(
    tmp_path: Path, kept: float, is_delimited: bool
) -> None:
    rings = [circle((40, 35, z), 10) for z in range(20, 40, 2)]
    found = structure_set(dict.fromkeys(("liver", "spleen", "left kidney"), rings))
    if is_delimited:
        for item in found.ROIContourSequence:
            item.is_undefined_length_sequence_item = True
        found["ROIContourSequence"].is_undefined_length = True
    path = saved(found, tmp_path / "rs.dcm")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    inventory = take_inventory([path])
    assert inventory.series == ()
    assert [str(problem) for problem in inventory.problems] == ["rs.dcm: ends within its header: the file is cut short"]
    with pytest.raises(InputRefused, match="ends within its header"):
        read_labels(path, blank())


def test_padding_behind_a_structure_set_is_not_a_cut(tmp_path: Path) -> None:
    path = saved(structure_set({"shape": [circle((40, 35, 20), 10)]}), tmp_path / "rs.dcm")
    path.write_bytes(path.read_bytes() + b"\0\0\0")
    assert take_inventory([path]).problems == ()
