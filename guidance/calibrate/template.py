"""Template calibration: the tip rests in a divot of a tracked block, whose place in the block is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.core.array import Float64
from engine.core.transform import Transform
from guidance.calibrate.tool_tip import CalibrationDoubt, CalibrationRefused, ToolTip
from guidance.uncertainty.point_error import PointError

LEAST_SAMPLES = 20
MOST_RMS_MM = 0.8
#: Successive samples repeat each other: so many together count as one.
_REPEATED = 5


def by_template(places: Sequence[tuple[Transform, Transform]], divot_mm: Float64, divot_error_mm: float) -> ToolTip:
    """The tip from (world_from_tool, world_from_block), seen at the same moments while it rested.

    `divot_mm` is where the block's drawing has the divot, `divot_error_mm` the standard deviation of that along each
    axis: it is the same in every sample, and no number of them makes it smaller.

    Raises:
        CalibrationRefused: too few samples, or a tip that did not rest.
    """
    if len(places) < LEAST_SAMPLES:
        raise CalibrationRefused(
            CalibrationDoubt.TOO_FEW, f"{len(places)} places of tool and block; it takes {LEAST_SAMPLES}: hold on"
        )
    tips = np.array([tool.inverse.apply(block.apply(divot_mm)) for tool, block in places])
    apart = tips - tips.mean(axis=0)
    rms_mm = float(np.sqrt((apart**2).sum(axis=1).mean()))
    if rms_mm > MOST_RMS_MM:
        raise CalibrationRefused(
            CalibrationDoubt.NOT_IN_ONE_PLACE, f"the tip did not rest: {rms_mm:.1f} mm off; hold it in the divot"
        )
    degrees = len(places) / _REPEATED - 1
    scatter = apart.T @ apart / (len(places) - 1) / (len(places) / _REPEATED)
    error = PointError(scatter + 1e-12 * np.eye(3), degrees) + PointError(np.eye(3) * divot_error_mm**2)
    return ToolTip(tips.mean(axis=0), error, rms_mm, 0.0)
