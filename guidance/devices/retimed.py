"""A sample told by another clock."""

from __future__ import annotations

from dataclasses import replace

from engine.core.unknown import Unknown
from guidance.track.sample import Sample


def retimed(one: Sample, time_s: float) -> Sample:
    """The same place, or the same reason why there is none, at another time."""
    place = one.world_from_thing
    if isinstance(place, Unknown):
        place = replace(place, since_s=time_s)
    return replace(one, world_from_thing=place, time_s=time_s)
