"""How a case is hung: what each pane shows first, and the windows that its keys call up."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from scenarios.case.part import Line, Name, Part

PlaneName = Literal["axial", "coronal", "sagittal"]


class WindowPreset(Part):
    """Values from `low` to `high` are spread from black to white, in the unit of the volume."""

    name: Line
    low: float
    high: float


class Pane(Part):
    """One pane of the wall.

    Attributes:
        volume: which study.
        plane: which way it is cut.
        preset: name of a window; None: the first.
        slab_mm: thickness over which the brightest is shown (MIP); 0: one slice.
        at: which slice comes first, from 0 (the first) to 1 (the last).
    """

    volume: Name
    plane: PlaneName = "axial"
    preset: Line | None = None
    slab_mm: float = Field(default=0.0, ge=0, le=100)
    at: float = Field(default=0.5, ge=0, le=1)


class Display(Part):
    """Presets and panes; nothing said: what suits the modality, and three planes of the current study."""

    presets: tuple[WindowPreset, ...] = Field(default=(), max_length=12)
    hanging: tuple[Pane, ...] = Field(default=(), max_length=8)
