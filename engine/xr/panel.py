"""The panel beside the anatomy: what stands on it, where, and what a ray presses. Millimetres from its upper left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.core.array import Float64
from engine.xr.brush import Doing
from engine.xr.placement import Box, Gaze
from engine.xr.rigid import UP, apply, inverse, rigid, rotation_about, turned_to

#: Laid out for reading at 0.7 m: body text 0.8° high, nothing to press smaller than 24 mm (docs/headset.md).
WIDTH_MM, HEIGHT_MM = 300.0, 356.0
AWAY_M = 0.75
#: To the side of the gaze: beside the anatomy and not before it, yet where the eyes alone can turn to it.
NEAREST_ASIDE_RAD, FARTHEST_ASIDE_RAD = float(np.radians(25)), float(np.radians(40))
#: Half of what it covers itself, and air.
_HALF_RAD, _AIR_RAD = float(np.arctan(WIDTH_MM / 2e3 / AWAY_M)), float(np.radians(3))
BELOW_EYES_M = 0.16

ROWS = 6
#: What stands at the row of the structure that is corrected.
CHOSEN = "chosen"
NOTICE = "Research use — not a medical device"
_PAD, _GAP, _ROW = 10.0, 3.0, 25.0
_ROWS_FROM = 52.0


#: What a control of a line is called, what it says, and for a toggle whether it is on.
Item = tuple[str, str] | tuple[str, str, "Kind", bool]


class Kind(StrEnum):
    """What a control looks like."""

    STRUCTURE = "structure"
    PRESS = "press"
    TOGGLE = "toggle"


@dataclass(frozen=True, slots=True)
class Control:
    """Something to press: what it is called when pressed, what it says, where it stands, and a word at its right."""

    id: str
    text: str
    kind: Kind
    left_mm: float
    top_mm: float
    width_mm: float
    height_mm: float
    is_on: bool = False
    colour: tuple[int, int, int] | None = None
    note: str = ""

    def holds(self, x_mm: float, y_mm: float) -> bool:
        """Whether a place of the panel lies in it."""
        across, down = x_mm - self.left_mm, y_mm - self.top_mm
        return 0 <= across < self.width_mm and 0 <= down < self.height_mm


@dataclass(frozen=True, slots=True)
class Row:
    """One structure as the panel lists it."""

    id: str
    name: str
    colour: tuple[int, int, int]
    is_shown: bool


@dataclass(frozen=True, slots=True)
class PanelView:
    """All that the panel says; equal views look the same. `lengths` while somebody measures, the oldest first."""

    title: str
    status: str
    rows: tuple[Row, ...]
    first: int
    slice_on: bool
    is_cutting: bool
    window: str
    scale_text: str
    hovered: str | None
    can_correct: bool = False
    correcting: Correcting | None = None
    lengths: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Correcting:
    """What the panel says while somebody corrects.

    Attributes:
        doing: which tool; None: none yet.
        width_mm: of the ball.
        structure: which is corrected; None: none yet.
        values: between which a box takes, as they are told.
    """

    doing: Doing | None
    width_mm: float
    structure: str | None
    values: tuple[str, str] = ("", "")


def controls_of(view: PanelView) -> tuple[Control, ...]:
    """What stands on the panel."""
    if view.lengths is not None:
        return _measuring(view.lengths)
    shown = view.rows[view.first : view.first + ROWS]
    rows = [
        Control(f"structure:{row.id}", row.name, Kind.STRUCTURE, _PAD, _ROWS_FROM + n * (_ROW + _GAP),
                WIDTH_MM - 2 * _PAD, _ROW, row.is_shown, row.colour, _note(row, view.correcting))
        for n, row in enumerate(shown)
    ]  # fmt: skip
    lines = _looking(view) if view.correcting is None else _correcting(view.correcting)
    if len(view.rows) > ROWS:
        lines.insert(0, [("earlier", "Up"), ("more", "Down")])
    top = _ROWS_FROM + ROWS * (_ROW + _GAP)
    return (
        *rows,
        *(each for n, items in enumerate(lines) for each in controls_in_line(top + n * (_ROW + _GAP), items)),
    )


def _measuring(lengths: tuple[str, ...]) -> tuple[Control, ...]:
    """The latest lengths, each removed by a press, and what ends it."""
    latest = list(enumerate(lengths))[-ROWS:]
    rows = [
        Control(f"length:{number}", text, Kind.STRUCTURE, _PAD, _ROWS_FROM + n * (_ROW + _GAP),
                WIDTH_MM - 2 * _PAD, _ROW, is_on=True, note="remove")
        for n, (number, text) in enumerate(latest)
    ]  # fmt: skip
    return (*rows, *controls_in_line(_ROWS_FROM + ROWS * (_ROW + _GAP), [("clear", "Clear all"), ("looking", "Done")]))


def _note(row: Row, correcting: Correcting | None) -> str:
    if correcting is not None:
        return CHOSEN if row.id == correcting.structure else ""
    return "shown" if row.is_shown else "hidden"


def _looking(view: PanelView) -> list[list[Item]]:
    slicing = [("slice", "Slice", view.slice_on), ("cut", "Cut", view.slice_on and view.is_cutting)]
    correct: list[Item] = [("correct", "Correct")] if view.can_correct else []
    return [
        [*((name, text, Kind.TOGGLE, on) for name, text, on in slicing), ("window", view.window), *correct],
        [("axial", "Axial"), ("coronal", "Coronal"), ("sagittal", "Sagittal"), ("measure", "Measure")],
        [("smaller", "Smaller"), ("true_size", view.scale_text), ("larger", "Larger"), ("here", "Bring here")],
    ]


def _correcting(now: Correcting) -> list[list[Item]]:
    tools = [("paint", "Paint", Doing.PAINT), ("erase", "Erase", Doing.ERASE), ("by_value", "By value", Doing.BY_VALUE)]
    width: list[Item] = [("narrower", "Narrower"), ("first_width", f"{now.width_mm:.0f} mm"), ("wider", "Wider")]
    low, high = now.values
    values: list[Item] = [
        ("lowest_down", "-"), ("of_window", low), ("lowest_up", "+"),
        ("highest_down", "-"), ("of_window_too", high), ("highest_up", "+"),
    ]  # fmt: skip
    return [
        [*((name, text, Kind.TOGGLE, now.doing is doing) for name, text, doing in tools), ("looking", "Done")],
        values if now.doing is Doing.BY_VALUE else width,
        [("undo", "Take back"), ("redo", "Do again")],
    ]


def controls_in_line(top_mm: float, items: Sequence[Item]) -> list[Control]:
    """Controls side by side over the whole width."""
    width = (WIDTH_MM - 2 * _PAD - (len(items) - 1) * _GAP) / len(items)
    return [
        Control(item[0], item[1], item[2] if len(item) > 2 else Kind.PRESS, _PAD + n * (width + _GAP), top_mm,
                width, _ROW, item[3] if len(item) > 2 else False)
        for n, item in enumerate(items)
    ]  # fmt: skip


def standing(gaze: Gaze, side: int, anatomy: Box) -> Float64:
    """(4, 4) world from panel: beside the anatomy, -1 to its left and 1 to its right, facing the eyes."""
    away = anatomy.corners - gaze.eyes_m
    edge_rad = np.arctan2(side * away @ np.cross(gaze.ahead, UP), away @ gaze.ahead).max()
    aside_rad = np.clip(edge_rad + _HALF_RAD + _AIR_RAD, NEAREST_ASIDE_RAD, FARTHEST_ASIDE_RAD)
    at = gaze.eyes_m + AWAY_M * (rotation_about(UP, -side * float(aside_rad)) @ gaze.ahead) - BELOW_EYES_M * UP
    back = gaze.eyes_m - at
    return rigid(turned_to(back / np.linalg.norm(back)), at)


def meet(world_from_panel: Float64, origin_m: Float64, direction: Float64) -> tuple[float, float, float] | None:
    """Where a ray meets the panel from the front: distance in metres, and its place in millimetres; None beside it."""
    panel_from_world = inverse(world_from_panel)
    start, along = apply(panel_from_world, origin_m), panel_from_world[:3, :3] @ direction
    if along[2] > -1e-9 or start[2] < 0:
        return None
    distance = float(-start[2] / along[2])
    x, y, _ = 1e3 * (start + distance * along)
    place = float(x) + WIDTH_MM / 2, HEIGHT_MM / 2 - float(y)
    inside = 0 <= place[0] < WIDTH_MM and 0 <= place[1] < HEIGHT_MM
    return (distance, *place) if inside else None


def control_at(controls: Sequence[Control], x_mm: float, y_mm: float) -> Control | None:
    """What stands at a place of the panel."""
    return next((control for control in controls if control.holds(x_mm, y_mm)), None)
