"""Arrays that core values own: numpy ones become read-only, torch ones pass as they are.

Core imports numpy alone. What it needs of a sample array is what numpy and torch share, so a
volume can stay on a GPU from load to vertex buffer.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]


@runtime_checkable
class Samples(Protocol):
    """What numpy arrays and torch tensors share and core relies on."""

    @property
    def shape(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...
    def __getitem__(self, key: Any, /) -> Any: ...


def owned(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """A read-only, contiguous copy of `values`: for small arrays that a value must own."""
    array = np.array(values, dtype=dtype, order="C", copy=True)
    array.flags.writeable = False
    return array


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view of `array` without copying: for arrays handed over by their maker.

    The maker keeps no writable reference; large arrays are not copied to enforce it.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def frozen_samples(samples: Samples) -> Samples:
    """`samples` as a core value keeps them: numpy read-only, anything else untouched."""
    return frozen(samples) if isinstance(samples, np.ndarray) else samples
