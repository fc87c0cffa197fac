"""Gaussian smoothing by millimetres."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def blurred(samples: torch.Tensor, sigma_mm: float, spacing_mm: Sequence[float]) -> torch.Tensor:
    """Convolve with a Gaussian cut at three sigma; zero beyond the border.

    Args:
        samples: (ni, nj, nk) float32.
        sigma_mm: standard deviation.
        spacing_mm: along i, j, k.
    """
    out = samples[None, None]
    for axis, spacing in enumerate(spacing_mm):
        reach = max(1, int(3 * sigma_mm / spacing))
        at_mm = torch.arange(-reach, reach + 1, dtype=torch.float32, device=samples.device) * spacing
        kernel = torch.exp(-0.5 * (at_mm / sigma_mm) ** 2)
        kernel = (kernel / kernel.sum()).reshape([-1 if a == axis + 2 else 1 for a in range(5)])
        padding = [reach if a == axis else 0 for a in range(3)]
        out = torch.nn.functional.conv3d(out, kernel, padding=padding)
    return out[0, 0]
