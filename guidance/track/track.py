"""One tracked thing: what it did in the last tenth of a second, and whether it can be believed now."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.core.errors import InvalidValue
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.track.sample import Sample

#: How far back movement is looked at.
WINDOW_S = 0.12
#: A place older than this is no place: what depends on it is gone from every screen 30 ms later, 150 in all.
STALE_S = 0.12
#: Nothing in a hand is faster: what is, is another thing under the same name, or a marker taken for another.
MOST_MM_S = 3000.0
#: A jump smaller than this may be jitter, however short the time.
JUMP_MM = 10.0
#: Good samples in a row before a thing that was lost, or jumped, is believed again.
BELIEVED_AFTER = 3
#: Clocks of devices and of ours are compared to within this; what comes from farther ahead has another clock.
AHEAD_S = 0.02


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of one thing.

    Attributes:
        seen: good samples of the window, oldest first.
        good: how many came in a row, no more than it takes.
        why: why it is not believed; None while it is.
        since_s: when that began.
        heard_s: source time of the newest sample, good or not.
    """

    thing: str
    seen: tuple[Sample, ...] = ()
    good: int = 0
    why: Why | None = Why.NO_TOOL
    since_s: float = 0.0
    heard_s: float | None = None

    def hear(self, sample: Sample) -> Track:
        """With one sample more. One from the past changes nothing: it came late, or its clock went back.

        Raises:
            InvalidValue: a sample of another thing.
        """
        if sample.thing != self.thing:
            raise InvalidValue(f"{sample.thing} is not {self.thing}")
        if self.heard_s is not None and sample.time_s <= self.heard_s:
            return self
        heard = replace(self, heard_s=sample.time_s)
        if isinstance(sample.world_from_thing, Unknown):
            return heard._doubted(sample.world_from_thing.why, sample.time_s, ())
        if self.seen and _jumped(self.seen[-1], sample):
            return heard._doubted(Why.INVALID, sample.time_s, (sample,))
        seen = (*(one for one in self.seen if sample.time_s - one.time_s <= WINDOW_S), sample)
        good = min(self.good + 1, BELIEVED_AFTER)
        if self.why is not None and good < BELIEVED_AFTER:
            return replace(heard, seen=seen, good=good)
        return replace(
            heard, seen=seen, good=good, why=None, since_s=self.since_s if self.why is None else sample.time_s
        )

    def _doubted(self, why: Why, time_s: float, seen: tuple[Sample, ...]) -> Track:
        since_s = self.since_s if self.why == why else time_s
        return replace(self, seen=seen, good=len(seen), why=why, since_s=since_s)

    def trusted(self, now_s: float, stale_s: float = STALE_S) -> tuple[Sample, ...] | Unknown:
        """The samples of the window where the thing can be believed now, else why not."""
        if self.why is not None:
            return Unknown(self.why, self.since_s)
        last_s = self.seen[-1].time_s
        if last_s - now_s > AHEAD_S:
            return Unknown(Why.CLOCK, last_s)
        if now_s - last_s > stale_s:
            return Unknown(Why.STALE, last_s + stale_s)
        return self.seen


def _jumped(before: Sample, after: Sample) -> bool:
    one, other = before.world_from_thing, after.world_from_thing
    assert isinstance(one, Transform)
    assert isinstance(other, Transform)
    way_mm = float(np.linalg.norm(other.matrix[:3, 3] - one.matrix[:3, 3]))
    return way_mm > JUMP_MM and way_mm > MOST_MM_S * (after.time_s - before.time_s)
