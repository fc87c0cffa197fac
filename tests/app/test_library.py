"""What the page lists of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.app.library import StudyLibrary
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti


def test_a_file_without_a_description_goes_by_its_name_and_a_dropped_one_has_none(tmp_path: Path) -> None:
    samples = np.arange(8000, dtype=np.int16).reshape(20, 20, 20)
    write_nifti(tmp_path / "knee.nii.gz", Grid.centred((20, 20, 20), (1.0, 1.0, 1.0)), samples)
    (tmp_path / "000003").write_bytes((tmp_path / "knee.nii.gz").read_bytes())
    shelf = StudyLibrary().add("knees", (tmp_path,))
    assert sorted(series.description for series in shelf.message().series) == ["", "knee.nii.gz"]
