from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.core.grid import Grid
from engine.core.volume import LabelMap
from engine.mesh.halve import halved

SHAPES = st.tuples(*[st.integers(1, 7)] * 3)


@given(hnp.arrays(np.uint8, SHAPES, elements=st.integers(0, 3)))
def test_each_voxel_carries_the_commonest_of_its_eight_and_the_greatest_of_equals(labels: np.ndarray) -> None:
    half = np.asarray(halved(LabelMap(Grid.centred(labels.shape, 1.0), labels, ())).labels)
    for i, j, k in np.ndindex(*half.shape):
        block = labels[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, 2 * k : 2 * k + 2]
        counts = Counter(block.ravel().tolist())
        most = max(counts.values())
        assert half[i, j, k] == max(label for label, count in counts.items() if count == most)


def test_a_half_voxel_lies_at_the_centre_of_its_eight() -> None:
    grid = Grid.centred((6, 4, 10), (0.7, 0.8, 1.5))
    half = halved(LabelMap(grid, np.zeros(grid.shape, np.uint8), ())).grid
    np.testing.assert_allclose(half.spacing_mm, (1.4, 1.6, 3.0))
    np.testing.assert_allclose(
        half.patient_from_voxel.apply((1, 0, 2)), grid.patient_from_voxel.apply((2.5, 0.5, 4.5)), atol=1e-12
    )
    np.testing.assert_allclose(half.centre_mm, grid.centre_mm, atol=1e-12)
