"""What theory expects of a registration by paired points.

Fitzpatrick, West and Maurer, "Predicting error in rigid-body point-based registration", IEEE TMI 17 (1998) 694-702.
FRE says nothing of TRE in a single case (Fitzpatrick, SPIE 7261, 2009), so FRE is used here only to estimate FLE.
"""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64


def tre_rms_mm(fiducials_mm: Float64, target_mm: Float64, fle_rms_mm: float) -> float:
    """Expected root mean square error at a (3,) target, from (n, 3) fiducials and the RMS of their error.

    <TRE²> = <FLE²>/n (1 + 1/3 Σ_k d_k²/f_k²), with d_k the target's distance from principal axis k of the fiducials
    and f_k their own RMS distance from it.
    """
    centred = fiducials_mm - fiducials_mm.mean(axis=0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    along = axes @ (target_mm - fiducials_mm.mean(axis=0))
    d2 = along @ along - along**2
    mean2 = spread**2 / len(fiducials_mm)
    f2 = mean2.sum() - mean2
    return float(fle_rms_mm * np.sqrt((1 + (d2 / f2).sum() / 3) / len(fiducials_mm)))


def fre_rms_mm(count: int, fle_rms_mm: float) -> float:
    """Expected root mean square residual: <FRE²> = (1 - 2/n) <FLE²>."""
    return float(fle_rms_mm * np.sqrt(1 - 2 / count))
