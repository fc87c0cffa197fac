"""The header walker agrees with pydicom, and hands over to it where a file departs from the standard."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from engine.ingest.dicom import file as dicom_file
from engine.ingest.dicom.elements import SEQUENCES, Elements, Malformed, Syntax, repair, walk
from engine.ingest.dicom.file import WANTED, Unreadable, looks_like_dicom, open_file
from engine.ingest.dicom.header import read_header
from tests.ingest.dicom_writer import NATIVE, enhanced, image, save
from tests.ingest.reading import layers, read

PIXELS = np.arange(64, dtype=np.int16).reshape(8, 8)


def with_pydicom(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True, stop_before_pixels=True)


def assert_agrees(ours: Elements, theirs: Dataset) -> None:
    """Same raw values, and the same items in sequences that are opened."""
    for tag in WANTED:
        if tag not in theirs:
            assert tag not in ours
        elif tag in SEQUENCES:
            items: Any = theirs[tag].value or []
            assert len(ours.items(tag)) == len(items)
            for own, item in zip(ours.items(tag), items, strict=True):
                assert_agrees(own, item)
        else:
            raw = theirs.get_item(tag)
            if isinstance(raw, RawDataElement):
                assert ours.values[tag] == (raw.value or b"")


WHEEL = sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))


@pytest.mark.parametrize("path", WHEEL, ids=lambda path: path.stem)
def test_headers_agree_with_pydicom_on_its_own_test_files(path: Path) -> None:
    try:
        file = open_file(path, WANTED)
    except Unreadable:
        assert "Rows" not in with_pydicom(path)
        return
    assert_agrees(file.data_set.elements, with_pydicom(path))


@pytest.mark.data
def test_headers_agree_with_pydicom_on_real_scans(shared_data: Path) -> None:
    folders = [folder for folder in (shared_data / "dicom").iterdir() if folder.name != "ct_chest_lidc0314_jpegls"]
    paths = [path for folder in folders for path in list(folder.rglob("*.dcm"))[:4]]
    paths += (shared_data / "broken" / "dicom2nifti_failing").rglob("*.dcm")
    for path in paths:
        assert_agrees(open_file(path, WANTED).data_set.elements, with_pydicom(path))


@pytest.mark.parametrize("syntax", NATIVE)
def test_every_native_syntax_is_walked(tmp_path: Path, syntax: str) -> None:
    dataset = enhanced(np.zeros((3, 8, 8), np.uint16), [[0.0, 0.0, float(z)] for z in range(3)])
    path = save(dataset, tmp_path / "a.dcm", syntax)
    file = open_file(path, WANTED)
    assert_agrees(file.data_set.elements, with_pydicom(path))
    assert file.transfer_syntax == syntax


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, NATIVE[0]])
def test_a_bare_data_set_tells_its_syntax_by_its_first_element(tmp_path: Path, syntax: str) -> None:
    path = save(image(PIXELS), tmp_path / "a.dcm", syntax)
    data = path.read_bytes()
    start = data.index(b"\x08\x00\x08\x00" if syntax != ExplicitVRBigEndian else b"\x00\x08\x00\x08")
    path.write_bytes(data[start:])
    assert looks_like_dicom(data[start : start + 352])
    assert open_file(path, WANTED).transfer_syntax == syntax
    assert read_header(path).planes[0].spacing_mm == (1.0, 1.0)


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    path = save(image(PIXELS), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[132:])
    assert looks_like_dicom(path.read_bytes()[:352])
    assert read_header(path).modality == "CT"


@pytest.mark.parametrize("junk", [b"hello world, not an image at all", b"\x00" * 400, b"\x1f\x8b\x08" + b"\0" * 90])
def test_other_files_do_not_look_like_dicom(junk: bytes) -> None:
    assert not looks_like_dicom(junk)


def test_a_header_longer_than_the_first_read_is_found(tmp_path: Path) -> None:
    dataset = image(PIXELS)
    dataset.add_new(0x00090010, "LO", "TEST")
    dataset.add_new(0x00091001, "OB", bytes(1 << 20))
    assert read_header(save(dataset, tmp_path / "a.dcm")).planes[0].position_mm == (0, 0, 0)


@pytest.mark.parametrize("deflated", [False, True])
def test_only_the_head_of_a_file_is_read(tmp_path: Path, deflated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 1000, (1500, 1500)).astype(np.int16)
    syntax = DeflatedExplicitVRLittleEndian if deflated else NATIVE[0]
    path = save(image(pixels), tmp_path / "a.dcm", syntax)
    seen: list[int] = []

    def counted(data: bytes, *args: Any, **options: Any) -> Any:
        seen.append(len(data))
        return walk(data, *args, **options)

    monkeypatch.setattr(dicom_file, "walk", counted)
    read_header(path)
    assert max(seen) < 1 << 16


def test_elements_out_of_order_go_to_pydicom(tmp_path: Path) -> None:
    path = save(image(PIXELS), tmp_path / "a.dcm")
    data = path.read_bytes()
    samples, photometric = data.index(b"\x28\x00\x02\x00US"), data.index(b"\x28\x00\x04\x00CS")
    rows = data.index(b"\x28\x00\x10\x00US")
    damaged = data[:samples] + data[photometric:rows] + data[samples:photometric] + data[rows:]
    with pytest.raises(Malformed):
        walk(damaged, data.index(b"\x08\x00\x08\x00CS"), Syntax(), WANTED, complete=True)
    path.write_bytes(damaged)
    np.testing.assert_array_equal(layers(read(path))[0], PIXELS)


def test_pydicom_and_the_walker_find_the_same(tmp_path: Path) -> None:
    dataset = enhanced(np.zeros((3, 8, 8), np.uint16), [[0.0, 0.0, float(z)] for z in range(3)])
    data = save(dataset, tmp_path / "a.dcm").read_bytes()
    start = data.index(b"\x08\x00\x08\x00CS")
    assert repair(data, start, Syntax(), WANTED) == walk(data, start, Syntax(), WANTED, complete=True)


def test_a_file_that_ends_within_its_header_is_a_reason(tmp_path: Path) -> None:
    path = save(image(PIXELS), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:420])
    with pytest.raises(Unreadable, match="ends within its header: the file is cut short"):
        read_header(path)


def test_conversions_never_raise() -> None:
    elements = Elements({1: b"abc", 2: b"\x01", 3: b"1\\x", 4: b""})
    assert elements.decimals(1) == elements.decimals(3) == elements.decimals(4) == elements.decimals(9) == ()
    assert elements.short(2) is None
    assert elements.doubles(1) == elements.longs(1) == ()
    assert elements.items(1) == ()
    assert elements.item(1).values == {}
    assert elements.text(9) == ""
