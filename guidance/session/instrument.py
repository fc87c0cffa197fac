"""A tool during a session: what its tracker says of it, and what was found of its tip."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.transform import Transform
from engine.core.unknown import Unknown
from guidance.calibrate.pivot import pivot
from guidance.calibrate.tool_tip import CalibrationDoubt, CalibrationRefused, ToolTip
from guidance.plan.plan import PlannedTool
from guidance.track.track import Track

#: Turning a tool for longer than this tells nothing more: 60 samples a second for two minutes.
MOST_PLACES = 7200


@dataclass(slots=True)
class Instrument:
    """Not a value: it learns with every sample.

    Attributes:
        tip: None until it is calibrated.
        turning: places of the tool while it is turned about its tip; None while it is not.
        was_believed: whether it was ever in use since guiding began: one that never was is not missed.
    """

    planned: PlannedTool
    track: Track
    tip: ToolTip | None
    turning: list[Transform] | None = None
    was_believed: bool = False

    def learn(self) -> None:
        """Keep the newest place while the tool is turned."""
        if self.turning is None or self.track.why is not None or len(self.turning) >= MOST_PLACES:
            return
        place = self.track.seen[-1].world_from_thing
        if not isinstance(place, Unknown):
            self.turning.append(place)

    def start_turning(self) -> None:
        """The tip rests in a divot from now on, and the tool is turned about it."""
        self.turning = []

    def stop_turning(self) -> None:
        """Find the tip from how the tool was turned.

        Raises:
            CalibrationRefused: with the doubt and what to do; an earlier calibration stays.
        """
        turning, self.turning = self.turning, None
        if turning is None:
            raise CalibrationRefused(CalibrationDoubt.TOO_FEW, f"{self.planned.name} was not being turned")
        self.tip = pivot([turning])
