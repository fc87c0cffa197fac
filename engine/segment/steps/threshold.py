"""Samples to masks."""

from __future__ import annotations

import torch


def between(samples: torch.Tensor, low: float | None = None, high: float | None = None) -> torch.Tensor:
    """Where low ≤ sample < high, (ni, nj, nk) bool; an absent bound does not bind. NaN is never in."""
    inside = torch.ones(samples.shape, dtype=torch.bool, device=samples.device)
    if samples.is_floating_point():
        inside = ~torch.isnan(samples)
    if low is not None:
        inside = inside & (samples >= low)
    if high is not None:
        inside = inside & (samples < high)
    return inside
