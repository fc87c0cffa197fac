"""All that touches of an artefact say of a tracked pointer, and what they do not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from guidance.accuracy.artefact import Artefact
from guidance.accuracy.distance import Distances, distances
from guidance.accuracy.drift import Drift, drift
from guidance.accuracy.estimate import Estimate, deviation
from guidance.accuracy.heard import Movement, Rest, Tip, find_tip, rests
from guidance.accuracy.matching import SAME_MM, matched
from guidance.accuracy.orientation import About, Sweep, sweeps
from guidance.accuracy.position import Again, Everywhere, Measured, again, everywhere, measured

#: What a full check has, here; the standard asks for as many and more.
ENOUGH_AGAIN = 20
ENOUGH_ROUNDS = 3
#: An artefact known no better than this share of what is measured limits the result.
MOST_OF_ERROR = 1 / 3
MOST_LOST = 0.02
#: An attitude swept over less says little.
ENOUGH_TURN_RAD = np.deg2rad(40.0)


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """One check.

    Attributes:
        again: single point; None where no divot was touched often enough.
        everywhere: single points over the volume.
        sweeps: sensitivity to orientation.
        distances: point to point.
        drift: None where no divot was touched twice.
        jitter_mm: standard deviation of a single sample at rest, along an axis; touches are means of many.
        elsewhere: touches that were in no divot.
        touched_mm: (3,) extent of the divots that were touched.
        lacks: why this is less than a full result, in words.
    """

    artefact: Artefact
    tip: Tip
    touches: tuple[Measured, ...]
    again: Again | None
    everywhere: Everywhere
    sweeps: tuple[Sweep, ...]
    distances: Distances
    drift: Drift | None
    jitter_mm: Estimate
    elsewhere: int
    touched_mm: Float64
    seconds: float
    lost: float
    lacks: tuple[str, ...]

    @property
    def counts(self) -> dict[int, int]:
        """Touches of each divot that was touched."""
        return {d: sum(t.divot == d for t in self.touches) for d in sorted({t.divot for t in self.touches})}

    @property
    def words(self) -> str:
        """The result in two sentences."""
        found = f"Distances between divots are off by {self.distances.bias_mm.words} on average"
        places = f"a divot is found within {self.everywhere.p95_mm.words} in 95 % of touches"
        return f"{found}; {places}. {len(self.touches)} touches of {len(self.counts)} divots."


def assess(movement: Movement, artefact: Artefact, tip: Tip | None = None) -> Assessment:
    """Everything from what a pointer did; `tip` where it was calibrated before.

    Raises:
        AccuracyRefused: no tip, too few divots, or touches of another artefact.
    """
    found = find_tip(movement) if tip is None else tip
    every = rests(movement, found.tool.tip_mm)
    still, turned = measurements(every, found), [rest for rest in every if rest.is_turned]
    divots = matched(np.array([rest.at_mm for rest in still]).reshape(-1, 3), artefact).divot_of
    touches = measured(still, [int(d) for d in divots], artefact)
    calibrated_s = (np.inf, -np.inf) if found.is_given else (found.start_s, found.end_s)
    kept = tuple(sorted({touch.divot for touch in touches}))
    parts = (
        again(touches, artefact),
        everywhere(touches),
        sweeps(turned, found.tool.tip_mm, calibrated_s),
        distances(touches, artefact),
        drift(touches),
    )
    jitter = _jitter([rest for rest, divot in zip(still, divots, strict=True) if divot >= 0])
    return Assessment(
        artefact,
        found,
        touches,
        *parts,
        jitter,
        int((divots < 0).sum()),
        np.asarray(np.ptp(artefact.divots_mm[list(kept)], axis=0)),
        float(movement.times_s[-1] - movement.times_s[0]),
        movement.lost,
        tuple(_lacks(movement, artefact, found, touches, *parts)),
    )


def measurements(every: Sequence[Rest], tip: Tip) -> list[Rest]:
    """The rests that measure a place: those in which the pointer was held, and where there is none, was turned."""
    still = [rest for rest in every if not rest.is_turned]

    def is_alone(rest: Rest) -> bool:
        is_pivot = tip.is_pivot and rest.start_s < tip.end_s and rest.end_s > tip.start_s
        return not is_pivot and all(np.linalg.norm(rest.at_mm - other.at_mm) > SAME_MM for other in still)

    return [rest for rest in every if not rest.is_turned or is_alone(rest)]


def _jitter(still: list[Rest]) -> Estimate:
    squares = sum(3 * (len(rest.samples_mm) - 1) * rest.jitter_mm**2 for rest in still)
    degrees = sum(3 * (len(rest.samples_mm) - 1) for rest in still)
    return deviation(squares, degrees, sum(len(rest.samples_mm) for rest in still))


def _lacks(
    movement: Movement,
    artefact: Artefact,
    tip: Tip,
    touches: tuple[Measured, ...],
    point: Again | None,
    places: Everywhere,
    turned: tuple[Sweep, ...],
    lengths: Distances,
    drifted: Drift | None,
) -> list[str]:
    """Every reason, the weightiest first."""
    counts = [sum(t.divot == d for t in touches) for d in range(len(artefact.names))]
    said = [
        "the artefact stood in one place: the standard asks for the whole volume that the tracker works in",
    ]
    if untouched := [name for name, count in zip(artefact.names, counts, strict=True) if count == 0]:
        said.append(f"{len(untouched)} of {len(counts)} divots were not touched ({', '.join(untouched)})")
    if (least := min(count for count in counts if count)) < ENOUGH_ROUNDS:
        said.append(f"some divots were touched {_times(least)}: {ENOUGH_ROUNDS} times tell an error from a slip")
    if point is None:
        said.append("no divot was touched again and again, so nothing is said of how well one place is found again")
    elif point.count < ENOUGH_AGAIN:
        said.append(
            f"one divot was touched {_times(point.count)}; {ENOUGH_AGAIN} and more make a single-point figure firm"
        )
    said += _lacks_of_turning(turned)
    known = np.sqrt(3) * artefact.error_mm
    if known > MOST_OF_ERROR * places.rms_mm.value:
        said.append(
            f"each divot is known to ±{known:.2f} mm in space, which is more than a third of the error that was found: "
            "part of that error is the artefact's"
        )
    if (common := 1.96 * artefact.scale_error * float(lengths.known_mm.mean())) > 0.05:
        said.append(f"the artefact's own scale leaves ±{common:.2f} mm open in the mean distance (95 %)")
    if not tip.is_given and not tip.is_pivot:
        said.append("the tip was found from these very touches, which fit it better than others would")
    if not movement.is_relative:
        said.append("no reference on the artefact was tracked: had it been pushed, that would be taken for an error")
    if movement.lost > MOST_LOST:
        said.append(f"{100 * movement.lost:.0f} % of the samples saw no pointer or no reference")
    if drifted is not None and drifted.is_real:
        said.append(f"places drifted by {drifted.length.words} in {drifted.seconds / 60:.0f} min, more than by chance")
    return said


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _lacks_of_turning(turned: tuple[Sweep, ...]) -> list[str]:
    said = []
    done = {one.about for one in turned}
    if missing := [about.value for about in About if about not in done]:
        said.append(f"the pointer was not turned about {', '.join(missing)}")
    if narrow := [one for one in turned if one.turned_rad < ENOUGH_TURN_RAD]:
        least = np.degrees(min(one.turned_rad for one in narrow))
        said.append(f"the pointer was turned by {least:.0f}° only; {np.degrees(ENOUGH_TURN_RAD):.0f}° and more tell")
    if turned and not all(one.is_independent for one in turned):
        said.append("orientation was seen in the very movement that the tip was found from: its spans are too small")
    return said
