"""Signed distance fields on any torch device: the same seeds, signs and bound as on the CPU (`engine.mesh.field`).

Nearest points are handed on by jump flooding (Rong and Tan, "Jump flooding in GPU with applications to Voronoi diagram
and distance transform", 2006), where a CPU goes from voxel to voxel. Every step picks by distance and then by the lower
number of a triangle, so that threads that come in another order change nothing.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from engine.mesh.field import Triangles

#: Pairs of a triangle and a voxel looked at in one go.
_CHUNK = 1 << 20
_SIX = ((0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0))


def signed_distances(triangles: Triangles, shape: tuple[int, int, int], rounds: int, device: Any) -> torch.Tensor:
    """(ni, nj, nk) float32 on `device`."""
    ni, nj, nk = shape
    corners = torch.tensor(triangles.corners_mm, device=device)
    steps = torch.tensor(triangles.steps_mm, device=device)
    places = _places(steps, (nk, nj, ni))
    owner, exact = _seeded(triangles, corners, places, (nk, nj, ni))
    owner = _flooded(owner, corners, places)
    square = _squares(corners, owner, places)
    for _ in range(rounds):
        owner, square = _closer(owner, square, corners, places, 1, _SIX)
    square = torch.where(exact <= triangles.exact_mm**2, exact, square)
    winds = _turns(torch.tensor(triangles.voxels, device=device), (nk, nj, ni)).cumsum(dim=2)
    distance = square.sqrt().to(torch.float32)
    return torch.where(winds != 0, -distance, distance).permute(2, 1, 0)


def _places(steps: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """(nk, nj, ni, 3) where voxels are."""
    axes = [torch.arange(n, dtype=torch.float64, device=steps.device) for n in shape]
    k, j, i = torch.meshgrid(*axes, indexing="ij")
    return i[..., None] * steps[:, 0] + j[..., None] * steps[:, 1] + k[..., None] * steps[:, 2]


def _seeded(
    triangles: Triangles, corners: torch.Tensor, places: torch.Tensor, shape: tuple[int, int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest triangle of each voxel near one, -1 elsewhere, and its squared distance."""
    device, count = corners.device, len(corners)
    lows, highs = (torch.tensor(v, device=device) for v in (triangles.lows, triangles.highs))
    square = torch.full(shape, torch.inf, dtype=torch.float64, device=device).ravel()
    owner = torch.full_like(square, count, dtype=torch.int64)
    room = (triangles.highs - triangles.lows).max(axis=0).tolist()
    offsets = torch.tensor(list(product(*(range(n + 1) for n in room))), device=device)
    flat = places.reshape(-1, 3)
    size = max(1, _CHUNK // len(offsets))
    # Twice: who is nearest, and then the first of those that are equally near.
    for chooses in (False, True):
        for first in range(0, count, size):
            t = torch.arange(first, min(first + size, count), device=device)
            ijk = lows[t][:, None] + offsets
            valid = (ijk <= highs[t][:, None]).all(dim=-1)
            voxel = ((ijk[..., 2] * shape[1] + ijk[..., 1]) * shape[2] + ijk[..., 0])[valid]
            t = t[:, None].expand(valid.shape)[valid]
            found = _triangle_squares(corners[t], flat[voxel])
            if chooses:
                ties = found == square[voxel]
                owner.scatter_reduce_(0, voxel[ties], t[ties], "amin")
            else:
                square.scatter_reduce_(0, voxel, found, "amin")
    owner[owner == count] = -1
    return owner.reshape(shape), square.reshape(shape)


def _flooded(owner: torch.Tensor, corners: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    around = [step for step in product((-1, 0, 1), repeat=3) if any(step)]
    square = torch.full(owner.shape, torch.inf, dtype=torch.float64, device=owner.device)
    known = owner >= 0
    square[known] = _triangle_squares(corners[owner[known]], places[known])
    jump = 1 << max(max(owner.shape) - 1, 1).bit_length() - 1
    while jump:
        owner, square = _closer(owner, square, corners, places, jump, around)
        jump //= 2
    return owner


def _squares(corners: torch.Tensor, owner: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return _triangle_squares(corners[owner.ravel()], places.reshape(-1, 3)).reshape(owner.shape)


def _closer(
    owner: torch.Tensor, square: torch.Tensor, corners: torch.Tensor, places: torch.Tensor, jump: int, around: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each voxel's nearest triangle among its own and those of the voxels `jump` times `around` away."""
    best, nearest = owner.clone(), square.clone()
    for step in around:
        here, there = zip(*(_overlap(n, jump * d) for n, d in zip(owner.shape, step, strict=True)), strict=True)
        other, own, now, at = owner[there], best[here], nearest[here], places[here]
        asked = (other >= 0) & (other != own)
        found = torch.full_like(now, torch.inf)
        found[asked] = _triangle_squares(corners[other[asked]], at[asked])
        better = (found < now) | ((found == now) & (other < own) & asked)
        best[here] = torch.where(better, other, own)
        nearest[here] = torch.where(better, found, now)
    return best, nearest


def _overlap(length: int, by: int) -> tuple[slice, slice]:
    """What has a neighbour `by` farther on, and that neighbour; both empty where nothing has."""
    by = max(-length, min(length, by))
    return slice(max(-by, 0), length - max(by, 0)), slice(max(by, 0), length + min(by, 0))


def _triangle_squares(corners: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """(n,) squared distances of (n, 3) points to (n, 3, 3) triangles: within to its plane, else to an edge."""
    a, b, c = corners.unbind(dim=1)
    normal = torch.linalg.cross(b - a, c - a)
    size2 = _dot(normal, normal)
    inside = size2 > 0
    edges = torch.full_like(size2, torch.inf)
    for one, two in ((a, b), (b, c), (c, a)):
        side, away = two - one, points - one
        inside &= _dot(torch.linalg.cross(side, away), normal) >= 0
        length2 = _dot(side, side)
        share = (_dot(away, side) / torch.where(length2 > 0, length2, 1.0)).clamp(0.0, 1.0)
        foot = away - share[:, None] * side
        edges = torch.minimum(edges, _dot(foot, foot))
    height = _dot(points - a, normal)
    return torch.where(inside, height * height / torch.where(inside, size2, 1.0), edges)


def _dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def _turns(voxels: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """As `engine.mesh.kernels_field.wind`."""
    nk, nj, ni = shape
    jk = voxels[..., 1:]
    a, b, c = jk.unbind(dim=1)
    double = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low, high = jk.amin(dim=1).ceil(), jk.amax(dim=1).floor()
    turns = torch.zeros(nk * nj * (ni + 1), dtype=torch.int32, device=voxels.device)
    room = (high - low).amax(dim=0).clamp(min=0).to(torch.int64).tolist()
    for dj, dk in product(range(room[0] + 1), range(room[1] + 1)):
        row = low + torch.tensor([dj, dk], dtype=low.dtype, device=low.device)
        one, two, three = _left(a, b, row), _left(b, c, row), _left(c, a, row)
        within = (row >= 0).all(dim=1) & (row <= high).all(dim=1) & (row[:, 0] < nj) & (row[:, 1] < nk)
        hit = within & (one == two) & (one == three) & (double != 0)
        r, p, q, s, area = row[hit], a[hit], b[hit], c[hit], double[hit]
        u = ((r[:, 0] - p[:, 0]) * (s[:, 1] - p[:, 1]) - (r[:, 1] - p[:, 1]) * (s[:, 0] - p[:, 0])) / area
        v = ((q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (q[:, 1] - p[:, 1]) * (r[:, 0] - p[:, 0])) / area
        x = voxels[hit][..., 0]
        at = x[:, 0] + u * (x[:, 1] - x[:, 0])
        at = (at + v * (x[:, 2] - x[:, 0])).ceil().clamp(0, ni)
        where = ((r[:, 1] * nj + r[:, 0]) * (ni + 1) + at).to(torch.int64)
        turns.index_add_(0, where, torch.where(one[hit], 1, -1).to(torch.int32))
    return turns.reshape(nk, nj, ni + 1)[..., :ni]


def _left(a: torch.Tensor, b: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """As `engine.mesh.kernels_field._side`."""
    turned = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    a, b = torch.where(turned[:, None], b, a), torch.where(turned[:, None], a, b)
    cross = (b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (p[:, 0] - a[:, 0])
    ties = (b[:, 1] < a[:, 1]) | ((b[:, 1] == a[:, 1]) & (b[:, 0] > a[:, 0]))
    return ((cross > 0) | ((cross == 0) & ties)) != turned
