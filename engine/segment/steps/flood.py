"""Flooding from seeds at rising thresholds: what is reached, and at which level first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from engine.segment.steps.components import touching
from engine.segment.steps.layout import host_array, indexed, on_host, walked


def flooded(
    samples: torch.Tensor, seeds: torch.Tensor, levels: Sequence[int], limit_voxels: int
) -> tuple[torch.Tensor, list[int]]:
    """Flood through faces from `seeds`, through samples at most each of the ascending `levels` in turn.

    Stops before the first level that reaches more than `limit_voxels`, so the cost follows the
    region and not the volume.

    Args:
        samples: (ni, nj, nk) int16.
        seeds: (ni, nj, nk) bool.
        levels: ascending thresholds.
        limit_voxels: most voxels to reach.

    Returns:
        (ni, nj, nk) uint8: 1 + the index of the level that first reached a voxel, 0 where none did;
        and the number of voxels reached up to each completed level.
    """
    walk, seeded = walked(samples), walked(seeds)
    if on_host(samples):
        reached, volumes = _flood(
            host_array(walk), np.flatnonzero(host_array(seeded)), np.asarray(levels, np.int16), limit_voxels
        )
        return indexed(torch.from_numpy(reached)), [int(v) for v in volumes]
    return _by_components(samples, seeds, levels, limit_voxels)


def _by_components(
    samples: torch.Tensor, seeds: torch.Tensor, levels: Sequence[int], limit_voxels: int
) -> tuple[torch.Tensor, list[int]]:
    reached = torch.zeros(samples.shape, dtype=torch.uint8, device=samples.device)
    volumes: list[int] = []
    for index, level in enumerate(levels):
        region = touching(samples <= level, seeds)
        volume = int(region.sum())
        if volume > limit_voxels:
            break
        reached[region & (reached == 0)] = index + 1
        volumes.append(volume)
    return reached, volumes


#: In `reached` while a voxel waits for a level that lets it through.
_WAITING = np.uint8(255)


@njit(cache=True)
def _flood(
    walk: NDArray[np.int16], seeds: NDArray[np.int64], levels: NDArray[np.int16], limit: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """One front per level; voxels that stand above the level wait for a later one."""
    values = walk.ravel()
    reached = np.zeros(values.size, np.uint8)
    reached[seeds] = _WAITING
    front = np.empty(limit + 1, np.int64)
    waiting = np.empty(7 * (limit + 1) + seeds.size, np.int64)
    waiting[: seeds.size] = seeds
    volumes = np.zeros(levels.size, np.int64)
    held, total, completed = seeds.size, 0, 0
    for index in range(levels.size):
        held, added = _advance(walk, levels[index], np.uint8(index + 1), reached, front, waiting, held, limit - total)
        total += added
        if total > limit:
            break
        volumes[index] = total
        completed = index + 1
    reached[reached > completed] = 0
    return reached.reshape(walk.shape), volumes[:completed]


@njit(cache=True)
def _advance(
    walk: NDArray[np.int16],
    level: int,
    mark: np.uint8,
    reached: NDArray[np.uint8],
    front: NDArray[np.int64],
    waiting: NDArray[np.int64],
    held: int,
    room: int,
) -> tuple[int, int]:
    """Flood at one level: how many voxels wait now, and how many were reached (at most room + 1)."""
    nk, nj, ni = walk.shape
    values = walk.ravel()
    depth, added, still = 0, 0, 0
    for at in range(held):
        voxel = waiting[at]
        if values[voxel] > level:
            waiting[still] = voxel
            still += 1
            continue
        if added > room:
            return still, added
        reached[voxel] = mark
        front[depth] = voxel
        depth += 1
        added += 1
    while depth > 0:
        depth -= 1
        voxel = front[depth]
        i, j, k = voxel % ni, voxel // ni % nj, voxel // (ni * nj)
        for side in range(6):
            step = (1, ni, ni * nj)[side // 2]
            place = (i, j, k)[side // 2]
            size = (ni, nj, nk)[side // 2]
            if (side % 2 == 0 and place == 0) or (side % 2 == 1 and place == size - 1):
                continue
            other = voxel - step if side % 2 == 0 else voxel + step
            if reached[other]:
                continue
            if values[other] > level:
                reached[other] = _WAITING
                waiting[still] = other
                still += 1
                continue
            if added > room:
                return still, added
            reached[other] = mark
            front[depth] = other
            depth += 1
            added += 1
    return still, added
