"""Which mark found which lesion: in millimetres, one to one.

A mark may find a lesion that it lies in or near enough to, by a rule declared before the session. Of all ways to pair
them the one is taken that pairs most and, of those, has the least total distance (Kuhn 1955). A mark on a lesion that
another mark has found is a duplicate: kept, and no false mark. Every other mark is a false one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy.optimize import linear_sum_assignment

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue

#: More than any distance in a patient: pairing more marks always comes before pairing them closer.
_FAR_MM = 1e6


class Kind(StrEnum):
    """What became of a mark."""

    FOUND = "on a lesion"
    DUPLICATE = "on a lesion that another mark found"
    FALSE = "on no lesion"


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A trainee's mark.

    Attributes:
        place_mm: (3,) patient millimetres.
        rating: how sure.
    """

    place_mm: Float64
    rating: float

    def __post_init__(self) -> None:
        place = owned(self.place_mm, np.float64)
        if place.shape != (3,) or not np.isfinite(place).all() or not np.isfinite(self.rating):
            raise InvalidValue("a mark has a place of three finite numbers and a finite rating")
        object.__setattr__(self, "place_mm", place)


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """What is there.

    Attributes:
        centre_mm: (3,).
        radius_mm: of the ball of the same volume.
        voxels_mm: (n, 3) middles of the voxels of its mask, on its border at least; empty where it is known as a point.
    """

    centre_mm: Float64
    radius_mm: float
    voxels_mm: Float64

    def __post_init__(self) -> None:
        centre, voxels = owned(self.centre_mm, np.float64), owned(self.voxels_mm, np.float64)
        if centre.shape != (3,) or voxels.shape[1:] != (3,) or not self.radius_mm >= 0:
            raise InvalidValue("a lesion has a middle, a radius, and voxels as places")
        object.__setattr__(self, "centre_mm", centre)
        object.__setattr__(self, "voxels_mm", voxels)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """When a mark is near enough, declared with the task.

    Attributes:
        beyond_mm: how far beyond a lesion's border a mark may lie.
        least_mm: a mark so near to the middle is near enough however small the lesion is: hands tremble.
    """

    beyond_mm: float = 5.0
    least_mm: float = 10.0

    def __post_init__(self) -> None:
        if not (0 <= self.beyond_mm < 200 and 0 <= self.least_mm < 200):
            raise InvalidValue("marks are accepted within millimetres")

    def scaled(self, factor: float) -> Acceptance:
        """The same rule, wider or narrower: how much of a score hangs on it."""
        return replace(self, beyond_mm=self.beyond_mm * factor, least_mm=self.least_mm * factor)


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of one mark: which lesion it lies on (None where on none), and how far from its middle."""

    kind: Kind
    lesion: int | None = None
    off_mm: float = float("nan")


def match(marks: Sequence[Mark], lesions: Sequence[Lesion], acceptance: Acceptance) -> tuple[Matched, ...]:
    """What became of each mark, in their order."""
    if not marks or not lesions:
        return tuple(Matched(Kind.FALSE) for _ in marks)
    off_mm = np.array([[float(np.linalg.norm(mark.place_mm - one.centre_mm)) for one in lesions] for mark in marks])
    near = np.array([[_is_near(mark, one, acceptance) for one in lesions] for mark in marks])
    rows, columns = linear_sum_assignment(np.where(near, off_mm, _FAR_MM))
    found = {int(row): int(column) for row, column in zip(rows, columns, strict=True) if near[row, column]}
    return tuple(_became(n, found, near[n], off_mm[n]) for n in range(len(marks)))


def _is_near(mark: Mark, lesion: Lesion, acceptance: Acceptance) -> bool:
    off_mm = float(np.linalg.norm(mark.place_mm - lesion.centre_mm))
    if off_mm <= max(acceptance.least_mm, lesion.radius_mm + acceptance.beyond_mm):
        return True
    if not len(lesion.voxels_mm):
        return False
    return float(np.linalg.norm(lesion.voxels_mm - mark.place_mm, axis=1).min()) <= acceptance.beyond_mm


def _became(mark: int, found: dict[int, int], near: Float64, off_mm: Float64) -> Matched:
    if mark in found:
        lesion = found[mark]
        return Matched(Kind.FOUND, lesion, float(off_mm[lesion]))
    if near.any():
        lesion = int(np.where(near, off_mm, np.inf).argmin())
        return Matched(Kind.DUPLICATE, lesion, float(off_mm[lesion]))
    return Matched(Kind.FALSE)
