"""What to touch next: the protocol, told to whoever holds the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from guidance.accuracy.artefact import Artefact, walk
from guidance.accuracy.heard import ENOUGH_PIVOT_S, Movement, Rest, Tip, find_tip, rests
from guidance.accuracy.matching import matched
from guidance.accuracy.orientation import About, Sweep, sweeps
from guidance.accuracy.refused import AccuracyRefused

#: What ended so long ago has ended.
_OVER_S = 0.6
#: A pivot is looked for in so much of what was heard last.
_PIVOT_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is touched.

    Attributes:
        single: touches of the middle divot; rounds: of all divots.
    """

    single: int = 20
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do now.

    Attributes:
        words: to whoever holds the pointer.
        done, of: steps of the whole; all are done where they are equal.
    """

    words: str
    done: int
    of: int

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to touch."""
        return self.done >= self.of


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """What was done so far.

    Attributes:
        tip: None until the pointer was turned for long enough.
        rests: that are over.
        since_s: what was heard before need not be heard again.
    """

    tip: Tip | None = None
    rests: tuple[Rest, ...] = ()
    since_s: float = -np.inf

    def further(self, heard: Movement) -> Progress:
        """With everything heard since `since_s`."""
        if not len(heard.places):
            return self
        now_s = float(heard.times_s[-1])
        tip = self.tip if self.tip is not None else _tip(heard)
        if tip is None:
            return replace(self, since_s=max(self.since_s, now_s - _PIVOT_WITHIN_S))
        over = tuple(r for r in rests(heard, tip.tool.tip_mm) if r.end_s < now_s - _OVER_S and r.start_s > self.since_s)
        return Progress(tip, (*self.rests, *over), over[-1].end_s if over else self.since_s)


def advice(progress: Progress, artefact: Artefact, plan: Plan) -> Advice:
    """From everything done so far. Touches count in whatever order they come."""
    steps = 1 + plan.single + len(About) + plan.rounds * len(artefact.names)
    middle, tip = artefact.names[artefact.middle], progress.tip
    if tip is None:
        return Advice(
            f"Hold the tip in {middle} and turn the pointer slowly to all sides, for {ENOUGH_PIVOT_S:.0f} s.", 0, steps
        )
    turned = [rest for rest in progress.rests if rest.is_turned]
    swept = sweeps(turned, tip.tool.tip_mm, (tip.start_s, tip.end_s))
    counts = _counts([rest for rest in progress.rests if not rest.is_turned], artefact, plan)
    return _next(counts, swept, artefact, plan, steps)


def _tip(heard: Movement) -> Tip | None:
    """The tip, once it was turned for long enough and that is over."""
    try:
        found = find_tip(heard)
    except AccuracyRefused:
        return None
    is_over = heard.times_s[-1] - found.end_s > _OVER_S
    return found if found.is_pivot and is_over and found.end_s - found.start_s >= ENOUGH_PIVOT_S else None


def _counts(still: Sequence[Rest], artefact: Artefact, plan: Plan) -> list[int]:
    """Touches of each divot. Before the divots can be told apart, all are taken as the middle one's."""
    at = np.array([rest.at_mm for rest in still]).reshape(-1, 3)
    counts = [0] * len(artefact.names)
    try:
        for divot in matched(at, artefact).divot_of:
            if divot >= 0:
                counts[divot] += 1
    except AccuracyRefused:
        counts[artefact.middle] = min(len(still), plan.single)
        for divot in walk(artefact)[1 : 1 + max(0, len(still) - plan.single)]:
            counts[divot] = 1
    return counts


def _next(counts: list[int], swept: Sequence[Sweep], artefact: Artefact, plan: Plan, steps: int) -> Advice:
    middle = artefact.middle
    name = artefact.names[middle]
    about = {one.about for one in swept if one.is_independent}
    toured = [min(count, plan.rounds) for count in counts]
    toured[middle] = min(max(counts[middle] - plan.single, 0), plan.rounds)
    done = 1 + min(counts[middle], plan.single) + len(about) + sum(toured)
    if counts[middle] < plan.single:
        return Advice(
            f"Touch {name} for two seconds, lift, and touch it again: {plan.single - counts[middle]} more.", done, steps
        )
    for one in About:
        if one not in about:
            return Advice(
                f"Hold the tip in {name} and turn the pointer about {one.value}, to and fro, for 8 s.", done, steps
            )
    for round_ in range(1, plan.rounds + 1):
        for divot in walk(artefact):
            if toured[divot] < round_:
                return Advice(
                    f"Touch {artefact.names[divot]} for two seconds (round {round_} of {plan.rounds}).", done, steps
                )
    return Advice("All is touched.", steps, steps)
