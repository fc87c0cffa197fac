"""Between the network's thread and the headset's: values go one way, what is wanted the other. Nobody waits."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from engine.xr.drawn import Change
from engine.xr.tool import ToolSample

#: Until the headset says how large it shows the patient: at 0.9 m, with about 20 pixels a degree.
FIRST_DETAIL_PX_PER_MM = 1.0


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

    # For the network

    def put(self, change: Change) -> None:
        """Something to draw."""
        self._changes.put(change)

    def set_tools(self, samples: tuple[ToolSample, ...], hub_from_monotonic_s: float) -> None:
        """All tools there are, each at its newest, and what their clock is known to be now."""
        with self._lock:
            self._tools = samples, hub_from_monotonic_s

    def say(self, *, connection: str | None = None, work: str | None = None) -> None:
        """What the person is told."""
        with self._lock:
            self._connection = self._connection if connection is None else connection
            self._work = self._work if work is None else work

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
            return f"{self._connection} · {self._work}" if self._work else self._connection

    def silence_s(self) -> float:
        """Since the server was last heard; 0 before it ever was."""
        return 0.0 if self._heard_s is None else time.monotonic() - self._heard_s

    def want_detail(self, pixels_per_mm: float, shown: frozenset[str]) -> None:
        """How large a millimetre of the patient is seen now, and of which structures."""
        self.pixels_per_mm, self.shown = pixels_per_mm, shown
        self.on_detail()
