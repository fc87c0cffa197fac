"""The v0 codec of EXT_meshopt_compression, decoding side: for clients without a browser.

From the extension's published bitstream, as `engine.mesh.meshopt`. Bytes come over a network: no read leaves them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32
from engine.core.errors import InvalidValue
from engine.mesh.kernels_bits import inlined, kernel
from engine.mesh.meshopt import UInt8
from engine.mesh.meshopt_queues import EDGED, FRESH, LAST, NEW, QUEUED, WRITTEN, queue_edge, queue_vertex

UInt32 = NDArray[np.uint32]

_ATTRIBUTES_HEADER, _TRIANGLES_HEADER = 0xA0, 0xE1
_TAIL_BYTES = 32
_GROUP = 16
#: A triangle reads at most a pair and three indices of five bytes, which is what the table at the end takes.
_STARTS_BYTES = 16


def decode_attributes(stream: bytes, count: int, stride: int) -> UInt8:
    """The vertices of a stream (mode ATTRIBUTES): (count, stride) bytes.

    Raises:
        InvalidValue: not such a stream, or one of another size.
    """
    if stride % 4 or not 4 <= stride <= 256:
        raise InvalidValue(f"a vertex takes a multiple of 4 bytes up to 256, got {stride}")
    data = np.frombuffer(stream, np.uint8)
    tail = max(_TAIL_BYTES, stride)
    # Every column of every block has its header, of which two bits stand for 16 vertices.
    if len(data) < 1 + tail or data[0] != _ATTRIBUTES_HEADER or count > 64 * len(data):
        raise InvalidValue("not a stream of vertices")
    out = np.empty((count, stride), np.uint8)
    if _decode_attributes(data, len(data) - tail, out) != len(data) - tail:
        raise InvalidValue("a stream of vertices is cut short or has more than it should")
    return out


def decode_triangles(stream: bytes, count: int) -> UInt32:
    """The triangles of a stream (mode TRIANGLES): (count, 3).

    Raises:
        InvalidValue: not such a stream, or one of another size.
    """
    data = np.frombuffer(stream, np.uint8)
    if len(data) < 1 + count + _STARTS_BYTES or data[0] != _TRIANGLES_HEADER:
        raise InvalidValue("not a stream of triangles")
    out = np.empty((count, 3), np.uint32)
    if _decode_triangles(data, len(data) - _STARTS_BYTES, out) != len(data) - _STARTS_BYTES:
        raise InvalidValue("a stream of triangles is cut short or has more than it should")
    return out


def normals_from_octahedral(packed: UInt8) -> Float32:
    """Unit vectors (n, 3) of the OCTAHEDRAL filter's (n, 4) bytes."""
    values = packed.view(np.int8).astype(np.float32)
    u, v = (values[:, axis] / np.maximum(values[:, 2], 1) for axis in (0, 1))
    z = 1 - np.abs(u) - np.abs(v)
    folded = np.maximum(-z, 0)  # the lower half is folded over the diagonals
    out = np.stack([u - np.copysign(folded, u), v - np.copysign(folded, v), z], axis=1)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6), np.float32)


@kernel
def _decode_attributes(data: Any, end: Any, out: Any) -> Any:
    """Fills `out`; returns where it stopped reading, or -1 where the stream is too short."""
    count, stride = out.shape
    at = 1
    most = min((8192 // stride) & ~15, 256)
    deltas = np.empty(256, np.uint8)
    base = len(data) - stride  # the baseline ends the tail
    for first in range(0, count, most):
        size = min(most, count - first)
        groups = (size + _GROUP - 1) // _GROUP
        for byte in range(stride):
            at = _decode_groups(data, end, groups, deltas, at)
            if at < 0:
                return at
            value = np.int64(out[first - 1, byte]) if first else np.int64(data[base + byte])
            for i in range(size):
                zigzag = np.int64(deltas[i])
                value = (value + ((zigzag >> 1) ^ -(zigzag & 1))) & 0xFF
                out[first + i, byte] = value
    return at


@inlined
def _decode_groups(data: Any, end: Any, groups: Any, deltas: Any, at: Any) -> Any:
    """One data block: two bits for each group of 16 deltas, then the groups; -1 where the stream is too short."""
    header = at
    at += (groups + 3) // 4
    if at > end:
        return -1
    for g in range(groups):
        mode = (data[header + g // 4] >> (2 * (g % 4))) & 3
        base = g * _GROUP
        if mode == 0:
            for i in range(_GROUP):
                deltas[base + i] = 0
        elif mode == 3:
            if at + _GROUP > end:
                return -1
            for i in range(_GROUP):
                deltas[base + i] = data[at + i]
            at += _GROUP
        else:
            at = _unpack(data, end, deltas, base, 2 * mode, at)
            if at < 0:
                return at
    return at


@inlined
def _unpack(data: Any, end: Any, deltas: Any, base: Any, bits: Any, at: Any) -> Any:
    """16 deltas of `bits` each, first in the highest bits; all ones: the byte follows the group."""
    sentinel = (1 << bits) - 1
    per_byte = 8 // bits
    extra = at + _GROUP // per_byte
    if extra > end:
        return -1
    for i in range(_GROUP):
        packed = np.int64(data[at + i // per_byte])
        value = (packed >> (8 - bits * (1 + i % per_byte))) & sentinel
        if value == sentinel:
            if extra >= end:
                return -1
            value = np.int64(data[extra])
            extra += 1
        deltas[base + i] = value
    return extra


#: A row more of the state: where the stream is read next.
_AT = 4


@kernel
def _decode_triangles(data: Any, end: Any, out: Any) -> Any:
    """Fills `out`; returns where it stopped reading, or -1 where the stream is too short."""
    count = out.shape[0]
    edges, queue, state = np.zeros((16, 2), np.int64), np.zeros(16, np.int64), np.zeros(5, np.int64)
    state[_AT] = 1 + count
    for f in range(count):
        if state[_AT] > end:
            return -1
        code = np.int64(data[1 + f])
        if code < 0xF0:
            at = (state[EDGED] - 1 - (code >> 4)) & 15
            a, b = edges[at, 0], edges[at, 1]
            c = _third_corner(data, queue, state, code & 15)
        else:
            a, b, c = _start(data, end, queue, state, code)
            queue_edge(edges, state, b, a)
        queue_edge(edges, state, c, b)
        queue_edge(edges, state, a, c)
        out[f, 0], out[f, 1], out[f, 2] = a, b, c
    return state[_AT]


@inlined
def _fresh(state: Any) -> Any:
    state[FRESH] += 1
    return state[FRESH] - 1


@inlined
def _third_corner(data: Any, queue: Any, state: Any, third: Any) -> Any:
    """The corner across a known edge."""
    if 1 <= third <= 12:
        return queue[(state[QUEUED] - 1 - third) & 15]
    if third == NEW:
        c = _fresh(state)
    elif third == WRITTEN:
        c = _read_index(data, state)
    else:
        c = state[LAST] + (1 if third == 14 else -1)
        state[LAST] = c
    queue_vertex(queue, state, c)
    return c


@inlined
def _start(data: Any, end: Any, queue: Any, state: Any, code: Any) -> Any:
    """The corners of a triangle on no known edge."""
    if code < 0xFE:
        pair = np.int64(data[end + (code & 15)])
    else:
        pair = np.int64(data[state[_AT]])
        state[_AT] += 1
        if pair == 0:  # a pair that the table has, written out: vertices are counted anew
            state[FRESH] = 0
    second, third = pair >> 4, pair & 15
    a = _fresh(state) if code < 0xFF else np.int64(-1)
    b = _fresh(state) if second == NEW else queue[(state[QUEUED] - second) & 15]
    c = _fresh(state) if third == NEW else queue[(state[QUEUED] - third) & 15]
    if code == 0xFF:
        a = _read_index(data, state)
    if second == WRITTEN:
        b = _read_index(data, state)
    if third == WRITTEN:
        c = _read_index(data, state)
    queue_vertex(queue, state, a)
    if second in (NEW, WRITTEN):
        queue_vertex(queue, state, b)
    if third in (NEW, WRITTEN):
        queue_vertex(queue, state, c)
    return a, b, c


@inlined
def _read_index(data: Any, state: Any) -> Any:
    """An index as the zigzag difference from the last one written: at most five bytes of LEB128."""
    value = np.int64(0)
    for n in range(5):
        byte = np.int64(data[state[_AT]])
        state[_AT] += 1
        value |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            break
    state[LAST] += (value >> 1) ^ -(value & 1)
    return state[LAST]
