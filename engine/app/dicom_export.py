"""`sightline segment --export-dicom`: what was segmented as DICOM objects of the study that it was segmented from."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import InputRefused, InvalidValue
from engine.core.progress import Progress
from engine.core.structure import Structure
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.ingest.study import SeriesInfo

if TYPE_CHECKING:
    from engine.export.dicom.part10 import Stamp
    from engine.export.dicom.source import Source

NO_FRAME = "the slices name no frame of reference that they share: DICOM exports have one of their own"


class DicomObject(StrEnum):
    """What can be written."""

    SEG = "seg"
    LABELMAP = "labelmap"
    RTSTRUCT = "rtstruct"
    STL = "stl"


def new_uid() -> str:
    """A UID from a random UUID (PS3.5 annex B.2): it tells nothing of who made it."""
    return f"2.25.{uuid.uuid4().int}"


def stamp_of(now: datetime.datetime | None = None, uids: Callable[[], str] = new_uid) -> Stamp:
    """What tells this export from the next."""
    from engine.export.dicom.part10 import Stamp

    return Stamp(uids, now or datetime.datetime.now().astimezone(), metadata.version("sightline"))


def require_dicom(info: SeriesInfo) -> None:
    """Refuse a scan that has no DICOM study to export to.

    Raises:
        InputRefused: it was read from another format.
    """
    if info.format != "dicom":
        raise InputRefused(f"DICOM objects belong to a DICOM study, and this scan was read from {info.format}")


def source_of(info: SeriesInfo, phase: int = 0, uids: Callable[[], str] = new_uid) -> Source:
    """The slices that one phase of a series was read from.

    Raises:
        InputRefused: not DICOM, or its headers do not say what an export must refer to.
    """
    from engine.export.dicom.source import read_source
    from engine.ingest.dicom.series import DicomSeries

    require_dicom(info)
    if not isinstance(info, DicomSeries) or not info.frames:
        return read_source(info.files, uids)
    frames: dict[Path, set[int]] = defaultdict(set)
    for index in info.divided.members[phase]:
        header, plane = info.frames[index]
        frames[header.path].add(plane.frame)
    return read_source(list(frames), uids, frames)


def export_dicom(
    label_map: LabelMap,
    surfaces: Sequence[tuple[Structure, Surface]],
    source: Source,
    stamp: Stamp,
    folder: Path,
    wanted: Sequence[str],
    progress: Progress,
) -> tuple[Path, ...]:
    """Write the objects `wanted` into `folder`, which is made; what is there is not overwritten.

    Args:
        surfaces: closed ones, in the frame of the label map; for STL alone.

    Raises:
        InvalidValue: nothing to write, or a file is there already.
        EnvironmentLacks: the folder cannot be written.
    """
    from engine.export.dicom.part10 import save
    from engine.export.dicom.segmentation import Kind, segmentation
    from engine.export.dicom.solid import encapsulated_stl
    from engine.export.dicom.structure_set import SYNTAX, structure_set

    folder.mkdir(exist_ok=True)
    written = []
    for n, kind in enumerate(dict.fromkeys(DicomObject(name) for name in wanted)):
        progress(n / len(wanted), f"writing DICOM {kind.upper()}")
        match kind:
            case DicomObject.SEG:
                written.append(save(segmentation([label_map], source, stamp), folder / "segmentation.dcm"))
            case DicomObject.LABELMAP:
                found = segmentation([label_map], source, stamp, Kind.LABELMAP)
                written.append(save(found, folder / "labelmap.dcm"))
            case DicomObject.RTSTRUCT:
                found = structure_set([label_map], source, stamp)
                written.append(save(found, folder / "structures.dcm", syntax=SYNTAX))
            case DicomObject.STL:
                for structure, surface in surfaces:
                    found = encapsulated_stl(structure, surface, source, stamp)
                    written.append(save(found, folder / f"{structure.key}_stl.dcm"))
    if not written:
        raise InvalidValue("there is nothing to export: no structure has a surface")
    return tuple(written)
