"""The front door: every format by its content, in one inventory, through one way of reading."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from pydicom.uid import generate_uid

from engine.core.errors import Cancelled, InputRefused
from engine.ingest.open import read_labels, read_volume, take_inventory
from engine.ingest.study import SeriesInfo, SeriesKind
from tests.ingest.dicom_writer import save_series

RNG = np.random.default_rng(6)
CT = RNG.integers(-1000, 1000, (4, 6, 5)).astype(np.int16)
LABELS = np.zeros((5, 6, 4), np.uint8)
LABELS[1:4, 2:5, 1:3] = 1


def nifti(path: Path, samples: np.ndarray) -> Path:
    # RAS of a grid that is the identity in LPS.
    make: Any = nib.Nifti1Image
    make(samples, np.diag([-1.0, -1.0, 1.0, 1.0])).to_filename(path)
    return path


def nrrd(path: Path, samples: np.ndarray) -> Path:
    header = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: {} {} {}\n"
        "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\nendian: little\nencoding: raw\n\n"
    )
    path.write_bytes(header.format(*samples.shape).encode() + samples.astype("<i2").tobytes(order="F"))
    return path


def metaimage(path: Path, samples: np.ndarray) -> Path:
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nOffset = 0 0 0\n"
        "ElementSpacing = 1 1 1\nDimSize = {} {} {}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.format(*samples.shape).encode() + samples.astype("<i2").tobytes(order="F"))
    return path


WRITERS = {"nifti": nifti, "nrrd": nrrd, "metaimage": metaimage}


@pytest.mark.parametrize("name", WRITERS)
def test_formats_are_told_by_content_and_read_to_the_same_volume(tmp_path: Path, name: str) -> None:
    save_series(tmp_path / "dicom", CT)
    other = WRITERS[name](tmp_path / "scan.nii", CT.T)
    other = other.rename(tmp_path / "no_name_that_tells")
    dicom = read_volume(take_inventory([tmp_path / "dicom"]).choose()).value
    info = take_inventory([other]).choose()
    value = read_volume(info).value
    assert info.format == value.source.format == name
    np.testing.assert_array_equal(np.asarray(value.samples), np.asarray(dicom.samples))
    np.testing.assert_allclose(value.grid.patient_from_voxel.matrix, dicom.grid.patient_from_voxel.matrix, atol=1e-6)


def test_one_inventory_holds_every_format_largest_volume_first(tmp_path: Path) -> None:
    save_series(tmp_path / "a", CT)
    nifti(tmp_path / "b.nii.gz", np.tile(CT.T, (1, 1, 3)))
    nrrd(tmp_path / "c.nrrd", CT.T[:, :, :2])
    inventory = take_inventory([tmp_path])
    assert [info.format for info in inventory.series] == ["nifti", "dicom", "nrrd"]
    assert inventory.choose().format == "nifti"


def test_stray_files_are_set_aside_with_a_reason(tmp_path: Path) -> None:
    save_series(tmp_path, CT)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / "empty").touch()
    problems = {problem.path.name: problem.reason for problem in take_inventory([tmp_path]).problems}
    assert problems == {
        "notes.txt": "no format that is read",
        ".DS_Store": "no format that is read",
        "empty": "empty",
    }


def test_pipes_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (problem,) = take_inventory([tmp_path]).problems
    assert problem.reason == "not a regular file"


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="does not exist"):
        take_inventory([tmp_path / "nothing"])


def test_an_empty_folder_has_nothing_to_choose(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no volume to read; found nothing readable"):
        take_inventory([tmp_path]).choose()


def test_overlapping_paths_count_each_file_once(tmp_path: Path) -> None:
    paths = save_series(tmp_path, CT)
    assert take_inventory([tmp_path, paths[0], tmp_path]).choose().files == tuple(paths)


def test_an_unknown_series_is_refused_with_those_there_are(tmp_path: Path) -> None:
    uid = generate_uid()
    save_series(tmp_path, CT, SeriesInstanceUID=uid)
    with pytest.raises(InputRefused, match=uid):
        take_inventory([tmp_path]).choose("1.2.3")


def test_an_unknown_format_is_refused() -> None:
    info = SeriesInfo("1", SeriesKind.VOLUME, "minc", "", "", (), (1, 1, 1), (1, 1, 1))
    with pytest.raises(InputRefused, match="no reader for 'minc'; there are dicom, nrrd, metaimage, nifti"):
        read_volume(info)


def test_labels_are_read_from_a_path_on_the_grid_of_their_volume(tmp_path: Path) -> None:
    save_series(tmp_path / "ct", CT)
    volume = read_volume(take_inventory([tmp_path / "ct"]).choose()).value
    labels = read_labels(nifti(tmp_path / "labels.nii.gz", LABELS), volume).value
    np.testing.assert_array_equal(np.asarray(labels.labels), LABELS)
    assert labels.grid.shape == volume.grid.shape


def test_a_ct_is_not_a_segmentation(tmp_path: Path) -> None:
    save_series(tmp_path, CT)
    with pytest.raises(InputRefused, match="not a segmentation but an image"):
        read_labels(tmp_path)


def test_several_segmentations_in_one_folder_are_not_guessed_at(tmp_path: Path) -> None:
    for name in "ab":
        nifti(tmp_path / f"{name}.nii.gz", LABELS)
    with pytest.raises(InputRefused, match="expected one segmentation, found 2"):
        read_labels(tmp_path)


def test_progress_is_reported_and_can_cancel(tmp_path: Path) -> None:
    save_series(tmp_path, CT)
    seen: list[float] = []
    take_inventory([tmp_path], lambda fraction, stage: seen.append(fraction))
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1

    def stop(fraction: float, stage: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        take_inventory([tmp_path], stop)


def test_a_dicom_folder_costs_no_other_import(tmp_path: Path) -> None:
    save_series(tmp_path, CT)
    script = (
        "import sys; from pathlib import Path; from engine.ingest.open import read_volume, take_inventory;"
        f"read_volume(take_inventory([Path({str(tmp_path)!r})]).choose());"
        "print([m for m in ('torch', 'pydicom', 'nibabel', 'engine.ingest.nifti') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.data
def test_every_segmentation_among_real_scans_is_listed_as_one(shared_data: Path) -> None:
    inventory = take_inventory(
        [shared_data / "dicom" / "ct_liver_seg_dcmqi", shared_data / "dicom" / "pet_seg_qinhn0024"]
    )
    kinds = [(info.format, info.kind) for info in inventory.series]
    assert kinds.count(("dicom", SeriesKind.LABELS)) == 3
    assert kinds.count(("dicom", SeriesKind.VOLUME)) == 2
    assert sum(kind is SeriesKind.LABELS for form, kind in kinds if form == "nrrd") >= 9


def test_folders_behind_links_are_read_and_links_that_lead_back_are_not_followed_for_ever(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    nifti(tmp_path / "elsewhere" / "scan.nii", CT)
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "study")
    assert len(take_inventory([tmp_path / "study"]).series) == 1


def test_an_archive_says_that_it_must_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("scan.nii", b"x")
    (problem,) = take_inventory([tmp_path]).problems
    assert "unpack" in problem.reason


def test_an_image_is_no_label_map_though_its_samples_are_whole_numbers(tmp_path: Path) -> None:
    image = nifti(tmp_path / "image.nii", RNG.integers(0, 500, (20, 20, 8)).astype(np.int16))
    with pytest.raises(InputRefused, match="an image and not a label map"):
        read_labels(image)


def test_a_label_map_without_labels_says_so(tmp_path: Path) -> None:
    reading = read_labels(nifti(tmp_path / "empty.nii", np.zeros((5, 6, 4), np.uint8)))
    assert reading.repairs == ("the segmentation holds no labelled voxel",)
