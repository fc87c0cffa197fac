"""`sightline case export`: a case for other programs, each in the format that it reads.

The case file as it is, each study and its truth as NIfTI on one grid, a table of what is there with places and sizes,
and with `dicom` a segmentation object of the study where the case holds DICOM. A pack (`case pack`) is what another
Sightline takes.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.app.case_folder import open_case
from engine.app.results import require_folder, whole_results
from engine.app.training.author_publish import CASE_FILE
from engine.app.training.volumes import Made, made_volume, volume_ground
from engine.core.errors import InputRefused
from engine.core.progress import Progress, part
from engine.core.structure import Code, Provenance, Structure
from engine.core.volume import LabelMap
from engine.ingest.nifti import write_nifti
from scenarios.case.case import Case
from scenarios.case.source import FileSource
from scenarios.case.truth import Distractor, Finding
from scenarios.score.ground import Place

TABLE = "truth.csv"
_COLUMNS = (
    "id", "kind", "name", "volume", "file", "label", "x_mm", "y_mm", "z_mm", "diameter_mm", "volume_ml", "mean_value",
    "is_key", "codes",
)  # fmt: skip
_AMBER, _BLUE = (232, 163, 61), (90, 180, 230)
#: DICOM's name of a scheme of codes, by that of cases.
_SCHEMES = {"SNOMED": "SCT", "RADLEX": "RADLEX"}


def exported(path: Path, out: Path, progress: Progress, *, dicom: bool = False) -> dict[str, Any]:
    """Write the case at `path` into the folder `out`.

    Returns:
        The files that were written.

    Raises:
        InputRefused: the case is not sound, its images cannot be made, or `dicom` is asked of a case without DICOM.
        EnvironmentLacks: the folder cannot be written.
    """
    case, folder = open_case(path)
    if dicom and not any(_in_folder(case, volume.id) for volume in case.volumes):
        raise InputRefused(
            "this case holds no DICOM study of its own: there is nothing that a DICOM object could refer to"
        )
    require_folder(out)
    with whole_results(out) as results:
        source = path if path.is_file() else folder / CASE_FILE
        shutil.copyfile(source, results / CASE_FILE)
        rows: list[dict[str, Any]] = []
        for n, volume in enumerate(case.volumes):
            own = part(progress, n / len(case.volumes), (n + 1) / len(case.volumes))
            made = made_volume(case, volume.id, folder, part(own, 0.0, 0.6))
            write_nifti(results / f"{volume.id}.nii.gz", made.volume.grid, np.asarray(made.volume.samples))
            maps, more = _truth(case, volume.id, made, folder)
            rows += more
            for name, labels in maps.items():
                write_nifti(results / name, labels.grid, np.asarray(labels.labels), labels.structures)
            if dicom and maps and _in_folder(case, volume.id):
                _segmentation(case, volume.id, list(maps.values()), folder, results)
        with (results / TABLE).open("w", newline="") as file:
            table = csv.DictWriter(file, _COLUMNS, restval="")
            table.writeheader()
            table.writerows(rows)
        written = sorted(one.relative_to(results).as_posix() for one in results.rglob("*") if one.is_file())
    progress(1.0, "done")
    return {"folder": str(out), "case": case.id, "version": case.version, "files": written}


def _in_folder(case: Case, volume: str) -> FileSource | None:
    """The source of a study that lies in the case's folder; whether it is DICOM is seen when it is read."""
    source = case.volume(volume).source
    return source if isinstance(source, FileSource) and source.path is not None else None


def _truth(case: Case, volume: str, made: Made, folder: Path) -> tuple[dict[str, LabelMap], list[dict[str, Any]]]:
    """Label maps by the names of their files, as few as hold what overlaps, and rows of the table."""
    places = volume_ground(case, volume, made, folder).places
    everything: tuple[Finding | Distractor, ...] = (*case.truth.findings, *case.truth.distractors)
    things = [one for one in everything if one.volume == volume]
    layers: list[tuple[NDArray[np.uint16], list[Structure]]] = []
    rows = []
    for thing in things:
        place = places[thing.id]
        row = _row(thing, place)
        if len(place.voxels):
            at = tuple(place.voxels.T)
            free = next((n for n, (labels, _) in enumerate(layers) if not labels[at].any()), len(layers))
            if free == len(layers):
                layers.append((np.zeros(made.volume.grid.shape, np.uint16, order="F"), []))
            labels, structures = layers[free]
            structures.append(_structure(len(structures) + 1, thing))
            labels[at] = len(structures)
            row |= {"file": _file(volume, free), "label": len(structures)}
        rows.append(row)
    grid = made.volume.grid
    maps = {_file(volume, n): LabelMap(grid, labels, tuple(parts)) for n, (labels, parts) in enumerate(layers)}
    return maps, rows


def _file(volume: str, layer: int) -> str:
    return f"{volume}-truth.nii.gz" if layer == 0 else f"{volume}-truth-{layer + 1}.nii.gz"


def _row(thing: Finding | Distractor, place: Place) -> dict[str, Any]:
    """What is known of something, places in the patient's millimetres (LPS)."""
    x, y, z = (round(float(value), 3) for value in place.centre_mm)
    row: dict[str, Any] = {
        "id": thing.id, "kind": "distractor", "name": thing.name, "volume": thing.volume,
        "x_mm": x, "y_mm": y, "z_mm": z, "diameter_mm": round(place.diameter_mm, 2),
        "volume_ml": round(place.volume_ml, 4),
        "mean_value": "" if place.mean_value is None else round(place.mean_value, 2),
    }  # fmt: skip
    if isinstance(thing, Finding):
        codes = "; ".join(f"{one.scheme} {one.value} {one.meaning}" for one in thing.codes)
        row |= {"kind": "finding", "is_key": str(thing.is_key).lower(), "codes": codes}
    return row


def _structure(label: int, thing: Finding | Distractor) -> Structure:
    codes = thing.codes if isinstance(thing, Finding) else ()
    code = Code(codes[0].value, codes[0].meaning, _SCHEMES.get(codes[0].scheme, codes[0].scheme)) if codes else None
    colour = _AMBER if isinstance(thing, Finding) else _BLUE
    return Structure(
        label, thing.id.replace("-", "_"), thing.name, code, colour, provenance=Provenance("authored", "1")
    )


def _segmentation(case: Case, volume: str, maps: Sequence[LabelMap], folder: Path, results: Path) -> None:
    """A DICOM segmentation of what is there, in the study as the case holds it."""
    from engine.app.dicom_export import source_of, stamp_of
    from engine.export.dicom.part10 import save
    from engine.export.dicom.segmentation import segmentation
    from engine.ingest.open import take_inventory

    source = _in_folder(case, volume)
    assert source is not None
    info = take_inventory([folder / str(source.path)]).choose(source.series_uid)
    (results / "dicom").mkdir(exist_ok=True)
    save(segmentation(list(maps), source_of(info), stamp_of()), results / "dicom" / f"{volume}-truth.dcm")
