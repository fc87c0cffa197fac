"""Padding of a CT that no header tells: one value from the edge of the picture inwards, or what nothing measured has.

Resampling and masking tools fill what they do not know with 0, which is water. Samples of a patient are never exactly
equal over a region: noise sees to that. Scanners and others fill with less than air (-2000, -3024, -32768).
"""

from __future__ import annotations

import torch

from engine.segment.ct_body import PADDING_HU, TISSUE_HU
from engine.segment.overview import Overview
from engine.segment.steps.components import touching
from engine.segment.steps.holes import border
from engine.segment.steps.layout import indexed, walked
from engine.segment.steps.morphology import dilated
from engine.segment.steps.resample import block_fraction, enlarged

#: One value in a tenth of the picture's faces: of tissue, noise leaves any one value a fortieth.
FACE_SHARE = 0.1
#: What padding is made: below all that scanners measure.
PADDED_HU = 2 * PADDING_HU


def without_padding(hu: torch.Tensor, view: Overview) -> tuple[torch.Tensor, int | None]:
    """`hu` with padding made `PADDED_HU`, and the value it had where that is a tissue's; `hu` itself without any.

    Args:
        hu: (ni, nj, nk) int16; left as it is.
        view: its coarse geometry.
    """
    faces = torch.cat([hu.select(axis, end).reshape(-1) for axis in range(3) for end in (0, -1)])
    if int(faces.min()) < PADDED_HU:  # so far below air that its mean with tissue in a coarse cell is below air too
        hu = indexed(walked(hu).clamp(min=PADDED_HU))
    value = _shared_value(faces)
    if value is None:
        return hu, None
    same = indexed(walked(hu) == value)
    whole = block_fraction(same, view.factors) == 255
    outside = touching(whole, border(whole))
    if not bool(outside.any()):
        return hu, None
    reach = dilated(outside, 1.0, (1.0, 1.0, 1.0))  # with the cells that its edge runs through
    padding = walked(same) & walked(enlarged(reach, view.factors, (hu.shape[0], hu.shape[1], hu.shape[2])))
    return indexed(torch.where(padding, PADDED_HU, walked(hu)).to(hu.dtype)), value


def _shared_value(faces: torch.Tensor) -> int | None:
    """The value that a good part of the faces of the picture have exactly, if it is as dense as tissue."""
    value = int(faces.mode().values)
    share = float((faces == value).to(torch.float32).mean())
    return value if value >= TISSUE_HU and share > FACE_SHARE else None
