"""Large arrays in ordinary pages.

numpy asks the kernel for huge pages. Arrays that are written once and soon let go pay for them and never get it back:
with memory that other work has used, a net of 9 million triangles spent 0.35 to 0.65 s in the kernel, and 0.15 to
0.18 s in ordinary pages (2-core virtual machine; the computing itself took 0.55 s either way).
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

#: Up to here malloc keeps what is let go for the next call (glibc's greatest M_MMAP_THRESHOLD), which is better still.
LARGE_BYTES = 32 << 20


def fresh(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array to be filled, like `np.empty`; a large one is in pages of its own that are not huge."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size < LARGE_BYTES or not hasattr(mmap, "MAP_PRIVATE"):
        return np.empty(shape, dtype=dtype)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype=dtype).reshape(shape)
