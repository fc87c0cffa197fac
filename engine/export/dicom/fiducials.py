"""Points that a registration was found from or checked at: Spatial Fiducials (PS3.3 A.40, C.21.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from pydicom.dataset import Dataset

from engine.core.array import Float64, owned
from engine.core.errors import InvalidValue
from engine.export.dicom.part10 import (
    RESEARCH,
    Stamp,
    decimals,
    item,
    new_object,
    refer_to_series,
    referenced,
    say_content,
    text,
)
from engine.export.dicom.source import Source

SPATIAL_FIDUCIALS = "1.2.840.10008.5.1.4.1.1.66.2"


class Use(StrEnum):
    """What a point was for. The two are never mixed: only points that it was not found from tell of a registration."""

    LANDMARK = "landmark: used to register"
    CHECK = "check point: not used to register"


@dataclass(frozen=True, slots=True, eq=False)
class Fiducial:
    """One point.

    Attributes:
        place_mm: (3,) in the frame of the series.
        touched_mm: (3,) where it was touched, in the tracked frame; None where it was not.
    """

    name: str
    use: Use
    place_mm: Float64
    touched_mm: Float64 | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "place_mm", owned(self.place_mm, np.float64))
        if self.touched_mm is not None:
            object.__setattr__(self, "touched_mm", owned(self.touched_mm, np.float64))
        for place in (self.place_mm, self.touched_mm):
            if place is not None and (place.shape != (3,) or not np.isfinite(place).all()):
                raise InvalidValue(f"the place of {self.name!r} is three finite numbers")


def spatial_fiducials(fiducials: Sequence[Fiducial], source: Source, stamp: Stamp, tracked_uid: str = "") -> Dataset:
    """Every point in the frame of the series, a set for each use; where touched, again in the tracked frame.

    Args:
        tracked_uid: the Frame of Reference UID of the tracked frame, as the registration names it; without one, places
            touched are left out.

    Raises:
        InvalidValue: no points, or names used twice for one use.
    """
    if not fiducials:
        raise InvalidValue("there is no point to export")
    names = [(one.use, one.name) for one in fiducials]
    if len(set(names)) < len(names):
        raise InvalidValue("two points of one use have the same name")
    found = new_object(source, stamp, SPATIAL_FIDUCIALS, "FID", f"Fiducials. {RESEARCH}")
    say_content(found, source, stamp, "FIDUCIALS", RESEARCH)
    found.Laterality = ""  # of what is examined; validators want it said that it is not known
    refer_to_series(found, source)
    uids = {id(one): stamp.new_uid() for one in fiducials}
    found.FiducialSetSequence = []
    for use in Use:
        members = [one for one in fiducials if one.use is use]
        touched = [(one, one.touched_mm) for one in members if one.touched_mm is not None]
        if members:
            places = [(one, one.place_mm) for one in members]
            marked = _set(source.frame_of_reference_uid, places, uids, "marked in the scan")
            marked.ReferencedImageSequence = referenced(source.instances.items())
            found.FiducialSetSequence.append(marked)
        if touched and tracked_uid:
            found.FiducialSetSequence.append(_set(tracked_uid, touched, uids, "touched on the patient"))
    return found


def _set(frame_uid: str, members: Sequence[tuple[Fiducial, Float64]], uids: dict[int, str], how: str) -> Dataset:
    return item(
        FrameOfReferenceUID=frame_uid,
        FiducialSequence=[
            item(
                FiducialIdentifier=text(one.name, 16),
                FiducialDescription=text(f"{one.name}. {one.use}; {how}", 1024),
                ShapeType="POINT",
                NumberOfContourPoints=1,
                ContourData=decimals(place),
                FiducialUID=uids[id(one)],  # the same point in either frame
            )
            for one, place in members
        ],
    )
