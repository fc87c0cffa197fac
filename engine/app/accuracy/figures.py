"""The drawings of a report, each from the report alone."""

from __future__ import annotations

import numpy as np

from engine.app.accuracy.drawing import Axis, arrow, axis, circle, frame, line, nice_step, number, path, rect, svg, text
from engine.app.accuracy.report import AccuracyReport, ChartPart, SweepPart
from engine.core.array import Float64

_ONE_NAME_MM = 6.0
#: Of three sweeps: told apart by their dashes as well.
_DASHES = ("series one", "series two", "series three")


def scatter(report: AccuracyReport) -> str:
    """A cell for every divot: its touches about the place that the other divots give it."""
    names = [name for name in report.artefact.divots if any(t.divot == name for t in report.touches)]
    most = max(float(np.abs(t.off_mm).max()) for t in report.touches)
    step = nice_step(most, 2)
    reach = step * float(np.ceil(most / step))
    size, strip, gap, head = 104.0, 12.0, 14.0, 20.0
    columns = 9
    rows = -(-len(names) // columns)
    parts = []
    for k, name in enumerate(names):
        left, top = (k % columns) * (size + strip + gap), (k // columns) * (size + head + gap)
        parts += _cell(report, name, left, top + head, size, strip, reach)
    width, height = columns * (size + strip + gap) - gap, rows * (size + head + gap)
    # The scale, in the free cell at the end where there is one.
    k = len(names)
    if k % columns:
        left, top = (k % columns) * (size + strip + gap), (k // columns) * (size + head + gap) + head
        parts.append(line(left + 4, top + 30, left + 4 + size / 2, top + 30, "axis"))
        parts.append(line(left + 4, top + 26, left + 4, top + 34, "axis"))
        parts.append(line(left + 4 + size / 2, top + 26, left + 4 + size / 2, top + 34, "axis"))
        parts.append(text(left + 4, top + 20, f"{reach:g} mm", "tick"))
        parts.append(text(left + 4, top + 54, "dot: x and y", "tick"))
        parts.append(text(left + 4, top + 70, "mark at the side: z", "tick"))
    return svg(width, height, parts, "Touches of every divot")


def _cell(
    report: AccuracyReport, name: str, left: float, top: float, size: float, strip: float, reach: float
) -> list[str]:
    offs = np.array([t.off_mm for t in report.touches if t.divot == name])
    across, up = Axis(-reach, reach, left, left + size), Axis(-reach, reach, top + size, top)
    rms = float(np.sqrt((offs**2).sum(axis=1).mean()))
    parts = [
        rect(left, top, size, size, "cell"),
        rect(left + size + 3, top, strip - 3, size, "cell"),
        line(left, up(0), left + size + strip, up(0), "grid"),
        line(across(0), top, across(0), top + size, "grid"),
        circle(across(0), up(0), rms / reach * size / 2, "ring"),
        text(left, top - 6, name, "name"),
        text(left + size + strip, top - 6, f"{rms:.2f} mm · {len(offs)}", "tick", "end"),
    ]
    for x, y, z in offs:
        parts.append(circle(across(x), up(y), 2.6, "dot", f"{x:.3f}, {y:.3f}, {z:.3f} mm"))
        parts.append(line(left + size + 4, up(z), left + size + strip - 1, up(z), "mark"))
    return parts


def in_the_volume(report: AccuracyReport) -> str:
    """From above and from the side: how far each divot is off, and which way."""
    names = [name for name in report.artefact.divots if any(t.divot == name for t in report.touches)]
    places = np.array([report.artefact.divots[name] for name in names])
    offs = [np.array([t.off_mm for t in report.touches if t.divot == name]) for name in names]
    middles = np.array([off.mean(axis=0) for off in offs])
    rms = np.array([np.sqrt((off**2).sum(axis=1).mean()) for off in offs])
    low, high = places.min(axis=0) - 22, places.max(axis=0) + 22
    scale = 520.0 / (high[0] - low[0])
    left, width = 48.0, 580.0
    arrow_mm = nice_step(float(np.linalg.norm(middles, axis=1).max()), 2)
    # The longest arrow takes about a ninth of the drawing.
    longer = 60.0 / arrow_mm / 2
    parts, top = [], 26.0
    for k, (second, words) in enumerate(((1, "y, mm · from above"), (2, "z, mm · from the side"))):
        height = (high[second] - low[second]) * scale
        across = Axis(float(low[0]), float(high[0]), left, left + 520)
        up = Axis(float(low[second]), float(high[second]), top + height, top)
        parts.append(rect(left, top, 520, height, "cell"))
        for value in up.ticks:
            parts.append(text(left - 7, up(value) + 4, number(value, 0), "tick", "end"))
        parts.append(text(left, top - 9, words, "label"))
        for name, at, middle, size in zip(names, places, middles, rms, strict=True):
            x, y = across(at[0]), up(at[second])
            parts.append(circle(x, y, 4 + 16 * float(size / rms.max()), "blob", f"{name}: {size:.3f} mm RMS"))
            parts.append(arrow(x, y, x + middle[0] * longer, y - middle[second] * longer, "vector"))
            over = [n for n, other in zip(names, places, strict=True) if np.abs(other - at)[:2].max() < _ONE_NAME_MM]
            if k == 0 and over[0] == name:  # divots above one another share a label
                parts.append(text(x, y - 24, ", ".join(over), "name", "middle"))
        top += height + 44
    bottom = top - 44
    for value in Axis(float(low[0]), float(high[0]), left, left + 520).ticks:
        parts.append(
            text(
                Axis(float(low[0]), float(high[0]), left, left + 520)(value),
                bottom + 17,
                number(value, 0),
                "tick",
                "middle",
            )
        )
    parts.append(text(left + 260, bottom + 35, "x, mm", "label", "middle"))
    parts.append(arrow(left, bottom + 58, left + arrow_mm * longer, bottom + 58, "vector"))
    parts.append(text(left + arrow_mm * longer + 8, bottom + 62, f"{arrow_mm:g} mm on average", "tick"))
    parts.append(circle(left + 240, bottom + 57, 9, "blob"))
    parts.append(text(left + 256, bottom + 62, f"size by RMS, largest {rms.max():.2f} mm", "tick"))
    return svg(width, bottom + 72, parts, "Error by position in the volume")


def histogram(report: AccuracyReport) -> str:
    """Distances of all touches, with mean and percentiles."""
    far = np.array([float(np.linalg.norm(t.off_mm)) for t in report.touches])
    step = nice_step(float(far.max()), 14)
    edges = np.arange(0.0, far.max() + step * 1.001, step)
    counts, _ = np.histogram(far, edges)
    across, up = Axis(0.0, float(edges[-1]) * 1.22, 52, 580), Axis(0.0, float(counts.max()) * 1.3, 236, 34)
    parts = frame(across, up, "distance from where the other divots put the divot, mm", "touches")
    for count, low in zip(counts, edges, strict=False):
        if count:
            x = across(float(low))
            parts.append(
                rect(
                    x + 1,
                    up(float(count)),
                    across(float(low + step)) - x - 2,
                    up(0) - up(float(count)),
                    "bar",
                    f"{count}",
                )
            )
    places = report.everywhere
    lines = (("mean", places.mean), ("95 %", places.p95), ("99 %", places.p99))
    for k, (word, figure) in enumerate(lines):
        x, y = across(figure.value), 44.0 + 15 * k
        parts.append(line(x, y + 3, x, up(0), "limit"))
        parts.append(text(x + 5, y + 4, f"{word} {figure.value:.2f} mm", "name"))
    return svg(600, 280, parts, "Histogram of position errors")


def point_to_point(report: AccuracyReport) -> str:
    """Error of every distance over the distance, with the bias and its interval."""
    pairs, bias = report.distances.pairs, report.distances.bias
    high = bias.value if bias.high is None else bias.high
    across = axis([p.known_mm for p in pairs], 62, 580, also=(0.0,), room=0.03)
    up = axis([p.off_mm for p in pairs], 236, 34, also=(0.0, bias.low, high))
    parts = frame(across, up, "known distance, mm", "measured − known, mm")
    parts.append(rect(across.start, up(high), across.stop - across.start, up(bias.low) - up(high), "band"))
    parts.append(line(across.start, up(0), across.stop, up(0), "zero"))
    parts += [
        circle(across(p.known_mm), up(p.off_mm), 2.6, "dot", f"{p.one}–{p.other}: {p.off_mm:.3f} mm") for p in pairs
    ]
    parts.append(line(across.start, up(bias.value), across.stop, up(bias.value), "limit"))
    return svg(600, 280, parts, "Errors of distances")


def turning(report: AccuracyReport) -> str:
    """How the tip goes astray while the pointer is turned."""
    if not report.sweeps:
        return ""
    shown = report.largest_sweeps
    angles = [a for one in shown for a in one.angles_deg]
    paths = [_main(one) for one in shown]
    across = axis(angles, 62, 580, room=0.03)
    up = axis([v for p in paths for v in p], 236, 58, also=(-0.05, 0.05))
    parts = frame(across, up, "turned by, degrees", "tip from its mean, the way it goes most, mm")
    parts.append(line(across.start, up(0), across.stop, up(0), "zero"))
    for k, (one, values) in enumerate(zip(shown, paths, strict=True)):
        kind = _DASHES[k % len(_DASHES)]
        points = [(across(a), up(v)) for a, v in zip(one.angles_deg, values, strict=True)]
        parts.append(path(points, kind))
        x = 62 + 178 * k
        parts.append(path([(x, 20), (x + 22, 20)], kind))
        parts.append(text(x + 28, 24, one.about, "tick"))
    return svg(600, 280, parts, "The tip while the pointer is turned")


def _main(one: SweepPart) -> list[float]:
    at = np.array(one.path_mm)
    return list(at @ np.linalg.svd(at - at.mean(axis=0), full_matrices=False)[2][0])


def control(chart: ChartPart) -> str:
    """Individual values with their limits, and below them the ranges from one check to the next."""
    values, limits = np.array(chart.values), chart.limits
    ranges = np.abs(np.diff(values))
    across = Axis(0.5, len(values) + 0.5, 62, 540)
    up = axis(list(values), 190, 34, also=(limits.low, limits.high) if limits else ())
    parts = [*_ticks(up, across), text(across.start - 7, 20, f"{chart.quantity}, mm", "label")]
    if limits is not None:
        sigma = (limits.high - limits.mean) / 3
        parts.append(
            rect(
                across.start,
                up(limits.mean + sigma),
                across.stop - across.start,
                up(limits.mean - sigma) - up(limits.mean + sigma),
                "band",
            )
        )
        for value, word in ((limits.high, "+3 σ"), (limits.mean, "mean"), (limits.low, "−3 σ")):
            parts.append(line(across.start, up(value), across.stop, up(value), "limit" if word != "mean" else "zero"))
            parts.append(text(across.stop + 6, up(value) + 4, word, "tick"))
    parts += _run(values, across, up, [bool(rules) for rules in chart.broken], chart.times)
    if len(ranges):
        below = axis(list(ranges), 300, 232, also=(0.0, *((limits.most_range,) if limits else ())), room=0.05)
        parts += [*_ticks(below, across), text(across.start - 7, 220, "from one check to the next, mm", "label")]
        if limits is not None:
            parts.append(line(across.start, below(limits.most_range), across.stop, below(limits.most_range), "limit"))
        parts += _run(
            ranges, Axis(across.low - 1, across.high - 1, across.start, across.stop), below, [], chart.times[1:]
        )
    y = 300.0 if len(ranges) else 190.0
    shown = sorted({1, len(values)} | {k for k in range(1, len(values) + 1) if k % 5 == 0 and len(values) - k > 1})
    for k in shown:
        parts.append(
            text(across(k), y + 17, chart.times[k - 1][:10] if k in (1, len(values)) else str(k), "tick", "middle")
        )
    return svg(600, y + 26, parts, f"Control chart: {chart.quantity}")


def _ticks(up: Axis, across: Axis) -> list[str]:
    parts = []
    for value in up.ticks:
        parts.append(line(across.start, up(value), across.stop, up(value), "grid"))
        parts.append(text(across.start - 7, up(value) + 4, number(value, up.decimals), "tick", "end"))
    return parts


def _run(values: Float64, across: Axis, up: Axis, is_out: list[bool], times: tuple[str, ...]) -> list[str]:
    """Values joined by a line; what is out of control is a diamond, the newest is larger."""
    points = [(across(k + 1), up(float(v))) for k, v in enumerate(values)]
    parts = [path(points, "run")] if len(points) > 1 else []
    for k, (x, y) in enumerate(points):
        radius = 5.0 if k == len(points) - 1 else 3.2
        title = f"{times[k]}: {values[k]:.4f} mm"
        if k < len(is_out) and is_out[k]:
            r = radius + 3
            parts.append(f'<polygon class="out" points="{x},{y - r} {x + r},{y} {x},{y + r} {x - r},{y}"/>')
        else:
            parts.append(circle(x, y, radius, "dot", title))
    return parts
