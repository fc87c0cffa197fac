"""What exports take over from the series that they belong to, and nothing else."""

from __future__ import annotations

import datetime
import getpass
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from engine.core.errors import InputRefused, InvalidValue
from engine.export.dicom.part10 import save, text
from engine.export.dicom.segmentation import segmentation
from engine.export.dicom.source import read_source
from tests.export.scans import NOW, SHAPE, counting, drawn, opened, scan, stamp
from tests.ingest.dicom_writer import enhanced, image
from tests.ingest.dicom_writer import save as save_image


def test_the_patient_is_copied_and_the_maker_of_the_scan_is_not(tmp_path: Path) -> None:
    volume, source = opened(scan(tmp_path / "scan", InstitutionName="St Elsewhere", StationName="CT1"))
    found = segmentation([drawn(volume.grid)], source, stamp())
    assert (found.PatientName, found.PatientID, found.PatientSex) == ("Doe^Jane", "4711", "F")
    assert "InstitutionName" not in found
    assert "StationName" not in found
    assert found.Manufacturer == "Sightline"


def test_nothing_of_this_machine_is_in_a_file(tmp_path: Path) -> None:
    volume, source = opened(scan(tmp_path / "scan"))
    data = save(segmentation([drawn(volume.grid)], source, stamp()), tmp_path / "seg.dcm").read_bytes()
    for secret in (str(tmp_path), tmp_path.name, socket.gethostname(), f"/{getpass.getuser()}"):
        assert secret.encode() not in data


def test_names_in_other_scripts_survive_as_utf_8(tmp_path: Path) -> None:
    _, source = opened(scan(tmp_path / "scan", SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Zoë"))
    volume, _ = opened(tmp_path / "scan")
    found = pydicom.dcmread(save(segmentation([drawn(volume.grid)], source, stamp()), tmp_path / "seg.dcm"))
    assert (found.SpecificCharacterSet, str(found.PatientName)) == ("ISO_IR 192", "Müller^Zoë")


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_what_a_strict_reader_would_refuse_is_left_empty(tmp_path: Path) -> None:
    broken: dict[str, Any] = {
        "PatientSex": "W",
        "StudyDate": "2026-1-2",
        "PatientAge": "53",
        "PatientIdentityRemoved": "YES",
    }
    _, source = opened(scan(tmp_path / "scan", **broken))
    assert (source.study.PatientSex, source.study.StudyDate) == ("", "")
    assert "PatientAge" not in source.study
    assert source.study.DeidentificationMethod == "not stated"


def test_a_series_whose_slices_share_no_frame_of_reference_gets_one(tmp_path: Path) -> None:
    scan(tmp_path / "scan")
    for path in (tmp_path / "scan").iterdir():
        one = pydicom.dcmread(path)
        one.FrameOfReferenceUID = f"{one.FrameOfReferenceUID[:40]}.{one.InstanceNumber}"
        one.save_as(path)
    volume, source = opened(tmp_path / "scan")
    assert (source.is_frame_stated, source.frame_of_reference_uid) == (False, "2.25.1")
    assert segmentation([drawn(volume.grid)], source, stamp()).FrameOfReferenceUID == "2.25.1"


def test_frames_of_an_enhanced_image_are_named_by_their_numbers(tmp_path: Path) -> None:
    places = [[0.0, 0.0, 3.0 * k] for k in range(4)]
    one = enhanced(np.zeros((4, 5, 6), np.uint16), places)
    path = save_image(one, tmp_path / "mr.dcm")
    source = read_source([path], counting())
    assert [each.frame for each in source.slices] == [1, 2, 3, 4]
    found = source.slice_at(np.array([1.0, 1.0, 6.0]), np.array([0.0, 0.0, 1.0]))
    assert found is not None
    assert found.frame == 3
    assert [each.frame for each in read_source([path], counting(), {path: {1, 2}}).slices] == [2, 3]


def test_images_of_two_series_and_images_without_a_place_are_refused(tmp_path: Path) -> None:
    one = save_image(image(np.zeros((4, 4), np.uint16)), tmp_path / "1.dcm")
    two = save_image(image(np.zeros((4, 4), np.uint16), SeriesInstanceUID="1.2.3"), tmp_path / "2.dcm")
    bare = save_image(image(np.zeros((4, 4), np.uint16), ImagePositionPatient=None), tmp_path / "3.dcm")
    with pytest.raises(InputRefused, match="2 series UIDs"):
        read_source([one, two], counting())
    with pytest.raises(InputRefused, match="needs the images"):
        read_source([bare], counting())


def test_a_file_is_not_overwritten_unasked(tmp_path: Path) -> None:
    volume, source = opened(scan(tmp_path / "scan"))
    found = segmentation([drawn(volume.grid)], source, stamp())
    path = save(found, tmp_path / "seg.dcm")
    before = path.read_bytes()
    with pytest.raises(InvalidValue, match="not overwritten"):
        save(found, path)
    assert save(found, path, overwrite=True).read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["scan", "seg.dcm"]


def test_times_are_told_by_the_clock_of_the_study(tmp_path: Path) -> None:
    volume, source = opened(scan(tmp_path / "scan", TimezoneOffsetFromUTC="+0530"))
    found = segmentation([drawn(volume.grid)], source, stamp())
    assert (found.ContentDate, found.ContentTime) == ("20261128", "180015.250")
    late = replace(stamp(), now=NOW + datetime.timedelta(hours=7))
    assert segmentation([drawn(volume.grid)], source, late).ContentDate == "20261129"
    assert volume.grid.shape == SHAPE


@pytest.mark.parametrize(("words", "kept"), [("a\\b\nc\x00", "a b c"), ("é" * 40, "é" * 30 + "...")])
def test_text_fits_its_attribute(words: str, kept: str) -> None:
    assert text(words, 64) == kept
