"""A liver metastasis in the portal-venous phase: darker than liver, darkest inside, with a blurred rim."""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64
from scenarios.lesion.blob import blob
from scenarios.lesion.form import Form, Layer, share_of
from scenarios.lesion.setting import Setting


def metastasis(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """The contrast is that of most of it; its rim has 55 % of it, and a larger one is necrotic inside."""
    shape = blob(size_mm, rng, lumps=0.1)
    window = setting.window(at_mm, shape.radius_mm + 2)

    def part(scale: float, contrast: float) -> Layer:
        smaller = shape.scaled(scale)
        share = share_of(lambda p: smaller.distance(p - at_mm), setting, window)
        return Layer(share, contrast, texture_sd=0.08 * abs(contrast))

    layers = [part(1.0, 0.55 * contrast), part(0.84, contrast)]
    if size_mm >= 20:
        layers.append(part(0.5, 1.45 * contrast))
    return Form(window, tuple(layers))
