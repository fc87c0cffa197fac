"""Digits in cells of one width, and reading them back from the picture in which they were drawn.

A navigation system was recalled because its display left a digit of a distance blank. What is drawn here is therefore
read again from the finished picture, cell by cell, against each glyph as the type has it.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.core.array import Float32

CHARACTERS = "0123456789.,-±°m "
#: Root mean square by which a cell may differ from its glyph, of full ink; and by which two glyphs differ at least.
LARGEST_DIFFERENCE, LEAST_APART = 0.08, 0.12


class Glyphs:
    """The characters of numbers in one type.

    Attributes:
        cell_px: width and height of a cell; `m` has a wider one.
        is_whole: whether the type has every character, each unlike the others.
    """

    def __init__(self, font: ImageFont.FreeTypeFont, cap_px: float) -> None:
        self._font = font
        self._cap_px = cap_px
        narrow = ceil(max(font.getlength(each) for each in "0123456789")) + 2
        self._widths = dict.fromkeys(CHARACTERS, narrow) | {"m": ceil(font.getlength("m")) + 2}
        self.cell_px = narrow, ceil(1.7 * cap_px)
        self._known = {each: self._reference(each) for each in CHARACTERS}
        self._by_width = {
            width: (
                "".join(each for each in CHARACTERS if self._widths[each] == width),
                np.stack([self._known[each].ravel() for each in CHARACTERS if self._widths[each] == width]),
            )
            for width in set(self._widths.values())
        }
        self.is_whole = self._differ()

    def width_px(self, text: str) -> int:
        """How wide a text is."""
        return sum(self._widths[each] for each in text)

    def put(self, draw: ImageDraw.ImageDraw, x_px: int, y_px: int, text: str, ink: tuple[int, ...]) -> None:
        """Write a text, its cells beginning at (x, y)."""
        for each in text:
            self.put_one(draw, x_px, y_px, each, ink)
            x_px += self._widths[each]

    def put_one(self, draw: ImageDraw.ImageDraw, x_px: int, y_px: int, each: str, ink: tuple[int, ...]) -> None:
        """Write one character into its cell."""
        width, (_, height) = self._widths[each], self.cell_px
        middle, base = x_px + width // 2, y_px + (height + round(self._cap_px)) // 2
        if each == "±":
            self._put_plus_minus(draw, middle, base, ink)
        elif each == "°":
            self._put_degree(draw, middle, base, ink)
        elif each != " ":
            draw.text((middle, base), each, fill=ink, font=self._font, anchor="ms")

    def read(
        self, picture: NDArray[np.uint8], x_px: int, y_px: int, text: str, ink: tuple[int, ...], ground: tuple[int, ...]
    ) -> str:
        """What stands in the cells that `text` was written into; `?` for what is no character.

        Args:
            picture: (height, width, 4) as it is shown.
        """
        read = ""
        for each in text:
            width, (_, height) = self._widths[each], self.cell_px
            cell = picture[y_px : y_px + height, x_px : x_px + width]
            read += self._nearest(_coverage(cell, ink, ground))
            x_px += width
        return read

    def _nearest(self, cell: Float32) -> str:
        names, glyphs = self._by_width.get(cell.shape[1], ("", np.empty((0, cell.size), np.float32)))
        if cell.size != glyphs.shape[1] or not names:
            return "?"
        apart = np.sqrt(np.mean((glyphs - cell.ravel()) ** 2, axis=1))
        found = int(apart.argmin())
        return names[found] if apart[found] <= LARGEST_DIFFERENCE else "?"

    def _reference(self, each: str) -> Float32:
        picture = Image.new("L", (self._widths[each], self.cell_px[1]))
        self.put_one(ImageDraw.Draw(picture), 0, 0, each, (255,))
        return np.asarray(np.asarray(picture, np.float32) / np.float32(255), np.float32)

    def _differ(self) -> bool:
        blank = [each for each, glyph in self._known.items() if each != " " and not glyph.any()]
        pairs = [(a, b) for a in CHARACTERS for b in CHARACTERS if a < b]
        same = [
            (a, b)
            for a, b in pairs
            if self._known[a].shape == self._known[b].shape
            and float(np.sqrt(np.mean((self._known[a] - self._known[b]) ** 2))) < LEAST_APART
        ]
        return not blank and not same

    def _put_plus_minus(self, draw: ImageDraw.ImageDraw, x: int, base: int, ink: tuple[int, ...]) -> None:
        """Drawn, not set: the type that comes with Pillow lacks it."""
        arm, thick = round(0.3 * self._cap_px), max(1, round(0.06 * self._cap_px))
        y = base - round(0.6 * self._cap_px)
        draw.rectangle((x - arm, y - thick, x + arm, y + thick), fill=ink)
        draw.rectangle((x - thick, y - arm, x + thick, y + arm), fill=ink)
        foot = base - 2 * thick
        draw.rectangle((x - arm, foot, x + arm, foot + 2 * thick), fill=ink)

    def _put_degree(self, draw: ImageDraw.ImageDraw, middle: int, base: int, ink: tuple[int, ...]) -> None:
        arm, thick = round(0.17 * self._cap_px), max(1, round(0.11 * self._cap_px))
        x, y = middle - round(0.1 * self._cap_px), base - round(0.82 * self._cap_px)
        draw.ellipse((x - arm, y - arm, x + arm, y + arm), outline=ink, width=thick)


def _coverage(cell: NDArray[np.uint8], ink: tuple[int, ...], ground: tuple[int, ...]) -> Float32:
    """How much of the ink each pixel has, 0 to 1; a colour that is neither counts as what it is off by."""
    if ground[3] == 0:  # on displays that only add light there is no ground: the ink's own alpha tells
        alpha = cell[..., 3].astype(np.float32) / ink[3]
        other = np.abs(cell[..., :3].astype(np.float32) - np.array(ink[:3], np.float32)).max(axis=-1) / 255
        return np.asarray(alpha + other * (cell[..., 3] > 127), np.float32)
    way = np.array(ink, np.float32) - np.array(ground, np.float32)
    from_ground = cell.astype(np.float32) - np.array(ground, np.float32)
    share = from_ground @ way / float(way @ way)
    beside = np.linalg.norm(from_ground - share[..., None] * way, axis=-1) / float(np.linalg.norm(way))
    return np.asarray(share + beside, np.float32)
