"""What lies around cells: looked up from each where they are few, which is cheaper than a pass over all.

Cells are (n, 3) int64 indices; beyond the border of a volume its edge goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch


def beside(values: torch.Tensor, cells: torch.Tensor, step: Sequence[int]) -> torch.Tensor:
    """The value that is `step` away from each cell, (n,)."""
    x, y, z = (
        (cells[:, axis] + step[axis]).clamp(0, values.shape[axis] - 1) if step[axis] else cells[:, axis]
        for axis in range(3)
    )
    return values[x, y, z]


def moments(
    values: torch.Tensor, cells: torch.Tensor, steps: Sequence[Sequence[int]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of what is one of `steps` away from each cell, (n,) float64.

    Args:
        values: int16.
    """
    total = torch.zeros(len(cells), dtype=torch.int64, device=values.device)
    squares = torch.zeros_like(total)
    for step in steps:
        near = beside(values, cells, step).to(torch.int64)
        total += near
        squares += near * near
    mean = total.to(torch.float64) / len(steps)
    return mean, (squares.to(torch.float64) / len(steps) - mean * mean).clamp(min=0).sqrt()


def box(reach: Sequence[int]) -> list[tuple[int, ...]]:
    """Steps to all cells within `reach` along each axis."""
    return list(itertools.product(*(range(-r, r + 1) for r in reach)))


def rays(
    values: torch.Tensor, cells: torch.Tensor, reach_mm: float, spacing_mm: Sequence[float]
) -> Iterator[Iterator[torch.Tensor]]:
    """The six rays along the axes, each the values from the first step to the last within `reach_mm`."""
    for axis, sign in itertools.product(range(3), (1, -1)):
        count = max(1, round(reach_mm / spacing_mm[axis]))
        yield (beside(values, cells, [sign * n if a == axis else 0 for a in range(3)]) for n in range(1, count + 1))


def highest(values: torch.Tensor, reach: Sequence[int]) -> torch.Tensor:
    """The highest value in the box of `reach` to either side, of the same shape."""
    for axis, r in enumerate(reach):
        n = values.shape[axis]
        out = values.clone()
        for step in range(1, min(r, n - 1) + 1):
            for to, source in ((0, step), (step, 0)):
                into = out.narrow(axis, to, n - step)
                torch.maximum(into, values.narrow(axis, source, n - step), out=into)
        values = out
    return values


#: Steps to a cell itself and to the six that share a face with it.
FACES = [step for step in box((1, 1, 1)) if sum(map(abs, step)) <= 1]
