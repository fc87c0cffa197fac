"""The panel as pixels: what it says is seen, with the page's type and without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.app.view_command import font_file
from engine.xr.panel import HEIGHT_MM, WIDTH_MM, controls_of
from engine.xr.panel_picture import BRIGHT, DARK, PX_PER_MM, PanelPainter, Theme
from tests.xr.test_panel import panel

pytest.importorskip("PIL")


@pytest.mark.parametrize("theme", [DARK, BRIGHT])
def test_every_control_is_drawn_in_its_place(theme: Theme) -> None:
    view = panel(9)
    picture = PanelPainter(theme, None).paint(view)
    assert picture.shape == (round(HEIGHT_MM * PX_PER_MM), round(WIDTH_MM * PX_PER_MM), 4)
    for each in controls_of(view):
        top, left = round(each.top_mm * PX_PER_MM), round(each.left_mm * PX_PER_MM)
        drawn = picture[top : top + round(each.height_mm * PX_PER_MM), left : left + round(each.width_mm * PX_PER_MM)]
        assert drawn[..., :3][drawn[..., 3] > 0].max() > 150, each.id


def test_on_additive_displays_the_panel_has_no_ground() -> None:
    dark, bright = (PanelPainter(theme, None).paint(panel()) for theme in (DARK, BRIGHT))
    assert (dark[..., 3] == 255).mean() > 0.95
    assert (bright[..., 3] == 0).mean() > 0.7


def test_what_changes_on_it_is_seen() -> None:
    painter = PanelPainter(DARK, font_file())
    before = painter.paint(panel())
    for other in (
        replace(panel(), status="Reconnecting…"),
        replace(panel(), hovered="cut"),
        replace(panel(), slice_on=False),
        panel(3),
    ):
        assert not np.array_equal(painter.paint(other), before)


def test_long_names_end_in_dots_before_the_next_word() -> None:
    long = replace(panel(), title="A very long title " * 20, window="An unusually named window")
    assert PanelPainter(DARK, font_file()).paint(long)[:, -6:, 3].all(axis=1).mean() > 0.9
