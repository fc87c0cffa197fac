"""Not knowing, as a value: it says why, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why something is not known."""

    NO_TOOL = "the tool is not tracked"
    NO_REFERENCE = "the reference on the patient is not tracked"
    STALE = "the last place is too old"
    INVALID = "the device sends what cannot be"
    NOT_CALIBRATED = "the tool is not calibrated"
    NOT_REGISTERED = "the patient is not registered"
    NOT_VERIFIED = "the registration was not checked on the patient"
    CHECK_DUE = "the registration must be checked again"
    OTHER_PATIENT_SPACE = "the structure belongs to another scan"
    NO_STRUCTURE = "the structure is not ready"
    LINK_LOST = "the device is silent"
    CLOCK = "the device's clock cannot be trusted"
    DEVICE = "the device reports a fault"


@dataclass(frozen=True, slots=True)
class Unknown:
    """No distance. Never the last good number, and never 0.

    Attributes:
        why: the first reason found, from the device to the structure.
        since_s: when it began.
    """

    why: Why
    since_s: float
