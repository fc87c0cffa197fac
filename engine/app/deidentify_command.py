"""`sightline deidentify`: studies without their patients, written whole and searched, or not at all."""

from __future__ import annotations

import json
import os
import secrets
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.app.folders import data_folder
from engine.app.results import require_folder, whole_results
from engine.app.whole_write import write_whole
from engine.core.errors import EnvironmentLacks, FileProblem, InputRefused, InvalidValue
from engine.core.progress import Progress, part, silent
from engine.ingest.deidentify.burned import TEXT, reasons
from engine.ingest.deidentify.clean import Tally
from engine.ingest.deidentify.face import FacePlane, Looked, face_in_frames, without_face
from engine.ingest.deidentify.identity import Identity
from engine.ingest.deidentify.instance import Leak, Said, SetAside, deidentified_bytes, read, whose
from engine.ingest.deidentify.options import Faces, Options, methods
from engine.ingest.deidentify.pixels import frames_of
from engine.ingest.deidentify.secret import KEY_BYTES, Secret

KEY_FILE = "deidentification.key"
REPORT_FILE = "deidentification.json"


@dataclass
class _Findings:
    """What is counted on the way; by attributes, kinds and new UIDs, never by values."""

    tally: Tally = field(default_factory=Tally)
    set_aside: Counter[str] = field(default_factory=Counter)
    burned_in: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    not_looked_at: Counter[str] = field(default_factory=Counter)
    series: Counter[str] = field(default_factory=Counter)
    patients: set[str] = field(default_factory=set)
    defaced: Counter[str] = field(default_factory=Counter)
    faces: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _File:
    """A file that can be treated, and whose it is."""

    path: Path
    patient: str
    frame: str


def stored_secret() -> Secret:
    """The key of this installation; made where there is none, for its owner's eyes only.

    Raises:
        EnvironmentLacks: it cannot be read or written, or others can read it.
    """
    path = data_folder() / KEY_FILE
    remedy = f"See to {path}: without it no later study of a patient can be matched to those that are there."
    try:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if path.stat().st_mode & 0o077:
                raise EnvironmentLacks("the key of de-identification can be read by others", remedy) from None
            return Secret(path.read_bytes())
        key = secrets.token_bytes(KEY_BYTES)
        with os.fdopen(handle, "wb", buffering=0) as file:
            write_whole(file, key)
            os.fsync(file.fileno())
    except OSError as error:
        raise EnvironmentLacks(f"the key of de-identification cannot be used ({error.strerror})", remedy) from error
    except InvalidValue as error:
        raise EnvironmentLacks(f"the key of de-identification is damaged: {error}", remedy) from error
    return Secret(key)


def deidentified(
    paths: Sequence[Path],
    out: Path,
    options: Options,
    progress: Progress = silent,
    secret: Secret | None = None,
) -> dict[str, Any]:
    """Write the DICOM files under `paths` to `out`, a folder a series, without their patients; all of them or none.

    Args:
        secret: what stand-ins are derived from; the installation's own where not given.

    Returns:
        What was done, as `deidentification.json` has it: names of attributes and counts, never values.

    Raises:
        InputRefused: nothing can be treated, or something of a patient would have stayed: which files and attributes.
        EnvironmentLacks: the folder or the key cannot be used.
        Cancelled: through `progress`.
    """
    require_folder(out)
    secret = secret or stored_secret()
    found = _Findings()
    files, identities = _looked_through(list(_files(paths, out)), found, part(progress, 0.0, 0.15))
    if not files:
        raise InputRefused("no DICOM object that can be de-identified", _told(found.set_aside))
    faces = face_in_frames([(one.path, one.frame) for one in files], part(progress, 0.15, 0.4))
    written, leaking = 0, []
    with whole_results(out) as folder:
        for done, one in enumerate(files):
            progress(0.4 + 0.6 * done / len(files), "de-identifying")
            try:
                _treat(one, identities[one.patient], secret, options, faces, found, folder)
                written += 1
            except SetAside as reason:
                found.set_aside[str(reason)] += 1
            except Leak as leak:
                leaking.append(FileProblem(one.path, str(leak)))
        if leaking:
            raise InputRefused("nothing was written: something of the patient would have stayed", leaking)
        if not written:
            raise InputRefused("no DICOM object that can be de-identified", _told(found.set_aside))
        report = _report(found, options, written)
        (folder / REPORT_FILE).write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")
    progress(1.0, "done")
    return report


def _looked_through(
    paths: Sequence[Path], found: _Findings, progress: Progress
) -> tuple[list[_File], dict[str, Identity]]:
    """Files that can be treated, and what all files of a patient say of him: one may name what another hides."""
    files: list[_File] = []
    identities: dict[str, Identity] = defaultdict(Identity)
    for done, path in enumerate(paths):
        progress(done / len(paths), "looking at headers")
        try:
            dataset = read(path, pixels=False)
        except SetAside as reason:
            found.set_aside[str(reason)] += 1
            continue
        who = whose(dataset)
        identities[who.patient] |= who.identity
        files.append(_File(path, who.patient, str(dataset.get("FrameOfReferenceUID", ""))))
    return files, identities


def _treat(
    one: _File,
    identity: Identity,
    secret: Secret,
    options: Options,
    faces: dict[str, FacePlane | Looked],
    found: _Findings,
    folder: Path,
) -> None:
    """Write one file.

    Raises:
        SetAside, Leak: it is not written.
    """
    dataset = read(one.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = frames_of(one.path, dataset)
        why = reasons(dataset, frames or ())
    face = faces.get(one.frame, Looked.NOT)
    remove = isinstance(face, FacePlane) and options.faces is Faces.REMOVE
    if isinstance(face, FacePlane) and remove:
        without_face(one.path, dataset, face)
    shows = None if face is Looked.NOT else isinstance(face, FacePlane) and not remove
    burned = True if set(why) & {TEXT, "said by the file"} else None
    tally = Tally()
    data = deidentified_bytes(dataset, one.patient, identity, secret, options, tally, Said(burned, shows))
    series, instance = str(dataset.get("SeriesInstanceUID", "") or "no-series"), str(dataset.SOPInstanceUID)
    (folder / series).mkdir(exist_ok=True)
    (folder / series / f"{instance}.dcm").write_bytes(data)
    found.tally.done.update(tally.done)
    found.patients.add(str(dataset.PatientID))
    found.series[series] += 1
    found.burned_in[series].update(why)
    found.not_looked_at[series] += frames is None
    found.faces[series] += bool(shows)
    found.defaced[series] += remove


def _report(found: _Findings, options: Options, written: int) -> dict[str, Any]:
    actions: dict[str, dict[str, int]] = defaultdict(dict)
    for (what, keyword), count in sorted(found.tally.done.items()):
        actions[what][keyword] = count
    return {
        "files": written,
        "patients": len(found.patients),
        "series": len(found.series),
        "methods": [meaning for _, meaning in methods(options)],
        "actions": dict(sorted(actions.items())),
        "set_aside": dict(found.set_aside),
        "burned_in_text": {uid: dict(why) for uid, why in found.burned_in.items() if why},
        "pixels_not_looked_at": {uid: count for uid, count in found.not_looked_at.items() if count},
        "faces_shown": {uid: count for uid, count in found.faces.items() if count},
        "faces_removed": {uid: count for uid, count in found.defaced.items() if count},
    }


def _files(paths: Iterable[Path], out: Path) -> Iterator[Path]:
    """Regular files under `paths`, each once.

    Raises:
        InputRefused: a path does not exist, or results would lie among originals.
    """
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise InputRefused("nothing to read", [FileProblem(path, "does not exist")])
        if out.resolve().is_relative_to(path.resolve()):
            raise InputRefused("results would lie among the originals: choose another folder with --out")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            place = file.resolve()
            if file.is_file() and place not in seen:
                seen.add(place)
                yield file


def _told(reasons: Counter[str]) -> list[FileProblem]:
    return [FileProblem(Path(f"{count} files"), reason) for reason, count in reasons.items()]
