"""Thresholds chosen from the samples themselves (Otsu and its multi-class form)."""

from __future__ import annotations

import itertools

import torch

BINS = 128


def thinned(samples: torch.Tensor, count: int) -> torch.Tensor:
    """About `count` samples spread over (ni, nj, nk): whole lines along i, as memory is read."""
    step = max(1, round((samples.numel() / count) ** 0.5))
    return samples.permute(2, 1, 0)[::step, ::step].reshape(-1)


def robust_range(samples: torch.Tensor) -> tuple[float, float]:
    """The span that holds all but the outermost 0.1 % of the finite samples, from at most 2 M of them."""
    thin = thinned(samples, 2**20).to(torch.float32)
    thin = thin[torch.isfinite(thin)].sort().values
    if thin.numel() == 0:
        return 0.0, 0.0
    edge = int(thin.numel() * 0.001)
    return float(thin[edge]), float(thin[-1 - edge])


def otsu(samples: torch.Tensor, classes: int = 2) -> list[float]:
    """Thresholds that part samples into `classes` with the least variance inside them.

    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9(1), 1979.

    Args:
        samples: any shape, real; values beyond the outermost 0.1 % are left out.
        classes: 2 to 4.

    Returns:
        classes - 1 ascending thresholds; none where all samples are equal.
    """
    flat = samples.reshape(-1).to(torch.float32)
    flat = flat[torch.isfinite(flat)]
    if flat.numel() == 0:
        return []
    low, high = robust_range(flat.reshape(-1, 1, 1))
    if high <= low:
        return []
    counts = torch.histc(flat.cpu(), BINS, low, high).to(torch.float64)
    centres = low + (torch.arange(BINS, dtype=torch.float64) + 0.5) * (high - low) / BINS
    weight = torch.cat([torch.zeros(1, dtype=torch.float64), counts.cumsum(0)])
    moment = torch.cat([torch.zeros(1, dtype=torch.float64), (counts * centres).cumsum(0)])
    between = _between(weight, moment)
    cuts = _best_cuts(between, classes)
    return [low + cut * (high - low) / BINS for cut in cuts]


def _between(weight: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
    """[a, b]: (sum of bins a … b - 1)² over their weight, the part of the variance they explain."""
    w = weight[None, :] - weight[:, None]
    m = moment[None, :] - moment[:, None]
    return torch.where(w > 0, m * m / w.clamp(min=1e-12), 0.0)


def _best_cuts(between: torch.Tensor, classes: int) -> tuple[int, ...]:
    """Dynamic programming over the last cut."""
    best = between[0].clone()
    paths: list[tuple[int, ...]] = [() for _ in range(BINS + 1)]
    for _ in range(classes - 1):
        through = best[:, None] + between
        through = torch.where(torch.ones_like(through).triu(1) > 0, through, -torch.inf)
        best, last = through.max(dim=0)
        paths = [(*paths[int(cut)], int(cut)) for cut in last]
    return tuple(itertools.islice(paths[BINS], classes - 1))
