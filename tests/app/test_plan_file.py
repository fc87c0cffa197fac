"""A plan as a file: what is written is read, and what is wrong is told with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.app.plan_file import (
    PlanFile,
    labels_changed,
    labels_hash,
    plan_text,
    read_plan,
    refuse_other_scan,
    series_identity,
    write_plan,
)
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from engine.ingest.open import take_inventory
from guidance.calibrate.block import Block
from guidance.calibrate.tool_tip import ToolTip
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import PlannedMargin, PlannedTool
from guidance.uncertainty.point_error import PointError
from tests.guidance.plan.test_plan import POINTER, plan


def whole(folder: Path) -> PlanFile:
    known = ToolTip(np.array((108.48, 6.96, 3.38)), PointError(np.eye(3) * 0.04), 0.0, 0.0)
    knife = PlannedTool("Probe", "Aspirator", ToolShape(np.zeros((1, 3)), 3.0), known, cuts=True)
    toward = PlannedMargin("resection", "Resection", 3.0, (3.0, 3.0, 10.0, 3.0, 3.0, -1.0))
    return PlanFile(
        plan(
            tools=(POINTER, knife),
            margins=(*plan().margins, toward),
            block=Block("Block", np.array([0.0, 1.5, 12.0]), 0.04),
            margins_within="brain",
            margins_clear_of=(("arteries", 1.5),),
        ),
        folder / "scan" / "head.nii.gz",
        folder / "labels.nii.gz",
        "a" * 64,
    )


def test_what_is_written_is_read_and_written_again_alike(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_plan(path, whole(tmp_path))
    first = path.read_text()
    read = read_plan(path)
    write_plan(path, read)
    assert path.read_text() == first
    assert read.scan == tmp_path / "scan" / "head.nii.gz"
    assert read.plan.tools[1].tip is not None
    assert read.plan.tools[1].tip.error.covariance_mm2 == pytest.approx(np.eye(3) * 0.04, rel=1e-3, abs=1e-9)
    assert read.plan.landmarks[3].patient_mm == pytest.approx(plan().landmarks[3].patient_mm)
    assert read.plan.watched == plan().watched
    assert read.plan.limits == plan().limits
    assert read.plan.margins[1] == whole(tmp_path).plan.margins[1]
    assert (read.plan.margins_within, read.plan.margins_clear_of) == ("brain", (("arteries", 1.5),))
    assert read.plan.block is not None
    assert read.plan.block.thing == "Block"
    assert read.plan.block.divot_mm == pytest.approx([0.0, 1.5, 12.0])
    assert read.plan.block.error_mm == pytest.approx(0.04, rel=1e-3)


def test_a_plan_and_its_scan_can_be_moved_together(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.json", whole(tmp_path))
    other = tmp_path / "elsewhere"
    other.mkdir()
    (tmp_path / "plan.json").rename(other / "plan.json")
    assert read_plan(other / "plan.json").scan == other / "scan" / "head.nii.gz"


def test_a_person_can_read_it_a_thing_a_line(tmp_path: Path) -> None:
    lines = plan_text(whole(tmp_path), tmp_path).splitlines()
    assert max(map(len, lines)) < 160
    assert sum('"patient_mm"' in line for line in lines) == 5
    assert '  "name": "Left frontal tumour",' in lines


def _broken(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> str:
    value = json.loads(plan_text(whole(tmp_path), tmp_path))
    change(value)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(value))
    with pytest.raises(InputRefused) as told:
        read_plan(path)
    return str(told.value)


def test_every_fault_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    def change(value: dict[str, Any]) -> None:
        value["landmarks"][2]["patient_mm"] = [1.0, 2.0]
        value["watched"][1]["risk_mm"] = 20.0
        value["tools"][0]["radius_mm"] = -1.0
        value["tools"][1].pop("tip_error_mm")
        value["colour"] = "red"
        value.pop("scan")

    told = _broken(tmp_path, change)
    for part in (
        "landmarks[2].patient_mm",
        "watched[1]: bands lie one within the other",
        "tools[0]: a tool's radius is 0 to 100 mm, got -1",
        "tools[1]: tip_mm and tip_error_mm go together",
        "colour: is not part of a plan",
        "scan: is missing",
    ):
        assert part in told


def test_what_is_wrong_between_its_parts_is_told_with_its_place_too(tmp_path: Path) -> None:
    def change(value: dict[str, Any]) -> None:
        value["landmarks"][1]["id"] = value["landmarks"][0]["id"]
        value["forbidden"] = ["tumour"]

    told = _broken(tmp_path, change)
    assert "landmarks[0].id: 'l0' is there 2 times" in told
    assert "forbidden[0]: 'tumour' is the target" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1: not JSON"),
        ('{"name": "a",}', "not JSON"),
        ('{"name": "a", "name": "b"}', "name: stands twice"),
        ("[" * 100_000, "not a plan"),
        ("[]", "file: "),
        ('{"sightline_plan": 2}', "sightline_plan: "),
        ('{"limits": {"angle_deg": NaN}}', "finite number"),
    ],
)
def test_what_is_no_plan_is_refused_in_words(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(InputRefused, match="not a plan") as error:
        read_plan(path)
    assert told in str(error.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputRefused, match="not text"):
        read_plan(path)
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(InputRefused, match="larger"):
        read_plan(path)
    with pytest.raises(InputRefused, match="cannot be read"):
        read_plan(tmp_path / "nowhere.json")


def test_a_plan_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacks, match="cannot write"):
        write_plan(tmp_path / "nowhere" / "plan.json", whole(tmp_path))
    (tmp_path / "folder").mkdir()
    with pytest.raises(EnvironmentLacks):
        write_plan(tmp_path / "folder", whole(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_structures_come_from_labels_or_from_a_pipeline(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue):
        replace(whole(tmp_path), pipeline="ct_tissue")
    assert "labels or from a pipeline" in _broken(tmp_path, lambda value: value.update(pipeline="ct_tissue"))


def test_a_file_without_a_uid_is_known_by_what_is_in_it_wherever_it_lies(tmp_path: Path) -> None:
    grid = Grid.centred((6, 6, 6), 1.0)
    for folder, value in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / folder).mkdir()
        write_nifti(tmp_path / folder / "scan.nii.gz", grid, np.full((6, 6, 6), value, np.int16))
    one, moved, other = (take_inventory([tmp_path / folder]).series[0] for folder in "abc")
    assert series_identity(one) == series_identity(moved)
    assert series_identity(one).startswith("sha256:")
    bound = PlanFile(plan(series_uid=series_identity(one), frame_of_reference_uid=""), one.files[0])
    refuse_other_scan(bound, moved, "")
    with pytest.raises(InputRefused, match="another series"):
        refuse_other_scan(bound, other, "")


def test_labels_that_were_changed_since_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "labels.nii.gz"
    path.write_bytes(b"before")
    file = replace(whole(tmp_path), labels_sha256=labels_hash(path))
    assert not labels_changed(file)
    path.write_bytes(b"after")
    assert labels_changed(file)
    assert not labels_changed(replace(file, labels_sha256=""))
