"""How rendered light and the room meet: what the display offers, and which of it is best for guidance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class BlendMode(IntEnum):
    """XrEnvironmentBlendMode, with its numbers."""

    OPAQUE = 1
    ADDITIVE = 2
    ALPHA_BLEND = 3


@dataclass(frozen=True, slots=True)
class Blending:
    """What is asked of the runtime.

    Attributes:
        mode: the environment blend mode of every frame.
        has_passthrough: whether a layer with the cameras' picture lies under ours (XR_FB_passthrough).
    """

    mode: BlendMode
    has_passthrough: bool = False

    @property
    def shows_room(self) -> bool:
        """Whether the person sees the real room, so that none may be drawn over it."""
        return self.mode is not BlendMode.OPAQUE or self.has_passthrough

    @property
    def is_additive(self) -> bool:
        """Whether light only adds: black is invisible there, so forms must be told by bright outlines."""
        return self.mode is BlendMode.ADDITIVE


def choose_blending(offered: Iterable[BlendMode], *, offers_passthrough: bool) -> Blending:
    """The best of what a runtime offers: see-through before additive before cameras before none."""
    modes = set(offered)
    for mode in (BlendMode.ALPHA_BLEND, BlendMode.ADDITIVE):
        if mode in modes:
            return Blending(mode)
    return Blending(BlendMode.OPAQUE, has_passthrough=offers_passthrough)
