"""What the terminal shows of a reader study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_STATISTIC = {"readers and cases": "F", "readers, for these cases": "F", "cases, for these readers": "χ²"}


def show_study(console: Console, report: Mapping[str, Any]) -> None:
    """Figures of merit, their differences with intervals, and for whom they hold."""
    cases = report["cases"]
    console.print(
        f"  [bold]{report['merit']}[/bold], errors by {report['method']}\n"
        f"  {len(report['readers'])} readers, {cases['normal']} normal and {cases['abnormal']} abnormal cases, "
        f"{report['lesions']} lesions",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("Reader", no_wrap=True)
    for modality in report["modalities"]:
        table.add_column(escape(modality), justify="right")
    for n, reader in enumerate(report["readers"]):
        table.add_row(escape(reader), *(f"{_digits(row[n])}" for row in report["merits"]))
    table.add_row("[bold]mean[/bold]", *(f"[bold]{mean:.4f}[/bold]" for mean in report["means"]))
    console.print(table)
    for finding in report["findings"]:
        degrees = "" if finding["degrees"] is None else f", {finding['degrees']:.1f} degrees of freedom"
        statistic = (
            "" if finding["statistic"] is None
            else f": {_STATISTIC[finding['of']]} = {finding['statistic']:.3f}{degrees}, p = {finding['p']:.4f}"
        )  # fmt: skip
        console.print(
            f"  Of [bold]{finding['of']}[/bold]{statistic}",
            highlight=False,
        )
        for one in finding["differences"]:
            if one["p"] is None:
                console.print(
                    f"    {escape(one['first'])} − {escape(one['second'])}  {one['value']:+.4f}, error unknown"
                )
                continue
            console.print(
                f"    {escape(one['first'])} − {escape(one['second'])}  {one['value']:+.4f}  "
                f"(95 %: {one['low']:+.4f} to {one['high']:+.4f}), p = {one['p']:.4f}",
                highlight=False,
            )
    if not report["findings"]:
        console.print("  One modality: nothing to compare.", style="dim")


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
