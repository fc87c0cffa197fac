"""What a tracker says over OpenIGTLink, as samples of things and a state of the device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.core.unknown import Why
from guidance.devices.openigtlink.link import Heard
from guidance.devices.openigtlink.messages import (
    PositionMessage,
    QuaternionTrackingData,
    StatusCode,
    StatusMessage,
    TrackingData,
    TransformMessage,
)
from guidance.devices.openigtlink.rotation import matrix_of
from guidance.track.sample import Sample, sample
from guidance.track.source_clock import SourceClock

#: Codes that leave what is tracked in doubt, and why. All others, codes of later versions too, are passed on as words.
UNSAFE: dict[int, Why] = {
    StatusCode.PANIC: Why.DEVICE,
    StatusCode.TIME_OUT: Why.LINK_LOST,
    StatusCode.NOT_READY: Why.DEVICE,
    StatusCode.DISABLED: Why.DEVICE,
    StatusCode.NOT_PRESENT: Why.DEVICE,
    StatusCode.HARDWARE_FAILURE: Why.DEVICE,
    StatusCode.SHUT_DOWN: Why.LINK_LOST,
}


@dataclass(slots=True)
class Tracking:
    """Not a value: it remembers which things a message has had, and how the device is.

    Attributes:
        why: what the device says is wrong with it; None while it says OK, or nothing.
        words: its last status, as it was told.
        clock: the device's against ours.
    """

    why: Why | None = None
    words: str = ""
    clock: SourceClock = field(default_factory=SourceClock)
    _known: dict[str, frozenset[str]] = field(default_factory=dict)

    def hear(self, heard: Heard, arrival_s: float) -> tuple[Sample, ...]:
        """Samples of a message, timed by our clock; none of one that is not about places.

        A TDATA message has everything that was seen: what it had before and has no more is not seen. A message without
        a time is taken to be as new as its arrival.
        """
        message, time_s = heard.message, arrival_s
        if heard.time_s is not None:
            self.clock = self.clock.hear(heard.time_s, arrival_s)
            time_s = self.clock.ours_s(heard.time_s, arrival_s)
        match message:
            case StatusMessage(code):
                self.why = UNSAFE.get(code)
                self.words = f"{message.name} {message.text}".strip()
                return ()
            case TransformMessage(matrix):
                return (sample(heard.device, matrix, time_s),)
            case PositionMessage(position, quaternion):
                return (sample(heard.device, matrix_of(position, quaternion), time_s),)
            case TrackingData(tools) | QuaternionTrackingData(tools):
                seen = {tool.name: tool.matrix for tool in tools}
                known = self._known.get(heard.device, frozenset()) | seen.keys()
                self._known[heard.device] = known
                return tuple(
                    sample(name, seen.get(name, np.eye(4)), time_s, is_seen=name in seen) for name in sorted(known)
                )
            case _:
                return ()
