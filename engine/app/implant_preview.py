"""What an implant looks like: the hole, the part in it, a cut across both, its wall; drawn from the distances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks
from guidance.implant.bone import Field
from guidance.implant.design import COLOUR, Implant
from guidance.implant.kernels.trace import trace

SIZE = 460
_HEAD, _FOOT = 64, 74
_BACK = np.array([24.0, 26.0, 30.0])
_BONE = np.array([226.0, 214.0, 186.0])
_PART = np.array(COLOUR, np.float64)
_TEXT, _QUIET = (232, 234, 238), (160, 166, 174)
#: Thickness in millimetres and its colour: dark red where it is too thin, then from orange to blue (a palette that red-
#: green colour blindness can read).
_RAMP = ((213, 94, 0), (240, 228, 66), (120, 200, 140), (0, 114, 178))
_TOO_THIN = np.array([110.0, 12.0, 30.0])

Image = NDArray[np.float64]


def require_drawing() -> Any:
    """The library that pictures are written with.

    Raises:
        EnvironmentLacks: it is not installed.
    """
    try:
        import PIL.Image
        import PIL.ImageDraw
        import PIL.ImageFont
    except ImportError as error:
        raise EnvironmentLacks("a picture needs Pillow", "Install it: pip install 'sightline[xr]'") from error
    return PIL


def draw_preview(implant: Implant, head: Field, least_wall_mm: float, path: Path) -> None:
    """Four pictures side by side, with what they show.

    Args:
        head: the bone of the whole head.
        least_wall_mm: thinner walls are drawn as too thin.
    """
    pil = require_drawing()
    outward, up, aside = _view(implant)
    scenes = [_scene(implant, head, outward, up, aside, filled) for filled in (False, True)]
    views = [
        ("The hole", f"{implant.defect.area_cm2:.0f} square cm, seen from outside", scenes[0]),
        ("Implant in place", _rim_words(implant), scenes[1]),
        ("Cut across both", "bone ivory, implant blue; outside to the top", _cut(implant, outward, aside)),
        ("Wall thickness", _wall_words(implant, least_wall_mm), _wall(implant, outward, up, aside, least_wall_mm)),
    ]
    page = pil.Image.new("RGB", (len(views) * (SIZE + 12) + 12, _HEAD + SIZE + _FOOT + 30), tuple(_BACK.astype(int)))
    pen, large, small = pil.ImageDraw.Draw(page), pil.ImageFont.load_default(22), pil.ImageFont.load_default(16)
    for n, (title, words, image) in enumerate(views):
        x = 12 + n * (SIZE + 12)
        page.paste(pil.Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)), (x, _HEAD))
        pen.text((x + 4, 20), title, fill=_TEXT, font=large)
        pen.text((x + 4, _HEAD + SIZE + 10), words, fill=_TEXT, font=small)
    _draw_scale(pen, small, 12 + 3 * (SIZE + 12), _HEAD + SIZE + 36, _top_mm(implant), least_wall_mm)
    arrow = "superior" if implant.marks is None or implant.marks.letters[1] == "S" else "anterior"
    facing = "left" if implant.side == "L" else "right"
    pen.text(
        (16, _HEAD + SIZE + 44),
        f"Up is {arrow}; the patient's {facing} side. Research use only, not a medical device.",
        fill=_QUIET,
        font=small,
    )
    page.save(path)


def _view(implant: Implant) -> tuple[Float64, Float64, Float64]:
    if implant.marks is not None:
        return implant.marks.outward, implant.marks.up, implant.marks.aside
    middle = implant.wall.points_mm.mean(axis=0)
    outward = implant.vault.outward(middle[None, :])[0]
    up = implant.vault.superior - (implant.vault.superior @ outward) * outward
    up /= np.linalg.norm(up)
    return outward, up, np.cross(up, outward)


def _rays(middle: Float64, outward: Float64, up: Float64, aside: Float64, half_mm: float) -> Float64:
    across = np.linspace(-half_mm, half_mm, SIZE)
    x, y = np.meshgrid(across, -across)
    return np.asarray(middle + 150.0 * outward + x.reshape(-1, 1) * aside + y.reshape(-1, 1) * up)


def _met(field: Field, starts: Float64, way: Float64) -> Float64:
    met = np.empty(len(starts))
    trace(field.signed_mm, field.origin_mm, field.spacing_mm, starts, way, met)
    return met


def _shaded(field: Field, starts: Float64, way: Float64, met: Float64, light: Float64, colour: Image) -> Image:
    """(n, 3) colours of what rays meet, the background where they meet nothing."""
    hit = np.isfinite(met)
    points = starts[hit] + met[hit, None] * way
    _, normals = field.at(points)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    bright = 0.25 + 0.75 * np.clip(normals @ light, 0.0, 1.0)
    out = np.tile(_BACK, (len(starts), 1))
    out[hit] = (colour[hit] if colour.ndim == 2 else colour) * bright[:, None]
    return out


def _light(outward: Float64, up: Float64, aside: Float64) -> Float64:
    light = 0.75 * outward + 0.45 * up - 0.45 * aside
    return light / np.linalg.norm(light)


def _scene(implant: Implant, head: Field, outward: Float64, up: Float64, aside: Float64, filled: bool) -> Image:
    light = _light(outward, up, aside)
    starts = _rays(implant.vault.middle_mm + 10 * outward, outward, up, aside, 112.0)
    bone = _met(head, starts, -outward)
    image = _shaded(head, starts, -outward, bone, light, _BONE)
    if filled:
        part = _met(implant.part, starts, -outward)
        front = part < bone
        colours = np.tile(_PART, (len(starts), 1))
        colours[front] *= _inked(implant, starts[front] - part[front, None] * outward)
        drawn = _shaded(implant.part, starts, -outward, np.where(front, part, np.inf), light, colours)
        image[front] = drawn[front]
    return image.reshape(SIZE, SIZE, 3)


def _cut(implant: Implant, outward: Float64, aside: Float64) -> Image:
    """The plane through the middle of the part along `outward` and `aside`."""
    middle = implant.wall.points_mm[np.argmax(implant.bone.at(implant.wall.points_mm)[0])]
    half = 1.25 * _half_mm(implant)
    across = np.linspace(-half, half, SIZE)
    x, y = np.meshgrid(across, -across - 0.5 * half)
    points = middle + x.reshape(-1, 1) * aside + (y.reshape(-1, 1) + 0.25 * half) * outward
    image = np.tile(_BACK, (SIZE * SIZE, 1))
    for field, colour in ((implant.bone, _BONE), (implant.part, _PART)):
        values = np.nan_to_num(field.at(points)[0], nan=9.0)
        share = np.clip(0.5 - values / (2 * half / SIZE), 0.0, 1.0)[:, None]
        image = image * (1 - share) + colour * share
    return image.reshape(SIZE, SIZE, 3)


def _wall(implant: Implant, outward: Float64, up: Float64, aside: Float64, least_wall_mm: float) -> Image:
    middle = implant.wall.points_mm.mean(axis=0)
    starts = _rays(middle, outward, up, aside, _half_mm(implant))
    met = _met(implant.part, starts, -outward)
    hit = np.isfinite(met)
    _, nearest = cKDTree(implant.wall.points_mm).query(starts[hit] - met[hit, None] * outward)
    colours = np.zeros((len(starts), 3))
    inked = _inked(implant, starts[hit] - met[hit, None] * outward)
    colours[hit] = inked * _coloured(implant.wall.thickness_mm[nearest], _top_mm(implant), least_wall_mm)
    return _shaded(implant.part, starts, -outward, met, _light(outward, up, aside), colours).reshape(SIZE, SIZE, 3)


def _inked(implant: Implant, points: Float64) -> Float64:
    """(n, 1) what marks are darkened by, so that they are seen without turning the part in the light."""
    if implant.marks is None:
        return np.ones((len(points), 1))
    return np.where(implant.marks.off_strokes_mm(points) < 0.0, 0.3, 1.0)[:, None]


def _half_mm(implant: Implant) -> float:
    points = implant.wall.points_mm
    return float(np.linalg.norm(points - points.mean(axis=0), axis=1).max()) * 1.12


def _top_mm(implant: Implant) -> float:
    return float(np.ceil(implant.wall.percentile_mm(95)))


def _coloured(thickness_mm: Float64, top_mm: float, least_wall_mm: float) -> Image:
    ramp = np.array(_RAMP, np.float64)
    place = np.clip((thickness_mm - least_wall_mm) / max(top_mm - least_wall_mm, 1e-6), 0, 1) * (len(ramp) - 1)
    low = np.minimum(place.astype(int), len(ramp) - 2)
    mixed = ramp[low] + (place - low)[:, None] * (ramp[low + 1] - ramp[low])
    return np.where((thickness_mm < least_wall_mm)[:, None], _TOO_THIN, mixed)


def _draw_scale(pen: Any, font: Any, x: int, y: int, top_mm: float, least_wall_mm: float) -> None:
    values = np.linspace(0.0, top_mm, SIZE - 60)
    for n, colour in enumerate(_coloured(values, top_mm, least_wall_mm).astype(int)):
        pen.line(((x + n, y), (x + n, y + 14)), fill=tuple(colour))
    last = SIZE - 60
    for value, words in ((0.0, "0"), (least_wall_mm, f"{least_wall_mm:g}"), (top_mm, f"{top_mm:g} mm")):
        pen.text((x + int(value / top_mm * last) - 4, y + 18), words, fill=_QUIET, font=font)


def _rim_words(implant: Implant) -> str:
    step = np.percentile(np.abs(implant.rim.step_mm), (50, 95)) if len(implant.rim.step_mm) else (np.nan, np.nan)
    return f"step at the rim {step[0]:.1f} mm, 95 % under {step[1]:.1f} mm"


def _wall_words(implant: Implant, least_wall_mm: float) -> str:
    thin = 100 * implant.wall.thinner_than(least_wall_mm)
    return f"{implant.wall.percentile_mm(50):.1f} mm in the middle of all; {thin:.1f} % under {least_wall_mm:g} mm"
