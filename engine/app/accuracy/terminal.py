"""What the terminal shows of a check: what to touch next, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from engine.app.accuracy.report import AccuracyReport
from guidance.accuracy.guiding import Advice


@contextmanager
def advising(console: Console) -> Iterator[Callable[[Advice | str], None]]:
    """A line with what to touch next and a bar of how much is done; each step once where nobody looks."""
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("listening", total=None)
        last = ""

        def tell(what: Advice | str) -> None:
            nonlocal last
            if isinstance(what, str):
                console.print(f"  {escape(what)}", highlight=False)
                return
            if console.is_terminal:
                bar.update(task, total=what.of, completed=what.done, description=escape(what.words))
            elif what.words != last:
                console.print(f"  {what.done}/{what.of}  {escape(what.words)}", highlight=False)
            last = what.words

        yield tell


def show_accuracy(console: Console, report: AccuracyReport, out: Path | None) -> None:
    """The figures that matter most, each with its interval, and what they do not say."""
    if report.source != "device":
        what = "a simulation: it says nothing of any device" if report.source == "simulator" else "a recording"
        console.print(f"  [yellow]From {what}.[/yellow]", highlight=False)
    table = Table(box=None, padding=(0, 2), show_header=False)
    rows = [
        ("Point to point, bias", report.distances.bias.words),
        ("All divots, RMS", report.everywhere.rms.words),
        ("All divots, 95 % within", report.everywhere.p95.words),
    ]
    if report.again is not None:
        rows.append((f"{report.again.divot} again and again, RMS", report.again.rms.words))
    rows += [(f"Span, turned about {one.about}", one.span.words) for one in report.largest_sweeps]
    if report.drift is not None:
        rows.append((f"Drift in {report.drift.seconds / 60:.0f} min", report.drift.length.words))
    for name, words in rows:
        table.add_row(escape(name), escape(words))
    console.print(table, highlight=False)
    for chart in report.control if report.source != "recording" else ():
        mark = "[bold red]◆[/bold red]" if chart.is_out else " "
        console.print(f"  {mark} {escape(chart.quantity)}: {escape(chart.words)}", highlight=False)
    for lack in report.lacks:
        console.print(f"  [yellow]![/yellow] {escape(lack)}", highlight=False)
    if out is not None:
        console.print(f"  Written to {out}/", style="dim", highlight=False)
