"""What waits for others is sent until they have it, however long they are away: record stores, learning platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.core.errors import EnvironmentLacks

#: Between tries: at once while there is something, longer and longer while nobody answers.
LOOK_EVERY_S = 2.0
LONGEST_S = 300.0


class Unreachable(Exception):
    """It did not answer, or asked to wait."""


class Refused(Exception):
    """It will not take what was sent, and says why."""


async def keep_sending(
    send_some: Callable[[], int], whom: str, say: Callable[[str], None], sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Until it is cancelled. `send_some` sends what waits, and tells how much of it is there now.

    That `whom` does not answer is told once, and once when it does again.
    """
    wait_s, is_away = LOOK_EVERY_S, False
    while True:
        try:
            count = await asyncio.to_thread(send_some)
        except (Unreachable, EnvironmentLacks) as error:
            if not is_away:
                say(f"{whom} takes nothing now ({error}): what waits is kept and sent later.")
            is_away, wait_s = True, min(wait_s * 2, LONGEST_S)
        else:
            if is_away:
                say(f"{whom} answers again.")
            is_away, wait_s = False, LOOK_EVERY_S
            if count:
                continue
        await sleep(wait_s)
