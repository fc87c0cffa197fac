"""The panel as a picture: text set in the page's own type, large enough to be read in a headset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.xr.panel import CHOSEN, HEIGHT_MM, NOTICE, WIDTH_MM, Control, Kind, PanelView, controls_of

#: A headset shows about 25 pixels a degree; at 0.75 m a millimetre takes two of them.
PX_PER_MM = 3
#: Cap heights, as docs/headset.md asks at this distance: body text and labels.
_BODY_MM, _LABEL_MM, _CAP_HEIGHT = 10.5, 8.0, 0.727

#: Of words that stand by themselves.
CAP_PX = round(_BODY_MM * PX_PER_MM)

#: What ASCII has for what the panel says.
_PLAIN = str.maketrans({"—": "-", "×": "x", "…": "...", "·": "-", "≥": ">", "≤": "<"})

Ink = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of the panel, as the page has them in the headset."""

    ground: Ink
    rim: Ink
    control: Ink
    control_on: Ink
    text: Ink
    quiet: Ink
    accent: Ink


DARK = Theme(
    ground=(15, 20, 25, 255),
    rim=(52, 65, 76, 255),
    control=(31, 41, 50, 255),
    control_on=(34, 80, 92, 255),
    text=(238, 243, 246, 255),
    quiet=(170, 183, 194, 255),
    accent=(95, 208, 224, 255),
)
#: On additive displays black is invisible: no grounds, only outlines and bright marks.
BRIGHT = Theme(
    ground=(0, 0, 0, 0),
    rim=(111, 139, 152, 255),
    control=(0, 0, 0, 0),
    control_on=(70, 190, 210, 107),
    text=(255, 255, 255, 255),
    quiet=(196, 212, 220, 255),
    accent=(116, 228, 244, 255),
)


class PanelPainter:
    """Draws the panel; keeps the type."""

    def __init__(self, theme: Theme, font_file: Path | None) -> None:
        """
        Args:
            font_file: a TrueType or WOFF2 file; None takes the type that comes with Pillow, which has ASCII alone.
        """
        self._theme = theme
        self._is_plain = font_file is None
        self._body = _font(font_file, _BODY_MM * PX_PER_MM)
        self._label = _font(font_file, _LABEL_MM * PX_PER_MM)

    def paint(self, view: PanelView) -> NDArray[np.uint8]:
        """(height, width, 4) sRGB with alpha, first row at the top."""
        theme = self._theme
        picture = Image.new("RGBA", (round(WIDTH_MM * PX_PER_MM), round(HEIGHT_MM * PX_PER_MM)))
        draw = ImageDraw.Draw(picture)
        whole = (0, 0, picture.width - 1, picture.height - 1)
        draw.rounded_rectangle(whole, 8 * PX_PER_MM, fill=theme.ground, outline=theme.rim, width=3)
        self._write(draw, view.title, 12, 18, theme.text, self._body, WIDTH_MM - 24)
        self._write(draw, view.status, 12, 37, theme.quiet, self._label, WIDTH_MM - 24)
        for control in controls_of(view):
            self._control(draw, control, is_hovered=control.id == view.hovered)
        self._write(draw, NOTICE, 12, HEIGHT_MM - 14, theme.quiet, self._label, WIDTH_MM - 24)
        return np.asarray(picture)

    def label(self, text: str) -> NDArray[np.uint8]:
        """(height, width, 4) words on a plate, as `paint`; capitals `CAP_PX` high."""
        said = text.translate(_PLAIN) if self._is_plain else text
        air = CAP_PX // 2
        size = (round(self._body.getlength(said)) + 2 * air, 2 * CAP_PX + air)
        picture = Image.new("RGBA", size)
        draw = ImageDraw.Draw(picture)
        draw.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), air, fill=self._theme.ground)
        draw.text((size[0] / 2, size[1] / 2), said, fill=self._theme.text, font=self._body, anchor="mm")
        return np.asarray(picture)

    def _control(self, draw: ImageDraw.ImageDraw, control: Control, *, is_hovered: bool) -> None:
        theme = self._theme
        left, top = control.left_mm, control.top_mm
        box = _px(left, top, left + control.width_mm, top + control.height_mm)
        is_pressed = (control.kind is Kind.TOGGLE and control.is_on) or control.note == CHOSEN
        fill = theme.control_on if is_pressed else theme.control
        rim = theme.accent if is_hovered else theme.rim
        draw.rounded_rectangle(box, 5 * PX_PER_MM, fill=fill, outline=rim, width=5 if is_hovered else 2)
        middle = top + control.height_mm / 2
        if control.kind is Kind.STRUCTURE:
            indent = 8 if control.colour is None else 26
            if control.colour is not None:
                self._swatch(draw, control.colour, left + 13, middle, is_full=control.is_on)
            ink = theme.text if control.is_on else theme.quiet
            self._write(draw, control.text, left + indent, middle, ink, self._body, control.width_mm - indent - 50)
            self._write(draw, control.note, left + control.width_mm - 6, middle, theme.quiet,
                        self._label, 40, anchor="rm")  # fmt: skip
            return
        room = control.width_mm - 6
        self._write(draw, control.text, left + control.width_mm / 2, middle, theme.text, self._label, room, anchor="mm")

    def _swatch(
        self, draw: ImageDraw.ImageDraw, colour: tuple[int, int, int], x_mm: float, y_mm: float, *, is_full: bool
    ) -> None:
        """The structure's colour: a full disc where it is shown, a ring where it is not."""
        ink = (*colour, 255)
        box = _px(x_mm - 6, y_mm - 6, x_mm + 6, y_mm + 6)
        draw.ellipse(box, fill=ink if is_full else None, outline=ink, width=2 * PX_PER_MM)

    def _write(
        self,
        draw: ImageDraw.ImageDraw,
        text: str,
        x_mm: float,
        y_mm: float,
        ink: Ink,
        font: ImageFont.FreeTypeFont,
        room_mm: float,
        anchor: str = "lm",
    ) -> None:
        fitting = _shortened(text.translate(_PLAIN) if self._is_plain else text, font, room_mm * PX_PER_MM)
        draw.text((x_mm * PX_PER_MM, y_mm * PX_PER_MM), fitting, fill=ink, font=font, anchor=anchor)


def _font(file: Path | None, cap_px: float) -> ImageFont.FreeTypeFont:
    size = cap_px / _CAP_HEIGHT
    if file is not None:
        return ImageFont.truetype(file, size)
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType")
    return font


def _shortened(text: str, font: ImageFont.FreeTypeFont, room_px: float) -> str:
    """The text, or as much of it as fits, with three dots."""
    if font.getlength(text) <= room_px:
        return text
    kept = next((n for n in range(len(text), 0, -1) if font.getlength(text[:n] + "...") <= room_px), 0)
    return text[:kept].rstrip() + "..."


def _px(*values_mm: float) -> Sequence[float]:
    return [value * PX_PER_MM for value in values_mm]
