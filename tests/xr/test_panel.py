"""The panel: what stands on it can be read, reached and pressed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.xr.brush import Doing
from engine.xr.panel import (
    AWAY_M,
    HEIGHT_MM,
    ROWS,
    WIDTH_MM,
    Correcting,
    PanelView,
    Row,
    control_at,
    controls_of,
    meet,
    standing,
)
from engine.xr.placement import Box, gaze_of
from engine.xr.rigid import UP, apply, rigid, rotation_about
from tests.xr.strategies import poses


def panel(
    count: int = 4, first: int = 0, correcting: Correcting | None = None, lengths: tuple[str, ...] | None = None
) -> PanelView:
    rows = tuple(Row(f"s{n}", f"Structure {n}", (10, 20, 30), n % 2 == 0) for n in range(count))
    return PanelView("Chest", "Connected", rows, first, True, True, "Lung", "1:1", None, True, correcting, lengths)


BY_VALUE = Correcting(Doing.BY_VALUE, 12.0, "s0", ("≥-1350", "≤150"))
ways = st.sampled_from([None, Correcting(Doing.ERASE, 12.0, "s0"), BY_VALUE])


@given(st.integers(0, 30), st.integers(0, 4), ways)
def test_controls_lie_on_the_panel_and_apart_from_each_other(
    count: int, page: int, correcting: Correcting | None
) -> None:
    controls = controls_of(panel(count, min(page * ROWS, max(0, count - 1) // ROWS * ROWS), correcting))
    for n, each in enumerate(controls):
        assert each.left_mm >= 0
        assert each.left_mm + each.width_mm <= WIDTH_MM
        assert each.top_mm >= 0
        assert each.top_mm + each.height_mm <= HEIGHT_MM - 20  # the notice stands below
        for other in controls[n + 1 :]:
            apart = (
                each.left_mm + each.width_mm <= other.left_mm
                or other.left_mm + other.width_mm <= each.left_mm
                or each.top_mm + each.height_mm <= other.top_mm
                or other.top_mm + other.height_mm <= each.top_mm
            )
            assert apart, (each, other)


@given(st.integers(0, 30), ways)
def test_nothing_to_press_is_smaller_than_24_mm(count: int, correcting: Correcting | None) -> None:
    controls = controls_of(panel(count, correcting=correcting))
    assert min(min(each.width_mm, each.height_mm) for each in controls) >= 24


@pytest.mark.parametrize("count", [0, 1, ROWS, ROWS + 3])
def test_the_latest_lengths_are_listed_and_each_can_be_removed(count: int) -> None:
    controls = controls_of(panel(lengths=tuple(f"{n} ± 1 mm" for n in range(count))))
    listed = [each.id for each in controls if each.id.startswith("length")]
    assert listed == [f"length:{n}" for n in range(max(0, count - ROWS), count)]
    assert {each.id for each in controls} - set(listed) == {"clear", "looking"}
    assert all(each.top_mm + each.height_mm <= HEIGHT_MM - 20 for each in controls)


def test_what_is_corrected_is_marked_and_whoever_may_not_is_not_offered_it() -> None:
    rows = [each.note for each in controls_of(panel(3, correcting=Correcting(None, 12.0, "s1")))][:3]
    assert rows == ["", "chosen", ""]
    names = {each.id for each in controls_of(replace(panel(), can_correct=False))}
    assert names == {each.id for each in controls_of(panel())} - {"correct"}


def test_pages_are_turned_only_where_there_are_some() -> None:
    names = [{each.id for each in controls_of(panel(count))} for count in (ROWS, ROWS + 1)]
    assert not names[0] & {"earlier", "more"}
    assert names[1] >= {"earlier", "more"}


@given(st.floats(1, WIDTH_MM - 1), st.floats(1, HEIGHT_MM - 1), poses())
def test_a_ray_meets_the_place_that_it_points_at(x_mm: float, y_mm: float, world_from_panel: Float64) -> None:
    goal = apply(world_from_panel, ((x_mm - WIDTH_MM / 2) / 1e3, (HEIGHT_MM / 2 - y_mm) / 1e3, 0))
    origin = apply(world_from_panel, (0.1, -0.2, 0.6))
    away = goal - origin
    met = meet(world_from_panel, origin, away / np.linalg.norm(away))
    assert met == pytest.approx((np.linalg.norm(away), x_mm, y_mm), abs=1e-4)


def test_a_ray_from_behind_or_beside_meets_nothing() -> None:
    assert meet(np.eye(4), np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, 1.0])) is None
    assert meet(np.eye(4), np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])) is None
    assert meet(np.eye(4), np.array([1.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0])) is None


@pytest.mark.parametrize("side", [-1, 1])
def test_it_stands_beside_the_gaze_within_reach_and_faces_the_eyes(side: int) -> None:
    head = rigid(rotation_about(UP, 0.7), (0.2, 1.6, 0.1))
    anatomy = Box.around(apply(head, [(0, 0, -0.9), (0.1, 0.1, -0.8)]))
    stands = standing(gaze_of(head), side, anatomy)
    local = head[:3, :3].T @ (stands[:3, 3] - head[:3, 3])
    assert np.sign(local[0]) == side
    assert local[2] < 0
    assert np.linalg.norm(local) == pytest.approx(AWAY_M, rel=0.05)
    to_eyes = head[:3, 3] - stands[:3, 3]
    assert stands[:3, 2] @ to_eyes == pytest.approx(np.linalg.norm(to_eyes))


def test_what_a_place_holds_is_found() -> None:
    for each in controls_of(panel(9)):
        middle = each.left_mm + each.width_mm / 2, each.top_mm + each.height_mm / 2
        assert control_at(controls_of(panel(9)), *middle) == each
    assert control_at(controls_of(panel(9)), 1, 1) is None


@pytest.mark.parametrize("half_m", [0.05, 0.15, 0.25])
def test_it_does_not_hide_the_anatomy(half_m: float) -> None:
    gaze = gaze_of(rigid(np.eye(3), (0, 1.6, 0)))
    stands = standing(gaze, -1, Box(np.array([-half_m, 1.3, -1.0]), np.array([half_m, 1.6, -0.8])))
    right_edge = apply(stands, (WIDTH_MM / 2e3, 0, 0))
    assert right_edge[0] / -right_edge[2] < -half_m / 0.8
