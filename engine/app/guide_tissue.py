"""Soft tissue of a session that moved since the scan: surfaces, what is measured, and ways go with it, or come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.app.blobs import BlobFolder
from engine.app.guide_deformation import deformed, undeformed
from engine.app.guide_structures import follows_tissue
from engine.app.guide_surfaces import Surfaces
from engine.app.guide_ways import Ways
from engine.core.array import Float64
from engine.stream.messages import Op, Scene, SurfaceNode
from guidance.register.deformation import Deformation


@dataclass(frozen=True, slots=True)
class TissueGuess:
    """Where soft tissue is believed to be, and what that is worth in words."""

    deformation: Deformation
    words: str

    def moved(self, point_mm: Float64) -> Float64:
        """(3,) where a point of the scan is now."""
        return self.deformation.moved(point_mm)

    def error_mm(self, point_mm: Float64) -> float:
        """Radius that holds the place of that (3,) point about nineteen times of twenty: twice the root mean square."""
        return 2.0 * float(self.deformation.error_mm(point_mm))


class Tissue:
    """Not a value. `guess` is None while tissue is taken to be where the scan has it."""

    def __init__(self, blobs: Path, surfaces: Surfaces, ways: Ways) -> None:
        self.guess: TissueGuess | None = None
        self._blobs = BlobFolder(blobs)
        self._surfaces = surfaces
        self._ways = ways

    @property
    def is_moved(self) -> bool:
        """Whether anything is, or is being, moved."""
        return self._surfaces.deformation is not None

    async def move(self, scene: Callable[[], Scene], deformation: Deformation) -> tuple[Op, ...]:
        """What to publish, in this order. From now on, what has not moved yet is not measured.

        Raises:
            EnvironmentLacks: a surface's blob is gone; `put_back` then.
        """
        self._surfaces.deformation = deformation
        self._surfaces.follow(scene())
        while True:
            now = scene()
            soft = frozenset(node.id for node in now.nodes if isinstance(node, SurfaceNode) and follows_tissue(node))
            made = await asyncio.to_thread(deformed, now, deformation, self._blobs, soft)
            if scene() is now:
                break
        lagging = "" if not made.left_out else "; not moved, since corrected by hand: " + ", ".join(made.left_out)
        self.guess = TissueGuess(deformation, made.words + lagging)
        self._ways.shift(deformation)
        return made.ops

    def put_back(self, scene: Scene) -> tuple[Op, ...]:
        """What to publish so that everything is where the scan has it."""
        self.guess, self._surfaces.deformation = None, None
        self._ways.put_back()
        self._surfaces.follow(scene)
        return undeformed(scene)
