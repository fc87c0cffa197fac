"""What a pointer did: its tip, where it rested, and where it was turned about its tip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from engine.core.transform import Transform
from guidance.accuracy.refused import AccuracyDoubt, AccuracyRefused
from guidance.calibrate.pivot import pivot
from guidance.calibrate.tool_tip import CalibrationRefused, ToolTip
from guidance.register.touch import touches
from guidance.track.sample import Sample
from guidance.uncertainty.point_error import PointError

#: The tip stays within this while it is turned in a divot, even where it was calibrated badly.
STILL_MM = 4.0
#: A hand settles, and lets go: so much of either end of a touch is left out.
SETTLE_S = 0.25
#: A pointer that turned by more than this in a touch was turned on purpose.
TURNED_RAD = np.deg2rad(15.0)
#: A pivot is long enough from here on.
ENOUGH_PIVOT_S = 8.0
#: The tool is looked at through a window of this length for a pivot.
_WINDOW_S = 4.0
#: A piece of movement in which some point of the tool stays within this was a rest of that point.
_ON_POINT_MM = 0.8
_PIECE_S = 1.0
#: More than this share of places that do not fit, and the tip went elsewhere meanwhile.
_MOST_LEFT_OUT = 0.1
_LEAST_PIECE = 10
#: Places of pointer and artefact that are farther apart in time are not of one moment.
_TOGETHER_S = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """A pointer over time.

    Attributes:
        places: of the pointer's markers, in the tracker's frame, or in that of a reference on the artefact.
        times_s: (n,) growing.
        is_relative: whether a reference on the artefact was tracked too.
        lost: share of the samples in which the pointer or the reference was not seen.
    """

    places: tuple[Transform, ...]
    times_s: Float64
    is_relative: bool
    lost: float

    def __post_init__(self) -> None:
        times = owned(self.times_s, np.float64)
        if times.shape != (len(self.places),) or (np.diff(times) <= 0).any():
            raise InvalidValue("each place has its time, and times grow")
        object.__setattr__(self, "times_s", times)

    def tips(self, tip_mm: Float64) -> Float64:
        """(n, 3) where a tip was."""
        matrices = np.array([place.matrix for place in self.places]).reshape(-1, 4, 4)
        return np.asarray(matrices[:, :3, :3] @ tip_mm + matrices[:, :3, 3])


def movement(pointer: Sequence[Sample], reference: Sequence[Sample] = ()) -> Movement:
    """The pointer's samples, in the reference's frame where one is given; what was not seen is left out."""
    seen = [one for one in pointer if isinstance(one.world_from_thing, Transform)]
    if not reference:
        kept = [(one.world_from_thing, one.time_s) for one in seen]
    else:
        anchors = [one for one in reference if isinstance(one.world_from_thing, Transform)]
        kept = list(_relative(seen, anchors)) if anchors else []
    grown: list[tuple[Transform, float]] = []
    for place, time_s in kept:
        assert isinstance(place, Transform)
        if not grown or time_s > grown[-1][1]:
            grown.append((place, time_s))
    lost = 1.0 - len(grown) / len(pointer) if pointer else 1.0
    return Movement(tuple(p for p, _ in grown), np.array([t for _, t in grown]), bool(reference), lost)


def _relative(seen: list[Sample], anchors: list[Sample]) -> list[tuple[Transform, float]]:
    times = np.array([one.time_s for one in anchors])
    made = []
    for one in seen:
        k = int(np.clip(np.searchsorted(times, one.time_s), 1, len(times) - 1)) if len(times) > 1 else 0
        near = min((k - 1, k) if k else (k,), key=lambda i, at=one.time_s: abs(float(times[i]) - at))
        anchor = anchors[near].world_from_thing
        if abs(times[near] - one.time_s) <= _TOGETHER_S:
            assert isinstance(anchor, Transform)
            assert isinstance(one.world_from_thing, Transform)
            made.append((anchor.inverse @ one.world_from_thing, one.time_s))
    return made


@dataclass(frozen=True, slots=True, eq=False)
class Tip:
    """The pointer's tip, and when it was found.

    Attributes:
        tool: the calibration.
        start_s, end_s: of the movement it was found from; both NaN where it was given.
        is_pivot: whether the pointer was turned for it on purpose.
        words: how it was found.
    """

    tool: ToolTip
    start_s: float
    end_s: float
    is_pivot: bool
    words: str

    @classmethod
    def given(cls, tip_mm: Float64) -> Tip:
        """One that was calibrated elsewhere, (3,), taken at its word."""
        tool = ToolTip(tip_mm, PointError(np.zeros((3, 3))), 0.0, 0.0)
        return cls(tool, float("nan"), float("nan"), False, "given")

    @property
    def is_given(self) -> bool:
        """Whether it comes from elsewhere."""
        return bool(np.isnan(self.start_s))


def find_tip(movement: Movement) -> Tip:
    """The tip from the first pivot, or else from how the pointer was turned and held in all its rests.

    Raises:
        AccuracyRefused: it cannot be found; with what to do.
    """
    run = _first_pivot(movement)
    if run is None:
        return _by_rests(movement)
    start_s, end_s = (float(t) for t in movement.times_s[run][[0, -1]])
    return Tip(
        pivot([movement.places[run]]),
        start_s,
        end_s,
        True,
        f"found by turning it in one divot for {end_s - start_s:.0f} s",
    )


def _first_pivot(movement: Movement) -> slice | None:
    """Successive windows in each of which the tool was turned about one point, as one."""
    if not len(movement.places):
        return None
    first, last = None, 0
    for start_s in np.arange(movement.times_s[0], movement.times_s[-1] - _WINDOW_S / 2, _WINDOW_S / 4):
        window = slice(*np.searchsorted(movement.times_s, (start_s, start_s + _WINDOW_S)))
        if _is_pivot(movement.places[window]):
            first, last = window.start if first is None else first, window.stop
        elif first is not None:
            break
    if first is None or movement.times_s[last - 1] - movement.times_s[first] < ENOUGH_PIVOT_S:
        return None
    return slice(first, last)


def _is_pivot(places: Sequence[Transform]) -> bool:
    try:
        return pivot([places]).left_out < _MOST_LEFT_OUT
    except CalibrationRefused:
        return False


def _about_points(movement: Movement) -> list[tuple[Transform, ...]]:
    """Pieces in which the pointer was turned about one point, whichever, or held still."""
    if not len(movement.places):
        return []
    pieces: list[slice] = []
    for start_s in np.arange(movement.times_s[0], movement.times_s[-1], _PIECE_S):
        piece = slice(*(int(k) for k in np.searchsorted(movement.times_s, (start_s, start_s + _PIECE_S))))
        whole = slice(pieces[-1].start, piece.stop) if pieces and pieces[-1].stop == piece.start else piece
        if _is_about_a_point(movement.places[whole]):
            pieces[-1:] = [whole] if whole is not piece else [*pieces[-1:], piece]
        elif _is_about_a_point(movement.places[piece]):
            pieces.append(piece)
    return [movement.places[piece] for piece in pieces]


def _is_about_a_point(places: Sequence[Transform]) -> bool:
    return len(places) >= _LEAST_PIECE and _off_point_mm(places) < _ON_POINT_MM


def _off_point_mm(places: Sequence[Transform]) -> float:
    """How far a point of the tool moves at least: root mean square, of the point that moves least."""
    matrices = np.array([place.matrix for place in places])
    rows = np.concatenate([matrices[:, :3, :3], np.broadcast_to(-np.eye(3), (len(places), 3, 3))], axis=2).reshape(
        -1, 6
    )
    wanted = -matrices[:, :3, 3].ravel()
    # A tool that was hardly turned leaves directions open: they stay at the markers.
    found = np.linalg.lstsq(rows, wanted, rcond=1e-3)[0]
    return float(np.sqrt(((rows @ found - wanted) ** 2).sum() / len(places)))


def _by_rests(movement: Movement) -> Tip:
    """From rests that are known roughly, and then better."""
    try:
        tool = pivot(_about_points(movement))
        for _ in range(3):
            tool = pivot(_divots(movement, tool.tip_mm))
    except CalibrationRefused as error:
        raise AccuracyRefused(
            AccuracyDoubt.NO_TIP,
            f"the pointer's tip cannot be told: {error}. Turn it in one divot for ten seconds, or give its tip",
        ) from error
    words = "found from how it was held in the divots"
    return Tip(tool, float(movement.times_s[0]), float(movement.times_s[-1]), False, words)


def _divots(movement: Movement, tip_mm: Float64) -> list[tuple[Transform, ...]]:
    every = touches(movement.tips(tip_mm), movement.times_s, still_mm=STILL_MM)
    return [movement.places[slice(*_span(movement.times_s, rest.start_s, rest.end_s))] for rest in every]


def _span(times_s: Float64, start_s: float, end_s: float) -> tuple[int, int]:
    return int(np.searchsorted(times_s, start_s)), int(np.searchsorted(times_s, end_s, side="right"))


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """The tip in one place for a while: one measurement, or a sweep of the pointer about its tip.

    Attributes:
        at_mm: (3,) mean of the tip, without the ends of the touch.
        samples_mm: (k, 3) what it is the mean of.
        turns_rad: (k, 3) how the pointer was turned from its mean attitude, about the axes of its own markers.
        start_s, end_s: of the whole touch.
    """

    at_mm: Float64
    samples_mm: Float64
    turns_rad: Float64
    start_s: float
    end_s: float

    @property
    def turned_rad(self) -> float:
        """From one end of the turn to the other, about the axis that it was turned about most."""
        return float(np.ptp(self.turns_rad @ self.axis))

    @property
    def axis(self) -> Float64:
        """(3,) unit vector that the pointer was turned about most, in the frame of its markers."""
        return np.asarray(np.linalg.svd(self.turns_rad - self.turns_rad.mean(axis=0), full_matrices=False)[2][0])

    @property
    def is_turned(self) -> bool:
        """Whether the pointer was turned on purpose."""
        return bool(self.turned_rad > TURNED_RAD)

    @property
    def jitter_mm(self) -> float:
        """Standard deviation of a single sample, root mean square of three axes."""
        apart = self.samples_mm - self.at_mm
        return float(np.sqrt((apart**2).sum() / max(3 * (len(apart) - 1), 1)))


def rests(movement: Movement, tip_mm: Float64) -> tuple[Rest, ...]:
    """All touches, in order."""
    tips = movement.tips(tip_mm)
    made = []
    for touch in touches(tips, movement.times_s, still_mm=STILL_MM):
        first, last = _span(movement.times_s, touch.start_s + SETTLE_S, touch.end_s - SETTLE_S)
        if last - first < 3:
            continue
        samples = tips[first:last]
        turned = _turns(movement.places[first:last])
        made.append(Rest(samples.mean(axis=0), samples, turned, touch.start_s, touch.end_s))
    return tuple(made)


def _turns(places: Sequence[Transform]) -> Float64:
    """(k, 3) rotation vectors from the mean attitude."""
    rotations = np.array([place.matrix[:3, :3] for place in places])
    left, _, right = np.linalg.svd(rotations.sum(axis=0))
    middle = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    apart = middle.T @ rotations
    cosine = np.clip((np.trace(apart, axis1=1, axis2=2) - 1) / 2, -1.0, 1.0)
    angle = np.arccos(cosine)
    skew = np.stack(
        [apart[:, 2, 1] - apart[:, 1, 2], apart[:, 0, 2] - apart[:, 2, 0], apart[:, 1, 0] - apart[:, 0, 1]], axis=1
    )
    sine = np.linalg.norm(skew, axis=1) / 2
    return np.asarray(skew / 2 * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 1.0)[:, None])
