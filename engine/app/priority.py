"""Who goes first on a busy machine: the hub before the workers.

A worker segments for seconds on every core; the hub needs some hundred microseconds, at once.
"""

from __future__ import annotations

import asyncio
import gc
import os
from typing import NoReturn

#: Between two looks through what came since the start, which take 1 to 2 ms.
TIDY_EVERY_S = 2.0


def give_way() -> None:
    """Let others go first: this process, and all that it starts from now on.

    Ten steps, not all: beside a browser that draws on the same cores a tenth of the time is still left to work in.
    """
    os.nice(10)


def stay_prompt() -> None:
    """Keep the collector away from what lives as long as the process: a full sweep takes longer than a pose may."""
    gc.collect()
    gc.freeze()


async def tidy() -> NoReturn:
    """Now and then look through what came since: connections leave cycles of some kilobytes each.

    Left to itself the collector would come once in ten thousand visits (`look_rarely`), or, looking more often, in the
    middle of what somebody waits for.
    """
    while True:
        await asyncio.sleep(TIDY_EVERY_S)
        gc.collect()
