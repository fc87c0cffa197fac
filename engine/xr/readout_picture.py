"""The readout and the signs of alarms as pictures. Each number is read back from its picture before it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.xr.glyphs import Glyphs
from engine.xr.guided import Alarm
from engine.xr.panel import HEIGHT_MM, WIDTH_MM
from engine.xr.panel_picture import CAP_PX, PX_PER_MM, Ink, PanelPainter, Theme
from engine.xr.readout import (
    BULLSEYE_FROM_MM,
    BULLSEYE_MM,
    LINE_MM,
    LINES_FROM_MM,
    PAD_MM,
    RINGS,
    Bullseye,
    Line,
    ReadoutView,
    bar_mm,
)

#: Alarm colours are used for nothing else (IEC 60601-1-8): red, yellow, cyan.
_ALARM: dict[str, Ink] = {"red": (255, 82, 70, 255), "yellow": (255, 214, 10, 255), "cyan": (90, 220, 255, 255)}
_CORNERS = {"octagon": 8, "triangle": 3}
#: What a level is called where colours do not tell.
_LEVELS = ("", "Near", "Risk", "Inside")
FAULT = "display fault"
#: As long as a number can be, and where all end.
_LONGEST = "-12.3 ±0.4 mm"
_RIGHT_PX = round((WIDTH_MM - PAD_MM) * PX_PER_MM)
_MIDDLE_MM = PAD_MM + BULLSEYE_MM / 2, BULLSEYE_FROM_MM + BULLSEYE_MM / 2
_DEPTH_MM = (
    PAD_MM + BULLSEYE_MM + 8,
    BULLSEYE_FROM_MM + 2,
    PAD_MM + BULLSEYE_MM + 18,
    BULLSEYE_FROM_MM + BULLSEYE_MM - 2,
)
_BULLSEYE_ROWS_MM = BULLSEYE_FROM_MM + 2, BULLSEYE_FROM_MM + 50


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A picture (height, width, 4), and what was read back from it, in the order of `ReadoutView.numbered`.

    None stands where there is a dash; `faults` counts those that are there because the picture was wrong.
    """

    pixels: NDArray[np.uint8]
    read: tuple[str | None, ...]
    faults: int


class ReadoutPainter(PanelPainter):
    """Draws the readout, and reads it."""

    def __init__(self, theme: Theme, font_file: Path | None) -> None:
        super().__init__(theme, font_file)
        self.glyphs = Glyphs(self._body, CAP_PX)
        self._still: tuple[ReadoutView, Image.Image] | None = None

    def paint_readout(self, view: ReadoutView) -> Painted:
        """The picture of a view, with a dash and the words "display fault" for whatever does not read as it should."""
        if self._still is None or self._still[0] != view.still:
            self._still = view.still, self._paint_still(view)
        picture = self._still[1].copy()
        draw = ImageDraw.Draw(picture)
        places = []
        for n, line in enumerate(view.lines):
            top_mm = LINES_FROM_MM + n * LINE_MM
            self._bar(draw, line, top_mm + 24)
            places.append((_RIGHT_PX, round((top_mm + 2) * PX_PER_MM)))
        if view.bullseye is not None:
            self._marks(draw, view.bullseye)
            places += [(_RIGHT_PX, round((row_mm + 15) * PX_PER_MM)) for row_mm in _BULLSEYE_ROWS_MM]
        return self._checked(picture, view, places)

    def _paint_still(self, view: ReadoutView) -> Image.Image:
        """All but numbers, bars and marks."""
        theme = self._theme
        picture = Image.new("RGBA", (round(WIDTH_MM * PX_PER_MM), round(HEIGHT_MM * PX_PER_MM)))
        draw = ImageDraw.Draw(picture)
        whole = (0, 0, picture.width - 1, picture.height - 1)
        draw.rounded_rectangle(whole, 8 * PX_PER_MM, fill=theme.ground, outline=theme.rim, width=3)
        self._write(draw, view.title, PAD_MM, 18, theme.text, self._body, WIDTH_MM - 2 * PAD_MM)
        ink = theme.text if view.is_wrong else theme.quiet
        self._write(draw, view.words, PAD_MM, 38, ink, self._label, WIDTH_MM - 2 * PAD_MM)
        for n, line in enumerate(view.lines):
            self._line(draw, line, LINES_FROM_MM + n * LINE_MM)
        if view.bullseye is not None:
            self._bullseye(draw, view.bullseye)
        elif view.more:
            self._write(draw, f"and {view.more} more", PAD_MM, 304, theme.quiet, self._label, 200)
        for control in view.controls:
            self._control(draw, control, is_hovered=control.id == view.hovered)
        return picture

    def sign(self, alarm: Alarm, *, is_lit: bool, more: int = 0) -> NDArray[np.uint8]:
        """(height, width, 4) an alarm: its shape, its words, its colour. The shape is full while it is lit."""
        ink = _ALARM.get(alarm.colour, self._theme.text)
        words = f"{alarm.text} (+{more})" if more else alarm.text
        said = words.translate(_PLAIN_DASH) if self._is_plain else words
        air, side = CAP_PX // 2, 2 * CAP_PX
        size = (round(self._body.getlength(said)) + side + 3 * air, side + 2 * air)
        picture = Image.new("RGBA", size)
        draw = ImageDraw.Draw(picture)
        draw.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), air, fill=self._theme.ground, outline=ink, width=4)
        _shape(draw, alarm.shape, air + side / 2, size[1] / 2, side / 2, ink, is_full=is_lit)
        middle = (side + 2 * air, size[1] / 2)
        draw.text(middle, said, fill=self._theme.text, font=self._body, anchor="lm")
        return np.asarray(picture)

    def _line(self, draw: ImageDraw.ImageDraw, line: Line, top_mm: float) -> None:
        """One structure, without its number."""
        theme, middle = self._theme, top_mm + 11
        indent = PAD_MM
        if line.colour is not None:
            self._swatch(draw, line.colour, PAD_MM + 6, middle, is_full=line.number is not None)
            indent += 17.0
        urgent = _LEVELS[line.level]
        name = f"{urgent}: {line.name}" if urgent else line.name
        room = _RIGHT_PX / PX_PER_MM - indent - self.glyphs.width_px(_LONGEST) / PX_PER_MM - 2
        self._write(draw, name, indent, middle, theme.text, self._label, room)
        if line.words:
            self._write(draw, line.words, indent, top_mm + 28, theme.quiet, self._label, WIDTH_MM - indent - PAD_MM)

    def _bar(self, draw: ImageDraw.ImageDraw, line: Line, top_mm: float) -> None:
        """Full as far as it is surely free, hatched as far as it may be; ticks where it is near and a risk.

        Grey while it is ageing.
        """
        theme, bar = self._theme, line.bar
        if bar is None or line.number is None:
            return
        left, width, high = PAD_MM, bar_mm(), 9.0

        def box(start: float, end: float) -> tuple[float, float, float, float]:
            a, b = left + start * width, left + end * width
            return a * PX_PER_MM, top_mm * PX_PER_MM, b * PX_PER_MM, (top_mm + high) * PX_PER_MM

        draw.rectangle(box(0, 1), outline=theme.rim, width=2)
        ink = theme.quiet if line.is_ageing else theme.text
        if bar.least > 0:
            draw.rectangle(box(0, bar.least), fill=ink)
        x0, y0, x1, y1 = box(bar.least, bar.most)
        for x in range(round(x0), round(x1), 9):
            draw.line((x, y1, min(x + y1 - y0, x1), y0), fill=ink, width=2)
        for share, deep in ((bar.near, 2.0), (bar.risk, 4.0)):
            at = (left + share * width) * PX_PER_MM
            draw.line((at, y0 - deep * PX_PER_MM, at, y1 + deep * PX_PER_MM), fill=theme.accent, width=4)

    def _bullseye(self, draw: ImageDraw.ImageDraw, eye: Bullseye) -> None:
        """Rings about the way, a case for the depth, and words."""
        theme, half = self._theme, BULLSEYE_MM / 2
        x, y = _MIDDLE_MM
        for ring in range(1, RINGS + 1):
            reach = half * ring / RINGS
            box = _px(x - reach, y - reach, x + reach, y + reach)
            draw.ellipse(box, outline=theme.accent if ring == 1 else theme.rim, width=4 if ring == 1 else 2)
        draw.line(_px(x - half, y, x + half, y), fill=theme.rim, width=1)
        draw.line(_px(x, y - half, x, y + half), fill=theme.rim, width=1)
        left, top, right, bottom = _DEPTH_MM
        draw.rectangle(_px(left, top, right, bottom), outline=theme.rim, width=2)
        words_at = right + 8
        for line, row_mm in zip((eye.to_target, eye.angle), _BULLSEYE_ROWS_MM, strict=True):
            self._write(draw, line.name, words_at, row_mm + 6, theme.text, self._label, WIDTH_MM - words_at - PAD_MM)
            if line.words:
                room = WIDTH_MM - words_at - PAD_MM - 24
                self._write(draw, line.words, words_at, row_mm + 24, theme.quiet, self._label, room)

    def _marks(self, draw: ImageDraw.ImageDraw, eye: Bullseye) -> None:
        """A full mark for the tip, a cross for where its axis goes on to, and how much of the way is behind."""
        if eye.tip is None:
            return
        ink, half = self._theme.text, BULLSEYE_MM / 2
        x, y = _MIDDLE_MM
        tip = x + half * eye.tip[0], y - half * eye.tip[1]
        if eye.aim is not None:
            aim = x + half * eye.aim[0], y - half * eye.aim[1]
            draw.line(_px(*tip, *aim), fill=ink, width=4)
            draw.line(_px(aim[0] - 4, aim[1] - 4, aim[0] + 4, aim[1] + 4), fill=ink, width=5)
            draw.line(_px(aim[0] - 4, aim[1] + 4, aim[0] + 4, aim[1] - 4), fill=ink, width=5)
        draw.ellipse(_px(tip[0] - 3, tip[1] - 3, tip[0] + 3, tip[1] + 3), fill=ink)
        left, top, right, bottom = _DEPTH_MM
        draw.rectangle(_px(left, top, right, top + eye.depth * (bottom - top)), fill=ink)

    def _checked(self, picture: Image.Image, view: ReadoutView, places: list[tuple[int, int]]) -> Painted:
        """Write the numbers, read them, and take back what reads otherwise."""
        draw, theme, glyphs = ImageDraw.Draw(picture), self._theme, self.glyphs
        numbers = [line.number for line in view.numbered]
        for number, (right, top) in zip(numbers, places, strict=True):
            if number is None:
                self._dash(draw, right, top)
            else:
                glyphs.put(draw, right - glyphs.width_px(number), top, number, theme.text)
        pixels = np.asarray(picture)
        read = [
            None
            if number is None
            else glyphs.read(pixels, right - glyphs.width_px(number), top, number, theme.text, theme.ground)
            for number, (right, top) in zip(numbers, places, strict=True)
        ]
        faults = [
            n for n, number in enumerate(numbers) if number is not None and (read[n] != number or not glyphs.is_whole)
        ]
        for n in faults:
            right, top = places[n]
            number = numbers[n]
            assert number is not None
            box = (right - glyphs.width_px(number) - 6, top, right + 6, top + glyphs.cell_px[1])
            draw.rectangle(box, fill=theme.ground)
            self._dash(draw, right, top)
            self._write(draw, FAULT, right / PX_PER_MM - 24, top / PX_PER_MM + 11, theme.text, self._label, 110, "rm")
            read[n] = None
        return Painted(np.asarray(picture) if faults else pixels, tuple(read), len(faults))

    def _dash(self, draw: ImageDraw.ImageDraw, right: int, top: int) -> None:
        middle, thick = top + self.glyphs.cell_px[1] // 2, CAP_PX // 12
        draw.rectangle((right - 2 * CAP_PX, middle - thick, right, middle + thick), fill=self._theme.text)


_PLAIN_DASH = str.maketrans({"—": "-", "·": "-", "±": "~"})


def _px(*values_mm: float) -> list[float]:
    return [value * PX_PER_MM for value in values_mm]


def _shape(draw: ImageDraw.ImageDraw, shape: str, x: float, y: float, reach: float, ink: Ink, *, is_full: bool) -> None:
    """An octagon, a triangle that points up, or a circle."""
    fill = ink if is_full else None
    sides = _CORNERS.get(shape)
    if sides is None:
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=fill, outline=ink, width=5)
        return
    first = pi / 2 if sides == 3 else pi / 8
    corners = [
        (x + reach * cos(first + 2 * pi * n / sides), y - reach * sin(first + 2 * pi * n / sides)) for n in range(sides)
    ]
    draw.polygon(corners, fill=fill, outline=ink, width=5)
