"""Lung nodules: solid, part-solid, ground-glass, spiculated."""

from __future__ import annotations

import numpy as np

from engine.core.array import Float64
from scenarios.lesion.blob import blob, spike_distance, spikes
from scenarios.lesion.form import Form, Layer, share_of
from scenarios.lesion.setting import Setting

#: A ground-glass part is so much denser than lung, a solid one is soft tissue (HU).
GROUND_GLASS, SOLID = 230.0, 880.0


def solid(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """Soft tissue, smooth."""
    shape = blob(size_mm, rng, lumps=0.06)
    window = setting.window(at_mm, shape.radius_mm + 2)
    share = share_of(lambda p: shape.distance(p - at_mm), setting, window)
    return Form(window, (Layer(share, contrast, texture_sd=8.0),))


def spiculated(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """A lumpy body with strands into the lung; its size is that of the body."""
    shape = blob(size_mm, rng, lumps=0.15)
    ends, thick = spikes(size_mm, int(rng.integers(12, 19)), rng)
    window = setting.window(at_mm, 1.3 * size_mm + 2)
    body = share_of(lambda p: shape.distance(p - at_mm), setting, window)
    strands = share_of(lambda p: spike_distance(p - at_mm, ends, thick), setting, window)
    return Form(
        window,
        (Layer(strands, 0.6 * contrast, counts=False, clears=False), Layer(body, contrast, texture_sd=10.0)),
    )


def ground_glass(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """Hazy, with the vessels seen through it."""
    shape = blob(size_mm, rng, lumps=0.12)
    window = setting.window(at_mm, shape.radius_mm + 2)
    share = share_of(lambda p: shape.distance(p - at_mm), setting, window)
    return Form(window, (Layer(share, contrast, clears=False, texture_sd=35.0),))


def part_solid(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """Haze about a solid part of some 45 % of its diameter; the contrast is the solid part's."""
    haze = ground_glass(setting, at_mm, size_mm, GROUND_GLASS, rng)
    core = blob(0.45 * size_mm, rng, lumps=0.15)
    middle = at_mm + 0.12 * size_mm * rng.normal(size=3) / 3**0.5
    share = share_of(lambda p: core.distance(p - middle), setting, haze.window)
    return Form(haze.window, (*haze.layers, Layer(share, contrast)))
