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
from engine.app.training.places import PLACES, Place
from engine.app.workers import Workers
from engine.core.errors import InputRefused, NotApplicable, SightlineError
from engine.core.progress import Progress, part
from engine.stream.messages import Scene
from engine.stream.named_blobs import blobs_of
from scenarios.case.case import Case
from scenarios.case.source import FileSource, LesionSource, PhantomSource
from scenarios.case.truth import Distractor, Finding, LesionPlace, MaskPlace, PointPlace, StructurePlace

if TYPE_CHECKING:
    from engine.core.grid import Grid
    from engine.core.volume import LabelMap, Volume

#: Raised whenever the same case would give other files.
VERSION = 2
#: Of a finding's border, no more voxels are kept: marks are matched to millimetres.
MOST_BORDER = 4000


class StillMaking(SightlineError):
    """The images of a case are not there yet."""


@dataclass(frozen=True, slots=True)
class MakeVolume:
    """The task that makes one volume of a case: its scene and its places as JSON in `folder`, its bricks as blobs."""

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
        from engine.app.pipeline import Processed
        from engine.app.publish import publish
        from engine.core.volume import LabelMap

        made = _made(self, part(progress, 0.0, 0.8))
        volume = made.volume
        places = _places(self.case, self.volume, made, self.source)
        blank = LabelMap(volume.grid, np.zeros(volume.grid.shape[::-1], np.uint8).T, ())
        title = self.case.volume(self.volume).title
        shown = Processed(volume, blank, (), "", "cpu", (), ())
        scene = publish(shown, BlobFolder(self.blobs), title, part(progress, 0.8, 1.0))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self.folder / "places.json", PLACES.dump_json(places))
        _write(self.folder / "scene.json", scene.model_dump_json().encode())  # last: it says that all is there


@dataclass(frozen=True, slots=True)
class _Made:
    """A volume, what is known to be in it by key, and the lesions that a recipe put in, by name with - as _."""

    volume: Volume
    structures: LabelMap | None
    lesions: LabelMap | None = None


def _made(task: MakeVolume, progress: Progress) -> _Made:
    source = task.case.volume(task.volume).source
    if not isinstance(source, LesionSource):
        return _base(task, source, progress)
    from scenarios.lesion.prepare import phantom_of, phantom_setting, prepare, scan_setting

    if isinstance(source.base, PhantomSource):
        phantom = phantom_of(source.base)
        prepared = prepare(source, phantom.volume, phantom_setting(phantom))
        return _Made(prepared.volume, phantom.label_map, prepared.lesions)
    base = _base(task, source.base, progress)
    labels = _segmented(base.volume)
    prepared = prepare(source, base.volume, scan_setting(base.volume, labels))
    return _Made(prepared.volume, labels, prepared.lesions)


def _base(task: MakeVolume, source: FileSource | PhantomSource, progress: Progress) -> _Made:
    from engine.ingest.open import read_volume, take_inventory

    if isinstance(source, PhantomSource):
        from scenarios.lesion.prepare import phantom_of

        phantom = phantom_of(source)
        return _Made(phantom.volume, phantom.label_map)
    if task.source is None or source.path is None:
        raise InputRefused(f"the scan {source.scan or source.path!r} is not here: put it into the case's folder")
    found = take_inventory([task.source / source.path]).series
    chosen = [one for one in found if source.series_uid in (None, one.uid)]
    if not chosen:
        raise InputRefused(f"{source.path} holds no volume of the case")
    volume = read_volume(chosen[0], progress=progress).value
    wanted = task.case.volume(task.volume)
    needs = any(isinstance(one.place, StructurePlace) for one in _in_volume(task.case, wanted.id))
    return _Made(volume, _segmented(volume) if needs else None)


def _places(case: Case, volume_id: str, made: _Made, folder: Path | None) -> dict[str, Place]:
    places = {}
    for one in _in_volume(case, volume_id):
        grid = made.volume.grid
        match one.place:
            case PointPlace():
                places[one.id] = _ball(grid, one.place)
            case MaskPlace():
                if folder is None:
                    raise InputRefused(f"the mask of {one.id} is not here: the case has no folder")
                places[one.id] = place_of(_mask(folder / one.place.file, one.place.label, made.volume), grid)
            case StructurePlace(key=key):
                places[one.id] = place_of(_of_key(made.structures, key, one.id), grid)
            case LesionPlace(lesion=lesion):
                places[one.id] = place_of(_of_key(made.lesions, lesion.replace("-", "_"), one.id), grid)
    return places


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


def _ball(grid: Grid, place: PointPlace) -> Place:
    """The slices of a ball: those that cut it."""
    voxel_from_patient = np.linalg.inv(grid.patient_from_voxel.matrix)
    k = float((voxel_from_patient @ [*place.at_mm, 1.0])[2])
    reach = place.radius_mm / float(grid.spacing_mm[2])
    middle, first, last = (int(np.clip(round(at), 0, grid.shape[2] - 1)) for at in (k, k - reach, k + reach))
    return Place(at_mm=place.at_mm, radius_mm=place.radius_mm, slices=(middle, first, last))


def place_of(mask: NDArray[np.bool_], grid: Grid) -> Place:
    """Where a mask (i, j, k) is: its middle, its border, and the slices on which it is seen.

    Raises:
        InputRefused: it holds no voxel.
    """
    from scipy.ndimage import binary_erosion

    if not mask.any():
        raise InputRefused("a finding of the case has no voxel in its volume")
    matrix = grid.patient_from_voxel.matrix
    inside = np.argwhere(mask)
    centre = matrix[:3, :3] @ inside.mean(axis=0) + matrix[:3, 3]
    border = np.argwhere(mask & ~binary_erosion(mask))
    border_mm = border[:: max(1, -(-len(border) // MOST_BORDER))] @ matrix[:3, :3].T + matrix[:3, 3]
    areas = mask.sum(axis=(0, 1))
    there = np.nonzero(areas)[0]
    radius_mm = float((3 * len(inside) * grid.voxel_volume_mm3 / (4 * np.pi)) ** (1 / 3))
    return Place(
        at_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        radius_mm=radius_mm,
        slices=(int(areas.argmax()), int(there[0]), int(there[-1])),
        border_mm=tuple((round(x, 2), round(y, 2), round(z, 2)) for x, y, z in border_mm.tolist()),
    )


def _write(path: Path, data: bytes) -> None:
    partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
    partial.write_bytes(data)
    partial.rename(path)


class CaseVolumes:
    """Not a value: what was made of cases, what is being made, and by whom. Its methods run on the event loop."""

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.blobs = BlobFolder(folder / "blobs")
        self._folder = folder / "volumes"
        self._workers = workers
        self._making: dict[str, Future[None]] = {}
        self._failed: dict[str, SightlineError] = {}
        self._places: dict[str, dict[str, Place]] = {}

    def is_ready(self, case: Case, volume: str) -> bool:
        """Whether its images can be fetched."""
        return (self._of(case, volume) / "scene.json").is_file()

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
        return any(self._of(case, one.id).name in self._failed for one in case.volumes)

    def scene(self, case: Case, volume: str, source: Path | None) -> Scene:
        """Its scene.

        Raises:
            StillMaking: it is being made.
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
            (folder / "scene.json").unlink(missing_ok=True)  # bricks were cleared away: made again
        self.begin(case, source)
        raise StillMaking("the images of this case are being made: ask again in a second")

    def places(self, case: Case) -> dict[str, Place]:
        """Where the findings of the volumes are that were made so far."""
        found: dict[str, Place] = {}
        for one in case.volumes:
            folder = self._of(case, one.id)
            if folder.name not in self._places and (folder / "scene.json").is_file():
                self._places[folder.name] = PLACES.validate_json((folder / "places.json").read_bytes())
            found |= self._places.get(folder.name, {})
        return found

    def _of(self, case: Case, volume: str) -> Path:
        """By the source, and by what is to be found in it."""
        truth = _in_volume(case, volume)
        parts = [str(VERSION), case.volume(volume).model_dump_json(), *(one.model_dump_json() for one in truth)]
        return self._folder / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
