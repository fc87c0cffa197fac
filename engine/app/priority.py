"""Who goes first on a busy machine: the hub before the workers.

A worker segments for seconds on every core; the hub needs some hundred microseconds, at once.
"""

from __future__ import annotations

import gc
import os

#: As many young objects as are looked through in a millisecond.
OBJECTS_BETWEEN_LOOKS = 2_000


def give_way() -> None:
    """Let others go first: this process, and all that it starts from now on.

    Ten steps, not all: beside a browser that draws on the same cores a tenth of the time is still left to work in.
    """
    os.nice(10)


def stay_prompt() -> None:
    """Keep the collector away from what lives as long as the process: a full sweep takes longer than a pose may.

    What comes later is little, and is looked through often: connections leave cycles, some kilobytes each.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
