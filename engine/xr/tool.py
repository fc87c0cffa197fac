"""Tracked tools: shown where they will be when the frame is seen, and as what they are when news of them is late."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from engine.core.array import Float64
from engine.xr.rigid import part_of_turn

#: A straight line is believed for no longer than this: a hand turns round within a tenth of a second.
LONGEST_EXTRAPOLATION_S = 0.05
#: Motion is taken over this long, so that a tracker's jitter is not multiplied by ten.
MOTION_OVER_S = 0.05
#: Samples further apart than this tell no motion.
LONGEST_GAP_S = 0.1
FADED_OPACITY = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class ToolSample:
    """One measurement of one tool, in the anatomy's own metres.

    Attributes:
        entity: its number in the session.
        time_s: when it was measured, on the source's clock.
        position_m: (3,) of the tip.
        rotation: (3, 3) anatomy from tool.
        is_tracked: False says that this is only where it was seen last.
        shaft_m: (n, 3) points from its tip on, in its own axes.
        radius_m: of tip and shaft.
        colour: sRGB, 0 to 255.
        fades_after_s, hides_after_s: older than this it is shown faded, and older than that not at all.
        name: for the person.
    """

    entity: int
    time_s: float
    position_m: Float64
    rotation: Float64
    is_tracked: bool = True
    shaft_m: Float64 = field(default_factory=lambda: np.zeros((1, 3)))
    radius_m: float = 0.0015
    colour: tuple[int, int, int] = (255, 180, 84)
    fades_after_s: float = 0.15
    hides_after_s: float = 1.0
    name: str = "Tool"


@dataclass(frozen=True, slots=True, eq=False)
class DrawnTool:
    """A tool as it is shown: where, how solid, how far ahead of its measurement, how old that is, and how fast it was.

    `pattern` is what it is drawn with while it may not be believed: dashes or dots.
    """

    sample: ToolSample
    opacity: float
    extrapolated_s: float
    age_s: float
    speed_m_s: float = 0.0
    pattern: str = "plain"


class ToolTrack:
    """What is known of one tool's motion."""

    def __init__(self) -> None:
        self._samples: deque[ToolSample] = deque()

    def add(self, sample: ToolSample) -> None:
        """Learn from a sample. The same again may say that the tool is lost; an older one, that the clock was set."""
        if self._samples:
            since_s = sample.time_s - self._samples[-1].time_s
            if since_s == 0:
                self._samples[-1] = sample
                return
            if not 0 < since_s <= LONGEST_GAP_S:
                self._samples.clear()
        self._samples.append(sample)
        while len(self._samples) > 2 and self._samples[1].time_s <= sample.time_s - MOTION_OVER_S:
            self._samples.popleft()

    def at(self, time_s: float) -> DrawnTool | None:
        """The tool at `time_s` of the source's clock; None where nothing is known that is still worth showing."""
        if not self._samples:
            return None
        latest = self._samples[-1]
        age_s = time_s - latest.time_s
        if age_s > latest.hides_after_s:
            return None
        if not latest.is_tracked:
            return DrawnTool(latest, FADED_OPACITY, 0.0, age_s, self._speed_m_s)
        ahead_s = float(np.clip(age_s, 0.0, LONGEST_EXTRAPOLATION_S))
        opacity = FADED_OPACITY if age_s > latest.fades_after_s else 1.0
        return DrawnTool(self._moved(ahead_s), opacity, ahead_s, age_s, self._speed_m_s)

    @property
    def _speed_m_s(self) -> float:
        first, last = self._samples[0], self._samples[-1]
        passed_s = last.time_s - first.time_s
        return float(np.linalg.norm(last.position_m - first.position_m)) / passed_s if passed_s > 0 else 0.0

    def _moved(self, ahead_s: float) -> ToolSample:
        first, last = self._samples[0], self._samples[-1]
        passed_s = last.time_s - first.time_s
        if passed_s <= 0 or not first.is_tracked:
            return last
        step = ahead_s / passed_s
        position = last.position_m + step * (last.position_m - first.position_m)
        rotation = part_of_turn(last.rotation @ first.rotation.T, step) @ last.rotation
        return replace(last, position_m=position, rotation=rotation)
