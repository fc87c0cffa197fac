"""Coordinate frames: where a triple of numbers lives.

Patient frames are DICOM LPS in millimetres (PS3.3 C.7.6.2.1.1); two patient frames are the same
only when their Frame of Reference UIDs agree (PS3.3 C.7.4.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FrameKind(StrEnum):
    """What kind of space a frame names."""

    VOXEL = "voxel"  # indices, voxel centres at integers
    PATIENT = "patient"  # DICOM LPS, millimetres
    WORLD = "world"  # the room, millimetres
    REFERENCE = "reference"  # the tracked reference on the patient, millimetres
    TOOL = "tool"  # a tracked tool's own frame, millimetres


@dataclass(frozen=True, slots=True)
class Frame:
    """One coordinate frame: its kind and the identifier that tells it from others of its kind."""

    kind: FrameKind
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.uid}" if self.uid else str(self.kind)


VOXEL = Frame(FrameKind.VOXEL)
WORLD = Frame(FrameKind.WORLD)


def patient(frame_of_reference_uid: str) -> Frame:
    """The patient frame of a Frame of Reference UID (empty when the source states none)."""
    return Frame(FrameKind.PATIENT, frame_of_reference_uid)
