"""The tip of a tool from turning it in a divot."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.frame import WORLD
from engine.core.transform import Transform
from guidance.calibrate.pivot import pivot
from guidance.calibrate.tool_tip import CalibrationDoubt, CalibrationRefused
from guidance.register.rigid_fit import turn
from guidance.track.sample import thing_frame

TIP_MM = np.array([5.0, -3.0, 160.0])
DIVOT_MM = np.array([100.0, 250.0, -900.0])


def turned(
    rng: np.random.Generator,
    count: int = 400,
    tilt_rad: float = 0.6,
    jitter_mm: float = 0.0,
    divot_mm: Float64 = DIVOT_MM,
    axes: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> list[Transform]:
    """Places of a tool whose tip rests, tilted up to so far about these axes."""
    places = []
    for _ in range(count):
        rotation = turn(rng.uniform(-tilt_rad, tilt_rad, 3) * axes)
        origin = divot_mm - rotation @ TIP_MM + rng.normal(size=3) * jitter_mm
        places.append(Transform.rigid(WORLD, thing_frame("pointer"), rotation, origin))
    return places


def refusal(places: list[Transform]) -> CalibrationRefused:
    with pytest.raises(CalibrationRefused) as caught:
        pivot([places])
    return caught.value


def test_an_exact_tool_has_an_exact_tip() -> None:
    made = pivot([turned(np.random.default_rng(0))])
    assert made.tip_mm == pytest.approx(TIP_MM, abs=1e-6)
    assert made.rms_mm == pytest.approx(0, abs=1e-6)


def test_several_divots_share_the_tip() -> None:
    rng = np.random.default_rng(1)
    made = pivot([turned(rng, 30, 0.3, divot_mm=DIVOT_MM + k * 50.0) for k in range(4)])
    assert made.tip_mm == pytest.approx(TIP_MM, abs=1e-6)


def test_the_stated_error_holds_the_tip_at_least_as_often_as_it_says() -> None:
    """Jitter here is new with every sample; the statement allows for samples that repeat each other."""
    rng = np.random.default_rng(2)
    held = [(made := pivot([turned(rng, 100, 0.4, 0.25)])).error.holds(made.tip_mm - TIP_MM) for _ in range(200)]
    assert np.mean(held) > 0.95


def test_samples_that_jump_are_left_out() -> None:
    rng = np.random.default_rng(3)
    places = turned(rng, 200, jitter_mm=0.1) + turned(rng, 15, divot_mm=DIVOT_MM + np.array([0.0, 8.0, 0.0]))
    made = pivot([places])
    assert made.tip_mm == pytest.approx(TIP_MM, abs=0.2)
    assert made.left_out == pytest.approx(15 / 215, abs=0.02)


def test_a_tool_that_rests_is_refused_and_never_zero_error() -> None:
    """SlicerIGT's issues 95 and 61: identity and no error from a tool that did not move."""
    refused = refusal(turned(np.random.default_rng(4), tilt_rad=0.01, jitter_mm=0.1))
    assert refused.doubt is CalibrationDoubt.NOT_TURNED
    assert refusal([turned(np.random.default_rng(0), 1)[0]] * 100).doubt is CalibrationDoubt.NOT_TURNED


def test_a_tool_turned_about_one_axis_only_is_refused() -> None:
    places = turned(np.random.default_rng(5), tilt_rad=1.0, axes=(0.0, 1.0, 0.0))
    assert refusal(places).doubt is CalibrationDoubt.NOT_TURNED


def test_a_tip_that_wanders_is_refused() -> None:
    assert refusal(turned(np.random.default_rng(6), jitter_mm=3.0)).doubt is CalibrationDoubt.NOT_IN_ONE_PLACE


def test_too_few_places_are_refused() -> None:
    assert refusal(turned(np.random.default_rng(7), 19)).doubt is CalibrationDoubt.TOO_FEW
