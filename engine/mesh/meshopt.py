"""The v0 codec of EXT_meshopt_compression, encoding side.

Written from the extension's published bitstream (Khronos glTF, extensions/2.0/Vendor/EXT_meshopt_compression,
appendix A "Bitstream" and B "Filters"). Every stream decodes bit for bit with the reference decoder.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Int32
from engine.core.errors import InvalidValue
from engine.mesh.kernels_bits import inlined, kernel
from engine.mesh.meshopt_queues import EDGED, FRESH, LAST, NEW, QUEUED, WRITTEN, queue_edge, queue_vertex

UInt8 = NDArray[np.uint8]
Int8 = NDArray[np.int8]

_ATTRIBUTES_HEADER, _TRIANGLES_HEADER, _INDICES_HEADER = 0xA0, 0xE1, 0xD1
#: The baseline element at the end of an attribute stream is padded to this many bytes.
_TAIL_BYTES = 32
_GROUP = 16

#: Triangles that begin a patch, by where their second and third corner come from: 0 is the next new vertex, n the
#: n-th last in the queue. The commonest pairs on organ surfaces in drawing order; the format ends it with two zeros.
_STARTS = np.array(
    [0x00, 0x78, 0x89, 0x8A, 0x67, 0x9A, 0xAB, 0xBC, 0x56, 0x79, 0xCD, 0xAC, 0x9B, 0xDE, 0x00, 0x00], np.uint8
)


def encode_attributes(elements: UInt8) -> bytes:
    """A vertex stream (mode ATTRIBUTES).

    Args:
        elements: (n, stride) bytes of each vertex; the stride is a multiple of 4, at most 256.

    Raises:
        InvalidValue: another stride.
    """
    count, stride = elements.shape
    if stride % 4 or not 4 <= stride <= 256:
        raise InvalidValue(f"a vertex takes a multiple of 4 bytes up to 256, got {stride}")
    groups = count // _GROUP + 2
    # At most all bytes as they are, and a header for up to four groups.
    out = np.empty(1 + stride * groups * (_GROUP + 1) + max(_TAIL_BYTES, stride), np.uint8)
    size = _encode_attributes(np.ascontiguousarray(elements), out)
    return out[:size].tobytes()


def encode_triangles(faces: Int32) -> bytes:
    """A triangle list (mode TRIANGLES). The decoder may return a triangle's corners rotated.

    Args:
        faces: (f, 3) int32, best in the order of `engine.mesh.order.in_drawing_order`.
    """
    # At most a code, a pair and three indices of five bytes each.
    out = np.empty(1 + len(faces) * 17 + len(_STARTS), np.uint8)
    return out[: _encode_triangles(faces, _STARTS, out)].tobytes()


def encode_indices(indices: Int32) -> bytes:
    """A plain index sequence (mode INDICES), (n,) int32."""
    out = np.empty(1 + len(indices) * 5 + 4, np.uint8)
    return out[: _encode_indices(indices, out)].tobytes()


def octahedral(normals: Float32, bits: int = 8) -> Int8:
    """Unit vectors as the OCTAHEDRAL filter takes them.

    Args:
        normals: (n, 3) unit vectors.
        bits: of each component, 4 to 8.

    Returns:
        (n, 4) int8: both octahedral coordinates, what stands for 1, and 0.

    Raises:
        InvalidValue: another number of bits.
    """
    if not 4 <= bits <= 8:
        raise InvalidValue(f"octahedral components of bytes have 4 to 8 bits, got {bits}")
    out = np.zeros((len(normals), 4), np.int8)
    _octahedral(normals, np.float32((1 << (bits - 1)) - 1), out)
    return out


@inlined
def _zigzag_byte(delta: Any) -> Any:
    """A byte difference, taken modulo 256, with its sign moved to the lowest bit."""
    wrapped = delta & 0xFF
    return ((wrapped << 1) ^ 0xFF) & 0xFF if wrapped & 0x80 else wrapped << 1


@kernel
def _encode_attributes(elements: Any, out: Any) -> Any:
    count, stride = elements.shape
    out[0] = _ATTRIBUTES_HEADER
    at = 1
    most = min((8192 // stride) & ~15, 256)
    deltas = np.empty(256, np.uint8)
    for first in range(0, count, most):
        size = min(most, count - first)
        groups = (size + _GROUP - 1) // _GROUP
        for byte in range(stride):
            before = np.int64(elements[max(first - 1, 0), byte])
            for i in range(size):
                value = np.int64(elements[first + i, byte])
                deltas[i] = _zigzag_byte(value - before)
                before = value
            for i in range(size, groups * _GROUP):
                deltas[i] = 0
            at = _encode_groups(deltas, groups, out, at)
    end = at + max(_TAIL_BYTES, stride)
    for i in range(at, end):
        byte = i - (end - stride)  # the baseline ends the tail
        out[i] = elements[0, byte] if byte >= 0 and count else 0
    return end


@inlined
def _encode_groups(deltas: Any, groups: Any, out: Any, at: Any) -> Any:
    """One data block: two bits for each group of 16 deltas, then the groups, each in its shortest form."""
    header = at
    at += (groups + 3) // 4
    for i in range(header, at):
        out[i] = 0
    for g in range(groups):
        mode = _shortest(deltas, g * _GROUP)
        if mode == 3:
            for i in range(_GROUP):
                out[at + i] = deltas[g * _GROUP + i]
            at += _GROUP
        elif mode > 0:
            at = _pack(deltas, g * _GROUP, 2 * mode, out, at)
        out[header + g // 4] |= mode << (2 * (g % 4))
    return at


@inlined
def _shortest(deltas: Any, base: Any) -> Any:
    """Which form takes a group least bytes: 0 all zero, 1 two bits each, 2 four bits each, 3 bytes."""
    over_zero = over_two = over_four = np.int64(0)
    for i in range(base, base + _GROUP):
        over_zero += deltas[i] > 0
        over_two += deltas[i] >= 3
        over_four += deltas[i] >= 15
    two, four = 4 + over_two, 8 + over_four
    if over_zero == 0:
        return 0
    if two <= four and two < _GROUP:
        return 1
    return 2 if four < _GROUP else 3


@inlined
def _pack(deltas: Any, base: Any, bits: Any, out: Any, at: Any) -> Any:
    """16 deltas of `bits` each, first in the highest bits; all ones means that the whole byte follows the group."""
    sentinel = (1 << bits) - 1
    per_byte = 8 // bits
    extra = at + _GROUP // per_byte
    for i in range(0, _GROUP, per_byte):
        packed = 0
        for k in range(per_byte):
            d = np.int64(deltas[base + i + k])
            packed = (packed << bits) | min(d, sentinel)
            if d >= sentinel:
                out[extra] = d
                extra += 1
        out[at] = packed
        at += 1
    return extra


@inlined
def _varint(value: Any, out: Any, at: Any) -> Any:
    """Unsigned LEB128."""
    while value > 0x7F:
        out[at] = (value & 0x7F) | 0x80
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@inlined
def _ago(queue: Any, state: Any, v: Any) -> Any:
    """How many vertices ago `v` was queued, or -1."""
    for i in range(16):
        if queue[(state[QUEUED] - 1 - i) & 15] == v:
            return i
    return -1


@inlined
def _known_edge(edges: Any, state: Any, a: Any, b: Any, c: Any) -> Any:
    """4 * how many edges ago a directed edge of the triangle was queued, plus which (ab, bc, ca); or -1."""
    for i in range(15):
        at = (state[EDGED] - 1 - i) & 15
        p, q = edges[at, 0], edges[at, 1]
        if p == a and q == b:
            return 4 * i
        if p == b and q == c:
            return 4 * i + 1
        if p == c and q == a:
            return 4 * i + 2
    return -1


@kernel
def _encode_triangles(faces: Any, starts: Any, out: Any) -> Any:
    """Code of each triangle, then what codes do not hold, then the table of starts; returns the bytes written."""
    count = faces.shape[0]
    edges, queue, state = np.empty((16, 2), np.int64), np.empty(16, np.int64), np.zeros(4, np.int64)
    for i in range(16):
        edges[i, 0] = edges[i, 1] = queue[i] = -1
    out[0] = _TRIANGLES_HEADER
    at = 1 + count
    for f in range(count):
        a, b, c = np.int64(faces[f, 0]), np.int64(faces[f, 1]), np.int64(faces[f, 2])
        known = _known_edge(edges, state, a, b, c)
        if known >= 0:
            if known & 3 == 1:
                a, b, c = b, c, a
            elif known & 3 == 2:
                a, b, c = c, a, b
            third, at = _third_corner(queue, state, c, out, at)
            out[1 + f] = ((known >> 2) << 4) | third
            queue_edge(edges, state, c, b)
            queue_edge(edges, state, a, c)
            continue
        if b == state[FRESH]:
            a, b, c = b, c, a
        elif c == state[FRESH]:
            a, b, c = c, a, b
        out[1 + f], at = _start(queue, state, starts, a, b, c, out, at)
        queue_edge(edges, state, b, a)
        queue_edge(edges, state, c, b)
        queue_edge(edges, state, a, c)
    for i in range(16):
        out[at + i] = starts[i]
    return at + 16


@inlined
def _third_corner(queue: Any, state: Any, c: Any, out: Any, at: Any) -> Any:
    """The low half of the code for a triangle on a known edge: where its third corner comes from."""
    third = _ago(queue, state, c)
    if 1 <= third <= 12:
        return third, at
    if c == state[FRESH]:
        third = NEW
        state[FRESH] += 1
    else:
        step = c - state[LAST]
        third = 13 if step == -1 else 14 if step == 1 else WRITTEN
        if third == WRITTEN:
            at = _write_index(state, c, out, at)
        state[LAST] = c
    queue_vertex(queue, state, c)
    return third, at


@inlined
def _start(queue: Any, state: Any, starts: Any, a: Any, b: Any, c: Any, out: Any, at: Any) -> Any:
    """The code of a triangle on no known edge; writes the pair of its other corners where the table has it not."""
    new = a == state[FRESH]
    if new:
        state[FRESH] += 1
    second = _other_corner(queue, state, b)
    third = _other_corner(queue, state, c)
    pair = (second << 4) | third
    row = 0
    while row < 14 and starts[row] != pair:
        row += 1
    code = 0xF0 | row if new and row < 14 else 0xFE if new else 0xFF
    if code >= 0xFE:
        out[at] = pair
        at += 1
    if not new:
        at = _write_index(state, a, out, at)
    if second == WRITTEN:
        at = _write_index(state, b, out, at)
    if third == WRITTEN:
        at = _write_index(state, c, out, at)
    queue_vertex(queue, state, a)
    if second in (NEW, WRITTEN):
        queue_vertex(queue, state, b)
    if third in (NEW, WRITTEN):
        queue_vertex(queue, state, c)
    return code, at


@inlined
def _other_corner(queue: Any, state: Any, v: Any) -> Any:
    """Where the second or third corner of a start comes from: 0 new, 1 to 14 the queue, 15 written out."""
    ago = _ago(queue, state, v)
    if 0 <= ago < 14:
        return ago + 1
    if v == state[FRESH]:
        state[FRESH] += 1
        return NEW
    return WRITTEN


@inlined
def _write_index(state: Any, v: Any, out: Any, at: Any) -> Any:
    """An index as the zigzag difference from the last one written."""
    delta = v - state[LAST]
    state[LAST] = v
    return _varint((delta << 1) ^ (delta >> 63), out, at)


@kernel
def _encode_indices(indices: Any, out: Any) -> Any:
    out[0] = _INDICES_HEADER
    at = 1
    last = np.zeros(2, np.int64)
    baseline = 0
    for i in range(len(indices)):
        index = np.int64(indices[i])
        # Two runs spliced together follow a baseline each: change it where the step is long (the encoder's choice).
        if abs(index - last[baseline]) >= 30:
            baseline ^= 1
        delta = index - last[baseline]
        at = _varint((((delta << 1) ^ (delta >> 63)) << 1) | baseline, out, at)
        last[baseline] = index
    for i in range(4):
        out[at + i] = 0
    return at + 4


@kernel
def _octahedral(normals: Any, one: Any, out: Any) -> None:
    for i in range(len(normals)):
        x, y, z = normals[i, 0], normals[i, 1], normals[i, 2]
        total = abs(x) + abs(y) + abs(z)
        scale = np.float32(1) / total if total > 0 else np.float32(0)
        u, v = x * scale, y * scale
        if z < 0:  # the lower half is folded over the diagonals
            u, v = np.copysign(np.float32(1) - abs(v), u), np.copysign(np.float32(1) - abs(u), v)
        out[i, 0] = np.int8(np.rint(u * one))
        out[i, 1] = np.int8(np.rint(v * one))
        out[i, 2] = np.int8(one)
