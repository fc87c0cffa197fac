"""Kernels that relax a surface net: who is linked to whom, moves of all vertices, and where that leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from engine.mesh.kernels_bits import WORD, inlined, kernel, lowest_bit, operation, popcount
from engine.mesh.kernels_net import ACTIVE, CELLS, EDGE_X, EDGE_Y, EDGE_Z, LAST, NONE, ONE

#: Offsets are int16 in this many parts of a voxel, since a vertex leaves its cell's centre by half a voxel at most. It
#: is half the memory of float32, and sums of neighbours are exact: every device, adding in any order, gets the same.
PARTS_PER_VOXEL = 65532

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
    """target[v] = round(clip(hold source[v] + gain Σ source[neighbours] + drift[row], ±limit)), four lanes at once.

    `source` and `target` are int16, the rest float32. LLVM does not find the vector in the plain loop, which is 2.5
    times slower.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes, parts, sums = (ir.VectorType(kind, 4) for kind in (ir.FloatType(), ir.IntType(16), ir.IntType(32)))
        nothing = ir.Constant(lanes, ir.Undefined)
        source, target, v, neighbours, hold, gain, drift, row, limit = range(9)

        def pointer(array: int, index: Any, kind: Any) -> Any:
            data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
            return builder.bitcast(
                builder.gep(data, [builder.shl(index, ir.Constant(index.type, 2))]), kind.as_pointer()
            )

        def load(index: Any) -> Any:
            return builder.sext(builder.load(pointer(source, index, parts), align=2, typ=parts), sums)

        def everywhere(scalar: int) -> Any:
            lane = builder.insert_element(nothing, arguments[scalar], ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(lane, nothing, ir.Constant(sums, [0] * 4))

        near = [load(builder.extract_value(arguments[neighbours], n)) for n in range(6)]
        pairs = [builder.add(near[n], near[n + 1]) for n in (0, 2, 4)]
        total = builder.sitofp(builder.add(builder.add(pairs[0], pairs[1]), pairs[2]), lanes)
        pull = builder.load(pointer(drift, arguments[row], lanes), align=4, typ=lanes)
        moved = builder.fadd(builder.fmul(total, everywhere(gain)), pull)
        own = builder.sitofp(load(arguments[v]), lanes)
        moved = builder.fadd(moved, builder.fmul(own, everywhere(hold)))
        most = everywhere(limit)
        least = builder.fneg(most)
        moved = builder.select(builder.fcmp_ordered("<", moved, most), moved, most)
        moved = builder.select(builder.fcmp_ordered(">", moved, least), moved, least)
        declare: Any = cgutils.get_or_insert_function  # numba leaves it untyped
        nearest = declare(builder.module, ir.FunctionType(lanes, [lanes]), "llvm.rint.v4f32")
        whole = builder.fptosi(builder.call(nearest, [moved]), sums)
        builder.store(builder.trunc(whole, parts), pointer(target, arguments[v], parts), align=2)
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
            target[v, n] = np.int16(np.rint(min(max(drift[masks[v], n], -limit), limit)))


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
    read is still in the cache. heads[c]: first vertex of slice c. offsets (2, v + 1, 4) int16 are parts of a voxel
    from the cell's centre before even and odd moves; the last row stays 0 and stands for a neighbour that is not there.
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


@kernel
def place(first: int, last: int, bits: Any, starts: Any, matrix: Any, offsets: Any, vertices: Any) -> None:
    """Patient positions of the cells of slices first..last - 1.

    They stand at the centres of their cells, moved by `offsets` where there are any. `matrix` maps padded
    cell numbers to millimetres.
    """
    moved = offsets.size > 0
    part = 1.0 / PARTS_PER_VOXEL
    for c in range(first, last):
        for b in range(bits.shape[1] - 1):
            v = int(starts[c, b, CELLS])
            for w in range(bits.shape[3]):
                active = bits[c, b, ACTIVE, w]
                while active != NONE:
                    x, y, z = float(w * WORD + lowest_bit(active)), float(b), float(c)
                    active &= active - ONE
                    if moved:
                        x, y, z = x + offsets[v, 0] * part, y + offsets[v, 1] * part, z + offsets[v, 2] * part
                    for n in range(3):
                        vertices[v, n] = matrix[n, 0] * x + matrix[n, 1] * y + matrix[n, 2] * z + matrix[n, 3]
                    v += 1
