"""A source with lesions, made: the volume, a label map of its lesions, and what is believed of each.

Phantoms tell where everything is; of a scan a segmentation pipeline does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.core.anatomy import ANATOMY, fallback_colour
from engine.core.array import Float64
from engine.core.structure import Provenance, Structure
from engine.core.volume import LabelMap, Volume
from engine.ingest.phantom.abdomen import VERTEBRAE as LUMBAR
from engine.ingest.phantom.make import Phantom, make_phantom
from engine.ingest.phantom.thorax import VERTEBRAE as THORACIC
from scenarios.case.case import Difficulty
from scenarios.case.source import LesionSource, PhantomSource
from scenarios.lesion.kinds import kind_of
from scenarios.lesion.make import Made, make
from scenarios.lesion.prior import prior
from scenarios.lesion.setting import Mask, Setting
from scenarios.lesion.sharpness import edge_blur_mm

#: Full width at half maximum over standard deviation of a Gaussian.
_FWHM = 2.3548
_BODIES = {"thorax": THORACIC, "thorax_angiogram": THORACIC, "abdomen": LUMBAR}


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A source, made.

    Attributes:
        volume: with its lesions.
        lesions: label n is lesion n of the source, its key the lesion's name with _ for -; where two meet, the
            later is seen.
        made: each lesion, in the order of the source.
        difficulty: of each, by its name.
    """

    volume: Volume
    lesions: LabelMap
    made: tuple[Made, ...]
    difficulty: dict[str, Difficulty]


def phantom_of(source: PhantomSource, workers: int | None = None) -> Phantom:
    """The phantom of a source."""
    return make_phantom(source.body, size=source.size, seed=source.seed, healthy=source.healthy, workers=workers)


def phantom_setting(phantom: Phantom) -> Setting:
    """Where a lesion goes in a phantom: its structures, each vertebral body, and its own blur."""
    structures = masks_of(phantom.label_map)
    grid = phantom.volume.grid
    bone = structures.get("bone")
    if bone is not None:
        structures |= _vertebral_bodies(phantom, bone)
    return Setting(grid, np.asarray(phantom.volume.samples), structures, np.array(phantom.blur_mm) / _FWHM)


def scan_setting(volume: Volume, labels: LabelMap, blur_mm: Float64 | None = None) -> Setting:
    """Where a lesion goes in a scan: the structures that were segmented, and the blur that its edges show."""
    samples = np.asarray(volume.samples)
    blur = edge_blur_mm(samples, volume.grid) if blur_mm is None else blur_mm
    return Setting(volume.grid, samples, masks_of(labels), blur)


def masks_of(labels: LabelMap) -> dict[str, Mask]:
    """A mask for each structure that is no sum of others."""
    voxels = np.asarray(labels.labels)
    return {one.key: voxels == one.label for one in labels.structures if not one.includes}


def prepare(source: LesionSource, volume: Volume, setting: Setting) -> Prepared:
    """Put the lesions of a source into its base, one after the other.

    Args:
        source: the recipes.
        volume: the base.
        setting: of the base (`phantom_setting`, `scan_setting`).

    Raises:
        InvalidValue: a lesion that cannot be made there; the message names it.
    """
    labels = np.zeros(volume.grid.shape[::-1], np.uint8).T
    made: list[Made] = []
    difficulty: dict[str, Difficulty] = {}
    structures = []
    for n, recipe in enumerate(source.lesions, start=1):
        one = make(recipe, setting, np.random.default_rng(recipe.seed))
        kind = kind_of(recipe.kind)
        labels[one.mask] = n
        made.append(one)
        difficulty[recipe.id] = prior(kind, one.index, recipe.size_mm, one.contrast, one.searched_ml)
        structures.append(_structure(n, recipe.id.replace("-", "_"), kind.says))
        others = {key: mask & ~one.mask for key, mask in setting.structures.items()}
        setting = replace(setting, samples=one.samples, structures=others)
    return Prepared(
        volume.with_samples(setting.samples), LabelMap(volume.grid, labels, tuple(structures)), tuple(made), difficulty
    )


def prepare_phantom(source: LesionSource, workers: int | None = None) -> Prepared:
    """A source whose base is a phantom."""
    if not isinstance(source.base, PhantomSource):
        raise TypeError("the base of this source is a scan: read it and call `prepare`")
    phantom = phantom_of(source.base, workers)
    return prepare(source, phantom.volume, phantom_setting(phantom))


def _structure(label: int, key: str, says: str) -> Structure:
    code = ANATOMY["lesion"].code
    provenance = Provenance("lesion recipe", "1", synthetic=True)
    return Structure(label, key, says.capitalize(), code, fallback_colour(label), 1.0, provenance)


def _vertebral_bodies(phantom: Phantom, bone: Mask) -> dict[str, Mask]:
    """Bodies without their arches, as boxes of the phantom's own table tell."""
    grid = phantom.volume.grid
    found = np.argwhere(bone)
    points = grid.patient_from_voxel.apply(found.astype(np.float64))
    bodies: dict[str, Mask] = {}
    for n, ((x, y, z), width, depth, height) in enumerate(_BODIES.get(phantom.recipe_name, ()), start=1):
        step = (points - (x, y, z)) / (width / 2 + 0.5, depth / 2 + 0.5, height / 2 + 0.5)
        inside = (np.abs(step[:, 0]) ** 2.5 + np.abs(step[:, 1]) ** 2.5 <= 1.1) & (np.abs(step[:, 2]) <= 1.0)
        if inside.sum() < 20:
            continue
        mask = np.zeros(bone.shape, bool)
        mask[tuple(found[inside].T)] = True
        bodies[f"vertebral_body_{n}"] = mask
    return bodies
