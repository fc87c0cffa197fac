"""The best few ways: right where the best is known, never through what is forbidden, and unlike each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import trimesh

from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from guidance.margins.kernels.ways import MANY, crossings
from guidance.margins.surface_tree import SEARCH_MM, SurfaceTree
from guidance.trajectory.assess import Fault, Surroundings
from guidance.trajectory.propose import APART_DEG, NoWay, deepest_inside, propose, sphere_directions
from guidance.trajectory.trajectory import Limits
from tests.guidance.margins.shapes import ball, lumpy, surface
from tests.guidance.trajectory.phantoms import HEAD, HEAD_MM, clearance_mm, head_with, to_head, wall

TARGET = np.array((0.0, 0.0, 40.0))
FEW = 600


def found(around: Surroundings, target: np.ndarray = TARGET, **changed: float) -> list[np.ndarray]:
    return [one.trajectory.entry_mm for one in propose(around, target, 1.0, candidates=FEW, **changed).best]  # type: ignore[arg-type]


def test_with_nothing_in_the_way_the_best_is_the_shortest_which_is_upright() -> None:
    best = propose(head_with(), TARGET, 1.0, candidates=FEW).best[0]
    assert best.trajectory.entry_mm == pytest.approx([0, 0, HEAD_MM], abs=1.5)
    assert best.angle_deg < 1
    assert best.trajectory.length_mm == pytest.approx(50, abs=0.2)


def test_what_stands_in_the_way_is_gone_around_as_near_as_it_is_worth() -> None:
    """The best of very many directions, each by the formulas of balls, is hardly better than what was found."""
    artery = ((0.0, 3.0, 65.0), 6.0)
    around = head_with({"artery": artery})
    best = propose(around, TARGET, 1.0, candidates=FEW).best[0]
    assert clearance_mm(best.trajectory, *artery) >= around.limits.clearance_mm
    directions = sphere_directions(40_000)
    lengths = to_head(TARGET, directions)
    entries = TARGET + lengths[:, None] * directions
    along = np.clip((np.array(artery[0]) - TARGET) @ directions.T, 0, lengths)
    near = np.linalg.norm(TARGET + along[:, None] * directions - artery[0], axis=1) - artery[1] - 1.0
    angle = np.rad2deg(np.arccos(np.clip(np.einsum("ni,ni->n", entries / HEAD_MM, directions), -1, 1)))
    costs = around.cost(near[:, None], np.array([2.0]), angle, lengths)
    allowed = (near >= 2.0) & (angle <= 45) & (lengths <= 100)
    assert best.cost == pytest.approx(costs[allowed].min(), abs=0.01)


def test_every_proposal_keeps_to_every_limit_by_the_formulas() -> None:
    rng = np.random.default_rng(7)
    balls = {f"v{n}": (tuple(rng.normal(size=3) * 12 + (0, 0, 62)), float(rng.uniform(2, 4))) for n in range(6)}
    balls = {key: one for key, one in balls.items() if np.linalg.norm(np.array(one[0]) - TARGET) > one[1] + 5}
    told = propose(head_with(balls), TARGET, 1.0, candidates=FEW)
    assert len(told.best) == 5
    for one in told.best:
        assert min(clearance_mm(one.trajectory, *of) for of in balls.values()) >= 2.0
        assert one.angle_deg <= 45
    costs = [one.cost for one in told.best]
    assert costs == sorted(costs)
    assert sum(told.refused.values()) < told.tried
    assert "600 ways tried: " in told.words({"v0": "Vein"})


def test_no_way_goes_through_a_forbidden_wall() -> None:
    ceiling = wall((160.0, 160.0, 2.0), (0.0, 0.0, 55.0))
    entries = found(head_with(forbidden={"falx": ceiling}, limits=Limits(angle_deg=80.0, length_mm=150.0)))
    assert entries
    for entry in entries:
        assert entry[2] < 54
    assert found(head_with())[0][2] > 80  # without the wall it is there that one goes


def test_a_closed_room_has_no_way_out_and_it_says_why() -> None:
    told = propose(
        head_with(forbidden={"room": SurfaceTree(ball(30.0, 3, (0.0, 0.0, 80.0)))}), np.zeros(3), 1.0, candidates=FEW
    )
    assert told.best  # below it there are ways
    shell = SurfaceTree(_shell())
    closed = propose(head_with(forbidden={"shell": shell}), np.zeros(3), 1.0, candidates=FEW)
    assert closed.best == ()
    assert dict(closed.refused) == {(Fault.THROUGH, "shell"): FEW}
    assert closed.words({"shell": "Skull"}) == "600 ways tried: 600 goes through a forbidden structure (Skull)"


def _shell() -> Surface:
    inner = trimesh.creation.icosphere(subdivisions=3, radius=28.0)
    inner.invert()
    both: Any = trimesh.util.concatenate([trimesh.creation.icosphere(subdivisions=3, radius=30.0), inner])
    return surface(both)


def test_ways_differ_from_each_other() -> None:
    entries = found(head_with())
    ways = [(entry - TARGET) / np.linalg.norm(entry - TARGET) for entry in entries]
    assert len(ways) == 5
    for n, one in enumerate(ways):
        for other in ways[:n]:
            assert np.rad2deg(np.arccos(one @ other)) >= APART_DEG - 0.01


def test_what_is_alike_on_all_sides_is_proposed_on_all_sides() -> None:
    """A ceiling with a slit on either side of the middle: four ways cost the same, and are mirror images."""
    parts = {"middle": (50.0, 0.0), "left": (60.0, 70.0), "right": (60.0, -70.0)}
    ceiling = {key: wall((width, 200.0, 2.0), (x, 0.0, 60.0)) for key, (width, x) in parts.items()}
    around = head_with(forbidden=ceiling, limits=Limits(angle_deg=60.0, length_mm=80.0))
    best = propose(around, TARGET, 1.0, count=4, candidates=2000).best
    entries = np.array([one.trajectory.entry_mm for one in best])
    assert {(bool(x > 0), bool(y > 0)) for x, y, _ in entries} == {(a, b) for a in (True, False) for b in (True, False)}
    assert np.abs(entries) == pytest.approx(np.abs(entries[[0]]).repeat(4, axis=0), abs=2.0)
    assert [one.cost for one in best] == pytest.approx([best[0].cost] * 4, abs=0.002)


def test_the_same_arguments_give_the_same_ways() -> None:
    around = head_with({"artery": ((0.0, 3.0, 65.0), 6.0)})
    one, other = found(around), found(around)
    assert np.array_equal(one, other)


def test_a_structure_more_never_makes_the_best_cheaper() -> None:
    costs = []
    balls: dict[str, tuple[tuple[float, ...], float]] = {}
    for n, at in enumerate(((0.0, 3.0, 65.0), (20.0, 0.0, 60.0), (-20.0, -10.0, 60.0))):
        balls[f"v{n}"] = (at, 5.0)
        costs.append(propose(head_with(balls), TARGET, 1.0, candidates=FEW).best[0].cost)
    assert all(after >= before - 0.005 for before, after in pairwise(costs))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ((0.0, 0.0, 95.0), "5 mm outside the surface"),
        ((0.0, 3.0, 62.0), "within artery, so that every way"),
        ((0.0, 3.0, 57.0), r"2.0 mm from artery; .* 3.1 mm are needed"),
    ],
)
def test_a_target_that_allows_no_way_is_refused_with_what_to_do(target: tuple[float, ...], words: str) -> None:
    with pytest.raises(NoWay, match=words):
        propose(head_with({"artery": ((0.0, 3.0, 65.0), 6.0)}), np.array(target), 1.0)


@pytest.mark.parametrize("changed", [{"radius_mm": -1.0}, {"count": 0}, {"candidates": 0}, {"apart_deg": 0.0}])
def test_what_cannot_be_meant_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(InvalidValue):
        propose(head_with(), TARGET, **{"radius_mm": 1.0, **changed})  # type: ignore[arg-type]


def test_directions_are_spread_evenly() -> None:
    directions = sphere_directions(2000)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(1)
    assert np.abs(directions.mean(axis=0)).max() < 1e-3
    nearest = np.sort(directions @ directions.T, axis=1)[:, -2]
    assert np.rad2deg(np.arccos(nearest)).min() > 3.0


def test_a_line_through_a_ball_goes_through_its_surface_twice_and_where_the_formula_says() -> None:
    rng, at = np.random.default_rng(0), np.empty(MANY)
    tree = HEAD.tree.arrays
    for _ in range(200):
        start, way = rng.normal(size=3) * 80, rng.normal(size=3)
        way *= 400 / np.linalg.norm(way)
        a, b, c = way @ way, 2 * start @ way, start @ start - HEAD_MM**2
        inside = b * b - 4 * a * c
        roots = [] if inside < 0 else [(-b - np.sqrt(inside)) / (2 * a), (-b + np.sqrt(inside)) / (2 * a)]
        roots = [t for t in roots if 0 <= t <= 1]
        miss = np.linalg.norm(start - (start @ way) / a * way)
        if abs(miss - HEAD_MM) < 0.2 or abs(np.linalg.norm(start) - HEAD_MM) < 0.2:
            continue  # where facets are not the ball
        count = crossings(tree, start, way, at)
        assert count == len(roots)
        assert at[:count] * 400 == pytest.approx(np.array(roots) * 400, abs=1.0)


def test_a_way_along_edges_and_through_corners_counts_once() -> None:
    at = np.empty(MANY)
    corner = HEAD.tree.arrays.corners[0, 0].astype(float)
    assert crossings(HEAD.tree.arrays, np.zeros(3), 2 * corner, at) == 1
    edge = HEAD.tree.arrays.corners[0, :2].astype(float).mean(axis=0)
    assert crossings(HEAD.tree.arrays, np.zeros(3), 2 * edge, at) == 1


def test_the_deepest_place_of_a_ball_is_its_middle_and_of_any_shape_none_is_much_deeper() -> None:
    one = ball(20.0, 4, (10.0, -5.0, 3.0))
    place = deepest_inside(SurfaceTree(one), one.vertices_mm.min(axis=0), one.vertices_mm.max(axis=0))
    assert place == pytest.approx([10, -5, 3], abs=0.3)
    shape = lumpy(3, 25.0, 4)
    tree = SurfaceTree(shape)
    low, high = shape.vertices_mm.min(axis=0).astype(float), shape.vertices_mm.max(axis=0).astype(float)
    deepest = tree.near_point(deepest_inside(tree, low, high)).distance_mm
    rng = np.random.default_rng(0)
    others = [tree.near_point(place).distance_mm for place in rng.uniform(low, high, (2000, 3))]
    assert deepest <= min(others) + SEARCH_MM + 0.2
