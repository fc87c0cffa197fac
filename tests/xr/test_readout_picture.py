"""The numbers as pixels: read back from the picture, and taken back where they do not read as they should."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.app.view_command import font_file
from engine.core.overlay import Overlay, Shown
from engine.xr.glyphs import CHARACTERS, Glyphs
from engine.xr.panel_picture import BRIGHT, DARK, PX_PER_MM, Theme
from engine.xr.readout import Line, ReadoutView, number_text, readout
from engine.xr.readout_picture import FAULT, ReadoutPainter
from tests.xr.test_guided import GUIDED, HIGH, distance, reading

pytest.importorskip("PIL")
THEMES = pytest.mark.parametrize("theme", [DARK, BRIGHT], ids=["dark", "bright"])


def view(*numbers: str | None) -> ReadoutView:
    lines = tuple(Line(f"Structure {n}", number, "" if number else "lost") for n, number in enumerate(numbers))
    return ReadoutView("Probe", "Guide", False, lines)


@THEMES
@pytest.mark.parametrize("has_font", [True, False])
def test_every_type_has_all_characters_each_unlike_the_others(theme: Theme, has_font: bool) -> None:
    painter = ReadoutPainter(theme, font_file() if has_font else None)
    assert painter.glyphs.is_whole
    assert painter.paint_readout(view(CHARACTERS[:9], CHARACTERS[9:])).read == (CHARACTERS[:9], CHARACTERS[9:])


PAINTERS = {theme: ReadoutPainter(theme, None) for theme in (DARK, BRIGHT)}


@settings(max_examples=15)
@given(st.floats(-99, 999), st.floats(0, 20), st.sampled_from([DARK, BRIGHT]))
def test_what_is_read_from_the_picture_is_what_was_to_be_said(value: float, error: float, theme: Theme) -> None:
    number = number_text(value, error)
    painted = PAINTERS[theme].paint_readout(view(number, None, number))
    assert painted.read == (number, None, number)
    assert painted.faults == 0


class Dropping(Glyphs):
    """Leaves every 5 blank, as a navigation system did that was recalled for it."""

    is_broken = False

    def put_one(self, draw: Any, x_px: int, y_px: int, each: str, ink: tuple[int, ...]) -> None:
        if not (self.is_broken and each == "5"):
            super().put_one(draw, x_px, y_px, each, ink)


class Swapping(Dropping):
    """Draws a 3 for every 8."""

    def put_one(self, draw: Any, x_px: int, y_px: int, each: str, ink: tuple[int, ...]) -> None:
        super().put_one(draw, x_px, y_px, "3" if self.is_broken and each == "8" else each, ink)


@THEMES
@pytest.mark.parametrize("kind", [Dropping, Swapping])
def test_a_number_that_was_drawn_wrong_is_taken_back_and_said_to_be_a_fault(theme: Theme, kind: type[Dropping]) -> None:
    painter = ReadoutPainter(theme, font_file())
    right = painter.paint_readout(view("  8.5 ±0.4 mm", " 12.4 ±0.7 mm"))
    assert right.faults == 0
    glyphs = painter.glyphs = kind(painter._body, 31)
    glyphs.is_broken = True
    wrong = painter.paint_readout(view("  8.5 ±0.4 mm", " 12.4 ±0.7 mm"))
    assert (wrong.read, wrong.faults) == ((None, " 12.4 ±0.7 mm"), 1)
    # It looks as a dash with those words does: nothing of the number is left.
    dash = painter.paint_readout(view(None, " 12.4 ±0.7 mm"))
    rows = slice(3 * 54, 3 * 74)
    number = slice(-3 * 150, -3 * 12)
    ink = [np.count_nonzero(each.pixels[rows, number, :3].max(axis=-1) > 120) for each in (right, wrong, dash)]
    assert ink[1] != ink[0]
    assert ink[1] > ink[2]
    assert FAULT == "display fault"


class Overrunning(ReadoutPainter):
    """Lets a name run on where it should end."""

    def _write(self, draw: Any, text: str, x_mm: float, y_mm: float, *rest: Any, **more: Any) -> None:
        if text == "Structure 1":
            ink, font, _ = rest
            draw.text((x_mm * PX_PER_MM, y_mm * PX_PER_MM), text * 3, fill=ink, font=font, anchor="lm")
        super()._write(draw, text, x_mm, y_mm, *rest, **more)


def test_words_that_run_into_a_number_make_it_a_fault() -> None:
    painted = Overrunning(DARK, font_file()).paint_readout(view("  8.5 ±0.4 mm", "  8.5 ±0.4 mm"))
    assert (painted.read, painted.faults) == (("  8.5 ±0.4 mm", None), 1)


def test_a_type_without_a_digit_says_no_number() -> None:
    painter = ReadoutPainter(DARK, font_file())
    painter.glyphs.is_whole = False
    painted = painter.paint_readout(view("  8.4 ±0.4 mm"))
    assert (painted.read, painted.faults) == ((None,), 1)


@THEMES
def test_a_whole_readout_reads_as_it_should(theme: Theme) -> None:
    painter = ReadoutPainter(theme, font_file())
    long = distance("A structure with a very long name indeed, inferior part", mm=-12.3, level=3)
    said = reading(long, distance("Nerve", mm=312.0), distance("Lost"))
    painted = painter.paint_readout(readout(GUIDED, (said,), Overlay(Shown.VERIFIED, None), 10.0))
    assert painted.read == ("-12.3 ±0.8 mm", "  4.2 ±0.8 mm", "312.0 ±0.8 mm")
    assert painted.faults == 0


@pytest.mark.parametrize("shape", ["octagon", "triangle", "circle"])
def test_signs_differ_by_their_shape_alone_and_are_full_while_they_are_lit(shape: str) -> None:
    painter = ReadoutPainter(DARK, font_file())
    alarm = replace(HIGH, shape=shape)
    lit, dark = (painter.sign(alarm, is_lit=on) for on in (True, False))
    red = [np.count_nonzero((each[..., 0] > 200) & (each[..., 1] < 120)) for each in (lit, dark)]
    assert red[0] > red[1] + 500
    for other in {"octagon", "triangle", "circle"} - {shape}:
        different = painter.sign(replace(alarm, shape=other), is_lit=True) != lit
        assert different.any(axis=-1).mean() > 0.002
    # The words are the same, lit or not.
    assert (lit[:, lit.shape[0] :] == dark[:, lit.shape[0] :]).all()
