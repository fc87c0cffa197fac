"""Scores of single answers and of one trainee: known answers, and laws that hold for any."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from scenarios.score.agreement import Choice, quadratic_kappa
from scenarios.score.bootstrap import interval
from scenarios.score.confidence import confidence
from scenarios.score.covariance import Method, covariance
from scenarios.score.lroc import lroc
from scenarios.score.marks import UNMARKED, Marks
from scenarios.score.matching import Acceptance, Kind, Lesion, Mark, match
from scenarios.score.merit import Merit, merit_of, pairs_of, without_each
from scenarios.score.miss import Miss, Viewing, miss_of
from scenarios.score.size import size_score
from scenarios.score.study import StudyRefused, read_study

ratings = st.lists(st.integers(0, 5), min_size=4, max_size=12)


def reading(found: list[list[float]], false: list[list[float]], lesions: list[int]) -> Marks:
    """Normal and abnormal cases, lesions of a case alike."""
    most = max(1, *lesions)
    weights = np.zeros((len(lesions), most))
    for case, count in enumerate(lesions):
        weights[case, :count] = 1 / count if count else 0.0
    table = np.full((len(lesions), most), UNMARKED)
    for case, row in enumerate(found):
        table[case, : len(row)] = row
    marks = np.full((len(lesions), max(1, *map(len, false))), UNMARKED)
    for case, row in enumerate(false):
        marks[case, : len(row)] = row
    return Marks(weights, table, marks)


@st.composite
def readings(draw: st.DrawFn) -> Marks:
    """Two or more cases of each kind, marked anyhow."""
    lesions = [0] * draw(st.integers(2, 4)) + draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    rating = st.one_of(st.just(UNMARKED), st.integers(1, 5).map(float))
    found = [draw(st.lists(rating, min_size=count, max_size=count)) for count in lesions]
    false = [draw(st.lists(st.integers(1, 5).map(float), max_size=3)) for _ in lesions]
    return reading(found, false, lesions)


# --- figures of merit ----------------------------------------------------------------------------


def test_a_reader_by_hand() -> None:
    """Two normal cases, one with a false mark of 2; two abnormal ones: lesions rated 3 and unmarked, and 1."""
    marks = reading([[], [], [3, UNMARKED], [1]], [[2], [], [], []], [0, 0, 2, 1])
    # Against 2: 3 is higher, unmarked and 1 are lower. Against unmarked: higher, alike, higher.
    assert merit_of(Merit.WAFROC, marks) == pytest.approx(((0.5 * 1 + 0) + 0 + (0.5 * 1 + 0.5 * 0.5) + 1) / 4)
    assert merit_of(Merit.AFROC, marks) == pytest.approx((1 + 0 + 0 + 1 + 0.5 + 1) / 6)
    assert merit_of(Merit.AUC, marks) == pytest.approx((1 + 0 + 1 + 1) / 4)
    assert merit_of(Merit.MOST_FOUND, marks) == pytest.approx(2 / 3)
    assert merit_of(Merit.MOST_FALSE, marks) == pytest.approx(1 / 2)
    assert merit_of(Merit.MOST_FALSE_ALL, marks) == pytest.approx(1 / 4)
    assert merit_of(Merit.HR_SENSITIVITY, marks) == 1.0
    assert merit_of(Merit.HR_SPECIFICITY, marks) == 0.5


@given(readings(), st.sampled_from(list(Merit)))
def test_leaving_each_case_out_is_what_computing_without_it_gives(marks: Marks, merit: Merit) -> None:
    everyone = np.arange(len(marks))
    wanted = [merit_of(merit, marks.of(everyone != case)) for case in everyone]
    np.testing.assert_allclose(without_each(merit, marks), wanted, atol=1e-12)


@given(readings(), st.sampled_from([Merit.WAFROC, Merit.AFROC, Merit.AUC]))
def test_only_the_order_of_ratings_counts(marks: Marks, merit: Merit) -> None:
    def squeezed(table: np.ndarray) -> np.ndarray:
        return np.where(table > UNMARKED, np.log(np.where(table > UNMARKED, table, 1.0)) / 7, UNMARKED)

    other = Marks(marks.weights, squeezed(marks.found), squeezed(marks.false))
    assert merit_of(merit, other) == pytest.approx(merit_of(merit, marks))


@given(readings(), st.sampled_from(list(Method)))
def test_a_covariance_is_one_and_a_reader_varies_with_himself_as_he_varies(marks: Marks, method: Method) -> None:
    cov = covariance(Merit.WAFROC, [marks, marks], method)
    assert cov == pytest.approx(cov.T)
    assert np.ptp(cov) == pytest.approx(0.0, abs=1e-12)
    if method is not Method.UNBIASED:  # which may be below zero for few cases
        assert np.linalg.eigvalsh(cov).min() >= -1e-12


def test_readers_of_other_cases_do_not_vary_together() -> None:
    one = reading([[], [3]], [[1], []], [0, 1])
    with pytest.raises(InvalidValue, match="same cases"):
        covariance(Merit.AUC, [one, reading([[], [], [3]], [[1], [], []], [0, 0, 1])])


def test_without_cases_of_both_kinds_nothing_is_told_apart() -> None:
    with pytest.raises(InvalidValue, match="both kinds"):
        pairs_of(Merit.WAFROC, reading([[3], [1]], [[], []], [1, 1]))
    with pytest.raises(InvalidValue, match="both kinds"):
        lroc(reading([[3], [1]], [[], []], [1, 1]))


def test_a_curve_of_places_rises_to_the_share_that_was_found() -> None:
    marks = reading([[], [], [], [], [5], [2], [UNMARKED]], [[4], [3], [2], [1], [], [], [3]], [0, 0, 0, 0, 1, 1, 1])
    curve = lroc(marks)
    assert curve.found_share[-1] == pytest.approx(2 / 3)
    assert curve.found_at(0.25) == pytest.approx(1 / 3)
    assert curve.area(0.25) == pytest.approx(0.25 / 3)


# --- matching ------------------------------------------------------------------------------------


def ball(x_mm: float, radius_mm: float = 4.0) -> Lesion:
    return Lesion(np.array([x_mm, 0.0, 0.0]), radius_mm, np.zeros((0, 3)))


def at(x_mm: float, rating: float = 1.0) -> Mark:
    return Mark(np.array([x_mm, 0.0, 0.0]), rating)


def test_one_mark_finds_one_lesion_and_a_second_on_it_is_a_duplicate() -> None:
    told = match([at(1), at(-2), at(60)], [ball(0)], Acceptance())
    assert [one.kind for one in told] == [Kind.FOUND, Kind.DUPLICATE, Kind.FALSE]
    assert told[0].off_mm == pytest.approx(1.0)


def test_two_lesions_are_both_found_where_greed_would_find_one() -> None:
    """The first mark is nearest to the lesion that the second alone can find."""
    told = match([at(8), at(14)], [ball(0), ball(9)], Acceptance(beyond_mm=5, least_mm=0))
    assert [one.lesion for one in told] == [0, 1]


def test_a_mark_on_a_long_lesion_finds_it_far_from_its_middle() -> None:
    along = np.stack([np.linspace(-40, 40, 81), np.zeros(81), np.zeros(81)], axis=1)
    (told,) = match([at(39)], [Lesion(np.zeros(3), 5.0, along)], Acceptance(beyond_mm=2, least_mm=5))
    assert told.kind is Kind.FOUND


@given(
    st.lists(st.integers(-50, 50), max_size=6), st.lists(st.integers(-50, 50), max_size=4, unique=True), st.randoms()
)
def test_how_many_are_found_does_not_depend_on_the_order_of_marks(
    places: list[int], lesions: list[int], mix: object
) -> None:
    there = [ball(float(x)) for x in lesions]

    def found(xs: list[int]) -> int:
        return sum(one.kind is Kind.FOUND for one in match([at(float(x)) for x in xs], there, Acceptance(3, 5)))

    assert found(places) == found(places[::-1]) == found(sorted(places))
    wide, narrow = (
        match([at(float(x)) for x in places], there, Acceptance(3, 5).scaled(factor)) for factor in (2.0, 0.5)
    )
    assert sum(one.kind is Kind.FALSE for one in wide) <= sum(one.kind is Kind.FALSE for one in narrow)


# --- answers -------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0]), st.integers(0, 1)), min_size=1, max_size=60))
def test_murphys_parts_sum_to_the_brier_score(answers: list[tuple[float, int]]) -> None:
    said, right = np.array(answers, float).T
    told = confidence(said, right)
    assert told.brier == pytest.approx(told.reliability - told.resolution + told.uncertainty)
    assert told.over == pytest.approx(said.mean() - right.mean())
    assert told.calibration_error is None


def test_with_a_hundred_answers_the_error_of_calibration_is_told() -> None:
    said = np.repeat([0.1, 0.9], 50)
    right = np.concatenate([np.zeros(50), np.ones(50)])
    assert confidence(said, right).calibration_error == pytest.approx(0.1)
    with pytest.raises(InvalidValue):
        confidence(np.array([1.2]), np.array([1.0]))


def test_kappa_of_a_textbook_table() -> None:
    """1 where all agree, 0 where they agree as by chance, below 0 where they oppose."""
    assert quadratic_kappa([0, 1, 2, 3], [0, 1, 2, 3], 4) == 1.0
    assert quadratic_kappa([0, 0, 1, 1], [0, 1, 0, 1], 2) == pytest.approx(0.0)
    assert quadratic_kappa([0, 3], [3, 0], 4) == pytest.approx(-1.0)
    assert quadratic_kappa([2, 2], [2, 2], 4) is None
    # By hand: off by one twice in six, against 22/6 by chance.
    assert quadratic_kappa([0, 1, 2, 3, 4, 4], [0, 1, 2, 3, 3, 3], 5) == pytest.approx(1 - (2 / 6) / (22 / 6))


def test_a_choice_scores_by_the_harm_that_it_does() -> None:
    choice = Choice("biopsy", {"biopsy": 0.0, "follow up": 0.3, "discharge": 1.0})
    assert [choice.score(one) for one in choice.harms] == [1.0, 0.7, 0.0]
    with pytest.raises(InvalidValue, match="none of"):
        choice.score("pray")
    with pytest.raises(InvalidValue, match="no harm"):
        Choice("biopsy", {"biopsy": 0.1})


@given(st.floats(1, 200), st.floats(1, 200))
def test_a_size_scores_alike_too_large_or_too_small_by_the_same_factor(measured: float, true: float) -> None:
    score = size_score(measured, true)
    assert 0.0 <= score <= 1.0
    if abs(measured - true) > 2 and abs(true * true / measured - true) > 2:
        assert score == pytest.approx(size_score(true * true / measured, true), abs=1e-6)


def test_sizes_at_the_ends_of_the_scale() -> None:
    assert size_score(100 * math.exp(0.099), 100) == 1.0
    assert size_score(100 * math.exp(0.175), 100) == pytest.approx(0.5)
    assert size_score(100 * math.exp(0.26), 100) == 0.0
    assert size_score(5.0, 3.0) == 1.0  # two millimetres are nobody's fault


@pytest.mark.parametrize(("seconds", "kind"), [(0.0, Miss.SEARCH), (0.4, Miss.RECOGNITION), (1.5, Miss.DECISION)])
def test_a_miss_is_told_by_how_long_its_place_was_viewed(seconds: float, kind: Miss) -> None:
    assert miss_of(Viewing(seconds, has_gaze=False)) is kind


# --- one trainee ---------------------------------------------------------------------------------


def test_the_interval_of_few_cases_is_wide_and_holds_the_figure() -> None:
    few = reading([[], [], [], [3], [2], [UNMARKED]], [[1], [2], [], [], [], [2]], [0, 0, 0, 1, 1, 1])
    told = interval(few, lambda marks: merit_of(Merit.WAFROC, marks), np.random.default_rng(0), draws=400)
    assert told.low <= told.value <= told.high
    assert told.high - told.low > 0.3
    assert told.of == (3, 3)
    with pytest.raises(InvalidValue, match="read more"):
        interval(reading([[], [], [3]], [[1], [], []], [0, 0, 1]), lambda _: 0.0, np.random.default_rng(0))


# --- tables --------------------------------------------------------------------------------------

CASES = "case,truth,lesions,weights\n1,normal,0,\n2,abnormal,2,0.25 0.75\n3,abnormal,1,\n"
RATINGS = "modality,reader,case,mark,index,rating\nCT,A,1,NL,1,2\nCT,A,2,LL,2,3\nCT,B,2,NL,1,1\n"


def test_a_study_is_read_and_who_marked_nothing_marked_nothing() -> None:
    study = read_study(RATINGS, CASES)
    assert (study.modalities, study.readers, study.cases) == (("CT",), ("A", "B"), ("1", "2", "3"))
    one, two = study.marks[0]
    assert one.found[1].tolist() == [UNMARKED, 3.0]
    assert one.weights[1].tolist() == [0.25, 0.75]
    assert two.highest.tolist() == [UNMARKED, 1.0, UNMARKED]


def test_every_flaw_of_a_study_is_told_at_once_with_its_line() -> None:
    cases = CASES.replace("3,abnormal,1,", "3,abnormal,0,") + "1,normal,0,\n4,odd,0,\n5,abnormal,2,1 x\n"
    wrong = RATINGS + "CT,A,9,NL,1,2\nCT,A,2,XX,1,2\nCT,A,2,LL,3,2\nCT,A,2,LL,2,3\nCT,A,2,LL,1,nan\n"
    with pytest.raises(StudyRefused) as refused:
        read_study(wrong, cases)
    told = str(refused.value).splitlines()
    assert len(told) == 9
    for words in (
        "cases, line 4: a normal case has 0 lesions", "cases, line 5: case 1 is there twice", "cases, line 6: truth is",
        "cases, line 7: 2 weights", "line 5: case '9' is not among", "line 6: a mark is NL", "line 7: case 2 has 2",
        "line 8: this mark was rated before", "line 9: a rating is a number",
    ):  # fmt: skip
        assert any(words in line for line in told), words
    with pytest.raises(StudyRefused, match="no column rating"):
        read_study("modality,reader,case,mark,index\n", CASES)
