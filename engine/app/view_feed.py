"""Between the network's thread and the headset's: values go one way, what is wanted the other. Nobody waits."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from engine.xr.brush import Correction
from engine.xr.drawn import Change
from engine.xr.guided import Aim, Asked, Guided, ToolReading
from engine.xr.tool import ToolSample

#: Until the headset says how large it shows the patient: at 0.9 m, with about 20 pixels a degree.
FIRST_DETAIL_PX_PER_MM = 1.0
#: As long as it takes to read why something was not done.
REFUSAL_S = 8.0


class Feed:
    """An `engine.xr.drawn.Source` that the network fills."""

    def __init__(self) -> None:
        self._changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self._tools: tuple[tuple[ToolSample, ...], float] = ((), 0.0)
        self._lock = threading.Lock()
        self._connection = "Connecting…"
        self._work = ""
        self._heard_s: float | None = None
        self.pixels_per_mm = FIRST_DETAIL_PX_PER_MM
        self.shown: frozenset[str] | None = None
        self.failure: Exception | None = None
        self.on_detail: Callable[[], None] = lambda: None
        self.on_correction: Callable[[Correction], None] = lambda _: None
        self.on_ask: Callable[[Asked], None] = lambda _: None
        self.on_aim: Callable[[ToolSample], Aim | None] = lambda _: None
        self._guided: tuple[Guided | None, tuple[ToolReading, ...]] = (None, ())
        self._may_correct = False
        self._refusal: tuple[str, float] = ("", 0.0)

    # For the network

    def put(self, change: Change) -> None:
        """Something to draw."""
        self._changes.put(change)

    def set_tools(self, samples: tuple[ToolSample, ...], hub_from_monotonic_s: float) -> None:
        """All tools there are, each at its newest, and what their clock is known to be now."""
        with self._lock:
            self._tools = samples, hub_from_monotonic_s

    def set_guided(self, guided: Guided | None, readings: tuple[ToolReading, ...]) -> None:
        """How the guidance session stands, and the newest reading of each tool."""
        self._guided = guided, readings

    def say(self, *, connection: str | None = None, work: str | None = None) -> None:
        """What the person is told."""
        with self._lock:
            self._connection = self._connection if connection is None else connection
            self._work = self._work if work is None else work

    def may(self, *, correct: bool) -> None:
        """What this person may do."""
        self._may_correct = correct

    def refuse(self, summary: str) -> None:
        """Why something was not done; said for a while, in place of what the server is doing."""
        with self._lock:
            self._refusal = summary, time.monotonic() + REFUSAL_S

    def heard(self) -> None:
        """The server has just been heard."""
        self._heard_s = time.monotonic()

    # For the headset

    def next_change(self) -> Change | None:
        """The next change, or None when there is none yet."""
        try:
            return self._changes.get_nowait()
        except queue.Empty:
            return None

    def tools(self) -> tuple[tuple[ToolSample, ...], float]:
        """The newest sample of each tool, and what to add to `time.monotonic` to have the hub's clock."""
        with self._lock:
            return self._tools

    def status(self) -> str:
        """How the connection stands, and what the server is doing."""
        with self._lock:
            refusal, until_s = self._refusal
            said = refusal if time.monotonic() < until_s else self._work
            return f"{self._connection} · {said}" if said else self._connection

    def silence_s(self) -> float:
        """Since the server was last heard; 0 before it ever was."""
        return 0.0 if self._heard_s is None else time.monotonic() - self._heard_s

    def may_correct(self) -> bool:
        """Whether this person may correct the scene."""
        return self._may_correct

    def correct(self, correction: Correction) -> None:
        """What a hand did to the segmentation, or asks of it."""
        self.on_correction(correction)

    def guided(self) -> tuple[Guided | None, tuple[ToolReading, ...]]:
        """How the guidance session stands, None where there is none; and the newest reading of each tool."""
        return self._guided

    def aim(self, tool: ToolSample) -> Aim | None:
        """How a tool lies to the way that was chosen; None where none was."""
        return self.on_aim(tool)

    def ask(self, asked: Asked) -> None:
        """What a person asks of the guidance session."""
        self.on_ask(asked)

    def want_detail(self, pixels_per_mm: float, shown: frozenset[str]) -> None:
        """How large a millimetre of the patient is seen now, and of which structures."""
        self.pixels_per_mm, self.shown = pixels_per_mm, shown
        self.on_detail()
