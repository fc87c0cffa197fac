"""Packs: a version of a case as one file, a ZIP whose first entry lists every other with its SHA-256.

The same case gives the same bytes (on one zlib). Hashes tell damage and mistakes; who made a pack they cannot tell.
What comes in is not trusted: names, sizes, kinds of entries and hashes are looked at before and while it is unpacked,
beside its place, which it takes in one step or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import Field, ValidationError

from engine.app.case_check import checked
from engine.app.case_folder import files_within, named_files, open_case
from engine.app.training.author_publish import CASE_FILE
from engine.core.errors import EnvironmentLacks, FileProblem, InputRefused, SightlineError
from engine.core.progress import Progress, part
from engine.stream.message import Message, Sha256
from scenarios.case.case import Case
from scenarios.case.part import Line, Name

#: A pack holds at most so much; a whole study of 2,000 slices is a tenth of it.
MOST_FILES = 20_000
MOST_BYTES = 16 * 2**30
MOST_MANIFEST_BYTES = 8 * 2**20
MANIFEST = "manifest.json"
_CHUNK = 2**20
#: The first day that a ZIP can name: when a pack was made is no part of it.
_DAY = (1980, 1, 1, 0, 0, 0)
#: What does not get smaller.
_PACKED = frozenset({".gz", ".zip", ".jpg", ".jpeg", ".png", ".jp2", ".jls"})
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")
_LONGEST_NAME = 300
#: Names that Windows keeps for itself, with any ending.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(1, 10))})


class PackedFile(Message):
    """One file of a pack."""

    path: Line
    bytes: int = Field(ge=0, le=MOST_BYTES)
    sha256: Sha256


class Manifest(Message):
    """What a pack holds, in the order of names."""

    format: Literal["sightline-pack/1"] = "sightline-pack/1"
    case: Name
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: Line
    licence: Line
    files: tuple[PackedFile, ...] = Field(min_length=1, max_length=MOST_FILES)


# --- out --------------------------------------------------------------------------------------------


def packed(path: Path, out: Path, progress: Progress, *, quick: bool = False) -> dict[str, Any]:
    """Write the case at `path` as the pack `out`.

    Returns:
        The case, what the pack holds, and what the case needs beside it.

    Raises:
        InputRefused: the case is not sound, or a file of it has a name that not every system takes.
        EnvironmentLacks: the pack cannot be written.
    """
    case, folder = open_case(path)
    found = checked(folder / CASE_FILE if path.is_dir() else path, quick=quick, progress=part(progress, 0.0, 0.4))
    if found.flaws:
        raise InputRefused("the case is not sound", [FileProblem(found.file, str(flaw)) for flaw in found.flaws])
    manifest = manifest_of(case, found.file, part(progress, 0.4, 0.6))
    partial = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with zipfile.ZipFile(partial, "w") as archive:
            with archive.open(_entry(MANIFEST), "w") as entry:
                entry.write(manifest.model_dump_json(indent=1).encode())
            for n, one in enumerate(manifest.files):
                progress(0.6 + 0.4 * n / len(manifest.files), "packing")
                source = found.file if one.path == CASE_FILE else folder / one.path
                with archive.open(_entry(one.path, one.bytes), "w") as entry:
                    _copied(source.open("rb"), entry, one)
        partial.replace(out)
    except OSError as error:
        raise EnvironmentLacks(f"cannot write {out} ({error.strerror or error})", "Choose another place.") from error
    finally:
        partial.unlink(missing_ok=True)
    needs = [one.fix for one in found.notes if one.path.endswith("source.scan")]
    return {
        "pack": str(out),
        "case": case.id,
        "version": case.version,
        "files": len(manifest.files),
        "bytes": out.stat().st_size,
        "needs": needs,
    }


def manifest_of(case: Case, file: Path, progress: Progress) -> Manifest:
    """What a pack of a case holds: its file, and what it names; nothing else that lies beside them.

    Raises:
        InputRefused: a file is not there, or has a name that not every system takes.
    """
    folder = file.parent
    paths = {CASE_FILE: file}
    for _, name in named_files(case):
        paths |= {one.relative_to(folder).as_posix(): one for one in files_within(folder, name)}
    wrong = list(_name_flaws(paths))
    if wrong:
        raise InputRefused("not every system takes these names: give them others", wrong)
    files = []
    for n, (name, place) in enumerate(sorted(paths.items())):
        progress(n / len(paths), "hashing")
        files.append(PackedFile(path=name, bytes=place.stat().st_size, sha256=_sha256(place)))
    return Manifest(case=case.id, version=case.version, title=case.title, licence=case.licence, files=tuple(files))


def _entry(name: str, size: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DAY)
    info.create_system = 3  # Unix, wherever it is made
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.compress_type = zipfile.ZIP_STORED if Path(name).suffix.lower() in _PACKED else zipfile.ZIP_DEFLATED
    info.file_size = size
    return info


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- in ---------------------------------------------------------------------------------------------


#: What reading a damaged ZIP may raise (a flipped bit can make it anything).
_DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError,
)  # fmt: skip


def imported(pack: Path, cases: Path, progress: Progress) -> dict[str, Any]:
    """Unpack a pack as `cases / id / version`.

    Returns:
        The folder, and whether it was there already, alike in every file.

    Raises:
        InputRefused: it is no pack, is damaged, holds what no pack does, or its version is there with other content.
        EnvironmentLacks: the folder cannot be written, or has no room.
    """
    try:
        with zipfile.ZipFile(pack) as archive:
            manifest = _manifest(archive)
            place = cases / manifest.case / manifest.version
            if place.exists():
                return _there_already(place, manifest, progress)
            _require_room(cases, manifest)
            return _unpacked(archive, manifest, cases, place, progress)
    except SightlineError:
        raise
    except _DAMAGED as error:
        raise InputRefused(f"{pack.name} is no pack, or is damaged: {error}") from error
    except OSError as error:
        raise EnvironmentLacks(
            f"cannot import {pack.name} ({error.strerror or error})", "See to the folder."
        ) from error


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    """What the pack says it holds, once that is what it holds by its directory.

    Raises:
        InputRefused: it is not.
    """
    entries = archive.infolist()
    if len(entries) > MOST_FILES + 1:
        raise InputRefused(f"a pack holds at most {MOST_FILES:,} files; this has {len(entries):,}")
    wrong = [FileProblem(Path(one.filename[-80:]), why) for one in entries if (why := _not_plain(one))]
    wrong += list(_name_flaws(one.filename for one in entries))
    if wrong:
        raise InputRefused("the pack holds what no pack does", wrong)
    by_name = {one.filename: one for one in entries}
    if MANIFEST not in by_name or by_name[MANIFEST].file_size > MOST_MANIFEST_BYTES:
        raise InputRefused(f"a pack begins with its list, {MANIFEST}: this is none")
    with archive.open(by_name.pop(MANIFEST)) as entry:
        text = entry.read(MOST_MANIFEST_BYTES + 1)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise InputRefused(f"the pack's list is none: {error.errors(include_url=False)[0]['msg']}") from None
    listed = {one.path: one.bytes for one in manifest.files}
    if len(listed) < len(manifest.files) or listed != {name: one.file_size for name, one in by_name.items()}:
        raise InputRefused("the pack does not hold the files that its list names, in their sizes")
    if sum(listed.values()) > MOST_BYTES:
        raise InputRefused(
            f"a pack unpacks to at most {MOST_BYTES / 2**30:.0f} GiB; this says {sum(listed.values()):,} B"
        )
    if CASE_FILE not in listed:
        raise InputRefused(f"the pack holds no {CASE_FILE}")
    return manifest


def _not_plain(entry: zipfile.ZipInfo) -> str | None:
    """Why an entry is no plain file."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.filename.endswith("/"):
        return "a folder of its own"
    if kind not in (0, stat.S_IFREG):
        return "a link or a device"
    if entry.flag_bits & 0x1:
        return "encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "packed in a way that packs are not"
    return None


def _name_flaws(names: Iterable[str]) -> Iterator[FileProblem]:
    """Names that lead elsewhere, that some system does not take, or that some system takes for one another."""
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in sorted(names):
        shown = Path(re.sub(r"[^ -~]", "?", name)[-80:] or "?")
        if why := _bad_name(name):
            yield FileProblem(shown, why)
            continue
        low = name.lower()
        if low in seen:
            yield FileProblem(shown, f"the same as {seen[low]} where capitals do not count")
        seen[low] = name
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folders.setdefault(folder.lower(), folder) != folder:
                yield FileProblem(shown, f"{folder} and {folders[folder.lower()]} are one where capitals do not count")
    for low in folders.keys() & seen.keys():
        yield FileProblem(Path(seen[low]), "a file and a folder of one name")


def _bad_name(name: str) -> str | None:
    if len(name) > _LONGEST_NAME:
        return f"a name of more than {_LONGEST_NAME} characters"
    for one in name.split("/"):
        if not _SEGMENT.fullmatch(one):
            return "a name is letters, digits, _ . - and blanks, within the pack's own folders"
        if one[-1] in ". ":
            return "a name that ends in a dot or a blank"
        if one.split(".")[0].rstrip().lower() in _DEVICES:
            return "a name that Windows keeps for itself"
    return None


def _there_already(place: Path, manifest: Manifest, progress: Progress) -> dict[str, Any]:
    case, _ = open_case(place)
    if manifest_of(case, place / CASE_FILE, progress).files != manifest.files:
        raise InputRefused(
            f"{manifest.case} {manifest.version} is there already with other content: a version never changes; "
            f"raise the version, or take {place} away"
        )
    return _told(place, manifest, was_there=True)


def _require_room(cases: Path, manifest: Manifest) -> None:
    cases.mkdir(parents=True, exist_ok=True)
    needed, free = sum(one.bytes for one in manifest.files), shutil.disk_usage(cases).free
    if needed > free:
        raise EnvironmentLacks(f"the pack needs {needed:,} B, and {free:,} are free", "Choose another place.")


def _unpacked(
    archive: zipfile.ZipFile, manifest: Manifest, cases: Path, place: Path, progress: Progress
) -> dict[str, Any]:
    partial = cases / f".{manifest.case}.{secrets.token_hex(4)}"
    try:
        for n, one in enumerate(manifest.files):
            progress(n / len(manifest.files), "unpacking")
            target = partial / one.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(one.path) as entry, target.open("xb") as file:
                _copied(entry, file, one)
                file.flush()
                os.fsync(file.fileno())
        _require_its_case(partial, manifest)
        place.parent.mkdir(exist_ok=True)
        partial.rename(place)  # refused where somebody else's files took the place meanwhile
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress(1.0, "done")
    return _told(place, manifest, was_there=False)


def _require_its_case(folder: Path, manifest: Manifest) -> None:
    """Refuse a pack whose case is not sound, is another one, or does not name all that was packed with it."""
    found = checked(folder / CASE_FILE, quick=True)
    if found.flaws or found.case is None:
        raise InputRefused("the case is not sound", [FileProblem(Path(CASE_FILE), str(flaw)) for flaw in found.flaws])
    if (found.case.id, found.case.version) != (manifest.case, manifest.version):
        raise InputRefused(
            f"the pack says {manifest.case} {manifest.version} and holds {found.case.id} {found.case.version}"
        )
    named = {CASE_FILE}
    for _, name in named_files(found.case):
        named |= {one.relative_to(folder).as_posix() for one in files_within(folder, name)}
    more = sorted({one.path for one in manifest.files} - named)
    if more:
        problems = [FileProblem(Path(one), "its case does not name it") for one in more]
        raise InputRefused("the pack holds more than its case", problems)


def _copied(source: IO[bytes], target: IO[bytes], one: PackedFile) -> None:
    """Copy, and no more than there should be.

    Raises:
        InputRefused: it is not what the list says.
    """
    digest, count = hashlib.sha256(), 0
    with source:
        while chunk := source.read(_CHUNK):
            count += len(chunk)
            if count > one.bytes:
                break
            digest.update(chunk)
            target.write(chunk)
    if count != one.bytes or digest.hexdigest() != one.sha256:
        raise InputRefused(f"{one.path} is not the file that the list names (sha256): the pack is damaged")


def _told(place: Path, manifest: Manifest, *, was_there: bool) -> dict[str, Any]:
    return {"folder": str(place), "case": manifest.case, "version": manifest.version, "was_there": was_there}
