"""Analytic phantoms: scans of known anatomy, made from a name and a seed.

The anatomy is implicit shapes in patient millimetres. A grid samples it the way a scanner would
(partial volume, point-spread blur, noise) and the truth is the label at each voxel's centre. Exact
volumes do not come from those voxels: lesions are closed forms, everything else is integrated
independently of the grid's spacing, with its error stated.

    phantom = make_phantom("thorax", seed=7)
    phantom.volume, phantom.label_map, phantom.truth.as_json()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.core.anatomy import ANATOMY, fallback_colour
from engine.core.array import Float32, Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.progress import Progress, silent
from engine.core.structure import Provenance, Structure
from engine.core.volume import LabelMap, Quantity, Source, Volume
from engine.ingest.phantom import abdomen, fields, head, scan, thorax
from engine.ingest.phantom.kernel import Lattice, count_region, render_region
from engine.ingest.phantom.model import Lesion, Model, anatomy_key
from engine.ingest.phantom.solid import Point, SceneArrays, compiled, turned
from engine.ingest.processors import processors

Int64 = NDArray[np.int64]

#: Raised whenever the same name and seed would give other bytes.
VERSION = "1"

#: Blocks that are proved inside or outside at once, about this long.
_BLOCK_MM = 6.0

#: Volumes are counted this often with other points: their spread tells the error.
_COUNTS = 4

#: They are refined from the coarsest step until the standard error is below this share, or below the floor in ml.
_VOLUME_SHARE = 1e-3
_VOLUME_FLOOR_ML = 5e-3
_COARSEST_MM, _FINEST_MM = 3.0, 0.25


@dataclass(frozen=True, slots=True)
class Recipe:
    """One phantom.

    Attributes:
        summary: what it shows, for lists and help.
        modality: DICOM modality.
        build: anatomy from a random generator.
        centre_mm, field_mm: the imaged box.
        background: value of air.
        noise: standard deviation in the middle of the body, in HU or in signal.
        blur_mm: full width at half maximum of the point spread along i, j, k.
        shade: relative amplitude of coil shading (MR).
        folds_mm: wavelength of the brain's folds, none where 0.
        value_range: samples are clipped to it.
    """

    summary: str
    modality: str
    build: Callable[[np.random.Generator], Model]
    centre_mm: Point
    field_mm: Point
    background: float
    noise: float
    blur_mm: Point
    shade: float = 0.0
    folds_mm: float = 0.0
    value_range: tuple[int, int] = (-1024, 3071)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "thorax": Recipe(
            "chest CT without contrast, six lung nodules: solid, part-solid, ground-glass, calcified",
            "CT",
            thorax.build,
            centre_mm=(0.0, 0.0, 0.0),
            field_mm=(380.0, 380.0, 300.0),
            background=-1000.0,
            noise=13.0,
            blur_mm=(1.2, 1.2, 1.0),
        ),
        "thorax_angiogram": Recipe(
            "chest CT with the pulmonary arteries full of contrast, nodules as in thorax",
            "CT",
            thorax.build_angiogram,
            centre_mm=(0.0, 0.0, 0.0),
            field_mm=(380.0, 380.0, 300.0),
            background=-1000.0,
            noise=15.0,
            blur_mm=(1.2, 1.2, 1.0),
        ),
        "abdomen": Recipe(
            "portal-venous abdomen CT, five liver lesions: cysts, metastases, haemangioma",
            "CT",
            abdomen.build,
            centre_mm=(0.0, 0.0, 0.0),
            field_mm=(390.0, 390.0, 310.0),
            background=-1000.0,
            noise=12.0,
            blur_mm=(1.2, 1.2, 1.0),
        ),
        "head": Recipe(
            "T1 head MR after contrast: brain, ventricles, enhancing tumour with oedema, arteries and veins",
            "MR",
            head.build_mr,
            centre_mm=(0.0, 0.0, -8.0),
            field_mm=(208.0, 248.0, 216.0),
            background=6.0,
            noise=14.0,
            blur_mm=(1.0, 1.0, 1.0),
            shade=0.12,
            folds_mm=24.0,
            value_range=(0, 4095),
        ),
        "head_ct": Recipe(
            "head CT after contrast: skull, brain, ventricles, enhancing tumour with oedema, vessels",
            "CT",
            head.build_ct,
            centre_mm=(0.0, 0.0, -8.0),
            field_mm=(208.0, 248.0, 216.0),
            background=-1000.0,
            noise=4.0,
            blur_mm=(0.9, 0.9, 0.9),
            folds_mm=24.0,
        ),
        "head_ct_plain": Recipe(
            "head CT without contrast, otherwise as head_ct",
            "CT",
            head.build_ct_plain,
            centre_mm=(0.0, 0.0, -8.0),
            field_mm=(208.0, 248.0, 216.0),
            background=-1000.0,
            noise=4.0,
            blur_mm=(0.9, 0.9, 0.9),
            folds_mm=24.0,
        ),
    }
)

#: Voxels along i, j, k, before any spacing is asked for.
SIZES: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {"small": (112, 112, 90), "reading": (192, 192, 160), "demo": (256, 256, 200), "full": (512, 512, 250)}
)


@dataclass(frozen=True, slots=True)
class TrueVolume:
    """Exact volume of one structure inside the imaged box.

    Attributes:
        error_ml: standard error; 0 for a closed form.
        method: "closed form" or "cell count".
    """

    label: int
    key: str
    name: str
    volume_ml: float
    error_ml: float
    method: str


@dataclass(frozen=True, slots=True)
class PhantomTruth:
    """What is in a phantom, exactly.

    Attributes:
        name, version, seed: together they decide every byte, with the grid.
        modality: DICOM modality that it imitates.
        shape, spacing_mm, turn_deg: the grid.
        noise, blur_mm: what the scanner did.
        volumes: one row a structure, by label.
        lesions: place, size and kind of each lesion.
    """

    name: str
    version: str
    seed: int
    modality: str
    shape: tuple[int, int, int]
    spacing_mm: Point
    turn_deg: Point
    noise: float
    blur_mm: Point
    volumes: tuple[TrueVolume, ...]
    lesions: tuple[Lesion, ...]

    def volume_ml(self, key: str) -> float:
        """Exact volume of structure `key`.

        Raises:
            InvalidValue: no such structure.
        """
        for row in self.volumes:
            if row.key == key:
                return row.volume_ml
        raise InvalidValue(f"no structure {key!r}; there are {', '.join(row.key for row in self.volumes)}")

    def as_json(self) -> dict[str, Any]:
        """The content of `phantom.json`."""
        return asdict(self)


@dataclass(frozen=True)
class Phantom:
    """A scan, its true labels on the same grid, and the truth beyond the grid.

    `truth` is worked out when first asked for: exact volumes take seconds that a picture does not need.
    """

    volume: Volume
    label_map: LabelMap
    recipe_name: str
    seed: int
    turn_deg: Point
    noise: float
    blur_mm: Point
    lesions: tuple[Lesion, ...]
    scene: SceneArrays = field(repr=False)

    @cached_property
    def truth(self) -> PhantomTruth:
        """Exact volumes, lesions and parameters."""
        grid = self.volume.grid
        si, sj, sk = (float(s) for s in grid.spacing_mm)
        return PhantomTruth(
            name=self.recipe_name,
            version=VERSION,
            seed=self.seed,
            modality=self.volume.source.modality,
            shape=grid.shape,
            spacing_mm=(si, sj, sk),
            turn_deg=self.turn_deg,
            noise=self.noise,
            blur_mm=self.blur_mm,
            volumes=_true_volumes(self.scene, grid, self.label_map.structures, self.lesions),
            lesions=self.lesions,
        )


def make_phantom(
    name: str,
    *,
    size: str = "demo",
    seed: int = 0,
    spacing_mm: Point | None = None,
    turn_deg: Point = (0.0, 0.0, 0.0),
    noise: float | None = None,
    blur_mm: Point | None = None,
    workers: int | None = None,
    healthy: bool = False,
    progress: Progress = silent,
) -> Phantom:
    """Build and scan a phantom. Same arguments, same bytes, on any number of threads.

    Args:
        name: a key of `RECIPES`.
        size: a key of `SIZES`.
        seed: decides vessels, folds, lesions, texture and noise.
        spacing_mm: voxel size along i, j, k, in place of the one that `size` implies.
        turn_deg: turns the grid about x, then y, then z of the patient: an oblique acquisition.
        noise: standard deviation in HU or signal; 0 for none, None for the recipe's own.
        blur_mm: full width at half maximum of the point spread along i, j, k; None for the recipe's own.
        workers: threads that sample; all processors by default.
        healthy: without the lesions, all else being the same.

    Raises:
        InvalidValue: unknown name or size, or a spacing that is not positive or leaves no voxel.
    """
    recipe = _known(RECIPES, name, "phantom")
    grid = _grid(recipe, _known(SIZES, size, "size"), spacing_mm, turn_deg, _frame_uid(name, seed))
    anatomy_rng, field_rng, scan_rng = np.random.default_rng(seed).spawn(3)
    progress(0.0, "anatomy")
    model = recipe.build(anatomy_rng)
    model = model.without_lesions() if healthy else model
    scene = _scene(recipe, model, field_rng)
    noise = recipe.noise if noise is None else noise
    blur_mm = recipe.blur_mm if blur_mm is None else blur_mm

    progress(0.1, "sampling")
    values, labels = _sampled(scene, grid, workers)
    progress(0.8, "scanner")
    _scanned(values, recipe, grid, noise, blur_mm, scan_rng)
    samples = np.rint(np.clip(values, *recipe.value_range, out=values), out=values).astype(np.int16)
    progress(1.0, "done")

    quantity = Quantity.HOUNSFIELD if recipe.modality == "CT" else Quantity.ARBITRARY
    source = Source("phantom", recipe.modality, description=f"Phantom: {name}, seed {seed}")
    return Phantom(
        Volume(grid, samples.T, quantity, source),
        LabelMap(grid, labels.T, _structures(name, seed, model)),
        recipe_name=name,
        seed=seed,
        turn_deg=turn_deg,
        noise=noise,
        blur_mm=blur_mm,
        lesions=model.lesions,
        scene=scene,
    )


Row = TypeVar("Row")


def _known(table: Mapping[str, Row], key: str, what: str) -> Row:
    if key not in table:
        raise InvalidValue(f"unknown {what} {key!r}; known are {', '.join(table)}")
    return table[key]


def _frame_uid(name: str, seed: int) -> str:
    """A Frame of Reference UID of the phantom's own (PS3.5 B.2: 2.25 and a 128-bit number)."""
    return f"2.25.{int.from_bytes(sha256(f'sightline phantom {name} {VERSION} {seed}'.encode()).digest()[:16])}"


def _grid(
    recipe: Recipe, shape: tuple[int, int, int], spacing_mm: Point | None, turn_deg: Point, frame_uid: str
) -> Grid:
    """The imaged box divided into voxels, turned about its centre."""
    field_mm = np.array(recipe.field_mm)
    spacing = field_mm / shape if spacing_mm is None else np.array(spacing_mm, dtype=np.float64)
    if not (spacing > 0).all() or not (spacing <= field_mm).all():
        raise InvalidValue(f"spacing must be positive and at most {recipe.field_mm} mm, got {spacing_mm}")
    ni, nj, nk = (round(float(n)) for n in field_mm / spacing)
    matrix = np.eye(4)
    matrix[:3, :3] = turned(turn_deg) * spacing
    matrix[:3, 3] = recipe.centre_mm - matrix[:3, :3] @ (np.array([ni, nj, nk]) - 1) / 2
    return Grid.from_matrix((ni, nj, nk), matrix, frame_uid)


def _scene(recipe: Recipe, model: Model, rng: np.random.Generator) -> SceneArrays:
    texture = fields.texture(rng)
    if not recipe.folds_mm:
        return compiled(model.layers, recipe.background, texture)
    folds, step_mm = fields.folds(rng, period_mm=168.0, wavelength_mm=recipe.folds_mm)
    return compiled(model.layers, recipe.background, texture, folds, step_mm)


def _lattice(origin_mm: Float64, steps_mm: Float64, least_block: int = 1, cells_across: float = 1) -> Lattice:
    """A lattice as the kernels take it; its finest edge is divided into `cells_across`, longer ones into more."""
    edges = np.linalg.norm(steps_mm, axis=0)
    block = np.clip(np.rint(_BLOCK_MM / edges), least_block, 16).astype(np.int64)
    cells = np.clip(np.rint(cells_across * edges / edges.min()), cells_across, 8).astype(np.int64)
    return Lattice(
        origin=np.array(origin_mm),
        steps=np.ascontiguousarray(steps_mm),
        block=block,
        cells=cells,
        half=float(np.linalg.norm(edges) / 2),
        width=float((edges / cells).max()),
        edge=float(edges.mean()) if edges.max() < 1.5 * edges.min() else 0.0,
    )


def _each_region(work: Callable[[Int64, Int64], None], shape: Int64, lattice: Lattice, workers: int | None) -> None:
    """Call `work` with the corner and stop of every region of 4 x 4 x 4 blocks, many at once."""
    size = 4 * lattice.block
    counts = -(-shape // size)
    with ThreadPoolExecutor(workers or processors()) as pool:
        corners = np.stack(np.unravel_index(np.arange(counts.prod()), counts, order="F"), axis=1) * size
        for _ in pool.map(lambda corner: work(corner, np.minimum(corner + size, shape)), corners):
            pass


def _sampled(scene: SceneArrays, grid: Grid, workers: int | None) -> tuple[Float32, np.ndarray]:
    """Values before the scanner and labels, (nk, nj, ni)."""
    values = np.empty(grid.shape[::-1], dtype=np.float32)
    labels = np.empty(grid.shape[::-1], dtype=np.uint8)
    matrix = grid.patient_from_voxel.matrix
    lattice = _lattice(matrix[:3, 3], matrix[:3, :3], cells_across=2)

    def render(corner: Int64, stop: Int64) -> None:
        render_region(scene, lattice, corner, stop, values, labels)

    _each_region(render, np.array(grid.shape), lattice, workers)
    return values, labels


def _scanned(
    values: Float32, recipe: Recipe, grid: Grid, noise: float, blur_mm: Point, rng: np.random.Generator
) -> None:
    """What the scanner does to `values` (nk, nj, ni), in place."""
    si, sj, sk = (float(s) for s in grid.spacing_mm)
    scan.blur(values, (blur_mm[2] / sk, blur_mm[1] / sj, blur_mm[0] / si))
    if recipe.modality == "CT":
        scan.add_ct_noise(values, noise, (sj, si), rng)
    else:
        scan.shade(values, recipe.shade, rng)
        scan.add_rician_noise(values, noise, rng)


def _structures(name: str, seed: int, model: Model) -> tuple[Structure, ...]:
    """What was painted, and last the whole patient, who has no voxel of their own but includes all."""
    provenance = Provenance(f"phantom {name}", VERSION, (("seed", str(seed)),), synthetic=True)
    names = dict(model.names)
    parts = []
    for label, key in enumerate(model.keys, start=1):
        parts.append(_structure(key, label, names.get(key), provenance))
    whole = "head" if name.startswith("head") else "body"
    labels = tuple(part.label for part in parts)
    patient = replace(ANATOMY[whole].as_structure(whole, len(parts) + 1, provenance), includes=labels)
    return (*parts, patient)


def _structure(key: str, label: int, name: str | None, provenance: Provenance) -> Structure:
    row = ANATOMY.get(anatomy_key(key))
    if row is None:  # bowel gas: shown, but nothing a clinic would code
        name = name or key.replace("_", " ").capitalize()
        return Structure(label, key, name, None, fallback_colour(label), provenance=provenance)
    return replace(row.as_structure(key, label, provenance), name=name or row.name)


def _true_volumes(
    scene: SceneArrays, grid: Grid, structures: tuple[Structure, ...], lesions: tuple[Lesion, ...]
) -> tuple[TrueVolume, ...]:
    """Closed forms for lesions wholly inside the imaged box, cell counts for the rest."""
    *parts, patient = structures
    exact = {lesion.key: lesion.volume_ml for lesion in lesions if _wholly_imaged(lesion, grid)}
    counted, error = _counted_volumes(scene, grid, [part.label for part in parts if exact.get(part.key) is not None])
    rows = []
    for part in parts:
        closed = exact.get(part.key)
        volume, spread = (counted[part.label], error[part.label]) if closed is None else (closed, 0.0)
        method = "cell count" if closed is None else "closed form"
        rows.append(TrueVolume(part.label, part.key, part.name, float(volume), float(spread), method))
    # The whole is counted as its complement's complement: air is the one label that all borders share.
    box_ml = grid.voxel_count * grid.voxel_volume_mm3 / 1000
    whole = TrueVolume(
        patient.label, patient.key, patient.name, box_ml - float(counted[0]), float(error[0]), "cell count"
    )
    return (*rows, whole)


def _wholly_imaged(lesion: Lesion, grid: Grid) -> bool:
    reach = max(lesion.radii_mm) / grid.spacing_mm
    centre = grid.patient_from_voxel.inverse.apply(lesion.centre_mm)
    return bool((centre - reach >= -0.5).all() and (centre + reach <= np.array(grid.shape) - 0.5).all())


def _counted_volumes(scene: SceneArrays, grid: Grid, known: list[int]) -> tuple[Float64, Float64]:
    """Volumes in ml and their standard errors, (labels + 1,), of labels in the imaged box.

    Counted in coarse cells, then in finer ones wherever a label can show that is neither `known`
    already nor counted well enough.
    """
    labels = int(scene.layers[:, 1].max()) + 1
    volume, error = np.zeros(labels), np.full(labels, np.inf)
    error[known] = 0.0
    step_mm = _COARSEST_MM
    while step_mm >= _FINEST_MM:
        wanted = error > np.maximum(_VOLUME_SHARE * volume, _VOLUME_FLOOR_ML)
        if not wanted.any():
            break
        counted = np.array([_cell_volumes(scene, grid, step_mm, wanted, salt) for salt in range(_COUNTS)])
        spread = counted.std(axis=0, ddof=1) / np.sqrt(_COUNTS)
        volume, error = np.where(wanted, counted.mean(axis=0), volume), np.where(wanted, spread, error)
        step_mm /= 1.6
    return volume, error


def _cell_volumes(scene: SceneArrays, grid: Grid, step_mm: float, wanted: np.ndarray, salt: int) -> Float64:
    """Volumes in ml, (labels + 1,), from one point in each of the cells that fill the imaged box exactly."""
    box_mm = np.array(grid.shape) * grid.spacing_mm
    shape = np.ceil(box_mm / step_mm).astype(np.int64)
    steps_mm = box_mm / shape
    # The box begins half a voxel before the first voxel's centre, the first cell's middle half a step later.
    axes_mm = grid.directions * steps_mm
    lattice = _lattice(grid.patient_from_voxel.apply((-0.5, -0.5, -0.5)) + axes_mm.sum(axis=1) / 2, axes_mm, 3)
    counts: list[Int64] = []

    def count(corner: Int64, stop: Int64) -> None:
        found = np.zeros(len(wanted), dtype=np.int64)
        count_region(scene, lattice, corner, stop, wanted, salt, found)
        counts.append(found)

    _each_region(count, shape, lattice, None)
    return np.asarray(np.sum(counts, axis=0) * (np.prod(steps_mm) / 1000), dtype=np.float64)
