"""How old what stands still may be: whole, faded, gone. The same limits as on the page (`model/freshness.ts`). Pure."""

from __future__ import annotations

#: No word from the server for this long: what stands still is shown faded; over a patient it then hides.
STALE_AFTER_S = 2.0
HIDDEN_AFTER_S = 6.0
#: Share of their opacity that faded structures keep.
FADED = 0.35


def scene_strength(silence_s: float, *, over_patient: bool) -> float:
    """What share of its opacity the anatomy is shown with: 1, `FADED`, or 0 where it is not shown.

    Args:
        silence_s: since the server was last heard.
        over_patient: whether the room is seen through it, where what is old misleads most.
    """
    if over_patient and silence_s > HIDDEN_AFTER_S:
        return 0.0
    return FADED if silence_s > STALE_AFTER_S else 1.0
