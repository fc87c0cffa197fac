"""The kernel that holds one tool against all structures: distances, their errors, and how they change."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from guidance.compiled import inlined, kernel
from guidance.margins.kernels.nearest import signed_distance
from guidance.margins.kernels.shaft import deepest, nearest_to_segment
from guidance.margins.kernels.vector import minus

#: What is written for each part: distance, error, approach, its error, surface point, tool point, way out.
DISTANCE, ERROR, APPROACH, APPROACH_ERROR, SURFACE, TOOL, AWAY = 0, 1, 2, 3, 4, 7, 10
WIDTH = 13


class Tree(NamedTuple):
    """Arrays of a `SurfaceTree`, as kernels take them."""

    nodes: Any
    corners: Any
    around: Any
    faces: Any
    vertex_normals: Any
    first_leaf: int
    surface_error_mm: float


@kernel
def near_point(
    tree: Any, p: Any, tolerance: float, hint: int, known: float, moved: float, found: Any
) -> tuple[int, float]:
    """As `signed_distance`, of a tree."""
    return signed_distance(
        tree.nodes,
        tree.corners,
        tree.first_leaf,
        tree.around,
        tree.faces,
        tree.vertex_normals,
        p,
        tolerance,
        hint,
        known,
        moved,
        found,
    )


@kernel
def near_axis(
    tree: Any, a: Any, b: Any, at_a: float, tolerance: float, guess: float, hint: int, found: Any
) -> tuple[int, float, float, float]:
    """Triangle, fraction of the way from a to b, signed distance and its bound of error: where it is least.

    `at_a` is the signed distance at a; `guess` a fraction to begin from where the axis lies within.
    """
    start = (a[0], a[1], a[2])
    way = (b[0] - a[0], b[1] - a[1], b[2] - a[2])
    place, t, distance2 = nearest_to_segment(
        tree.nodes, tree.corners, tree.first_leaf, start, way, tolerance, hint, np.inf, found
    )
    # An axis that goes through an edge between two triangles goes, after rounding, through neither: what touches is
    # looked at for depth like what crosses.
    if at_a > 0.0 and distance2 > tolerance * tolerance:
        return place, t, np.sqrt(distance2), tolerance
    return deepest(
        tree.nodes,
        tree.corners,
        tree.first_leaf,
        tree.around,
        tree.faces,
        tree.vertex_normals,
        start,
        way,
        at_a,
        4.0 * tolerance,
        guess,
        place,
        found,
    )


@inlined
def _write(
    row: Any,
    distance: float,
    radius: float,
    bound: float,
    surface: Any,
    tool: Any,
    covariance: Any,
    centre: Any,
    tip: Any,
    velocity: Any,
    turn: Any,
    deviations: float,
    velocity_error: float,
) -> None:
    """A row of the result, from where a part of the tool is nearest."""
    x, y, z = minus(tool, surface)
    length = np.sqrt(x * x + y * y + z * z)
    vx = velocity[0] + turn[1] * (tool[2] - tip[2]) - turn[2] * (tool[1] - tip[1])
    vy = velocity[1] + turn[2] * (tool[0] - tip[0]) - turn[0] * (tool[2] - tip[2])
    vz = velocity[2] + turn[0] * (tool[1] - tip[1]) - turn[1] * (tool[0] - tip[0])
    speed = np.sqrt(vx * vx + vy * vy + vz * vz)
    if length > 1e-9:
        sign = -1.0 if distance < 0.0 else 1.0
        ux, uy, uz = sign * x / length, sign * y / length, sign * z / length
    elif speed > 0.0:  # on the surface itself no direction is better than that of the movement
        ux, uy, uz = -vx / speed, -vy / speed, -vz / speed
    else:
        ux, uy, uz = 0.0, 0.0, 1.0
    # Of a small turn w about the centre and a small shift s, along u: w . (r x u) + s . u
    rx, ry, rz = tool[0] - centre[0], tool[1] - centre[1], tool[2] - centre[2]
    g = (ry * uz - rz * uy, rz * ux - rx * uz, rx * uy - ry * ux, ux, uy, uz)
    variance = 0.0
    for i in range(6):
        for j in range(6):
            variance += g[i] * covariance[i, j] * g[j]
    row[DISTANCE] = distance - radius
    row[ERROR] = deviations * np.sqrt(max(variance, 0.0)) + bound
    row[APPROACH] = -(vx * ux + vy * uy + vz * uz)
    row[APPROACH_ERROR] = velocity_error
    row[SURFACE], row[SURFACE + 1], row[SURFACE + 2] = surface[0], surface[1], surface[2]
    row[TOOL], row[TOOL + 1], row[TOOL + 2] = tool[0], tool[1], tool[2]
    row[AWAY], row[AWAY + 1], row[AWAY + 2] = ux, uy, uz


@kernel
def measure(
    trees: Any,
    hints: Any,
    guesses: Any,
    before: Any,
    moved_mm: float,
    line: Any,
    radius: float,
    covariance: Any,
    centre: Any,
    deviations: float,
    velocity: Any,
    turn: Any,
    velocity_error: float,
    age_s: float,
    tolerance: float,
    out: Any,
) -> None:
    """Write out[k, 0] for the tip and out[k, 1] for the shaft against tree k.

    `hints` keeps the nearest triangles, `guesses` where along the shaft and `before` the signed distances of the tip,
    for the next time; the tip has since `moved_mm`. What the tool may have moved since it was measured, age times
    speed, is part of the error.
    """
    found, other = np.empty(3), np.empty(3)
    tip = line[0]
    for k in range(len(trees)):
        tree = trees[k]
        hint, distance = near_point(tree, tip, tolerance, hints[k, 0], before[k], moved_mm, found)
        hints[k, 0], before[k] = hint, distance
        reach = tip_moved = 0.0
        for n in range(len(line)):
            dx, dy, dz = line[n, 0] - tip[0], line[n, 1] - tip[1], line[n, 2] - tip[2]
            vx = velocity[0] + turn[1] * dz - turn[2] * dy
            vy = velocity[1] + turn[2] * dx - turn[0] * dz
            vz = velocity[2] + turn[0] * dy - turn[1] * dx
            speed = np.sqrt(vx * vx + vy * vy + vz * vz)
            if n == 0:
                tip_moved = age_s * (speed + velocity_error)
            reach = max(reach, speed)
        moved = age_s * (reach + velocity_error)
        bound = tolerance + tree.surface_error_mm + tip_moved
        _write(
            out[k, 0],
            distance,
            0.0,
            bound,
            found,
            tip,
            covariance,
            centre,
            tip,
            velocity,
            turn,
            deviations,
            velocity_error,
        )
        if len(line) < 2:
            continue
        least, least_error, best, guess = np.inf, 0.0, -1, 0.0
        at, at_hint = distance, hint
        for n in range(len(line) - 1):
            if n:
                at_hint, at = near_point(tree, line[n], tolerance, at_hint, 0.0, 0.0, other)
            begin = hints[k, 1] if hints[k, 1] >= 0 else at_hint
            place, t, axis, error = near_axis(tree, line[n], line[n + 1], at, tolerance, guesses[k], begin, other)
            if axis < least:
                least, least_error = axis, error
                best, guess = place, t
                for i in range(3):
                    out[k, 1, SURFACE + i] = other[i]
                    out[k, 1, TOOL + i] = line[n, i] + t * (line[n + 1, i] - line[n, i])
        hints[k, 1], guesses[k] = best, guess
        for i in range(3):
            found[i], other[i] = out[k, 1, SURFACE + i], out[k, 1, TOOL + i]
        _write(
            out[k, 1],
            least,
            radius,
            least_error + tree.surface_error_mm + moved,
            found,
            other,
            covariance,
            centre,
            tip,
            velocity,
            turn,
            deviations,
            velocity_error,
        )
