"""How much of what is drawn may be believed when it is seen: the one law (`engine.core.overlay`), asked each frame.

Ages run on by themselves: each is counted to the time at which the frame is seen. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from engine.core.overlay import Overlay, Shown, Standing, anatomy, tool
from engine.core.unknown import Why
from engine.xr.guided import Distance, Guided, ToolReading, newest
from engine.xr.tool import DrawnTool

#: Nothing is measured while the registration is in such a state, whatever a reading says.
_NO_NUMBER = (Why.NOT_REGISTERED, Why.NOT_VERIFIED, Why.OTHER_PATIENT_SPACE)


def of_anatomy(
    guided: Guided, readings: Sequence[ToolReading], now_s: float, silence_s: float, *, shows_room: bool
) -> Overlay:
    """Of what stands on the patient.

    Before there is a registration nothing stands there: the anatomy is a model beside the patient, and as old as the
    server's last word.

    Args:
        now_s: when the frame is seen, on the source's clock.
        silence_s: since the source was heard.
        shows_room: whether the patient may be seen through it.
    """
    latest = newest(readings)
    registration = guided.why_at(now_s)
    if registration is Why.NOT_REGISTERED:
        return anatomy(Standing(silence_s, why=registration))
    age_s = inf if latest is None else max(0.0, now_s - latest.time_s)
    why = latest.reference_why if latest is not None and latest.reference_why is not None else registration
    found = anatomy(Standing(age_s, why=why, over_patient=shows_room))
    is_unchecked = guided.place is not None and not guided.place.is_verified
    if shows_room and is_unchecked and found.shown is Shown.VERIFIED:
        return Overlay(Shown.AGEING, Why.NOT_VERIFIED)
    return found


def of_tool(drawn: DrawnTool, reading: ToolReading | None, *, shows_room: bool) -> Overlay:
    """Of a tool that distances are measured from."""
    lost = None if drawn.sample.is_tracked else Why.NO_TOOL
    why = lost if reading is None else reading.reference_why or reading.why or lost
    return tool(Standing(max(0.0, drawn.age_s), 1e3 * drawn.speed_m_s, why, over_patient=shows_room))


def of_number(guided: Guided, reading: ToolReading, distance: Distance, now_s: float) -> Overlay:
    """Of a distance. Numbers stand beside the patient: they end as a dash with its reason, and are never gone."""
    registration = guided.why_at(now_s)
    blocked = registration if registration in _NO_NUMBER else None
    why = reading.reference_why or reading.why or distance.why or blocked
    return tool(Standing(max(0.0, now_s - reading.time_s), abs(distance.speed_mm_s), why))
