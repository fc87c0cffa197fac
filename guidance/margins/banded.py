"""Margins around a target, at any distance: even on all sides, or different in six directions (docs/margins.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.core.array import Float32, Float64
from engine.core.errors import InvalidValue
from engine.core.field import DistanceField, Region
from engine.core.frame import Frame
from engine.core.grid import Grid
from guidance.margins.kernels.reach import along_axis

#: A margin goes no farther, out or in.
MOST_MM = 50.0
#: Voxels of a grid for margins, at most: what a slider's step is quick enough with.
MOST_VOXELS = 1_000_000
#: No finer grid than this: twice as fine as a clinical CT.
FINEST_MM = 0.5
#: Millimetres under which a side has no margin at all.
_NO_REACH = 1e-3
_ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
#: So many voxels beyond the border of a margin are measured.
_BEYOND = 2.0
#: A reach of fewer voxels than this is measured straight out from the target's surface.
_SHORT = 1.5


class Band(StrEnum):
    """The margins of a target from within outwards.

    What must come out with it, what may come out for safety, and where a cut begins to put at risk what should stay.
    """

    RESECTION = "resection"
    SAFETY = "safety"
    RISK = "risk"


#: Where they begin, until a slider is moved.
DEFAULT_MM = {Band.RESECTION: 5.0, Band.SAFETY: 10.0, Band.RISK: 15.0}


@dataclass(frozen=True, slots=True)
class Toward:
    """How far a margin goes to each side of the patient: all out, or all in (negative)."""

    left_mm: float
    right_mm: float
    posterior_mm: float
    anterior_mm: float
    superior_mm: float
    inferior_mm: float

    def __post_init__(self) -> None:
        if not all(abs(mm) <= MOST_MM for mm in self.in_order):
            raise InvalidValue(f"a margin goes {MOST_MM:.0f} mm out or in at most, got {self.in_order}")
        if min(self.in_order) < 0 < max(self.in_order):
            raise InvalidValue("a margin goes out on all sides, or in on all sides: a mixture has no one meaning")

    @classmethod
    def evenly(cls, distance_mm: float) -> Toward:
        """The same to every side."""
        return cls(*[float(distance_mm)] * 6)

    @property
    def in_order(self) -> tuple[float, float, float, float, float, float]:
        """Left, right, posterior, anterior, superior, inferior: +x, -x, +y, -y, +z, -z of the patient."""
        return (
            self.left_mm,
            self.right_mm,
            self.posterior_mm,
            self.anterior_mm,
            self.superior_mm,
            self.inferior_mm,
        )

    @property
    def is_even(self) -> bool:
        """Whether every side is the same."""
        return len(set(self.in_order)) == 1


def margin_grid(low_mm: Float64, high_mm: Float64, frame: Frame, reach_mm: float, finest_mm: float = FINEST_MM) -> Grid:
    """A grid of cubes along the patient's axes around a target's corners and `reach_mm` more.

    As fine as `finest_mm`, coarser where that would be more than `MOST_VOXELS`: a distance field is smooth, and between
    its samples off by no more than the squared spacing by eight times the radius of what it is the distance to.
    """
    size = np.asarray(high_mm, np.float64) - low_mm + 2 * reach_mm
    spacing = max(finest_mm, FINEST_MM, float((size.prod() / MOST_VOXELS) ** (1 / 3)))
    shape = np.ceil(size / spacing).astype(int) + 3
    matrix = np.diag([spacing, spacing, spacing, 1.0])
    matrix[:3, 3] = (np.asarray(low_mm) + high_mm) / 2 - spacing * (shape - 1) / 2
    return Grid.from_matrix((int(shape[0]), int(shape[1]), int(shape[2])), matrix, frame.uid)


def margin(
    target: DistanceField,
    toward: Toward,
    within: DistanceField | None = None,
    without: Iterable[tuple[DistanceField, float]] = (),
) -> Region:
    """The margin of a target (numpy samples): what is reached from it, or left of it where `toward` goes in.

    Args:
        within: an organ that it does not leave.
        without: structures that it stays out of, and how far.

    Raises:
        FrameMismatch, InvalidValue: fields on different grids; uneven sides on a grid that is not of cubes along the
            patient's axes (`margin_grid`).
    """
    region = target.region(toward.in_order[0]) if toward.is_even else _uneven(target, toward)
    if within is not None:
        region = region.within(within.region())
    for other, away_mm in without:
        region = region.without(other.region(away_mm))
    return region


def thinned(field: DistanceField, every: int) -> DistanceField:
    """Every so-many-th sample of a field along each axis, where they are (numpy samples)."""
    samples = np.asarray(field.samples_mm)[::every, ::every, ::every]
    matrix = field.grid.patient_from_voxel.matrix @ np.diag([every, every, every, 1.0])
    grid = Grid.from_matrix(samples.shape, matrix, field.grid.frame_of_reference_uid)
    return DistanceField(grid, samples, field.error_mm)


def _uneven(target: DistanceField, toward: Toward) -> Region:
    grid, spacing = target.grid, float(target.grid.spacing_mm[0])
    if not np.allclose(grid.directions, np.eye(3), atol=1e-6) or not np.allclose(grid.spacing_mm, spacing, rtol=1e-6):
        raise InvalidValue("a margin that differs by side is made on a grid of cubes along the patient's axes")
    samples = np.asarray(target.samples_mm)
    if min(toward.in_order) < 0:
        # What is left of the target is what cannot be reached from outside of it, going the other way.
        left, right, posterior, anterior, superior, inferior = (-mm for mm in toward.in_order)
        outside = _reached(-samples, spacing, (right, left, anterior, posterior, inferior, superior))
        return Region(grid, -outside, target.error_mm + spacing / 4)
    return Region(grid, _reached(samples, spacing, toward.in_order), target.error_mm + spacing / 4)


def _reached(samples: Float64, spacing: float, reaches: tuple[float, ...]) -> Float64:
    """(ni, nj, nk) about the distance to the border of what is reached from where `samples` are negative."""
    f = np.ascontiguousarray(samples, np.float32)
    outward = np.stack(list(np.gradient(f, spacing)), axis=-1)
    outward /= np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-6)
    ahead, back = np.array(reaches[0::2], np.float32), np.array(reaches[1::2], np.float32)
    # How far the ellipsoid reaches along the way out of the target: its support function.
    sides = np.where(outward > 0, ahead, back)
    straight = np.linalg.norm(outward * sides, axis=-1)
    shortest = max(min(reaches), _SHORT * spacing)
    gauges = np.sqrt(_gauges2(f, spacing, reaches, (1 + _BEYOND * spacing / shortest) ** 2))
    level = np.where((f < 0) | (straight < _SHORT * spacing), f - straight, (gauges - 1) * straight)
    return np.asarray(level, np.float32)


def _gauges2(f: Float32, spacing: float, reaches: tuple[float, ...], most2: float) -> Float32:
    """Squared gauges, the least of three orders of the axes, each of which begins with another."""
    costs = [1 / reach**2 if reach > _NO_REACH else np.inf for reach in reaches]
    least = np.full(f.shape, most2, np.float32)
    for order in _ORDERS:
        gauges = np.where(f < 0, np.float32(0), np.float32(most2))
        for axis in order:
            line, was = (np.ascontiguousarray(np.moveaxis(values, axis, -1)) for values in (f, gauges))
            out = np.empty_like(was)
            along_axis(line, was, out, spacing, costs[2 * axis], costs[2 * axis + 1], most2)
            gauges = np.moveaxis(out, -1, axis)
        np.minimum(least, gauges, out=least)
    return least
