"""A CT whose stored values were taken for Hounsfield units: the rescale intercept of -1024 is missing.

DICOM CT is mostly stored unsigned, air at 24 and water at 1024 (PS3.3 C.11.1.1.2: HU = stored * slope + intercept);
converters that drop the intercept leave it so.
"""

from __future__ import annotations

import torch

from engine.core.array import Samples
from engine.segment.tensors import as_tensor
from engine.segment.thresholds import thinned

SHIFT_HU = 1024
#: Values of air, calibration and noise included.
AIR_HU = (-1124, -850)
AIR_SHARE = 0.005
#: What is denser than `DENSE_HU` in a patient is mostly within `TISSUE_HU`: seven to nine tenths in a head or a trunk.
#: An MR of any scale has less than half of its signal in so narrow a band.
DENSE_HU = -500
TISSUE_HU = (-150, 150)
TISSUE_SHARE = 0.6

SHIFTED = (
    f"values look shifted by {SHIFT_HU}: air lies near 0 and water near {SHIFT_HU}, as in a CT stored without its "
    f"rescale intercept of -{SHIFT_HU}; subtract {SHIFT_HU}, or write the intercept into the file, and it can be used"
)


def is_shifted(samples: Samples) -> bool:
    """Whether air and soft tissue stand where a CT has them, but `SHIFT_HU` too high; by a thinned-out sample."""
    hu = thinned(as_tensor(samples), 2**18).to(torch.float32) - SHIFT_HU
    hu = hu[hu >= AIR_HU[0]]  # neither padding nor NaN
    air, tissue = (_count(hu, *span) for span in (AIR_HU, TISSUE_HU))
    dense = int((hu >= DENSE_HU).sum())
    return air > AIR_SHARE * len(hu) and tissue > TISSUE_SHARE * dense


def _count(hu: torch.Tensor, low: int, high: int) -> int:
    return int(((hu >= low) & (hu <= high)).sum())
