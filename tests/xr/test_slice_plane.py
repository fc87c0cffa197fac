"""Laws of the slice: what it cuts, and how it is carried."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.xr.placement import Placement
from engine.xr.rigid import apply, inverse, rigid
from engine.xr.slice_plane import AnatomicalPlane, SlicePlane, cross_section
from tests.xr.strategies import directions, placements, poses, positions


def area(points: Float64) -> float:
    a, b = points[1:-1] - points[0], points[2:] - points[0]
    return float(np.linalg.norm(np.cross(a, b).sum(axis=0)) / 2)


@given(directions(), poses(), st.floats(0.2, 0.8))
def test_a_section_lies_on_the_plane_and_in_the_box(normal: Float64, world_from_box: Float64, part: float) -> None:
    point = apply(world_from_box, (part, part, part))
    corners = cross_section(point, normal, world_from_box)
    assert 3 <= len(corners) <= 6
    assert (corners - point) @ normal == pytest.approx(np.zeros(len(corners)), abs=1e-9)
    inside = apply(inverse(world_from_box), corners)
    assert inside.min() > -1e-9
    assert inside.max() < 1 + 1e-9


@given(directions(), st.floats(0.2, 0.8))
def test_its_corners_go_round_in_order(normal: Float64, part: float) -> None:
    """In order: the polygon is convex, so every turn goes the same way."""
    corners = cross_section(np.full(3, part), normal, np.eye(4))
    sides = np.roll(corners, -1, axis=0) - corners
    turns = np.cross(sides, np.roll(sides, -1, axis=0)) @ normal
    assert (turns > -1e-12).all() or (turns < 1e-12).all()


@given(st.floats(0.01, 0.99), st.sampled_from([0, 1, 2]))
def test_square_to_an_axis_the_section_is_the_whole_face(part: float, axis: int) -> None:
    corners = cross_section(np.full(3, part), np.eye(3)[axis], np.eye(4))
    assert area(corners) == pytest.approx(1)


def test_a_plane_beside_the_box_cuts_nothing() -> None:
    assert len(cross_section(np.full(3, 2.0), np.eye(3)[0], np.eye(4))) == 0


@given(placements(), positions(), positions(), st.sampled_from(list(AnatomicalPlane)))
def test_an_anatomical_plane_goes_through_the_middle_and_faces_the_eyes(
    placement: Placement, centre: Float64, eyes: Float64, plane: AnatomicalPlane
) -> None:
    slice_plane = SlicePlane()
    slice_plane.stand_on(plane, placement, centre, eyes)
    assert slice_plane.position_m == pytest.approx(centre)
    assert slice_plane.normal @ (eyes - centre) >= -1e-9
    across = placement.rotation.T @ slice_plane.normal
    assert np.sort(np.abs(across)) == pytest.approx([0, 0, 1], abs=1e-9)


@given(poses(), poses(), poses())
def test_a_carried_plane_keeps_its_place_in_the_hand(plate: Float64, before: Float64, now: Float64) -> None:
    slice_plane = SlicePlane()
    slice_plane.is_on, slice_plane.world_from_plate = True, plate
    slice_plane.grip("left", before)
    slice_plane.carry(now)
    expected = inverse(before) @ plate
    assert inverse(now) @ slice_plane.world_from_plate == pytest.approx(expected, abs=1e-9)


@given(poses(), positions())
def test_the_side_of_the_eyes_is_cut_away(plate: Float64, eyes: Float64) -> None:
    slice_plane = SlicePlane()
    slice_plane.is_on, slice_plane.world_from_plate = True, plate
    assume(abs((eyes - slice_plane.position_m) @ slice_plane.normal) > 0.05)
    plane = slice_plane.cut(eyes)
    assert plane is not None
    assert plane @ [*eyes, 1.0] < 0
    # What is shown on the plane itself lies just outside what is kept.
    assert -0.001 < plane @ [*slice_plane.position_m, 1.0] < 0


def test_the_stick_pushes_away_from_the_eyes_slowly_at_first() -> None:
    slice_plane = SlicePlane()
    slice_plane.is_on = True
    slice_plane.world_from_plate = rigid(np.eye(3), (0, 0, -1))
    slice_plane.scroll(1.0, np.zeros(3), 0.5)
    assert slice_plane.position_m[2] == pytest.approx(-1.08)
    slice_plane.scroll(-0.5, np.zeros(3), 0.5)
    assert slice_plane.position_m[2] == pytest.approx(-1.07)


@given(placements(), placements(), poses())
def test_a_plane_that_comes_along_shows_what_it_showed(before: Placement, now: Placement, plate: Float64) -> None:
    slice_plane = SlicePlane()
    slice_plane.world_from_plate = plate
    shown = before.undo(slice_plane.position_m), before.rotation.T @ slice_plane.normal
    slice_plane.follow(before, now)
    assert now.undo(slice_plane.position_m) == pytest.approx(shown[0], abs=1e-6)
    assert now.rotation.T @ slice_plane.normal == pytest.approx(shown[1], abs=1e-9)


def test_nothing_is_cut_while_there_is_no_slice_or_the_cut_is_off() -> None:
    slice_plane = SlicePlane()
    assert slice_plane.cut(np.ones(3)) is None
    slice_plane.is_on, slice_plane.is_cutting = True, False
    assert slice_plane.cut(np.ones(3)) is None
