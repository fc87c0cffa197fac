"""How often Python looks for objects that only hold each other."""

from __future__ import annotations

import gc

#: Objects made between two looks, in place of 700: imports make a million, all of which stay, and looking through
#: them again and again takes 0.4 s of the seven that a chest CT takes.
OBJECTS_BETWEEN_LOOKS = 200_000


def look_rarely() -> None:
    """For processes that begin with large imports; call it first."""
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
