"""NRRD in, against SimpleITK."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from engine.core.errors import InputRefused
from engine.core.progress import silent
from engine.ingest.nrrd import NrrdReader, separate
from engine.ingest.study import SeriesKind
from tests.ingest.single_file import labels_of, read_by_itk, samples, series_of, volume_of

READER = NrrdReader()
RNG = np.random.default_rng(3)
VALUES = RNG.integers(0, 3000, (4, 5, 6)).astype(np.int16)
PLACE = {
    "space": "left-posterior-superior",
    "space directions": "(0.5,0.1,0) (-0.1,0.5,0) (0,0,2)",
    "space origin": "(1,2,3)",
}


def written(path: Path, values: NDArray[Any] = VALUES, encoding: str = "raw", data: Any = None, **fields: Any) -> Path:
    """A NRRD file made by hand; `fields` override, an empty one is left out."""
    kinds = {"i": "int16", "u": "uint8", "f": "float", "d": "double"}
    header = {
        "type": {np.dtype("u1"): "uchar", np.dtype("f4"): "float"}.get(values.dtype, kinds["i"]),
        "dimension": str(values.ndim),
        "sizes": " ".join(map(str, values.shape)),
        "endian": "little",
        "encoding": encoding,
    } | (PLACE if values.ndim == 3 else {})
    header |= {name.replace("_", " "): value for name, value in fields.items() if ":=" not in value}
    lines = [f"{name}: {value}" for name, value in header.items() if value]
    lines += [value for value in fields.values() if ":=" in value]
    body = values.tobytes(order="F") if data is None else data
    path.write_bytes(("NRRD0005\n# a comment\n" + "\n".join(lines) + "\n\n").encode() + body)
    return path


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "f4", "f8"])
def test_what_itk_writes_is_read_as_itk_reads_it(tmp_path: Path, suffix: str, packed: bool, kind: str) -> None:
    image: Any = SimpleITK.GetImageFromArray(RNG.integers(0, 120, (6, 5, 4)).astype(kind))
    image.SetSpacing((0.5, 0.75, 3.0))
    image.SetOrigin((-10.0, 20.0, 5.5))
    image.SetDirection((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, -1))
    SimpleITK.WriteImage(image, str(tmp_path / f"v{suffix}"), packed)
    reading = volume_of(READER, tmp_path / f"v{suffix}")
    values, matrix = read_by_itk(tmp_path / f"v{suffix}")
    np.testing.assert_array_equal(samples(reading), values)
    np.testing.assert_allclose(reading.value.grid.patient_from_voxel.matrix, matrix, atol=1e-9)
    assert samples(reading).T.flags.c_contiguous
    assert reading.repairs == ()


@pytest.mark.data
def test_real_nrrd_scans_agree_with_itk(shared_data: Path) -> None:
    paths = sorted(shared_data.rglob("*.nrrd"))
    assert len(paths) > 10
    for path in paths:
        reading = volume_of(READER, path)
        values, matrix = read_by_itk(path)
        assert np.array_equal(samples(reading), values), path.name
        assert np.abs(reading.value.grid.patient_from_voxel.matrix - matrix).max() < 1e-3, path.name


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gz", gzip.compress),
        ("bzip2", bz2.compress),
        ("ascii", lambda raw: " ".join(map(str, np.frombuffer(raw, np.int16))).encode()),
    ],
)
def test_every_encoding_gives_the_same_samples(tmp_path: Path, encoding: str, pack: Any) -> None:
    path = written(tmp_path / "v.nrrd", encoding=encoding, data=pack(VALUES.tobytes(order="F")))
    np.testing.assert_array_equal(samples(volume_of(READER, path)), VALUES)


@pytest.mark.parametrize(
    ("space", "signs"),
    [("RAS", (-1, -1, 1)), ("right-anterior-superior", (-1, -1, 1)), ("LAS", (1, -1, 1)), ("LPS", (1, 1, 1))],
)
def test_each_space_is_turned_into_lps(tmp_path: Path, space: str, signs: Any) -> None:
    grid = volume_of(READER, written(tmp_path / "v.nrrd", space=space)).value.grid
    np.testing.assert_allclose(grid.patient_from_voxel.matrix[:3, 3], np.array([1, 2, 3]) * signs)
    np.testing.assert_allclose(grid.patient_from_voxel.matrix[:3, 0], np.array([0.5, 0.1, 0]) * signs)


@pytest.mark.parametrize(
    ("fields", "orientation"),
    [
        ({}, "axial"),
        ({"space directions": "(1,0,0) (0,0,-1) (0,1,0)"}, "coronal"),
        ({"space directions": ""}, None),
        ({"space": "", "space dimension": "3"}, None),
    ],
    ids=str,
)
def test_the_orientation_is_listed_where_it_is_stated(
    tmp_path: Path, fields: dict[str, Any], orientation: str | None
) -> None:
    path = written(tmp_path / "a.nrrd", **{name.replace(" ", "_"): value for name, value in fields.items()})
    assert series_of(READER, path).orientation == orientation


def test_big_endian_is_turned_round(tmp_path: Path) -> None:
    path = written(tmp_path / "v.nrrd", data=VALUES.astype(">i2").tobytes(order="F"), endian="big")
    np.testing.assert_array_equal(samples(volume_of(READER, path)), VALUES)


def test_spacings_alone_are_taken_and_the_missing_orientation_said(tmp_path: Path) -> None:
    path = written(tmp_path / "v.nrrd", space="", space_directions="", space_origin="", spacings="1 2 3")
    reading = volume_of(READER, path)
    np.testing.assert_allclose(reading.value.grid.spacing_mm, (1, 2, 3))
    assert any("no orientation" in repair for repair in reading.repairs)


@pytest.mark.parametrize("first", [True, False])
def test_a_list_axis_first_or_last_is_the_phase(tmp_path: Path, first: bool) -> None:
    values = RNG.integers(0, 3000, (3, 4, 5, 6) if first else (4, 5, 6, 3)).astype(np.int16)
    kinds, none = ("list domain domain domain", "none {}") if first else ("domain domain domain list", "{} none")
    path = written(
        tmp_path / "v.nrrd", values, kinds=kinds, **PLACE | {"space directions": none.format(PLACE["space directions"])}
    )
    assert series_of(READER, path).phases == 3
    for phase in range(3):
        expected = values[phase] if first else values[..., phase]
        np.testing.assert_array_equal(samples(volume_of(READER, path, phase)), expected)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sizes": "40000 40000 40000"}, "claims"),
        ({"sizes": "4 5 7"}, "truncated"),
        ({"sizes": "4 5"}, "axes"),
        ({"type": "block"}, "sample type"),
        ({"encoding": "hex"}, "encoding"),
        ({"space_directions": "(1,0,0) (0,1,0) (1,1,0)"}, "not invertible"),
        ({"space_directions": "(1,0,0) (0,nan,0) (0,0,1)"}, "not finite"),
        ({"kinds": "RGB-color domain domain"}, "values a voxel"),
        ({"data_file": "../elsewhere.raw"}, "same folder"),
        ({"data_file": "/etc/hostname"}, "same folder"),
        ({"data_file": "LIST"}, "several files"),
        ({"byte_skip": "-7"}, "not a count"),
    ],
)
def test_damaged_and_hostile_headers_are_refused(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    (tmp_path.parent / "elsewhere.raw").write_bytes(bytes(1000))
    with pytest.raises(InputRefused, match=reason):
        volume_of(READER, written(tmp_path / "v.nrrd", **fields))


@pytest.mark.parametrize("word", ["1e30", "nan", "-40000", "1.5", "x"])
def test_text_that_its_type_cannot_hold_is_refused(tmp_path: Path, word: str) -> None:
    text = " ".join([word] * VALUES.size).encode()
    with pytest.raises(InputRefused, match=r"text holds|not numbers"):
        volume_of(READER, written(tmp_path / "v.nrrd", encoding="ascii", data=text))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.raw").write_bytes(VALUES.tobytes())
    (tmp_path / "in" / "data.raw").symlink_to(tmp_path / "secret.raw")
    with pytest.raises(InputRefused, match="same folder"):
        volume_of(READER, written(tmp_path / "in" / "v.nhdr", data=b"", data_file="data.raw"))


def test_a_gzip_stream_shorter_than_its_header_says_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "v.nrrd", encoding="gzip", data=gzip.compress(VALUES.tobytes()[:-2]))
    with pytest.raises(InputRefused, match="truncated"):
        volume_of(READER, path)


# --- segmentations of 3D Slicer --------------------------------------------------------------------

TAGS = (
    "Segmentation.Status:inprogress|TerminologyEntry:Categories~SCT^123037004^Body~SCT^10200004^Liver~^^~Anatomy~^^~^^|"
)


def test_slicer_segments_name_the_labels(tmp_path: Path) -> None:
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:6, 2:6, 2:6] = 3
    path = written(
        tmp_path / "v.seg.nrrd", labels, a="Segment0_ID:=Segment_1", b="Segment0_Name:=my liver",
        c="Segment0_LabelValue:=3", d="Segment0_Color:=0.2 0.4 1", e="Segment0_Layer:=0", f=f"Segment0_Tags:={TAGS}",
    )  # fmt: skip
    assert series_of(READER, path).kind is SeriesKind.LABELS
    (found,) = labels_of(READER, path).value.structures
    assert (found.label, found.key, found.name, found.colour) == (3, "liver", "my liver", (51, 102, 255))
    assert found.code is not None
    assert found.code.value == "10200004"


def test_overlapping_slicer_layers_keep_the_smaller_and_lose_nothing(tmp_path: Path) -> None:
    layers = np.zeros((2, 8, 8, 8), np.uint8)
    layers[0, 1:7, 1:7, 1:7] = 1
    layers[1, 2:4, 2:4, 2:4] = 1
    path = written(
        tmp_path / "v.seg.nrrd", layers, kinds="list domain domain domain",
        a="Segment0_ID:=a", b="Segment0_Name:=organ", c="Segment0_LabelValue:=1", d="Segment0_Layer:=0",
        e="Segment1_ID:=b", f="Segment1_Name:=tumour", g="Segment1_LabelValue:=1", h="Segment1_Layer:=1",
        **PLACE | {"space directions": "none " + PLACE["space directions"]},
    )  # fmt: skip
    reading = labels_of(READER, path)
    counts = np.bincount(np.asarray(reading.value.labels).ravel())
    assert {s.name: int(counts[s.label]) for s in reading.value.structures} == {"Organ": 216 - 8, "Tumour": 8}
    assert any("share 8 voxels" in repair for repair in reading.repairs)
    whole = separate(path, silent)
    assert [int(np.count_nonzero(np.asarray(one.labels))) for one in whole] == [216, 8]
