"""Window presets: centre and width that radiology displays by default.

CT values are common practice on commercial workstations; MR and the rest are taken from the
image's own 1st to 99.5th percentile, since their numbers carry no unit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.volume import Quantity
from engine.stream.messages import WindowPreset

#: name, centre, width in HU
CT_WINDOWS = (
    ("Soft tissue", 40, 400),
    ("Lung", -600, 1500),
    ("Bone", 400, 1800),
    ("Brain", 40, 80),
    ("Liver", 60, 160),
    ("Vessels", 250, 700),
)


def window_presets(samples: NDArray[np.generic], quantity: Quantity) -> tuple[WindowPreset, ...]:
    """Presets for a volume, the default first. `samples` may be any strided subset of it."""
    if quantity is Quantity.HOUNSFIELD:
        return tuple(
            WindowPreset(name=name, low=centre - width / 2, high=centre + width / 2)
            for name, centre, width in CT_WINDOWS
        )
    low, high = (float(value) for value in np.percentile(samples.astype(np.float64), (1.0, 99.5)))
    if not high > low:
        low, high = float(samples.min()), float(samples.max()) + 1.0
    return (
        WindowPreset(name="Default", low=low, high=high),
        WindowPreset(name="Bright", low=low, high=low + (high - low) * 0.6),
        WindowPreset(name="Full range", low=float(samples.min()), high=max(float(samples.max()), low + 1.0)),
    )
