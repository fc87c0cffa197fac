"""Levels of detail: each inside its own bound from the full surface, finest first."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.core.errors import Cancelled, InvalidValue
from engine.mesh.distance import deviation_mm
from engine.mesh.lod import build_lods
from tests.mesh.organs import ball, organ


def test_every_level_stays_inside_its_bound_from_the_full_surface() -> None:
    fine = organ()
    bounds = (0.2, 0.8, 3.0)
    levels = build_lods([fine], [bounds])[0]
    assert all(a.triangle_count > b.triangle_count for a, b in pairwise(levels))
    for level, bound in zip(levels, bounds, strict=True):
        assert level.is_closed()
        assert level.error_mm <= bound
        assert deviation_mm(fine, level, 20_000, np.random.default_rng(0)).hausdorff_mm <= level.error_mm + 1e-5


def test_a_leading_zero_keeps_the_surface_itself() -> None:
    fine = ball()
    full, coarse = build_lods([fine], [(0.0, 0.5)])[0]
    assert np.array_equal(full.faces, fine.faces)
    assert full.error_mm == 0
    assert coarse.triangle_count < fine.triangle_count


def test_chains_come_in_the_order_of_their_surfaces_whatever_their_size() -> None:
    surfaces = [ball(5), organ(40), ball(9)]
    chains = build_lods(surfaces, [(0.0, 0.3)] * len(surfaces), workers=3)
    assert [chain[0].triangle_count for chain in chains] == [surface.triangle_count for surface in surfaces]
    alone = build_lods([surfaces[1]], [(0.0, 0.3)], workers=1)[0][1]
    assert chains[1][1].faces.tobytes() == alone.faces.tobytes()


def test_no_surfaces_have_no_levels() -> None:
    assert build_lods([], []) == []


@pytest.mark.parametrize("bounds", [(), (-0.1, 1.0), (1.0, 1.0), (2.0, 1.0), (float("nan"),)])
def test_bounds_that_do_not_rise_are_refused(bounds: tuple[float, ...]) -> None:
    with pytest.raises(InvalidValue):
        build_lods([ball(4)], [bounds])


def test_progress_runs_to_the_end_and_cancels() -> None:
    seen: list[float] = []
    build_lods([ball(4), ball(5)], [(0.5,)] * 2, progress=lambda fraction, stage: seen.append(fraction))
    assert seen == [0.5, 1.0]

    def stop(fraction: float, stage: str) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        build_lods([ball(4), ball(5)], [(0.5,)] * 2, progress=stop)


def test_every_surface_has_bounds_of_its_own() -> None:
    near, far = build_lods([ball(10), ball(10)], [(0.1,), (1.0, 3.0)])
    assert (len(near), len(far)) == (1, 2)
    assert near[0].triangle_count > far[0].triangle_count > far[1].triangle_count
    with pytest.raises(InvalidValue, match="2 surfaces, bounds for 1"):
        build_lods([ball(4), ball(4)], [(0.5,)])
