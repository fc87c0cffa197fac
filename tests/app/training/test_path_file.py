"""The recorded path of a tool is read whole, shown to who judges it, and told by line where it is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.app.case_check import checked
from engine.app.case_folder import open_case
from engine.app.training.ground_file import ground_of, read_ground, written
from engine.app.training.path_file import read_path
from engine.app.training.scoring import case_view, standing
from engine.app.training.volumes import made_volume, volume_ground
from engine.core.errors import InputRefused
from engine.core.progress import silent
from scenarios.reading.answer import GuideAnswer
from scenarios.reading.event import Answered, AnyEvent, Began, Committed
from scenarios.reading.fits import misfit
from scenarios.score.reading import score_task
from tests.app.case_folders import CASE, write_case_folder

PATH = "t_s,x_mm,y_mm,z_mm\n0,20,0,0\n0.5,10,2,0\n1,0,4,0\n"
TASK = """\
  - kind: guide
    id: needle
    prompt: What did it come nearest to?
    volume: ct
    recording: path.csv
    target: ball
    avoid: {{second: 3, third: 3}}
"""
TEXT = (CASE + TASK).replace(
    "  distractors:",
    "    - {{id: second, name: Second, volume: ct, place: {{kind: point, at_mm: [10, 5, 0], radius_mm: 1}}, why: A.}}\n"
    "    - {{id: third, name: Third, volume: ct, place: {{kind: point, at_mm: [10, -15, 0], radius_mm: 1}}, why: B.}}\n"
    "  distractors:",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_case_folder(tmp_path, TEXT)
    (tmp_path / "path.csv").write_text(PATH)
    return tmp_path


def test_a_path_is_read_as_seconds_and_millimetres(folder: Path) -> None:
    wanted = np.array([[0, 20, 0, 0], [0.5, 10, 2, 0], [1, 0, 4, 0]])
    assert np.array_equal(read_path(folder / "path.csv"), wanted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: begin with a line t_s,x_mm,y_mm,z_mm"),
        ("x,y,z\n1,2,3\n", "line 1: begin with a line"),
        (PATH + "2,1,1\n", "line 5: four numbers are wanted"),
        (PATH + "2,1,nan,1\n", "line 5: four numbers are wanted"),
        (PATH + "0.9,1,1,1\n", "line 5: time goes back"),
        ("t_s,x_mm,y_mm,z_mm\n0,1,2,3\n", "at least two places"),
    ],
)
def test_what_is_no_path_is_told_by_line_and_by_validate(folder: Path, text: str, said: str) -> None:
    (folder / "path.csv").write_text(text)
    with pytest.raises(InputRefused, match=said):
        read_path(folder / "path.csv")
    (flaw,) = checked(folder / "case.yaml", quick=True).flaws
    assert flaw.path == "tasks[3].recording"
    assert said in flaw.fix


def test_a_recorded_path_is_kept_with_what_is_there_shown_and_judged(folder: Path) -> None:
    case, _ = open_case(folder)
    made = made_volume(case, "ct", folder, silent)
    (folder / "ground.npz").write_bytes(written(volume_ground(case, "ct", made, folder)))
    ground = ground_of({"ct": read_ground(folder / "ground.npz")}, case)
    events: list[AnyEvent] = [Began(n=0, t_s=0.0, where="flat")]
    view = case_view(case, standing(case, events, ground), {}, "seed", ground)
    (asked,) = [task for task in view.tasks if task.id == "needle"]
    assert asked.path[1] == (0.5, 10.0, 2.0, 0.0)
    assert [one.id for one in asked.options] == ["second", "third"]
    for nearest, share in (("second", 1.0), ("third", 0.0)):
        events[1:] = [
            Answered(n=1, t_s=2.0, task="needle", answer=GuideAnswer(nearest=nearest)),
            Committed(n=2, t_s=3.0, task="needle"),
        ]
        work = standing(case, events, ground).work["needle"]
        assert score_task(case, case.task("needle"), work, ground).share == share


def test_an_answer_that_was_not_offered_is_none_of_the_task(folder: Path) -> None:
    task = open_case(folder)[0].task("needle")
    assert misfit(task, GuideAnswer(nearest="second")) is None
    assert "there is no structure 'spleen'; there is second, third" in str(misfit(task, GuideAnswer(nearest="spleen")))
