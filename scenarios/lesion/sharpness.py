"""How sharp a scan is, from the edges that are in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid

#: Voxels each way along which an edge is followed.
_REACH = 4
#: Share of steps that are strong edges, and how many are enough.
_STRONG, _ENOUGH = 0.002, 30
#: Edges of the body are never sharper than a step: the sharpest fifth comes nearest to it.
_SHARPEST = 20.0


def edge_blur_mm(samples: NDArray[np.generic], grid: Grid) -> Float64:
    """Standard deviation (3,) of the point spread along each axis, the voxel's own averaging taken off.

    Across a straight edge the derivative is the line spread; its second moment is the variance.

    Raises:
        InvalidValue: too few edges along an axis.
    """
    values = samples.astype(np.float32)
    return np.array([_along(np.moveaxis(values, axis, -1)) for axis in range(3)]) * grid.spacing_mm


def _along(values: NDArray[np.float32]) -> float:
    step = np.diff(values, axis=-1)
    inner = np.abs(step[..., _REACH:-_REACH])
    limit = np.quantile(inner[:: max(inner.shape[0] // 64, 1)], 1 - _STRONG)
    at = np.argwhere((inner >= limit) & (inner > 0))
    at = at[:: max(len(at) // 4000, 1)]
    lines = np.stack([step[at[:, 0], at[:, 1], at[:, 2] + n] for n in range(2 * _REACH + 1)], axis=1)
    lines = lines * np.sign(lines[:, _REACH : _REACH + 1])
    lines = np.where(np.abs(lines) < 0.04 * lines[:, _REACH : _REACH + 1], 0.0, lines)
    fit = (lines >= 0).all(axis=1) & (lines.argmax(axis=1) == _REACH)
    if fit.sum() < _ENOUGH:
        raise InvalidValue("too few edges to tell how sharp the scan is: say it")
    weights = lines[fit] / lines[fit].sum(axis=1, keepdims=True)
    n = np.arange(-_REACH, _REACH + 1)
    mean = weights @ n
    variance = weights @ n**2 - mean**2
    # The difference of neighbours and the voxel's own extent add 1/12 of a voxel squared each.
    return float(np.sqrt(max(np.percentile(variance, _SHARPEST) - 2 / 12, 0.0)))
