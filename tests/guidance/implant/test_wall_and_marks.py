"""How thick a part is, and how it says which way it lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guidance.implant.bone import Field
from guidance.implant.marks import DEPTH_MM, GLYPHS, LEAST_LETTER_MM, Marks, engraved, lay_out
from guidance.implant.vault import Vault
from guidance.implant.wall import wall_under
from tests.guidance.implant.heads import ball_shell_field

SPACING_MM = 0.8
LEFT, ANTERIOR, SUPERIOR = np.eye(3)[0], -np.eye(3)[1], np.eye(3)[2]
VAULT = Vault(np.zeros(3), SUPERIOR, ANTERIOR, LEFT, np.ones((3, 3), bool))


def nowhere(field: Field) -> Field:
    """Bone that is far away."""
    return Field(field.grid, np.full_like(field.signed_mm, 50.0))


@settings(max_examples=4)
@given(st.floats(1.6, 12.0), st.floats(14.0, 18.0))
def test_the_wall_of_a_hollow_ball_is_as_thick_as_it_is(wall_mm: float, outer_mm: float) -> None:
    field = ball_shell_field(outer_mm, wall_mm, SPACING_MM)
    points, normals = field.surface_points()
    outside = (points * normals).sum(axis=1) > 0
    wall = wall_under(field, nowhere(field), points[outside], normals[outside])
    np.testing.assert_allclose(wall.thickness_mm, wall_mm, atol=SPACING_MM / 2)
    assert wall.least_inside_mm == wall.least_mm
    assert wall.thinner_than(wall_mm - SPACING_MM) == 0.0
    assert wall.thinner_than(wall_mm + SPACING_MM) == 1.0


def marks(outward: tuple[float, float, float], at: tuple[float, float, float] = (70.0, 0.0, 30.0)) -> Marks:
    unit = np.array(outward) / np.linalg.norm(outward)
    made = lay_out(VAULT, np.array(at), unit, 30.0)
    assert made is not None
    return made


def test_a_part_of_the_left_says_l_and_of_the_right_r() -> None:
    assert marks((1, 0, 0.2)).letters == ("L", "S")
    assert marks((-1, 0, 0.2), (-70.0, 0.0, 30.0)).letters == ("R", "S")


def test_at_the_vertex_the_arrow_points_forward() -> None:
    made = marks((0.1, 0, 1))
    assert made.letters[1] == "A"
    assert made.up @ ANTERIOR > 0.9


def test_who_looks_from_outside_reads_letters_the_right_way_round() -> None:
    """Looking along -outward with `up` up, right is forward × up."""
    made = marks((1, 0, 0.2))
    np.testing.assert_allclose(made.aside, np.cross(-made.outward, made.up), atol=1e-12)
    foot = GLYPHS["L"][0][-2:]
    assert foot[1][0] > foot[0][0]  # the foot of an L goes to the right
    at = made.middle_mm + made.letter_mm * (0.25 * made.aside - 1.55 * made.up)
    mirrored = made.middle_mm + made.letter_mm * (-0.25 * made.aside - 1.0 * made.up) + 1.0 * made.aside
    assert made.off_strokes_mm(at[None, :])[0] < 0
    assert made.off_strokes_mm((mirrored + made.letter_mm * 0.3 * made.aside)[None, :])[0] > 0


def test_an_engraved_slab_has_grooves_of_the_stated_depth_and_is_whole_elsewhere() -> None:
    made = marks((1, 0, 0))
    depth = np.linspace(0.05, 3.0, 60)
    outer = (-depth).astype(np.float32)
    within = np.maximum(outer, outer[::-1] - 0.0)
    in_stroke = made.middle_mm + made.letter_mm * (-0.3 * made.aside - 1.2 * made.up) - depth[:, None] * made.outward
    beside = in_stroke - made.letter_mm * 0.4 * made.aside
    cut = engraved(made, in_stroke, within, outer) > 0
    assert depth[cut].max() == pytest.approx(DEPTH_MM, abs=0.06)
    assert cut[depth < DEPTH_MM - 0.06].all()
    np.testing.assert_array_equal(engraved(made, beside, within, outer), within)


def test_without_room_there_are_no_marks() -> None:
    assert lay_out(VAULT, np.array([70.0, 0.0, 0.0]), LEFT, LEAST_LETTER_MM) is None
