"""What a session says at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.unknown import Unknown
from guidance.alerts.alert import Alert
from guidance.alerts.level import Level
from guidance.margins.margin import Distance
from guidance.track.placing import Placed


@dataclass(frozen=True, slots=True, eq=False)
class ToolLook:
    """One tool.

    Attributes:
        thing: its name at the device.
        place: where its tip is in the patient, or why that is not known.
        shown: why nothing may be measured from it although its place is known; None where it may.
        distances: of each structure the part of the tool that is nearest after its error.
        levels: what alerts go by.
    """

    thing: str
    place: Placed | Unknown
    shown: Unknown | None
    distances: Mapping[str, Distance]
    levels: Mapping[str, Level]

    @property
    def unknown(self) -> Unknown | None:
        """Why nothing is measured from it; None where something is."""
        return self.place if isinstance(self.place, Unknown) else self.shown


@dataclass(frozen=True, slots=True)
class NamedAlert:
    """An alert under the name by which it can be silenced."""

    id: str
    alert: Alert
    may_be_quiet: bool


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Everything at one moment.

    Attributes:
        reference: why the reference on the patient is not known; None where it is.
        alerts: the most urgent first.
    """

    now_s: float
    reference: Unknown | None
    tools: tuple[ToolLook, ...]
    alerts: tuple[NamedAlert, ...]
