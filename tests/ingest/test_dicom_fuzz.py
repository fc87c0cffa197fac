"""Damaged DICOM: only documented errors, in bounded time and memory."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from engine.core.errors import InputRefused
from engine.core.progress import silent
from engine.ingest.dicom.reader import DicomReader
from engine.ingest.study import SeriesKind
from tests.ingest.dicom_writer import ENCODERS, enhanced, image, save, save_compressed

RNG = np.random.default_rng(5)
PIXELS = RNG.integers(0, 4000, (24, 16)).astype(np.uint16)
#: A damaged header of a small file may claim what its bytes could hold at the best ratio there is, no more.
MEMORY_BYTES = 200 << 20


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One small file for every way of storing pixels."""
    folder = tmp_path_factory.mktemp("seeds")
    paths = [save(image(PIXELS), folder / "explicit.dcm")]
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian):
        paths.append(save(image(PIXELS), folder / f"{syntax}.dcm", syntax))
    paths += [save_compressed(PIXELS, folder / f"{syntax}.dcm", syntax) for syntax in (*ENCODERS, RLELossless)]
    frames = np.stack([PIXELS] * 3)
    paths.append(save(enhanced(frames, [[0.0, 0.0, 3.0 * z] for z in range(3)]), folder / "enhanced.dcm"))
    return [path.read_bytes() for path in paths]


def read_whatever_there_is(paths: tuple[Path, ...]) -> None:
    """Inventory and every volume, as a careless user would; only `InputRefused` may come out."""
    reader = DicomReader()
    for info in reader.inventory(paths, silent).series:
        if info.kind is SeriesKind.VOLUME:
            try:
                reading = reader.read_volume(info, phase=0, progress=silent)
            except InputRefused:
                continue
            assert np.isfinite(np.asarray(reading.value.samples, dtype=np.float64)).all()


def damaged(data: bytes, rng: random.Random) -> bytes:
    """`data` with some bytes changed, cut out, doubled, or the end missing."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(min(132, len(out) - 1) if rng.random() < 0.9 else 0, len(out))
        kind = rng.random()
        if kind < 0.5:
            out[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind < 0.7:
            out[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xfe\xff\0\xe0"))
        elif kind < 0.8:
            del out[at : at + rng.randrange(1, 64)]
        elif kind < 0.9:
            out[at:at] = out[at : at + rng.randrange(1, 64)]
        else:
            del out[max(at, 140) :]
    return bytes(out)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(0, 1000))
def test_damaged_files_only_raise_documented_errors(
    seeds: list[bytes], tmp_path: Path, rng: random.Random, which: int
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(damaged(seeds[which % len(seeds)], rng))
    read_whatever_there_is((path,))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(0, 1000))
def test_damaged_series_only_raise_documented_errors(
    seeds: list[bytes], tmp_path: Path, rng: random.Random, which: int
) -> None:
    paths = []
    for k in range(4):
        data = seeds[which % len(seeds)].replace(b"0.0\\0.0\\0.0", b"0.0\\0.0\\%d.0" % k)
        paths.append(tmp_path / f"{k}.dcm")
        paths[-1].write_bytes(damaged(data, rng) if rng.random() < 0.5 else data)
    read_whatever_there_is(tuple(paths))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2000), st.sampled_from([b"", bytes(128) + b"DICM", b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"]))
def test_random_bytes_only_raise_documented_errors(tmp_path: Path, tail: bytes, head: bytes) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(head + tail)
    read_whatever_there_is((path,))


@pytest.mark.parametrize("field", [b"\x28\x00\x10\x00", b"\x28\x00\x11\x00", b"\x28\x00\x00\x01"])
@pytest.mark.parametrize("value", [0, 1, 8, 32, 64, 0x7FFF, 0xFFFF])
def test_claims_of_size_cost_no_memory(seeds: list[bytes], tmp_path: Path, field: bytes, value: int) -> None:
    for number, data in enumerate(seeds):
        at = data.find(field + b"US\x02\x00")
        if at < 0:
            continue
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(data[: at + 8] + value.to_bytes(2, "little") + data[at + 10 :])
        tracemalloc.start()
        read_whatever_there_is((path,))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY_BYTES


def test_a_deflate_bomb_is_inflated_no_further_than_its_header(tmp_path: Path) -> None:
    import zlib

    path = save(image(PIXELS), tmp_path / "a.dcm", DeflatedExplicitVRLittleEndian)
    data = path.read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(zlib.decompress(data[start:], -15) + bytes(1 << 28)) + packer.flush()
    path.write_bytes(data[:start] + bomb)
    tracemalloc.start()
    read_whatever_there_is((path,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.data
def test_broken_real_files_only_raise_documented_errors(shared_data: Path) -> None:
    for path in sorted((shared_data / "broken").rglob("*")):
        if path.is_file() and path.stat().st_size < 2 << 20:
            read_whatever_there_is((path,))
