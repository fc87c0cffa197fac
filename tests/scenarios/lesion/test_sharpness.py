"""How sharp a scan is comes out of its edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from scenarios.lesion.sharpness import edge_blur_mm


@pytest.mark.parametrize("blur", [(0.9, 0.9, 1.6), (1.4, 1.1, 2.2)])
def test_the_blur_of_a_box_in_air_is_found_within_a_tenth(blur: tuple[float, float, float]) -> None:
    grid = Grid.centred((60, 60, 50), (1.0, 0.9, 1.5))
    sharp = np.zeros((300, 300, 250), np.float32)
    sharp[78:223, 61:238, 52:201] = 1000.0
    samples = sharp.reshape(60, 5, 60, 5, 50, 5).mean(axis=(1, 3, 5))
    samples = gaussian_filter(samples, np.array(blur) / grid.spacing_mm)
    samples += np.random.default_rng(0).normal(size=samples.shape) * 5.0
    np.testing.assert_allclose(edge_blur_mm(samples, grid), blur, rtol=0.1)


def test_a_volume_without_edges_is_refused() -> None:
    with pytest.raises(InvalidValue, match="edges"):
        edge_blur_mm(np.zeros((30, 30, 30)), Grid.centred((30, 30, 30), 1.0))
