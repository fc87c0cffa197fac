"""Corrections by hand: what a tool reaches, and that it can be taken back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.segment.interactive import Change, History, Stroke, Tool, apply_stroke
from tests.strategies import grids

GRID = Grid.centred((60, 50, 40), (0.8, 0.9, 1.5))


def blank(grid: Grid = GRID) -> NDArray[np.uint8]:
    return np.zeros(grid.shape, dtype=np.uint8, order="F")


def centres_mm(grid: Grid) -> NDArray[np.float64]:
    return np.asarray(grid.patient_from_voxel.apply(np.indices(grid.shape).transpose(1, 2, 3, 0)))


@settings(deadline=None)
@given(grids(), st.floats(0.5, 30.0), st.data())
def test_a_brush_paints_the_voxels_whose_centres_it_covers_on_any_grid(
    grid: Grid, radius_mm: float, data: st.DataObject
) -> None:
    voxel = [data.draw(st.floats(-3, n + 3)) for n in grid.shape]
    point = grid.patient_from_voxel.apply(np.array(voxel))
    labels = blank(grid)
    apply_stroke(labels, grid, Stroke(Tool.BRUSH, 3, np.array([point]), radius_mm))
    distance = np.linalg.norm(centres_mm(grid) - point, axis=-1)
    sure = np.abs(distance - radius_mm) > 1e-6
    np.testing.assert_array_equal(labels[sure] == 3, distance[sure] < radius_mm)


def test_a_stroke_between_two_points_is_a_capsule() -> None:
    labels = blank()
    apply_stroke(labels, GRID, Stroke(Tool.BRUSH, 1, np.array([[-10.0, 0, 0], [10.0, 0, 0]]), 6.0))
    exact_mm3 = np.pi * 36 * 20 + 4 / 3 * np.pi * 216
    assert np.count_nonzero(labels) * GRID.voxel_volume_mm3 == pytest.approx(exact_mm3, rel=0.02)


def test_an_eraser_takes_its_own_label_and_leaves_what_lies_under_it() -> None:
    labels = blank()
    labels[:30], labels[30:] = 2, 5
    change = apply_stroke(labels, GRID, Stroke(Tool.ERASER, 2, np.zeros((1, 3)), 8.0, under=1))
    assert change is not None
    assert np.all(labels[30:] == 5)
    assert np.count_nonzero(labels == 1) > 100


def test_a_brush_that_may_only_paint_over_some_labels_leaves_the_others() -> None:
    labels = blank()
    labels[:30], labels[30:] = 2, 5
    apply_stroke(labels, GRID, Stroke(Tool.BRUSH, 7, np.zeros((1, 3)), 8.0, over=frozenset({5})))
    assert np.all(labels[:30] == 2)
    assert (labels[30:] == 7).any()


def test_a_threshold_finds_samples_of_its_range_inside_its_box_alone() -> None:
    samples = np.random.default_rng(0).integers(-1000, 1000, GRID.shape).astype(np.int16)
    labels = blank()
    corners = GRID.patient_from_voxel.apply(np.array([[10, 10, 10], [20, 25, 30]]))
    apply_stroke(labels, GRID, Stroke(Tool.THRESHOLD, 4, corners, sample_range=(100, 300)), samples)
    wanted = np.zeros(GRID.shape, dtype=bool)
    wanted[10:21, 10:26, 10:31] = True
    np.testing.assert_array_equal(labels == 4, wanted & (samples >= 100) & (samples <= 300))


def test_a_stroke_that_changes_nothing_is_no_change() -> None:
    labels = blank()
    outside = Stroke(Tool.BRUSH, 1, np.array([[500.0, 0, 0]]), 5.0)
    assert apply_stroke(labels, GRID, outside) is None
    again = Stroke(Tool.BRUSH, 1, np.zeros((1, 3)), 5.0)
    assert apply_stroke(labels, GRID, again) is not None
    assert apply_stroke(labels, GRID, again) is None


strokes = st.builds(
    lambda tool, label, points, radius: Stroke(tool, label, np.array(points), radius, under=0 if label else 1),
    st.sampled_from((Tool.BRUSH, Tool.ERASER)),
    st.integers(1, 4),
    st.lists(st.tuples(*[st.floats(-30, 30)] * 3), min_size=1, max_size=3),
    st.floats(0.5, 12),
)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(strokes, st.sampled_from(("", "a", "b"))), max_size=6), st.data())
def test_undo_and_redo_bring_every_state_between_movements_back_to_the_voxel(
    drawn: list[tuple[Stroke, str]], data: st.DataObject
) -> None:
    labels, history = blank(), History()
    states, latest = [labels.copy()], ""
    for stroke, movement in drawn:
        change = apply_stroke(labels, GRID, stroke)
        if change is None:
            continue
        history.add(change, movement)
        if movement and movement == latest:
            states.pop()
        states.append(labels.copy())
        latest = movement
    at = len(states) - 1
    for _ in range(10):
        back = data.draw(st.booleans())
        changes = history.undo(labels) if back else history.redo(labels)
        target = max(at - 1, 0) if back else min(at + 1, len(states) - 1)
        assert (changes == ()) == (target == at)
        at = target
        np.testing.assert_array_equal(labels, states[at])
    assert (history.undo_count, history.redo_count) == (at, len(states) - 1 - at)


def test_a_new_stroke_ends_what_could_be_done_again_and_the_budget_forgets_the_oldest() -> None:
    labels = blank()
    history = History(most_bytes=400)
    for n in range(5):
        change = apply_stroke(labels, GRID, Stroke(Tool.BRUSH, n + 1, np.array([[4.0 * n, 0, 0]]), 5.0))
        assert change is not None
        history.add(change)
    assert 1 <= history.undo_count < 5
    assert history.undo(labels)
    change = apply_stroke(labels, GRID, Stroke(Tool.BRUSH, 9, np.zeros((1, 3)), 2.0))
    assert change is not None
    history.add(change)
    assert history.redo(labels) == ()


def test_the_box_of_a_change_is_no_larger_than_what_changed() -> None:
    labels = blank()
    labels[:30] = 1
    change = apply_stroke(labels, GRID, Stroke(Tool.BRUSH, 1, np.zeros((1, 3)), 6.0))
    assert isinstance(change, Change)
    assert change.low[0] == 30


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"points_mm": np.array([[np.nan, 0, 0]])}, "finite"),
        ({"points_mm": np.zeros((0, 3))}, "points"),
        ({"points_mm": np.zeros((5000, 3))}, "points"),
        ({"radius_mm": 0.0}, "radius"),
        ({"radius_mm": np.inf}, "radius"),
        ({"label": 0}, "label"),
        ({"under": 2}, "over another"),
        ({"tool": Tool.THRESHOLD}, "two corners"),
    ],
)
def test_a_stroke_that_can_never_be_right_is_refused(change: dict[str, object], why: str) -> None:
    good: dict[str, object] = {"tool": Tool.BRUSH, "label": 2, "points_mm": np.zeros((1, 3)), "radius_mm": 5.0}
    with pytest.raises(InvalidValue, match=why):
        Stroke(**(good | change))  # type: ignore[arg-type]  # wrong on purpose


def test_a_label_that_the_map_cannot_hold_is_refused_before_anything_is_painted() -> None:
    labels = blank()
    with pytest.raises(InvalidValue, match="255"):
        apply_stroke(labels, GRID, Stroke(Tool.BRUSH, 300, np.zeros((1, 3)), 5.0))
    assert not labels.any()
