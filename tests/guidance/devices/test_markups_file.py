"""Points that were marked in 3D Slicer: their axes are read, and what is not stated is not guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InputRefused
from guidance.devices.markups_file import read_markups
from guidance.plan.plan import Use

COLUMNS = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"


def table(tmp_path: Path, system: str | None, *rows: str) -> Path:
    path = tmp_path / "points.fcsv"
    stated = "" if system is None else f"# CoordinateSystem = {system}\n"
    path.write_text("# Markups fiducial file version = 4.11\n" + stated + COLUMNS + "\n".join(rows) + "\n")
    return path


def listed(tmp_path: Path, **changed: Any) -> Path:
    point = {"label": "Nasion", "description": "bridge", "position": [1.0, -90.0, 5.0], "positionStatus": "defined"}
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": [point]}
    path = tmp_path / "points.mrk.json"
    path.write_text(json.dumps({"@schema": "markups-schema-v1.0.3.json#", "markups": [markup | changed]}))
    return path


@pytest.mark.parametrize(
    ("system", "place"),
    [("LPS", (1, -90, 5)), ("1", (1, -90, 5)), ("RAS", (-1, 90, 5)), ("0", (-1, 90, 5))],
)
def test_a_table_is_read_in_the_axes_that_it_states(
    tmp_path: Path, system: str, place: tuple[float, float, float]
) -> None:
    told = read_markups(table(tmp_path, system, 'a,1,-90,5,0,0,0,1,1,1,0,"Nasion, left",bridge,'))
    assert told.points[0].patient_mm == pytest.approx(place)
    assert (told.points[0].name, told.points[0].description) == ("Nasion, left", "bridge")
    assert told.repairs == ()


@pytest.mark.parametrize(("system", "place"), [("LPS", (1, -90, 5)), ("RAS", (-1, 90, 5))])
def test_a_list_in_json_too(tmp_path: Path, system: str, place: tuple[float, float, float]) -> None:
    told = read_markups(listed(tmp_path, coordinateSystem=system))
    assert told.points[0].patient_mm == pytest.approx(place)
    assert (told.points[0].name, told.points[0].description) == ("Nasion", "bridge")


def test_both_files_of_one_list_are_the_same_landmarks(tmp_path: Path) -> None:
    rows = ("a,1,-90,5,0,0,0,1,1,1,0,Nasion,,", "b,0,0,95,0,0,0,1,1,1,0,Check vertex,,")
    points = [
        {"label": "Nasion", "position": [-1, 90, 5]},
        {"label": "Check vertex", "position": [0, 0, 95]},
    ]
    one = read_markups(table(tmp_path, "LPS", *rows)).landmarks()
    other = read_markups(listed(tmp_path, coordinateSystem="RAS", controlPoints=points)).landmarks()
    for first, second in zip(one, other, strict=True):
        assert (first.id, first.name, first.use) == (second.id, second.name, second.use)
        assert first.patient_mm == pytest.approx(second.patient_mm)
    assert [landmark.use for landmark in one] == [Use.REGISTER, Use.CHECK]
    assert [landmark.id for landmark in one] == ["nasion", "check_vertex"]


def test_axes_that_are_not_stated_are_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="does not state whether its axes are LPS or RAS"):
        read_markups(table(tmp_path, None, "a,1,-90,5,0,0,0,1,1,1,0,Nasion,,"))
    with pytest.raises(InputRefused, match="does not state"):
        read_markups(listed(tmp_path, coordinateSystem=None))


@pytest.mark.parametrize("system", ["2", "IJK", "left"])
def test_axes_that_are_no_place_in_a_patient_are_refused(tmp_path: Path, system: str) -> None:
    with pytest.raises(InputRefused, match="no place in a patient"):
        read_markups(table(tmp_path, system, "a,1,-90,5,0,0,0,1,1,1,0,Nasion,,"))


def test_other_units_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="not in mm"):
        read_markups(listed(tmp_path, coordinateUnits="cm"))


def test_points_that_were_never_placed_and_other_markups_are_left_out_with_a_reason(tmp_path: Path) -> None:
    points = [
        {"label": "Later", "position": [0, 0, 0], "positionStatus": "undefined"},
        {"label": "Broken", "position": [1, 2]},
        {"label": "", "position": [1, 2, 3]},
    ]
    told = read_markups(listed(tmp_path, controlPoints=points))
    assert [one.name for one in told.points] == ["Landmark 3"]
    assert told.left_out == ("Later: it was not placed", "Broken: its place is not three finite numbers")
    with pytest.raises(InputRefused, match="a line: only lists of points"):
        read_markups(listed(tmp_path, type="Line"))


def test_a_row_without_a_number_is_left_out(tmp_path: Path) -> None:
    told = read_markups(table(tmp_path, "LPS", "a,1,?,5,0,0,0,1,1,1,0,Bad,,", "b", "c,1,2,3,0,0,0,1,1,1,0,Good,,"))
    assert [one.name for one in told.points] == ["Good"]
    assert len(told.left_out) == 2


@pytest.mark.parametrize(
    "text", ["", "{}", '{"markups": 3}', "[" * 9999, "a,b,c", "# columns = id,x,y\n1,2,3", "{" * 9999]
)
def test_what_is_no_list_of_points_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "points"
    path.write_text(text)
    with pytest.raises(InputRefused):
        read_markups(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        read_markups(tmp_path / "nothing.fcsv")


@given(data=st.binary(max_size=300))
def test_any_bytes_are_points_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.fcsv"
    path.write_bytes(b"# CoordinateSystem = LPS\n# columns = label,x,y,z\n" + data)
    try:
        told = read_markups(path)
    except InputRefused:
        return
    assert told.points


@pytest.mark.data
def test_a_list_of_the_time_before_slicer_4_is_ras_and_it_says_so(shared_data: Path) -> None:
    told = read_markups(shared_data / "tracking" / "plus" / "FcsvReaderTest1.fcsv")
    assert len(told.points) == 18
    assert told.points[0].name == "L-P"
    assert told.points[0].patient_mm == pytest.approx([209.934, 223.544, 77])
    (repair,) = told.repairs
    assert "taken as RAS" in repair
