"""One image plane of a DICOM file: where it lies, how its values are scaled, when it was taken.

A classic file is one plane; an enhanced multi-frame file is one for each frame, described by functional
groups, per frame first and shared second (PS3.3 C.7.6.16). Both become the same `Plane`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from engine.ingest.dicom.elements import EMPTY, Elements

Mark = float | str | tuple[float, ...]

#: Image Orientation vectors may be this far from unit length and right angles: they are decimal
#: strings, and some writers keep three digits.
_UNIT_TOLERANCE = 5e-3


@dataclass(frozen=True, slots=True)
class Rescale:
    """value = stored · slope + intercept (PS3.3 C.11.1.1)."""

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""  # Rescale Type: "HU", "US", …, empty when not stated

    @property
    def is_integer(self) -> bool:
        """Whether integers stay integers."""
        return self.slope.is_integer() and self.intercept.is_integer()


@dataclass(frozen=True, slots=True)
class Plane:
    """One 2-D image in the patient.

    Attributes:
        frame: its index in the file.
        position_mm: (3,) centre of the first pixel, LPS (Image Position); None when not usable.
        orientation: (6,) unit vectors along a row and down a column (Image Orientation); None likewise.
        spacing_mm: (2,) along i and along j; None likewise.
        thickness_mm: Slice Thickness or Spacing Between Slices: used for single slices alone.
        rescale: stored to real values.
        image_type: Image Type or Frame Type.
        marks: what may tell planes at one position apart, by the noun a user knows.
    """

    frame: int
    position_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing_mm: tuple[float, ...] | None
    thickness_mm: float | None
    rescale: Rescale
    image_type: tuple[str, ...]
    marks: dict[str, Mark]


def axes(orientation: tuple[float, ...]) -> Float64:
    """Unit vectors of i, j and their normal, as the rows of a (3, 3) matrix, from an orientation (6,)."""
    row, column = np.asarray(orientation, dtype=np.float64).reshape(2, 3)
    normal = np.cross(row, column)
    return np.vstack([row / np.linalg.norm(row), column / np.linalg.norm(column), normal / np.linalg.norm(normal)])


def planes(header: Elements, frames: int) -> tuple[Plane, ...]:
    """The planes of a file of `frames` frames."""
    shared, per_frame = header.item(0x52009229), header.items(0x52009230)
    if not per_frame:
        return tuple(_plane(frame, (EMPTY, shared, header)) for frame in range(frames))
    # Frames without a group of their own state no position, and are set aside by name.
    missing = [EMPTY] * (frames - len(per_frame))
    return tuple(_plane(frame, (own, shared, header)) for frame, own in enumerate([*per_frame[:frames], *missing]))


Groups = tuple[Elements, Elements, Elements]  # of the frame, shared by all frames, of the file


def _holder(groups: Groups, sequence: int, tag: int) -> Elements:
    """Where `tag` is stated: the frame's own group, the shared group, or the file itself."""
    for group in groups[:2]:
        if sequence in group and tag in group.item(sequence):
            return group.item(sequence)
    return groups[2]


def _item(groups: Groups, sequence: int) -> Elements:
    """The frame's own item of a functional group, or the one shared by all."""
    return next((group.item(sequence) for group in groups[:2] if sequence in group), EMPTY)


def _plane(frame: int, groups: Groups) -> Plane:
    rows_first = _holder(groups, 0x00289110, 0x00280030).decimals(0x00280030)
    return Plane(
        frame=frame,
        position_mm=_position(_holder(groups, 0x00209113, 0x00200032).decimals(0x00200032)),
        orientation=_orientation(_holder(groups, 0x00209116, 0x00200037).decimals(0x00200037)),
        spacing_mm=_spacing(rows_first[::-1]),
        thickness_mm=_thickness(groups),
        rescale=_rescale(_holder(groups, 0x00289145, 0x00281052)),
        image_type=_frame_type(groups) or groups[2].texts(0x00080008),
        marks=_marks(groups),
    )


def _position(values: tuple[float, ...]) -> tuple[float, ...] | None:
    # A million millimetres is no patient; beyond it, sums lose the precision that geometry needs.
    return values if len(values) == 3 and all(abs(value) < 1e6 for value in values) else None


def _spacing(values: tuple[float, ...]) -> tuple[float, ...] | None:
    return values if len(values) == 2 and all(1e-4 < value < 1e3 for value in values) else None


def _orientation(values: tuple[float, ...]) -> tuple[float, ...] | None:
    if len(values) != 6:
        return None
    (a, b, c), (d, e, f) = values[:3], values[3:]
    lengths = (a * a + b * b + c * c, d * d + e * e + f * f)
    is_unit = all(abs(length - 1) < 2 * _UNIT_TOLERANCE for length in lengths)
    return values if is_unit and abs(a * d + b * e + c * f) < _UNIT_TOLERANCE else None


def _thickness(groups: Groups) -> float | None:
    for tag in (0x00180050, 0x00180088):
        thickness = _holder(groups, 0x00289110, tag).decimal(tag)
        if thickness is not None and 1e-4 < thickness < 1e3:
            return thickness
    return None


def _rescale(holder: Elements) -> Rescale:
    slope, intercept = holder.decimal(0x00281053), holder.decimal(0x00281052)
    # A slope of zero would erase the image; it is written by tools that mean "none".
    usable = slope is not None and slope != 0 and np.isfinite(slope)
    return Rescale(
        slope if slope is not None and usable else 1.0,
        intercept if intercept is not None and np.isfinite(intercept) else 0.0,
        holder.text(0x00281054).upper(),
    )


def _frame_type(groups: Groups) -> tuple[str, ...]:
    for sequence in (0x00189329, 0x00189226, 0x00189751):
        for group in groups[:2]:
            if sequence in group:
                return group.item(sequence).texts(0x00089007)
    return ()


def _marks(groups: Groups) -> dict[str, Mark]:
    """What may tell planes at one position apart, in the order in which it is to be tried."""
    header = groups[2]
    found: dict[str, Mark | None] = {
        "temporal position": header.decimal(0x00200100),
        "trigger time": header.decimal(0x00181060),
        "b-value": next(iter(header.doubles(0x00189087)), None),
        "gradient direction": header.doubles(0x00189089) or None,
        "echo": header.decimal(0x00180086),
        "echo time": header.decimal(0x00180081),
        "inversion time": header.decimal(0x00180082),
        "image type": "\\".join(header.texts(0x00080008)) or None,
        "acquisition": header.decimal(0x00200012),
        "acquisition time": header.decimal(0x00080032),
        "content time": header.decimal(0x00080033),
        "instance": header.decimal(0x00200013),
    }
    if groups[0] is not EMPTY:
        found |= {name: mark for name, mark in _frame_marks(groups).items() if mark is not None}
    return {name: mark for name, mark in found.items() if mark is not None}


def _frame_marks(groups: Groups) -> dict[str, Mark | None]:
    """The same from functional groups."""
    content = _item(groups, 0x00209111)
    diffusion = _holder(groups, 0x00189117, 0x00189087)
    echo = _holder(groups, 0x00189114, 0x00189082)
    cardiac = _item(groups, 0x00189118)
    return {
        "temporal position": next(iter(content.longs(0x00209128)), None),
        "trigger time": next(iter(cardiac.doubles(0x00209153)), None),
        "b-value": next(iter(diffusion.doubles(0x00189087)), None),
        "gradient direction": diffusion.item(0x00189076).doubles(0x00189089) or None,
        "echo time": next(iter(echo.doubles(0x00189082)), None),
        "image type": "\\".join(_frame_type(groups)) or None,
        "acquisition": content.short(0x00209156),
        **{f"dimension {at + 1}": index for at, index in enumerate(content.longs(0x00209157))},
    }
