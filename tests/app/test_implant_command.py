"""`sightline implant`: from a scan to files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from engine.app.bench.implant import HOLES, MR_SKULL, cut_out
from engine.app.implant_command import Request, implant_to_folder
from engine.core.errors import InputRefused, NotApplicable
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.ingest.nifti import write_nifti
from engine.ingest.open import read_labels
from guidance.implant.bone import bone_in_labels
from guidance.implant.midplane import find_midplane
from guidance.implant.vault import vault_of


def test_a_scan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="does not exist"):
        implant_to_folder(tmp_path / "none.nii.gz", tmp_path / "out", Request(), silent)


def test_a_scan_that_is_no_ct_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    samples = np.asfortranarray(np.random.default_rng(0).integers(0, 400, (20, 20, 20)).astype(np.int16))
    write_nifti(tmp_path / "mr.nii.gz", Grid.centred((20, 20, 20), 2.0), samples)
    with pytest.raises((NotApplicable, InputRefused)):
        implant_to_folder(tmp_path / "mr.nii.gz", tmp_path / "out", Request(), silent)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
@pytest.mark.data
def test_a_hole_in_a_real_skull_is_filled_and_all_files_are_written(tmp_path: Path, shared_data: Path) -> None:
    skull = bone_in_labels(read_labels(shared_data / MR_SKULL).value, (1,))
    coarse = skull.coarse_field()
    vault = vault_of(coarse, find_midplane(skull, coarse))
    _, way, radius_mm = HOLES[0]
    case = cut_out(skull, vault, way, radius_mm)
    thousandths = np.asfortranarray((case.scan.samples * 1000).astype(np.int16))
    write_nifti(tmp_path / "skull.nii.gz", skull.grid, thousandths - 500 + 250)
    report = implant_to_folder(tmp_path / "skull.nii.gz", tmp_path / "out", Request(), silent)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"implant.stl", "implant.3mf", "report.json", "preview.png"}
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["side"] == "L"
    assert report["checks"] == {"closed": True, "self_crossings": 0, "bodies": 1}
    assert trimesh.load_mesh(tmp_path / "out" / "implant.stl").is_watertight
