"""`sightline case new`: a study as the beginning of a case, without its patient, whole or not at all.

DICOM is de-identified before anything of it is stored (docs/deidentification.md), and stays DICOM. Of other formats
values and geometry are kept and nothing that their headers say. Either way, who makes a case must have looked at it:
rules do not see everything.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from engine.app.training.author_publish import CASE_FILE
from engine.app.training.complete import TRUTH_FILE, slug
from engine.app.training.draft_files import SCAN_FILE
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from engine.core.progress import Progress, part
from engine.core.volume import LabelMap, Quantity, Volume
from engine.ingest.study import SeriesInfo
from scenarios.case.case import Case
from scenarios.case.display import Display, Pane, WindowPreset
from scenarios.case.fingerprint import fingerprint
from scenarios.case.mirc import Teaching
from scenarios.case.read import CaseRefused, read_case
from scenarios.case.source import CaseVolume, FileSource
from scenarios.case.task import MarkTask
from scenarios.case.truth import Finding, MaskPlace, Truth
from scenarios.case.write import case_text

if TYPE_CHECKING:
    from engine.ingest.deidentify.secret import Secret

#: Folder of the de-identified slices within the case.
STUDY = "study"
_VOLUME = "study"
UNLICENSED = "not licensed yet"
_TEXT_REMEDY = "look at the study; where nothing in it names anybody, say --allow-text"


@dataclass(frozen=True, slots=True)
class NewCase:
    """What is asked for.

    Attributes:
        title: as the trainee sees it; None: what the modality is called.
        id: None: from the title.
        series: UID of one of several; None: the largest volume.
        labels: segmentation whose structures become findings.
        deface: remove a face; else it is told.
        allow_text: keep a study whose pixels may hold text, or were not looked at.
        keep_patient: sex, age, size, weight.
        teaching: a teaching file, whose words come over.
    """

    title: str | None = None
    id: str | None = None
    topic: str = "general"
    licence: str = UNLICENSED
    series: str | None = None
    labels: Path | None = None
    deface: bool = False
    allow_text: bool = False
    keep_patient: bool = False
    teaching: Teaching | None = None


def new_case(study: Path, out: Path, ask: NewCase, progress: Progress, secret: Secret | None = None) -> dict[str, Any]:
    """Make the folder `out` of a new case of `study`.

    Args:
        secret: what stand-ins of identifiers are derived from; the installation's own where not given.

    Returns:
        What was made, and what a person must still look at; never anything of the patient.

    Raises:
        InputRefused: the study cannot be used, may hold text in its pixels, or `out` holds something.
        InvalidValue: what was asked for makes no case.
        EnvironmentLacks: the folder cannot be written.
    """
    from engine.ingest.open import read_labels, read_volume, take_inventory

    info = take_inventory([study], part(progress, 0.0, 0.1)).choose(ask.series)
    labels = None
    if ask.labels is not None:  # a segmentation names the study as it was before its identifiers were replaced
        labels = read_labels(ask.labels, read_volume(info).value).value
    with _whole_folder(out) as folder:
        keep = _dicom if info.format == "dicom" else _samples
        volume, path, told = keep(info, folder, ask, part(progress, 0.1, 0.9), secret)
        try:
            case = _draft(ask, volume, path, _findings(labels, volume, folder))
            text = case_text(case)
            read_case(text)
        except (ValidationError, CaseRefused) as error:
            raise InvalidValue(f"this makes no case: {error}") from None
        (folder / CASE_FILE).write_text(text, "utf-8")
    progress(1.0, "done")
    source = case.volumes[0].source
    assert isinstance(source, FileSource)
    found = [one.id for one in case.truth.findings]
    return {"folder": str(out), "case": case.id, "sha256": source.sha256, "findings": found, **told}


@contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` once the block is done, and is gone where it fails."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputRefused(f"{out} holds something: a new case has a folder of its own")
    partial = out.parent / f".{out.name}.{secrets.token_hex(4)}"
    try:
        partial.mkdir(parents=True, mode=0o700)
        yield partial
        partial.chmod(0o755)
        partial.replace(out)
    except OSError as error:
        raise EnvironmentLacks(
            f"cannot write to {out} ({error.strerror or error})", "Choose another folder."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


#: The volume as it is kept, its path in the case's folder, and what is told.
_Kept = tuple[Volume, str, dict[str, Any]]


def _dicom(info: SeriesInfo, folder: Path, ask: NewCase, progress: Progress, secret: Secret | None) -> _Kept:
    from engine.app.deidentify_command import REPORT_FILE, deidentified
    from engine.ingest.deidentify.options import Faces, Options
    from engine.ingest.open import read_volume, take_inventory

    faces = Faces.REMOVE if ask.deface else Faces.FLAG
    options = Options(keep_patient=ask.keep_patient, faces=faces)
    report = deidentified(info.files, folder / STUDY, options, part(progress, 0.0, 0.7), secret)
    text = sorted({why for whys in report["burned_in_text"].values() for why in whys})
    unseen = sum(report["pixels_not_looked_at"].values())
    if not ask.allow_text and (text or unseen):
        why = ", ".join([*text, *([f"pixels of {unseen} files could not be looked at"] if unseen else [])])
        raise InputRefused(f"there may be text in the pixels ({why}): {_TEXT_REMEDY}")
    (folder / STUDY / REPORT_FILE).replace(folder / REPORT_FILE)
    kept = take_inventory([folder / STUDY]).choose()
    volume = read_volume(kept, progress=part(progress, 0.7, 1.0)).value
    face = "shown" if report["faces_shown"] else "removed" if report["faces_removed"] else "none seen"
    return volume, STUDY, {"text": text, "face": face, "left_out": report["set_aside"]}


def _samples(info: SeriesInfo, folder: Path, ask: NewCase, progress: Progress, _: Secret | None) -> _Kept:
    from engine.ingest.deidentify.burned import TEXT, has_text
    from engine.ingest.deidentify.face import FacePlane, Looked, find_face
    from engine.ingest.nifti import write_nifti
    from engine.ingest.open import read_volume, take_inventory

    volume = read_volume(info, progress=part(progress, 0.0, 0.4)).value
    samples = np.asarray(volume.samples)
    text = [TEXT] if any(has_text(samples[:, :, k].T) for k in range(samples.shape[2])) else []
    if text and not ask.allow_text:
        raise InputRefused(f"there may be text in the pixels ({text[0]}): {_TEXT_REMEDY}")
    plane = find_face(volume)
    face = "not looked at" if plane is Looked.NOT else "none seen"
    if isinstance(plane, FacePlane):
        face = "removed" if ask.deface else "shown"
        samples = _without_face(volume, plane) if ask.deface else samples
    write_nifti(folder / SCAN_FILE, volume.grid, samples, progress=part(progress, 0.4, 1.0))
    kept = read_volume(take_inventory([folder / SCAN_FILE]).choose()).value
    return kept, SCAN_FILE, {"text": text, "face": face, "left_out": {}}


def _without_face(volume: Volume, plane: Any) -> NDArray[Any]:
    """Samples with air before the plane."""
    samples = np.array(volume.samples)
    air = -1000 if volume.quantity is Quantity.HOUNSFIELD else samples.min()
    for k in range(samples.shape[2]):
        index = np.moveaxis(np.indices(samples.shape[:2]), 0, -1)
        places = volume.grid.patient_from_voxel.apply(
            np.concatenate([index, np.full((*index.shape[:2], 1), k)], axis=2)
        )
        samples[:, :, k][plane.before_mm(np.asarray(places)) > 0] = air
    return samples


def _findings(labels: LabelMap | None, volume: Volume, folder: Path) -> tuple[Finding, ...]:
    """The structures of a segmentation, its labels beside the volume."""
    from engine.ingest.nifti import write_nifti

    if labels is None:
        return ()
    if labels.grid.shape != volume.grid.shape:
        raise InputRefused("not all slices of the segmentation are in the study as it is kept: slices were left out")
    array = np.asarray(labels.labels)
    there = [one for one in labels.structures if np.isin(array, one.labels).any()]
    if not there:
        raise InputRefused("the segmentation holds nothing within the study")
    write_nifti(folder / TRUTH_FILE, volume.grid, array, there)
    return tuple(
        Finding(
            id=one.key.replace("_", "-"),
            name=one.name[:300] or one.key,
            volume=_VOLUME,
            place=MaskPlace(file=TRUTH_FILE, label=one.label),
        )
        for one in there
    )


def _draft(ask: NewCase, volume: Volume, path: str, findings: tuple[Finding, ...]) -> Case:
    from engine.app.windows import window_presets

    modality = volume.source.modality or ("CT" if volume.quantity is Quantity.HOUNSFIELD else "")
    words = ask.teaching or Teaching(None, "")
    title = ask.title or words.title or (f"{modality} study" if modality else "Study")
    presets = tuple(
        WindowPreset(name=one.name, low=one.low, high=one.high)
        for one in window_presets(np.asarray(volume.samples)[::4, ::4, ::4], volume.quantity)
    )
    hanging = tuple(
        Pane.model_validate({"volume": _VOLUME, "plane": plane, "preset": presets[0].name})
        for plane in ("axial", "coronal", "sagittal")
    )
    source = FileSource(path=path, sha256=fingerprint(volume.grid, np.asarray(volume.samples)))
    prompt = "Mark everything that should be reported, each with how sure you are. There may be nothing."
    return Case(
        id=ask.id or slug(title) or "case",
        title=title,
        history=words.history,
        language=words.language,
        authors=words.authors,
        licence=words.licence if words.licence and ask.licence == UNLICENSED else ask.licence,
        topic=slug(ask.topic) or "general",
        concept=findings[0].id if findings else "normal-study",
        prevalence="common" if findings else "normal",
        volumes=(CaseVolume(id=_VOLUME, title=title, source=source),),
        truth=Truth(findings=findings, says=words.says),
        display=Display(presets=presets, hanging=hanging),
        tasks=(MarkTask(id="mark", prompt=prompt, volume=_VOLUME),),
        references=words.references,
    )
