"""The tip of a tool from a block with a divot."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.frame import WORLD
from engine.core.transform import Transform
from guidance.calibrate.template import by_template
from guidance.calibrate.tool_tip import CalibrationDoubt, CalibrationRefused
from guidance.register.rigid_fit import turn
from guidance.track.sample import thing_frame

TIP_MM = np.array([5.0, -3.0, 160.0])
DIVOT_MM = np.array([20.0, 10.0, 0.0])


def held(
    rng: np.random.Generator, count: int = 60, jitter_mm: float = 0.1, true_divot_mm: Float64 = DIVOT_MM
) -> list[tuple[Transform, Transform]]:
    """Block and tool, both moved about by hand, the tip in the divot."""
    made = []
    for _ in range(count):
        block = Transform.rigid(WORLD, thing_frame("block"), turn(rng.normal(size=3)), rng.normal(size=3) * 100)
        rotation = turn(rng.normal(size=3))
        origin = block.apply(true_divot_mm) - rotation @ TIP_MM + rng.normal(size=3) * jitter_mm
        made.append((Transform.rigid(WORLD, thing_frame("tool"), rotation, origin), block))
    return made


def test_an_exact_tool_has_an_exact_tip() -> None:
    made = by_template(held(np.random.default_rng(0), jitter_mm=0.0), DIVOT_MM, 0.02)
    assert made.tip_mm == pytest.approx(TIP_MM, abs=1e-9)


def test_the_blocks_own_error_never_averages_out() -> None:
    made = by_template(held(np.random.default_rng(0), 2000, 0.0), DIVOT_MM, 0.05)
    assert made.error.rms_mm == pytest.approx(0.05 * np.sqrt(3), rel=0.01)


def test_the_stated_error_holds_the_tip_at_least_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(300):
        true_divot = DIVOT_MM + rng.normal(size=3) * 0.05
        made = by_template(held(rng, 40, 0.2, true_divot), DIVOT_MM, 0.05)
        inside.append(made.error.holds(made.tip_mm - TIP_MM))
    assert np.mean(inside) > 0.94


def test_a_tip_that_wanders_and_too_few_places_are_refused() -> None:
    for places, doubt in (
        (held(np.random.default_rng(2), jitter_mm=2.0), CalibrationDoubt.NOT_IN_ONE_PLACE),
        (held(np.random.default_rng(3), 19), CalibrationDoubt.TOO_FEW),
    ):
        with pytest.raises(CalibrationRefused) as caught:
            by_template(places, DIVOT_MM, 0.02)
        assert caught.value.doubt is doubt
