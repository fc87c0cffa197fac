"""Headsets that find the patient with their own controllers or fingers: for showing where things are, not measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.stream.codec import row_major
from engine.stream.guiding import HeadsetPlace, TouchAsk
from guidance.devices.headset_pointer import CONTROLLER, HAND, Landmark, Pointing, register_headset, touched
from guidance.plan.plan import Plan, Use
from guidance.register.registration import Doubt, Registration, RegistrationRefused
from guidance.register.verification import CheckPoint, verify

#: What a check with a controller is held to: its touches are off by four millimetres and more.
LIMIT_MM = 15.0


@dataclass(slots=True)
class _Headset:
    touches: dict[str, Landmark] = field(default_factory=dict)
    pointing: Pointing = CONTROLLER
    registration: Registration | None = None
    is_checked: bool = False


class Headsets:
    """Not a value: headsets come and touch. Each is known by its member of the session."""

    def __init__(self, plan: Plan, targets_mm: Mapping[str, Float64]) -> None:
        self._plan = plan
        self._targets_mm = targets_mm
        self._headsets: dict[str, _Headset] = {}

    def touch(self, member: str, ask: TouchAsk, now_s: float) -> None:
        """A landmark was touched in that headset's own world; a check point is judged at once.

        Raises:
            InvalidValue: no such landmark, or a check before there is anything to check.
            RegistrationRefused: the tip did not rest.
        """
        known = next((one for one in self._plan.landmarks if one.id == ask.landmark), None)
        if known is None:
            raise InvalidValue(f"{ask.landmark} is no landmark of this plan")
        headset = self._headsets.setdefault(member, _Headset())
        pointing = HAND if ask.with_hand else CONTROLLER
        rest = touched(np.array(ask.points_mm), now_s, now_s, pointing)
        if known.use is Use.REGISTER:
            if pointing is not headset.pointing:  # one registration, one pointer: its errors are stated for it
                headset.touches.clear()
            headset.pointing = pointing
            headset.touches[known.id] = Landmark(known.name, known.patient_mm, rest)
            return
        if headset.registration is None:
            raise InvalidValue("this headset has no registration to check yet: touch the landmarks first")
        point = CheckPoint(known.name, known.patient_mm, rest.at_mm, now_s)
        found = verify(headset.registration, [point], pointing.fiducial, LIMIT_MM)
        headset.is_checked = found.holds
        if not found.holds:
            raise RegistrationRefused(Doubt.DOES_NOT_FIT, found.words)

    def solve(self, member: str) -> None:
        """Register a headset from what it touched; it must be checked anew.

        Raises:
            RegistrationRefused: with the doubt and what to do; an earlier registration stays.
        """
        headset = self._headsets.setdefault(member, _Headset())
        made = register_headset(tuple(headset.touches.values()), self._plan.frame, member, headset.pointing)
        headset.registration, headset.is_checked = made, False
        headset.touches.clear()

    def places(self) -> tuple[HeadsetPlace, ...]:
        """Where the patient lies in each headset's world; the error is the largest at the targets (95 %)."""
        return tuple(
            HeadsetPlace(
                member=member,
                patient_from_world=row_major(headset.registration.patient_from_tracked.matrix),
                error_mm=max(
                    headset.registration.expected_error(at_mm).radius_mm() for at_mm in self._targets_mm.values()
                ),
                verified=headset.is_checked,
            )
            for member, headset in self._headsets.items()
            if headset.registration is not None
        )
