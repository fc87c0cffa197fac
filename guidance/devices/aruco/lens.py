"""How a camera projects: its calibration, made elsewhere and read from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import FileProblem, InputRefused, InvalidValue
from guidance.devices.aruco.opencv import opencv

#: How many coefficients of distortion OpenCV's model may have.
_DISTORTIONS = (0, 4, 5, 8, 12, 14)
_MATRIX = ("matrix", "camera_matrix", "cameraMatrix", "K")
_DISTORTION = ("distortion", "distortion_coefficients", "dist_coeffs", "distCoeffs", "D")
_WIDTH, _HEIGHT = ("width_px", "image_width", "width"), ("height_px", "image_height", "height")


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """OpenCV's camera model.

    Attributes:
        matrix: (3, 3), in pixels.
        distortion: 0, 4, 5, 8, 12 or 14 coefficients.
        size_px: (width, height) of the pictures that it was calibrated with; None where the file does not tell.
    """

    matrix: Float64
    distortion: Float64 = field(default_factory=lambda: np.zeros(0))
    size_px: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        matrix, distortion = owned(self.matrix, np.float64), owned(np.ravel(self.distortion), np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or not np.array_equal(matrix[2], (0.0, 0.0, 1.0)):
            raise InvalidValue("a camera's matrix is 3 x 3 finite numbers, its last row 0 0 1")
        if not (matrix[0, 0] > 0 and matrix[1, 1] > 0 and matrix[0, 1] == 0 and matrix[1, 0] == 0):
            raise InvalidValue("a camera's focal lengths are positive and its axes stand square")
        if distortion.size not in _DISTORTIONS or not np.isfinite(distortion).all():
            raise InvalidValue(f"a lens has {', '.join(map(str, _DISTORTIONS))} coefficients, got {distortion.size}")
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "distortion", distortion)


def read_lens(path: Path) -> Lens:
    """From JSON, OpenCV's YAML or XML, or the plain rows of numbers that scikit-surgery writes.

    Raises:
        InputRefused: not one of them, or no camera.
        EnvironmentLacks: YAML or XML without OpenCV.
    """
    try:
        text = path.read_text()
        fields = _READERS.get(path.suffix.lower(), _rows)(text)
        has_size = any(name in fields for name in (*_WIDTH, *_HEIGHT))
        size_px = (int(_one(fields, _WIDTH)), int(_one(fields, _HEIGHT))) if has_size else None
        distortion = next((fields[name] for name in _DISTORTION if name in fields), ())
        return Lens(_one(fields, _MATRIX), np.asarray(distortion, np.float64), size_px)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        words = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise InputRefused("the camera's calibration cannot be used", [FileProblem(path, words)]) from error


def _one(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if name in fields:
            return fields[name]
    raise KeyError(names[0])


def _json(text: str) -> dict[str, Any]:
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise InvalidValue("is no JSON object")
    return fields


def _rows(text: str) -> dict[str, Any]:
    """Three rows of the matrix, and one of distortion where there is one."""
    rows = [[float(word) for word in line.split()] for line in text.splitlines() if line.strip()]
    if len(rows) not in (3, 4) or any(len(row) != 3 for row in rows[:3]):
        raise InvalidValue("three rows of three numbers are the matrix, a fourth row the distortion")
    return {"matrix": rows[:3]} | ({"distortion": rows[3]} if len(rows) == 4 else {})


def _storage(text: str) -> dict[str, Any]:
    """OpenCV's own format."""
    cv2 = opencv()
    try:
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    except (cv2.error, SystemError) as error:
        raise InvalidValue("is not OpenCV's YAML or XML") from error
    fields: dict[str, Any] = {}
    for name in (*_MATRIX, *_DISTORTION):
        if not (node := storage.getNode(name)).empty() and node.isMap():
            fields[name] = node.mat()
    for name in (*_WIDTH, *_HEIGHT):
        if not (node := storage.getNode(name)).empty():
            fields[name] = node.real()
    return fields


_READERS = {".json": _json, ".yml": _storage, ".yaml": _storage, ".xml": _storage}
