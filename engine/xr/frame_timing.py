"""Whether frames came in time: the display's own times say which of them were missed."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Periods that differ by less are the same.
_PERIOD_STEP_NS = 100_000


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
    """Remembers frames as they are submitted: 24 bytes each."""

    def __init__(self) -> None:
        self._display_ns = array("q")
        self._work_s = array("d")
        self._ahead_s = array("d")
        self._periods: Counter[int] = Counter()

    def add(self, display_ns: int, period_ns: int, ahead_s: float, work_s: float) -> None:
        """One frame.

        Args:
            display_ns: when it will be seen, on the runtime's clock.
            period_ns: the display's period, as the runtime tells it with this frame.
            ahead_s: from waking to `display_ns`.
            work_s: from waking to submission.
        """
        self._display_ns.append(display_ns)
        self._work_s.append(work_s)
        self._ahead_s.append(ahead_s)
        if period_ns > 0:
            self._periods[round(period_ns / _PERIOD_STEP_NS) * _PERIOD_STEP_NS] += 1

    def report(self) -> TimingReport:
        """All frames so far; zeros where there were none."""
        work_ms = 1e3 * np.array(self._work_s or [0.0])
        period_ns = self._period_ns()
        gaps = np.diff(np.array(self._display_ns, dtype=np.int64))
        missed = np.maximum(np.rint(gaps / period_ns) - 1, 0).sum() if period_ns and len(gaps) else 0
        return TimingReport(
            frames=len(self._work_s),
            missed=int(missed),
            period_ms=period_ns / 1e6,
            work_ms=(float(work_ms.mean()), float(np.percentile(work_ms, 95)), float(work_ms.max())),
            ahead_ms=1e3 * float(np.mean(self._ahead_s or [0.0])),
        )

    def _period_ns(self) -> int:
        """The shortest told more than once: a late application is told multiples, and the first may be a guess."""
        told = [period for period, count in self._periods.items() if count > 1] or list(self._periods)
        return min(told, default=0)
