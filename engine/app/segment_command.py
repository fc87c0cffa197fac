"""`sightline segment`: a scan to `labels.nii.gz`, `scene.glb` and `report.json`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.dicom_export import NO_FRAME, export_dicom, require_dicom, source_of, stamp_of
from engine.app.pipeline import Options, Processed, StructureSurface, process_series
from engine.app.results import require_folder, whole_results
from engine.app.stopwatch import Stopwatch, peak_memory_bytes
from engine.core.errors import FileProblem, InputRefused
from engine.core.progress import Progress, part
from engine.ingest.nifti import write_nifti
from engine.ingest.open import take_inventory
from engine.ingest.study import Inventory, SeriesInfo, SeriesKind, by_file
from engine.stream.codec import headset_from_patient


def segment_to_folder(
    inputs: tuple[Path, ...],
    out: Path,
    options: Options,
    series_uid: str | None,
    progress: Progress,
    exports: Sequence[str] = (),
    dicom: Sequence[str] = (),
) -> dict[str, Any]:
    """Segment the chosen series of `inputs` into folder `out`, with surfaces as `exports`; returns the report.

    Args:
        dicom: objects of the study to write too, as `engine.app.dicom_export` names them.

    Raises:
        InputRefused: nothing to read, with reasons.
        EnvironmentLacks: the folder cannot be written.
    """
    require_inputs(inputs)
    require_folder(out)
    stopwatch = Stopwatch()
    with stopwatch.stage("headers"):
        inventory = take_inventory(inputs, part(progress, 0.0, 0.05))
    info = inventory.choose(series_uid)
    set_aside = SetAside(_not_chosen(inventory, series_uid), inventory.problems)
    return segment_series(info, out, options, part(progress, 0.05, 1.0), stopwatch, set_aside, exports, dicom)


@dataclass(frozen=True, slots=True)
class SetAside:
    """What listing left out beside the series that was taken, for its report."""

    warnings: tuple[str, ...] = ()
    problems: tuple[FileProblem, ...] = ()


def segment_series(
    info: SeriesInfo,
    out: Path,
    options: Options,
    progress: Progress,
    stopwatch: Stopwatch,
    set_aside: SetAside,
    exports: Sequence[str] = (),
    dicom: Sequence[str] = (),
) -> dict[str, Any]:
    """Segment one series that `take_inventory` found into the folder `out`, which exists; returns the report.

    Raises:
        InputRefused, NotApplicable: as reading and segmenting raise.
        EnvironmentLacks: the folder cannot be written.
    """
    if dicom:
        require_dicom(info)
    processed = process_series(info, options, part(progress, 0.0, 0.84), stopwatch)
    with whole_results(out) as folder:
        with stopwatch.stage("write"):
            _write(processed, folder, part(progress, 0.84, 0.95 if exports else 1.0))
        if exports:
            with stopwatch.stage("export"):
                _export(processed, folder / "surfaces", exports, part(progress, 0.95, 1.0))
        if dicom:
            with stopwatch.stage("dicom"):
                processed = _export_dicom(processed, info, options.phase, folder / "dicom", dicom, progress)
        processed = replace(processed, warnings=(*set_aside.warnings, *processed.warnings))
        problems = by_file((*set_aside.problems, *processed.problems))  # reading repeats what listing found
        report = {"input": _input(info), **_report(processed, stopwatch, problems)}
        (folder / "report.json").write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")
    progress(1.0, "done")
    return report


def require_inputs(inputs: tuple[Path, ...]) -> None:
    """Refuse paths that are not there.

    Raises:
        InputRefused: names the first that is missing.
    """
    for path in inputs:
        if not path.exists():
            raise InputRefused(f"{path} does not exist")


def _write(processed: Processed, out: Path, progress: Progress) -> None:
    from engine.mesh.gltf import GltfMesh, write_glb

    progress(0.0, "writing labels")
    label_map = processed.label_map
    write_nifti(out / "labels.nii.gz", label_map.grid, np.asarray(label_map.labels), label_map.structures)
    progress(0.5, "writing scene")
    matrix = headset_from_patient(processed.volume.grid.centre_mm)
    meshes = [
        GltfMesh(surface.structure, surface.lods, surface.volume_ml, surface.surface_area_mm2)
        for surface in processed.surfaces
    ]
    (out / "scene.glb").write_bytes(write_glb(meshes, matrix))


def _export(processed: Processed, folder: Path, formats: Sequence[str], progress: Progress) -> None:
    """One file for all where the format keeps structures apart by name, else one for each."""
    from engine.mesh.export import NAMED_FORMATS, export_surfaces

    folder.mkdir()
    drawn = {surface.structure.key: surface for surface in processed.surfaces if surface.lods}
    names = Counter(surface.structure.name for surface in drawn.values())
    for n, wanted in enumerate(formats):
        progress(n / len(formats), f"writing {wanted.upper()}")
        if f".{wanted}" in NAMED_FORMATS:
            together = {
                s.structure.name if names[s.structure.name] == 1 else f"{s.structure.name} ({key})": s.lods[0]
                for key, s in drawn.items()
            }
            export_surfaces(together, folder / f"structures.{wanted}")
        else:
            for key, surface in drawn.items():
                export_surfaces({surface.structure.name: surface.lods[0]}, folder / f"{key}.{wanted}")


def _export_dicom(
    processed: Processed, info: SeriesInfo, phase: int, folder: Path, wanted: Sequence[str], progress: Progress
) -> Processed:
    """Write objects of the study; what must be said of them joins the warnings."""
    source = source_of(info, phase)
    surfaces = [(one.structure, one.lods[0]) for one in processed.surfaces if one.lods and one.closed]
    export_dicom(processed.label_map, surfaces, source, stamp_of(), folder, wanted, part(progress, 0.97, 1.0))
    return processed if source.is_frame_stated else replace(processed, warnings=(*processed.warnings, NO_FRAME))


def _report(processed: Processed, stopwatch: Stopwatch, problems: tuple[FileProblem, ...]) -> dict[str, Any]:
    grid = processed.volume.grid
    return {
        "pipeline": processed.pipeline,
        "device": processed.device,
        "grid": {
            "shape": list(grid.shape),
            "spacing_mm": [float(spacing) for spacing in grid.spacing_mm],
            "patient_from_voxel": grid.patient_from_voxel.matrix.tolist(),
            "frame_of_reference_uid": grid.frame_of_reference_uid,
        },
        "stages": [{"name": stage.name, "seconds": round(stage.seconds, 4)} for stage in stopwatch.stages],
        "peak_memory_bytes": peak_memory_bytes(),
        "structures": [_structure(surface) for surface in processed.surfaces],
        "warnings": list(processed.warnings),
        "problems": [{"file": problem.path.name, "reason": problem.reason} for problem in problems],
    }


def _not_chosen(inventory: Inventory, series_uid: str | None) -> tuple[str, ...]:
    others = sum(info.kind is SeriesKind.VOLUME for info in inventory.series) - 1
    if series_uid is not None or others <= 0:
        return ()
    return (f"{others} other volume{'s' if others > 1 else ''} in there; the one with the most voxels was taken",)


def _input(info: SeriesInfo) -> dict[str, Any]:
    return {"series_uid": info.uid, "modality": info.modality, "format": info.format, "files": len(info.files)}


def _structure(surface: StructureSurface) -> dict[str, Any]:
    structure = surface.structure
    return {
        "label": structure.label,
        "key": structure.key,
        "name": structure.name,
        "code": structure.code.value if structure.code else None,
        "code_scheme": structure.code.scheme if structure.code else None,
        "voxels": surface.voxels,
        "volume_ml": surface.volume_ml,
        "surface_area_mm2": surface.surface_area_mm2,
        "triangles": surface.lods[0].triangle_count if surface.lods else 0,
        "lods": [{"triangles": lod.triangle_count, "error_mm": lod.error_mm} for lod in surface.lods],
        "closed": surface.closed,
    }
