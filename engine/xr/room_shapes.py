"""What is drawn of a room beside the anatomy: hands, rays, the ball that corrects, the slice's rim, tools. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.core.array import Float64
from engine.xr.brush import Doing
from engine.xr.guided import Way
from engine.xr.hand import Hand
from engine.xr.placement import Box
from engine.xr.room import Ray, Room
from engine.xr.shapes import Shape, ball_at, rod
from engine.xr.slice_plane import PLATE_M
from engine.xr.tool import DrawnTool

#: Where a corner of a box would be.
_CORNER_M = 0.0015
#: Of the ball that corrects: seen through while it only might.
_IDLE, _HELD = 0.35, 0.7
_ACCENT, _MARK, _SKIN = (95, 208, 224), (242, 245, 247), (196, 206, 214)


def hand_shapes(hands: Sequence[Hand]) -> list[Shape]:
    """Joints of bare hands, a small wand for a controller."""
    shapes: list[Shape] = []
    for hand in hands:
        if hand.joints_m is not None:
            shapes += [ball_at(joint, 0.006, _SKIN) for joint in hand.joints_m]
            continue
        grip = hand.world_from_hold[:3, 3]
        shapes += [rod(grip, hand.tip_m, 0.009, _SKIN), ball_at(grip, 0.012, _SKIN), ball_at(hand.tip_m, 0.009, _SKIN)]
    return shapes


def ray_shapes(hands: Sequence[Hand], rays: Mapping[str, Ray]) -> list[Shape]:
    """The ray of each hand that is free, to what it means."""
    shapes: list[Shape] = []
    for hand in hands:
        ray = rays.get(hand.side)
        if ray is not None:
            end = hand.origin_m + ray.length_m * hand.direction
            colour = _ACCENT if ray.is_over else _MARK
            shapes.append(rod(hand.origin_m, end, 0.0012, colour, 0.85 if ray.is_over else 0.35))
            shapes.append(ball_at(end, 0.005 if ray.is_over else 0.003, colour))
    return shapes


def ball_shapes(room: Room, hands: Sequence[Hand]) -> list[Shape]:
    """What each hand would correct, or corrects, in the colour of the structure; what erases has none."""
    colour = _MARK if room.brush.doing is Doing.ERASE else room.colour_of(room.brush.structure)
    at_tip_m = _CORNER_M if room.brush.doing is Doing.BY_VALUE else room.brush.radius_m
    radius_m = room.placement.scale * at_tip_m
    balls = [
        ball_at(at_m, radius_m, colour, _HELD if hand.side in room.brush.hands else _IDLE)
        for hand in hands
        if (at_m := room.ball_m(hand)) is not None
    ]
    return balls + [edge for box in room.brush.boxes for edge in _box_edges(room, *box, colour)]


def _box_edges(room: Room, a: Float64, b: Float64, colour: tuple[int, int, int]) -> list[Shape]:
    """The twelve edges of an upright box of the anatomy, which is one of the patient's too."""
    box = Box.around(np.stack([a, b]))
    corners = room.placement.apply(box.corners)
    return [
        rod(corners[n], corners[n | 1 << axis], 0.0008, colour)
        for n in range(8)
        for axis in range(3)
        if not n >> axis & 1
    ]


def ruler_shapes(room: Room) -> list[Shape]:
    """A thin line between the ends of each length, and a bead at either."""
    shapes: list[Shape] = []
    for length in room.ruler.shown:
        ends = room.placement.apply(np.stack([length.start.at_m, length.end.at_m]))
        shapes += [rod(ends[0], ends[1], 0.0008, _ACCENT), *(ball_at(end, 0.003, _MARK) for end in ends)]
    return shapes


def slice_shapes(room: Room, section: Float64) -> list[Shape]:
    """The slice's outline, and the corners of the plate by which it is taken."""
    if not room.slice.is_on:
        return []
    outline = [rod(a, b, 0.0006, _ACCENT) for a, b in zip(section, np.roll(section, -1, axis=0), strict=True)]
    middle, turn = room.slice.position_m, room.slice.world_from_plate[:3, :3]
    edge, arm = PLATE_M / 2, PLATE_M / 7
    corners = []
    for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        corner = middle + turn @ (x * edge, y * edge, 0.0)
        for inwards in ((-x * arm, 0.0, 0.0), (0.0, -y * arm, 0.0)):
            corners.append(rod(corner, corner + turn @ inwards, 0.0009, _MARK))
    return outline + corners


def way_shapes(way: Way | None, room: Room, pattern: str) -> list[Shape]:
    """The chosen way, a ring of beads about its entry, and a bead at its target."""
    if way is None:
        return []
    ends = room.placement.apply(np.stack([way.entry_m, way.target_m]))
    scale = room.placement.scale
    line = rod(ends[0], ends[1], 0.0008 * scale, _ACCENT)
    return [replace(line, pattern=pattern), ball_at(ends[1], 0.002 * scale, _ACCENT), ball_at(ends[0], 0.002, _MARK)]


def landmark_shapes(room: Room) -> list[Shape]:
    """Landmarks while somebody touches them: the one that is wanted larger, and fuller the longer the tip rests."""
    touching = room.touching
    if not touching.is_on or room.guided is None:
        return []
    shapes = []
    for each in room.guided.landmarks:
        at_m = room.placement.apply(each.at_m)
        is_wanted = touching.wanted is not None and touching.wanted.id == each.id
        colour = _ACCENT if is_wanted else _MARK
        opacity = 1.0 if each.id in touching.touched else 0.35
        shapes.append(ball_at(at_m, 0.006 if is_wanted else 0.003, colour, opacity))
        if is_wanted:
            shapes.append(ball_at(at_m, 0.0055 * max(0.2, touching.progress), _MARK))
    return shapes


def tool_shapes(tool: DrawnTool, room: Room) -> list[Shape]:
    """A ball at the tip, a rod between each point of the shaft and the next; as large as the patient is shown."""
    sample = tool.sample
    points = room.placement.apply(sample.position_m + sample.shaft_m @ sample.rotation.T)
    radius_m = room.placement.scale * sample.radius_m
    rods = [rod(a, b, radius_m, sample.colour, tool.opacity) for a, b in itertools.pairwise(points)]
    shapes = [ball_at(points[0], radius_m, sample.colour, tool.opacity), *rods]
    return [replace(shape, pattern=tool.pattern) for shape in shapes]
