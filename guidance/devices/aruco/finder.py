"""Markers in one picture, and the things that they are on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.devices.aruco.edges import refined
from guidance.devices.aruco.lens import Lens
from guidance.devices.aruco.marker_set import DICTIONARIES, MarkedThing, MarkerSet
from guidance.devices.aruco.opencv import opencv
from guidance.devices.aruco.sighting import Sighting, sighting

UNSEEN = "none of its markers is seen"


@dataclass(slots=True)
class Finder:
    """Not a value: it holds OpenCV's detector.

    Raises:
        EnvironmentLacks: OpenCV is not installed.
    """

    lens: Lens
    markers: MarkerSet
    _detector: Any = field(init=False)

    def __post_init__(self) -> None:
        aruco = opencv().aruco
        parameters = aruco.DetectorParameters()
        parameters.cornerRefinementMethod = aruco.CORNER_REFINE_SUBPIX  # a start for `refined`
        dictionary = aruco.getPredefinedDictionary(getattr(aruco, f"DICT_{self.markers.dictionary}"))
        self._detector = aruco.ArucoDetector(dictionary, parameters)

    def found(self, picture: NDArray[np.uint8]) -> dict[str, Sighting | str]:
        """Every thing of the set in a (height, width) or (height, width, 3) picture, or why it has no place.

        Raises:
            InvalidValue: the picture has another size than those that the lens was calibrated with.
        """
        self.refuse_other_size((picture.shape[1], picture.shape[0]))
        cv2 = opencv()
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        corners, numbers, _ = self._detector.detectMarkers(grey)
        seen = [] if numbers is None else [int(number) for number in np.ravel(numbers)]
        once, cells = Counter(seen), DICTIONARIES[self.markers.dictionary][0] + 2
        places = {
            number: refined(grey, np.asarray(four, np.float64).reshape(4, 2), cells)
            for number, four in zip(seen, corners, strict=True)
            if once[number] == 1  # one that is seen twice is a copy or a mirror image
        }
        return {thing.name: self._sighting(thing, places) for thing in self.markers.things}

    def refuse_other_size(self, size_px: tuple[int, int]) -> None:
        """Let pictures of (width, height) pass, or say what is wrong with them.

        Raises:
            InvalidValue: the lens was calibrated with others.
        """
        wanted = self.lens.size_px or size_px
        if wanted != size_px:
            one, other = (f"{width} x {height}" for width, height in (wanted, size_px))
            raise InvalidValue(f"the camera was calibrated with pictures of {one} px and gives {other}")

    def _sighting(self, thing: MarkedThing, places: dict[int, Float64]) -> Sighting | str:
        seen = [marker for marker in thing.markers if marker.id in places]
        if not seen:
            return UNSEEN
        corners_mm = np.concatenate([marker.corners_mm for marker in seen])
        return sighting(self.lens, corners_mm, np.concatenate([places[marker.id] for marker in seen]))
