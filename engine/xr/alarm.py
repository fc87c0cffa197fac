"""Alarms in time: when a sign is lit, and when a hand must feel a pulse. Pure.

OpenXR plays no sound; what the console sounds, a controller lets be felt, with as many pulses in a burst and as long
from one burst to the next (IEC 60601-1-8).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

from engine.xr.guided import Alarm

#: From the start of one pulse of a burst to the start of the next.
PULSE_EVERY_S = 0.15


def is_lit(alarm: Alarm, now_s: float) -> bool:
    """Whether its sign is bright now; words stay readable in between."""
    return alarm.flashes_hz <= 0 or ((now_s - alarm.since_s) * alarm.flashes_hz) % 1.0 < 0.5


def pulses_between(alarm: Alarm, from_s: float, to_s: float) -> int:
    """How many pulses begin after `from_s`, until and with `to_s`."""
    if not alarm.sounds or alarm.pulses <= 0 or to_s <= from_s:
        return 0
    burst_s = alarm.pulses * PULSE_EVERY_S + alarm.between_s
    begun = 0
    for pulse in range(alarm.pulses):
        first_s = alarm.since_s + pulse * PULSE_EVERY_S
        lowest = max(0, floor((from_s - first_s) / burst_s) + 1)
        begun += max(0, floor((to_s - first_s) / burst_s) - lowest + 1)
    return begun


def is_felt(alarms: Iterable[Alarm], from_s: float, to_s: float) -> bool:
    """Whether a pulse of the most urgent alarm that sounds begins now: bursts of several would run together."""
    first = next((alarm for alarm in alarms if alarm.sounds and alarm.pulses > 0), None)
    return first is not None and pulses_between(first, from_s, to_s) > 0
