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


#: White matter measures 20 to 30 HU, grey matter 37 to 45, muscle and liver about 55 (Radiopaedia, "Hounsfield unit").
#: Where more than half of all soft tissue lies within these, and bone takes as much room as a skull does, it is a head.
BRAIN_HU = (15, 45)
SOFT_HU = (0, 90)
BONE_HU = 300
LEAST_BRAIN_SHARE = 0.5
LEAST_BONE_SHARE = 0.1


def _is_a_head(samples: NDArray[np.generic]) -> bool:
    """Whether a CT shows mostly brain inside bone."""
    values = samples.astype(np.float32)
    soft = values[(values > SOFT_HU[0]) & (values < SOFT_HU[1])]
    body = np.count_nonzero(values > -200)  # denser than fat
    if soft.size == 0 or body == 0:
        return False
    brain = np.count_nonzero((soft > BRAIN_HU[0]) & (soft < BRAIN_HU[1])) / soft.size
    return bool(brain > LEAST_BRAIN_SHARE and np.count_nonzero(values > BONE_HU) / body > LEAST_BONE_SHARE)


def window_presets(samples: NDArray[np.generic], quantity: Quantity) -> tuple[WindowPreset, ...]:
    """Presets for a volume, the default first. `samples` may be any strided subset of it."""
    if quantity is Quantity.HOUNSFIELD:
        first = "Brain" if _is_a_head(samples) else CT_WINDOWS[0][0]
        return tuple(
            WindowPreset(name=name, low=centre - width / 2, high=centre + width / 2)
            for name, centre, width in sorted(CT_WINDOWS, key=lambda window: window[0] != first)
        )
    low, high = (float(value) for value in np.percentile(samples.astype(np.float64), (1.0, 99.5)))
    if not high > low:
        low, high = float(samples.min()), float(samples.max()) + 1.0
    return (
        WindowPreset(name="Default", low=low, high=high),
        WindowPreset(name="Bright", low=low, high=low + (high - low) * 0.6),
        WindowPreset(name="Full range", low=float(samples.min()), high=max(float(samples.max()), low + 1.0)),
    )
