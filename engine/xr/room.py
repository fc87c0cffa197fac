"""Everything inside one session but its pixels: the anatomy in the hands, the slice, the panel. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.core.array import Float64
from engine.xr.brush import FIRST_M, Brush, Doing, Request
from engine.xr.drawn import Window
from engine.xr.grab import Grab, steered
from engine.xr.guided import Asked, BeQuiet, Guided, PlaceHere
from engine.xr.hand import Hand
from engine.xr.panel import (
    ROWS,
    Control,
    Correcting,
    Item,
    Kind,
    PanelView,
    Row,
    control_at,
    controls_in_line,
    controls_of,
    meet,
    standing,
)
from engine.xr.placement import (
    EMPTY_ROOM,
    Box,
    Glide,
    Placement,
    gaze_of,
    resting_scale,
    scaled_about,
    start_placement,
)
from engine.xr.readout import CONTROLS_FROM_MM
from engine.xr.ruler import Ruler
from engine.xr.slice_plane import AnatomicalPlane, SlicePlane
from engine.xr.touching import Touching

#: A hand this near the anatomy holds it without pointing at it.
NEAR_M = 0.03
#: One press of Smaller or Larger.
SCALE_STEP = 1.25
#: So many landmarks tell where a patient lies.
LEAST_LANDMARKS = 3
#: One press at an end of the range of values, as a share of the display window.
VALUE_STEP = 1 / 20


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure that can be shown and hidden."""

    id: str
    name: str
    colour: tuple[int, int, int]
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Ray:
    """What a hand's ray is drawn to: how far, and whether it would press something."""

    length_m: float
    is_over: bool


class Room:
    """The state of one session. Positions are world metres."""

    def __init__(self, floor_m: float | None = None) -> None:
        self.placement = Placement(np.array([0.0, 0.0, -0.9]), np.eye(3))
        self.slice = SlicePlane()
        self.world_from_panel: Float64 | None = None
        self.title = ""
        self.window = 0
        self._floor_m = floor_m
        self._structures: tuple[Structure, ...] = ()
        self._asked: dict[str, bool] = {}
        self._bounds = EMPTY_ROOM
        self._windows: tuple[Window, ...] = ()
        self._values: tuple[float, float] | None = None
        self.brush = Brush()
        self.ruler = Ruler()
        self.may_correct = False
        self.guided: Guided | None = None
        self.touching = Touching()
        self.overlay_is_on = True
        self.world_from_readout: Float64 | None = None
        self._shows_room = False
        self._wants_patient = True
        self._void_place: Float64 | None = None
        self._asked_guidance: list[Asked] = []
        self._is_correcting = False
        self._grab = Grab()
        self._holds: dict[str, tuple[str, Callable[[], None]]] = {}
        self._pressed: dict[str, frozenset[str]] = {}
        self._poses: dict[str, Float64] = {}
        self._hands: tuple[Hand, ...] = ()
        self._world_from_head = np.eye(4)
        self._placed_for = gaze_of(self._world_from_head)
        self._glide: Glide | None = None
        self._first = 0
        self._hovered: str | None = None
        self._time_s = 0.0
        self._is_placed = False
        self._was_moved = False

    # What is there

    def new_scene(self, title: str) -> None:
        """Another scene: what was asked of the old one's structures means nothing here."""
        self.title = title
        self._structures, self._asked, self._windows, self._values = (), {}, (), None
        self._bounds = EMPTY_ROOM
        self._first = self.window = 0
        self._was_moved = False
        self.slice.put_away()
        self._lay_down()
        self.ruler.clear()

    def set_structures(self, structures: Sequence[Structure], bounds: Box | None) -> None:
        """These structures are there, `bounds` round those shown.

        Until somebody takes hold of them they stay in the middle of what was looked at when they were placed.
        """
        self._structures = tuple(structures)
        self._first = min(self._first, max(0, len(self._structures) - 1) // ROWS * ROWS)
        self._bounds = bounds or EMPTY_ROOM
        if self._is_placed and not self._was_moved:
            self.placement = start_placement(self._placed_for, self._bounds, 1.0, self._floor_m)

    def set_windows(self, windows: Sequence[Window]) -> None:
        """The volume has these display windows; none: there is no volume."""
        if tuple(windows) != self._windows:
            self._windows = tuple(windows)
            self._values = None
            self._set_window(0)

    def guide(self, guided: Guided | None, *, shows_room: bool) -> None:
        """The guidance session stands like this; None: there is none."""
        began, self.guided, self._shows_room = self.guided is None and guided is not None, guided, shows_room
        self.touching.offer(guided.landmarks if guided is not None else ())
        if guided is None:
            self.world_from_readout = None
            self.overlay_is_on = True
            self.touching.end()
        elif began and self._is_placed:
            self._stand_beside(-1, with_panel=self.world_from_panel is not None)

    @property
    def is_on_patient(self) -> bool:
        """Whether the anatomy stands where the patient lies: where the real room is seen, and the place is known."""
        place = self.guided.place if self.guided is not None else None
        if place is None or not (self._shows_room and self._wants_patient):
            return False
        return self._void_place is None or not np.array_equal(place.world_from_anatomy, self._void_place)

    def asked(self) -> tuple[Asked, ...]:
        """What is to be asked of the guidance session, once."""
        asked, self._asked_guidance = (*self.touching.told(), *self._asked_guidance), []
        return asked

    @property
    def readout_controls(self) -> tuple[Control, ...]:
        """What stands below the numbers."""
        if self.guided is None:
            return ()
        items: list[Item]
        if self.touching.is_on:
            items = [("another", "Another"), ("touched", "Done")]
            if len(self.touching.touched) >= LEAST_LANDMARKS:
                items.insert(1, ("place", "Place it"))
        else:
            items = [("overlay", "Overlay", Kind.TOGGLE, self.overlay_is_on), ("quiet", "Quiet")]
            if self.guided.landmarks:
                items.append(("touch", "Touch"))
            if self.guided.place is not None and self._shows_room:
                items.append(("patient", "On patient", Kind.TOGGLE, self.is_on_patient))
        return tuple(controls_in_line(CONTROLS_FROM_MM, items))

    @property
    def hovered(self) -> str | None:
        """What a ray is on."""
        return self._hovered

    def is_shown(self, structure: Structure) -> bool:
        """Whether it is drawn: as asked, else as it came."""
        return self._asked.get(structure.id, structure.is_shown)

    @property
    def shown(self) -> frozenset[str]:
        """Identifiers of the structures drawn now."""
        return frozenset(each.id for each in self._structures if self.is_shown(each))

    def colour_of(self, structure: str | None) -> tuple[int, int, int]:
        """sRGB of a structure; white for none."""
        return next((each.colour for each in self._structures if each.id == structure), (255, 255, 255))

    @property
    def holding(self) -> tuple[str, ...]:
        """Hands that hold the anatomy."""
        return self._grab.hands

    @property
    def world_bounds(self) -> Box:
        """Upright box round the anatomy in the world."""
        return Box.around(self.placement.apply(self._bounds.corners))

    def panel_view(self, status: str) -> PanelView:
        """What the panel says now."""
        rows = tuple(Row(each.id, each.name, each.colour, self.is_shown(each)) for each in self._structures)
        scale = self._goal.scale
        return PanelView(
            title=self.title or "No study is open",
            status=self._prompt or status,
            rows=rows,
            first=self._first,
            slice_on=self.slice.is_on,
            is_cutting=self.slice.is_cutting,
            window=self._windows[self.window].name if self._windows else "No slices",
            scale_text="1:1" if scale == 1 else f"×{scale:.2f}",
            hovered=self._hovered,
            can_correct=self.may_correct and bool(self._windows),
            correcting=self._correcting if self._is_correcting else None,
            lengths=tuple(each.text for each in self.ruler.lengths) if self.ruler.is_on else None,
        )

    @property
    def _correcting(self) -> Correcting:
        low, high = self.brush.values or (0.0, 0.0)
        digits = 0 if self._value_step >= 1 else 3
        values = f"≥{low:.{digits}f}", f"≤{high:.{digits}f}"
        return Correcting(self.brush.doing, 2e3 * self.brush.radius_m, self.brush.structure, values)

    @property
    def _prompt(self) -> str:
        """What a tool in hand waits for; nothing where it waits for nothing."""
        if self.ruler.is_on:
            return self.ruler.prompt
        if self._is_correcting and self.brush.is_ready and self.brush.doing is Doing.BY_VALUE:
            unit = self._windows[self.window].unit if self._windows else ""
            return f"Hold from corner to corner of a box{f' (values in {unit})' if unit else ''}"
        return "Choose what is to be corrected" if self._is_correcting and not self.brush.is_ready else ""

    def ball_m(self, hand: Hand) -> Float64 | None:
        """(3,) where a hand's ball is, or would be; None where the hand corrects nothing."""
        is_at_work = hand.side in self.brush.hands or (hand.side not in self._holds and self._anatomy_m(hand) == 0.0)
        return hand.touch_m if self.brush.is_ready and is_at_work else None

    # Frame by frame

    def step(self, world_from_head: Float64, hands: Sequence[Hand], time_s: float, dt_s: float) -> frozenset[str]:
        """One frame; returns the hands that took hold of something or pressed it, for a tick they can feel."""
        self._time_s = time_s
        self._world_from_head = world_from_head
        self._hands = tuple(hands)
        self._poses |= {hand.side: hand.world_from_hold for hand in hands}
        if not self._is_placed:
            self.come_here()
        self._lose({hand.side for hand in hands})
        ticks = frozenset(hand.side for hand in hands if self._buttons(hand))
        ticks |= self.touching.step([hand for hand in hands if self._pointed(hand) is None], time_s)
        self._lie_down()
        self._move(dt_s)
        over = [control.id for hand in self._hands if (control := self._control(hand)) is not None]
        self._hovered = over[0] if over else None
        return ticks

    def come_here(self) -> None:
        """Puts anatomy and panel before the person. The scale stays: a new "here" is no reset."""
        before = self.placement
        self._placed_for = gaze_of(self._world_from_head)
        self.placement = self._start(before.scale if self._was_moved else 1.0)
        self.slice.follow(before, self.placement)
        self._stand_beside(-1)
        self._glide = None
        self._is_placed = True

    def place_anew(self) -> None:
        """The person asked the device for a new "here": with the next frame everything comes to it.

        Where the patient lies was told in the old world.
        """
        self._is_placed = False
        self.touching.forget()
        if self.guided is not None and self.guided.place is not None:
            self._void_place = self.guided.place.world_from_anatomy

    def let_go(self) -> None:
        """Every hand lets go: the device shows something of its own."""
        self._lose(set())

    def rays(self) -> Mapping[str, Ray]:
        """Where each free hand's ray ends, by side."""
        return {hand.side: self._ray(hand) for hand in self._hands if hand.side not in self._holds}

    def cut(self) -> Float64 | None:
        """(4,) plane of the world whose negative side is cut away; None where nothing is."""
        return self.slice.cut(self._world_from_head[:3, 3])

    def _buttons(self, hand: Hand) -> bool:
        down = frozenset(name for name in ("select", "squeeze", "menu") if getattr(hand, name))
        pressed = down - self._pressed.get(hand.side, frozenset())
        self._pressed[hand.side] = down
        held = self._holds.get(hand.side)
        if held is not None:
            button, let_go = held
            if button in down:
                return False
            let_go()
            del self._holds[hand.side]
        if "menu" in pressed:
            self._turn_panel(hand)
            return True
        if "squeeze" in pressed:
            return self._take(hand, "squeeze")
        control = self._control(hand)
        if "select" not in pressed:
            return False
        if self._pointed(hand) is None:
            return self._take(hand, "select")
        if control is not None:
            self._press(control.id)
        return control is not None

    def _take(self, hand: Hand, button: str) -> bool:
        """What a press takes, nearest meaning first."""
        side = hand.side
        if button == "select" and self.touching.is_on:
            return False
        if button == "select" and self._anatomy_m(hand) == 0.0 and (let_go := self._work(hand)) is not None:
            self._was_moved = True
            self._holds[side] = (button, let_go)
            return True
        at_plate = self.slice.reach_m(hand.origin_m, hand.direction, hand.tip_m) is not None
        if at_plate and self.slice.carrier is None:
            self.slice.grip(side, hand.world_from_hold)
            self._holds[side] = (button, lambda: self.slice.let_go(side))
            return True
        if self.is_on_patient or not (button == "squeeze" or self._grab.hands or self._meets_anatomy(hand)):
            return False
        self._glide = None
        self._was_moved = True
        self._grab.take(side, self._poses, self.placement)
        self._holds[side] = (button, lambda: self._grab.let_go(side, self._poses, self.placement))
        return True

    def _work(self, hand: Hand) -> Callable[[], None] | None:
        """The tool in hand begins where it touches the anatomy; what ends it. None without a tool."""
        side, at_m = hand.side, self.placement.undo(hand.touch_m)
        if self.ruler.is_on:
            self.ruler.press(side, at_m, self.placement.scale)
            return lambda: self.ruler.release(side)
        if self.brush.is_ready:
            self.brush.begin(side, at_m, self._time_s)
            return lambda: self.brush.end(side)
        return None

    def _lose(self, present: set[str]) -> None:
        """A hand that left takes nothing with it."""
        for side in [side for side in self._holds if side not in present]:
            self._holds.pop(side)[1]()
        self._pressed = {side: down for side, down in self._pressed.items() if side in present}

    def _move(self, dt_s: float) -> None:
        moved = self._grab.moved(self._poses)
        if moved is not None:
            self.placement = moved
        elif self._glide is not None:
            self.placement = self._glide.at(self._time_s)
            if self.placement is self._glide.goal:
                self._glide = None
        for hand in self._hands:
            at_m = self.placement.undo(hand.touch_m)
            self.brush.go(hand.side, at_m, self._time_s)
            self.ruler.go(hand.side, at_m, self.placement.scale)
            if self.slice.carrier == hand.side:
                self.slice.carry(hand.world_from_hold)
            if not hand.stick.any():
                continue
            if self._grab.hands == (hand.side,):
                self.placement = steered(self.placement, hand.origin_m, hand.direction, hand.stick, dt_s)
                self._grab.restart(self._poses, self.placement)
            elif self.slice.is_on and hand.side not in self._grab.hands:
                self.slice.scroll(float(hand.stick[1]), self._world_from_head[:3, 3], dt_s)
                if self.slice.carrier == hand.side:
                    self.slice.grip(hand.side, hand.world_from_hold)

    # The panel

    def _turn_panel(self, hand: Hand) -> None:
        """To the side of the hand that asked, or away."""
        if self.world_from_panel is None:
            self._stand_beside(1 if hand.side == "right" else -1)
        else:
            self.world_from_panel = None

    def _stand_beside(self, side: int, *, with_panel: bool = True) -> None:
        """The panel to that side of the anatomy, -1 left and 1 right, and the numbers to the other."""
        gaze, bounds = gaze_of(self._world_from_head), self.world_bounds
        self.world_from_panel = standing(gaze, side, bounds) if with_panel else None
        self.world_from_readout = standing(gaze, -side, bounds) if self.guided is not None else None

    @property
    def _plates(self) -> tuple[tuple[Float64 | None, Callable[[], tuple[Control, ...]]], ...]:
        """Where panel and numbers stand, and what can be pressed on them."""
        return (
            (self.world_from_panel, lambda: controls_of(self.panel_view(""))),
            (self.world_from_readout, lambda: self.readout_controls),
        )

    def _pointed(self, hand: Hand) -> tuple[float, Control | None] | None:
        """How far a hand's ray goes to a plate, and what it is on there; None where it meets none."""
        met = []
        for world_from_plate, controls in self._plates:
            if world_from_plate is not None and (at := meet(world_from_plate, hand.origin_m, hand.direction)):
                met.append((at[0], control_at(controls(), at[1], at[2])))
        return min(met, key=lambda each: each[0], default=None)

    def _control(self, hand: Hand) -> Control | None:
        pointed = self._pointed(hand)
        return None if pointed is None else pointed[1]

    def _press(self, control: str) -> None:
        kind, _, name = control.partition(":")
        if kind == "structure":
            self._choose(name)
            return
        if kind == "length":
            self.ruler.remove(int(name))
            return
        actions: dict[str, Callable[[], None]] = {
            "slice": self._toggle_slice,
            "cut": self._toggle_cut,
            "window": lambda: self._set_window(self.window + 1),
            "earlier": lambda: self._turn_page(-ROWS),
            "more": lambda: self._turn_page(ROWS),
            "smaller": lambda: self._scale_to(self._goal.scale / SCALE_STEP),
            "larger": lambda: self._scale_to(self._goal.scale * SCALE_STEP),
            "true_size": lambda: self._scale_to(1.0),
            "here": lambda: self._glide_to(self._start(self._goal.scale)),
        }
        actions |= {
            "correct": self._correct,
            "measure": self._measure,
            "clear": self.ruler.clear,
            "looking": self._lay_down,
            "paint": lambda: self.brush.take(Doing.PAINT),
            "erase": lambda: self.brush.take(Doing.ERASE),
            "by_value": lambda: self.brush.take(Doing.BY_VALUE),
            "lowest_down": lambda: self._change_values(-1, 0),
            "lowest_up": lambda: self._change_values(1, 0),
            "highest_down": lambda: self._change_values(0, -1),
            "highest_up": lambda: self._change_values(0, 1),
            "of_window": self._take_windows_values,
            "of_window_too": self._take_windows_values,
            "narrower": lambda: self.brush.widen(-1),
            "first_width": lambda: setattr(self.brush, "radius_m", FIRST_M),
            "wider": lambda: self.brush.widen(1),
            "undo": lambda: self.brush.ask(Request.UNDO),
            "redo": lambda: self.brush.ask(Request.REDO),
        }
        actions |= {
            "overlay": lambda: setattr(self, "overlay_is_on", not self.overlay_is_on),
            "quiet": lambda: self._asked_guidance.append(BeQuiet()),
            "touch": self._touch,
            "another": self.touching.pass_by,
            "place": lambda: self._asked_guidance.append(PlaceHere()),
            "touched": self.touching.end,
            "patient": self._leave_patient,
        }
        actions |= {plane.value: partial(self._stand_on, plane) for plane in AnatomicalPlane}
        actions[kind]()

    def _choose(self, name: str) -> None:
        """A structure is shown or hidden; while somebody corrects, it is what is corrected, and shown."""
        if self._is_correcting:
            self.brush.structure = name
            self._asked[name] = True
            return
        for each in self._structures:
            if each.id == name:
                self._asked[name] = not self.is_shown(each)

    def _correct(self) -> None:
        self._is_correcting = True
        self.brush.take(Doing.PAINT)

    def _measure(self) -> None:
        self.ruler.is_on = True

    def _touch(self) -> None:
        self._lay_down()
        self.touching.begin()

    def _leave_patient(self) -> None:
        """The anatomy comes before the eyes, or goes back to where the patient lies."""
        self._wants_patient = not self.is_on_patient
        if not self._wants_patient:
            self._glide_to(self._start(1.0))

    def _lie_down(self) -> None:
        """Where the patient lies, at true size: nothing else moves it there."""
        if not self.is_on_patient or self.guided is None or self.guided.place is None:
            return
        matrix = self.guided.place.world_from_anatomy
        self._grab, self._glide, self._was_moved = Grab(), None, True
        before = self.placement
        self.placement = Placement(matrix[:3, 3], matrix[:3, :3])
        self.slice.follow(before, self.placement)
        # What stood beside it may now stand in it or behind it.
        if not np.array_equal(before.world_from_anatomy, matrix):
            self._stand_beside(-1, with_panel=self.world_from_panel is not None)

    def _lay_down(self) -> None:
        """Whatever tool is in hand; lengths stay where they are."""
        self.ruler.put_away()
        self._is_correcting = False
        self.brush.take(None)
        self.brush.structure = None

    def _toggle_slice(self) -> None:
        if self.slice.is_on:
            self.slice.put_away()
        else:
            self._stand_on(AnatomicalPlane.CORONAL)

    def _toggle_cut(self) -> None:
        self.slice.is_cutting = not self.slice.is_cutting

    def _stand_on(self, plane: AnatomicalPlane) -> None:
        eyes = self._world_from_head[:3, 3]
        self.slice.stand_on(plane, self.placement, self.placement.apply(self._bounds.centre), eyes)

    def _set_window(self, window: int) -> None:
        self.window = window % max(1, len(self._windows))
        shown = self._windows[self.window].values if self._windows else None
        self.brush.values = self._values or shown

    @property
    def _value_step(self) -> float:
        """Of the range of values: whole units where the window is that wide."""
        low, high = self._windows[self.window].values if self._windows else (0.0, 0.0)
        step = VALUE_STEP * (high - low)
        return float(max(1, round(step))) if high - low >= 1 / VALUE_STEP else step

    def _change_values(self, low_steps: int, high_steps: int) -> None:
        """Other ends of the range; they never pass each other."""
        if self.brush.values is None:
            return
        low, high = (
            end + steps * self._value_step
            for end, steps in zip(self.brush.values, (low_steps, high_steps), strict=True)
        )
        self._values = (min(low, high), high) if low_steps else (low, max(low, high))
        self.brush.values = self._values

    def _take_windows_values(self) -> None:
        """The range is what the display window shows."""
        self._values = None
        self._set_window(self.window)

    def _turn_page(self, by: int) -> None:
        self._first = int(np.clip(self._first + by, 0, max(0, len(self._structures) - 1) // ROWS * ROWS))

    # Where the anatomy is

    @property
    def _goal(self) -> Placement:
        return self._glide.goal if self._glide is not None else self.placement

    def _start(self, scale: float) -> Placement:
        return start_placement(gaze_of(self._world_from_head), self._bounds, scale, self._floor_m)

    def _glide_to(self, goal: Placement) -> None:
        if self.is_on_patient:
            return
        self._was_moved = True
        self._glide = Glide(self.placement, goal, self._time_s)

    def _scale_to(self, scale: float) -> None:
        centre = self._goal.apply(self._bounds.centre)
        self._glide_to(scaled_about(self._goal, centre, resting_scale(scale)))

    def _meets_anatomy(self, hand: Hand) -> bool:
        """The hand is at the anatomy, or its ray meets the box round it."""
        return self._anatomy_m(hand) is not None

    def _anatomy_m(self, hand: Hand) -> float | None:
        """Distance along a hand's ray to the box round the anatomy; 0 for a hand at it, None beside it."""
        start = self.placement.undo(np.stack([hand.origin_m, hand.world_from_hold[:3, 3]]))
        near = NEAR_M / self.placement.scale
        if bool((self._bounds.low - near <= start[1]).all() and (start[1] <= self._bounds.high + near).all()):
            return 0.0
        along = self.placement.rotation.T @ hand.direction
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.stack([self._bounds.low - start[0], self._bounds.high - start[0]]) / along
        ends = np.where(np.isnan(ends), [[-np.inf], [np.inf]], ends)
        enters, leaves = ends.min(axis=0).max(), ends.max(axis=0).min()
        return float(max(enters, 0.0) * self.placement.scale) if enters <= leaves and leaves >= 0 else None

    def _ray(self, hand: Hand) -> Ray:
        pointed = self._pointed(hand)
        if pointed is not None:
            return Ray(pointed[0], pointed[1] is not None)
        plate = self.slice.reach_m(hand.origin_m, hand.direction, hand.tip_m)
        anatomy = self._anatomy_m(hand)
        ends = [distance for distance in (plate, anatomy) if distance is not None]
        return Ray(min(ends, default=1.5), bool(ends))
