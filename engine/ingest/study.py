"""What readers find and what they return: values shared by every format.

Opening is in two steps. `inventory` reads headers only and sorts files into series; `read` turns
one series into a volume or label map. Both set bad files aside with a reason instead of stopping.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from engine.core.errors import FileProblem, InputRefused
from engine.core.progress import Progress
from engine.core.volume import LabelMap, Volume
from engine.ingest.orientation import Orientation

#: Refuse anything whose header claims more voxels than this before allocating: 2 Gi voxels is
#: four times a 1024 x 1024 x 512 CT, and 4 GiB as int16.
MAX_VOXELS = 2**31

#: Refuse a header that claims more than this many times what its file could hold. Lossless and
#: deflated medical images reach about 20:1, all-zero label maps 1000:1 (the bound of deflate).
MAX_INFLATION = 1100


class SeriesKind(StrEnum):
    """What a series can be used for."""

    VOLUME = "volume"
    LABELS = "labels"  # NIfTI/NRRD label map, DICOM SEG
    CONTOURS = "contours"  # RTSTRUCT
    LOCALIZER = "localizer"
    SECONDARY = "secondary capture"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """One series as its headers describe it.

    Attributes:
        uid: Series Instance UID, or a stable identifier where the format has none.
        kind: what it can be used for.
        format: "dicom", "nifti", "nrrd", "metaimage".
        modality: DICOM modality, empty when unknown.
        description: the series' own words: Series Description, else Protocol Name.
        files: its files, in reading order where headers tell it.
        shape: voxels (i, j, k) as far as headers tell; a 4-D series counts one phase.
        spacing_mm: as far as headers tell.
        phases: number of volumes in a 4-D series, 1 otherwise.
        study_uid: Study Instance UID, empty where the format has none.
        series_number: as the scanner counted; None where not stated.
        date: of the series, else of the study; None where not stated.
        orientation: the plane of its slices (i and j); None where not stated.
        thickness_mm: of a slice as its header states it, which is not the distance of slices; None where not stated.
        phase_names: what each phase is, in order ("echo 2", "b-value 800"); empty where headers only count them.
    """

    uid: str
    kind: SeriesKind
    format: str
    modality: str
    description: str
    files: tuple[Path, ...]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    phases: int = 1
    study_uid: str = ""
    series_number: int | None = None
    date: datetime.date | None = None
    orientation: Orientation | None = None
    thickness_mm: float | None = None
    phase_names: tuple[str, ...] = ()

    @property
    def voxel_count(self) -> int:
        """Voxels of one phase, from the headers."""
        return self.shape[0] * self.shape[1] * self.shape[2]


#: A kind of series as a person calls one of it, and several.
_PLURALS = {
    SeriesKind.VOLUME: ("volume", "volumes"),
    SeriesKind.LABELS: ("segmentation", "segmentations"),
    SeriesKind.CONTOURS: ("set of contours", "sets of contours"),
    SeriesKind.LOCALIZER: ("localizer", "localizers"),
    SeriesKind.SECONDARY: ("screen capture", "screen captures"),
    SeriesKind.UNUSABLE: ("unusable series", "unusable series"),
}


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything found under the given paths: series, largest volume first, and files set aside, each once."""

    series: tuple[SeriesInfo, ...]
    problems: tuple[FileProblem, ...] = ()

    def choose(self, series_uid: str | None = None) -> SeriesInfo:
        """The series called `series_uid`, or the largest volume.

        Raises:
            InputRefused: none such; says what there is instead.
        """
        if series_uid is not None:
            for info in self.series:
                if info.uid == series_uid:
                    return info
            raise InputRefused(f"no series {series_uid}; there are {self._listing()}", self.problems)
        volumes = [info for info in self.series if info.kind is SeriesKind.VOLUME]
        if not volumes:
            raise InputRefused(f"no volume to read; found {self._kinds()}", self.problems)
        return max(volumes, key=lambda info: info.voxel_count)

    def _kinds(self) -> str:
        """How many of what was found instead, in words."""
        counts = Counter(_PLURALS[info.kind] for info in self.series)
        rows = [f"{count} {one if count == 1 else many}" for (one, many), count in counts.items()]
        return ", ".join(rows) or "nothing readable"

    def _listing(self) -> str:
        rows = [f"{info.uid} ({info.kind}, {info.modality or info.format}, {info.shape})" for info in self.series]
        return "; ".join(rows) or "nothing readable"


def by_file(problems: Iterable[FileProblem]) -> tuple[FileProblem, ...]:
    """Each file once, with all that is to be said of it."""
    reasons: dict[Path, dict[str, None]] = {}
    for problem in problems:
        reasons.setdefault(problem.path, {}).update(dict.fromkeys(problem.reason.split("; ")))
    return tuple(FileProblem(path, "; ".join(of_one)) for path, of_one in reasons.items())


Value = TypeVar("Value", Volume, LabelMap)


@dataclass(frozen=True, slots=True)
class Reading(Generic[Value]):
    """A value read from files, with all that was done to it and all that was set aside.

    Attributes:
        value: the volume or label map.
        repairs: what was changed or assumed, in words for the user; empty when nothing was.
        problems: files of the series that were not used or not whole, and why.
    """

    value: Value
    repairs: tuple[str, ...] = ()
    problems: tuple[FileProblem, ...] = ()


class Reader(Protocol):
    """One file format. Readers are tried in order; the first that accepts a file owns it."""

    name: str

    def accepts(self, path: Path, head: bytes) -> bool:
        """Whether the file looks like this format; `head` is its first 352 bytes."""
        ...

    def inventory(self, paths: tuple[Path, ...], progress: Progress) -> Inventory:
        """Sort accepted files into series from their headers alone."""
        ...

    def read_volume(self, info: SeriesInfo, *, phase: int, progress: Progress) -> Reading[Volume]:
        """Read one phase of a series.

        Raises:
            InputRefused: the series cannot become a volume.
        """
        ...

    def read_labels(self, info: SeriesInfo, reference: Volume | None, *, progress: Progress) -> Reading[LabelMap]:
        """Read a segmentation, on the grid of `reference` when given (needed for contours).

        Raises:
            InputRefused: not a segmentation, or it does not belong to `reference`.
        """
        ...
