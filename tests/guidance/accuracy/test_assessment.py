"""What is wrong with a tracker is put in with known size, and must come out within the interval that is stated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import InvalidValue
from guidance.accuracy.artefact import POSTS, Artefact
from guidance.accuracy.assessment import Assessment, assess
from guidance.accuracy.distance import distances
from guidance.accuracy.drift import drift
from guidance.accuracy.heard import Movement, Tip, find_tip
from guidance.accuracy.operator import TIP_MM, Flaws, Hold, Visit, protocol
from guidance.accuracy.orientation import About
from guidance.accuracy.position import again, everywhere
from guidance.accuracy.refused import AccuracyDoubt, AccuracyRefused
from guidance.devices.simulated import Fault, FaultKind
from tests.guidance.accuracy.made import movement_of, touches

#: The artefact of the simulation is exactly as drawn.
EXACT = replace(POSTS, error_mm=0.0, scale_error=0.0)
MEAN_MM = float(np.mean([np.linalg.norm(a - b) for k, a in enumerate(POSTS.divots_mm) for b in POSTS.divots_mm[:k]]))
SEEDS = 24


@pytest.fixture(scope="module")
def checked() -> Assessment:
    """A short protocol before a tracker without faults."""
    return assess(movement_of(), EXACT)


# --- figures whose truth is known, from touches alone ---------------------------------------------------------------


def bias_of_distances(rng: np.random.Generator) -> bool:
    found = distances(touches(rng, artefact=EXACT, scale=0.003), EXACT)
    return found.bias_mm.holds(0.003 * MEAN_MM)


def scale(rng: np.random.Generator) -> bool:
    return distances(touches(rng, artefact=EXACT, scale=-0.002), EXACT).scale_percent.holds(-0.2)


def scatter_of_one_divot(rng: np.random.Generator) -> bool:
    found = again(touches(rng, artefact=EXACT, noise_mm=0.12), EXACT)
    assert found is not None
    return found.rms_mm.holds(0.12 * np.sqrt(3))


def bias_of_one_divot(rng: np.random.Generator) -> bool:
    bent = np.array([0.3, -0.2, 0.1])
    found = again(touches(rng, artefact=EXACT, bent_mm={EXACT.middle: bent}), EXACT)
    assert found is not None
    return found.bias_error.holds(found.bias_mm - bent)


def length_of_that_bias(rng: np.random.Generator) -> bool:
    bent = np.array([0.3, -0.2, 0.1])
    found = again(touches(rng, artefact=EXACT, bent_mm={EXACT.middle: bent}), EXACT)
    assert found is not None
    return found.bias.holds(float(np.linalg.norm(bent)))


def slow_drift(rng: np.random.Generator) -> bool:
    found = drift(touches(rng, artefact=EXACT, drift_mm_s=0.002))
    assert found is not None
    return found.error.holds(found.over_mm - np.array([0.002 * found.seconds, 0.0, 0.0]))


TRUTHS: tuple[Callable[[np.random.Generator], bool], ...] = (
    bias_of_distances,
    scale,
    scatter_of_one_divot,
    bias_of_one_divot,
    length_of_that_bias,
    slow_drift,
)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda f: f.__name__)
def test_the_truth_lies_within_the_stated_interval(truth: Callable[[np.random.Generator], bool]) -> None:
    """In 95 % of cases: of 24, fewer than 19 come by chance once in a thousand."""
    assert sum(truth(np.random.default_rng(seed)) for seed in range(SEEDS)) >= 19


@pytest.mark.slow
@pytest.mark.parametrize("truth", TRUTHS, ids=lambda f: f.__name__)
def test_the_truth_lies_within_the_stated_interval_in_93_percent_of_many(
    truth: Callable[[np.random.Generator], bool],
) -> None:
    assert np.mean([truth(np.random.default_rng(seed)) for seed in range(1000, 1400)]) >= 0.93


def test_a_real_drift_is_told_from_chance() -> None:
    said = [drift(touches(np.random.default_rng(seed), drift_mm_s=rate)) for seed in range(10) for rate in (0.0, 0.003)]
    is_real = [one.is_real for one in said if one is not None]
    assert sum(is_real[0::2]) <= 1
    assert sum(is_real[1::2]) >= 9


def test_an_artefact_whose_scale_is_not_known_says_so_in_the_bias() -> None:
    """A printed artefact: 0.3 % of 100 mm is more than any tracker's bias."""
    rough = replace(POSTS, scale_error=0.003)
    known, unknown = (distances(touches(np.random.default_rng(0)), a).bias_mm for a in (EXACT, rough))
    assert unknown.value == known.value
    assert unknown.high - unknown.value == pytest.approx(1.96 * 0.003 * MEAN_MM, rel=0.05)


def test_a_divot_touched_more_often_does_not_count_more() -> None:
    few, many = (everywhere(touches(np.random.default_rng(1), single=n)) for n in (0, 60))
    assert many.count == few.count
    assert few.divots == many.divots == 17


def test_a_divot_is_held_against_the_others_and_not_against_a_fit_of_its_own() -> None:
    """One bent by 1 mm is found 1 mm off, and not the share of it that a fit of all leaves."""
    found = again(touches(np.random.default_rng(2), noise_mm=0.01, bent_mm={0: np.array([1.0, 0.0, 0.0])}), EXACT)
    assert found is not None
    assert found.bias_mm == pytest.approx([1.0, 0.0, 0.0], abs=0.02)


# --- from what a tracker says to the report -------------------------------------------------------------------------


def test_the_tip_is_found_by_the_pivot_at_the_beginning(checked: Assessment) -> None:
    assert checked.tip.is_pivot
    assert np.linalg.norm(checked.tip.tool.tip_mm - TIP_MM) < 3 * checked.tip.tool.error.radius_mm()
    assert checked.tip.end_s - checked.tip.start_s > 8.0


def test_every_touch_is_found_in_its_divot(checked: Assessment) -> None:
    assert checked.counts == {divot: 7 if divot == POSTS.middle else 1 for divot in range(17)}
    assert checked.elsewhere == 0


def test_the_simulated_tracker_measures_without_bias(checked: Assessment) -> None:
    assert abs(checked.distances.bias_mm.value) < 0.1
    assert checked.everywhere.rms_mm.value < 0.25
    assert checked.distances.bias_mm.holds(0.0)
    assert checked.jitter_mm.value == pytest.approx(0.165, rel=0.15)  # of tracker, lever of the tip, and reference


def test_all_three_ways_of_turning_are_told_apart(checked: Assessment) -> None:
    assert [one.about for one in checked.sweeps] == [About.SHAFT, About.FIRST, About.SECOND]
    assert [np.degrees(one.turned_rad) for one in checked.sweeps] == pytest.approx([140, 70, 70], abs=3)
    assert all(one.is_independent for one in checked.sweeps)


def test_a_tip_that_is_off_shows_when_the_pointer_is_rolled_and_by_how_much() -> None:
    """A tip 1 mm beside the shaft that is rolled from one attitude to another goes along a chord."""
    visits = protocol(POSTS, single=0, rounds=1)
    found = assess(movement_of(visits=visits), EXACT, Tip.given(TIP_MM + np.array([1.0, 0.0, 0.0])))
    (roll,) = (one for one in found.sweeps if one.about is About.SHAFT)
    assert np.degrees(np.ptp(roll.angles_rad)) > 90
    assert roll.span_mm.holds(2 * np.sin(np.ptp(roll.angles_rad) / 2))


@pytest.mark.slow
def test_a_tracker_whose_millimetres_are_too_long_is_found_out_from_its_samples() -> None:
    visits = protocol(POSTS, single=0, rounds=1)
    found = assess(movement_of(visits=visits, flaws=Flaws(scale=0.005)), EXACT)
    assert found.distances.scale_percent.holds(0.5)
    assert found.distances.bias_mm.holds(0.005 * MEAN_MM)


@pytest.mark.slow
def test_drift_and_what_was_not_seen_are_said() -> None:
    visits = protocol(POSTS, single=0, rounds=2)
    faults = (
        Fault(FaultKind.DRIFT, 0.0, 1e9, "Stylus", 0.006),
        Fault(FaultKind.OCCLUDED, 30.0, 40.0, "Stylus"),
    )
    found = assess(movement_of(visits=visits, faults=faults), EXACT)
    assert found.drift is not None
    assert found.drift.is_real
    assert found.drift.length.holds(0.006 * found.drift.seconds)
    assert any("drifted by" in lack for lack in found.lacks)
    assert any("samples saw no pointer" in lack for lack in found.lacks)


@pytest.mark.parametrize(
    "words",
    [
        "stood in one place",
        "some divots were touched once",
        "one divot was touched 7 times",
    ],
)
def test_a_short_check_says_what_it_lacks(checked: Assessment, words: str) -> None:
    assert any(words in lack for lack in checked.lacks)


def test_a_check_without_turning_or_repeats_says_so() -> None:
    visits = (Visit(0, Hold.PIVOT, 12.0), *(Visit(divot, Hold.STILL, 1.9) for divot in range(1, 9)))
    found = assess(movement_of(visits=visits), POSTS)
    assert found.again is None
    assert any(
        "was not turned about its shaft, a first axis across it, a second" in lack for lack in found.lacks
    ) or any("its spans are too small" in lack for lack in found.lacks)
    assert any("9 of 17 divots were not touched" in lack for lack in found.lacks)
    assert any("nothing is said of how well one place is found again" in lack for lack in found.lacks)


def test_a_pointer_that_was_never_turned_has_no_tip() -> None:
    still = tuple(Visit(divot, Hold.STILL, 1.9) for divot in (0, 0, 0))
    with pytest.raises(AccuracyRefused, match="Turn it in one divot") as caught:
        find_tip(movement_of(visits=still))
    assert caught.value.doubt is AccuracyDoubt.NO_TIP


def test_times_that_do_not_grow_are_no_movement(checked: Assessment) -> None:
    with pytest.raises(InvalidValue, match="grow"):
        Movement(movement_of(visits=(Visit(0, Hold.STILL, 0.2),), hz=10).places[:2], np.array([1.0, 1.0]), False, 0.0)


@pytest.mark.parametrize(
    ("divots", "words"),
    [
        (POSTS.divots_mm[:3], "4 divots or more"),
        (POSTS.divots_mm * (1, 1, 0), "in a plane"),
        (np.vstack([POSTS.divots_mm[:16], POSTS.divots_mm[0] + 1.0]), "M and D4 are 1.7 mm apart"),
    ],
)
def test_an_artefact_that_cannot_do_is_refused(divots: np.ndarray, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        Artefact("other", POSTS.names[: len(divots)], divots, 0.1, 0.0)
