"""MetaImage in, against SimpleITK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from engine.core.errors import InputRefused
from engine.core.volume import Quantity
from engine.ingest.metaimage import MetaImageReader
from engine.ingest.study import SeriesKind
from tests.ingest.single_file import labels_of, read_by_itk, samples, series_of, volume_of

READER = MetaImageReader()
RNG = np.random.default_rng(4)
VALUES = RNG.integers(0, 3000, (6, 5, 4)).astype(np.int16)  # k, j, i
FIELDS = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "0 1 0 -1 0 0 0 0 1",
    "Offset": "1 2 3",
    "ElementSpacing": "0.5 0.75 3",
    "DimSize": "4 5 6",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}


def written(path: Path, data: bytes | None = None, **fields: str) -> Path:
    """A file made by hand; `fields` override, an empty one is left out."""
    header = {name: value for name, value in (FIELDS | fields).items() if value}
    header["ElementDataFile"] = header.pop("ElementDataFile")  # the last by definition
    lines = "".join(f"{name} = {value}\n" for name, value in header.items())
    path.write_bytes(lines.encode() + (VALUES.tobytes() if data is None else data))
    return path


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "f4", "f8"])
def test_what_itk_writes_is_read_as_itk_reads_it(tmp_path: Path, suffix: str, packed: bool, kind: str) -> None:
    image: Any = SimpleITK.GetImageFromArray(RNG.integers(0, 120, (6, 5, 4)).astype(kind))
    image.SetSpacing((0.5, 0.75, 3.0))
    image.SetOrigin((-10.0, 20.0, 5.5))
    image.SetDirection((0.8, 0, -0.6, 0.6, 0, 0.8, 0, -1, 0))
    SimpleITK.WriteImage(image, str(tmp_path / f"v{suffix}"), packed)
    reading = volume_of(READER, tmp_path / f"v{suffix}")
    values, matrix = read_by_itk(tmp_path / f"v{suffix}")
    np.testing.assert_array_equal(samples(reading), values)
    np.testing.assert_allclose(reading.value.grid.patient_from_voxel.matrix, matrix, atol=1e-9)
    assert reading.repairs == ()


def test_axes_that_are_not_symmetrical_agree_with_itk(tmp_path: Path) -> None:
    path = written(tmp_path / "v.mha")
    values, matrix = read_by_itk(path)
    reading = volume_of(READER, path)
    np.testing.assert_array_equal(samples(reading), values)
    np.testing.assert_allclose(reading.value.grid.patient_from_voxel.matrix, matrix)


@pytest.mark.parametrize(
    ("matrix", "orientation"), [("0 1 0 -1 0 0 0 0 1", "axial"), ("0 1 0 0 0 1 1 0 0", "sagittal"), ("", None)]
)
def test_the_orientation_is_listed_where_it_is_stated(tmp_path: Path, matrix: str, orientation: str | None) -> None:
    assert series_of(READER, written(tmp_path / "a.mha", TransformMatrix=matrix)).orientation == orientation


def test_big_endian_is_turned_round(tmp_path: Path) -> None:
    path = written(tmp_path / "v.mha", VALUES.astype(">i2").tobytes(), BinaryDataByteOrderMSB="True")
    np.testing.assert_array_equal(samples(volume_of(READER, path)), VALUES.T)


def test_a_stated_modality_is_believed(tmp_path: Path) -> None:
    reading = volume_of(READER, written(tmp_path / "v.mha", Modality="MET_MOD_CT"))
    assert (reading.value.quantity, reading.value.source.modality) == (Quantity.HOUNSFIELD, "CT")
    assert reading.repairs == ()


def test_missing_geometry_is_said(tmp_path: Path) -> None:
    reading = volume_of(READER, written(tmp_path / "v.mha", TransformMatrix="", ElementSpacing=""))
    assert any("no orientation" in repair for repair in reading.repairs)
    assert any("no voxel sizes" in repair for repair in reading.repairs)


def test_a_phase_of_four_dimensions_is_read(tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (2, 6, 5, 4)).astype(np.int16)
    path = written(
        tmp_path / "v.mha", values.tobytes(), NDims="4", DimSize="4 5 6 2", ElementSpacing="1 1 1 1", Offset="0 0 0 0",
        TransformMatrix=" ".join(map(str, np.eye(4).ravel())),
    )  # fmt: skip
    np.testing.assert_array_equal(samples(volume_of(READER, path, 1)), values[1].T)


def test_labels_take_their_names_from_a_table_beside_them(tmp_path: Path) -> None:
    cube = np.zeros((6, 5, 4), np.int16)
    cube[1:5, 1:4, 1:3] = 2
    (tmp_path / "v.csv").write_text("label,name,r,g,b\n2,left kidney,1,2,3\n")
    path = written(tmp_path / "v.mha", cube.tobytes())
    assert series_of(READER, path).kind is SeriesKind.LABELS
    (found,) = labels_of(READER, path).value.structures
    assert (found.label, found.key, found.colour) == (2, "kidney_left", (1, 2, 3))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"DimSize": "40000 40000 40000"}, "claims"),
        ({"DimSize": "4 5 7"}, "truncated"),
        ({"DimSize": "4 5 -6"}, "not counts"),
        ({"NDims": "5"}, "axes"),
        ({"ElementNumberOfChannels": "3"}, "values a voxel"),
        ({"ElementType": "MET_STRING"}, "sample type"),
        ({"ElementSpacing": "0 1 1"}, "not invertible"),
        ({"TransformMatrix": "1 0 0 0"}, "TransformMatrix"),
        ({"Offset": "a b c"}, "numbers"),
        ({"ElementDataFile": "../../etc/passwd"}, "same folder"),
        ({"ElementDataFile": "LIST"}, "several files"),
        ({"ElementDataFile": "slice%03d.raw 1 6 1"}, "several files"),
        ({"ObjectType": "Mesh"}, "not an image"),
        ({"UltrasoundImageOrientation": "MFA"}, "tracked frames"),
        ({"CompressedData": "True"}, "damaged|truncated"),
    ],
)
def test_damaged_and_hostile_headers_are_refused(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputRefused, match=reason):
        volume_of(READER, written(tmp_path / "v.mha", **fields))


@pytest.mark.data
def test_recorded_tracking_is_not_taken_for_a_volume(shared_data: Path) -> None:
    for path in sorted(shared_data.glob("tracking/plus/*.mha")):
        with pytest.raises(InputRefused, match="tracked frames"):
            volume_of(READER, path)
