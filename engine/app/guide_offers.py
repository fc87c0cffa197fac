"""What a guidance session gives to other programs of this machine over OpenIGTLink, 3D Slicer before all.

Tools in the patient's frame, landmarks and ways; RAS, as those programs have it, unless LPS is asked for. A tool that
Sightline does not stand by is left out, which means there that it was not seen, and STATUS says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from engine.ingest.placement import LPS_FROM_RAS
from guidance.devices.openigtlink.link import Heard
from guidance.devices.openigtlink.messages import (
    CommandMessage,
    Message,
    Space,
    StatusCode,
    StatusMessage,
    ToolKind,
    TrackedTool,
)
from guidance.devices.openigtlink.plans import Width, point_message, trajectory_message
from guidance.devices.openigtlink.serving import Places
from guidance.plan.plan import Landmark
from guidance.session.look import Look
from guidance.track.placing import Placed
from guidance.trajectory.trajectory import Trajectory

#: By the name that is asked for, from the patient's own axes; there and back between RAS and LPS is the same.
_FROM_LPS = {"": LPS_FROM_RAS, "RAS": LPS_FROM_RAS, "LPS": np.eye(4)}


class GuideOffers:
    """Not a value: `take` keeps the newest look."""

    def __init__(
        self, names: dict[str, str], landmarks: Iterable[Landmark], ways: Callable[[], Iterable[Trajectory]]
    ) -> None:
        """`names` of tools by their things."""
        self._names = names
        self._landmarks = tuple(landmarks)
        self._ways = ways
        self._look: Look | None = None

    def take(self, look: Look) -> None:
        """What is known now."""
        self._look = look

    def status(self) -> StatusMessage:
        """OK while every tool that is guided is known; else the first reason why one is not."""
        if self._look is None:
            return StatusMessage(StatusCode.NOT_READY, 0, "", "no tracker yet")
        whys = (tool.unknown for tool in self._look.tools if tool.unknown is not None)
        unknown = self._look.reference or next(whys, None)
        if unknown is None:
            return StatusMessage(StatusCode.OK, 0, "", "guiding")
        return StatusMessage(StatusCode.NOT_READY, 0, unknown.why.name, unknown.why.value)

    def places(self, coordinates: str) -> Places | None:
        """Tools that are known, in patient millimetres; the shaft along their own axes, the origin at the tip."""
        from_lps = _FROM_LPS.get(coordinates)
        if from_lps is None:
            return None
        known = {
            self._names[tool.thing]: tool.place.place
            for tool in (() if self._look is None else self._look.tools)
            if tool.unknown is None and isinstance(tool.place, Placed)
        }
        tools = (
            TrackedTool(name, ToolKind.TIP_AND_HANDLE, from_lps @ place.patient_from_tool.matrix)
            for name, place in known.items()
        )
        return Places(tuple(tools), min((place.measured_s for place in known.values()), default=None))

    def of(self, kind: str, name: str) -> Message | None:
        """Landmarks and ways, in RAS; nothing else is given."""
        if kind == "POINT":
            chosen = [one for one in self._landmarks if name in ("", one.name, one.id)]
            return point_message(chosen, Space.RAS) if chosen else None
        if kind == "TRAJ":
            ways = [one for one in self._ways() if name in ("", one.name, one.id)]
            return trajectory_message(ways, Space.RAS, Width.RADIUS) if ways else None
        return None

    def command(self, command: CommandMessage) -> str:
        """None is known: what a session does is asked for where its people are known by role."""
        return f"{command.name}: Sightline takes no commands here"

    def told(self, heard: Heard, arrival_s: float) -> None:
        """What others tell changes nothing: a session has the one device that it was started with."""
