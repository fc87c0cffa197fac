"""Files with bytes changed, cut or repeated: read as far as they say, or refused; nothing else, and cheaply."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.ingest.dicom.segmentation_object import read_segmentation
from engine.ingest.dicom.structure_set import read_structure_set
from engine.ingest.metaimage import MetaImageReader
from engine.ingest.nifti import NiftiReader, write_nifti
from engine.ingest.nrrd import NrrdReader
from engine.ingest.study import Reader
from tests.ingest.drawn_structures import blank, circle, saved, structure_set
from tests.ingest.test_metaimage import written as metaimage
from tests.ingest.test_nrrd import written as nrrd
from tests.ingest.test_segmentation_object import LABELS, volume
from tests.ingest.test_segmentation_object import written as segmentation

#: Far above what reading these small files takes, far below what their fields can be made to claim.
MOST_BYTES = 64 << 20

Change = Callable[[bytes], bytes]


@st.composite
def changes(draw: st.DrawFn, length: int, header: int) -> Change:
    """Up to six bytes set, most of them in the header, then perhaps a cut, a repeat, or gzip around it."""
    where = st.integers(0, min(header, length) - 1) | st.integers(0, length - 1)
    edits = draw(st.lists(st.tuples(where, st.binary(min_size=1, max_size=8) | st.sampled_from(HOSTILE)), max_size=6))
    cut = draw(st.none() | st.integers(0, length))
    packed = draw(st.booleans())

    def change(raw: bytes) -> bytes:
        found = bytearray(raw)
        for position, value in edits:
            found[position : position + len(value)] = value
        found = found[:cut]
        return gzip.compress(bytes(found)) if packed and length % 2 else bytes(found)

    return change


HOSTILE = [struct.pack("<h", 0x7FFF), struct.pack("<i", 2**31 - 1), struct.pack("<f", float("nan")), b"\xff" * 8,
           bytes(8), b"99999999", b"-1", b"nan", b"1e308"]  # fmt: skip


@contextmanager
def cheaply() -> Iterator[None]:
    """Fails where more than `MOST_BYTES` are allocated at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def read_all(reader: Reader, path: Path) -> None:
    if not reader.accepts(path, path.read_bytes()[:352]):
        return
    for info in reader.inventory((path,), silent).series:
        for read in (
            lambda info=info: reader.read_volume(info, phase=0, progress=silent),
            lambda info=info: reader.read_labels(info, None, progress=silent),
        ):
            try:
                value = read().value
            except InputRefused:
                continue
            assert value.grid.voxel_count * 2 < MOST_BYTES


FUZZED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def cube() -> Any:
    values = np.zeros((6, 7, 8), np.int16)
    values[1:5, 2:5, 2:6] = 3
    return values


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def fuzz(folder: Path, data: st.DataObject, seed: Path, header: int, read: Callable[[Path], None]) -> None:
    raw = seed.read_bytes()
    (folder / "changed").write_bytes(data.draw(changes(len(raw), header))(raw))
    with cheaply():
        read(folder / "changed")


@FUZZED
@given(data=st.data())
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_changed_nifti_is_read_or_refused(folder: Path, suffix: str, data: st.DataObject) -> None:
    seed = folder / f"seed{suffix}"
    if not seed.exists():
        write_nifti(seed, Grid.centred((6, 7, 8), (1, 2, 3)), cube())
    fuzz(folder, data, seed, 352, lambda path: read_all(NiftiReader(), path))


@FUZZED
@given(data=st.data())
@pytest.mark.parametrize("encoding", ["raw", "gzip", "ascii"])
def test_changed_nrrd_is_read_or_refused(folder: Path, encoding: str, data: st.DataObject) -> None:
    seed = folder / f"seed_{encoding}.nrrd"
    if not seed.exists():
        pack: dict[str, Any] = {"raw": bytes, "gzip": gzip.compress, "ascii": lambda raw: b"3 " * (len(raw) // 2)}
        nrrd(seed, cube(), encoding, pack[encoding](cube().tobytes(order="F")))
    fuzz(folder, data, seed, 250, lambda path: read_all(NrrdReader(), path))


@FUZZED
@given(data=st.data())
@pytest.mark.parametrize("packed", [False, True])
def test_changed_metaimage_is_read_or_refused(folder: Path, packed: bool, data: st.DataObject) -> None:
    seed = folder / f"seed_{packed}.mha"
    if not seed.exists():
        raw = cube().tobytes(order="F")
        metaimage(seed, zlib.compress(raw) if packed else raw, DimSize="6 7 8", CompressedData=str(packed))
    fuzz(folder, data, seed, 300, lambda path: read_all(MetaImageReader(), path))


@FUZZED
@given(data=st.data())
@pytest.mark.parametrize(
    ("kind", "syntax"),
    [("BINARY", ExplicitVRLittleEndian), ("LABELMAP", ExplicitVRLittleEndian), ("LABELMAP", RLELossless)],
)
def test_a_changed_segmentation_is_read_or_refused(folder: Path, kind: str, syntax: str, data: st.DataObject) -> None:
    seed = folder / f"seed_{kind}_{syntax}.dcm"
    if not seed.exists():
        segmentation(seed, LABELS, kind, syntax)
    reference = volume()

    def read(path: Path) -> None:
        with suppress(InputRefused):
            assert read_segmentation(path, reference, silent).value.grid.close(reference.grid)
            assert read_segmentation(path, None, silent).value.grid.voxel_count < MOST_BYTES

    fuzz(folder, data, seed, seed.stat().st_size, read)


@FUZZED
@given(data=st.data())
def test_a_changed_structure_set_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    seed = folder / "seed_rs.dcm"
    if not seed.exists():
        rings = [circle((20.3, 21.2, z), 9, 12) for z in range(6, 20, 2)]
        saved(structure_set({"a": rings, "b": rings[:2]}), seed)
    reference = blank((40, 42, 20))

    def read(path: Path) -> None:
        with suppress(InputRefused):
            assert read_structure_set(path, reference, silent).value.grid is reference.grid

    fuzz(folder, data, seed, seed.stat().st_size, read)


# --- bombs -----------------------------------------------------------------------------------------


def nifti_claiming(shape: tuple[int, int, int], kind: int, content: bytes) -> bytes:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, kind, {2: 8, 64: 64}[kind])
    struct.pack_into("<8f", header, 76, *[1.0] * 8)
    struct.pack_into("<f", header, 108, 352.0)
    header[344:348] = b"n+1\x00"
    return bytes(header) + content


@pytest.mark.parametrize("kind", [2, 64])
def test_a_small_gzip_that_claims_gigabytes_costs_nothing(tmp_path: Path, kind: int) -> None:
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(nifti_claiming((32767, 32767, 1), kind, bytes(1000))))
    with cheaply():
        found = NiftiReader().inventory((tmp_path / "bomb.nii.gz",), silent)
    assert "more than" in found.problems[0].reason


def test_a_stream_that_unpacks_to_more_than_its_header_says_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(nifti_claiming((4, 4, 4), 2, bytes(200 << 20)), 1))
    with cheaply():
        info = NiftiReader().inventory((tmp_path / "bomb.nii.gz",), silent).series[0]
        reading = NiftiReader().read_volume(info, phase=0, progress=silent)
    assert any("more than its header says" in repair for repair in reading.repairs)


@pytest.mark.data
def test_every_broken_file_at_hand_is_read_or_refused(shared_data: Path) -> None:
    readers: tuple[Reader, ...] = (NiftiReader(), NrrdReader(), MetaImageReader())
    paths = [path for path in (shared_data / "broken").rglob("*") if path.is_file() and path.suffix != ".py"]
    assert len(paths) > 100
    volumes = volume()
    with cheaply():
        for path in paths:
            for reader in readers:
                read_all(reader, path)
            if path.suffix == ".dcm":
                with pytest.raises(InputRefused):
                    read_segmentation(path, volumes, silent)
                with pytest.raises(InputRefused):
                    read_structure_set(path, volumes, silent)
