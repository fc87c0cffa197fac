"""The meshopt decoder: it gives back what the encoder was given, and refuses what no encoder made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.mesh.meshopt import encode_attributes, encode_triangles, octahedral
from engine.mesh.meshopt_decode import decode_attributes, decode_triangles, normals_from_octahedral
from engine.mesh.order import in_drawing_order
from tests.mesh.organs import ball, organ
from tests.mesh.test_meshopt import random_elements, rotated_to_smallest


@given(st.integers(0, 2**32 - 1), st.integers(0, 700), st.sampled_from([4, 8, 12, 256]))
@settings(max_examples=60)
def test_vertices_come_back_as_they_went(seed: int, count: int, stride: int) -> None:
    elements = random_elements(np.random.default_rng(seed), count, stride)
    assert np.array_equal(decode_attributes(encode_attributes(elements), count, stride), elements)


@pytest.mark.parametrize("surface", [ball(), organ()], ids=["ball", "organ"])
def test_triangles_of_organs_come_back_with_their_winding(surface: object) -> None:
    faces, _ = in_drawing_order(surface.faces, len(surface.vertices_mm))  # type: ignore[attr-defined]
    back = decode_triangles(encode_triangles(faces), len(faces))
    assert np.array_equal(rotated_to_smallest(back), rotated_to_smallest(faces))


@given(st.lists(st.tuples(*[st.integers(0, 4000)] * 3), max_size=200))
def test_triangles_in_any_order_come_back(rows: list[tuple[int, int, int]]) -> None:
    faces = np.array(rows, np.int32).reshape(-1, 3)
    back = decode_triangles(encode_triangles(faces), len(faces))
    assert np.array_equal(rotated_to_smallest(back), rotated_to_smallest(faces))


def test_normals_come_back_within_a_degree_and_a_half() -> None:
    made = np.random.default_rng(5).normal(size=(2000, 3)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    back = normals_from_octahedral(octahedral(made).view(np.uint8))
    assert np.degrees(np.arccos(np.clip((made * back).sum(axis=1), -1, 1))).max() < 1.5


@given(st.binary(max_size=400), st.integers(0, 300))
def test_bytes_that_no_encoder_made_are_refused_or_decoded_but_never_read_past(noise: bytes, count: int) -> None:
    for decode in (
        lambda: decode_attributes(b"\xa0" + noise, count, 8),
        lambda: decode_triangles(b"\xe1" + noise, count),
    ):
        try:
            decode()
        except InvalidValue:
            continue


@given(st.integers(0, 2**32 - 1), st.data())
@settings(max_examples=40)
def test_a_stream_cut_short_is_refused(seed: int, data: st.DataObject) -> None:
    elements = random_elements(np.random.default_rng(seed), 300, 8)
    stream = encode_attributes(elements)
    kept = data.draw(st.integers(0, len(stream) - 1))
    with pytest.raises(InvalidValue):
        decode_attributes(stream[:kept], 300, 8)


def test_a_vertex_of_an_odd_size_is_refused() -> None:
    with pytest.raises(InvalidValue, match="multiple of 4"):
        decode_attributes(b"\xa0" + bytes(64), 1, 6)
