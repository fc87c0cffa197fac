"""Words beside a thing, upright and facing the eyes, as large as reading asks. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float64
from engine.xr.rigid import UP, rigid, turned_to
from engine.xr.tool import FADED_OPACITY, DrawnTool

#: Height of a capital to the eye, as docs/headset.md asks of body text.
CAP_RAD = float(np.radians(0.8))
#: How far over its place the words stand, in heights of a capital: beside a tip, not on it.
_OVER_CAPS = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """What is said, and where.

    Attributes:
        text: the words.
        world_from_label: (4, 4), its middle, +Z to the eyes.
        cap_m: height of a capital.
    """

    text: str
    world_from_label: Float64
    cap_m: float


def label_at(text: str, at_m: Float64, eyes_m: Float64) -> Label:
    """Words over a place of the world, for eyes there."""
    back = eyes_m - at_m
    away_m = max(float(np.linalg.norm(back)), 0.05)
    cap_m = 2 * away_m * float(np.tan(CAP_RAD / 2))
    return Label(text, rigid(turned_to(back / np.linalg.norm(back)), at_m + _OVER_CAPS * cap_m * UP), cap_m)


#: A sign before the eyes: this far, and this much above where they look straight ahead.
_SIGN_AWAY_M, _SIGN_UP_RAD = 0.75, float(np.radians(7))


def before_eyes(text: str, world_from_head: Float64) -> Label:
    """Words that go with the head: for alarms, and for nothing else."""
    turn = world_from_head[:3, :3]
    at_m = world_from_head[:3, 3] + _SIGN_AWAY_M * (turn @ (0.0, np.sin(_SIGN_UP_RAD), -np.cos(_SIGN_UP_RAD)))
    return Label(text, rigid(turn, at_m), 2 * _SIGN_AWAY_M * float(np.tan(CAP_RAD / 2)))


def age_of(tool: DrawnTool) -> str | None:
    """How old a faded tool's place is, in the page's words; None while it is fresh."""
    return f"{tool.sample.name}: {tool.age_s:.1f} s old" if tool.opacity <= FADED_OPACITY else None
