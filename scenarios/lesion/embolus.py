"""A pulmonary embolus: a filling defect along an artery, with contrast at its rim where it does not fill the lumen."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, label

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.lesion.form import Form, Layer, share_of_depth
from scenarios.lesion.setting import Setting

#: Contrast that is left along the wall.
_RIM_MM = 1.2


def embolus(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """A clot of length `size_mm` along the artery at `at_mm`.

    Raises:
        InvalidValue: no artery lies there that shows one.
    """
    window = setting.window(at_mm, 0.55 * size_mm + 6)
    lumen = setting.mask("pulmonary_arteries")[window]
    away = np.linalg.norm(setting.points_mm(window) - at_mm, axis=-1)
    pieces, _ = label(lumen & (away <= 0.5 * size_mm))
    own = pieces[np.unravel_index(int(np.where(lumen, away, np.inf).argmin()), away.shape)]
    if own == 0:
        raise InvalidValue(f"no pulmonary artery lies at {np.round(at_mm, 1).tolist()} mm")
    spacing = setting.grid.spacing_mm
    half = float(np.mean(spacing)) / 2
    inner = distance_transform_edt(lumen, sampling=spacing) - half
    wavy = gaussian_filter(rng.normal(size=away.shape), 2.5)
    wavy *= 0.5 / max(float(wavy.std()), 1e-9)
    rim = np.minimum(_RIM_MM + wavy, 0.3 * inner.max())
    share = share_of_depth(rim - inner, setting.grid) * (pieces == own)
    share *= np.clip((0.5 * size_mm - away) / 2.0, 0.0, 1.0)
    share = np.asarray(np.clip(gaussian_filter(share, 0.4), 0.0, 1.0), np.float32)
    if share.max() < 0.5:
        raise InvalidValue("the artery there is too thin to show a clot: choose a larger one")
    return Form(window, (Layer(share, contrast, clears=False, texture_sd=8.0),))
