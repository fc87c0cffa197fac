"""Kernels that take the closed surface of each label out of a net."""

from __future__ import annotations

from typing import Any

from engine.mesh.kernels_bits import inlined, kernel


@kernel
def tally(first: int, last: int, pairs: Any, counts: Any) -> None:
    """Add to counts[label] the quads of first..last - 1 that bound each label."""
    for q in range(first, last):
        counts[pairs[q, 0]] += 1
        counts[pairs[q, 1]] += 1


@kernel
def sort_by_label(first: int, last: int, pairs: Any, places: Any, order: Any) -> None:
    """Write each quad of first..last - 1 to the next place of the labels it bounds: q from inside, ~q from outside.

    A negative place says that the label is not wanted.
    """
    for q in range(first, last):
        for side in range(2):
            label = pairs[q, side]
            place = places[label]
            if place >= 0:
                order[place] = ~q if side else q
                places[label] = place + 1


@inlined
def diagonal_mm2(vertices: Any, one: int, other: int) -> float:
    """Squared distance between two vertices."""
    total = 0.0
    for n in range(3):
        difference = float(vertices[one, n]) - float(vertices[other, n])
        total += difference * difference
    return total


@kernel
def gather(
    order: Any, quads: Any, sheets: Any, vertices: Any, numbers: Any, sources: Any, positions: Any, faces: Any
) -> int:
    """Triangles of one label from the quads in `order`; how many vertices it has.

    numbers[sheet, v]: 1 + the label's vertex there, 0 for none yet; all 0 before and after. sources[n]: where in
    `numbers` vertex n stands. Quads split along the shorter diagonal, judged on the shared vertices, so that both
    labels of a boundary split them alike.
    """
    count = 0
    places = numbers.ravel()
    total = vertices.shape[0]
    for n in range(order.size):
        q = order[n]
        outside = q < 0
        if outside:
            q = ~q
        code = int(sheets[q]) >> 8 if outside else int(sheets[q])
        corners = (0, 0, 0, 0)
        for m in range(4):
            key = (code >> (2 * m) & 3) * total + quads[q, m]
            number = places[key]
            if number == 0:
                sources[count] = key
                for axis in range(3):
                    positions[count, axis] = vertices[quads[q, m], axis]
                count += 1
                number = count
                places[key] = count
            corners = (corners[1], corners[2], corners[3], number - 1)
        v0, v1, v2, v3 = corners
        if outside:
            v1, v3 = v3, v1
        even = diagonal_mm2(vertices, quads[q, 0], quads[q, 2]) <= diagonal_mm2(vertices, quads[q, 1], quads[q, 3])
        faces[2 * n, 0], faces[2 * n, 1], faces[2 * n, 2] = v0, v1, (v2 if even else v3)
        faces[2 * n + 1, 0], faces[2 * n + 1, 1], faces[2 * n + 1, 2] = (v0 if even else v1), v2, v3
    for n in range(count):
        places[sources[n]] = 0
    return count
