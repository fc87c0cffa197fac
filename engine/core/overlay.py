"""How much what is drawn may be believed: verified, ageing, stale, hidden. One law for every client.

An item's state is the worst of what is known of it: its own age, what it may have moved since (age times speed), the
reference on the patient, the registration and its check. What is stale has no number; what is hidden is not drawn. The
browser has the same law (`assets/client/src/model/overlay.ts`), and both are held to `tests/core/overlay_cases.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import inf

from engine.core.errors import InvalidValue
from engine.core.unknown import Why


class Shown(IntEnum):
    """How an item is shown; a higher number is worse."""

    VERIFIED = 0
    AGEING = 1
    STALE = 2
    HIDDEN = 3


@dataclass(frozen=True, slots=True)
class Look:
    """Never by colour alone: a word, a line pattern, and what share of its opacity is kept."""

    word: str
    pattern: str
    opacity: float
    has_number: bool


LOOKS: dict[Shown, Look] = {
    Shown.VERIFIED: Look("", "plain", 1.0, True),
    Shown.AGEING: Look("ageing", "dashes", 0.7, True),
    Shown.STALE: Look("stale", "dots", 0.35, False),
    Shown.HIDDEN: Look("hidden", "none", 0.0, False),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """When an item is no longer what it was: by its age, and by how far it may have moved in that time.

    Attributes:
        ageing_s, stale_s, hidden_s: ages.
        ageing_mm, stale_mm, hidden_mm: age times speed.
    """

    ageing_s: float
    stale_s: float
    hidden_s: float
    ageing_mm: float = inf
    stale_mm: float = inf
    hidden_mm: float = inf

    def __post_init__(self) -> None:
        if not 0 < self.ageing_s <= self.stale_s <= self.hidden_s:
            raise InvalidValue("what is drawn ages before it is stale, and is stale before it is hidden")
        if not 0 < self.ageing_mm <= self.stale_mm <= self.hidden_mm:
            raise InvalidValue("what is drawn ages before it is stale, and is stale before it is hidden")


#: A tool in a hand. 50 mm/s for 150 ms are 7.5 mm: age alone is not enough.
TOOL = Limits(0.05, 0.15, 1.0, ageing_mm=1.0, stale_mm=5.0, hidden_mm=50.0)
#: What stands on the patient, by the age of the newest word about the reference: a reference that is lost or silent
#: hides it at once over a patient.
ON_PATIENT = Limits(0.12, 0.15, 0.15)
#: The same on a screen beside the patient, or in a closed headset: nothing can be taken for the patient's own place.
BESIDE_PATIENT = Limits(0.4, 2.0, inf)

#: What a reason does to an item that depends on the patient's place: over the patient, and beside.
_ON_PATIENT: dict[Why, tuple[Shown, Shown]] = {
    Why.NO_REFERENCE: (Shown.HIDDEN, Shown.STALE),
    Why.NOT_REGISTERED: (Shown.HIDDEN, Shown.VERIFIED),
    Why.NOT_VERIFIED: (Shown.HIDDEN, Shown.STALE),
    Why.CHECK_DUE: (Shown.AGEING, Shown.AGEING),
    Why.OTHER_PATIENT_SPACE: (Shown.HIDDEN, Shown.HIDDEN),
    Why.LINK_LOST: (Shown.HIDDEN, Shown.STALE),
    Why.STALE: (Shown.HIDDEN, Shown.STALE),
    Why.CLOCK: (Shown.HIDDEN, Shown.STALE),
    Why.DEVICE: (Shown.HIDDEN, Shown.STALE),
    Why.INVALID: (Shown.HIDDEN, Shown.STALE),
    Why.NO_TOOL: (Shown.HIDDEN, Shown.STALE),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an item now.

    Attributes:
        age_s: of its newest place, or of the newest word about what it stands on; infinite where there was none.
        speed_mm_s: how fast it moved then.
        why: why its place is not known; None where it is.
        over_patient: whether the patient is seen through it.
    """

    age_s: float
    speed_mm_s: float = 0.0
    why: Why | None = None
    over_patient: bool = False


@dataclass(frozen=True, slots=True)
class Overlay:
    """How an item is shown, and the reason; None where it is verified."""

    shown: Shown
    why: Why | None

    @property
    def look(self) -> Look:
        """Word, pattern and opacity of its state."""
        return LOOKS[self.shown]


def anatomy(standing: Standing) -> Overlay:
    """Of what stands on the patient: surfaces, margins, plans. `age_s` is that of the newest reading."""
    limits = ON_PATIENT if standing.over_patient else BESIDE_PATIENT
    aged = _aged(standing, limits)
    if standing.why is None:
        return Overlay(aged, None if aged is Shown.VERIFIED else Why.LINK_LOST)
    over, beside = _ON_PATIENT.get(standing.why, (Shown.HIDDEN, Shown.STALE))
    by_reason = over if standing.over_patient else beside
    return Overlay(max(aged, by_reason), standing.why if by_reason >= aged else Why.LINK_LOST)


def tool(standing: Standing) -> Overlay:
    """Of a tracked tool and of every number that is measured from it. One that is not known has no number, ever."""
    aged = _aged(standing, TOOL)
    if standing.why is None:
        return Overlay(aged, None if aged is Shown.VERIFIED else Why.STALE)
    lost = Shown.HIDDEN if standing.over_patient else Shown.STALE
    return Overlay(max(aged, lost), standing.why)


def _aged(standing: Standing, limits: Limits) -> Shown:
    moved_mm = standing.age_s * standing.speed_mm_s if standing.speed_mm_s else 0.0
    for shown, limit_s, limit_mm in (
        (Shown.HIDDEN, limits.hidden_s, limits.hidden_mm),
        (Shown.STALE, limits.stale_s, limits.stale_mm),
        (Shown.AGEING, limits.ageing_s, limits.ageing_mm),
    ):
        if standing.age_s > limit_s or moved_mm > limit_mm:
            return shown
    return Shown.VERIFIED
