"""`sightline case catalog`: the cases that come with Sightline, and a picture of each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation

from engine.app.results import require_folder, whole_results
from engine.core.array import Float64
from engine.core.progress import Progress
from engine.ingest.phantom.make import Phantom
from scenarios.case.case import Case
from scenarios.case.source import LesionSource, PhantomSource
from scenarios.catalog.build import catalogue
from scenarios.lesion.prepare import phantom_of, phantom_setting, prepare
from scenarios.lesion.setting import Mask, Setting

#: Height of a slice in a montage, in pixels.
_SIDE_PX = 384
_OUTLINE = (250, 160, 0)


def catalog_rows() -> list[dict[str, Any]]:
    """What is listed of each case."""
    return [
        {
            "id": case.id,
            "title": case.title,
            "topic": case.topic,
            "concept": case.concept,
            "findings": len(case.truth.findings),
            "difficulty": case.difficulty.logit,
        }
        for case in catalogue()
    ]


def montages(out: Path, only: str, progress: Progress) -> list[dict[str, Any]]:
    """Make each case whose id holds `only`, and write its best slice, without and with outline, into `out`.

    Returns what was found of each: id, difficulty of its lesions, volume in ml.
    """
    require_folder(out)
    cases = [case for case in catalogue() if only in case.id]
    found = []
    with whole_results(out) as folder:
        for n, case in enumerate(cases):
            progress(n / max(len(cases), 1), case.id)
            picture, row = _made(case)
            Image.fromarray(picture).save(folder / f"{case.id}.jpg", quality=85)
            found.append(row)
    progress(1.0, "done")
    return found


@lru_cache(maxsize=1)
def _base(source: PhantomSource) -> tuple[Phantom, Setting]:
    phantom = phantom_of(source)
    return phantom, phantom_setting(phantom)


def _made(case: Case) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    source = case.volumes[0].source
    low, high = _window(case)
    if isinstance(source, LesionSource) and isinstance(source.base, PhantomSource):
        phantom, setting = _base(source.base)
        made = prepare(source, phantom.volume, setting)
        mask = np.asarray(made.lesions.labels) > 0
        row = {
            "id": case.id,
            "difficulty": {key: one.logit for key, one in made.difficulty.items()},
            "ml": [round(one.volume_mm3 / 1000, 2) for one in made.made],
        }
        return _picture(np.asarray(made.volume.samples), mask, setting.grid.spacing_mm, low, high), row
    if not isinstance(source, PhantomSource):
        raise TypeError("the catalogue is made of phantoms")
    phantom, setting = _base(source)
    samples = np.asarray(phantom.volume.samples)
    none = np.zeros(samples.shape, bool)
    return _picture(samples, none, setting.grid.spacing_mm, low, high), {"id": case.id, "difficulty": {}, "ml": []}


def _window(case: Case) -> tuple[float, float]:
    """The window that shows the case's finding best."""
    wanted = {"liver-metastasis": "Liver", "compression-fracture": "Bone"}.get(case.concept)
    for preset in case.display.presets:
        if preset.name == wanted or wanted is None:
            return preset.low, preset.high
    return case.display.presets[0].low, case.display.presets[0].high


def _picture(
    samples: NDArray[np.generic], mask: Mask, spacing_mm: Float64, low: float, high: float
) -> NDArray[np.uint8]:
    """The slice with most lesion in three planes, each without and with outline."""
    rows = list(_slices(samples, mask, spacing_mm, low, high))
    return np.concatenate([np.concatenate(pair, axis=0) for pair in rows], axis=1)


def _slices(
    samples: NDArray[np.generic], mask: Mask, spacing_mm: Float64, low: float, high: float
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    for axis in (2, 1, 0):
        others = tuple(n for n in range(3) if n != axis)
        area = mask.sum(axis=others)
        at = int(area.argmax()) if area.any() else samples.shape[axis] // 2
        plain = np.take(samples, at, axis=axis).T.astype(np.float64)
        inside = np.take(mask, at, axis=axis).T
        if axis != 2:
            plain, inside = plain[::-1], inside[::-1]
        grey = (np.clip((plain - low) / (high - low), 0.0, 1.0) * 255).astype(np.uint8)
        clear = np.repeat(grey[..., None], 3, axis=2)
        drawn = clear.copy()
        drawn[binary_dilation(inside) & ~inside] = _OUTLINE
        width = round(_SIDE_PX * plain.shape[1] * spacing_mm[others[0]] / (plain.shape[0] * spacing_mm[others[1]]))
        yield _scaled(clear, width), _scaled(drawn, width)


def _scaled(picture: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((width, _SIDE_PX), Image.Resampling.BICUBIC))
