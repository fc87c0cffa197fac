"""Where the findings of a case are, in millimetres: what marks are matched to, kept beside the images."""

from __future__ import annotations

from pydantic import Field, TypeAdapter

from scenarios.case.part import Part, Point


class Place(Part):
    """Where something is.

    Attributes:
        at_mm: its middle.
        radius_mm: of the ball of the same volume.
        slices: middle, first and last slice (along k of its volume) on which it is seen.
        border_mm: voxels on its border; empty where it is known as a ball.
    """

    at_mm: Point
    radius_mm: float = Field(ge=0)
    slices: tuple[int, int, int]
    border_mm: tuple[Point, ...] = ()


#: By the name of finding or distractor.
PLACES: TypeAdapter[dict[str, Place]] = TypeAdapter(dict[str, Place])
