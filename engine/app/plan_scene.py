"""A plan with its scan and its structures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.app.pipeline import Options, Processed, build_surfaces, process_series
from engine.app.plan_file import PlanFile, labels_changed, refuse_other_scan
from engine.app.stopwatch import Stopwatch
from engine.core.anatomy import OUTER
from engine.core.array import Float64
from engine.core.errors import InputRefused, InvalidValue, NotApplicable
from engine.core.progress import Progress, part, silent
from engine.core.surface import Surface
from engine.core.volume import LabelMap, Volume
from engine.ingest.open import take_inventory
from engine.ingest.study import SeriesInfo
from guidance.plan.plan import Plan

if TYPE_CHECKING:  # they compile kernels, which reading a plan needs none of
    from guidance.margins.surface_tree import SurfaceTree
    from guidance.trajectory.assess import Surroundings


@dataclass(frozen=True, slots=True)
class PlanScene:
    """What a plan speaks of.

    Attributes:
        file: the plan.
        processed: its scan, labels and surfaces.
        warnings: what whoever uses it should know.
    """

    file: PlanFile
    processed: Processed
    warnings: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """What is to be done."""
        return self.file.plan

    @property
    def names(self) -> dict[str, str]:
        """What the clinic calls each structure, by key."""
        return {one.key: one.name for one in self.processed.label_map.structures}

    @property
    def surfaces(self) -> dict[str, Surface]:
        """The finest surface of every structure that has one, by key."""
        return {one.structure.key: one.lods[0] for one in self.processed.surfaces if one.lods}

    def missing(self) -> tuple[str, ...]:
        """What the plan names and the scan has not, in words."""
        here = self.surfaces
        there_are = ", ".join(sorted(here)) or "none"
        return tuple(
            f"{key!r} is not among the structures; there are {there_are}"
            for key in self.plan.structures
            if key not in here
        )


def open_plan(file: PlanFile, progress: Progress) -> PlanScene:
    """Read the scan of a plan and its structures: from its labels, or by segmenting.

    Raises:
        InputRefused: no such scan, or another one; labels that do not belong to it.
    """
    info = series_of(file.scan, file.plan.series_uid, part(progress, 0.0, 0.05))
    options = Options(pipeline=file.pipeline, labels=file.labels)
    processed = process_series(info, options, part(progress, 0.05, 1.0), Stopwatch())
    refuse_other_scan(file, info, processed.volume.grid.frame_of_reference_uid)
    warnings = processed.warnings
    if labels_changed(file):
        warnings = ("the labels were changed since the plan was made: look over its structures", *warnings)
    return PlanScene(file, processed, warnings)


def series_of(scan: Path, series_uid: str | None, progress: Progress) -> SeriesInfo:
    """The series of a scan that a plan is bound to; of formats without UIDs the largest volume.

    Raises:
        InputRefused: nothing there that is a volume, or not that series.
    """
    if not scan.exists():
        raise InputRefused(f"{scan} does not exist: the path of the scan counts from the plan's folder")
    inventory = take_inventory([scan], progress)
    has_uid = series_uid is not None and not series_uid.startswith("sha256:")
    return inventory.choose(series_uid if has_uid else None)


@dataclass(frozen=True, slots=True)
class Entry:
    """The surface that tools go in through.

    Attributes:
        name: as the clinic calls it.
        note: where it comes from, if not from the plan's structures; empty otherwise.
    """

    surface: Surface
    name: str
    note: str = ""


def entry_of(scene: PlanScene, chosen: str | None = None) -> Entry:
    """The structure `chosen`, else the head or body of the plan's structures, else that of the scan itself.

    Labels that somebody drew rarely hold the skin: then the pipeline that fits the scan finds it.

    Raises:
        InputRefused: there is none that can be trusted, or not the chosen one.
    """
    here = scene.surfaces
    key = chosen or next((key for key in OUTER if key in here), None)
    if key in here:
        return Entry(here[key], scene.names[key])
    there_are = ", ".join(sorted(here)) or "none"
    if key is not None:
        raise InputRefused(f"no structure {key!r} to go in through; there are {there_are}")
    found = _skin_of(scene.processed.volume)
    if found is None:
        raise InputRefused(
            "neither the labels nor the scan itself show where a tool could go in: name a structure with --entry; "
            f"there are {there_are}"
        )
    return found


def _skin_of(volume: Volume) -> Entry | None:
    """Head or body as the pipeline for the scan finds it, with all that it includes."""
    from engine.segment.pipelines import choose
    from engine.segment.tensors import as_numpy, choose_device, on_device

    try:
        made = choose(volume).segment(on_device(volume, choose_device("cpu")), progress=silent).label_map
    except NotApplicable:
        return None
    for key in OUTER:
        structure = next((one for one in made.structures if one.key == key), None)
        if structure is None:
            continue
        table = np.zeros(np.iinfo(np.uint16).max + 1, np.uint8)
        table[list(structure.labels)] = 1
        alone = replace(structure, label=1, includes=())
        labels = LabelMap(made.grid, table[np.asarray(as_numpy(made.labels)).T].T, (alone,))
        for surface in build_surfaces(labels, silent, Stopwatch()):
            made_by = f"{structure.provenance.pipeline} {structure.provenance.version}"
            note = f"the labels hold no skin: the {structure.name.lower()} was found in the scan by {made_by}"
            return Entry(surface.lods[0], structure.name, note)
    return None


def surroundings(scene: PlanScene, entry: Entry) -> Surroundings:
    """What ways are judged by.

    Raises:
        InputRefused: a structure of the plan is not there, or its surface is open.
    """
    from guidance.trajectory.assess import Surroundings
    from guidance.trajectory.entry_surface import EntrySurface

    missing = scene.missing()
    if missing:
        raise InputRefused("; ".join(missing))
    plan, surfaces = scene.plan, scene.surfaces
    try:
        return Surroundings(
            EntrySurface(entry.surface),
            _trees(surfaces, tuple(one.key for one in plan.watched)),
            _trees(surfaces, plan.forbidden),
            plan.limits,
        )
    except InvalidValue as error:
        raise InputRefused(f"a surface cannot be measured to: {error}") from error


def _trees(surfaces: Mapping[str, Surface], keys: tuple[str, ...]) -> dict[str, SurfaceTree]:
    from guidance.margins.surface_tree import SurfaceTree

    return {key: SurfaceTree(surfaces[key]) for key in keys}


def target_place(scene: PlanScene) -> Float64:
    """(3,) the deepest place of the target: where a way to it ends, unless somebody says otherwise.

    Raises:
        InputRefused: the plan has no target, or the scan has not that structure.
    """
    from guidance.margins.surface_tree import SurfaceTree
    from guidance.trajectory.propose import deepest_inside

    target = scene.plan.target
    if target is None:
        raise InputRefused('the plan has no target: name a structure as "target", or give a place')
    if target not in scene.surfaces:
        raise InputRefused("; ".join(scene.missing()))
    surface = scene.surfaces[target]
    vertices = surface.vertices_mm.astype(np.float64)
    return deepest_inside(SurfaceTree(surface), vertices.min(axis=0), vertices.max(axis=0))
