"""What is kept of a study beyond the basic profile, and what becomes of faces."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Faces(StrEnum):
    """What is done about a face that a head scan shows."""

    FLAG = "flag"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of PS3.15 annex E that are taken beside its Basic Application Level Confidentiality Profile.

    Attributes:
        keep_dates: dates move by one number of days a patient and times stay; else both go.
        keep_patient: sex, age (90 years and over alike), size, weight and the like.
        keep_device: which device it was: serial numbers, station names.
        keep_descriptions: descriptions and labels, of which only words of a fixed vocabulary stay.
        keep_private: private numbers that are known to be safe (`private.py`).
        keep_uids: UIDs as they are. They lead whoever has the originals back to the patient.
        faces: flagged, or removed.
    """

    keep_dates: bool = False
    keep_patient: bool = False
    keep_device: bool = False
    keep_descriptions: bool = False
    keep_private: bool = False
    keep_uids: bool = False
    faces: Faces = Faces.FLAG


#: CID 7050, in the order in which they are written.
BASIC_PROFILE = ("113100", "Basic Application Confidentiality Profile")
FACES_CLEANED = ("113102", "Clean Recognizable Visual Features Option")
METHODS: tuple[tuple[str, tuple[str, str]], ...] = (
    ("keep_descriptions", ("113105", "Clean Descriptors Option")),
    ("keep_dates", ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")),
    ("keep_patient", ("113108", "Retain Patient Characteristics Option")),
    ("keep_device", ("113109", "Retain Device Identity Option")),
    ("keep_uids", ("113110", "Retain UIDs Option")),
    ("keep_private", ("113111", "Retain Safe Private Option")),
)


def methods(options: Options) -> list[tuple[str, str]]:
    """Codes and meanings (CID 7050) of the profile and of the options taken."""
    return [BASIC_PROFILE, *(code for name, code in METHODS if getattr(options, name))]
