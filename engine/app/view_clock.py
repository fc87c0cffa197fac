"""The hub's clock as a listener knows it: by when things arrive. Pure.

Nothing arrives before it was sent, so the least (arrival minus source time) of late is the offset and the shortest way
together. What is shown by it is therefore younger than it looks by that shortest way, a few milliseconds on a local
network. Where exchanges of times are on the wire, `engine.stream.clock` knows better.
"""

from __future__ import annotations

#: Clocks drift by up to 100 parts in a million against each other: over this long, half a millisecond.
REMEMBERED_S = 5.0


class ArrivalClock:
    """Learns from each arrival: the least offset of the last two stretches of `REMEMBERED_S`."""

    def __init__(self) -> None:
        self._began_s = float("-inf")
        self._least_s = float("inf")
        self._least_before_s = float("inf")

    def hub_from_monotonic_s(self, source_s: float, arrived_s: float) -> float:
        """What to add to a time of this machine to have it on the hub's clock, from all arrivals up to this one."""
        if arrived_s - self._began_s > REMEMBERED_S:
            is_stale = arrived_s - self._began_s > 2 * REMEMBERED_S
            self._least_before_s = float("inf") if is_stale else self._least_s
            self._least_s = float("inf")
            self._began_s = arrived_s
        self._least_s = min(self._least_s, arrived_s - source_s)
        return -min(self._least_s, self._least_before_s)
