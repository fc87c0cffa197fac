"""Kernels that turn labels into a surface net, a range of slices at a time.

Everything is counted in the volume padded by one voxel of background, so that structures which
touch the border are closed there. Padded voxel `a` is voxel `a - 1`; cell (a, b, c) has the eight
padded voxels a..a+1, b..b+1, c..c+1 as corners and its centre at voxel coordinates a - 0.5.

`bits[c, b, plane]` holds one row as words of 64: an edge bit says that two neighbouring voxels
differ, ACTIVE that the cell's corners do, TANGLED that a label may need more than one vertex in
the cell (`engine.mesh.extract_sheets`). A cell's number is the count of active cells before it, so
that a look-up is a popcount and no volume of indices exists.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.mesh.kernels_bits import WORD, differing, inlined, kernel, lowest_bit, popcount

EDGE_X, EDGE_Y, EDGE_Z, ACTIVE, TANGLED = range(5)
PLANES = 5

#: Columns of the counts by row.
CELLS, TANGLES, QUADS = range(3)

#: Columns of the sheet table: by edge, by edge where the cell is pinched on both sides, the pinched face.
ALTERNATIVE, PINCHED = 12, 24

ONE = np.uint64(1)
NONE = np.uint64(0)
LAST = np.uint64(WORD - 1)


@kernel
def load_slice(labels: Any, keep: Any, k: int, padded: Any) -> None:
    """Slice `k` of `labels` into the rows of `padded`; labels not kept become background."""
    depth, height, width = labels.shape
    if k < 0 or k >= depth:
        padded[:] = 0
        return
    for j in range(height):
        row = padded[j + 1]
        for i in range(width):
            row[i + 1] = labels[k, j, i]
        if keep.size > 0:
            for i in range(width):
                row[i + 1] = keep[row[i + 1]]


@kernel
def compare_slice(padded: Any, words: Any) -> None:
    """EDGE_X and EDGE_Y of one padded slice."""
    rows, stride = padded.shape
    flat = padded.ravel()
    for b in range(rows):
        for w in range(words.shape[2]):
            start = b * stride + w * WORD
            words[b, EDGE_X, w] = differing(flat, start, start + 1)
            words[b, EDGE_Y, w] = differing(flat, start, start + stride) if b + 1 < rows else NONE


@inlined
def next_bits(row: Any, w: int) -> Any:
    """The word whose bit a is bit a + 1 of the row."""
    return row[w] >> ONE | (row[w + 1] << LAST if w + 1 < row.size else NONE)


@inlined
def tangled_cells(near: Any, far: Any, z0: Any, z1: Any, w: int) -> Any:
    """Cells of a word with four differing edges round a face, or with opposite corners that both stand alone.

    `near` and `far` are [row b or b + 1, plane, word] of slices c and c + 1; `z0`, `z1` are EDGE_Z of the two rows.
    """
    x00, x10, x01, x11 = near[0, EDGE_X, w], near[1, EDGE_X, w], far[0, EDGE_X, w], far[1, EDGE_X, w]
    y00, y01 = near[0, EDGE_Y, w], far[0, EDGE_Y, w]
    y10, y11 = next_bits(near[0, EDGE_Y], w), next_bits(far[0, EDGE_Y], w)
    z00, z01 = z0[w], z1[w]
    z10, z11 = next_bits(z0, w), next_bits(z1, w)
    faces = (x00 & x10 & y00 & y10) | (x01 & x11 & y01 & y11)
    faces |= (x00 & x01 & z00 & z10) | (x10 & x11 & z01 & z11)
    faces |= (y00 & y01 & z00 & z01) | (y10 & y11 & z10 & z11)
    corners = (x00 & y00 & z00 & x11 & y11 & z11) | (x00 & y10 & z10 & x11 & y01 & z01)
    corners |= (x10 & y00 & z01 & x01 & y11 & z10) | (x10 & y10 & z11 & x01 & y01 & z00)
    return faces | corners


@kernel
def classify_row(bits: Any, before: Any, rows: Any, near: Any, far: Any, c: int, b: int) -> None:
    """ACTIVE, TANGLED and counts of one row of cells, from the edges of the rows round it."""
    z0, z1 = bits[c, b, EDGE_Z], bits[c, b + 1, EDGE_Z]
    cells, quads, tangles = 0, 0, 0
    for w in range(z0.size):
        # Seven edges span the eight corners: the corners are equal when these are.
        owned = near[0, EDGE_X, w] | near[0, EDGE_Y, w] | z0[w]
        active = owned | near[1, EDGE_X, w] | far[0, EDGE_X, w] | far[1, EDGE_X, w] | far[0, EDGE_Y, w]
        tangled = tangled_cells(near, far, z0, z1, w) if active != NONE else NONE
        bits[c, b, ACTIVE, w] = active
        bits[c, b, TANGLED, w] = tangled
        before[c, b, CELLS, w] = cells
        before[c, b, TANGLES, w] = tangles
        if active != NONE:
            cells += popcount(active)
            tangles += popcount(tangled)
            quads += popcount(near[0, EDGE_X, w]) + popcount(near[0, EDGE_Y, w]) + popcount(z0[w])
    rows[c, b, CELLS], rows[c, b, TANGLES], rows[c, b, QUADS] = cells, tangles, quads


@kernel
def classify(labels: Any, keep: Any, first: int, last: int, bits: Any, before: Any, rows: Any) -> None:
    """Fill the slices first..last - 1 of `bits`, and of the counts below.

    rows[c, b]: active cells, tangled cells and quads of the row. before[c, b]: the first two, before each word.
    """
    height = labels.shape[1]
    count = bits.shape[3]
    stride = (count + 1) * WORD
    padded = np.zeros((2, height + 2, stride), labels.dtype)
    words = np.zeros((2, height + 2, 2, count), np.uint64)
    flat = padded.ravel()
    load_slice(labels, keep, first - 1, padded[first & 1])
    compare_slice(padded[first & 1], words[first & 1])
    for c in range(first, last):
        here, there = c & 1, (c + 1) & 1
        load_slice(labels, keep, c, padded[there])
        compare_slice(padded[there], words[there])
        across = (there - here) * (height + 2) * stride
        for b in range(height + 2):
            for w in range(count):
                start = (here * (height + 2) + b) * stride + w * WORD
                bits[c, b, EDGE_X, w] = words[here, b, EDGE_X, w]
                bits[c, b, EDGE_Y, w] = words[here, b, EDGE_Y, w]
                bits[c, b, EDGE_Z, w] = differing(flat, start, start + across)
        for b in range(height + 1):
            classify_row(bits, before, rows, words[here, b : b + 2], words[there, b : b + 2], c, b)
    if last == bits.shape[0] - 1:
        bits[last] = 0


@inlined
def label_at(labels: Any, keep: Any, a: int, b: int, c: int) -> int:
    """Label of padded voxel (a, b, c); 0 outside the volume and for labels not kept."""
    depth, height, width = labels.shape
    if a < 1 or b < 1 or c < 1 or a > width or b > height or c > depth:
        return 0
    label = labels[c - 1, b - 1, a - 1]
    return int(keep[label]) if keep.size > 0 else int(label)


@inlined
def corner_mask(labels: Any, keep: Any, a: int, b: int, c: int, label: int) -> int:
    """Which of the eight corners of cell (a, b, c) have `label`: bit dx + 2 dy + 4 dz."""
    mask = 0
    for n in range(8):
        if label_at(labels, keep, a + (n & 1), b + (n >> 1 & 1), c + (n >> 2)) == label:
            mask |= 1 << n
    return mask


@inlined
def sheet_column(labels: Any, keep: Any, table: Any, a: int, b: int, c: int, label: int, mask: int) -> int:
    """Column of `table[mask]` where the sheets of `label` in cell (a, b, c) begin."""
    face = int(table[mask, PINCHED])
    if face > 5 or label == 0:
        return 0
    side = 2 * (face & 1) - 1
    a += side if face >> 1 == 0 else 0
    b += side if face >> 1 == 1 else 0
    c += side if face >> 1 == 2 else 0
    beyond = int(table[corner_mask(labels, keep, a, b, c, label), PINCHED])
    return ALTERNATIVE if beyond == face ^ 1 else 0


@kernel
def untangle(
    labels: Any, keep: Any, table: Any, edges: Any, first: int, last: int, bits: Any, starts: Any, codes: Any
) -> None:
    """Write the code of each tangled cell of slices first..last - 1.

    Bits 4 e and 4 e + 1 of a code: which of its vertices, 0 to 3, the label at the lower corner of edge e uses for the
    quad across it; the next two bits: the label at the upper corner. `edges` (12, 2) has the corners of each edge.
    """
    corners = np.empty(8, np.int64)
    masks = np.empty(8, np.int64)
    columns = np.empty(8, np.int64)
    for c in range(first, last):
        for b in range(bits.shape[1] - 1):
            at = int(starts[c, b, TANGLES])
            for w in range(bits.shape[3]):
                tangled = bits[c, b, TANGLED, w]
                while tangled != NONE:
                    a = w * WORD + lowest_bit(tangled)
                    tangled &= tangled - ONE
                    for n in range(8):
                        corners[n] = label_at(labels, keep, a + (n & 1), b + (n >> 1 & 1), c + (n >> 2))
                    for n in range(8):
                        masks[n] = 0
                        for m in range(8):
                            masks[n] |= int(corners[m] == corners[n]) << m
                        first_alike = lowest_bit(np.uint64(masks[n]))
                        if first_alike < n:
                            columns[n] = columns[first_alike]
                        else:
                            columns[n] = sheet_column(labels, keep, table, a, b, c, corners[n], masks[n])
                    code = NONE
                    for e in range(12):
                        low, high = edges[e, 0], edges[e, 1]
                        pair = table[masks[low], columns[low] + e] | table[masks[high], columns[high] + e] << 2
                        code |= np.uint64(pair) << np.uint64(4 * e)
                    codes[at] = code
                    at += 1


@kernel
def quad_sheets(bits: Any, before: Any, starts: Any, codes: Any, a: int, b: int, c: int, axis: int, upper: bool) -> int:
    """Sheets of the four cells round an edge, two bits each: the inside label's in the low byte, then the outside's.

    `upper` says that the inside label is at the upper corner of the edge.
    """
    sheets = 0
    for n in range(4):
        # (u, v) say how far the cell is from the first one along the two axes that follow `axis` cyclically.
        u, v = int(n == 1 or n == 2), n >> 1
        if axis == 0:
            ca, cb, cc, edge = a, b - 1 + u, c - 1 + v, (1 - u) + 2 * (1 - v)
        elif axis == 1:
            ca, cb, cc, edge = a - 1 + v, b, c - 1 + u, 4 + (1 - v) + 2 * (1 - u)
        else:
            ca, cb, cc, edge = a - 1 + u, b - 1 + v, c, 8 + (1 - u) + 2 * (1 - v)
        w, bit = ca >> 6, np.uint64(ca & 63)
        tangled = bits[cc, cb, TANGLED, w]
        if tangled >> bit & ONE:
            at = starts[cc, cb, TANGLES] + before[cc, cb, TANGLES, w] + popcount(tangled & ((ONE << bit) - ONE))
            pair = int(codes[at] >> np.uint64(4 * edge)) & 15
            low, high = pair & 3, pair >> 2
            sheets |= (high if upper else low) << (2 * n) | (low if upper else high) << (8 + 2 * n)
    return sheets


@inlined
def reversed_sheets(sheets: int) -> int:
    """`sheets` after the second and fourth corners change places."""
    return (sheets & 0x3333) | (sheets & 0x0C0C) << 4 | (sheets & 0xC0C0) >> 4


@kernel
def stitch(
    labels: Any,
    keep: Any,
    codes: Any,
    mirrored: bool,
    first: int,
    last: int,
    bits: Any,
    before: Any,
    starts: Any,
    quads: Any,
    pairs: Any,
    sheets: Any,
    voxels: Any,
) -> None:
    """Write the quads whose highest cell lies in slices first..last - 1, in the order of that cell, then of the axis.

    The first corner is the lowest cell, the third the highest; seen from the side of the lesser label they run
    counter-clockwise. `mirrored` says that the voxel axes are left-handed in the patient. voxels[label] gathers, over
    all slabs, how many voxels each label has: where its runs along x end less where they begin.
    """
    for c in range(first, last):
        down = max(c - 1, 0)
        for b in range(bits.shape[1] - 1):
            south = max(b - 1, 0)
            vertex, quad = int(starts[c, b, CELLS]), int(starts[c, b, QUADS])
            for w in range(bits.shape[3]):
                active = bits[c, b, ACTIVE, w]
                if active == NONE:
                    continue
                edge_x, edge_y, edge_z = bits[c, b, EDGE_X, w], bits[c, b, EDGE_Y, w], bits[c, b, EDGE_Z, w]
                at_s = starts[c, south, CELLS] + before[c, south, CELLS, w]
                at_d = starts[down, b, CELLS] + before[down, b, CELLS, w]
                at_sd = starts[down, south, CELLS] + before[down, south, CELLS, w]
                active_s, active_d = bits[c, south, ACTIVE, w], bits[down, b, ACTIVE, w]
                active_sd = bits[down, south, ACTIVE, w]
                down_or_here = bits[c, b, TANGLED, w] | bits[down, b, TANGLED, w]
                south_or_here = bits[c, b, TANGLED, w] | bits[c, south, TANGLED, w]
                tangled_x = down_or_here | south_or_here | bits[down, south, TANGLED, w]
                tangled_y, tangled_z = down_or_here | down_or_here << ONE, south_or_here | south_or_here << ONE
                if w > 0:
                    tangled_y |= (bits[c, b, TANGLED, w - 1] | bits[down, b, TANGLED, w - 1]) >> LAST
                    tangled_z |= (bits[c, b, TANGLED, w - 1] | bits[c, south, TANGLED, w - 1]) >> LAST
                owners = edge_x | edge_y | edge_z
                at = vertex
                vertex += popcount(active)
                while owners != NONE:
                    bit = lowest_bit(owners)
                    owners &= owners - ONE
                    s = np.uint64(bit)
                    below = (ONE << s) - ONE
                    a = w * WORD + bit
                    v = at + popcount(active & below)
                    v_s = at_s + popcount(active_s & below)
                    v_d = at_d + popcount(active_d & below)
                    label = label_at(labels, keep, a, b, c)
                    for axis in range(3):
                        if axis == 0:
                            if edge_x >> s & ONE == NONE:
                                continue
                            other = label_at(labels, keep, a + 1, b, c)
                            q0, q1, q3 = at_sd + popcount(active_sd & below), v_d, v_s
                            voxels[label] += a
                            voxels[other] -= a
                            tangled = tangled_x >> s & ONE
                        elif axis == 1:
                            if edge_y >> s & ONE == NONE:
                                continue
                            other = label_at(labels, keep, a, b + 1, c)
                            q0, q1, q3 = v_d - 1, v - 1, v_d
                            tangled = tangled_y >> s & ONE
                        else:
                            if edge_z >> s & ONE == NONE:
                                continue
                            other = label_at(labels, keep, a, b, c + 1)
                            q0, q1, q3 = v_s - 1, v_s, v - 1
                            tangled = tangled_z >> s & ONE
                        inside, outside = max(label, other), min(label, other)
                        sheet = 0
                        if tangled != NONE:
                            sheet = quad_sheets(bits, before, starts, codes, a, b, c, axis, label < other)
                            if outside == 0:
                                sheet &= 0xFF
                        if (label < other) != mirrored:
                            q1, q3 = q3, q1
                            sheet = reversed_sheets(sheet)
                        quads[quad, 0], quads[quad, 1], quads[quad, 2], quads[quad, 3] = q0, q1, v, q3
                        pairs[quad, 0], pairs[quad, 1] = inside, outside
                        sheets[quad] = sheet
                        quad += 1
