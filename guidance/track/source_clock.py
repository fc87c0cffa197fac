"""A device's clock against ours, from what comes one way only.

What arrives took some time; the least of (arrival - source time) over a while is the difference of the clocks and the
shortest time that anything took (Cristian's one-way bound; the floor of Paxson, SIGCOMM 1998). Times are told by our
clock as if the shortest time were none, so an age is never told too old, and too young by no more than that time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: How long a floor counts: clocks of devices drift by some milliseconds in that time.
FLOOR_S = 10.0
#: A difference that falls below the floor by more than this is another clock, not a faster packet.
STEP_S = 0.1
#: Packets that stay above the floor by more than that, for so long, come from another clock, not a slow line.
BELIEVED_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class SourceClock:
    """What is known of one device's clock.

    Attributes:
        floor_s: least difference of the running and of the last window.
        window_s: arrival at which the running window began, and its floor so far.
        above_since_s: arrival since which every packet was far above the floor.
        least_above_s: the least difference since then.
        steps: how often the clock was set.
    """

    floor_s: float | None = None
    window_s: float = 0.0
    window_floor_s: float = 0.0
    above_since_s: float | None = None
    least_above_s: float = 0.0
    steps: int = 0

    def hear(self, source_s: float, arrival_s: float) -> SourceClock:
        """With one packet more."""
        apart_s = arrival_s - source_s
        if self.floor_s is None:
            return SourceClock(apart_s, arrival_s, apart_s)
        if apart_s < self.floor_s - STEP_S:
            return SourceClock(apart_s, arrival_s, apart_s, steps=self.steps + 1)
        if apart_s > self.floor_s + STEP_S:
            since_s = arrival_s if self.above_since_s is None else self.above_since_s
            least_s = apart_s if self.above_since_s is None else min(self.least_above_s, apart_s)
            if arrival_s - since_s >= BELIEVED_AFTER_S:
                return SourceClock(least_s, arrival_s, least_s, steps=self.steps + 1)
            return replace(self, above_since_s=since_s, least_above_s=least_s)
        if arrival_s - self.window_s > FLOOR_S:
            floor_s = min(self.window_floor_s, apart_s)
            return SourceClock(floor_s, arrival_s, apart_s, steps=self.steps)
        return replace(
            self,
            floor_s=min(self.floor_s, apart_s),
            window_floor_s=min(self.window_floor_s, apart_s),
            above_since_s=None,
        )

    def ours_s(self, source_s: float, arrival_s: float) -> float:
        """A source time by our clock, never after it arrived."""
        return min(source_s + (0.0 if self.floor_s is None else self.floor_s), arrival_s)
