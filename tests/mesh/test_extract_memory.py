"""Arrays of a net: the right shape, writable, apart from each other, small or large."""

from __future__ import annotations

import numpy as np
import pytest

from engine.mesh.kernels_memory import LARGE_BYTES, fresh


@pytest.mark.parametrize("rows", [0, 1, 1000, LARGE_BYTES // 12 - 1, LARGE_BYTES // 12 + 1])
def test_fresh_arrays_can_be_filled_and_share_nothing(rows: int) -> None:
    first, second = fresh((rows, 3), np.float32), fresh((rows, 3), np.float32)
    first[:], second[:] = 1, 2
    assert first.shape == (rows, 3)
    assert first.dtype == np.float32
    assert first.flags.c_contiguous
    assert not np.shares_memory(first, second)
    assert (first == 1).all()
    assert (second == 2).all()
