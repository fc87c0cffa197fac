"""What is said of every structure and every tool of a session, and what somebody asked to be quiet about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.core.errors import InvalidValue
from engine.core.unknown import Unknown
from guidance.alerts.alert import Alert, AlertState, Ask, ask, step
from guidance.alerts.level import Bands, Level, Priority
from guidance.margins.margin import Distance
from guidance.session.look import NamedAlert

_URGENCY = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}
#: What stands for a structure in the name of the alert that says that a tool's distances are not known.
_ALL = "?"


@dataclass(slots=True)
class Alarms:
    """Not a value: it remembers what was said, by tool and structure."""

    _states: dict[tuple[str, str], AlertState] = field(default_factory=dict)

    def heed(
        self,
        thing: str,
        tool: str,
        distances: Mapping[str, Distance],
        names: Mapping[str, str],
        bands: Mapping[str, Bands],
        now_s: float,
    ) -> tuple[list[NamedAlert], dict[str, Level]]:
        """What is said of a tool's distances now, and the level of each structure.

        Distances that are not known are said once for the tool, as urgently as the most urgent of them.
        """
        said: list[NamedAlert] = []
        unknown: list[tuple[AlertState, Alert]] = []
        levels = {}
        for key, distance in distances.items():
            state, alert = step(self._states.get((thing, key), AlertState()), names[key], distance, bands[key], now_s)
            self._states[thing, key] = state
            levels[key] = state.level
            if alert is None:
                continue
            if isinstance(distance, Unknown):
                unknown.append((state, alert))
            else:
                said.append(NamedAlert(f"{thing}/{key}", alert, state.may_be_quiet))
        if unknown:
            said.append(_together(thing, tool, unknown))
        return said, levels

    def quiet(self, alert: str | None, wish: Ask, now_s: float) -> None:
        """Grant a wish about one alert, or about all that may be quiet.

        Raises:
            NotAllowed: it must not be, or nothing sounds.
            InvalidValue: no such alert.
        """
        if alert is None:
            for place, state in self._states.items():
                if state.priority is not Priority.NONE and state.may_be_quiet and _grants(state, wish):
                    self._states[place] = ask(state, wish, now_s)
            return
        thing, _, key = alert.rpartition("/")
        places = [
            place
            for place, state in self._states.items()
            if place[0] == thing and (place[1] == key or (key == _ALL and state.why is not None))
        ]
        if not places:
            raise InvalidValue(f"nothing is said under {alert!r}")
        granted = {place: ask(self._states[place], wish, now_s) for place in places}  # all or none
        self._states |= granted


def _grants(state: AlertState, wish: Ask) -> bool:
    return wish is Ask.SILENCE or state.priority is not Priority.HIGH


def _together(thing: str, tool: str, unknown: list[tuple[AlertState, Alert]]) -> NamedAlert:
    """One alert for all distances of a tool that are not known."""
    _, worst = min(unknown, key=lambda pair: _URGENCY[pair[1].priority])
    reason = worst.headline.rpartition(": ")[2]
    text = f"Distances of {tool} unknown: {reason}"
    sounds = any(alert.sounds for _, alert in unknown)
    since_s = min(alert.since_s for _, alert in unknown)
    may_be_quiet = all(state.may_be_quiet for state, _ in unknown)
    structure = worst.structure if len(unknown) == 1 else ""
    alert = replace(worst, headline=text, text=text, structure=structure, sounds=sounds, since_s=since_s)
    return NamedAlert(f"{thing}/{_ALL}", alert, may_be_quiet)


def by_urgency(alerts: list[NamedAlert]) -> tuple[NamedAlert, ...]:
    """The most urgent first, then the oldest."""
    return tuple(sorted(alerts, key=lambda one: (_URGENCY[one.alert.priority], one.alert.since_s, one.id)))
