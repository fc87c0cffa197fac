"""How steps walk memory: i fastest, as readers hand volumes over."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def walked(samples: torch.Tensor) -> torch.Tensor:
    """(ni, nj, nk) as a contiguous (nk, nj, ni); no copy when i is fastest already."""
    return samples.permute(2, 1, 0).contiguous()


def indexed(walk: torch.Tensor) -> torch.Tensor:
    """The inverse of `walked`: (nk, nj, ni) seen as (ni, nj, nk), without a copy."""
    return walk.permute(2, 1, 0)


def on_host(samples: torch.Tensor) -> bool:
    """Whether numba kernels can reach the samples."""
    return samples.device.type == "cpu"


def host_array(walk: torch.Tensor) -> NDArray[Any]:
    """The tensor's own memory as a numpy array; masks as uint8, which kernels add and compare."""
    array: NDArray[Any] = walk.numpy()
    return array.view(np.uint8) if array.dtype == np.bool_ else array


def i_fastest(samples: torch.Tensor) -> torch.Tensor:
    """The same (ni, nj, nk) tensor with i fastest in memory, so that later steps need not copy."""
    return indexed(walked(samples))
