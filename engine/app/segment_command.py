"""`sightline segment`: a scan to `labels.nii.gz`, `scene.glb` and `report.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.pipeline import Options, Processed, StructureSurface, process_series
from engine.app.stopwatch import Stopwatch, peak_memory_bytes
from engine.core.errors import EnvironmentLacks, FileProblem, InputRefused
from engine.core.progress import Progress, part
from engine.ingest.nifti import write_nifti
from engine.ingest.open import take_inventory
from engine.stream.codec import headset_from_patient


def segment_to_folder(
    inputs: tuple[Path, ...], out: Path, options: Options, series_uid: str | None, progress: Progress
) -> dict[str, Any]:
    """Segment the chosen series of `inputs` into folder `out`; returns the report.

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
    processed = process_series(info, options, part(progress, 0.05, 0.85), stopwatch)
    with stopwatch.stage("write"):
        _write(processed, out, part(progress, 0.85, 1.0))
    progress(1.0, "done")
    report = _report(processed, stopwatch, (*inventory.problems, *processed.problems))
    (out / "report.json").write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")
    return report


def require_inputs(inputs: tuple[Path, ...]) -> None:
    """Refuse paths that are not there.

    Raises:
        InputRefused: names the first that is missing.
    """
    for path in inputs:
        if not path.exists():
            raise InputRefused(f"{path} does not exist")


def require_folder(out: Path) -> None:
    """Make `out` where it is missing.

    Raises:
        EnvironmentLacks: it cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / ".sightline").touch()
        (out / ".sightline").unlink()
    except OSError as error:
        raise EnvironmentLacks(
            f"cannot write to {out} ({error.strerror})", "Choose another folder with --out."
        ) from error


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
