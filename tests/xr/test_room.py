"""What hands do in the room, without a headset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.core.array import Float64
from engine.xr.brush import Doing, Stroke
from engine.xr.drawn import Window
from engine.xr.guided import BeQuiet, Guided, Landmark, PatientPlace, PlaceHere, Touched
from engine.xr.hand import Hand
from engine.xr.panel import HEIGHT_MM, WIDTH_MM, controls_of
from engine.xr.placement import Box
from engine.xr.rigid import apply, rigid, turned_to
from engine.xr.room import Room, Structure
from engine.xr.room_shapes import ball_shapes

HEAD = rigid(np.eye(3), (0, 1.6, 0))
BOUNDS = Box(np.full(3, -0.1), np.full(3, 0.1))
STRUCTURES = tuple(Structure(f"s{n}", f"Structure {n}", (1, 2, 3), n != 1) for n in range(8))
WINDOWS = Window("Soft tissue", 0, 1, (-160.0, 240.0), "HU"), Window("Lung", 0, 1, (-1350.0, 150.0), "HU")
MIDDLE = np.array([0, 1.44, -0.9])


class Person:
    """Somebody in a room, who acts frame by frame."""

    def __init__(self) -> None:
        self.room = Room()
        self.time_s = 0.0
        self.room.new_scene("Chest")
        self.room.set_structures(STRUCTURES, BOUNDS)
        self.room.set_windows(WINDOWS)
        self.step()

    def step(self, *hands: Hand, dt_s: float = 0.01) -> frozenset[str]:
        self.time_s += dt_s
        return self.room.step(HEAD, hands, self.time_s, dt_s)

    def click(self, hand: Hand) -> None:
        self.step(hand)
        self.step(replace(hand, select=True))
        self.step(hand)

    def press(self, control: str) -> None:
        """Point at a control and pull the trigger."""
        plates = (
            (self.room.world_from_panel, controls_of(self.room.panel_view(""))),
            (self.room.world_from_readout, self.room.readout_controls),
        )
        ((plate, found),) = [(plate, each) for plate, controls in plates for each in controls if each.id == control]
        x = found.left_mm + found.width_mm / 2 - WIDTH_MM / 2
        y = HEIGHT_MM / 2 - found.top_mm - found.height_mm / 2
        assert plate is not None
        self.click(pointing(apply(plate, (x / 1e3, y / 1e3, 0))))

    def wait(self, seconds: float) -> None:
        self.step(dt_s=seconds)


def pointing(at: Float64, side: str = "right", origin: tuple[float, float, float] = (0.1, 1.3, -0.1)) -> Hand:
    away = at - np.array(origin)
    aim = rigid(turned_to(-away / np.linalg.norm(away)), origin)
    return Hand(side, aim, aim, np.array(origin))


def beside(x: float, y: float, z: float) -> Float64:
    """A place so far from the middle."""
    return np.asarray(MIDDLE + np.array([x, y, z]))


def at(place: Float64, side: str = "right") -> Hand:
    return Hand(side, rigid(np.eye(3), place), rigid(np.eye(3), place), place)


@pytest.fixture
def person() -> Person:
    return Person()


def test_at_the_start_everything_stands_before_the_person(person: Person) -> None:
    assert person.room.world_bounds.centre == pytest.approx(MIDDLE)
    assert person.room.world_from_panel is not None
    assert person.room.shown == {each.id for each in STRUCTURES if each.is_shown}


def test_surfaces_that_still_arrive_are_kept_in_the_middle_until_somebody_takes_hold(person: Person) -> None:
    person.room.set_structures(STRUCTURES, Box(np.full(3, -0.1), np.array([0.1, 0.3, 0.1])))
    assert person.room.world_bounds.centre == pytest.approx(MIDDLE)
    person.step(replace(at(MIDDLE), squeeze=True))
    person.room.set_structures(STRUCTURES, BOUNDS)
    assert person.room.world_bounds.centre != pytest.approx(MIDDLE)


def test_a_grip_takes_the_anatomy_wherever_it_points_and_carries_it(person: Person) -> None:
    hand = replace(at(np.array([0.5, 1.0, 0.5])), squeeze=True)
    assert person.step(hand) == {"right"}
    person.step(replace(hand, world_from_hold=rigid(np.eye(3), (0.6, 1.1, 0.5))))
    assert person.room.world_bounds.centre == pytest.approx(beside(0.1, 0.1, 0))
    person.step(replace(hand, squeeze=False))
    assert person.room.holding == ()


def test_a_trigger_takes_it_only_when_it_points_at_it(person: Person) -> None:
    person.step(replace(pointing(MIDDLE), select=True))
    assert "right" in person.room.holding
    person.step(pointing(MIDDLE))
    person.step(replace(pointing(beside(1.0, 0, 0)), select=True))
    assert person.room.holding == ()


def test_a_hand_that_leaves_takes_nothing_with_it(person: Person) -> None:
    person.step(replace(at(MIDDLE), squeeze=True))
    person.step()
    assert person.room.holding == ()
    assert person.room.world_bounds.centre == pytest.approx(MIDDLE)


def test_a_button_held_when_the_hand_comes_back_is_a_new_press(person: Person) -> None:
    person.step(replace(at(MIDDLE), squeeze=True))
    person.step()
    person.step(replace(at(MIDDLE), squeeze=True))
    assert person.room.holding == ("right",)


def test_two_hands_scale_it(person: Person) -> None:
    left, right = at(beside(-0.1, 0, 0), "left"), at(beside(0.1, 0, 0))
    person.step(replace(left, squeeze=True), replace(right, squeeze=True))
    apart = at(beside(0.3, 0, 0))
    person.step(replace(left, squeeze=True), replace(apart, squeeze=True))
    assert person.room.placement.scale == pytest.approx(2)


def test_rows_show_and_hide_structures(person: Person) -> None:
    person.press("structure:s0")
    assert "s0" not in person.room.shown
    person.press("structure:s1")
    assert "s1" in person.room.shown
    person.press("structure:s0")
    assert "s0" in person.room.shown


def test_what_was_hidden_stays_hidden_while_finer_surfaces_come(person: Person) -> None:
    person.press("structure:s0")
    person.room.set_structures(STRUCTURES, BOUNDS)
    assert "s0" not in person.room.shown
    person.room.new_scene("Another")
    person.room.set_structures(STRUCTURES, BOUNDS)
    assert "s0" in person.room.shown


def test_pages_of_structures_are_turned(person: Person) -> None:
    def names() -> list[str]:
        return [each.id for each in controls_of(person.room.panel_view("")) if each.id.startswith("structure")]

    first = names()
    person.press("more")
    assert names() == ["structure:s6", "structure:s7"]
    person.press("more")
    assert names() == ["structure:s6", "structure:s7"]
    person.press("earlier")
    assert names() == first


def test_a_press_on_the_panel_never_takes_the_anatomy(person: Person) -> None:
    assert person.room.world_from_panel is not None
    corner = apply(person.room.world_from_panel, (0.14, 0.17, 0))
    person.click(pointing(corner))
    assert person.room.holding == ()


def test_size_buttons_glide_to_the_next_size_about_the_middle(person: Person) -> None:
    person.press("larger")
    person.wait(0.5)
    assert person.room.placement.scale == pytest.approx(1.25)
    assert person.room.world_bounds.centre == pytest.approx(MIDDLE)
    person.press("true_size")
    person.wait(0.5)
    assert person.room.placement.scale == 1


def test_bring_here_puts_it_back_before_the_eyes(person: Person) -> None:
    person.step(replace(at(MIDDLE), squeeze=True))
    person.step(replace(at(beside(0.4, 0.3, 0.2)), squeeze=True))
    person.step()
    person.press("here")
    person.wait(0.5)
    assert person.room.world_bounds.centre == pytest.approx(MIDDLE)


def test_the_slice_is_put_up_through_the_middle_cut_and_put_away(person: Person) -> None:
    person.press("axial")
    assert person.room.slice.is_on
    assert person.room.slice.position_m == pytest.approx(MIDDLE)
    assert person.room.cut() is not None
    person.press("cut")
    assert person.room.cut() is None
    person.press("slice")
    assert not person.room.slice.is_on


def test_the_window_goes_round(person: Person) -> None:
    told = []
    for _ in range(3):
        told.append(person.room.panel_view("").window)
        person.press("window")
    assert told == ["Soft tissue", "Lung", "Soft tissue"]


def test_the_plate_is_taken_before_the_anatomy_behind_it(person: Person) -> None:
    person.press("coronal")
    person.step(replace(pointing(MIDDLE), select=True))
    assert person.room.slice.carrier == "right"
    assert person.room.holding == ()


def test_the_stick_scrolls_the_slice_or_pushes_what_is_held(person: Person) -> None:
    person.press("coronal")
    away = pointing(np.array([1.0, 1.0, -1.0]))
    person.step(replace(away, stick=np.array([0.0, 1.0])), dt_s=0.1)
    assert person.room.slice.position_m[2] == pytest.approx(-0.9 - 0.016)
    held = replace(away, squeeze=True)
    person.step(held)
    before = person.room.placement.position_m
    person.step(replace(held, stick=np.array([0.0, 1.0])), dt_s=0.1)
    assert (person.room.placement.position_m - before) @ held.direction == pytest.approx(0.06)


def test_the_menu_button_puts_the_panel_away_and_brings_it_to_that_hand(person: Person) -> None:
    left = at(np.array([-0.2, 1.2, -0.3]), "left")
    person.step(replace(left, menu=True))
    assert person.room.world_from_panel is None
    person.step(left)
    person.step(replace(left, menu=True))
    assert person.room.world_from_panel is not None
    assert person.room.world_from_panel[0, 3] < 0


def test_when_the_device_takes_the_input_everything_is_let_go(person: Person) -> None:
    person.step(replace(at(MIDDLE), squeeze=True))
    person.room.let_go()
    assert person.room.holding == ()


def test_rays_end_at_what_they_mean(person: Person) -> None:
    hand = pointing(MIDDLE)
    person.step(hand)
    ray = person.room.rays()["right"]
    assert ray.is_over
    assert (hand.origin_m + ray.length_m * hand.direction)[2] == pytest.approx(-0.8, abs=0.02)
    person.step(pointing(np.array([2.0, 2.0, -1.0])))
    assert not person.room.rays()["right"].is_over


def test_a_new_here_brings_anatomy_slice_and_panel_along(person: Person) -> None:
    person.press("sagittal")
    person.room.place_anew()
    person.room.step(rigid(turned_to((1.0, 0, 0)), (1, 1.6, 1)), (), 99.0, 0.01)
    assert person.room.world_bounds.centre == pytest.approx((0.1, 1.44, 1), abs=1e-6)
    assert person.room.slice.position_m == pytest.approx((0.1, 1.44, 1), abs=1e-6)


def at_the_middle(person: Person, button: str | None = None) -> Hand:
    """A hand at the anatomy, which presses this."""
    hold = rigid(np.eye(3), person.room.world_bounds.centre)
    hand = Hand("right", hold, hold, hold[:3, 3].copy())
    return replace(hand, select=button == "select", squeeze=button == "squeeze")


def correcting() -> Person:
    person = Person()
    person.room.may_correct = True
    person.press("correct")
    person.press("structure:s1")
    person.room.brush.told()
    return person


def test_a_trigger_at_the_anatomy_paints_what_was_chosen_and_a_grip_takes_it_as_before() -> None:
    person = correcting()
    placed = person.room.placement
    assert "s1" in person.room.shown
    person.step(at_the_middle(person))
    person.step(at_the_middle(person, "select"))
    (stroke,) = person.room.brush.told()
    assert isinstance(stroke, Stroke)
    assert stroke.structure == "s1"
    np.testing.assert_allclose(stroke.points_m, np.zeros((1, 3)), atol=1e-9)
    assert not person.room.holding
    assert person.room.placement is placed
    person.step(at_the_middle(person))
    person.step(at_the_middle(person, "squeeze"))
    assert person.room.holding == ("right",)
    assert person.room.brush.told() == ()


def test_a_trigger_held_from_corner_to_corner_takes_the_values_between_and_moves_nothing() -> None:
    person = correcting()
    person.press("by_value")
    placed = person.room.placement
    start = person.room.world_bounds.centre
    for along_m in (0.0, 0.01, 0.03):
        person.step(replace(at(start + along_m), select=True))
        assert person.room.brush.told() == ()
    ((a, b),) = person.room.brush.boxes
    np.testing.assert_allclose(b - a, np.full(3, 0.03), atol=1e-9)
    # Twelve edges and the tip's own mark.
    assert len(ball_shapes(person.room, [replace(at(start + 0.03), select=True)])) == 13
    person.step(at(start + 0.03))
    (box,) = person.room.brush.told()
    assert isinstance(box, Stroke)
    assert (box.doing, box.values, box.structure) == (Doing.BY_VALUE, (-160.0, 240.0), "s1")
    np.testing.assert_allclose(box.points_m, placed.undo([start, start + 0.03]), atol=1e-9)
    assert person.room.placement is placed
    assert person.room.brush.boxes == ()


def test_the_range_of_values_is_the_windows_until_it_is_changed_and_its_ends_never_pass_each_other() -> None:
    person = correcting()
    person.press("by_value")
    person.room.window = 0
    told = person.room.panel_view("").correcting
    assert told is not None
    assert told.values == ("≥-160", "≤240")
    person.press("lowest_up")
    person.press("highest_down")
    assert person.room.brush.values == (-140.0, 220.0)
    for _ in range(30):
        person.press("lowest_up")
    assert person.room.brush.values == (220.0, 220.0)
    person.press("of_window")
    assert person.room.brush.values == (-160.0, 240.0)


def test_a_hand_that_is_lost_in_the_middle_of_a_stroke_ends_it() -> None:
    person = correcting()
    person.step(at_the_middle(person))
    person.step(at_the_middle(person, "select"))
    assert person.room.brush.hands == {"right"}
    person.step()
    assert person.room.brush.hands == frozenset()


def test_done_lays_the_tool_down_and_rows_show_and_hide_again() -> None:
    person = correcting()
    person.press("looking")
    assert not person.room.brush.is_ready
    person.press("structure:s1")
    assert "s1" not in person.room.shown


def test_what_others_change_moves_the_anatomy_to_nobody_who_has_turned_away() -> None:
    person = Person()
    before = person.room.placement.apply(BOUNDS.centre)
    turned = rigid(turned_to(np.array([1.0, 0, 0])), (1.0, 1.6, 2.0))
    person.room.step(turned, (), 1.0, 0.01)
    person.room.set_structures(STRUCTURES, Box(np.full(3, -0.101), np.full(3, 0.101)))
    after = person.room.placement.apply(BOUNDS.centre)
    assert np.linalg.norm(after - before) < 0.01


def test_two_presses_at_the_anatomy_measure_it_and_the_panel_removes_what_was_measured() -> None:
    person = Person()
    person.press("measure")
    middle = person.room.world_bounds.centre
    for off in ((0.0, 0.0, 0.0), (0.04, 0.0, 0.03)):
        hand = at(middle + np.array(off))
        person.step(hand)
        person.step(replace(hand, select=True))
        person.step(hand)
    assert person.room.panel_view("").lengths == ("50 ± 2 mm",)
    assert person.room.panel_view("Connected").status == "Hold the trigger or pinch at the first end"
    person.press("length:0")
    assert person.room.ruler.lengths == ()
    person.press("looking")
    assert person.room.panel_view("Connected").status == "Connected"


def guided(place: PatientPlace | None = None) -> Guided:
    landmarks = tuple(Landmark(name, name, np.zeros(3)) for name in "abc")
    return Guided("Guide", landmarks=landmarks, place=place)


LYING = rigid(turned_to((0.6, 0.0, 0.8)), (0.2, 1.0, -0.7))


def test_numbers_stand_beside_the_anatomy_opposite_the_panel_while_somebody_is_guided() -> None:
    person = Person()
    assert person.room.world_from_readout is None
    person.room.guide(guided(), shows_room=False)
    assert person.room.world_from_readout is not None
    assert person.room.world_from_panel is not None
    assert person.room.world_from_panel[0, 3] < 0 < person.room.world_from_readout[0, 3]
    person.room.guide(None, shows_room=False)
    assert person.room.world_from_readout is None
    assert person.room.readout_controls == ()


def test_one_press_takes_the_overlay_away_and_one_brings_it_back_and_one_asks_for_quiet() -> None:
    person = Person()
    person.room.guide(guided(), shows_room=False)
    for is_on in (False, True):
        person.press("overlay")
        assert person.room.overlay_is_on is is_on
    person.press("quiet")
    assert person.room.asked() == (BeQuiet(),)
    assert person.room.asked() == ()


def test_touching_takes_the_trigger_from_the_anatomy_and_offers_a_place_after_three_landmarks() -> None:
    person = Person()
    person.room.guide(guided(), shows_room=True)
    person.press("touch")
    hand = replace(at(MIDDLE), select=True)
    for _ in range(3):
        for _ in range(120):
            person.step(hand)
        assert person.room.holding == ()
        person.step(replace(hand, select=False))
    person.press("place")
    *touched, place = person.room.asked()
    assert [each.landmark for each in touched if isinstance(each, Touched)] == ["a", "b", "c"]
    assert isinstance(place, PlaceHere)
    person.press("touched")
    person.step(at(MIDDLE))
    person.step(hand)
    assert person.room.holding == ("right",)


def test_on_the_patient_the_anatomy_lies_at_true_size_and_no_hand_moves_it() -> None:
    person = Person()
    person.press("larger")
    person.wait(0.5)
    place = PatientPlace(LYING, 1.8, is_verified=True)
    person.room.guide(guided(place=place), shows_room=False)
    assert not person.room.is_on_patient  # a closed headset shows no patient
    person.room.guide(guided(place=place), shows_room=True)
    for hand in (replace(at(LYING[:3, 3]), squeeze=True), replace(at(LYING[:3, 3] + 0.1), squeeze=True)):
        person.step(hand)
        np.testing.assert_allclose(person.room.placement.world_from_anatomy, LYING)
    assert person.room.holding == ()
    # Neither plate stands before or in it.
    for plate in (person.room.world_from_panel, person.room.world_from_readout):
        assert plate is not None
        assert np.linalg.norm(plate[:3, 3] - LYING[:3, 3]) > 0.25
    person.step()
    person.press("larger")
    person.wait(0.5)
    assert person.room.placement.scale == 1


def test_it_is_taken_off_the_patient_and_put_back_with_a_press() -> None:
    person = Person()
    person.room.guide(guided(place=PatientPlace(LYING, 1.8, is_verified=True)), shows_room=True)
    person.step()
    person.press("patient")
    person.wait(0.5)
    assert person.room.world_bounds.centre == pytest.approx(MIDDLE)
    person.press("patient")
    np.testing.assert_allclose(person.room.placement.world_from_anatomy, LYING)


def test_a_new_here_makes_the_patients_place_void_until_another_is_found() -> None:
    person = Person()
    person.room.guide(guided(place=PatientPlace(LYING, 1.8, is_verified=True)), shows_room=True)
    assert person.room.is_on_patient
    person.room.place_anew()
    assert not person.room.is_on_patient
    other = LYING.copy()
    other[0, 3] += 0.01
    person.room.guide(guided(place=PatientPlace(other, 1.8, is_verified=True)), shows_room=True)
    assert person.room.is_on_patient
