"""A scan of a case is the one that the case was made of, or it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.app.training.volumes import read_scan
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.ingest.nifti import write_nifti
from scenarios.case.fingerprint import fingerprint
from scenarios.case.source import FileSource

GRID = Grid.centred((12, 10, 8), (1.0, 1.0, 2.0))
SAMPLES = np.arange(960, dtype=np.int16).reshape(12, 10, 8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "case").mkdir()
    write_nifti(tmp_path / "case" / "scan.nii.gz", GRID, SAMPLES)
    write_nifti(tmp_path / "outside.nii.gz", GRID, SAMPLES)
    return tmp_path / "case"


def test_the_scan_of_a_case_is_read_by_its_path_or_where_it_was_put_by_its_name(folder: Path) -> None:
    sha256 = fingerprint(GRID, SAMPLES)
    for source in (FileSource(path="scan.nii.gz", sha256=sha256), FileSource(scan="scan.nii.gz", sha256=sha256)):
        assert np.array_equal(np.asarray(read_scan(source, folder, silent).samples), SAMPLES)


def test_another_scan_under_the_same_name_is_refused(folder: Path) -> None:
    other = SAMPLES.copy()
    other[0, 0, 0] = 7
    with pytest.raises(InputRefused, match="is not the scan of the case"):
        read_scan(FileSource(path="scan.nii.gz", sha256=fingerprint(GRID, other)), folder, silent)


@pytest.mark.parametrize("name", ["../outside.nii.gz", "/etc/hostname", "..", "not-there.nii.gz"])
def test_a_scan_that_is_not_in_the_folder_is_not_looked_for_elsewhere(folder: Path, name: str) -> None:
    with pytest.raises(InputRefused, match="is not here"):
        read_scan(FileSource(scan=name, sha256=fingerprint(GRID, SAMPLES)), folder, silent)
