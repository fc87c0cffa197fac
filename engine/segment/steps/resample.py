"""Coarser and finer copies: block means, block counts, enlargement, interpolation at a spacing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

from engine.core.errors import InvalidValue
from engine.segment.steps.layout import host_array, indexed, on_host, walked

Factors = tuple[int, int, int]
#: (first, one past the last) along i, j, k.
Box = tuple[tuple[int, int], ...]


def block_mean(samples: torch.Tensor, factors: Factors, box: Box | None = None) -> torch.Tensor:
    """The mean of each block of `factors` voxels, rounded down for integers.

    Blocks at the far border hold fewer voxels and average those they have. Integers keep their
    type and are summed exactly, so every device gives the same; anything else becomes float32.

    Args:
        samples: (ni, nj, nk) int16, or any real type.
        factors: block size along i, j, k; at least 1.
        box: only these blocks, first and one past the last along i, j, k.

    Returns:
        (ceil(ni / fi), ceil(nj / fj), ceil(nk / fk)), or the shape of the box.
    """
    _check(factors)
    if box is None:
        box = tuple((0, -(-n // f)) for n, f in zip(samples.shape, factors, strict=True))
    walk = walked(samples)
    if on_host(samples) and samples.dtype == torch.int16:
        blocks = np.asarray(list(reversed(box)), np.int64)
        return indexed(
            torch.from_numpy(_mean_int16(host_array(walk), np.asarray(list(reversed(factors)), np.int64), blocks))
        )
    (i0, i1), (j0, j1), (k0, k1) = box
    fi, fj, fk = factors
    walk = walk[k0 * fk : k1 * fk, j0 * fj : j1 * fj, i0 * fi : i1 * fi]
    exact = not samples.is_floating_point()
    sums = _block_sums(walk.to(torch.int64 if exact else torch.float64), factors)
    counts = _block_counts(walk, factors)
    if exact:
        return indexed(torch.div(sums, counts, rounding_mode="floor").to(samples.dtype))
    return indexed((sums / counts).to(torch.float32))


def block_fraction(labels: torch.Tensor, factors: Factors, label: int = 1) -> torch.Tensor:
    """How much of each block is `label` (or set, in a mask), uint8: 0 none to 255 all, rounded down."""
    _check(factors)
    walk = walked(labels)
    if on_host(labels):
        return indexed(torch.from_numpy(_fraction(host_array(walk), label, *reversed(factors))))
    sums = _block_sums((walk == label).to(torch.int32), factors)
    return indexed(torch.div(sums * 255, _block_counts(walk, factors), rounding_mode="floor").to(torch.uint8))


def enlarged(samples: torch.Tensor, factors: Factors, shape: tuple[int, int, int]) -> torch.Tensor:
    """Each voxel repeated `factors` times and cut to `shape`: the inverse layout of blocks."""
    _check(factors)
    out = walked(samples)
    for axis, factor in enumerate(reversed(factors)):
        out = out.repeat_interleave(factor, dim=axis)
    return indexed(out[: shape[2], : shape[1], : shape[0]])


def between_cells(cells: torch.Tensor, f: Factors, shape: Sequence[int]) -> torch.Tensor:
    """Cells (walked) interpolated between their centres at every voxel, int32, rounded down; exact in integers."""
    out = cells.to(torch.int32)
    for axis in range(3):
        n = out.shape[axis]
        voxel = torch.arange(shape[axis], device=cells.device)
        # Twice the distance, in voxels, from the centre of the cell before: 0 … 2f.
        past = 2 * (voxel % f[axis]) + 1 + f[axis]
        cell = voxel // f[axis] - (past < 2 * f[axis]).to(torch.int64)
        weight = (past % (2 * f[axis])).to(torch.int32).reshape([-1 if a == axis else 1 for a in range(3)])
        low = out.index_select(axis, cell.clamp(0, n - 1))
        high = out.index_select(axis, (cell + 1).clamp(0, n - 1))
        out = low * (2 * f[axis] - weight) + high * weight
    return torch.div(out, 8 * f[0] * f[1] * f[2], rounding_mode="floor")


def _check(factors: Factors) -> None:
    if min(factors) < 1:
        raise InvalidValue(f"block sizes are three integers of at least 1, got {factors}")


def _block_sums(walk: torch.Tensor, factors: Factors) -> torch.Tensor:
    for axis, factor in enumerate(reversed(factors)):
        missing = -walk.shape[axis] % factor
        pad = [0, 0] * (2 - axis) + [0, missing]
        padded = torch.nn.functional.pad(walk, pad)
        blocks = (*padded.shape[:axis], -1, factor, *padded.shape[axis + 1 :])
        walk = padded.reshape(blocks).sum(axis + 1)
    return walk


def _block_counts(walk: torch.Tensor, factors: Factors) -> torch.Tensor:
    counts = torch.ones((), dtype=torch.int64, device=walk.device)
    for axis, factor in enumerate(reversed(factors)):
        size = walk.shape[axis]
        starts = torch.arange(0, size, factor, device=walk.device)
        along = torch.clamp(size - starts, max=factor)
        counts = counts * along.reshape([-1 if a == axis else 1 for a in range(3)])
    return counts


@njit(parallel=True, cache=True)
def _mean_int16(walk: NDArray[np.int16], factors: NDArray[np.int64], box: NDArray[np.int64]) -> NDArray[np.int16]:
    nk, nj, ni = walk.shape
    fk, fj, fi = factors
    (k0, k1), (j0, j1), (i0, i1) = box
    out = np.empty((k1 - k0, j1 - j0, i1 - i0), np.int16)
    first, last = i0 * fi, min(i1 * fi, ni)
    for k in prange(k0, k1):
        column = np.empty(last - first, np.int32)
        for j in range(j0, j1):
            column[:] = 0
            rows = 0
            for kk in range(k * fk, min(k * fk + fk, nk)):
                for jj in range(j * fj, min(j * fj + fj, nj)):
                    rows += 1
                    line = walk[kk, jj, first:last]
                    for i in range(line.size):
                        column[i] += line[i]
            for i in range(i1 - i0):
                stop = min(i * fi + fi, column.size)
                total = 0
                for ii in range(i * fi, stop):
                    total += column[ii]
                out[k - k0, j - j0, i] = total // (rows * (stop - i * fi))
    return out


@njit(parallel=True, cache=True)
def _fraction(walk: NDArray[np.uint8], label: int, fk: int, fj: int, fi: int) -> NDArray[np.uint8]:
    nk, nj, ni = walk.shape
    ck, cj, ci = (nk + fk - 1) // fk, (nj + fj - 1) // fj, (ni + fi - 1) // fi
    out = np.empty((ck, cj, ci), np.uint8)
    for k in prange(ck):
        column = np.empty(ni, np.int32)
        for j in range(cj):
            column[:] = 0
            rows = 0
            for kk in range(k * fk, min(k * fk + fk, nk)):
                for jj in range(j * fj, min(j * fj + fj, nj)):
                    rows += 1
                    line = walk[kk, jj]
                    for i in range(ni):
                        column[i] += line[i] == label
            for i in range(ci):
                stop = min(i * fi + fi, ni)
                total = 0
                for ii in range(i * fi, stop):
                    total += column[ii]
                out[k, j, i] = total * 255 // (rows * (stop - i * fi))
    return out
