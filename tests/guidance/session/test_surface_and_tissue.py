"""What a session takes besides landmarks: a block with a divot, a traced skin, points that were touched again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.frame import WORLD
from engine.core.transform import Transform
from guidance.calibrate.block import Block
from guidance.calibrate.tool_tip import CalibrationDoubt, CalibrationRefused
from guidance.plan.plan import PlanRefused
from guidance.register.deformation import LEAST_POINTS
from guidance.register.registration import Doubt, Method, RegistrationRefused
from guidance.register.rigid_fit import turn
from guidance.register.surface import register_surface
from guidance.session.retouched import MOST_POINTS, Retouched
from guidance.session.session import Session, Step
from guidance.session.tracing import STEP_MM, Tracing
from guidance.track.sample import Sample, thing_frame
from tests.guidance.margins.shapes import lumpy
from tests.guidance.session.theatre import CALIBRATED, CORTEX_MM, PLAN, TIP_MM, TOOL, Theatre, hand

BLOCK = Block("Block", np.array([10.0, 20.0, 30.0]), 0.05)
WITH_BLOCK = replace(PLAN, block=BLOCK)
#: About as large as a head, in the patient frame.
SKIN = lumpy(3, 80.0, 5)


# --- a tip found in a block ----------------------------------------------------------------------


def in_block(session: Session, off_mm: Float64, count: int = 90) -> None:
    """A second and a half in which the block turns, and the tool with it."""
    for n in range(count):
        time_s = n / 60
        block = Transform.rigid(
            WORLD, thing_frame("Block"), turn(np.array([0.0, 0.1 * time_s, 0.3])), [5.0, time_s, -900]
        )
        tip = block.apply(BLOCK.divot_mm + off_mm * np.sin(0.5 * n))
        held = turn(np.array([0.4, 0.2 * time_s, 0.0]))
        tool = Transform.rigid(WORLD, thing_frame(TOOL), held, tip - held @ TIP_MM)
        session.hear([Sample(TOOL, tool, time_s), Sample("Block", block, time_s)], None, "", time_s)


def test_a_tip_is_found_in_the_divot_of_a_tracked_block() -> None:
    session = Session(WITH_BLOCK, PLAN.frame)
    session.hear((), None, "", 0.0)
    assert session.step is Step.CALIBRATE
    session.calibrate(TOOL, start=True, in_block=True)
    assert session.next_words(0.0).startswith("Hold the tip of Pointer in the divot of the block")
    in_block(session, np.zeros(3))
    session.calibrate(TOOL, start=False, in_block=True)
    tip = session.instruments[TOOL].tip
    assert tip is not None
    np.testing.assert_allclose(tip.tip_mm, TIP_MM, atol=1e-6)
    assert tip.error.rms_mm == pytest.approx(np.sqrt(3) * BLOCK.error_mm, rel=0.01)  # what the drawing may be off


def test_a_tip_that_slips_in_the_block_is_refused_and_none_is_taken() -> None:
    session = Session(WITH_BLOCK, PLAN.frame)
    session.calibrate(TOOL, start=True, in_block=True)
    in_block(session, np.array([2.0, 0.0, 0.0]))
    with pytest.raises(CalibrationRefused) as refused:
        session.calibrate(TOOL, start=False, in_block=True)
    assert refused.value.doubt is CalibrationDoubt.NOT_IN_ONE_PLACE
    assert session.instruments[TOOL].tip is None


def test_without_a_block_in_the_plan_there_is_none_to_hold_a_tip_in() -> None:
    with pytest.raises(InvalidValue, match="no block"):
        Session(PLAN, PLAN.frame).calibrate(TOOL, start=True, in_block=True)
    with pytest.raises(PlanRefused, match="neither"):
        replace(PLAN, block=replace(BLOCK, thing=TOOL))


# --- a traced skin -------------------------------------------------------------------------------


def face() -> Float64:
    """A way to and fro over the front of the skin, in steps of two to three millimetres."""
    vertices = SKIN.vertices_mm.astype(np.float64)
    facing = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    across = np.deg2rad(np.arange(-50.0, 50.1, 2.0))
    rows = [across[:: 1 if n % 2 else -1] for n in range(6)]
    up = np.repeat(np.deg2rad(np.linspace(-10.0, 60.0, 6)), len(across))
    azimuth = np.concatenate(rows)
    ways = np.stack([np.sin(azimuth) * np.cos(up), -np.cos(azimuth) * np.cos(up), np.sin(up)], axis=1)
    return np.asarray(vertices[(ways @ facing.T).argmax(axis=1)])


def test_points_are_traced_where_the_tip_goes_and_a_resting_tip_traces_one() -> None:
    tracing = Tracing(TOOL)
    added = [tracing.add(np.array([0.3 * n, 0.0, 0.0])) for n in range(11)]
    assert added.count(True) == len(tracing) == 3
    assert not tracing.add(tracing.points_mm[-1])
    assert (np.linalg.norm(np.diff(tracing.points_mm, axis=0), axis=1) >= STEP_MM).all()


def test_a_traced_skin_registers_and_must_be_checked_like_any_registration() -> None:
    pytest.importorskip("open3d")
    theatre = Theatre(hand=hand(3), session=Session(CALIBRATED, PLAN.frame))
    session = theatre.session
    theatre.play(0.3)
    for k in range(4):  # roughly, so that the trace has where to begin
        theatre.touch(f"l{k}")
    start = session.rough()
    assert start is not None
    places = face()
    theatre.go(places[0], exactly=True)
    session.trace()
    for place in places:
        theatre.hand.at_mm = place
        theatre.hand.go(place, exactly=True)
        theatre.step()
    assert session.traced is not None
    assert session.traced > 100
    assert theatre.session.next_words(theatre.now_s).startswith("Draw the tip over the skin")
    traced = session.end_trace()
    assert session.traced is None
    patient = theatre.hand.reference_from_patient.inverse.matrix
    # Between two places of the skin a hand that goes straight dips below it, by no more than its step allows.
    found = register_surface(traced, SKIN, session.tracked, start)
    session.take_registration(found)
    assert found.method is Method.SURFACE
    truth = Transform.rigid(PLAN.frame, session.tracked, patient[:3, :3], patient[:3, 3])
    middle = SKIN.vertices_mm.astype(np.float64).mean(axis=0)
    off_mm = found.patient_from_tracked.apply(truth.inverse.apply(middle)) - middle
    assert np.linalg.norm(off_mm) < 2.0
    assert session.step is Step.VERIFY


def test_a_trace_that_nobody_began_is_refused() -> None:
    with pytest.raises(RegistrationRefused) as refused:
        Session(CALIBRATED, PLAN.frame).end_trace()
    assert refused.value.doubt is Doubt.TOO_FEW
    with pytest.raises(InvalidValue, match="calibrated"):
        Session(PLAN, PLAN.frame).trace()


# --- points that were touched again --------------------------------------------------------------


SANK_MM = np.array([0.0, 1.0, -6.0])


@pytest.fixture(scope="module")
def sunken() -> Theatre:
    """A session in which the tissue has sunk by six millimetres, and six points of it were touched again."""
    theatre = Theatre(hand=hand(4), session=Session(CALIBRATED, PLAN.frame))
    theatre.play(0.3)
    with pytest.raises(InvalidValue, match="check the registration first"):
        theatre.session.retouch(CORTEX_MM[0], theatre.now_s)
    theatre.register()
    theatre.verify()
    assert theatre.session.step is Step.GUIDE, theatre.session.words
    for count, place in enumerate(CORTEX_MM, start=1):
        theatre.go(place + SANK_MM)
        theatre.session.retouch(place, theatre.now_s)
        theatre.until(lambda count=count: len(theatre.session.retouched) == count)  # type: ignore[misc]
    return theatre


def test_points_that_were_touched_again_tell_where_tissue_went(sunken: Theatre) -> None:
    guess = sunken.session.deformation()
    between = np.array([[10.0, 0.0, 45.0], [-10.0, 10.0, 40.0]])
    off_mm = np.linalg.norm(guess.moved(between) - between - SANK_MM, axis=1)
    assert (off_mm < 2.0).all()
    assert "Touched again: 6." in sunken.session.words or "Touched again: 5." in sunken.session.words


def test_a_point_touched_twice_counts_once_as_it_was_touched_last(sunken: Theatre) -> None:
    before = len(sunken.session.retouched)
    sunken.go(CORTEX_MM[0] + 2 * SANK_MM)
    sunken.session.retouch(CORTEX_MM[0], sunken.now_s)
    sunken.until(lambda: sunken.session.retouched[-1].moved_mm > 9.0)
    assert len(sunken.session.retouched) == before
    sunken.go(CORTEX_MM[0] + SANK_MM)
    sunken.session.retouch(CORTEX_MM[0], sunken.now_s)
    sunken.until(lambda: sunken.session.retouched[-1].moved_mm < 9.0)


def test_sixty_four_points_are_enough_and_a_sixty_fifth_is_refused_when_it_is_asked_for(sunken: Theatre) -> None:
    points, session = sunken.session.retouched, sunken.session
    session.retouched = tuple(Retouched(np.full(3, 3.0 * n), np.full(3, 3.0 * n)) for n in range(MOST_POINTS))
    with pytest.raises(InvalidValue, match="that is enough"):
        session.retouch(CORTEX_MM[0], sunken.now_s)
    session.retouched = points


def test_what_was_touched_under_another_registration_says_nothing(sunken: Theatre) -> None:
    session, points = sunken.session, sunken.session.retouched
    assert session.registration is not None
    session.forget_retouched()
    with pytest.raises(RegistrationRefused, match=f"it takes {LEAST_POINTS}"):
        session.deformation()
    session.retouched = points
    session.retouch(CORTEX_MM[0], sunken.now_s)
    session.take_registration(session.registration)
    assert not session.retouched
    sunken.play(2.0)  # what was being touched was begun under the last one
    assert not session.retouched
