"""Lines, dots and words as SVG. Colours are classes: the page gives them, for light, dark and paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

MINUS = "\N{MINUS SIGN}"


def number(value: float, decimals: int) -> str:
    """With a real minus sign, and no sign on a zero."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def nice_step(span: float, about: int = 5) -> float:
    """1, 2 or 5 times a power of ten, so that some five of them make the span."""
    rough = max(span, 1e-9) / about
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999))


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to pixels."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round values within."""
        step = nice_step(self.high - self.low)
        first = np.ceil(self.low / step - 1e-9) * step
        return [float(v) for v in np.arange(first, self.high + step * 1e-6, step)]

    @property
    def decimals(self) -> int:
        """That tell the ticks apart."""
        return max(0, int(-np.floor(np.log10(nice_step(self.high - self.low)) + 1e-9)))


def axis(values: Sequence[float], start: float, stop: float, *, also: Sequence[float] = (), room: float = 0.06) -> Axis:
    """Wide enough for all values."""
    every = [*values, *also]
    low, high = min(every), max(every)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    pad = (high - low) * room
    return Axis(low - pad, high + pad, start, stop)


def svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    """A drawing with a name for who cannot see it."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def circle(x: float, y: float, radius: float, kind: str, title: str = "") -> str:
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{inside}</circle>'


def rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    inside = f"<title>{escape(title)}</title>" if title else ""
    size = f'width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" {size}>{inside}</rect>'


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def text(x: float, y: float, words: str, kind: str = "label", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def arrow(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A line with a head, however short."""
    way = np.array([x2 - x1, y2 - y1])
    length = float(np.linalg.norm(way))
    if length < 1e-6:
        return ""
    along = way / length
    across = np.array([-along[1], along[0]])
    tip, size = np.array([x2, y2]), min(5.0, 0.6 * length)
    corners = [tip, tip - along * size + across * size * 0.5, tip - along * size - across * size * 0.5]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return line(x1, y1, x2, y2, kind) + f'<polygon class="{kind} head" points="{points}"/>'


def frame(across: Axis, up: Axis, words_x: str, words_y: str) -> list[str]:
    """Grid lines, their numbers, and what the axes mean."""
    parts = []
    for value in up.ticks:
        parts.append(line(across.start, up(value), across.stop, up(value), "grid"))
        parts.append(text(across.start - 7, up(value) + 4, number(value, up.decimals), "tick", "end"))
    for value in across.ticks:
        parts.append(text(across(value), up.start + 17, number(value, across.decimals), "tick", "middle"))
    parts.append(line(across.start, up.start, across.stop, up.start, "axis"))
    parts.append(text((across.start + across.stop) / 2, up.start + 35, words_x, "label", "middle"))
    parts.append(text(across.start - 7, up.stop - 10, words_y, "label"))
    return parts
