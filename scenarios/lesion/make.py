"""A lesion from its recipe: placed, shaped, pushed into place, and put into the volume as the scanner would show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from engine.core.array import Float32, Float64, frozen
from engine.core.errors import InvalidValue
from scenarios.case.source import LesionRecipe
from scenarios.lesion.detectability import index_in_place
from scenarios.lesion.form import Form, Layer
from scenarios.lesion.insert import as_type, insert
from scenarios.lesion.kinds import Kind, kind_of
from scenarios.lesion.place import robust_sd
from scenarios.lesion.setting import Mask, Setting, Window
from scenarios.lesion.warp import moved

#: Tissue within this distance of a lesion is its surroundings.
_AROUND_MM = 20.0
#: Its profile is known so far about it, and the eye takes notice of what changes within about this distance.
_PROFILE_MM, _BAND_MM = 6.0, 4.0
#: Places that it is compared with are as full of the organ as its own, nearly.
_AS_FULL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A volume with a lesion.

    Attributes:
        samples: (i, j, k) in the type that they had.
        mask: (i, j, k) what counts as the lesion: voxels that it fills by half or more.
        at_mm: its middle.
        volume_mm3: of what counts, partial voxels by their share.
        contrast: of what counts, asked for.
        index: d' among places of its organ; None where the organ has no other place like it.
        searched_ml: of the structures that it may lie in.
    """

    samples: NDArray[np.generic]
    mask: Mask
    at_mm: Float64
    volume_mm3: float
    contrast: float
    index: float | None
    searched_ml: float


def make(recipe: LesionRecipe, setting: Setting, rng: np.random.Generator) -> Made:
    """Make the lesion of a recipe.

    Raises:
        InvalidValue: an unknown kind or option, no place for it, or structures that it needs and are not known.
    """
    kind = kind_of(recipe.kind)
    shape_rng, noise_rng, probe_rng, place_rng = rng.spawn(4)
    if recipe.at_mm is None:
        at_mm = kind.place(setting, recipe.size_mm, recipe.options, place_rng)
    else:
        at_mm = np.array(recipe.at_mm)
    contrast = kind.contrast if recipe.contrast is None else recipe.contrast
    form = kind.make(setting, at_mm, recipe.size_mm, contrast, shape_rng)
    organ = setting.mask(*kind.among)
    surroundings, sd = _surroundings(setting, organ, at_mm, form.window)
    before = setting.samples[form.window]
    work = before if form.pull_mm is None else moved(before, form.pull_mm, setting.grid, sd, noise_rng)
    for layer in form.layers:
        work = _laid(work, layer, surroundings, sd, setting, noise_rng)
    samples = setting.samples.copy()
    samples[form.window] = as_type(samples.dtype, work)
    truth = _truth(form)
    mask = np.zeros(samples.shape, bool)
    mask[form.window] = truth >= 0.5
    if not mask.any():
        raise InvalidValue(f"a {kind.says} of {recipe.size_mm} mm is smaller than a voxel there: make it larger")
    return Made(
        frozen(samples),
        frozen(mask),
        at_mm,
        float(truth.sum() * setting.grid.voxel_volume_mm3),
        contrast,
        _index(samples, setting, kind, mask, probe_rng),
        float(organ.sum() * setting.grid.voxel_volume_mm3 / 1000),
    )


def _surroundings(setting: Setting, organ: Mask, at_mm: Float64, window: Window) -> tuple[float, float]:
    """Median of the organ near the lesion, or about it where little is near, and the noise there."""
    near = setting.window(at_mm, _AROUND_MM)
    for where in (near, window, (slice(None), slice(None), slice(None))):
        there = organ[where]
        if there.sum() >= 50:
            values = setting.samples[where].astype(np.float64)
            # Noise is what a slight blur takes away; 0.85 of its standard deviation where it is white.
            grain = (values - gaussian_filter(values, 1.0))[there] / 0.85
            return float(np.median(values[there])), robust_sd(grain)[1]
    raise InvalidValue("too little of the organ that the lesion lies in is known")


def _laid(
    work: NDArray[np.generic],
    layer: Layer,
    surroundings: float,
    sd: float,
    setting: Setting,
    rng: np.random.Generator,
) -> NDArray[np.generic]:
    if not (layer.share > 0).any():
        return work
    texture: Float32 | None = None
    if layer.texture_sd > 0:
        texture = _texture(layer, setting, rng)
    return insert(
        np.asarray(work, np.float64),
        setting.grid.spacing_mm,
        layer.share,
        surroundings + layer.contrast,
        setting.blur_mm,
        texture=texture,
        noise_sd=sd if layer.clears else None,
    ).samples


def _texture(layer: Layer, setting: Setting, rng: np.random.Generator) -> Float32:
    """Unevenness a few millimetres across, of no mean within the layer."""
    rough = gaussian_filter(rng.normal(size=layer.share.shape), 1.6 / setting.grid.spacing_mm)
    inside = layer.share > 0.5
    if inside.sum() < 8:
        return np.zeros(layer.share.shape, np.float32)
    rough -= float((rough * layer.share).sum() / layer.share.sum())
    return np.asarray(layer.texture_sd * rough / max(float(rough[inside].std()), 1e-9), np.float32)


def _truth(form: Form) -> Float32:
    if form.truth is not None:
        return form.truth
    counted = [layer.share for layer in form.layers if layer.counts]
    return np.asarray(np.maximum.reduce(counted), np.float32)


def _index(
    samples: NDArray[np.generic], setting: Setting, kind: Kind, mask: Mask, rng: np.random.Generator
) -> float | None:
    if not kind.compared:
        return None
    at, room = np.argwhere(mask), np.ceil(_PROFILE_MM / setting.grid.spacing_mm).astype(int)
    low = np.maximum(at.min(axis=0) - room, 0)
    high = np.minimum(at.max(axis=0) + 1 + room, mask.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    signal = samples[box].astype(np.float64) - setting.samples[box].astype(np.float64)
    organ = setting.mask(*kind.among)
    return index_in_place(
        signal,
        setting.samples,
        organ,
        rng,
        band_voxels=_BAND_MM / setting.grid.spacing_mm,
        least_share=_AS_FULL * float(organ[box].mean()),
    )
