"""Kernels that relax a surface net: who is linked to whom, and one step of all vertices."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # the package carries no types
from numba import types

from engine.mesh.kernels_bits import inlined, kernel, lowest_bit, operation, popcount
from engine.mesh.kernels_net import ACTIVE, CELLS, EDGE_X, EDGE_Y, EDGE_Z, LAST, NONE, ONE

#: Where the neighbours of a cell lie, in the order of the bits of a link mask.
DIRECTIONS = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], dtype=np.float32)


@kernel
def link(first: int, last: int, bits: Any, before: Any, starts: Any, links: Any, masks: Any) -> None:
    """Write the neighbours of each cell of slices first..last - 1 across those of its faces that are not uniform.

    masks[v]: which of -x +x -y +y -z +z there are, from the lowest bit. links[v]: vertices at -y +y -z +z, or
    len(masks) where there is none; those at -x +x are v - 1 and v + 1.
    """
    height, count = bits.shape[1] - 2, bits.shape[3]
    nowhere = masks.size
    for c in range(first, last):
        down, up = max(c - 1, 0), min(c + 1, bits.shape[0] - 2)
        for b in range(height + 1):
            south, north = max(b - 1, 0), min(b + 1, height)
            v = int(starts[c, b, CELLS])
            for w in range(count):
                active = bits[c, b, ACTIVE, w]
                if active == NONE:
                    continue
                x00, y00, z00 = bits[c, b, EDGE_X, w], bits[c, b, EDGE_Y, w], bits[c, b, EDGE_Z, w]
                x10, z10 = bits[c, b + 1, EDGE_X, w], bits[c, b + 1, EDGE_Z, w]
                x01, y01, x11 = bits[c + 1, b, EDGE_X, w], bits[c + 1, b, EDGE_Y, w], bits[c + 1, b + 1, EDGE_X, w]
                west = y00 | y01 | z00
                east = west >> ONE
                if w + 1 < count:
                    east |= (
                        bits[c, b, EDGE_Y, w + 1] | bits[c + 1, b, EDGE_Y, w + 1] | bits[c, b, EDGE_Z, w + 1]
                    ) << LAST
                face_s, face_n = x00 | x01 | z00, x10 | x11 | z10
                face_d, face_u = x00 | x10 | y00, x01 | x11 | y01
                at_s = starts[c, south, CELLS] + before[c, south, CELLS, w]
                at_n = starts[c, north, CELLS] + before[c, north, CELLS, w]
                at_d = starts[down, b, CELLS] + before[down, b, CELLS, w]
                at_u = starts[up, b, CELLS] + before[up, b, CELLS, w]
                active_s, active_n = bits[c, south, ACTIVE, w], bits[c, north, ACTIVE, w]
                active_d, active_u = bits[down, b, ACTIVE, w], bits[up, b, ACTIVE, w]
                while active != NONE:
                    s = np.uint64(lowest_bit(active))
                    active &= active - ONE
                    below = (ONE << s) - ONE
                    m2, m3, m4, m5 = face_s >> s & ONE, face_n >> s & ONE, face_d >> s & ONE, face_u >> s & ONE
                    sides = (west >> s & ONE) | (east >> s & ONE) << ONE
                    masks[v] = sides | m2 << np.uint64(2) | m3 << np.uint64(3) | m4 << np.uint64(4) | m5 << np.uint64(5)
                    links[v, 0] = at_s + popcount(active_s & below) if m2 else nowhere
                    links[v, 1] = at_n + popcount(active_n & below) if m3 else nowhere
                    links[v, 2] = at_d + popcount(active_d & below) if m4 else nowhere
                    links[v, 3] = at_u + popcount(active_u & below) if m5 else nowhere
                    v += 1


@operation
def relaxed(
    _typing: Any,
    source: Any,
    target: Any,
    _v: Any,
    _neighbours: Any,
    _hold: Any,
    _gain: Any,
    drift: Any,
    _row: Any,
    _limit: Any,
) -> Any:
    """target[v] = clip(hold source[v] + gain Σ source[neighbours] + drift[row], ±limit), four float32 at once.

    LLVM does not find the vector in the plain loop, which is 2.5 times slower.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        four = ir.VectorType(ir.FloatType(), 4)
        nothing = ir.Constant(four, ir.Undefined)
        source, target, v, neighbours, hold, gain, drift, row, limit = range(9)

        def pointer(array: int, index: Any) -> Any:
            data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
            return builder.bitcast(
                builder.gep(data, [builder.shl(index, ir.Constant(index.type, 2))]), four.as_pointer()
            )

        def load(array: int, index: Any) -> Any:
            return builder.load(pointer(array, index), align=4, typ=four)

        def everywhere(scalar: int) -> Any:
            lane = builder.insert_element(nothing, arguments[scalar], ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(lane, nothing, ir.Constant(ir.VectorType(ir.IntType(32), 4), [0] * 4))

        near = [load(source, builder.extract_value(arguments[neighbours], n)) for n in range(6)]
        pairs = [builder.fadd(near[n], near[n + 1]) for n in (0, 2, 4)]
        total = builder.fadd(builder.fadd(pairs[0], pairs[1]), pairs[2])
        moved = builder.fadd(builder.fmul(total, everywhere(gain)), load(drift, arguments[row]))
        moved = builder.fadd(moved, builder.fmul(load(source, arguments[v]), everywhere(hold)))
        most = everywhere(limit)
        least = builder.fneg(most)
        moved = builder.select(builder.fcmp_ordered("<", moved, most), moved, most)
        moved = builder.select(builder.fcmp_ordered(">", moved, least), moved, least)
        builder.store(moved, pointer(target, arguments[v]), align=4)
        return context.get_dummy_value()

    index, number = types.intp, types.float32
    six = types.UniTuple(index, 6)  # type: ignore[no-untyped-call]  # numba leaves its types untyped
    return types.void(source, target, index, six, number, number, drift, index, number), generate


@inlined
def relax(
    first: int,
    last: int,
    links: Any,
    masks: Any,
    hold: float,
    gain: Any,
    drift: Any,
    limit: float,
    source: Any,
    target: Any,
) -> None:
    """Move each of the vertices first..last - 1 a part of the way to the mean of its neighbours, within its limit."""
    nowhere = masks.size
    for v in range(first, last):
        mask = np.intp(masks[v])
        west = v - 1 if mask & 1 else nowhere
        east = v + 1 if mask & 2 else nowhere
        south, north, down, up = np.intp(links[v, 0]), np.intp(links[v, 1]), np.intp(links[v, 2]), np.intp(links[v, 3])
        near = (west, east, south, north, down, up)
        relaxed(source, target, v, near, hold, gain[mask], drift, mask, np.float32(limit))


@inlined
def start(first: int, last: int, masks: Any, drift: Any, limit: float, target: Any) -> None:
    """The first move of the vertices first..last - 1, which all come from the centres of their cells."""
    for v in range(first, last):
        for n in range(4):
            target[v, n] = min(max(drift[masks[v], n], -limit), limit)


@kernel
def relax_tile(
    low: int,
    high: int,
    low_slope: int,
    high_slope: int,
    first_move: int,
    last_move: int,
    heads: Any,
    links: Any,
    masks: Any,
    holds: Any,
    gains: Any,
    drifts: Any,
    limit: float,
    offsets: Any,
) -> None:
    """Moves first_move..last_move - 1 of a tile of slices, slice after slice rather than move after move.

    The n-th of these moves (from 1) covers the slices low + n low_slope to high + n high_slope - 1: see
    `engine.mesh.smooth.smooth`. A slice is moved as soon as the next one has made the move before, so that what is
    read is still in the cache. heads[c]: first vertex of slice c. offsets (2, v + 1, 4) float32 are voxels from the
    cell's centre before even and odd moves; the last row stays 0 and stands for a neighbour that is not there.
    holds (m,), gains (m, 64) and drifts (m, 64, 4) are by move and link mask (`engine.mesh.smooth.step_table`).
    """
    moves = last_move - first_move
    for front in range(low + min(0, moves * low_slope), high + max(0, moves * high_slope) + moves):
        for n in range(1, moves + 1):
            c = front - n + 1
            if c < low + n * low_slope or c >= high + n * high_slope:
                continue
            move = first_move + n - 1
            source, target = offsets[move & 1], offsets[(move + 1) & 1]
            if move == 0:
                start(heads[c], heads[c + 1], masks, drifts[0], limit, target)
            else:
                relax(
                    heads[c], heads[c + 1], links, masks, holds[move], gains[move], drifts[move], limit, source, target
                )
