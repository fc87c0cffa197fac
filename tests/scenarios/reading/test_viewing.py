"""What was viewed: known places on known slices, and what may be said of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scenarios.reading.event import AnyEvent, Began, Committed, Displayed, Looked, Paused, Resumed
from scenarios.reading.viewing import USEFUL_MM, Target, viewed
from tests.scenarios.reading.cases import GRID

WHOLE = np.ones(GRID.shape, np.bool_)


def shown(n: int, t_s: float, z: float, slab_mm: float = 0.0, volume: str = "ct") -> Displayed:
    return Displayed(
        n=n, t_s=t_s, pane=0, volume=volume, centre_mm=(0, 0, z), right_mm=(30, 0, 0), down_mm=(0, 30, 0),
        slab_mm=slab_mm, low=0, high=1,
    )  # fmt: skip


def looked(n: int, t_s: float, at: tuple[float, float, float] | None, by: str = "eyes", **more: float) -> Looked:
    return Looked.model_validate({"n": n, "t_s": t_s, "by": by, "at_mm": at, **more})


BEGAN = Began(n=0, t_s=0, where="vr")


def test_a_cone_of_five_degrees_covers_its_disc_of_one_slice() -> None:
    """At 1 m where a metre of the pane shows 100 mm: tan 5° of it is 8.75 mm."""
    target = Target.of_mask("ct", GRID, WHOLE, 1.0)
    events: list[AnyEvent] = [
        BEGAN,
        shown(1, 0, 0.5),
        looked(2, 1, (0, 0, 0.5), distance_m=1, mm_per_m=100),
        Paused(n=3, t_s=4),
    ]
    seen = viewed(events, [target])[0]
    radius = math.tan(math.radians(5)) * 100
    assert (seen.seconds > 0).sum() == pytest.approx(math.pi * radius**2, rel=0.05)
    assert set(seen.seconds) == {0.0, 3.0}
    assert seen.any_seconds == 3
    assert seen.by == "eyes"


def test_a_slab_shows_what_a_slice_does_not_and_scrolling_moves_attention_along() -> None:
    target = Target.of_mask("ct", GRID, WHOLE, 1.0)
    one: list[AnyEvent] = [BEGAN, shown(1, 0, 0.5), looked(2, 0, (0, 0, 0.5)), Paused(n=3, t_s=1)]
    slab: list[AnyEvent] = [BEGAN, shown(1, 0, 0.5, 10.0), looked(2, 0, (0, 0, 0.5)), Paused(n=3, t_s=1)]
    on: list[AnyEvent] = [BEGAN, shown(1, 0, 0.5), looked(2, 0, (0, 0, 0.5)), shown(3, 1, 5.5), Paused(n=4, t_s=2)]
    slices, slabs, scrolled = (viewed(events, [target])[0].coverage or 0 for events in (one, slab, on))
    assert slabs > 8 * slices
    assert scrolled == pytest.approx(2 * slices)


def test_breaks_other_studies_and_what_came_after_the_commit_do_not_count() -> None:
    point = Target("ct", np.zeros((1, 3)), 1.0)
    at = looked(2, 0, (0, 0, 0), "head")
    events: list[AnyEvent] = [
        BEGAN, shown(1, 0, 0), at, Paused(n=3, t_s=1), Resumed(n=4, t_s=30), shown(5, 32, 0, volume="prior"),
        shown(6, 40, 0), Committed(n=7, t_s=44, task="find"), Paused(n=8, t_s=50),
    ]  # fmt: skip
    assert viewed(events, [point], "find")[0].any_seconds == 1 + 2 + 4
    assert viewed(events, [point])[0].any_seconds == 1 + 2 + 4 + 6
    assert viewed(events, [point])[0].by == "head"


def test_the_least_telling_of_what_was_used_is_told_and_nothing_where_nothing_is_known() -> None:
    point = Target("ct", np.array([[USEFUL_MM - 0.1, 0, 0], [USEFUL_MM + 0.1, 0, 0]]), 1.0)
    events: list[AnyEvent] = [
        BEGAN,
        shown(1, 0, 0),
        looked(2, 0, (0, 0, 0)),
        looked(3, 1, (0, 0, 0), "pointer"),
        Paused(n=4, t_s=2),
    ]
    seen = viewed(events, [point])[0]
    assert seen.by == "pointer"
    assert seen.coverage == 0.5
    nowhere = viewed([BEGAN, shown(1, 0, 0), looked(2, 0, None), Paused(n=3, t_s=9)], [point])[0]
    assert nowhere.by is None
    assert nowhere.coverage is None


def test_blocks_stand_for_the_organ() -> None:
    half = WHOLE.copy()
    half[:, :, 30:] = False
    target = Target.of_mask("ct", GRID, half, 4.0)
    assert len(target.points_mm) == 15 * 15 * 8
    assert target.points_mm[:, 2].max() < 0.5


def test_slices_shown_often_are_viewed_as_slices_shown_once() -> None:
    """Every place against the plain rule, for planes of one direction and of many."""
    target = Target.of_mask("ct", GRID, WHOLE, 2.0)
    assert len(target.points_mm) > 4000, "so many that they are sorted"
    rng = np.random.default_rng(0)
    for turns in (False, True):
        events: list[AnyEvent] = [BEGAN]
        wanted = np.zeros(len(target.points_mm))
        for n in range(1, 40, 2):
            angle = 0.1 * n if turns else 0.3
            right = 20 * np.array([math.cos(angle), 0, math.sin(angle)])
            centre, at = rng.uniform(-10, 10, 3), rng.uniform(-20, 20, 3)
            pane = {"centre_mm": tuple(centre), "right_mm": tuple(right), "down_mm": (0, 25, 0), "slab_mm": n / 4}
            events.append(shown(n, n, 0).model_copy(update=pane))
            events.append(looked(n + 1, n, tuple(at), distance_m=1, mm_per_m=150))
            normal = np.cross(right / 20, (0, 1, 0))
            off = target.points_mm - centre
            deep, across, down = off @ normal, off @ right / 20, off[:, 1]
            from_at = np.hypot(across - (at - centre) @ right / 20, down - (at - centre)[1])
            inside = (np.abs(deep) <= max(n / 4, 2.0) / 2) & (np.abs(across) <= 20) & (np.abs(down) <= 25)
            wanted += 2 * (inside & (from_at <= math.tan(math.radians(5)) * 150))
        events.append(Paused(n=41, t_s=41))
        seen = viewed(events, [target])[0]
        np.testing.assert_allclose(seen.seconds, wanted)
        assert (wanted > 0).mean() > 0.05
