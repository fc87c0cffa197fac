"""Margins while a slider moves, in a process of its own: asks in, surfaces out. Of asks that wait, the newest counts.

A step takes longer than a pose may wait, so neither the hub nor the guidance loop makes one.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from engine.app.child_process import end_with_the_server, start_child
from engine.core.errors import InvalidValue, SightlineError
from engine.stream.guiding import MarginAsk
from engine.stream.messages import Scene
from guidance.plan.plan import Plan

if TYPE_CHECKING:
    from engine.app.blobs import BlobFolder
    from engine.app.guide_margins import MarginDesk, MarginStep


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask with the name of its request, by which it is refused."""

    request: str
    ask: MarginAsk


@dataclass(frozen=True, slots=True)
class Made:
    """What became of an ask."""

    request: str
    step: MarginStep | None
    refusal: str = ""


class LatestAsks:
    """Asks that wait while one is answered: of each margin only the newest, in the order in which margins came.

    What it takes the place of is neither made nor refused.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Asked] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, asked: Asked) -> None:
        """Keep `asked` in the place of an older one for its margin."""
        self._waiting[asked.ask.margin] = asked

    def take(self) -> Asked:
        """The next to be answered.

        Raises:
            LookupError: none waits.
        """
        return self._waiting.pop(next(iter(self._waiting)))


class MarginRunner:
    """Starts and feeds the process of one scene's margins. All methods run on the event loop's thread."""

    def __init__(self, scene: Scene, plan: Plan, blobs: Path, on_made: Callable[[Made], None]) -> None:
        self._on_made = on_made
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_margins, args=(theirs, scene, plan, blobs), daemon=True)
        start_child(self._process)
        theirs.close()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._read)
        self._is_open = True

    def ask(self, asked: Asked) -> bool:
        """Have a margin made; False where the process has ended."""
        if not self._is_open:
            return False
        try:
            self._pipe.send(asked)
        except OSError:
            self.close()
        return self._is_open

    def close(self) -> None:
        """End it."""
        if not self._is_open:
            return
        self._is_open = False
        asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._process.terminate()
        self._process.join(timeout=5)
        self._pipe.close()

    def _read(self) -> None:
        try:
            while self._is_open and self._pipe.poll():
                self._on_made(self._pipe.recv())
        except (EOFError, OSError):
            self.close()


def _margins(pipe: Connection, scene: Scene, plan: Plan, blobs: Path) -> None:
    """The process."""
    threading.Thread(target=end_with_the_server, daemon=True).start()
    from engine.app.blobs import BlobFolder

    with contextlib.suppress(EOFError, BrokenPipeError):
        desk = None
        waiting = LatestAsks()
        while True:
            while not waiting or pipe.poll():
                waiting.put(pipe.recv())
            asked = waiting.take()
            try:
                desk = desk or _desk(scene, plan, BlobFolder(blobs))
                pipe.send(Made(asked.request, desk.answer(asked.ask)))
            except SightlineError as error:
                pipe.send(Made(asked.request, None, str(error)))


def _desk(scene: Scene, plan: Plan, blobs: BlobFolder) -> MarginDesk:
    from engine.app.guide_margins import MarginDesk

    if plan.target is None:
        raise InvalidValue("this plan has no target to draw margins of")
    return MarginDesk.of_scene(scene, plan.target, blobs, within=plan.margins_within, without=plan.margins_clear_of)
