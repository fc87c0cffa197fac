"""Printed markers in pictures that are made from known poses."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.devices.aruco.finder import UNSEEN, Finder
from guidance.devices.aruco.lens import Lens
from guidance.devices.aruco.marker_set import USUAL, MarkedThing, Marker, MarkerSet
from guidance.devices.aruco.sighting import Sighting, sighting
from tests.guidance.devices.aruco.scene import LENS, facing, picture, pixels

pytest.importorskip("cv2")

REFERENCE, POINTER = USUAL.things
#: Three faces of a cube of 50 mm, seen from its corner.
CUBE = MarkedThing(
    "Cube",
    (
        Marker(10, 40.0, np.array((0.0, 0.0, 25.0))),
        Marker(11, 40.0, np.array((25.0, 0.0, 0.0)), np.array((0.0, 0.0, -1.0))),
        Marker(12, 40.0, np.array((0.0, 25.0, 0.0)), np.array((1.0, 0.0, 0.0)), np.array((0.0, 0.0, -1.0))),
    ),
)
WITH_CUBE = MarkerSet("4X4_50", (REFERENCE, CUBE))
TURNS = ((0.4, 0.2, 0.3), (-0.5, 0.3, 1.0), (0.1, -0.6, -2.0))


def seen(one: Sighting | str) -> Sighting:
    assert isinstance(one, Sighting), one
    return one


def off_mm(one: Sighting, pose: Float64) -> float:
    return float(np.linalg.norm((one.world_from_thing - pose)[:3, 3]))


def off_deg(one: Sighting, pose: Float64) -> float:
    turned = one.world_from_thing[:3, :3] @ pose[:3, :3].T
    return float(np.degrees(np.arccos(np.clip((np.trace(turned) - 1) / 2, -1, 1))))


@pytest.mark.parametrize(
    ("distance_mm", "within_mm", "within_deg"),
    [(300, 0.1, 0.05), pytest.param(600, 0.2, 0.1, marks=pytest.mark.slow), (1200, 0.6, 0.3)],
)
def test_a_card_is_found_where_it_is_at_every_distance(distance_mm: float, within_mm: float, within_deg: float) -> None:
    """A lens of 1000 px, four markers of 30 mm, noise of two grey levels: the best that can be expected."""
    for n, about in enumerate(TURNS):
        pose = facing(20, 10, distance_mm, about=about)
        one = seen(Finder(LENS, USUAL).found(picture(USUAL, {"Reference": pose}, noise=2.0, seed=n))["Reference"])
        assert off_mm(one, pose) < within_mm
        assert off_deg(one, pose) < within_deg
        assert one.corners == 16
        assert one.error.at(pose[:3, 3]).radius_mm() > off_mm(one, pose)


def test_things_are_told_apart_and_one_that_is_not_there_is_not_seen() -> None:
    poses = {"Reference": facing(-80, 0, 500, about=TURNS[0]), "Pointer": facing(90, 20, 450, about=TURNS[1])}
    found = Finder(LENS, USUAL).found(picture(USUAL, poses))
    assert all(off_mm(seen(found[name]), pose) < 0.2 for name, pose in poses.items())
    alone = Finder(LENS, USUAL).found(picture(USUAL, {"Pointer": poses["Pointer"]}))
    assert alone["Reference"] == UNSEEN
    seen(alone["Pointer"])


@pytest.mark.parametrize("covered", [(0,), (0, 3), (0, 1, 2)])
def test_what_is_partly_covered_is_found_by_the_rest_and_is_said_to_be_known_less_well(
    covered: tuple[int, ...],
) -> None:
    pose = facing(0, 0, 400, about=(0.6, 0.3, 0.2))
    whole = seen(Finder(LENS, USUAL).found(picture(USUAL, {"Reference": pose}))["Reference"])
    rest = seen(Finder(LENS, USUAL).found(picture(USUAL, {"Reference": pose}, covered=covered))["Reference"])
    assert rest.corners == 16 - 4 * len(covered)
    assert off_mm(rest, pose) < rest.error.at(pose[:3, 3]).radius_mm()
    assert rest.error.at(pose[:3, 3]).radius_mm() > whole.error.at(pose[:3, 3]).radius_mm()


@pytest.mark.slow
def test_what_moves_fast_is_smeared_and_known_less_well_or_not_at_all() -> None:
    pose = facing(10, -20, 400, about=TURNS[0])
    for blur_px in (3, 7, 15, 31):
        one = Finder(LENS, USUAL).found(picture(USUAL, {"Reference": pose}, blur_px=blur_px, noise=4.0))["Reference"]
        if isinstance(one, Sighting):
            assert off_mm(one, pose) < one.error.at(pose[:3, 3]).radius_mm()
        else:
            assert blur_px > 7
    seen(Finder(LENS, USUAL).found(picture(USUAL, {"Reference": pose}, blur_px=3, noise=4.0))["Reference"])


def test_a_picture_of_nothing_shows_nothing() -> None:
    assert set(Finder(LENS, USUAL).found(picture(USUAL, {}, noise=20.0)).values()) == {UNSEEN}


def test_a_marker_that_is_seen_twice_is_not_used() -> None:
    pose = facing(-150, 0, 400, about=TURNS[0])
    one = picture(USUAL, {"Reference": pose})
    both = np.minimum(one, np.roll(one, 500, axis=1))
    assert Finder(LENS, USUAL).found(both)["Reference"] == UNSEEN


def test_a_flat_thing_far_away_has_two_poses_and_none_is_chosen() -> None:
    """The classic flip: both fit its four corners as well as those were found."""
    card = MarkedThing("Card", (Marker(0, 30.0),))
    pose, corners = facing(0, 0, 1500, about=(0.25, 0, 0)), card.markers[0].corners_mm
    said = [
        sighting(LENS, corners, pixels(LENS, corners, pose) + np.random.default_rng(n).normal(scale=0.3, size=(4, 2)))
        for n in range(40)
    ]
    doubted = [one for one in said if isinstance(one, str)]
    assert all("two poses fit" in one for one in doubted)
    assert len(doubted) > 30
    above = np.array((0.0, 0.0, 100.0))
    for one in said:
        if isinstance(one, Sighting):
            told, true = (place[:3, :3] @ above + place[:3, 3] for place in (one.world_from_thing, pose))
            assert np.linalg.norm(told - true) < one.error.at(told).radius_mm()


def test_markers_out_of_plane_have_one_pose() -> None:
    pose = facing(0, 0, 900, about=(0.6, 0.6, 0.0))
    one = seen(Finder(LENS, WITH_CUBE).found(picture(WITH_CUBE, {"Cube": pose}, noise=2.0))["Cube"])
    assert one.corners == 12
    assert off_mm(one, pose) < 0.5
    assert off_deg(one, pose) < 0.5


def test_a_layout_that_is_not_the_one_that_was_printed_is_noticed() -> None:
    pose = facing(0, 0, 400, about=TURNS[0])
    moved = MarkedThing("Reference", (*REFERENCE.markers[:3], Marker(3, 30.0, np.array((-22.0, -32.0, 0.0)))))
    one = Finder(LENS, MarkerSet("4X4_50", (moved,))).found(picture(USUAL, {"Reference": pose}))["Reference"]
    assert isinstance(one, str)
    assert "px off" in one


def test_a_picture_of_another_size_than_the_lens_was_calibrated_with_is_refused() -> None:
    with pytest.raises(InvalidValue, match="1280 x 720 px and gives 640 x 480"):
        Finder(LENS, USUAL).found(np.zeros((480, 640, 3), np.uint8))


@pytest.mark.parametrize("thing", [REFERENCE, CUBE], ids=["flat", "not flat"])
def test_a_lens_that_bends_is_taken_into_account(thing: MarkedThing) -> None:
    bent = Lens(LENS.matrix, np.array([-0.3, 0.1, 0.001, -0.001, 0.0]))
    pose = facing(150, 80, 500, about=(0.5, -0.5, 0.3))
    corners = np.concatenate([marker.corners_mm for marker in thing.markers])
    assert off_mm(seen(sighting(bent, corners, pixels(bent, corners, pose))), pose) < 1e-3
    straight = sighting(LENS, corners, pixels(bent, corners, pose))
    assert isinstance(straight, str) or off_mm(straight, pose) > 1


@pytest.mark.parametrize("thing", [REFERENCE, pytest.param(CUBE, marks=pytest.mark.slow)], ids=["flat", "not flat"])
def test_stated_errors_hold_the_truth_as_often_as_they_say(thing: MarkedThing) -> None:
    """Places at the thing's origin and at a tip 100 mm from it, 95 % regions, corners off by 0.4 px along each axis."""
    rng = np.random.default_rng(5)
    corners = np.concatenate([marker.corners_mm for marker in thing.markers])
    inside = []
    for _ in range(250):
        pose = facing(*rng.uniform(-80, 80, 2), rng.uniform(350, 500), about=(0.6, -0.6, rng.uniform(-3, 3)))
        one = sighting(LENS, corners, pixels(LENS, corners, pose) + rng.normal(scale=0.4, size=(len(corners), 2)))
        if isinstance(one, str):
            continue
        for point in (np.zeros(3), np.array((0.0, 0.0, -100.0))):
            true = pose[:3, :3] @ point + pose[:3, 3]
            said = one.world_from_thing[:3, :3] @ point + one.world_from_thing[:3, 3]
            inside.append(one.error.at(said).holds(said - true))
    assert len(inside) > 450
    assert 0.92 <= np.mean(inside) <= 0.975


def test_a_thing_behind_the_camera_is_nowhere() -> None:
    corners = REFERENCE.markers[0].corners_mm
    mirrored = pixels(LENS, corners, facing(0, 0, 400, about=(0.4, 0, 0)))[::-1]
    assert (
        isinstance(sighting(LENS, corners, mirrored), str)
        or seen(sighting(LENS, corners, mirrored)).world_from_thing[2, 3] > 0
    )


def test_the_axes_of_a_card_point_where_they_are_said_to() -> None:
    """Right and up as it is printed, out of it toward the camera."""
    one = seen(Finder(LENS, USUAL).found(picture(USUAL, {"Reference": facing(0, 0, 300)}))["Reference"])
    np.testing.assert_allclose(one.world_from_thing[:3, :3], np.diag([1.0, -1.0, -1.0]), atol=0.05)
