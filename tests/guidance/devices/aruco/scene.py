"""Pictures of markers as a camera without distortion would take them, from poses that are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from guidance.devices.aruco.lens import Lens
from guidance.devices.aruco.marker_set import Marker, MarkerSet
from guidance.devices.aruco.opencv import opencv
from guidance.register.rigid_fit import turn

SIZE_PX = (1280, 720)
LENS = Lens(np.array([(1000.0, 0, 639.5), (0, 1000.0, 359.5), (0, 0, 1)]), size_px=SIZE_PX)
_FINER = 2


def facing(*place_mm: float, about: tuple[float, float, float] = (0, 0, 0)) -> Float64:
    """A thing that faces the camera, turned a little from there."""
    made = np.eye(4)
    made[:3, :3] = turn(np.array(about, float)) @ np.diag([1.0, -1.0, -1.0])
    made[:3, 3] = place_mm
    return made


def pixels(lens: Lens, points_mm: Float64, pose: Float64) -> Float64:
    """(n, 2) of (n, 3) points of a thing."""
    cv2 = opencv()
    distortion = lens.distortion if lens.distortion.size else None
    found = cv2.projectPoints(points_mm, cv2.Rodrigues(pose[:3, :3])[0], pose[:3, 3], lens.matrix, distortion)[0]
    return np.asarray(found, np.float64).reshape(-1, 2)


def picture(
    markers: MarkerSet,
    poses: dict[str, Float64],
    *,
    covered: tuple[int, ...] = (),
    blur_px: int = 0,
    noise: float = 0.0,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """A grey picture; `blur_px` smears it sideways, as movement does."""
    cv2 = opencv()
    width, height = SIZE_PX
    canvas = np.full((height * _FINER, width * _FINER), 120, np.uint8)
    for thing in markers.things:
        for marker in thing.markers if thing.name in poses else ():
            if marker.id not in covered:
                _draw(canvas, markers.dictionary, marker, poses[thing.name])
    seen = cv2.resize(canvas, SIZE_PX, interpolation=cv2.INTER_AREA).astype(np.float64)
    if blur_px:
        seen = cv2.blur(seen, (blur_px, 1))
    seen += np.random.default_rng(seed).normal(scale=noise, size=seen.shape) if noise else 0.0
    return np.asarray(np.clip(np.round(seen), 0, 255), np.uint8)


def _draw(canvas: NDArray[np.uint8], dictionary: str, marker: Marker, pose: Float64) -> None:
    """The marker and a white margin of one cell."""
    cv2 = opencv()
    aruco = cv2.aruco
    facing_out = pose[:3, :3] @ np.cross(marker.right, marker.up)
    if facing_out @ (pose[:3, :3] @ marker.centre_mm + pose[:3, 3]) >= 0:
        return  # its back is seen
    cells = int(dictionary[0]) + 2
    printed = aruco.generateImageMarker(
        aruco.getPredefinedDictionary(getattr(aruco, f"DICT_{dictionary}")), marker.id, cells * 40
    )
    card = np.pad(printed, 40, constant_values=255)
    grown = Marker(marker.id, marker.size_mm * (cells + 2) / cells, marker.centre_mm, marker.right, marker.up)
    # Pixel centres are at whole numbers: the edge of a picture lies half a pixel beyond its outermost centres.
    side = len(card)
    corners = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32) - 0.5
    there = (pixels(LENS, grown.corners_mm, pose) + 0.5) * _FINER - 0.5
    warp = cv2.getPerspectiveTransform(corners, there.astype(np.float32))
    shown = cv2.warpPerspective(card, warp, canvas.shape[::-1], flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full_like(card, 255), warp, canvas.shape[::-1])
    canvas[mask > 127] = shown[mask > 127]
