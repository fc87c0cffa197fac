"""Marks that say how a part lies in the patient: R or L for its side, and an arrow up to S (or to A, at the vertex).

Strokes engraved into the outer face. Read from outside with the arrow up, they are not mirrored; a part that is turned
or put in inside out reads wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.core.array import Float32, Float64
from guidance.implant.vault import Vault

#: Strokes this wide and deep are printed by a nozzle or layer of 0.4 mm, and read.
STROKE_MM = 1.4
DEPTH_MM = 0.7
#: Letters this high, as there is room.
LEAST_LETTER_MM, MOST_LETTER_MM = 3.5, 9.0
#: Of a letter's height: what the marks take about their middle.
_NEEDED = 1.9
#: Where a wall looks up more than this, the arrow points forward instead.
_UPWARD = 0.85

Stroke = tuple[tuple[float, float], ...]

#: Polylines in a box from 0 to 1 up and about ±0.35 aside.
GLYPHS: dict[str, tuple[Stroke, ...]] = {
    "L": (((-0.3, 1.0), (-0.3, 0.0), (0.3, 0.0)),),
    "R": (
        ((-0.3, 0.0), (-0.3, 1.0), (0.1, 1.0), (0.28, 0.88), (0.28, 0.66), (0.1, 0.52), (-0.3, 0.52)),
        ((-0.02, 0.52), (0.3, 0.0)),
    ),
    "S": (
        (
            (0.3, 0.88), (0.12, 1.0), (-0.12, 1.0), (-0.3, 0.86), (-0.3, 0.68), (-0.15, 0.55), (0.15, 0.45),
            (0.3, 0.32), (0.3, 0.14), (0.12, 0.0), (-0.12, 0.0), (-0.3, 0.12),
        ),
    ),
    "A": (((-0.32, 0.0), (0.0, 1.0), (0.32, 0.0)), ((-0.2, 0.36), (0.2, 0.36))),
    "arrow": (((0.0, 0.0), (0.0, 1.0)), ((-0.3, 0.65), (0.0, 1.0), (0.3, 0.65))),
}  # fmt: skip
#: Place of the lower middle of each mark, in heights of a letter, and its height: side, arrow, where it points.
_LAYOUT = ((-1.55, 1.0), (-0.3, 0.75), (0.7, 0.85))


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks on a face.

    Attributes:
        middle_mm: (3,) on the outer face.
        outward, up, aside: (3,) unit: away from the head, along the arrow, and to the right of who looks from outside.
        letter_mm: height of a letter.
        letters: the side of the patient, and what the arrow points to.
    """

    middle_mm: Float64
    outward: Float64
    up: Float64
    aside: Float64
    letter_mm: float
    letters: tuple[str, str]

    @property
    def strokes_mm(self) -> list[tuple[Float64, Float64]]:
        """Ends (2,), (2,) of straight strokes: aside and up from the middle."""
        made = []
        for name, (low, high) in zip((self.letters[0], "arrow", self.letters[1]), _LAYOUT, strict=True):
            for line in GLYPHS[name]:
                placed = [self.letter_mm * np.array([high * x, low + high * y]) for x, y in line]
                made += list(pairwise(placed))
        return made

    def off_strokes_mm(self, points_mm: Float64) -> Float64:
        """(n,) how far (n, 3) points lie beside the strokes; negative within one."""
        relative = points_mm - self.middle_mm
        flat = np.column_stack([relative @ self.aside, relative @ self.up])
        nearest = np.full(len(flat), np.inf)
        for start, end in self.strokes_mm:
            along = end - start
            t = np.clip((flat - start) @ along / (along @ along), 0.0, 1.0)
            nearest = np.minimum(nearest, np.linalg.norm(flat - start - t[:, None] * along, axis=1))
        return nearest - STROKE_MM / 2


def lay_out(vault: Vault, middle_mm: Float64, outward: Float64, room_mm: float) -> Marks | None:
    """Marks at a place of the outer face with so much room around it; None where there is too little."""
    letter_mm = min(room_mm / _NEEDED, MOST_LETTER_MM)
    if letter_mm < LEAST_LETTER_MM:
        return None
    upward = float(outward @ vault.superior)
    towards, word = (vault.anterior, "A") if abs(upward) > _UPWARD else (vault.superior, "S")
    up = towards - (towards @ outward) * outward
    up /= np.linalg.norm(up)
    side = "L" if float((middle_mm - vault.middle_mm) @ vault.left) > 0 else "R"
    return Marks(middle_mm, outward, up, np.cross(up, outward), letter_mm, (side, word))


def engraved(marks: Marks, points_mm: Float64, within_mm: Float32, outer_mm: Float32) -> Float32:
    """Signed distances to a part with the marks cut in.

    Args:
        points_mm: (n, 3).
        within_mm: (n,) signed distance to the part there.
        outer_mm: (n,) signed distance to its outer face there: negative below it.
    """
    groove = np.maximum(marks.off_strokes_mm(points_mm), -DEPTH_MM - outer_mm)
    return np.asarray(np.maximum(within_mm, -groove), np.float32)
