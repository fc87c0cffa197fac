"""The studies that can be opened: folders given on the command line, and uploads."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from engine.app.worker import Work
from engine.core.progress import Progress, silent
from engine.ingest.belonging import scan_of
from engine.ingest.open import take_inventory
from engine.ingest.study import Inventory, SeriesInfo
from engine.stream.messages import OpenRequest, ProblemMessage, SeriesMessage, Study
from engine.stream.server import NotFound


@dataclass(frozen=True, slots=True)
class Shelf:
    """One study: where it lies and what is in it."""

    id: str
    name: str
    paths: tuple[Path, ...]
    inventory: Inventory
    dropped: bool = False

    def message(self) -> Study:
        """The study as the page lists it; files are named without their folders."""
        return Study(
            id=self.id,
            name=self.name,
            dropped=self.dropped,
            series=tuple(_series(info) for info in self.inventory.series),
            problems=tuple(ProblemMessage(file=p.path.name, reason=p.reason) for p in self.inventory.problems[:200]),
        )


class StudyLibrary:
    """Studies by id, in the order they were added."""

    def __init__(self) -> None:
        self._shelves: dict[str, Shelf] = {}

    def add(self, name: str, paths: tuple[Path, ...], progress: Progress = silent, *, dropped: bool = False) -> Shelf:
        """Take the inventory of `paths` and list it as a study."""
        shelf = Shelf(secrets.token_urlsafe(8), name, paths, take_inventory(paths, progress), dropped)
        self._shelves[shelf.id] = shelf
        return shelf

    def get(self, study: str) -> Shelf:
        """The study called `study`.

        Raises:
            NotFound: no such study.
        """
        if study not in self._shelves:
            raise NotFound("no such study; reload the page")
        return self._shelves[study]

    def remove(self, study: str) -> Shelf:
        """Take a study off the list.

        Raises:
            NotFound: no such study.
        """
        shelf = self.get(study)
        del self._shelves[study]
        return shelf

    def work(self, request: OpenRequest) -> Work:
        """What a worker must open to answer `request`.

        Raises:
            NotFound: no such study.
            InputRefused: no such series, no volume, or a segmentation without its scan.
        """
        shelf = self.get(request.study)
        chosen = request.labels
        labels = self.get(chosen.study).inventory.choose(chosen.series) if chosen is not None else None
        if labels is not None and request.series is None:
            scan = scan_of(labels, shelf.inventory.series)
        else:
            scan = shelf.inventory.choose(request.series)
        return Work(request.model_copy(update={"series": scan.uid}), scan, labels, shelf.name)

    def messages(self) -> tuple[Study, ...]:
        """Every study as the page lists it."""
        return tuple(shelf.message() for shelf in self._shelves.values())


def _series(info: SeriesInfo) -> SeriesMessage:
    # A file without a description is known to its owner by its name; what was dropped on the page has a number.
    name = info.files[0].name if len(info.files) == 1 and not info.files[0].name.isdecimal() else ""
    return SeriesMessage(
        uid=info.uid,
        kind=str(info.kind),
        modality=info.modality,
        description=info.description or name,
        shape=info.shape,
        spacing_mm=info.spacing_mm,
        phases=info.phases,
        phase_names=info.phase_names,
        files=len(info.files),
        date=info.date.isoformat() if info.date else "",
        orientation=str(info.orientation or ""),
    )
