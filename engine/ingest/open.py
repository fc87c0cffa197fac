"""The front door: any scan or segmentation, of any format, by its content and never by its name."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from engine.core.errors import FileProblem, InputRefused
from engine.core.progress import Progress, part, silent
from engine.core.volume import LabelMap, Volume
from engine.ingest.study import Inventory, Reader, Reading, SeriesInfo, SeriesKind

#: Formats in the order in which they are asked, with their readers: imported when first needed, so that
#: a DICOM folder costs no other format's imports. Formats with a magic number come before those without.
_READERS = {
    "dicom": ("engine.ingest.dicom.reader", "DicomReader"),
    "nrrd": ("engine.ingest.nrrd", "NrrdReader"),
    "metaimage": ("engine.ingest.metaimage", "MetaImageReader"),
    "nifti": ("engine.ingest.nifti", "NiftiReader"),
}

#: Bytes of a file that tell its format: a NIfTI header, which is longer than a DICOM preamble.
HEAD_BYTES = 352
ZIP_MAGIC = b"PK\x03\x04"


def take_inventory(paths: Iterable[Path], progress: Progress = silent) -> Inventory:
    """Everything under `paths` (files and folders), from headers alone; largest volume first.

    Raises:
        InputRefused: a path does not exist.
    """
    accepted: dict[str, list[Path]] = defaultdict(list)
    problems: list[FileProblem] = []
    files = list(_files(paths))
    for done, path in enumerate(files):
        if done % 64 == 0:
            progress(0.2 * done / len(files), "looking at files")
        name_or_reason = _format_of(path)
        if name_or_reason in _READERS:
            accepted[name_or_reason].append(path)
        else:
            problems.append(FileProblem(path, name_or_reason))
    found = list(_inventories(accepted, part(progress, 0.2, 1.0)))
    series = tuple(one for inventory in found for one in inventory.series)
    used = {path for one in series for path in one.files}
    problems = [p for p in problems if p.path not in used] + [p for inventory in found for p in inventory.problems]
    order = sorted(series, key=lambda info: (info.kind is not SeriesKind.VOLUME, -info.voxel_count))
    return Inventory(tuple(order), tuple(problems))


def read_volume(info: SeriesInfo, phase: int = 0, progress: Progress = silent) -> Reading[Volume]:
    """One phase of a series that `take_inventory` found.

    Raises:
        InputRefused: the series cannot become a volume, or has no such phase.
    """
    return _reader(info.format).read_volume(info, phase=phase, progress=progress)


def read_labels(
    source: SeriesInfo | Path, reference: Volume | None = None, progress: Progress = silent
) -> Reading[LabelMap]:
    """A segmentation, on the grid of `reference` where given (contours need one).

    Args:
        source: a series that `take_inventory` found, or a file or folder that holds one segmentation.

    Raises:
        InputRefused: no segmentation, several of them, or one that does not belong to `reference`.
    """
    info = _only_segmentation(source) if isinstance(source, Path) else source
    return _reader(info.format).read_labels(info, reference, progress=progress)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Files under `paths`, folders in order of name, each file once."""
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise InputRefused("nothing to read", [FileProblem(path, "does not exist")])
        for file in _walk(path) if path.is_dir() else [path]:
            if file not in seen:
                seen.add(file)
                yield file


def _walk(folder: Path) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        at = Path(place).stat()
        if (at.st_dev, at.st_ino) in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add((at.st_dev, at.st_ino))
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))


def _format_of(path: Path) -> str:
    """The name of the format that owns `path`, or why none does."""
    if not path.is_file():  # sockets and pipes would block
        return "not a regular file"
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if not head:
        return "empty"
    if head.startswith(ZIP_MAGIC):
        return "a zip archive: unpack it first"
    for name in _READERS:
        if _reader(name).accepts(path, head):
            return name
    return "no format that is read"


def _reader(name: str) -> Reader:
    """The reader of a format.

    Raises:
        InputRefused: no such format.
    """
    if name not in _READERS:
        raise InputRefused(f"no reader for {name!r}; there are {', '.join(_READERS)}")
    module, reader = _READERS[name]
    made: Reader = getattr(import_module(module), reader)()
    return made


def _inventories(accepted: dict[str, list[Path]], progress: Progress) -> Iterator[Inventory]:
    total, done = sum(map(len, accepted.values())), 0
    for name, paths in accepted.items():
        own = part(progress, done / total, (done + len(paths)) / total)
        yield _reader(name).inventory(tuple(paths), own)
        done += len(paths)


def _only_segmentation(path: Path) -> SeriesInfo:
    inventory = take_inventory([path])
    found = [info for info in inventory.series if info.kind in (SeriesKind.LABELS, SeriesKind.CONTOURS)]
    # A label map without a table looks like an image; asked for by path, it is taken at its owner's word.
    found = found or [info for info in inventory.series if info.kind is SeriesKind.VOLUME]
    if len(found) == 1:
        return found[0]
    raise InputRefused(f"expected one segmentation, found {len(found)}", inventory.problems)
