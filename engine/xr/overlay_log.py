"""For how long what was drawn of the patient, by how much it could be believed: told at the end of a session. Pure."""

from __future__ import annotations

from collections import defaultdict

from engine.core.overlay import Shown

#: A longer gap between frames is a headset that was off.
LONGEST_S = 1.0


class OverlayLog:
    """Adds up display time."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def add(self, seconds: float, shown: Shown, *, is_on: bool) -> None:
        """A frame that was seen for so long; `is_on`: whether the person had the overlay on."""
        self._seconds[shown.name.lower() if is_on else "off"] += min(max(0.0, seconds), LONGEST_S)

    def report(self) -> dict[str, float]:
        """Seconds by state; `on` is all in which something was drawn."""
        told = {name: round(self._seconds[name], 3) for name in (*(each.name.lower() for each in Shown), "off")}
        on = sum(self._seconds[each.name.lower()] for each in Shown if each is not Shown.HIDDEN)
        return {"on": round(on, 3)} | told
