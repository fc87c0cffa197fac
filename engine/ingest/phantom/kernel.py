"""Kernels that sample a compiled phantom scene.

Space is walked in blocks. For each block every part is proved inside, outside or undecided (sphere
bounds and interval arithmetic over the block), and only undecided parts are evaluated at points.
Each block writes its own voxels, so the result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit

from engine.ingest.phantom.solid import ADDED, CLIPPED, CONE, CUT, ELLIPSOID, FOLDS, HALF_SPACE, KIND, LOFT

Function = TypeVar("Function", bound=Callable[..., Any])


def pointwise(function: Function) -> Function:
    """Compile a function that is called at every point.

    It allocates nothing, so numba need not count references to the arrays it is handed, which would
    otherwise take three quarters of the time.
    """
    return cast(Function, cast(Any, njit)(cache=True, error_model="numpy", _nrt=False)(function))


IN, MIXED, OUT = -1, 0, 1
NONE, PLAIN, INTRICATE = 0, 1, 2
_FAR = 1e9

#: With no more items than this in a block, its plan serves every voxel as it is.
_FEW = 8

#: Texture lattices in millimetres a node.
_FINE_MM = 2.6
_COARSE_MM = 13.0


@pointwise
def _profile(sections: Any, start: int, count: int, z: float, at: Any) -> None:
    """Six reaches and their six z-derivatives at level `z` into `at` (12,)."""
    last = start + count - 1
    if z <= sections[start, 0] or z >= sections[last, 0]:
        end = start if z <= sections[start, 0] else last
        for c in range(6):
            at[c] = sections[end, 1 + c]
            at[6 + c] = 0.0
        return
    n = start
    while sections[n + 1, 0] < z:
        n += 1
    h = sections[n + 1, 0] - sections[n, 0]
    t = (z - sections[n, 0]) / h
    for c in range(6):
        p0, p1 = sections[n, 1 + c], sections[n + 1, 1 + c]
        m0, m1 = sections[n, 7 + c] * h, sections[n + 1, 7 + c] * h
        c2, c3 = 3 * (p1 - p0) - 2 * m0 - m1, 2 * (p0 - p1) + m0 + m1
        at[c] = p0 + t * (m0 + t * (c2 + t * c3))
        at[6 + c] = (m0 + t * (2 * c2 + t * 3 * c3)) / h


@pointwise
def _power(u: float, exponent: float) -> float:
    """u to a multiple of one half; `pow` would take most of the time of a torso."""
    result = np.sqrt(u) if exponent % 1 else 1.0
    for _ in range(int(exponent)):
        result *= u
    return result


@pointwise
def _loft_distance(numbers: Any, index: int, sections: Any, x: float, y: float, z: float, at: Any) -> float:
    """First-order distance (k - 1) / |∇k| of the level function k = (|x/a|^n + |y/b|^n)^(1/n)."""
    exponent, start, count = numbers[index, 0], int(numbers[index, 1]), int(numbers[index, 2])
    _profile(sections, start, count, z, at)
    dx, dy = x - at[0], y - at[1]
    a_at, b_at = (2 if dx < 0 else 3), (4 if dy < 0 else 5)
    a, b = at[a_at], at[b_at]
    u, v = abs(dx) / a, abs(dy) / b
    pu, pv = _power(u, exponent - 1), _power(v, exponent - 1)
    total = u * pu + v * pv
    k = np.sqrt(total) if exponent == 2.0 else total ** (1 / exponent)
    scale = total / max(k, 1e-9)
    ends = max(sections[start, 0] - z, z - sections[start + count - 1, 0])
    if k < 1e-6:
        return max(-min(a, b), ends)
    gx, gy = pu / scale / a, pv / scale / b
    du = (-at[6] if dx > 0 else at[6]) - u * at[6 + a_at]
    dv = (-at[7] if dy > 0 else at[7]) - v * at[6 + b_at]
    gz = gx * du + gy * dv
    return max((k - 1) / np.sqrt(gx * gx + gy * gy + gz * gz), ends)


@pointwise
def _periodic(table: Any, u: float, v: float, w: float) -> float:
    """Trilinear look-up; `table` repeats in all directions and has a power of two of nodes in each."""
    mask = table.shape[0] - 1
    fu, fv, fw = np.floor(u), np.floor(v), np.floor(w)
    a, b, c = u - fu, v - fv, w - fw
    i0, j0, k0 = int(fu) & mask, int(fv) & mask, int(fw) & mask
    i1, j1, k1 = (i0 + 1) & mask, (j0 + 1) & mask, (k0 + 1) & mask
    low = (table[i0, j0, k0] * (1 - a) + table[i1, j0, k0] * a) * (1 - b) + (
        table[i0, j1, k0] * (1 - a) + table[i1, j1, k0] * a
    ) * b
    high = (table[i0, j0, k1] * (1 - a) + table[i1, j0, k1] * a) * (1 - b) + (
        table[i0, j1, k1] * (1 - a) + table[i1, j1, k1] * a
    ) * b
    return low * (1 - c) + high * c


@pointwise
def _cone_distance(q: Any, n: int, x: float, y: float, z: float) -> float:
    """Distance to a rod in space stretched along the flat direction, to first order."""
    ux, uy, uz, stretch = q[n, 8], q[n, 9], q[n, 10], q[n, 11] - 1
    ax, ay, az = q[n, 3] - q[n, 0], q[n, 4] - q[n, 1], q[n, 5] - q[n, 2]
    px, py, pz = x - q[n, 0], y - q[n, 1], z - q[n, 2]
    along_a = stretch * (ax * ux + ay * uy + az * uz)
    along_p = stretch * (px * ux + py * uy + pz * uz)
    ax, ay, az = ax + along_a * ux, ay + along_a * uy, az + along_a * uz
    px, py, pz = px + along_p * ux, py + along_p * uy, pz + along_p * uz
    length = ax * ax + ay * ay + az * az
    t = 0.0 if length == 0.0 else min(1.0, max(0.0, (px * ax + py * ay + pz * az) / length))
    px, py, pz = px - t * ax, py - t * ay, pz - t * az
    norm = np.sqrt(px * px + py * py + pz * pz)
    distance = norm - (q[n, 6] + t * (q[n, 7] - q[n, 6]))
    if stretch == 0.0 or norm < 1e-6:
        return distance
    along = stretch * (px * ux + py * uy + pz * uz) / norm
    gx, gy, gz = px / norm + along * ux, py / norm + along * uy, pz / norm + along * uz
    return distance / np.sqrt(gx * gx + gy * gy + gz * gz)


@pointwise
def _primitive_distance(q: Any, n: int, sections: Any, folds: Any, x: float, y: float, z: float, at: Any) -> float:
    """Signed distance to one primitive, true in sign and to first order near its surface."""
    kind = int(q[n, KIND])
    if kind == CONE:
        return _cone_distance(q, n, x, y, z)
    if kind == LOFT:
        return _loft_distance(q, n, sections, x, y, z, at)
    if kind == HALF_SPACE:
        return q[n, 0] * x + q[n, 1] * y + q[n, 2] * z - q[n, 3]
    px, py, pz = x - q[n, 0], y - q[n, 1], z - q[n, 2]
    if kind == FOLDS:
        radial = np.sqrt((px / q[n, 3]) ** 2 + (py / q[n, 4]) ** 2 + (pz / q[n, 5]) ** 2) + 1e-6
        warp = radial**-0.7 / q[n, 7]
        return abs(_periodic(folds, px * warp, py * warp, pz * warp)) - q[n, 6]
    lx = px * q[n, 3] + py * q[n, 4] + pz * q[n, 5]
    ly = px * q[n, 6] + py * q[n, 7] + pz * q[n, 8]
    lz = px * q[n, 9] + py * q[n, 10] + pz * q[n, 11]
    if kind == ELLIPSOID:
        lx, ly, lz = lx / q[n, 12], ly / q[n, 13], lz / q[n, 14]
        k0 = np.sqrt(lx * lx + ly * ly + lz * lz)
        if k0 < 1e-9:
            return -min(q[n, 12], q[n, 13], q[n, 14])
        return k0 * (k0 - 1) / np.sqrt((lx / q[n, 12]) ** 2 + (ly / q[n, 13]) ** 2 + (lz / q[n, 14]) ** 2)
    ex, ey, ez = abs(lx) - q[n, 12] + q[n, 15], abs(ly) - q[n, 13] + q[n, 15], abs(lz) - q[n, 14] + q[n, 15]
    outside = np.sqrt(max(ex, 0.0) ** 2 + max(ey, 0.0) ** 2 + max(ez, 0.0) ** 2)
    return outside + min(max(ex, ey, ez), 0.0) - q[n, 15]


@pointwise
def _sided(distance: float, reach: float) -> int:
    return OUT if distance > reach else (IN if distance < -reach else MIXED)


@pointwise
def _loft_side(q: Any, index: int, sections: Any, x: float, y: float, z: float, r: float, at: Any) -> int:
    """Interval arithmetic: monotone pieces reach their extremes at ends and at sections between."""
    start, last = int(q[index, 1]), int(q[index, 1]) + int(q[index, 2]) - 1
    if z - r > sections[last, 0] or z + r < sections[start, 0]:
        return OUT
    for c in range(6):
        at[12 + c], at[18 + c] = _FAR, -_FAR
    for n in range(start - 2, last + 1):
        level = z - r if n == start - 2 else (z + r if n == start - 1 else sections[n, 0])
        if abs(level - z) <= r * 1.0000001:
            _profile(sections, start, last - start + 1, level, at)
            for c in range(6):
                at[12 + c], at[18 + c] = min(at[12 + c], at[c]), max(at[18 + c], at[c])
    near, far, exponent = 0.0, 0.0, q[index, 0]
    for axis in range(2):
        p = x if axis == 0 else y
        below, above = p - r - at[18 + axis], p + r - at[12 + axis]
        minus, plus = 2 + 2 * axis, 3 + 2 * axis
        far += _power(max(above / at[12 + plus], -below / at[12 + minus]), exponent)
        if below > 0:
            near += _power(below / at[18 + plus], exponent)
        elif above < 0:
            near += _power(-above / at[18 + minus], exponent)
    if near > 1:
        return OUT
    within = z - r > sections[start, 0] and z + r < sections[last, 0]
    return IN if within and far < 1 else MIXED


@pointwise
def _primitive_side(q: Any, n: int, sections: Any, folds: Any, x: float, y: float, z: float, r: float, at: Any) -> int:
    """Whether all points within `r` of (x, y, z) are in or out of a primitive: never wrong, maybe undecided."""
    kind = int(q[n, KIND])
    if kind == CONE:
        mx, my, mz = (q[n, 0] + q[n, 3]) / 2 - x, (q[n, 1] + q[n, 4]) / 2 - y, (q[n, 2] + q[n, 5]) / 2 - z
        length = np.sqrt((q[n, 3] - q[n, 0]) ** 2 + (q[n, 4] - q[n, 1]) ** 2 + (q[n, 5] - q[n, 2]) ** 2)
        reach = length / 2 + max(q[n, 6], q[n, 7]) + r
        if mx * mx + my * my + mz * mz > reach * reach:
            return OUT
        if q[n, 11] > 1 or r > max(q[n, 6], q[n, 7]):
            return MIXED
        lipschitz = 1 + abs(q[n, 7] - q[n, 6]) / max(length, 1e-6)
        return _sided(_cone_distance(q, n, x, y, z), r * lipschitz)
    if kind == LOFT:
        return _loft_side(q, n, sections, x, y, z, r, at)
    if kind == FOLDS:
        return MIXED
    if kind == ELLIPSOID:
        px, py, pz = x - q[n, 0], y - q[n, 1], z - q[n, 2]
        lx = (px * q[n, 3] + py * q[n, 4] + pz * q[n, 5]) / q[n, 12]
        ly = (px * q[n, 6] + py * q[n, 7] + pz * q[n, 8]) / q[n, 13]
        lz = (px * q[n, 9] + py * q[n, 10] + pz * q[n, 11]) / q[n, 14]
        least = min(q[n, 12], q[n, 13], q[n, 14])
        return _sided((np.sqrt(lx * lx + ly * ly + lz * lz) - 1) * least, r)
    return _sided(_primitive_distance(q, n, sections, folds, x, y, z, at), r)


class Lattice(NamedTuple):
    """Where samples lie, in patient millimetres.

    `origin` (3,) is the position of voxel (0, 0, 0), `steps` (3, 3) the steps along i, j, k as columns,
    `block` (3,) the voxels of a block along i, j, k, `cells` (3,) what a voxel that a surface crosses is
    divided into, `half` half a voxel's diagonal, `width` that of a cell, `edge` a voxel's where it is
    nearly a cube and 0 where it is not.
    """

    origin: Any
    steps: Any
    block: Any
    cells: Any
    half: float
    width: float
    edge: float


class Plan(NamedTuple):
    """What must still be evaluated in one region of space. S solids, I items.

    Attributes:
        side (S,): IN, MIXED or OUT for the whole region.
        base (S,): distance that evaluation of a solid starts from.
        order (S,), work (I,), first (S + 1,): solids to evaluate, and items of each,
            `work[first[m]:first[m + 1]]` being those of solid `order[m]`.
        span (3,): number of solids in `order`, lowest and topmost layer that can show.
    """

    side: Any
    base: Any
    order: Any
    work: Any
    first: Any
    span: Any


@njit(cache=True)
def _blank_plan(scene: Any) -> Plan:
    solids, items = scene.solids.shape[0], scene.items.shape[0]
    return Plan(
        np.zeros(solids, np.int8),
        np.full(solids, _FAR),
        np.zeros(solids, np.int32),
        np.zeros(items, np.int32),
        np.zeros(solids + 1, np.int32),
        np.zeros(3, np.int64),
    )


@njit(cache=True)
def _whole_plan(scene: Any) -> Plan:
    """Everything, everywhere: the parent of all plans."""
    plan = _blank_plan(scene)
    plan.order[:] = np.arange(plan.order.shape[0])
    plan.work[:] = np.arange(plan.work.shape[0])
    plan.first[:] = scene.first_item
    plan.span[0], plan.span[2] = plan.order.shape[0], scene.layers.shape[0] - 1
    return plan


@pointwise
def _refined_solid(
    scene: Any, parent: Plan, m: int, ball: Any, rigorous: bool, child: Plan, filled: int, at: Any
) -> int:
    """Prove one solid in or out of a ball (x, y, z, r); keep its undecided items. Returns how many there are."""
    s = parent.order[m]
    start = filled
    inside = parent.base[s] < 0
    for w in range(parent.first[m], parent.first[m + 1]):
        n = parent.work[w]
        item, role = scene.items[n, 0], scene.items[n, 1]
        if role == ADDED and inside:
            continue
        if item < 0:
            side = child.side[-1 - item]
        else:
            soft = scene.solids[s, 0] if role == ADDED else scene.solids[s, 1]
            r = ball[3] + scene.solids[s, 2] + soft
            if rigorous:
                side = _primitive_side(
                    scene.numbers, item, scene.sections, scene.folds, ball[0], ball[1], ball[2], r, at
                )
            else:
                side = _sided(
                    _primitive_distance(
                        scene.numbers, item, scene.sections, scene.folds, ball[0], ball[1], ball[2], at
                    ),
                    1.5 * r,
                )
        if (role == CUT and side == IN) or (role == CLIPPED and side == OUT):
            child.side[s] = OUT
            return start
        if role == ADDED and side == IN:
            inside = True
            filled = start  # added items come first: none of them matters any more
        elif side == MIXED:
            child.work[filled] = n
            filled += 1
    child.base[s] = -_FAR if inside else _FAR
    reachable = inside or (filled > start and scene.items[child.work[start], 1] == ADDED)
    child.side[s] = OUT if not reachable else (MIXED if filled > start else IN)
    return filled if child.side[s] == MIXED else start


@pointwise
def _refine(scene: Any, parent: Plan, ball: Any, rigorous: bool, child: Plan, at: Any) -> None:
    """The plan of a ball (x, y, z, r) inside the parent's region into `child`."""
    for s in range(parent.side.shape[0]):
        child.side[s], child.base[s] = parent.side[s], parent.base[s]
    count, filled = 0, 0
    for m in range(parent.span[0]):
        stop = _refined_solid(scene, parent, m, ball, rigorous, child, filled, at)
        if stop > filled:
            child.order[count], child.first[count] = parent.order[m], filled
            count, filled = count + 1, stop
    child.first[count] = filled
    child.span[0], child.span[1], child.span[2] = count, parent.span[1], -1
    for layer in range(parent.span[2], parent.span[1] - 1, -1):
        side = child.side[int(scene.layers[layer, 0])]
        if side != OUT:
            child.span[2] = max(child.span[2], layer)
        if side == IN:
            child.span[1] = layer
            break


@pointwise
def _drop_the_hidden(scene: Any, plan: Plan, needed: Any) -> None:
    """Keep only solids that a layer which can show is made of; `needed` (S,) is overwritten."""
    needed[:] = False
    for layer in range(plan.span[1], plan.span[2] + 1):
        needed[int(scene.layers[layer, 0])] = True
    for m in range(plan.span[0] - 1, -1, -1):
        if needed[plan.order[m]]:
            for w in range(plan.first[m], plan.first[m + 1]):
                if scene.items[plan.work[w], 0] < 0:
                    needed[-1 - scene.items[plan.work[w], 0]] = True
    count, filled = 0, 0
    for m in range(plan.span[0]):
        if needed[plan.order[m]]:
            start, stop = plan.first[m], plan.first[m + 1]
            plan.order[count], plan.first[count] = plan.order[m], filled
            for w in range(start, stop):
                plan.work[filled] = plan.work[w]
                filled += 1
            count += 1
    plan.first[count] = filled
    plan.span[0] = count


@pointwise
def _smooth_min(a: float, b: float, width: float) -> float:
    if width <= 0:
        return min(a, b)
    h = max(width - abs(a - b), 0.0) / width
    return min(a, b) - h * h * width / 4


@pointwise
def _evaluate(scene: Any, plan: Plan, x: float, y: float, z: float, d: Any, at: Any) -> None:
    """Signed distances of the solids that `plan` lists into `d` (S,)."""
    for m in range(plan.span[0]):
        s = plan.order[m]
        distance = plan.base[s]
        for w in range(plan.first[m], plan.first[m + 1]):
            item = scene.items[plan.work[w], 0]
            if item < 0:
                part = d[-1 - item]
            elif scene.numbers[item, KIND] == CONE:
                part = _cone_distance(scene.numbers, item, x, y, z)
            else:
                part = _primitive_distance(scene.numbers, item, scene.sections, scene.folds, x, y, z, at)
            role = scene.items[plan.work[w], 1]
            if role == ADDED:
                distance = _smooth_min(distance, part, scene.solids[s, 0])
            else:
                distance = -_smooth_min(-distance, part if role == CUT else -part, scene.solids[s, 1])
        d[s] = distance


@pointwise
def _label(scene: Any, layer: int) -> int:
    return int(scene.layers[layer, 1]) if layer >= 0 else 0


@pointwise
def _winner(scene: Any, plan: Plan, d: Any) -> int:
    """The topmost layer that holds the point, -1 for none."""
    for layer in range(plan.span[2], plan.span[1] - 1, -1):
        s = int(scene.layers[layer, 0])
        if plan.side[s] == IN or (plan.side[s] == MIXED and d[s] < 0):
            return layer
    return -1


@pointwise
def _coverage(distance: float, width: float) -> float:
    """Share of a cell `width` wide that lies inside a plane at `distance` from its centre."""
    return min(1.0, max(0.0, 0.5 - distance / width))


@pointwise
def _appearance(scene: Any, plan: Plan, d: Any, width: float, y: float, tone: Any) -> float:
    """Value of a cell `width` wide: layers seen through one another from the top, each by its coverage."""
    value, through = 0.0, 1.0
    for layer in range(plan.span[2], plan.span[1] - 1, -1):
        s = int(scene.layers[layer, 0])
        if plan.side[s] == OUT:
            continue
        covered, plain = 1.0, 1.0
        if plan.side[s] == MIXED:
            covered = _coverage(d[s], width)
            if scene.layers[layer, 5] > 0:
                plain = _coverage(d[s] + scene.layers[layer, 5], width)
        if covered > 0:
            own = scene.layers[layer, 2] * plain + scene.layers[layer, 6] * (1 - plain)
            own += scene.layers[layer, 3] * tone[0] + scene.layers[layer, 4] * tone[1] + scene.layers[layer, 7] * y
            value += through * covered * own
            through *= 1 - covered
            if through < 1e-3:
                return value / (1 - through)
    return value + through * scene.background


@pointwise
def _plain(scene: Any, layer: int, plan: Plan, d: Any, y: float, tone: Any) -> float:
    """Value of a voxel that no surface crosses."""
    if layer < 0:
        return scene.background
    t = scene.layers
    s = int(scene.layers[layer, 0])
    in_rim = t[layer, 5] > 0 and plan.side[s] == MIXED and d[s] > -t[layer, 5]
    own = t[layer, 6] if in_rim else t[layer, 2]
    return own + t[layer, 3] * tone[0] + t[layer, 4] * tone[1] + t[layer, 7] * y


@pointwise
def _crossing(scene: Any, plan: Plan, d: Any, reach: float) -> int:
    """NONE, PLAIN or INTRICATE: whether surfaces of layers that show pass within `reach`.

    One surface of a thick layer is plain: its distance tells the covered share of the voxel.
    """
    found = NONE
    for layer in range(plan.span[2], plan.span[1] - 1, -1):
        s = int(scene.layers[layer, 0])
        if plan.side[s] == MIXED:
            rim = scene.layers[layer, 5]
            if abs(d[s]) < reach or (rim > 0 and abs(d[s] + rim) < reach):
                if found != NONE or rim > 0 or scene.layers[layer, 8] > 0:
                    return INTRICATE
                found = PLAIN
            elif d[s] < 0:
                break
        elif plan.side[s] == IN:
            break
    return found


@pointwise
def _textured(scene: Any, plan: Plan) -> bool:
    for layer in range(plan.span[1], plan.span[2] + 1):
        if scene.layers[layer, 3] > 0 or scene.layers[layer, 4] > 0:
            return True
    return False


@pointwise
def _flat(scene: Any, plan: Plan) -> bool:
    """Whether what shows in a plan without undecided solids is one number."""
    sloped = plan.span[2] >= 0 and scene.layers[plan.span[2], 7] != 0
    return not sloped and not _textured(scene, plan)


@pointwise
def _place(origin: Any, steps: Any, i: float, j: float, k: float, ball: Any) -> None:
    """Patient position of lattice point (i, j, k) into `ball[:3]`."""
    for c in range(3):
        ball[c] = origin[c] + steps[c, 0] * i + steps[c, 1] * j + steps[c, 2] * k


@pointwise
def _bound(lattice: Lattice, low: Any, high: Any, ball: Any) -> None:
    """The ball (x, y, z, r) about the cells of lattice points `low` (inclusive) to `high` (exclusive)."""
    i, j, k = (low[0] + high[0] - 1) / 2, (low[1] + high[1] - 1) / 2, (low[2] + high[2] - 1) / 2
    _place(lattice.origin, lattice.steps, i, j, k, ball)
    squares = 0.0
    for c in range(3):
        half = 0.0
        for axis in range(3):
            half += abs(lattice.steps[c, axis]) * (high[axis] - low[axis]) / 2
        squares += half * half
    ball[3] = np.sqrt(squares)


@pointwise
def _voxel_mean(
    scene: Any, plan: Plan, steps: Any, ball: Any, cells: Any, width: float, tone: Any, d: Any, at: Any
) -> float:
    """Mean over a voxel about `ball`, divided into `cells` (3,) along i, j, k; `tone` is its (fine, coarse)."""
    total = 0.0
    for n in range(cells[0] * cells[1] * cells[2]):
        u = (n % cells[0] + 0.5) / cells[0] - 0.5
        v = (n // cells[0] % cells[1] + 0.5) / cells[1] - 0.5
        w = (n // (cells[0] * cells[1]) + 0.5) / cells[2] - 0.5
        x = ball[0] + steps[0, 0] * u + steps[0, 1] * v + steps[0, 2] * w
        y = ball[1] + steps[1, 0] * u + steps[1, 1] * v + steps[1, 2] * w
        z = ball[2] + steps[2, 0] * u + steps[2, 1] * v + steps[2, 2] * w
        _evaluate(scene, plan, x, y, z, d, at)
        total += _appearance(scene, plan, d, width, y, tone)
    return total / (cells[0] * cells[1] * cells[2])


@pointwise
def _render_block(
    scene: Any, lattice: Lattice, plan: Plan, spare: Plan, low: Any, high: Any, scratch: Any, values: Any, labels: Any
) -> None:
    """Voxels `low` to `high` of `render`, given the plan of their block; `spare` and `scratch` are overwritten."""
    d, at, ball, tone = scratch
    textured = _textured(scene, plan)
    tone[:] = 0.0
    for k in range(low[2], high[2]):
        for j in range(low[1], high[1]):
            for i in range(low[0], high[0]):
                _place(lattice.origin, lattice.steps, i, j, k, ball)
                _evaluate(scene, plan, ball[0], ball[1], ball[2], d, at)
                layer = _winner(scene, plan, d)
                labels[k, j, i] = _label(scene, layer)
                if textured:
                    x, y, z = ball[0], ball[1], ball[2]
                    tone[0] = _periodic(scene.texture, x / _FINE_MM, y / _FINE_MM, z / _FINE_MM)
                    tone[1] = _periodic(scene.texture, x / _COARSE_MM, y / _COARSE_MM, z / _COARSE_MM)
                # A plane that clips less than a corner's last tenth changes no value that noise would not.
                crossing = _crossing(scene, plan, d, 0.9 * lattice.half)
                if crossing == NONE:
                    values[k, j, i] = _plain(scene, layer, plan, d, ball[1], tone)
                elif crossing == PLAIN and lattice.edge > 0:
                    values[k, j, i] = _appearance(scene, plan, d, lattice.edge, ball[1], tone)
                elif plan.first[plan.span[0]] <= _FEW:
                    values[k, j, i] = _voxel_mean(
                        scene, plan, lattice.steps, ball, lattice.cells, lattice.width, tone, d, at
                    )
                else:
                    ball[3] = lattice.half
                    _refine(scene, plan, ball, False, spare, at)
                    values[k, j, i] = _voxel_mean(
                        scene, spare, lattice.steps, ball, lattice.cells, lattice.width, tone, d, at
                    )


@njit(cache=True)
def _fill_block(scene: Any, plan: Plan, d: Any, low: Any, high: Any, values: Any, labels: Any) -> None:
    """Voxels of a block that is one plain tissue."""
    layer = _winner(scene, plan, d)
    value = scene.layers[layer, 2] if layer >= 0 else scene.background
    label = _label(scene, layer)
    values[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = value
    labels[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = label


@pointwise
def _plan_ball(
    scene: Any, lattice: Lattice, parent: Plan, low: Any, high: Any, child: Plan, ball: Any, at: Any
) -> None:
    """The plan of the ball about lattice points `low` to `high` into `child`; `ball` is overwritten with it."""
    _bound(lattice, low, high, ball)
    _refine(scene, parent, ball, True, child, at)


@njit(cache=True)
def _block_span(n: int, across: Any, lattice: Lattice, corner: Any, stop: Any) -> Any:
    """First lattice point of the n-th block of a region, first axis fastest, and one past its last."""
    place = np.array([n % across[0], n // across[0] % across[1], n // (across[0] * across[1])])
    low = corner + place * lattice.block
    return low, np.minimum(low + lattice.block, stop)


@njit(cache=True)
def _scratch(scene: Any) -> Any:
    """Distances (S,), loft profile (24,), ball (4,), texture (2,)."""
    return np.empty(scene.solids.shape[0]), np.empty(24), np.empty(4), np.empty(2)


@njit(nogil=True, cache=True)
def render_region(scene: Any, lattice: Lattice, corner: Any, stop: Any, values: Any, labels: Any) -> None:
    """Sample values (mean over each voxel) and labels (at each voxel's centre) of one region.

    Regions are worked on side by side by threads of the caller: `prange` would take twice as long to compile.

    Args:
        corner, stop: (3,) int64 first voxel along i, j, k, and one past the last.
        values: (nk, nj, ni) float32, written; labels: the same shape, uint8, written.
    """
    wide, plan, spare = _blank_plan(scene), _blank_plan(scene), _blank_plan(scene)
    scratch = _scratch(scene)
    d, at, ball, _ = scratch
    needed = np.empty(d.shape[0], np.bool_)
    _plan_ball(scene, lattice, _whole_plan(scene), corner, stop, wide, ball, at)
    blocks = -(-(stop - corner) // lattice.block)
    for b in range(blocks.prod()):
        low, high = _block_span(b, blocks, lattice, corner, stop)
        _plan_ball(scene, lattice, wide, low, high, plan, ball, at)
        _drop_the_hidden(scene, plan, needed)
        if plan.span[0] == 0 and _flat(scene, plan):
            _fill_block(scene, plan, d, low, high, values, labels)
        else:
            _render_block(scene, lattice, plan, spare, low, high, scratch, values, labels)


@pointwise
def _scattered(n: np.uint64) -> float:
    """A number in [0, 1) from a counter: the finaliser of SplitMix64 (G. Steele et al., OOPSLA 2014)."""
    n = (n ^ (n >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    n = (n ^ (n >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((n ^ (n >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@pointwise
def _count_block(
    scene: Any, lattice: Lattice, plan: Plan, low: Any, high: Any, salt: int, scratch: Any, counts: Any
) -> None:
    d, at, ball, _ = scratch
    golden = np.uint64(0x9E3779B97F4A7C15)
    for k in range(low[2], high[2]):
        for j in range(low[1], high[1]):
            for i in range(low[0], high[0]):
                cell = np.uint64(((salt * 8192 + k) * 8192 + j) * 8192 + i) * np.uint64(3)
                u = i - 0.5 + _scattered(cell * golden)
                v = j - 0.5 + _scattered((cell + np.uint64(1)) * golden)
                w = k - 0.5 + _scattered((cell + np.uint64(2)) * golden)
                _place(lattice.origin, lattice.steps, u, v, w, ball)
                _evaluate(scene, plan, ball[0], ball[1], ball[2], d, at)
                counts[_label(scene, _winner(scene, plan, d))] += 1


@pointwise
def _shows(scene: Any, plan: Plan, wanted: Any) -> bool:
    """Whether a wanted label can show in a region; 0 is what no layer covers, or one without a label."""
    background = True
    for layer in range(plan.span[1], plan.span[2] + 1):
        side = plan.side[int(scene.layers[layer, 0])]
        if side != OUT and wanted[_label(scene, layer)]:
            return True
        background = background and side != IN
    return background and wanted[0]


@njit(nogil=True, cache=True)
def count_region(scene: Any, lattice: Lattice, corner: Any, stop: Any, wanted: Any, salt: int, counts: Any) -> None:
    """Count cells of the wanted labels in one region into `counts` (labels + 1,) int64.

    Cells are laid out as voxels are, and each is judged at one point scattered in it: unbiased, and
    blind to surfaces that run along the cells. `salt` chooses the points. Counts of labels that are
    not in `wanted` (labels + 1,) are incomplete.
    """
    wide, plan = _blank_plan(scene), _blank_plan(scene)
    scratch = _scratch(scene)
    d, at, ball, _ = scratch
    needed = np.empty(d.shape[0], np.bool_)
    _plan_ball(scene, lattice, _whole_plan(scene), corner, stop, wide, ball, at)
    blocks = -(-(stop - corner) // lattice.block)
    for b in range(blocks.prod()):
        low, high = _block_span(b, blocks, lattice, corner, stop)
        _plan_ball(scene, lattice, wide, low, high, plan, ball, at)
        _drop_the_hidden(scene, plan, needed)
        if not _shows(scene, plan, wanted):
            continue
        if plan.span[0] == 0:
            counts[_label(scene, _winner(scene, plan, d))] += (high - low).prod()
        else:
            _count_block(scene, lattice, plan, low, high, salt, scratch, counts)


@njit(cache=True)
def distances(scene: Any, solid: int, points: Any, out: Any) -> None:
    """Signed distance of one solid at `points` (n, 3) into `out` (n,): for placing things."""
    whole = _whole_plan(scene)
    whole.span[0] = solid + 1
    d, at, _, _ = _scratch(scene)
    for n in range(points.shape[0]):
        _evaluate(scene, whole, points[n, 0], points[n, 1], points[n, 2], d, at)
        out[n] = d[solid]
