"""A case's images and where its findings are, made once in a worker and kept on the disk by what they are made from.

What goes to pages holds no labels: they would give away what is there.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.app.blobs import BlobFolder
from engine.app.training.ground_file import (
    MAP_MM,
    StructureMap,
    VolumeGround,
    ground_of,
    organ_of,
    read_ground,
    written,
)
from engine.app.training.path_file import read_path
from engine.app.workers import Workers
from engine.core.array import Float64
from engine.core.errors import InputRefused, SightlineError
from engine.core.progress import Progress, part
from engine.stream.messages import Scene
from engine.stream.named_blobs import blobs_of
from scenarios.case.case import Case
from scenarios.case.source import FileSource, LesionSource, PhantomSource
from scenarios.case.task import GuideTask
from scenarios.case.truth import Distractor, Finding, LesionPlace, MaskPlace, PointPlace, StructurePlace
from scenarios.reading.viewing import Target
from scenarios.score.ground import Ground, Place

if TYPE_CHECKING:
    from engine.core.grid import Grid
    from engine.core.volume import LabelMap, Volume

#: Raised whenever the same case would give other files.
VERSION = 3


class StillMaking(SightlineError):
    """The images of a case are not there yet."""


@dataclass(frozen=True, slots=True)
class MakeVolume:
    """The task that makes one volume of a case: its scene and what is there in `folder`, its bricks as blobs."""

    case: Case
    volume: str
    source: Path | None
    folder: Path
    blobs: Path

    def __call__(self, progress: Progress) -> None:
        """Do it.

        Raises:
            InputRefused: the scan is not there or cannot be read.
            NotApplicable: a place that this version cannot find.
        """
        from engine.app.publish import publish_volume

        made = made_volume(self.case, self.volume, self.source, part(progress, 0.0, 0.8))
        volume = made.volume
        ground = volume_ground(self.case, self.volume, made, self.source)
        progress(0.8, "packing slices")
        scene = publish_volume(volume, BlobFolder(self.blobs), self.case.volume(self.volume).title)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self.folder / "ground.npz", written(ground))
        _write(self.folder / "scene.json", scene.model_dump_json().encode())  # last: it says that all is there


@dataclass(frozen=True, slots=True)
class Made:
    """A volume, what is known to be in it by key, and the lesions that a recipe put in, by name with - as _."""

    volume: Volume
    structures: LabelMap | None
    lesions: LabelMap | None = None


def made_volume(case: Case, volume_id: str, folder: Path | None, progress: Progress) -> Made:
    """A volume of a case, from its file or its recipe.

    Args:
        folder: of the case; None where it needs none.

    Raises:
        InputRefused: the scan is not there, cannot be read, or is another one.
        NotApplicable: a recipe, or a place, that does not fit the volume.
    """
    source = case.volume(volume_id).source
    if not isinstance(source, LesionSource):
        return _base(case, volume_id, source, folder, progress)
    from scenarios.lesion.prepare import phantom_of, phantom_setting, prepare, scan_setting

    if isinstance(source.base, PhantomSource):
        phantom = phantom_of(source.base)
        prepared = prepare(source, phantom.volume, phantom_setting(phantom))
        return Made(prepared.volume, phantom.label_map, prepared.lesions)
    base = _base(case, volume_id, source.base, folder, progress)
    labels = _segmented(base.volume)
    prepared = prepare(source, base.volume, scan_setting(base.volume, labels))
    return Made(prepared.volume, labels, prepared.lesions)


def _base(
    case: Case, volume_id: str, source: FileSource | PhantomSource, folder: Path | None, progress: Progress
) -> Made:
    if isinstance(source, PhantomSource):
        from scenarios.lesion.prepare import phantom_of

        phantom = phantom_of(source)
        return Made(phantom.volume, phantom.label_map)
    if folder is None:
        raise InputRefused(f"the scan {source.scan or source.path!r} is not here: the case has no folder")
    volume = read_scan(source, folder, progress)
    return Made(volume, _segmented(volume) if _needs_structures(case, volume_id) else None)


def _needs_structures(case: Case, volume_id: str) -> bool:
    """Whether anything of the case is told by structures of a scan, which take minutes to find."""
    findings = {one.id for one in case.truth.findings}
    paths = (task for task in case.tasks if isinstance(task, GuideTask) and task.volume == volume_id)
    return (
        any(isinstance(one.place, StructurePlace) for one in _in_volume(case, volume_id))
        or any(key not in findings for task in paths for key in task.avoid)
        or (bool(case.truth.organ) and case.volume(volume_id).role == "current")
    )


def read_scan(source: FileSource, folder: Path, progress: Progress) -> Volume:
    """The scan of a source in the folder of its case.

    Raises:
        InputRefused: it is not there, cannot be read, or is another one.
    """
    from engine.ingest.open import read_volume, take_inventory
    from scenarios.case.fingerprint import fingerprint

    name = source.path or source.scan or ""
    leads_out = source.path is None and (Path(name).name != name or name == "..")
    if leads_out or not (folder / name).exists():
        raise InputRefused(f"the scan {name!r} is not here: put it into the case's folder")
    found = take_inventory([folder / name]).series
    chosen = [one for one in found if source.series_uid in (None, one.uid)]
    if not chosen:
        raise InputRefused(f"{name} holds no volume of the case")
    volume: Volume = read_volume(chosen[0], progress=progress).value
    if fingerprint(volume.grid, np.asarray(volume.samples)) != source.sha256:
        raise InputRefused(f"{name} is not the scan of the case: its samples or its place are others (sha256)")
    return volume


def volume_ground(case: Case, volume_id: str, made: Made, folder: Path | None) -> VolumeGround:
    """What is there in a volume that was made.

    Raises:
        InputRefused: where something is cannot be told: its mask, structure or lesion is not there.
    """
    grid, samples = made.volume.grid, np.asarray(made.volume.samples)

    def of_mask(mask: NDArray[np.bool_]) -> Place:
        return Place.of_mask(volume_id, grid, mask, float(samples[mask].mean()) if mask.any() else None)

    places: dict[str, Place] = {}
    for one in _in_volume(case, volume_id):
        match one.place:
            case PointPlace(at_mm=at, radius_mm=radius):
                places[one.id] = Place(volume_id, np.array(at), radius, grid)
            case MaskPlace(file=file, label=label):
                if folder is None:
                    raise InputRefused(f"the mask of {one.id} is not here: the case has no folder")
                places[one.id] = of_mask(_mask(folder / file, label, made.volume))
            case StructurePlace(key=key):
                places[one.id] = of_mask(_of_key(made.structures, key, one.id))
            case LesionPlace(lesion=lesion):
                places[one.id] = of_mask(_of_key(made.lesions, lesion.replace("-", "_"), one.id))
    known = made.structures
    keys = {one.key for one in known.structures} if known is not None else set()
    structures = {key: of_mask(_of_key(known, key, key)) for key in sorted(_kept_clear(case) & keys)}
    organ = _organ(case, volume_id, grid, known)
    return VolumeGround(grid, places, structures, organ, _map_of(known), _recordings(case, volume_id, folder))


def _recordings(case: Case, volume_id: str, folder: Path | None) -> dict[str, Float64]:
    """Recorded paths that tasks ask about."""
    found: dict[str, Float64] = {}
    for task in case.tasks:
        if isinstance(task, GuideTask) and task.volume == volume_id and task.recording is not None:
            if folder is None:
                raise InputRefused(f"the recording of {task.id} is not here: the case has no folder")
            found[task.id] = read_path(folder / task.recording)
    return found


def _kept_clear(case: Case) -> set[str]:
    """Structures that a path must not come near."""
    return {key for task in case.tasks if isinstance(task, GuideTask) for key in task.avoid}


def _organ(case: Case, volume_id: str, grid: Grid, known: LabelMap | None) -> Target | None:
    """What was to be searched, of the study that is read."""
    if known is None or case.volume(volume_id).role != "current":
        return None
    there = {one.key for one in known.structures}
    wanted = [label for key in case.truth.organ if key in there for label in known.structure(key).labels]
    mask = np.isin(np.asarray(known.labels), wanted)
    return Target.of_mask(volume_id, grid, mask) if mask.any() else None


def _map_of(known: LabelMap | None) -> StructureMap | None:
    if known is None:
        return None
    every = np.maximum(np.round(MAP_MM / known.grid.spacing_mm), 1).astype(int)
    middle = every // 2
    coarse = np.asarray(known.labels)[tuple(slice(m, None, step) for m, step in zip(middle, every, strict=True))]
    names = {one.label: one.name for one in known.structures if one.label < 256}
    return StructureMap(
        np.where(coarse < 256, coarse, 0).astype(np.uint8), (int(every[0]), int(every[1]), int(every[2])), names
    )


def _segmented(volume: Volume) -> LabelMap:
    """Structures of a scan, on the processor: a case is the same wherever it is made."""
    from engine.core.progress import silent
    from engine.segment.pipelines import choose
    from engine.segment.tensors import as_numpy, choose_device, on_device

    here = on_device(volume, choose_device("cpu"))
    labels = choose(here).segment(here, progress=silent).label_map
    return replace(labels, labels=as_numpy(labels.labels))


def _of_key(labels: LabelMap | None, key: str, finding: str) -> NDArray[np.bool_]:
    if labels is None:
        raise InputRefused(f"where {finding} is cannot be told: its volume has no structure {key!r}")
    return np.isin(np.asarray(labels.labels), labels.structure(key).labels)


def _in_volume(case: Case, volume: str) -> tuple[Finding | Distractor, ...]:
    things: tuple[Finding | Distractor, ...] = (*case.truth.findings, *case.truth.distractors)
    return tuple(one for one in things if one.volume == volume)


def _mask(path: Path, label: int, volume: Volume) -> NDArray[np.bool_]:
    from engine.ingest.open import read_labels

    return np.asarray(np.asarray(read_labels(path, volume).value.labels) == label)


def _write(path: Path, data: bytes) -> None:
    partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
    partial.write_bytes(data)
    partial.rename(path)


class CaseVolumes:
    """Not a value: what was made of cases, what is being made, and by whom. `begin` is for the event loop alone."""

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.blobs = BlobFolder(folder / "blobs")
        self._folder = folder / "volumes"
        self._workers = workers
        self._making: dict[str, Future[None]] = {}
        self._failed: dict[str, SightlineError] = {}
        self._grounds: dict[str, VolumeGround] = {}
        #: Folders, by case, version and volume: every answer asks for them.
        self._named: dict[tuple[str, str, str], tuple[Case, Path]] = {}
        #: Names of the folders of which it is known that all is there.
        self._there: set[str] = set()

    def is_ready(self, case: Case, volume: str) -> bool:
        """Whether its images can be fetched."""
        folder = self._of(case, volume)
        if folder.name not in self._there and (folder / "scene.json").is_file():
            self._there.add(folder.name)
        return folder.name in self._there

    def ready(self, case: Case) -> dict[str, bool]:
        """Of each volume."""
        return {one.id: self.is_ready(case, one.id) for one in case.volumes}

    def begin(self, case: Case, source: Path | None) -> None:
        """Have all that is not there be made, in the order in which it will be looked at."""
        for one in case.volumes:
            folder = self._of(case, one.id)
            if folder.name not in self._making and not self.is_ready(case, one.id):
                self._failed.pop(folder.name, None)
                task = MakeVolume(case, one.id, source, folder, self.blobs.folder)
                future = self._workers.submit(task).future
                self._making[folder.name] = future
                future.add_done_callback(self._ended(folder.name))

    def _ended(self, name: str) -> Callable[[Future[None]], None]:
        def ended(future: Future[None]) -> None:
            if not future.cancelled() and (error := future.exception()) is not None:
                known = isinstance(error, SightlineError)
                self._failed[name] = error if known else InputRefused(f"making the images failed: {error}")  # type: ignore[assignment]
            self._making.pop(name, None)

        return ended

    def has_failed(self, case: Case) -> bool:
        """Whether any of its images could not be made."""
        return bool(self._failed) and any(self._of(case, one.id).name in self._failed for one in case.volumes)

    def scene(self, case: Case, volume: str) -> Scene:
        """Its scene.

        Raises:
            StillMaking: it is not there: `begin` has it made.
            SightlineError: it could not be made.
        """
        folder = self._of(case, volume)
        failed = self._failed.get(folder.name)
        if failed is not None:
            raise failed
        if self.is_ready(case, volume):
            scene = Scene.model_validate_json((folder / "scene.json").read_bytes())
            if all(self.blobs.path(blob) is not None for blob in blobs_of(scene)):
                return scene
            self._there.discard(folder.name)
            (folder / "scene.json").unlink(missing_ok=True)  # bricks were cleared away: made again
        raise StillMaking("the images of this case are being made: ask again in a second")

    def ground(self, case: Case) -> Ground | None:
        """What is there in all its volumes; None while one of them is not made."""
        found: dict[str, VolumeGround] = {}
        for one in case.volumes:
            folder = self._of(case, one.id)
            if folder.name not in self._grounds:
                if not self.is_ready(case, one.id):
                    return None
                self._grounds[folder.name] = read_ground(folder / "ground.npz")
            found[one.id] = self._grounds[folder.name]
        return ground_of(found, case)

    def organ(self, case: Case) -> Target | None:
        """What was to be searched; None where nobody said, or it is not made."""
        there = (self._grounds.get(self._of(case, one.id).name) for one in case.volumes)
        return organ_of(one for one in there if one is not None)

    def ground_files(self, case: Case) -> dict[str, Path] | None:
        """Of each volume, for a worker to read (`read_ground`); None while one of them is not made."""
        if not all(self.is_ready(case, one.id) for one in case.volumes):
            return None
        return {one.id: self._of(case, one.id) / "ground.npz" for one in case.volumes}

    def _of(self, case: Case, volume: str) -> Path:
        """By the source, by what is to be found in it, and by the structures of which something is asked."""
        key = case.id, case.version, volume
        named = self._named.get(key)
        if named is None or named[0] is not case:  # a trial is another case under the same name
            truth = (one.model_dump_json() for one in _in_volume(case, volume))
            paths = sorted(f"{one.id}/{one.recording}" for one in case.tasks if isinstance(one, GuideTask))
            structures = [*case.truth.organ, "", *sorted(_kept_clear(case)), "", *paths]
            parts = [str(VERSION), case.volume(volume).model_dump_json(), *truth, *structures]
            name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
            named = self._named[key] = case, self._folder / name
        return named[1]
