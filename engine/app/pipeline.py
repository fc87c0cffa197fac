"""The main job: one series to labels, surfaces and their levels of detail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.app.stopwatch import Stopwatch
from engine.core.errors import FileProblem, InvalidValue
from engine.core.grid import Grid
from engine.core.progress import Progress, part, silent
from engine.core.structure import Structure
from engine.core.surface import Surface
from engine.core.volume import LabelMap, Volume
from engine.ingest.open import read_labels, read_volume
from engine.ingest.study import SeriesInfo

if TYPE_CHECKING:
    from engine.segment.segmenter import Segmenter

#: Distance bounds of the levels of detail, finest first. Half a millimetre is under the voxel of a
#: clinical CT; the coarser ones are for small on a screen and for headsets.
LOD_BOUNDS_MM = (0.5, 1.5)

#: Structures drawn fainter than this are context round the ones that matter: they are meshed from
#: half-resolution labels where that keeps voxels under `CONTEXT_SPACING_MM`, and simplified within
#: such a voxel. Fat and muscle of a chest CT have 19 million triangles at full resolution, and
#: nobody looks for detail in them.
CONTEXT_OPACITY = 0.5
CONTEXT_SPACING_MM = 2.5
CONTEXT_LOD_BOUNDS_MM = (1.0, 3.0)

MM3_PER_ML = 1000.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose."""

    phase: int = 0
    pipeline: str | None = None
    labels: Path | SeriesInfo | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.labels is not None and self.pipeline is not None:
            raise InvalidValue("labels take the place of a pipeline: give one of the two")


@dataclass(frozen=True, slots=True)
class StructureSurface:
    """One structure with its surfaces, finest first, and its measures."""

    structure: Structure
    lods: tuple[Surface, ...]
    voxels: int
    volume_ml: float
    surface_area_mm2: float
    closed: bool


@dataclass(frozen=True, slots=True)
class Processed:
    """All that the main job made of a series."""

    volume: Volume
    label_map: LabelMap
    surfaces: tuple[StructureSurface, ...]
    pipeline: str
    device: str
    warnings: tuple[str, ...]
    problems: tuple[FileProblem, ...]


def process_series(info: SeriesInfo, options: Options, progress: Progress, stopwatch: Stopwatch) -> Processed:
    """Read, segment and mesh one series.

    Raises:
        InputRefused, NotApplicable: as reading and segmenting raise.
        EnvironmentLacks: a device was asked for that is not there.
        Cancelled: from `progress`.
    """
    with ThreadPoolExecutor(1) as background:
        # torch takes as long to import as a scan to decode, and decoding needs no interpreter
        segmenters, meshes = background.submit(_import_segmenters), background.submit(_import_meshes)
        with stopwatch.stage("read"):
            reading = read_volume(info, phase=options.phase, progress=part(progress, 0.0, 0.3))
        with stopwatch.stage("imports"):
            segmenters.result()
        made = _label(reading.value, options, part(progress, 0.3, 0.6), stopwatch)
        with stopwatch.stage("imports"):
            meshes.result()
    surfaces = build_surfaces(made.label_map, part(progress, 0.6, 1.0), stopwatch)
    return Processed(
        volume=reading.value,
        label_map=made.label_map,
        surfaces=surfaces,
        pipeline=made.pipeline,
        device=made.device,
        warnings=(*reading.repairs, *made.warnings),
        problems=(*reading.problems, *made.problems),
    )


def _import_segmenters() -> None:
    import engine.segment.pipelines  # noqa: F401


def _import_meshes() -> None:
    import engine.mesh.lod
    import engine.mesh.measure  # noqa: F401
    from engine.mesh.extract import warm_up

    warm_up()


@dataclass(frozen=True, slots=True)
class _Labelled:
    """Labels on the CPU, and how they were made."""

    label_map: LabelMap
    pipeline: str
    device: str
    warnings: tuple[str, ...]
    problems: tuple[FileProblem, ...] = ()


def _label(volume: Volume, options: Options, progress: Progress, stopwatch: Stopwatch) -> _Labelled:
    if options.labels is not None:
        with stopwatch.stage("read labels"):
            reading = read_labels(options.labels, volume, progress)
        return _Labelled(reading.value, _taken_from(options.labels), "cpu", reading.repairs, reading.problems)
    from engine.segment.pipelines import choose
    from engine.segment.tensors import as_numpy, choose_device, on_device

    device = choose_device(options.device)
    with stopwatch.stage("segment"):
        segmenter = choose(volume, options.pipeline)
        segmentation = segmenter.segment(on_device(volume, device), progress=progress)
    label_map = segmentation.label_map
    on_cpu = replace(label_map, labels=as_numpy(label_map.labels))
    return _Labelled(on_cpu, _made_by(label_map, segmenter), str(device), segmentation.warnings)


def _taken_from(labels: Path | SeriesInfo) -> str:
    name = labels.name if isinstance(labels, Path) else labels.description or labels.files[0].name
    return f"labels from {name}"


def _made_by(label_map: LabelMap, segmenter: Segmenter) -> str:
    """The pipeline that made the structures, which may be a simpler one than was chosen first."""
    for structure in label_map.structures:
        return f"{structure.provenance.pipeline} {structure.provenance.version}"
    return f"{segmenter.name} {segmenter.version}"


def build_surfaces(label_map: LabelMap, progress: Progress, stopwatch: Stopwatch) -> tuple[StructureSurface, ...]:
    """Surfaces of the structures of `label_map` that have any voxel, with their levels of detail and measures.

    Raises:
        Cancelled: from `progress`.
    """
    from engine.mesh.lod import build_lods

    with stopwatch.stage("surfaces"):
        fine = [structure for structure in label_map.structures if not is_context(structure)]
        context = [structure for structure in label_map.structures if is_context(structure)]
        with ThreadPoolExecutor(2) as pool:  # side by side, so that one's serial parts fill the other's pauses
            near = pool.submit(_extracted, label_map, fine, part(progress, 0.0, 0.4))
            far = pool.submit(lambda: _extracted(_context_map(label_map), context, silent))
            counts = _label_counts(label_map)
            surfaces = near.result() | far.result()
    present = [structure for structure in label_map.structures if structure.label in surfaces]
    with stopwatch.stage("level of detail"):
        chains = build_lods(
            [surfaces[structure.label] for structure in present],
            [_lod_bounds_mm(structure) for structure in present],
            progress=part(progress, 0.4, 0.95),
        )
    with stopwatch.stage("measure"), ThreadPoolExecutor(2) as pool:
        return tuple(
            pool.map(
                lambda structure, chain: _measured(
                    structure, chain, surfaces[structure.label], _voxels(structure, counts), label_map.grid
                ),
                present,
                chains,
            )
        )


def is_context(structure: Structure) -> bool:
    """Whether a structure is drawn as what lies around the others: faint, and no finer than that needs."""
    return structure.opacity < CONTEXT_OPACITY


def _lod_bounds_mm(structure: Structure) -> tuple[float, ...]:
    return CONTEXT_LOD_BOUNDS_MM if is_context(structure) else LOD_BOUNDS_MM


def _label_counts(label_map: LabelMap) -> NDArray[np.int64]:
    """Voxels of every label."""
    from engine.segment.steps.histogram import label_counts
    from engine.segment.tensors import as_tensor

    if str(label_map.labels.dtype).endswith("uint8"):
        return np.asarray(label_counts(as_tensor(label_map.labels)).numpy(), dtype=np.int64)
    return np.bincount(np.asarray(label_map.labels).ravel(order="K"))


def _context_map(label_map: LabelMap) -> LabelMap:
    """The label map that context is meshed from: at half resolution where that is still fine enough."""
    from engine.mesh.halve import halved

    return halved(label_map) if label_map.grid.spacing_mm.max() * 2 <= CONTEXT_SPACING_MM else label_map


def _extracted(label_map: LabelMap, structures: list[Structure], progress: Progress) -> dict[int, Surface]:
    """Surfaces of `structures` by label, at the resolution of the label map."""
    from engine.mesh.extract import extract

    net = extract(label_map, labels=[structure.label for structure in structures], progress=progress)
    alone = [structure.label for structure in structures if not structure.includes]
    surfaces = net.surfaces(label for label in alone if label in net.present)
    for structure in structures:
        if structure.includes:
            surfaces |= extract(_union(label_map, structure)).surfaces()
    return surfaces


def _union(label_map: LabelMap, structure: Structure) -> LabelMap:
    """A label map of `structure` alone, with all that it includes."""
    labels = np.asarray(label_map.labels)
    table = np.zeros(np.iinfo(labels.dtype).max + 1, dtype=labels.dtype)
    table[list(structure.labels)] = structure.label
    return LabelMap(label_map.grid, table[labels.T].T, (structure,))


def _voxels(structure: Structure, counts: NDArray[np.int64]) -> int:
    return sum(int(counts[label]) for label in structure.labels if label < len(counts))


def _measured(
    structure: Structure, lods: tuple[Surface, ...], surface: Surface, voxels: int, grid: Grid
) -> StructureSurface:
    from engine.mesh.measure import area_mm2, is_closed

    return StructureSurface(
        structure=structure,
        lods=lods,
        voxels=voxels,
        volume_ml=voxels * grid.voxel_volume_mm3 / MM3_PER_ML,
        surface_area_mm2=area_mm2(surface),
        closed=all(map(is_closed, lods)),
    )
