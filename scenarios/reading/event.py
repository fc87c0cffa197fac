"""What happens while a case is read.

Events are numbered by the client from 0 without a gap and never change: sent twice, they are one.
Times are seconds since the reading began, on the client's clock. Places are patient millimetres.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scenarios.case.part import Name, Part, Point
from scenarios.reading.answer import Answer, Share


class Event(Part):
    """What all have in common. `n`: its number; `t_s`: when."""

    n: int = Field(ge=0, lt=2**31)
    t_s: float = Field(ge=0)


class Began(Event):
    """The reading was opened, or opened again after a break or a fault."""

    kind: Literal["began"] = "began"
    where: Literal["flat", "vr"]
    hand: Literal["left", "right"] = "right"
    has_gaze: bool = False


class Displayed(Event):
    """What a pane shows from now on.

    Attributes:
        pane: which, from 0.
        centre_mm: of what is seen of the slice.
        right_mm, down_mm: from its middle to its right and lower edge.
        slab_mm: thickness over which the brightest is shown; 0: one slice.
        low, high: window.
    """

    kind: Literal["displayed"] = "displayed"
    pane: int = Field(ge=0, le=15)
    volume: Name
    centre_mm: Point
    right_mm: Point
    down_mm: Point
    slab_mm: float = Field(default=0.0, ge=0)
    low: float
    high: float


class Hidden(Event):
    """A pane shows nothing any more."""

    kind: Literal["hidden"] = "hidden"
    pane: int = Field(ge=0, le=15)


class Looked(Event):
    """Where attention points from now on: by the eyes where a device tells, by the head, or by a flat page's pointer.

    `at_mm` None: on no pane.
    """

    kind: Literal["looked"] = "looked"
    by: Literal["eyes", "head", "pointer"]
    pane: int = Field(default=0, ge=0, le=15)
    at_mm: Point | None = None
    distance_m: float | None = Field(default=None, gt=0, description="from the eyes to the pane, for the cone of view")
    mm_per_m: float | None = Field(default=None, gt=0, description="patient millimetres that a metre of the pane shows")


class Marked(Event):
    """A mark was set, moved, or its confidence changed: `mark` is the same."""

    kind: Literal["marked"] = "marked"
    task: Name
    mark: Name
    at_mm: Point
    confidence: Share


class Unmarked(Event):
    """A mark was taken away."""

    kind: Literal["unmarked"] = "unmarked"
    task: Name
    mark: Name


class Answered(Event):
    """An answer was given or changed; it counts once it is committed."""

    kind: Literal["answered"] = "answered"
    task: Name
    answer: Answer
    confidence: Share | None = None


class Hinted(Event):
    """A hint was taken: the next of the task."""

    kind: Literal["hinted"] = "hinted"
    task: Name


class Committed(Event):
    """A task is answered for good: its marks or its answer as they are, or nothing (none is there)."""

    kind: Literal["committed"] = "committed"
    task: Name


class Revealed(Event):
    """The trainee saw what is there; every task is committed before."""

    kind: Literal["revealed"] = "revealed"


class Paused(Event):
    """A break begins."""

    kind: Literal["paused"] = "paused"


class Resumed(Event):
    """A break ends."""

    kind: Literal["resumed"] = "resumed"


AnyEvent = Annotated[
    Began | Displayed | Hidden | Looked | Marked | Unmarked | Answered | Hinted | Committed | Revealed | Paused
    | Resumed,
    Field(discriminator="kind"),
]  # fmt: skip
