"""`sightline phantom`: a simulated scan with its truth, as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.results import require_folder, whole_results
from engine.core.progress import Progress, part
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.make import make_phantom


def phantom_to_folder(name: str, out: Path, *, seed: int, size: str, progress: Progress) -> dict[str, Any]:
    """Write `volume.nii.gz`, `truth.nii.gz` and `phantom.json` into `out`; returns what the last holds.

    Raises:
        InvalidValue: no such phantom or size.
        EnvironmentLacks: the folder cannot be written.
    """
    require_folder(out)
    phantom = make_phantom(name, size=size, seed=seed, progress=part(progress, 0.0, 0.8))
    grid = phantom.volume.grid
    progress(0.8, "writing")
    description = phantom.truth.as_json()
    with whole_results(out) as folder:
        write_nifti(folder / "volume.nii.gz", grid, np.asarray(phantom.volume.samples))
        write_nifti(folder / "truth.nii.gz", grid, np.asarray(phantom.label_map.labels), phantom.label_map.structures)
        (folder / "phantom.json").write_text(json.dumps(description, indent=2, allow_nan=False) + "\n")
    progress(1.0, "done")
    return description
