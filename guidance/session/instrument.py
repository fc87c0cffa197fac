"""A tool during a session: what its tracker says of it, and what was found of its tip."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.transform import Transform
from engine.core.unknown import Unknown
from guidance.calibrate.block import Block
from guidance.calibrate.pivot import pivot
from guidance.calibrate.template import by_template
from guidance.calibrate.tool_tip import CalibrationDoubt, CalibrationRefused, ToolTip
from guidance.plan.plan import PlannedTool
from guidance.track.placing import TOGETHER_S
from guidance.track.track import Track

#: Turning a tool for longer than this tells nothing more: 60 samples a second for two minutes.
MOST_PLACES = 7200


@dataclass(slots=True)
class Instrument:
    """Not a value: it learns with every sample.

    Attributes:
        tip: None until it is calibrated.
        turning: places of the tool while it is turned about its tip; None while it is not.
        resting: places of the tool and of the block, while it rests in the block's divot; None while it does not.
        was_believed: whether it was ever in use since guiding began: one that never was is not missed.
    """

    planned: PlannedTool
    track: Track
    tip: ToolTip | None
    turning: list[Transform] | None = None
    resting: list[tuple[Transform, Transform]] | None = None
    was_believed: bool = False

    @property
    def is_calibrating(self) -> bool:
        """Whether its tip is being found."""
        return self.turning is not None or self.resting is not None

    def learn(self, block: Track | None = None) -> None:
        """Keep the newest place while the tool is turned, or rests in the block."""
        if not self.is_calibrating or self.track.why is not None:
            return
        newest = self.track.seen[-1]
        place = newest.world_from_thing
        if isinstance(place, Unknown):
            return
        if self.turning is not None and len(self.turning) < MOST_PLACES:
            self.turning.append(place)
        if self.resting is not None and len(self.resting) < MOST_PLACES and block is not None and block.why is None:
            held = block.seen[-1]
            if not isinstance(held.world_from_thing, Unknown) and abs(held.time_s - newest.time_s) <= TOGETHER_S:
                self.resting.append((place, held.world_from_thing))

    def start_turning(self) -> None:
        """The tip rests in a divot from now on, and the tool is turned about it."""
        self.turning, self.resting = [], None

    def start_resting(self) -> None:
        """The tip rests in the divot of the block from now on."""
        self.turning, self.resting = None, []

    def stop_turning(self) -> None:
        """Find the tip from how the tool was turned.

        Raises:
            CalibrationRefused: with the doubt and what to do; an earlier calibration stays.
        """
        turning, self.turning = self.turning, None
        if turning is None:
            raise CalibrationRefused(CalibrationDoubt.TOO_FEW, f"{self.planned.name} was not being turned")
        self.tip = pivot([turning])

    def stop_resting(self, block: Block) -> None:
        """Find the tip from where the block's divot was.

        Raises:
            CalibrationRefused: with the doubt and what to do; an earlier calibration stays.
        """
        resting, self.resting = self.resting, None
        if resting is None:
            raise CalibrationRefused(CalibrationDoubt.TOO_FEW, f"{self.planned.name} was not in the block")
        self.tip = by_template(resting, block.divot_mm, block.error_mm)
