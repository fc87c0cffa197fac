"""Random small masks and volumes for laws."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from engine.core.grid import Grid
from engine.core.volume import Quantity, Source, Volume


@st.composite
def masks(draw: st.DrawFn, shape: tuple[int, ...] | None = None) -> torch.Tensor:
    """A mask of up to 9 voxels a side: noise of any density, or nothing."""
    if shape is None:
        shape = tuple(draw(st.integers(1, 9)) for _ in range(3))
    density = draw(st.sampled_from([0.0, 0.05, 0.3, 0.6, 0.95, 1.0]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    mask = torch.rand(shape, generator=generator) < density
    return mask.permute(2, 1, 0).contiguous().permute(2, 1, 0) if draw(st.booleans()) else mask


def ct(samples: torch.Tensor, spacing_mm: float = 3.0) -> Volume:
    """Samples as a CT with its axes along the patient's."""
    shape = (samples.shape[0], samples.shape[1], samples.shape[2])
    return Volume(Grid.centred(shape, spacing_mm), samples, Quantity.HOUNSFIELD, Source("phantom", "CT"))
