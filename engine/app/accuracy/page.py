"""The report as one page: no script, nothing fetched, for screen and paper."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from engine.app.accuracy import figures
from engine.app.accuracy.drawing import number
from engine.app.accuracy.report import AccuracyReport, Figure
from engine.app.accuracy.style import STYLE

_SIMULATED = (
    "Simulated: a hand and a tracker that do not exist. It shows what the command does, and says nothing of any device."
)
_RECORDED = "From a recording: it says how the tracker was then."


def page(report: AccuracyReport) -> str:
    """`report.html`."""
    parts = [_head(report), _cards(report), _limits(report), *_drawings(report), _table(report), _foot(report)]
    title = f"Accuracy of {report.device}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(report: AccuracyReport) -> str:
    day, clock = report.made_at[:10], report.made_at[11:16]
    banner = {"simulator": _SIMULATED, "recording": _RECORDED}.get(report.source)
    if banner and report.seed is not None:
        banner += f" Seed {report.seed}."
    told = f'<p class="banner">{escape(banner)}</p>' if banner else ""
    out = "".join(
        f'<p class="banner out">◆ {escape(c.quantity)}: {escape(c.words)}</p>' for c in report.control if c.is_out
    )
    return (
        f'<header><p class="over">Accuracy check · after ASTM F2554-22</p><h1>{escape(report.device)}</h1>'
        f'<p class="under">{day}, {clock} UTC · {escape(report.artefact.words)}</p></header>'
        f'{told}{out}<p class="lead">{escape(report.words)}</p>'
    )


def _cards(report: AccuracyReport) -> str:
    cards = [
        ("Point to point", "bias of distances", report.distances.bias, True),
        ("All divots", "position error, RMS", report.everywhere.rms, False),
        ("All divots", "95 % of touches within", report.everywhere.p95, False),
    ]
    if report.again is not None:
        cards.append(("One divot again", f"scatter at {report.again.divot}, RMS", report.again.rms, False))
    if report.sweeps:
        worst = max(report.sweeps, key=lambda one: one.span.value)
        cards.append(("Orientation", f"largest span, about {worst.about}", worst.span, False))
    if report.drift is not None:
        cards.append(("Drift", f"in {report.drift.seconds / 60:.0f} min", report.drift.length, False))
    return f'<section class="cards">{"".join(_card(*card) for card in cards)}</section>'


def _card(over: str, under: str, figure: Figure, is_signed: bool) -> str:
    decimals = _decimals(figure)
    value = number(figure.value, decimals)
    sign = "+" if is_signed and figure.value > 0 and float(f"{figure.value:.{decimals}f}") else ""
    return (
        f'<div class="card"><p class="over">{escape(over)}</p>'
        f'<p class="value">{sign}{value}<span> {escape(figure.unit)}</span></p>'
        f'<p class="reach">{escape(_reach(figure, decimals))}</p><p class="under">{escape(under)}</p></div>'
    )


def _decimals(figure: Figure) -> int:
    width = figure.value - figure.low if figure.high is None else (figure.high - figure.low) / 2
    return 2 if width < 0.5 else 1


def _reach(figure: Figure, decimals: int) -> str:
    low = number(figure.low, decimals)
    return f"at least {low}" if figure.high is None else f"{low} to {number(figure.high, decimals)}"


def _limits(report: AccuracyReport) -> str:
    items = "".join(f"<li>{escape(_capital(lack))}.</li>" for lack in report.lacks)
    return (
        '<section class="lacks"><h2>Why this is not a full F2554 result</h2>'
        f"<ul>{items}<li>It is measured after the standard’s three tests; whether a set-up conforms, only the "
        "standard’s own text can tell. It is of a pointer at rest: neither motion, nor latency, nor the angle of the "
        "pointer is measured.</li></ul></section>"
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _drawings(report: AccuracyReport) -> Iterator[str]:
    yield _figure(
        "wide",
        "Touches of every divot",
        figures.scatter(report),
        "About the place that the other divots give each divot. Ring: RMS, written above with the number of touches.",
    )
    yield '<div class="pair">'
    yield _figure(
        "",
        "Error by position in the volume",
        figures.in_the_volume(report),
        f"Touched over {' × '.join(f'{v:.0f}' for v in report.touched_mm)} mm. "
        "Arrows that point one way on one side and back on the other are a scale or a bend.",
    )
    yield '<div class="stack">'
    yield _figure(
        "", "How far touches are off", figures.histogram(report), f"All {len(report.touches)} touches of divots."
    )
    yield _figure(
        "",
        "Point to point",
        figures.point_to_point(report),
        f"{len(report.distances.pairs)} pairs. Band: 95 % interval of the bias. Scale {report.distances.scale.words}.",
    )
    if report.sweeps:
        yield _figure(
            "",
            "Turning the pointer about its tip",
            figures.turning(report),
            "A tip that is known exactly stays at zero, whichever way the pointer is held, but for jitter.",
        )
    yield "</div></div>"
    if report.source != "recording":
        yield '<div class="pair">'
        for chart in report.control:
            drawing = figures.control(chart) if len(chart.values) > 1 else ""
            yield _figure("", f"Control chart: {chart.quantity[0].lower()}{chart.quantity[1:]}", drawing, chart.words)
        yield "</div>"


def _figure(kind: str, title: str, drawing: str, caption: str) -> str:
    return (
        f'<figure class="{kind}"><h2>{escape(title)}</h2>{drawing}<figcaption>{escape(caption)}</figcaption></figure>'
    )


def _table(report: AccuracyReport) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td class='num'>{escape(value)}</td><td class='num'>{escape(reach)}</td>"
        f"<td class='num'>{escape(count)}</td></tr>"
        if value
        else f"<tr class='group'><th colspan='4'>{escape(name)}</th></tr>"
        for name, value, reach, count in _rows(report)
    )
    return (
        '<section class="figures"><h2>All figures</h2><table><thead><tr><th></th><th>value</th>'
        f"<th>95 % interval</th><th>from</th></tr></thead><tbody>{rows}</tbody></table></section>"
    )


Row = tuple[str, str, str, str]


def _rows(report: AccuracyReport) -> Iterator[Row]:
    point = report.again
    if point is not None:
        yield f"Single point: {point.divot}, touched {point.count} times", "", "", ""
        yield _row("bias, from where the other divots put it", point.bias)
        yield from (
            _row(f"standard deviation along {axis}", figure)
            for axis, figure in (("x", point.along_x), ("y", point.along_y), ("z", point.along_z))
        )
        yield _row("distance from the mean, RMS", point.rms)
        yield _row("95th percentile", point.p95)
        yield _row("99th percentile", point.p99)
        yield "largest", f"{point.largest.value:.3f} mm", _share(point.largest.share), str(point.count)
        yield "span, from touch to touch", f"{point.span_mm:.3f} mm", "", str(point.count)
    places = report.everywhere
    yield f"Single points: {places.divots} divots, {places.count} touches", "", "", ""
    yield _row("position error, mean", places.mean)
    yield _row("standard deviation of it", places.deviation)
    yield _row("RMS", places.rms)
    yield _row("95th percentile", places.p95)
    yield _row("99th percentile", places.p99)
    yield "largest", f"{places.largest.value:.3f} mm", _share(places.largest.share), str(places.count)
    if report.sweeps:
        yield "Sensitivity to orientation", "", "", ""
        yield from (_row(f"span, turned by {one.turned_deg:.0f}° about {one.about}", one.span) for one in report.sweeps)
    lengths = report.distances
    yield f"Point to point: {len(lengths.pairs)} pairs of {report.everywhere.divots} divots", "", "", ""
    yield _row("bias (measured − known), mean", lengths.bias)
    yield _row("standard deviation", lengths.deviation)
    yield _row("RMS", lengths.rms)
    yield _row("95th percentile of the size", lengths.p95)
    yield _row("99th percentile of the size", lengths.p99)
    yield "largest", f"{lengths.largest.value:.3f} mm", _share(lengths.largest.share), str(len(lengths.pairs))
    yield _row("scale", lengths.scale)
    yield "At rest, and over time", "", "", ""
    yield _row("jitter of a single sample, along an axis", report.jitter)
    if report.drift is not None:
        yield _row(f"drift in {report.drift.seconds / 60:.0f} min", report.drift.length)


def _row(name: str, figure: Figure) -> Row:
    return name, f"{number(figure.value, 3)} {figure.unit}", _reach(figure, 3), str(figure.count)


def _share(share: float) -> str:
    return f"at least {100 * share:.0f} % are smaller"


def _foot(report: AccuracyReport) -> str:
    tip = ", ".join(number(v, 2) for v in report.tip.at_mm)
    parts = [
        f"Tip at ({tip}) mm in the frame of its markers, {report.tip.words}.",
        f"{report.seconds / 60:.1f} minutes; {100 * report.lost:.1f} % of the samples saw no pointer.",
        f"{report.elsewhere} touches were in no divot." if report.elsewhere else "",
        "Each divot is held against the place that the other divots give it, never against a fit that it took part in. "
        "A touch is the mean of a rest without its ends. Intervals are of 95 %: Student’s t and chi-square for one "
        "divot, divots left out in turn for many, order statistics for percentiles; “at least” where so few touches "
        "set no upper limit.",
        f"Sightline {report.sightline}. Research use, not a medical device.",
    ]
    return f"<footer>{''.join(f'<p>{escape(part)}</p>' for part in parts if part)}</footer>"
