"""How masks of trainees are compared: `engine.segment.metrics`, which scoring, being pure, is handed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def surface_dice(
    one: NDArray[np.bool_], two: NDArray[np.bool_], spacing_mm: Sequence[float], within_mm: float
) -> float:
    """Share of both borders within `within_mm` of the other; 1 where both masks are empty."""
    if not one.any() and not two.any():
        return 1.0
    import torch  # seconds, which cases without masks are spared

    from engine.segment.metrics import surface_distances

    return surface_distances(torch.from_numpy(one), torch.from_numpy(two), spacing_mm).dice_at(within_mm)
