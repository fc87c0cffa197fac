"""The meshopt codec, bit for bit against the reference decoder, and in size against the reference encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.core.array import Int32
from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from engine.mesh.meshopt import encode_attributes, encode_indices, encode_triangles, octahedral
from engine.mesh.normals import vertex_normals
from engine.mesh.order import in_drawing_order
from engine.mesh.quantize import QuantizationFrame
from tests.mesh.js_reader import decoded, run
from tests.mesh.organs import ball, organ

#: The worked example of the specification: 16 zigzag deltas in four-bit form, two of them whole bytes.
SPECIFIED_GROUP = bytes.fromhex("175ff0bc77a9210034b5")
SPECIFIED_DELTAS = (-1, -4, -3, 26, -91, 0, -6, 6, -4, -4, 5, -5, 1, -1, 0, 0)


def rotated_to_smallest(faces: NDArray[np.generic]) -> NDArray[np.generic]:
    """The first in dictionary order of each triangle's three rotations, so that rotations become equal."""
    rotations = np.stack([np.roll(faces.astype(np.int64), turn, axis=1) for turn in range(3)])
    best: NDArray[np.generic] = rotations[0]
    for other in rotations[1:]:
        differs = np.argmax(other != best, axis=1)[:, None]
        smaller = np.take_along_axis(other, differs, 1) < np.take_along_axis(best, differs, 1)
        best = np.where(smaller, other, best)
    return best


def decoded_triangles(faces: Int32, index_bytes: int = 4) -> NDArray[np.generic]:
    out = decoded(encode_triangles(faces), faces.size, index_bytes, "TRIANGLES")
    return out.reshape(-1).view(np.uint32 if index_bytes == 4 else np.uint16).reshape(-1, 3)


def random_elements(rng: np.random.Generator, count: int, stride: int) -> NDArray[np.uint8]:
    """Bytes that meet every form of a group: constant, small steps, larger ones, noise, and mixtures."""
    kinds: list[Callable[[], Any]] = [
        lambda: np.full(count, rng.integers(256)),
        lambda: np.cumsum(rng.integers(-1, 2, count)),
        lambda: np.cumsum(rng.integers(-7, 8, count)),
        lambda: rng.integers(0, 256, count),
        lambda: np.cumsum(np.where(rng.random(count) < 0.1, rng.integers(0, 256, count), rng.integers(-1, 2, count))),
    ]
    columns = [kinds[rng.integers(len(kinds))]() for _ in range(stride)]
    return np.stack(columns, axis=1).astype(np.uint8) if count else np.zeros((0, stride), np.uint8)


@pytest.mark.parametrize("stride", [4, 8, 12, 256])
@pytest.mark.parametrize("count", [1, 16, 17, 257, 1000])
def test_vertex_streams_decode_to_the_same_bytes(count: int, stride: int) -> None:
    elements = random_elements(np.random.default_rng(count * stride), count, stride)
    assert np.array_equal(decoded(encode_attributes(elements), count, stride, "ATTRIBUTES"), elements)


def test_a_group_is_written_as_in_the_specification_s_example() -> None:
    # The first element is its own baseline, with a delta of 0: a group of zeros goes before the example.
    elements = np.zeros((32, 4), np.uint8)
    elements[16:, 0] = np.cumsum(SPECIFIED_DELTAS) % 256
    stream = encode_attributes(elements)
    assert stream[0] == 0xA0
    assert stream[1] == 0b1000  # first group all zero, second in four bits
    assert stream[2 : 2 + len(SPECIFIED_GROUP)] == SPECIFIED_GROUP


def test_a_stride_the_format_lacks_is_refused() -> None:
    for stride in (0, 6, 260):
        with pytest.raises(InvalidValue, match="multiple of 4"):
            encode_attributes(np.zeros((3, stride), np.uint8))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_triangles_decode_to_the_same_triangles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = int(rng.choice([3, 10, 300, 2**31 - 1]))
    faces = rng.integers(0, vertices, (int(rng.integers(1, 400)), 3)).astype(np.int32)
    assert np.array_equal(rotated_to_smallest(decoded_triangles(faces)), rotated_to_smallest(faces))


def test_an_organ_s_triangles_decode_in_drawing_order_and_as_they_came() -> None:
    surface = organ(40)
    for faces in (surface.faces, in_drawing_order(surface.faces, len(surface.vertices_mm))[0]):
        assert np.array_equal(rotated_to_smallest(decoded_triangles(faces)), rotated_to_smallest(faces))


def test_short_indices_decode_as_long_ones_do() -> None:
    faces = ball(8).faces
    assert np.array_equal(rotated_to_smallest(decoded_triangles(faces, 2)), rotated_to_smallest(faces))


@pytest.mark.parametrize("case", ["runs", "two runs spliced", "noise", "extremes", "none"])
def test_index_sequences_decode_to_the_same_indices(case: str) -> None:
    rng = np.random.default_rng(0)
    indices = {
        "runs": np.arange(1000),
        "two runs spliced": np.stack([np.arange(500), 90_000 + np.arange(500)], 1).ravel(),
        "noise": rng.integers(0, 2**20, 1000),
        "extremes": np.array([0, 2**30 - 1, 0, 5, 2**30 - 1]),
        "none": np.zeros(0),
    }[case].astype(np.int32)
    stream = encode_indices(indices)
    if case == "none":
        assert stream == b"\xd1\0\0\0\0"
    else:
        out = decoded(stream, len(indices), 4, "INDICES").reshape(-1).view(np.uint32)
        assert np.array_equal(out, indices)


def test_two_spliced_runs_take_about_a_byte_an_index() -> None:
    spliced = np.stack([np.arange(500), 90_000 + np.arange(500)], 1).ravel().astype(np.int32)
    assert len(encode_indices(spliced)) < 1.05 * len(spliced)


@pytest.mark.parametrize(("bits", "degrees"), [(8, 1.3), (7, 2.2), (6, 4.3)])
def test_octahedral_normals_come_back_within_stated_degrees(bits: int, degrees: float) -> None:
    normals = np.random.default_rng(0).normal(size=(20_000, 3)).astype(np.float32)
    normals[:6] = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    stream = encode_attributes(octahedral(normals, bits).view(np.uint8))
    back = decoded(stream, len(normals), 4, "ATTRIBUTES", "OCTAHEDRAL").view(np.int8)[:, :3].astype(np.float64)
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    angles = np.degrees(np.arccos(np.clip((back * normals).sum(axis=1), -1, 1)))
    assert angles.max() < degrees
    assert angles[:6].max() < 1e-6


def test_bits_that_a_byte_cannot_hold_are_refused() -> None:
    for bits in (3, 9):
        with pytest.raises(InvalidValue, match="4 to 8 bits"):
            octahedral(np.zeros((1, 3), np.float32), bits)


def _streams(surface: Surface, faces: Int32, used: Int32) -> list[tuple[NDArray[np.uint8], str]]:
    positions = QuantizationFrame.around([surface]).quantized(surface.vertices_mm[used])
    normals = octahedral(vertex_normals(surface)[used])
    return [(positions.view(np.uint8), "ATTRIBUTES"), (normals.view(np.uint8), "ATTRIBUTES"), (faces, "TRIANGLES")]  # type: ignore[list-item]  # bytes either way


def test_streams_are_as_small_as_the_reference_encoder_s() -> None:
    surface = organ()
    faces, used = in_drawing_order(surface.faces, len(surface.vertices_mm))
    ours = reference = 0
    for data, mode in _streams(surface, faces, used):
        count, stride = (len(data), data.shape[1]) if mode == "ATTRIBUTES" else (data.size, 4)
        ours += len(encode_attributes(data) if mode == "ATTRIBUTES" else encode_triangles(faces))
        reference += len(run("encode.mjs", data.tobytes(), count, stride, mode))
    assert ours <= 1.005 * reference


def test_order_and_codec_together_stay_within_two_percent_of_the_reference_s() -> None:
    surface = organ()
    out = np.frombuffer(run("reorder.mjs", surface.faces.tobytes()), np.uint32)
    faces, new_of_old = out[: surface.faces.size].reshape(-1, 3).astype(np.int32), out[surface.faces.size :]
    used = np.argsort(new_of_old).astype(np.int32)
    ours = _size(surface, *in_drawing_order(surface.faces, len(surface.vertices_mm)))
    assert ours <= 1.02 * _size(surface, faces, used)


def _size(surface: Surface, faces: Int32, used: Int32) -> int:
    positions, normals, _ = (data for data, _ in _streams(surface, faces, used))
    return sum(map(len, (encode_attributes(positions), encode_attributes(normals), encode_triangles(faces))))
