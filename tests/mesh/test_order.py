"""Drawing order: the same triangles, vertices numbered as they come, reused soon."""

from __future__ import annotations

from collections import deque

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.array import Int32
from engine.mesh.order import in_drawing_order
from tests.mesh.organs import organ
from tests.mesh.test_meshopt import rotated_to_smallest


def misses_per_triangle(faces: Int32, cache: int) -> float:
    """Vertices that a first-in first-out cache has to fetch, per triangle; 0.5 is the least for a closed surface."""
    held: deque[int] = deque(maxlen=cache)
    misses = 0
    for v in faces.ravel().tolist():
        if v not in held:
            held.append(v)
            misses += 1
    return misses / len(faces)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_triangles_stay_the_same_set_with_vertices_in_order_of_first_use(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = int(rng.integers(3, 60))
    triangles = [rng.permutation(vertices)[:3] for _ in range(int(rng.integers(0, 200)))]
    faces = np.array(triangles, np.int32).reshape(-1, 3)
    ordered, old_of_new = in_drawing_order(faces, vertices)
    before = np.sort(rotated_to_smallest(faces).astype(np.int64) @ (vertices**2, vertices, 1))
    after = np.sort(rotated_to_smallest(old_of_new[ordered]).astype(np.int64) @ (vertices**2, vertices, 1))
    assert np.array_equal(before, after)
    assert np.array_equal(np.unique(faces), np.sort(old_of_new))
    first_use = [v for i, v in enumerate(ordered.ravel().tolist()) if v not in ordered.ravel()[:i]]
    assert first_use == list(range(len(old_of_new)))


def test_an_organ_fetches_fewer_vertices_than_in_the_order_of_extraction() -> None:
    surface = organ(40)
    ordered, _ = in_drawing_order(surface.faces, len(surface.vertices_mm))
    assert misses_per_triangle(ordered, 16) < 0.9
    assert misses_per_triangle(ordered, 16) < misses_per_triangle(surface.faces, 16)


def test_a_vertex_with_very_many_triangles_gets_all_of_them_drawn() -> None:
    rim = np.arange(1, 201)
    faces = np.stack([np.zeros(200), rim, np.roll(rim, -1)], axis=1).astype(np.int32)
    ordered, old_of_new = in_drawing_order(faces, 201)
    assert len(np.unique(ordered, axis=0)) == 200
    assert len(old_of_new) == 201
