"""How another frame of reference lies in that of the series: Spatial Registration (PS3.3 A.39.1, C.20.2)."""

from __future__ import annotations

from enum import Enum

import numpy as np
from pydicom.dataset import Dataset

from engine.core.errors import InvalidValue
from engine.core.structure import Code
from engine.core.transform import Transform
from engine.export.dicom.part10 import (
    RESEARCH,
    Stamp,
    concept,
    decimals,
    item,
    new_object,
    refer_to_series,
    referenced,
    say_content,
    text,
)
from engine.export.dicom.source import Source

SPATIAL_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"


class FoundBy(Enum):
    """What the registration was found from (PS3.16 CID 7100)."""

    FIDUCIALS = Code("125022", "Fiducial Alignment", "DCM")
    SURFACE = Code("125024", "Image Content-based Alignment", "DCM")
    VISUAL = Code("125025", "Visual Alignment", "DCM")
    EQUIPMENT = Code("125023", "Acquisition Equipment Alignment", "DCM")


_SAME = Code("125021", "Frame of Reference Identity", "DCM")


def spatial_registration(
    patient_from_other: Transform,
    other_uid: str,
    source: Source,
    stamp: Stamp,
    *,
    found_by: FoundBy,
    comment: str = "",
) -> Dataset:
    """The rigid transform into the frame of the series, with the series itself as the frame that stays.

    Args:
        patient_from_other: from any frame in millimetres: of a tracker, or of another series.
        other_uid: the Frame of Reference UID of that other frame; for a tracker's a new one, which fiducials in that
            frame must name too.
        comment: a line on how well it holds; never a residual in place of an error at a target.

    Raises:
        InvalidValue: not rigid, or both frames are one.
        FrameMismatch: it does not lead into the frame of the series.
    """
    source.refuse_other_frame(patient_from_other.target)
    if not patient_from_other.is_rigid:
        raise InvalidValue("a spatial registration of this kind is rigid")
    if other_uid in ("", source.frame_of_reference_uid):
        raise InvalidValue("a registration joins two frames of reference, each with a UID of its own")
    found = new_object(source, stamp, SPATIAL_REGISTRATION, "REG", f"Registration. {RESEARCH}")
    say_content(found, source, stamp, "REGISTRATION", RESEARCH)
    found.Laterality = ""  # of what is examined; validators want it said that it is not known
    refer_to_series(found, source)
    found.FrameOfReferenceUID = source.frame_of_reference_uid
    found.PositionReferenceIndicator = source.position_reference
    stays = _item(source.frame_of_reference_uid, np.eye(4), _SAME, "")
    stays.ReferencedImageSequence = referenced(source.instances.items())
    found.RegistrationSequence = [
        stays,
        _item(other_uid, patient_from_other.matrix, found_by.value, f"Research use. {comment}".strip()),
    ]
    return found


def _item(frame_uid: str, matrix: np.ndarray, kind: Code, comment: str) -> Dataset:
    rigid = item(
        FrameOfReferenceTransformationMatrixType="RIGID",
        FrameOfReferenceTransformationMatrix=decimals(matrix.ravel()),
    )
    found = item(MatrixSequence=[rigid], RegistrationTypeCodeSequence=[concept(kind)])
    if comment:
        found.FrameOfReferenceTransformationComment = text(comment, 64)
    return item(FrameOfReferenceUID=frame_uid, MatrixRegistrationSequence=[found])
