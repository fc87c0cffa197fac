"""Whether frames came in time: the display's own times say which of them were missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_NS = 1e-9


@dataclass(frozen=True, slots=True)
class TimingReport:
    """What one session's frames took.

    Attributes:
        frames: frames that were submitted.
        missed: display periods that passed without a new one.
        period_ms: the display's.
        work_ms: mean, 95th percentile and worst time from waking to submission.
        ahead_ms: mean time from waking to when the frame is seen, by the runtime's prediction.
    """

    frames: int
    missed: int
    period_ms: float
    work_ms: tuple[float, float, float]
    ahead_ms: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        mean, most, worst = (round(value, 3) for value in self.work_ms)
        return {
            "frames": self.frames,
            "missed": self.missed,
            "period_ms": round(self.period_ms, 3),
            "work_ms": {"mean": mean, "p95": most, "worst": worst},
            "predicted_ahead_ms": round(self.ahead_ms, 3),
        }


class FrameTiming:
    """Counts frames as they are submitted."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._period_ns: int | None = None
        self._missed = 0
        self._work_s: list[float] = []
        self._ahead_s: list[float] = []

    def add(self, display_ns: int, period_ns: int, ahead_s: float, work_s: float) -> None:
        """One frame.

        Args:
            display_ns: when it will be seen, on the runtime's clock.
            period_ns: the display's period, as the runtime tells it with this frame.
            ahead_s: from waking to `display_ns`.
            work_s: from waking to submission.
        """
        # Some runtimes tell a late application twice or three times the period: the shortest is the display's.
        if period_ns > 0:
            self._period_ns = min(period_ns, self._period_ns or period_ns)
        if self._last_ns is not None and self._period_ns:
            self._missed += max(0, round((display_ns - self._last_ns) / self._period_ns) - 1)
        self._last_ns = display_ns
        self._work_s.append(work_s)
        self._ahead_s.append(ahead_s)

    def report(self) -> TimingReport:
        """All frames so far; zeros where there were none."""
        work_ms = 1e3 * np.array(self._work_s or [0.0])
        return TimingReport(
            frames=len(self._work_s),
            missed=self._missed,
            period_ms=(self._period_ns or 0) * _NS * 1e3,
            work_ms=(float(work_ms.mean()), float(np.percentile(work_ms, 95)), float(work_ms.max())),
            ahead_ms=1e3 * float(np.mean(self._ahead_s or [0.0])),
        )
