"""A case in a picture and in words: what is there, where, and what is right."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.app.case_folder import open_case
from engine.app.case_preview import DISTRACTOR, FINDING, LINE_PX, MOST_ROWS, Upright, previewed, right, summary
from engine.app.cli import app
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.volume import Quantity, Source, Volume
from scenarios.case.read import read_case
from tests.app.case_folders import CASE, write_case_folder
from tests.scenarios.case.test_flaws import GOOD


def drawn(picture: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(picture) == colour).all(axis=-1).sum())


def test_findings_and_distractors_are_outlined_in_colours_of_their_own(tmp_path: Path) -> None:
    case, folder = open_case(write_case_folder(tmp_path))
    picture = previewed(case, folder, silent)
    assert drawn(picture, FINDING) > 200
    assert drawn(picture, DISTRACTOR) > 50


def test_without_truth_nothing_of_it_is_drawn(tmp_path: Path) -> None:
    case, folder = open_case(write_case_folder(tmp_path))
    picture = previewed(case, folder, silent, shows_truth=False)
    assert drawn(picture, FINDING) == drawn(picture, DISTRACTOR) == 0


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_however_slices_lie_left_back_and_up_are_where_they_belong(
    order: tuple[int, int, int], signs: tuple[int, int, int]
) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = 0.05  # a little oblique
    for voxel, (patient, sign) in enumerate(zip(order, signs, strict=True)):
        matrix[patient, voxel] = sign * (1.0 + voxel)
    grid = Grid.from_matrix((4, 5, 6), matrix)
    places = grid.patient_from_voxel.apply(np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3))
    for axis in range(3):
        samples = np.asarray(places)[:, axis].reshape(grid.shape).astype(np.float32)
        upright = Upright.of(Volume(grid, samples, Quantity.ARBITRARY, Source("test")))
        assert (np.diff(upright.samples.astype(float), axis=axis) > 0).all()
        assert upright.spacing_mm[axis] == pytest.approx(grid.spacing_mm[list(order).index(axis)])


def test_a_summary_says_what_is_right_of_every_kind_of_task() -> None:
    case = read_case(GOOD)
    assert [right(task) for task in case.tasks] == [
        "nodule", "diameter_mm of grown", "Solid", "One, Two", "side: Left; edge: Round", "Its size, Its lobe", "Wait",
        "the tip at nodule",
    ]  # fmt: skip
    assert ("Study later", "Later, follow-up, phantom, after look") in list(summary(case))


def test_of_many_findings_the_first_are_drawn_and_the_others_counted(tmp_path: Path) -> None:
    case, folder = open_case(write_case_folder(tmp_path))
    (ball,) = case.truth.findings
    many = tuple(ball.model_copy(update={"id": f"ball-{n}"}) for n in range(MOST_ROWS + 3))
    heights = []
    for findings in (many[:MOST_ROWS], many):
        truth = case.truth.model_copy(update={"findings": findings, "distractors": ()})
        heights.append(previewed(case.model_copy(update={"truth": truth}), folder, silent).height)
    assert 0 < heights[1] - heights[0] < 2 * LINE_PX


def test_the_command_prints_the_case_and_writes_its_picture(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path)
    ran = CliRunner().invoke(app, ["case", "preview", str(file), "--out", str(tmp_path / "case.png")])
    assert ran.exit_code == 0, ran.output
    assert "Something round" in ran.stdout
    with Image.open(tmp_path / "case.png") as picture:
        assert picture.width > 600


def test_a_case_that_is_not_sound_is_refused_with_its_flaws(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path, CASE.replace("radius_mm: 3", "radius_mm: -3"))
    with pytest.raises(InputRefused, match=r"line 23, truth.distractors\[0\].place.radius_mm"):
        open_case(file)
