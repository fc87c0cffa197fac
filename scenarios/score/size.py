"""A measured diameter against the reference.

Limits from what two readers differ by: 95 % of one-dimensional diameters lie within -22 to +25 % of each other's (Yoon
and others, meta-analysis of 2016), and small ones within a voxel or two whatever their share.
"""

from __future__ import annotations

import math

from engine.core.errors import InvalidValue

#: Off by so much of the logarithm: full marks, and none.
FULL, NONE = 0.10, 0.25
#: Nobody is marked down for less than this.
FLOOR_MM = 2.0


def size_score(measured_mm: float, reference_mm: float) -> float:
    """1 within ten percent or two millimetres, 0 from a quarter on, in between by its share.

    Raises:
        InvalidValue: a diameter that is not positive.
    """
    if not (measured_mm > 0 and reference_mm > 0 and math.isfinite(measured_mm + reference_mm)):
        raise InvalidValue("a diameter is a positive number of millimetres")
    off = abs(math.log(measured_mm / reference_mm))
    if off <= FULL or abs(measured_mm - reference_mm) <= FLOOR_MM:
        return 1.0
    return max(0.0, (NONE - off) / (NONE - FULL))
