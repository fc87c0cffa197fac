"""Figures of a reader study, and one page that holds them: `report.html`, PNG and SVG of each, `report.json`."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import EnvironmentLacks
from scenarios.score.curves import AXES, Curve, curve
from scenarios.score.marks import Marks
from scenarios.score.merit import Merit
from scenarios.score.study import ReaderStudy

#: Safe for those who do not tell red from green (Okabe and Ito), and told apart by their dashes too.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = ("-", "--", "-.", ":")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem .8rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}"
)


def write_report(study: ReaderStudy, report: Mapping[str, Any], out: Path) -> None:
    """Writes all of it into `out`.

    Raises:
        EnvironmentLacks: matplotlib is not installed.
    """
    pyplot = _pyplot()
    out.mkdir(parents=True, exist_ok=True)
    has_places = report["merit"] not in (Merit.AUC, Merit.HR_AUC)
    drawn = {which.value: _curves(pyplot, study, which) for which in Curve if has_places or which is Curve.ROC}
    drawn["readers"] = _readers(pyplot, report)
    for name, figure in drawn.items():
        for ending in ("png", "svg"):
            figure.savefig(out / f"{name.lower()}.{ending}", dpi=150)
        pyplot.close(figure)
    pictures = [(name, (out / f"{name.lower()}.svg").read_text("utf-8")) for name in drawn]
    (out / "report.html").write_text(_page(report, pictures), "utf-8")
    (out / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), "utf-8")


def _pyplot() -> Any:
    try:
        import_module("matplotlib").use("Agg")
        return import_module("matplotlib.pyplot")
    except ImportError as error:
        raise EnvironmentLacks("figures need matplotlib", 'Install it: pip install "sightline[study]"') from error


def _read(study: ReaderStudy, i: int, j: int) -> Marks | None:
    """What a reader read under a modality; None where it lacks cases of a kind."""
    marks = study.marks[i][j]
    if study.read is not None:
        marks = marks.of(np.flatnonzero(study.read[i, j]))
    return marks if len(marks) and 0 < marks.is_abnormal.sum() < len(marks) else None


def _curves(pyplot: Any, study: ReaderStudy, which: Curve) -> Any:
    """Each reader thin, their mean (up, at every place across) thick."""
    figure, axes = pyplot.subplots(figsize=(6, 5.6), layout="constrained")
    for i, modality in enumerate(study.modalities):
        lines = [curve(which, marks) for j in range(len(study.readers)) if (marks := _read(study, i, j)) is not None]
        style = {"color": _COLOURS[i % len(_COLOURS)], "linestyle": _DASHES[i % len(_DASHES)]}
        for across, up in lines:
            axes.plot(across, up, lw=0.6, alpha=0.35, **style)
        # A mean of FROC curves goes no farther than the shortest of them.
        steps = np.linspace(0, min((float(across[-1]) for across, _ in lines), default=0.0), 200)
        mean = np.mean([np.interp(steps, across, up) for across, up in lines], axis=0)
        axes.plot(steps, mean, lw=2.5, label=f"{modality}, mean of {len(lines)} readers", **style)
    below, beside = AXES[which]
    axes.set(xlabel=below, ylabel=beside, ylim=(0, 1.01), title=which.value)
    axes.set_xlim(0, 1 if which is not Curve.FROC else None)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", fontsize="small")
    return figure


def _readers(pyplot: Any, report: Mapping[str, Any]) -> Any:
    """Every reader's figure under each modality, joined, and the means."""
    names, rows = report["modalities"], report["merits"]
    figure, axes = pyplot.subplots(figsize=(max(4.5, 1.6 * len(names)), 5), layout="constrained")
    for n in range(len(report["readers"])):
        axes.plot(
            range(len(names)),
            [np.nan if row[n] is None else row[n] for row in rows],
            "o-",
            color="#888",
            lw=0.8,
            ms=3.5,
            alpha=0.7,
        )
    axes.plot(range(len(names)), report["means"], "D-", color=_COLOURS[0], lw=2.5, ms=8, label="mean")
    for n, mean in enumerate(report["means"]):
        axes.annotate(f"{mean:.3f}", (n, mean), (8, 8), textcoords="offset points", color=_COLOURS[0], weight="bold")
    axes.set_xticks(range(len(names)), names)
    axes.set(ylabel=report["merit"], xlim=(-0.4, len(names) - 0.6), title=f"{len(report['readers'])} readers")
    axes.grid(alpha=0.25, axis="y")
    axes.legend(fontsize="small")
    return figure


def _page(report: Mapping[str, Any], pictures: list[tuple[str, str]]) -> str:
    told, cases = html.escape, report["cases"]
    heads = "".join(f"<th>{told(name)}</th>" for name in report["modalities"])
    body = "".join(
        f"<tr><td>{told(reader)}</td>{''.join(f'<td>{_digits(row[n])}</td>' for row in report['merits'])}</tr>"
        for n, reader in enumerate(report["readers"])
    )
    means = "".join(f"<td><b>{_digits(mean)}</b></td>" for mean in report["means"])
    found = "".join(
        f"<li>Of {told(finding['of'])}: {told(one['first'])} − {told(one['second'])} = {one['value']:+.4f}"
        + ("" if one["p"] is None else f" (95 %: {one['low']:+.4f} to {one['high']:+.4f}), p = {one['p']:.4f}")
        + "</li>"
        for finding in report["findings"]
        for one in finding["differences"]
    )
    figures = "".join(
        f"<figure><figcaption>{told(name)}</figcaption>{picture[picture.index('<svg') :]}</figure>"
        for name, picture in pictures
    )
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Reader study</title><style>{_STYLE}</style>"
        f"<h1>{told(report['merit'])}</h1><p>{len(report['readers'])} readers, {cases['normal']} normal and "
        f"{cases['abnormal']} abnormal cases, {report['lesions']} lesions. Errors by {told(report['method'])}.</p>"
        f"<ul>{found or '<li>One modality: nothing to compare.</li>'}</ul>"
        f"<table><tr><th>Reader</th>{heads}</tr>{body}<tr><td><b>mean</b></td>{means}</tr></table>{figures}</html>\n"
    )


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
