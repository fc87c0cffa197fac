"""What the terminal shows of a batch: a line a study, bars while it runs, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from engine.app.batch import DONE, FAILED, SKIPPED, WAITING, Batch, Outcome, Study

#: Files set aside that are named in the terminal; `batch.json` names all.
MOST_PROBLEMS = 10


@contextmanager
def batch_bars(console: Console, *, enabled: bool) -> Iterator[BatchBars]:
    """A line a study as it ends, and below them a bar for each that runs and one for all."""
    columns = (TextColumn("  {task.description}"), BarColumn(bar_width=32), TimeRemainingColumn(compact=True))
    with Bar(*columns, console=console, transient=True, disable=not (enabled and console.is_terminal)) as bar:
        yield BatchBars(bar, console if enabled else None)


class BatchBars:
    """A batch's `Watcher` on a terminal; lines alone where it is none, and nothing where `console` is None."""

    def __init__(self, bar: Bar, console: Console | None) -> None:
        self._bar, self._console = bar, console
        self._lock = Lock()
        self._running: dict[str, TaskID] = {}
        self._all: TaskID | None = None

    def begins(self, studies: int) -> None:
        """Show how many there are."""
        self._all = self._bar.add_task("all", total=studies)

    def stands(self, study: Study, fraction: float, stage: str) -> None:
        """Show a study that runs."""
        with self._lock:
            if study.name not in self._running:
                self._running[study.name] = self._bar.add_task(study.name, total=1.0)
            description = f"{study.name}  {stage}"
            self._bar.update(self._running[study.name], completed=fraction, description=description)

    def ends(self, outcome: Outcome) -> None:
        """A line for good."""
        with self._lock:
            task = self._running.pop(outcome.study.name, None)
            if task is not None:
                self._bar.remove_task(task)
            if self._all is not None:
                self._bar.advance(self._all)
        if self._console is not None:
            self._console.print(_outcome_line(outcome), highlight=False, soft_wrap=True)


def _outcome_line(outcome: Outcome) -> str:
    took = "" if outcome.seconds is None else f"  {outcome.seconds:.1f} s"
    words = {DONE: f"[green]done[/green]{took}", SKIPPED: "[dim]done before[/dim]", WAITING: "[dim]not done[/dim]"}
    words[FAILED] = f"[red]failed[/red]  {escape(outcome.reason or '')}"
    return f"  {outcome.study.name}  {words[outcome.state]}"


def show_batch(console: Console, batch: Batch, out: Path) -> None:
    """How many of what, and what to do about the rest."""
    counts = batch.counts
    words = ((DONE, "done"), (SKIPPED, "done before"), (FAILED, "failed"), (WAITING, "not done"))
    told = ", ".join(f"{counts[state]} {word}" for state, word in words if counts[state])
    console.print(f"  {told}; {batch.seconds:.1f} s. Written to {out}/", highlight=False)
    for problem in batch.problems[:MOST_PROBLEMS]:
        console.print(f"  [yellow]![/yellow] set aside: {escape(str(problem))}", highlight=False, soft_wrap=True)
    if len(batch.problems) > MOST_PROBLEMS:
        console.print(f"  … and {len(batch.problems) - MOST_PROBLEMS} more files: see batch.json", highlight=False)
    if counts[WAITING] or counts[FAILED]:
        console.print("  The same command again does what is not done, and nothing twice.", style="dim")
