"""One question to a server, and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.core.errors import EnvironmentLacks
from guidance.devices.openigtlink.codec import TYPES
from guidance.devices.openigtlink.messages import Asked, CommandMessage, Message, Query, Reply
from guidance.devices.openigtlink.transport import Connection, connect

WITHIN_S = 5.0


async def ask_once(
    host: str, port: int, kind: str, clock: Callable[[], float], name: str = "", *, within_s: float = WITHIN_S
) -> Message:
    """What a server has of a type, for example POLYDATA under the name of a structure.

    Raises:
        EnvironmentLacks: nobody answers, or the server does not have it.
    """
    return await _answered(host, port, Query(Asked.ONCE, kind), clock, name, within_s)


async def command_once(
    host: str, port: int, command: CommandMessage, clock: Callable[[], float], *, within_s: float = WITHIN_S
) -> CommandMessage:
    """The answer to a command.

    Raises:
        EnvironmentLacks: nobody answers.
    """
    answer = await _answered(host, port, command, clock, "", within_s)
    assert isinstance(answer, CommandMessage)
    return answer


async def _answered(
    host: str, port: int, question: Query | CommandMessage, clock: Callable[[], float], name: str, within_s: float
) -> Message:
    what = question.type if isinstance(question, Query) else "COMMAND"
    try:
        async with asyncio.timeout(within_s):
            connection = await connect(host, port, clock)
            try:
                connection.say(question, name)
                answer = await _first(connection, question)
            finally:
                await connection.close()
    except TimeoutError as error:
        raise EnvironmentLacks(
            f"the OpenIGTLink server has not answered a question for {what} within {within_s:g} s",
            "It may not know such questions: see its documentation.",
        ) from error
    if answer is None or isinstance(answer, Reply):
        raise EnvironmentLacks(f"the OpenIGTLink server has no {what} {name}".rstrip(), "Ask it for another.")
    return answer


async def _first(connection: Connection, question: Query | CommandMessage) -> Message | None:
    async for heard, _ in connection.heard():
        match question, heard.message:
            case CommandMessage(number=number), CommandMessage(number=other, is_answer=True) if number == other:
                return heard.message
            case Query(type=kind), Reply(type=other_kind) if kind == other_kind:
                return heard.message
            case Query(type=kind), Query() | Reply() | CommandMessage():
                continue
            case Query(type=kind), message if kind in TYPES and isinstance(message, TYPES[kind][0]):
                return message
    return None
