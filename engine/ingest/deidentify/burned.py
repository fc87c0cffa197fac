"""Text burned into pixels: what a file says of it, what its kind makes likely, and what the margins look like.

The last is no reader of text. It looks for rows of small figures drawn in strokes of one brightness on something
plain, in the outer quarters of a frame: where scanners and screens write. Text over anatomy, handwriting and
single characters are not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage

#: Kinds of objects that are pictures of screens, or are written into by habit.
_LIKELY = (
    ("1.2.840.10008.5.1.4.1.1.7", "secondary capture"),
    ("1.2.840.10008.5.1.4.1.1.6", "ultrasound"),
    ("1.2.840.10008.5.1.4.1.1.3", "ultrasound"),
    ("1.2.840.10008.5.1.4.1.1.77.1", "photograph"),
)
_SCREENS = frozenset({"SCREEN SAVE", "SCREENSAVE", "SECONDARY CAPTURE", "DOSE_INFO", "PASTED", "REPORT"})
#: The finding of `has_text`.
TEXT = "text-like pixels in the margins"
_MARGIN = 0.25
_LARGEST_PX = 1100
#: Widest stroke of a character, and least contrast of a stroke, of the whole frame's.
_STROKE_PX, _CONTRAST = 9, 0.3
#: Least contrast of a stroke, of what the frame's own grain has.
_ABOVE_NOISE = 4.0
_HEIGHTS_PX = (5, 48)
#: Share of its box that a character fills.
_FILL = (0.12, 0.92)
_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class _Figure:
    top: int
    bottom: int
    left: int
    right: int
    level: float

    @property
    def height(self) -> int:
        return self.bottom - self.top


def reasons(dataset: Dataset, frames: Iterable[NDArray[np.generic]]) -> tuple[str, ...]:
    """Why there may be text in the pixels; empty where nothing says so.

    Args:
        dataset: the object as it came.
        frames: (rows, columns) or (rows, columns, samples) each.
    """
    found = []
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        found.append("said by the file")
    sop_class = str(dataset.get("SOPClassUID", ""))
    found += [what for root, what in _LIKELY if sop_class == root or sop_class.startswith(root + ".")]
    image_type = {str(value).upper() for value in dataset.get("ImageType", None) or ()}
    if image_type & _SCREENS:
        found.append("picture of a screen")
    if any(has_text(frame) for frame in frames):
        found.append(TEXT)
    return tuple(found)


def has_text(frame: NDArray[np.generic]) -> bool:
    """Whether rows of characters seem to stand in the margins of a frame (rows, columns[, samples])."""
    grey = np.asarray(frame, np.float32)
    if grey.ndim == 3:
        grey = grey.mean(axis=-1)
    step = -(-max(grey.shape) // _LARGEST_PX)
    grey = grey[::step, ::step]
    span = float(grey.max() - grey.min()) if grey.size else 0.0
    if span == 0.0 or min(grey.shape) < 2 * _STROKE_PX:
        return False
    return any(_has_rows(sign * grey / span) for sign in (1.0, -1.0))


def _has_rows(grey: NDArray[np.float32]) -> bool:
    """Rows of characters brighter than what they stand on; `grey` spans 1."""
    ground = ndimage.grey_opening(grey, size=(_STROKE_PX, _STROKE_PX))
    above = grey - ground
    strokes = above > max(_CONTRAST, _ABOVE_NOISE * float(np.median(above)))
    rows, columns = grey.shape
    strokes[int(_MARGIN * rows) : int((1 - _MARGIN) * rows), int(_MARGIN * columns) : int((1 - _MARGIN) * columns)] = 0
    labels, _ = ndimage.label(strokes, np.ones((3, 3)))
    figures = [
        _Figure(y.start, y.stop, x.start, x.stop, float(np.median(grey[y, x][labels[y, x] == number])))
        for number, (y, x) in enumerate(ndimage.find_objects(labels), 1)
        if _like_a_character(labels[y, x] == number)
    ]
    return _longest_row(figures) >= _CHARACTERS


def _like_a_character(shape: NDArray[np.bool_]) -> bool:
    height, width = shape.shape
    fill = np.count_nonzero(shape) / shape.size
    narrow = width <= max(3, 0.3 * height)  # an I fills its box
    return bool(
        _HEIGHTS_PX[0] <= height <= _HEIGHTS_PX[1]
        and width <= 1.7 * height
        and fill >= _FILL[0]
        and (narrow or fill <= _FILL[1])
    )


def _longest_row(figures: Sequence[_Figure]) -> int:
    """Most figures of like height and brightness that stand beside each other on one line."""
    longest = 0
    length: dict[_Figure, int] = {}
    for one in sorted(figures, key=lambda figure: figure.left):
        length[one] = 1 + max((length[other] for other in length if _follows(one, other)), default=0)
        longest = max(longest, length[one])
    return longest


def _follows(one: _Figure, other: _Figure) -> bool:
    tall = max(one.height, other.height)
    gap = one.left - other.right
    return (
        -1 <= gap <= 1.6 * tall
        and abs(one.bottom - other.bottom) <= max(1, 0.2 * tall)
        and min(one.height, other.height) >= 0.7 * tall
        and abs(one.level - other.level) <= 0.15
    )
