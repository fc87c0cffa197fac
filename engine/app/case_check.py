"""`sightline case validate`: everything that is wrong with a case, in its file and in the files that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.case_folder import case_files, files_within, named_files, text_of
from engine.app.training.path_file import read_path
from engine.app.training.volumes import Made, made_volume, volume_ground
from engine.core.errors import InputRefused, SightlineError
from engine.core.progress import Progress, part, silent
from scenarios.case.case import Case, Flaw, Where
from scenarios.case.read import CaseFlaw, CaseRefused, placed, read_case
from scenarios.case.source import FileSource
from scenarios.case.task import ClassifyTask, GuideTask, MeasureTask
from scenarios.case.truth import Distractor, Finding, MaskPlace, PointPlace
from scenarios.score.ground import Place
from scenarios.score.size import NONE
from scenarios.score.task.measure import right_of

#: A measurement that is written and one that its mask gives are told apart from here, as |ln(one / other)|.
_APART = NONE


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found.

    Attributes:
        file: of the case.
        case: None where its file is none.
        flaws: what must be mended, in the order of lines.
        notes: what may be meant so.
    """

    file: Path
    case: Case | None
    flaws: tuple[CaseFlaw, ...]
    notes: tuple[CaseFlaw, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "file": str(self.file),
            "case": None if self.case is None else self.case.id,
            "version": None if self.case is None else self.case.version,
            "flaws": [asdict(one) for one in self.flaws],
            "notes": [asdict(one) for one in self.notes],
        }


def checked_all(paths: list[Path], *, quick: bool, progress: Progress = silent) -> list[Checked]:
    """Of every case under `paths`; two of one name and version are told.

    Raises:
        InputRefused: a path holds no case.
    """
    files = [file for path in paths for file in case_files(path)]
    found: list[Checked] = []
    known: dict[tuple[str, str], Path] = {}
    for n, file in enumerate(files):
        one = checked(file, quick=quick, progress=part(progress, n / len(files), (n + 1) / len(files)))
        if one.case is not None:
            first = known.setdefault((one.case.id, one.case.version), file)
            if first != file:
                twice = placed(text_of(file), ("id",), f"{first} is the same case in the same version: change one")
                one = Checked(file, one.case, (twice, *one.flaws), one.notes)
        found.append(one)
    return found


def checked(file: Path, *, quick: bool = False, progress: Progress = silent) -> Checked:
    """A case file. `quick`: without making its images.

    Raises:
        InputRefused: the file cannot be read at all.
    """
    text = text_of(file)
    try:
        case = read_case(text)
    except CaseRefused as error:
        return Checked(file, None, error.flaws)
    flaws: list[Flaw] = list(_file_flaws(case, file.parent))
    notes: list[Flaw] = list(_notes(case))
    if not flaws and not quick:
        for flaw, is_note in _image_flaws(case, file.parent, progress):
            (notes if is_note else flaws).append(flaw)
    return Checked(file, case, _told(text, flaws), _told(text, notes))


def _told(text: str, flaws: list[Flaw]) -> tuple[CaseFlaw, ...]:
    return tuple(sorted((placed(text, at, fix) for at, fix in flaws), key=lambda one: one.line))


def _file_flaws(case: Case, folder: Path) -> Iterator[Flaw]:
    for at, name in named_files(case):
        try:
            files_within(folder, name)
            if at[-1] == "recording":
                read_path(folder / name)
        except InputRefused as error:
            yield at, error.summary


def _notes(case: Case) -> Iterator[Flaw]:
    for n, volume in enumerate(case.volumes):
        if isinstance(volume.source, FileSource) and volume.source.path is None:
            yield (
                ("volumes", n, "source", "scan"),
                "whoever reads this case needs the scan itself: a pack leaves it out",
            )
    for n, task in enumerate(case.tasks):
        if isinstance(task, ClassifyTask) and case.scheme(task.scheme) is None:
            words = f"no table of {task.scheme} is here (schemes): no category is offered, and no rule is scored"
            yield ("tasks", n, "scheme"), words
    explained = {layer.of for layer in case.feedback if layer.when == "missed"}
    for n, finding in enumerate(case.truth.findings):
        if finding.is_key and finding.why is None and finding.id not in explained:
            yield ("truth", "findings", n), "nothing says what shows it (why): whoever misses it is told nothing"


def _image_flaws(case: Case, folder: Path, progress: Progress) -> Iterator[tuple[Flaw, bool]]:
    """What the images say; whether each is a note."""
    keys: set[str] = set()
    all_made = True
    for n, volume in enumerate(case.volumes):
        own = part(progress, n / len(case.volumes), (n + 1) / len(case.volumes))
        try:
            made = made_volume(case, volume.id, folder, own)
        except SightlineError as error:
            all_made = False
            yield (("volumes", n, "source"), str(error)), False
            continue
        keys |= {one.key for one in made.structures.structures} if made.structures is not None else set()
        places = _all_placed(case, volume.id, made, folder)
        for at, thing in _things(case, volume.id):
            wrong = _misplaced(case, volume.id, thing, made, None if thing.id in places else folder)
            if wrong:
                yield ((*at, "place", _LEADS[thing.place.kind]), wrong), False
        yield from ((flaw, True) for flaw in _measured(case, places))
    if all_made:
        yield from ((flaw, False) for flaw in _unknown_keys(case, keys))


def _things(case: Case, volume: str) -> Iterator[tuple[Where, Finding | Distractor]]:
    for n, finding in enumerate(case.truth.findings):
        if finding.volume == volume:
            yield ("truth", "findings", n), finding
    for n, distractor in enumerate(case.truth.distractors):
        if distractor.volume == volume:
            yield ("truth", "distractors", n), distractor


#: The field of a place that leads somewhere, by its kind.
_LEADS = {"mask": "label", "point": "at_mm", "lesion": "lesion", "structure": "key"}


def _all_placed(case: Case, volume: str, made: Made, folder: Path) -> Mapping[str, Place]:
    """Where everything in a volume is; nothing where any of it cannot be told."""
    try:
        return volume_ground(case, volume, made, folder).places
    except SightlineError:
        return {}


def _misplaced(case: Case, volume: str, thing: Finding | Distractor, made: Made, folder: Path | None) -> str | None:
    """Why it cannot be told where something is. `folder`: None where it could be."""
    grid = made.volume.grid
    if isinstance(thing.place, PointPlace):
        index = np.asarray(grid.patient_from_voxel.inverse.apply(np.array(thing.place.at_mm)))
        if (index < -0.5).any() or (index > np.array(grid.shape) - 0.5).any():
            return "this lies outside the volume: patient millimetres (LPS) are wanted"
    if folder is None:
        return None
    alone = Finding(id=thing.id, name=thing.name, volume=volume, place=thing.place)
    truth = case.truth.model_copy(update={"findings": (alone,), "distractors": (), "organ": ()})
    try:
        volume_ground(case.model_copy(update={"truth": truth, "tasks": ()}), volume, made, folder)
    except SightlineError as error:
        if str(error) == "nothing is painted" and isinstance(thing.place, MaskPlace):
            return f"{thing.place.file} has no voxel of label {thing.place.label}"
        return str(error)
    return None


def _measured(case: Case, places: Mapping[str, Place]) -> Iterator[Flaw]:
    """Values that are written and differ from what the mask gives by more than would score nothing."""
    for n, task in enumerate(case.tasks):
        if not isinstance(task, MeasureTask) or task.value is None or task.finding not in places:
            continue
        place = places[task.finding]
        if not len(place.voxels) or task.quantity == "mean_value":
            continue
        given = right_of(task.model_copy(update={"value": None}), place)
        if task.value <= 0 or abs(np.log(task.value / given)) > _APART:
            yield ("tasks", n, "value"), f"the mask gives {given:.1f}: one of the two may be meant otherwise"


def _unknown_keys(case: Case, keys: set[str]) -> Iterator[Flaw]:
    there = f"there is {', '.join(sorted(keys)) or 'none'}"
    for n, key in enumerate(case.truth.organ):
        if key not in keys:
            yield ("truth", "organ", n), f"its volumes have no structure {key!r}; {there}"
    findings = {one.id for one in case.truth.findings}
    for n, task in enumerate(case.tasks):
        if isinstance(task, GuideTask):
            for key in task.avoid:
                if key not in keys | findings:
                    yield ("tasks", n, "avoid", key), f"its volumes have no structure or finding {key!r}; {there}"
