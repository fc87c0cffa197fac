"""Blood in the head on CT: within the brain, under and outside the dura, in the sulci and cisterns."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, label

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.lesion.blob import blob
from scenarios.lesion.form import Form, Layer, share_of, share_of_depth
from scenarios.lesion.place import depth_mm
from scenarios.lesion.setting import Mask, Setting
from scenarios.lesion.warp import pushed_out

#: What fills the skull.
WITHIN = ("brain", "grey_matter", "white_matter", "csf", "arteries", "veins")
#: Brain is pushed in by this share of a clot's thickness: the rest is fluid that gave way.
_PUSHED = 0.75
#: It fades over this depth.
_FADE_MM = 32.0
#: Blood on the convexity stays above the tentorium, so far below the middle of the upper head.
_TENTORIUM_MM = 34.0
#: Fluid deeper than this within the skull is in the ventricles.
_VENTRICLES_MM = 27.0


def parenchymal(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """A lobulated clot with a thin rim of oedema, which pushes what is about it."""
    shape = blob(size_mm, rng, lumps=0.13, slim=0.6)
    window = setting.window(at_mm, 1.9 * size_mm)
    points = setting.points_mm(window)
    brain = gaussian_filter(setting.mask("brain", "grey_matter", "white_matter")[window].astype(np.float32), 0.6)
    halo = shape.scaled(1.0 + 9.0 / size_mm)
    oedema = share_of(lambda p: halo.distance(p - at_mm), setting, window) * brain
    clot = share_of(lambda p: shape.distance(p - at_mm), setting, window)
    return Form(
        window,
        (
            Layer(np.asarray(oedema, np.float32), -0.28 * abs(contrast), counts=False, clears=False),
            Layer(clot, contrast, texture_sd=0.08 * abs(contrast)),
        ),
        pull_mm=_held(pushed_out(points - at_mm, 0.42 * size_mm, 0.6, 1.8 * size_mm), setting, window),
    )


def subdural(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """A crescent that crosses sutures, as thick as `size_mm`."""
    spread = np.radians(rng.uniform(40, 58))
    return _extra_axial(setting, at_mm, size_mm, contrast, float(spread), 4)


def epidural(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """A lens that its sutures hold together, as thick as `size_mm`."""
    spread = size_mm * rng.uniform(1.35, 1.7) / 66.0
    return _extra_axial(setting, at_mm, size_mm, contrast, float(spread), 2)


def _extra_axial(setting: Setting, at_mm: Float64, thick_mm: float, contrast: float, spread: float, blunt: int) -> Form:
    """Between skull and brain, within an angle `spread` about `at_mm` seen from the middle of the head."""
    cavity = skull_cavity(setting)
    middle = _middle_mm(setting, cavity)
    window = setting.window(middle, 95.0)
    points, inside = setting.points_mm(window), cavity[window]
    depth = depth_mm(inside, setting).astype(np.float64) - 0.5 * float(np.mean(setting.grid.spacing_mm))
    depth = np.where(inside, gaussian_filter(np.maximum(depth, 0.0), 1.2), -1.0)
    out = points - middle
    out /= np.maximum(np.linalg.norm(out, axis=-1), 1e-6)[..., None]
    toward = (at_mm - middle) / np.linalg.norm(at_mm - middle)
    angle = np.arccos(np.clip(out @ toward, -1.0, 1.0)) / spread
    same_side = np.sign(toward[0]) * (points[..., 0] - middle[0]) > 2.0
    above = np.clip((points[..., 2] - (middle[2] - _TENTORIUM_MM)) / 12.0, 0.0, 1.0)
    thick = thick_mm * np.clip(1.0 - angle**blunt, 0.0, 1.0) * same_side * above
    share = share_of_depth(depth - thick, setting.grid) * gaussian_filter(inside.astype(np.float32), 0.5)
    share *= thick > 0.3
    if share.max() < 0.5:
        raise InvalidValue(f"{thick_mm} mm is thinner than a voxel shows: make it thicker")
    soft = gaussian_filter(thick, 4.0)
    came = _PUSHED * soft * np.exp(-np.maximum(depth - thick, 0.0) / _FADE_MM) * (depth > thick)
    came *= np.clip(np.abs(points[..., 0] - middle[0]) / 6.0, 0.45, 1.0)  # the falx holds the midline back
    return Form(
        window,
        (Layer(np.asarray(share, np.float32), contrast, texture_sd=0.08 * abs(contrast)),),
        pull_mm=out * came[..., None],
    )


def subarachnoid(setting: Setting, at_mm: Float64, size_mm: float, contrast: float, rng: np.random.Generator) -> Form:
    """Blood in place of fluid within `size_mm`, thinning out; not in the ventricles."""
    window = setting.window(at_mm, 0.6 * size_mm)
    cavity = skull_cavity(setting)
    shallow = depth_mm(cavity, setting)[window] < _VENTRICLES_MM
    fluid = setting.mask("csf")[window] & shallow
    away = np.linalg.norm(setting.points_mm(window) - at_mm, axis=-1)
    clotted = gaussian_filter(rng.normal(size=away.shape), 3.0)
    clotted *= 0.12 * size_mm / max(float(clotted.std()), 1e-9)
    fade = np.clip((0.5 * size_mm - away + clotted) / (0.15 * size_mm), 0.0, 1.0)
    share = np.asarray(np.clip(fluid * fade, 0.0, 1.0), np.float32)
    return Form(window, (Layer(share, contrast, clears=False),))


def convexity(setting: Setting, _radius_mm: float, rng: np.random.Generator) -> Float64:
    """A place on the inside of the skull, to one side."""
    cavity = skull_cavity(setting)
    middle = _middle_mm(setting, cavity)
    border = np.argwhere(cavity & (depth_mm(cavity, setting) <= float(setting.grid.spacing_mm.max())))
    points = setting.grid.patient_from_voxel.apply(border.astype(np.float64))
    out = points - middle
    out /= np.linalg.norm(out, axis=1)[:, None]
    fit = points[(np.abs(out[:, 0]) > 0.7) & (out[:, 2] > -0.12) & (out[:, 2] < 0.6)]
    if len(fit) == 0:
        raise InvalidValue("no side of the skull is in this volume")
    return np.asarray(fit[int(rng.integers(len(fit)))])


def cistern(setting: Setting, _radius_mm: float, rng: np.random.Generator) -> Float64:
    """A place amid much fluid outside the ventricles: basal cisterns, Sylvian fissures, wide sulci."""
    shallow = depth_mm(skull_cavity(setting), setting) < _VENTRICLES_MM
    fluid = setting.mask("csf") & shallow
    dense = gaussian_filter(fluid.astype(np.float32), 6.0 / setting.grid.spacing_mm)
    fit = np.argwhere(fluid & (dense >= np.percentile(dense[fluid], 93)))
    return np.asarray(setting.grid.patient_from_voxel.apply(fit[int(rng.integers(len(fit)))].astype(np.float64)))


def skull_cavity(setting: Setting) -> Mask:
    """What fills the skull, in one piece."""
    inside = setting.mask(*WITHIN)
    pieces, count = label(depth_mm(inside, setting) > 4.0)
    if count == 0:
        raise InvalidValue("no brain is known in this volume")
    core = pieces == np.argmax(np.bincount(pieces[pieces > 0]))
    return np.asarray(inside & (depth_mm(~core, setting) <= 6.0))


def _middle_mm(setting: Setting, cavity: Mask) -> Float64:
    """The middle of the upper part of the cavity: between its sides, its front and back, some way below its top."""
    points = setting.grid.patient_from_voxel.apply(np.argwhere(cavity)[::5].astype(np.float64))
    top = points[:, 2].max()
    upper = points[points[:, 2] > top - 90.0]
    middle = (np.percentile(upper, 1, axis=0) + np.percentile(upper, 99, axis=0)) / 2
    return np.array([middle[0], middle[1], top - 62.0])


def _held(step_mm: Float64, setting: Setting, window: tuple[slice, slice, slice]) -> Float64:
    """Nothing moves outside the brain, and little at its border."""
    inside = setting.mask(*WITHIN)[window]
    held = np.clip(depth_mm(inside, setting) / 10.0, 0.0, 1.0)
    return np.asarray(step_mm * gaussian_filter(held, 1.0)[..., None] * inside[..., None])
