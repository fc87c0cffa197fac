"""Recordings of a tool in the folder of a case are read, shown to who is to judge them, and judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.app.training.ground_file import VolumeGround, ground_of, read_ground, written
from engine.app.training.tool_path import COLUMNS, read_tool_path
from engine.core.errors import InputRefused
from tests.app.training.cases import CASES, GRID

HEAD = ",".join(COLUMNS)
PATH = np.array([[0.0, 1.0, 2.0, 3.0], [0.5, 1.5, 2.0, 3.25]])


def test_a_path_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "tool.csv"
    np.savetxt(file, PATH, delimiter=",", header=HEAD, comments="")
    assert np.array_equal(read_tool_path(file), PATH)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x,y,z\n0,0,0\n", "begins with the line"),
        (f"{HEAD}\n0,0,0,0\n", "2 to"),
        (f"{HEAD}\n0,0,0,0\n1,0,0\n", "line 3"),
        (f"{HEAD}\n0,0,0,0\n1,0,0,inf\n", "line 3"),
        (f"{HEAD}\n1,0,0,0\n0,0,0,0\n", "back in time"),
        ("", "begins with the line"),
    ],
)
def test_what_is_no_path_is_refused_and_says_why(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "tool.csv"
    file.write_text(text)
    with pytest.raises(InputRefused) as refused:
        read_tool_path(file)
    assert says in " ".join([str(refused.value), *map(str, refused.value.problems)])


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        read_tool_path(tmp_path / "tool.csv")


def test_a_path_is_kept_beside_the_images_and_stands_with_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "ground.npz"
    file.write_bytes(written(VolumeGround(GRID, recordings={"judge": PATH})))
    assert np.array_equal(ground_of(CASES[0], {"ct": read_ground(file)}).recordings["judge"], PATH)
