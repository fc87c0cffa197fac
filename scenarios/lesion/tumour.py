"""A brain tumour on T1 after contrast: a ring that enhances, dead inside, oedema along white matter, mass effect."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from engine.core.array import Float64
from scenarios.lesion.bleed import WITHIN
from scenarios.lesion.blob import blob
from scenarios.lesion.form import Form, Layer, share_of
from scenarios.lesion.place import depth_mm
from scenarios.lesion.setting import Setting
from scenarios.lesion.warp import pull, pushed_out


def tumour(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """The contrast is the ring's; the core is as far below white matter, oedema by 70 % of it."""
    shape = blob(size_mm, rng, lumps=0.09, slim=0.8)
    window = setting.window(at_mm, 2.0 * size_mm)
    points = setting.points_mm(window)
    held = np.clip(depth_mm(setting.mask(*WITHIN)[window], setting) / 10.0, 0.0, 1.0)
    step = pushed_out(points - at_mm, 0.45 * size_mm, 0.55, 1.9 * size_mm) * gaussian_filter(held, 1.0)[..., None]
    white = setting.mask_or_none("white_matter")
    matter = (setting.mask("brain") if white is None else white)[window].astype(np.float32)
    matter = np.clip(pull(gaussian_filter(matter, 0.7), step, setting.grid, order=1), 0.0, 1.0)
    swelling = blob(size_mm + 26.0, rng, lumps=0.2, slim=0.6)
    far = swelling.distance(points - at_mm)
    oedema = np.clip(-far / 4.0, 0.0, 1.0) * matter

    def part(scale: float, contrast: float, texture: float) -> Layer:
        smaller = shape.scaled(scale)
        return Layer(share_of(lambda p: smaller.distance(p - at_mm), setting, window), contrast, texture_sd=texture)

    rim_mm = float(rng.uniform(2.6, 4.2))
    layers = [
        Layer(np.asarray(oedema, np.float32), -0.7 * abs(contrast), counts=False, clears=False),
        part(1.0, contrast, 0.12 * abs(contrast)),
    ]
    if size_mm > 14:
        layers.append(part(1.0 - 2 * rim_mm / size_mm, -1.3 * abs(contrast), 0.08 * abs(contrast)))
    return Form(window, tuple(layers), pull_mm=step)
