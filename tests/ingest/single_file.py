"""Reading one NIfTI, NRRD or MetaImage file as the product does, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.core.errors import InputRefused
from engine.core.progress import silent
from engine.core.volume import LabelMap, Volume
from engine.ingest.study import Reader, Reading, SeriesInfo

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def series_of(reader: Reader, path: Path) -> SeriesInfo:
    """The one series of `path`; its refusal when it is set aside."""
    assert reader.accepts(path, path.read_bytes()[:352]), f"{reader.name} does not know the file"
    found = reader.inventory((path,), silent)
    if found.problems:
        raise InputRefused(found.problems[0].reason, found.problems)
    return found.series[0]


def volume_of(reader: Reader, path: Path, phase: int = 0) -> Reading[Volume]:
    """One phase of `path`."""
    return reader.read_volume(series_of(reader, path), phase=phase, progress=silent)


def labels_of(reader: Reader, path: Path, reference: Volume | None = None) -> Reading[LabelMap]:
    """`path` as a label map."""
    return reader.read_labels(series_of(reader, path), reference, progress=silent)


def samples(reading: Reading[Volume]) -> NDArray[Any]:
    """Samples [i, j, k]."""
    return np.asarray(reading.value.samples)


def matrix_of_itk(image: Any) -> NDArray[np.float64]:
    """Voxel to LPS of a SimpleITK image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def read_by_nibabel(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Samples [i, j, k] and voxel to LPS, as nibabel reads them."""
    image: Any = nibabel.load(path)
    return np.asarray(image.dataobj).copy(), LPS_FROM_RAS @ image.affine


def read_by_itk(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Samples [i, j, k] and voxel to LPS, as SimpleITK reads them."""
    image = SimpleITK.ReadImage(str(path))
    return SimpleITK.GetArrayFromImage(image).T, matrix_of_itk(image)
