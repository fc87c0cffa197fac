"""How hard a lesion is believed to be before anybody read it.

b = -SLOPE ln(d' / HALF) + what looks like it + search + place. The slope is that of Sahiner's readers, whose figure of
merit rose from .661 to .838 between nodules of 3 and 6 mm: 1.41 logits an e-fold of diameter, and d' goes as its
1.5th power. Phantoms predict readers only in phantoms, so what it says is no surer than half a standard deviation.
"""

from __future__ import annotations

import math

from scenarios.case.case import Difficulty
from scenarios.lesion.kinds import Kind

SLOPE = 0.94
#: d' of an observer who knows lesion and place, at which half of learners who know neither are believed to find it.
HALF = 5.0
#: An e-fold of the organ that must be searched.
_SEARCH = 0.15
_SEARCH_ML = 1000.0
#: Each thing that looks like it.
_UNLIKE = 0.12
_SD = 0.6
_LEAST, _MOST = -3.0, 3.0


def prior(kind: Kind, index: float | None, size_mm: float, contrast: float, searched_ml: float) -> Difficulty:
    """Difficulty of finding one lesion.

    Args:
        kind: of it.
        index: d' among places of its organ (`scenarios.lesion.detectability.index_in_place`). None: the organ has no
            other places like it (a cistern, the inside of the skull), and size and contrast against the usual tell.
        size_mm, contrast: of the lesion.
        searched_ml: volume that must be searched.
    """
    logit = _UNLIKE * len(kind.unlike) + kind.hard + _SEARCH * math.log(max(searched_ml, 1.0) / _SEARCH_ML)
    if index is not None:
        logit -= SLOPE * math.log(max(index, 0.05) / HALF)
        says = f"from d' {index:.1f} among places of the organ, and its kind"
    else:
        usual = math.sqrt(kind.sizes_mm[0] * kind.sizes_mm[1])
        logit -= 1.5 * SLOPE * math.log(size_mm / usual)
        logit -= SLOPE * math.log(max(abs(contrast / kind.contrast), 0.05))
        says = "from its size and contrast against the usual, and its kind"
    return Difficulty(logit=round(min(max(logit, _LEAST), _MOST), 2), sd=_SD, says=says)
