"""Between numpy and torch without copies, and the choice of device."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.array import Samples
from engine.core.errors import EnvironmentLacks
from engine.core.volume import Volume


def choose_device(name: str) -> torch.device:
    """ "auto", "cpu" or "cuda" as a torch device.

    Raises:
        EnvironmentLacks: CUDA was asked for and is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise EnvironmentLacks("no CUDA device", "Use --device cpu, or install a driver and a CUDA build of torch.")
    return torch.device(name)


def as_tensor(samples: Samples) -> torch.Tensor:
    """Samples as a tensor that shares their memory. Nobody writes to it: numpy samples are read-only."""
    if isinstance(samples, torch.Tensor):
        return samples
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(samples))


def as_numpy(samples: Samples) -> NDArray[Any]:
    """Samples as a numpy array; shares their memory when they are on the CPU."""
    return samples.cpu().numpy() if isinstance(samples, torch.Tensor) else np.asarray(samples)


def on_device(volume: Volume, device: torch.device) -> Volume:
    """`volume` with its samples as a tensor on `device`."""
    return volume.with_samples(as_tensor(volume.samples).to(device))


def kji(samples: Samples) -> NDArray[Any]:
    """CPU samples `[i, j, k]` as the C-contiguous `[k, j, i]` array that kernels walk."""
    return np.ascontiguousarray(as_numpy(samples).T)
