from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.frame import patient
from engine.core.surface import Surface
from engine.mesh.measure import area_mm2, is_closed


@given(st.integers(0, 2**32 - 1), st.integers(0, 300_000))
def test_the_area_is_that_of_the_surface_itself(seed: int, triangles: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-300, 300, (64, 3)).astype(np.float32)
    surface = Surface(patient(""), vertices, rng.integers(0, 64, (triangles, 3), dtype=np.int32))
    assert area_mm2(surface) == pytest.approx(surface.area_mm2, rel=1e-9)


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=12))
def test_a_surface_is_closed_where_the_surface_itself_says_so(triangles: list[tuple[int, int, int]]) -> None:
    """Random triangles on five vertices: open, doubled, turned, degenerate, and now and then closed."""
    faces = np.array(triangles, np.int32).reshape(-1, 3)
    surface = Surface(patient(""), np.zeros((5, 3), np.float32), faces)
    assert is_closed(surface) == surface.is_closed()


@given(st.permutations(range(4)), st.integers(0, 4))
def test_a_tetrahedron_is_closed_until_a_face_goes(order: list[int], missing: int) -> None:
    a, b, c, d = order
    faces = np.array([(a, b, c), (a, d, b), (b, d, c), (c, d, a)], np.int32)
    whole = Surface(patient(""), np.zeros((4, 3), np.float32), faces)
    assert is_closed(whole)
    assert whole.is_closed()
    if missing < 4:
        assert not is_closed(Surface(patient(""), whole.vertices_mm, np.delete(faces, missing, axis=0)))
