"""How much one connection may send: a bucket that fills with time and empties with use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """At most `most` at once, and `per_s` a second for long; times are arguments."""

    per_s: float
    most: float
    _level: float = -1.0
    _filled_s: float = 0.0

    def take(self, amount: float, now_s: float) -> bool:
        """Whether `amount` may pass now; it is then used up."""
        if self._level < 0:
            self._level, self._filled_s = self.most, now_s
        self._level = min(self.most, self._level + max(0.0, now_s - self._filled_s) * self.per_s)
        self._filled_s = now_s
        if amount > self._level:
            return False
        self._level -= amount
        return True
