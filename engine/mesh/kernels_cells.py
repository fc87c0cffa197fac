"""Kernels that take nets of cells apart and put them together, in one walk over what is there."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.mesh.kernels_bits import inlined, kernel


@inlined
def key_of(cells: Any, v: int) -> Any:
    """One number for a cell, ascending i fastest: 21 bits an axis."""
    return (int(cells[v, 2]) << 42) + (int(cells[v, 1]) << 21) + int(cells[v, 0])


@kernel
def choose(quads: Any, cells: Any, low: Any, high: Any, chosen: Any) -> int:
    """Write the numbers of the quads owned by cells low..high - 1; how many there are."""
    count = 0
    for q in range(quads.shape[0]):
        v = quads[q, 2]
        inside = True
        for axis in range(3):
            inside &= low[axis] <= cells[v, axis] < high[axis]
        if inside:
            chosen[count] = q
            count += 1
    return count


@inlined
def is_marked(cells: Any, v: int, edge: int, first: Any, mask: Any, rim: int) -> bool:
    """Whether a block that is marked in `mask` lies within `rim` (0 or 1) cells of a cell."""
    for axis in range(3):  # most are nowhere near
        low, high = first[axis] * edge - rim, (first[axis] + mask.shape[axis]) * edge + rim
        if not low <= cells[v, axis] < high:
            return False
    for corner in range(8 if rim else 1):
        inside = True
        b0, b1, b2 = 0, 0, 0
        for axis in range(3):
            shift = 2 * (corner >> axis & 1) - 1 if rim else 0
            b = (int(cells[v, axis]) + shift) // edge - first[axis]
            inside &= 0 <= b < mask.shape[axis]
            if axis == 0:
                b0 = b
            elif axis == 1:
                b1 = b
            else:
                b2 = b
        if inside and mask[b0, b1, b2]:
            return True
    return False


@kernel
def choose_marked(
    quads: Any, cells: Any, labels: Any, label: int, edge: int, first: Any, mask: Any, rim: int, chosen: Any
) -> int:
    """As `choose`, of the quads of one label, or (0) of any, whose owners lie within `rim` cells of marked blocks.

    edge: cells along the edge of a block. first: the block with which `mask` begins.
    """
    count = 0
    for q in range(quads.shape[0]):
        if label != 0 and labels[q, 0] != label and labels[q, 1] != label:
            continue
        if is_marked(cells, quads[q, 2], edge, first, mask, rim):
            chosen[count] = q
            count += 1
    return count


@inlined
def mixed(number: Any) -> Any:
    """A number of 64 bits whose every bit depends on every bit of another (splitmix64; Steele, Lea, Flood 2014)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@kernel
def digest(
    quads: Any, cells: Any, offsets: Any, labels: Any, sheets: Any, chosen: Any, edge: int, first: Any, sums: Any
) -> None:
    """Add the chosen quads to sums[i, j, k, column] of their owners' blocks, counted from `first`.

    labels (n, 2): columns of both sides of each chosen quad.

    Sums of mixed numbers: the same for the same quads in any order, and different otherwise but once in 2^64.
    """
    for n in range(chosen.size):
        q = chosen[n]
        number = np.uint64(sheets[q])
        for m in range(4):
            v = quads[q, m]
            number = mixed(number ^ np.uint64(key_of(cells, v)))
            place = np.uint64(0)
            for axis in range(3):
                place = (place << np.uint64(16)) | np.uint64(int(offsets[v, axis]) + 32768)
            number = mixed(number ^ place)
        owner = quads[q, 2]
        i = int(cells[owner, 0]) // edge - first[0]
        j = int(cells[owner, 1]) // edge - first[1]
        k = int(cells[owner, 2]) // edge - first[2]
        sums[i, j, k, labels[n, 0]] += mixed(number ^ np.uint64(labels[n, 1]))
        sums[i, j, k, labels[n, 1]] += mixed(number + np.uint64(labels[n, 0]))


@kernel
def renumber(quads: Any, chosen: Any, numbers: Any, used: Any, out: Any) -> int:
    """The chosen quads with their vertices numbered anew in the old order; how many vertices there are.

    numbers (v,): 0 before, 1 + the new number of each used vertex after. used: the old number of each new vertex.
    """
    for n in range(chosen.size):
        for m in range(4):
            numbers[quads[chosen[n], m]] = 1
    count = 0
    for v in range(numbers.size):
        if numbers[v]:
            used[count] = v
            count += 1
            numbers[v] = count
    for n in range(chosen.size):
        for m in range(4):
            out[n, m] = numbers[quads[chosen[n], m]] - 1
    return count


@kernel
def merge_vertices(a: Any, b: Any, a_to: Any, b_to: Any, source: Any) -> int:
    """Merge two lists of cells, each ascending; how many different ones there are.

    a_to, b_to: the place of each. source: where the vertex of each place comes from, ~n for n of `a`, n of `b`; cells
    of both come from `b`.
    """
    i, j, count = 0, 0, 0
    while i < a.shape[0] or j < b.shape[0]:
        first = key_of(a, i) if i < a.shape[0] else key_of(b, j) + 1
        second = key_of(b, j) if j < b.shape[0] else first + 1
        source[count] = j if second <= first else ~i
        if first <= second:
            a_to[i] = count
            i += 1
        if second <= first:
            b_to[j] = count
            j += 1
        count += 1
    return count


@kernel
def merge_quads(a: Any, b: Any, a_to: Any, b_to: Any, quads: Any, source: Any) -> None:
    """Quads of both, corners renumbered, ascending by their third corner; `source` as in `merge_vertices`."""
    i, j = 0, 0
    for n in range(a.shape[0] + b.shape[0]):
        takes_b = i == a.shape[0] or (j < b.shape[0] and b_to[b[j, 2]] < a_to[a[i, 2]])
        source[n] = j if takes_b else ~i
        for m in range(4):
            quads[n, m] = b_to[b[j, m]] if takes_b else a_to[a[i, m]]
        if takes_b:
            j += 1
        else:
            i += 1


@kernel
def pick_rows(a: Any, b: Any, source: Any, rows: Any) -> None:
    """Row n of `rows`: row source[n] of `b`, or row ~source[n] of `a`."""
    for n in range(source.size):
        for m in range(rows.shape[1]):
            rows[n, m] = b[source[n], m] if source[n] >= 0 else a[~source[n], m]
