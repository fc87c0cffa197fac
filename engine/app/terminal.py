"""What the terminal shows: a bar for long work, and plain tables of results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from engine.app.audit_command import Verified
from engine.core.progress import Progress, silent
from engine.ingest.study import Inventory


@contextmanager
def progress_bar(console: Console, *, enabled: bool) -> Iterator[Progress]:
    """A bar with the stage and the time left, gone when done; silent where nobody looks."""
    if not enabled or not console.is_terminal:
        yield silent
        return
    columns = (TextColumn("  {task.description}"), BarColumn(bar_width=32), TimeRemainingColumn(compact=True))
    with Bar(*columns, console=console, transient=True) as bar:
        yield _BarProgress(bar, bar.add_task("starting", total=1.0))


class _BarProgress:
    def __init__(self, bar: Bar, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def __call__(self, fraction: float, stage: str) -> None:
        self._bar.update(self._task, completed=fraction, description=stage)


def show_report(console: Console, report: Mapping[str, Any], out: Path) -> None:
    """Structures, warnings, times and what was written."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name, justify in (("Structure", "left"), ("Volume", "right"), ("Surface", "right"), ("Triangles", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for structure in report["structures"]:
        table.add_row(
            escape(structure["name"]),
            f"{structure['volume_ml']:,.0f} ml" if structure["volume_ml"] >= 10 else f"{structure['volume_ml']:.2f} ml",
            f"{structure['surface_area_mm2'] / 100:,.0f} cm²",
            f"{structure['triangles']:,}",
        )
    console.print(table)
    for warning in report["warnings"]:
        console.print(f"  [yellow]![/yellow] {escape(warning)}", highlight=False)
    seconds = sum(stage["seconds"] for stage in report["stages"])
    memory = report["peak_memory_bytes"] / 2**30
    console.print(f"  {seconds:.1f} s, {memory:.1f} GiB at most, on {report['device']}. Written to {out}/", style="dim")


def show_inventory(console: Console, inventory: Inventory) -> None:
    """Series found, largest first, each with its UID in full, and files set aside."""
    if not inventory.series:
        console.print("Nothing that can be read.")
    for info in inventory.series:
        kind = str(info.kind) + (f" of {info.phases} phases" if info.phases > 1 else "")
        size = " × ".join(map(str, info.shape))
        spacing = " × ".join(f"{spacing:.3g}" for spacing in info.spacing_mm if spacing)
        files = f"{len(info.files)} file{'s' if len(info.files) > 1 else ''}"
        plane = f"{info.orientation} " if info.orientation else ""
        facts = (
            f"{info.modality or info.format} {plane}{kind}",
            f"{size} voxels",
            spacing and f"{spacing} mm",
            f"{info.thickness_mm:.3g} mm thick" if info.thickness_mm else "",
            files,
            "" if info.series_number is None else f"series {info.series_number}",
            info.date.isoformat() if info.date else "",
        )
        console.print(f"[bold]{escape(info.description or info.files[0].name)}[/bold]", highlight=False)
        console.print("  " + ", ".join(fact for fact in facts if fact), highlight=False)
        for number, name in enumerate(info.phase_names):
            console.print(f"  phase {number}: {escape(name)}", highlight=False)
        console.print(f"  [dim]{info.uid}[/dim]", highlight=False, soft_wrap=True)
    for problem in inventory.problems:
        console.print(f"[yellow]![/yellow] {escape(str(problem))}", highlight=False, soft_wrap=True)


def show_deidentified(console: Console, report: Mapping[str, Any], out: Path) -> None:
    """How much was written, and what a person must still look at."""
    console.print(
        f"  {report['files']} files of {report['patients']} patients, {report['series']} series in {escape(str(out))}",
        highlight=False,
    )
    for reason, count in report["set_aside"].items():
        console.print(f"  [yellow]{count} left out[/yellow]: {escape(reason)}", highlight=False)
    for uid, why in report["burned_in_text"].items():
        console.print(f"  [yellow]perhaps text in pixels[/yellow], {uid}: {', '.join(why)}", highlight=False)
    for uid, count in report["pixels_not_looked_at"].items():
        console.print(f"  [yellow]pixels of {count} files not looked at[/yellow], {uid}", highlight=False)
    for uid in report["faces_shown"]:
        console.print(f"  [yellow]shows a face[/yellow], {uid}: --deface removes it", highlight=False)
    console.print("  Look at every series before you give it away: rules do not see everything.", highlight=False)


def show_phantom(console: Console, description: Mapping[str, Any], out: Path) -> None:
    """The phantom's structures with their exact volumes."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("Structure")
    table.add_column("Exact volume", justify="right")
    for structure in description["volumes"]:
        table.add_row(escape(structure["name"]), f"{structure['volume_ml']:,.2f} ml")
    console.print(table)
    console.print(f"  Written to {out}/", style="dim")


def show_catalog(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Cases, one a row; of pictures, what was made for each."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name in rows[0] if rows else ():
        table.add_column(name.capitalize())
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    console.print(table)


def show_rows(console: Console, result: Mapping[str, Any]) -> None:
    """Benchmark rows with the machine they ran on."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name in ("Bench", "Case", "Metric"):
        table.add_column(name)
    for name in ("Ours", "Peer", "", "Ratio"):
        table.add_column(name, justify="right")
    for row in result["rows"]:
        peer = "—" if row["peer_value"] is None else f"{row['peer_value']:.4g} {row['unit']}"
        ratio = "—" if row["ratio"] is None else f"{row['ratio']:.2f}×"
        ours = f"{row['ours']:.4g} {row['unit']}"
        table.add_row(row["bench"], row["case"], row["metric"], ours, row["peer"], peer, ratio)
    console.print(table)
    machine = result["machine"]
    console.print(f"  {machine['processor']}, {machine['cores']} cores, {machine['date']}", style="dim")


def show_view(console: Console, told: Mapping[str, Any]) -> None:
    """How a session in a headset went."""
    timing = told["timing"]
    work = timing["work_ms"]
    console.print(f"  {escape(told['headset'])}, {told['blend_mode'].lower().replace('_', ' ')}", highlight=False)
    console.print(
        f"  {timing['frames']:,} frames shown, {timing['missed']:,} missed at {timing['period_ms']:.1f} ms each; "
        f"work {work['mean']:.1f} ms, {work['p95']:.1f} ms in 95 of 100, {work['worst']:.1f} ms at worst",
        highlight=False,
    )


def show_audits(console: Console, results: Sequence[Verified]) -> None:
    """Audit logs, whole or broken."""
    if not results:
        console.print("  No audit log yet: it begins with the first `sightline serve`.")
    for result in results:
        if result.broken:
            console.print(f"  [red]broken[/red]  {escape(result.file)}\n          {escape(result.broken)}")
        else:
            console.print(
                f"  [green]whole[/green]   {escape(result.file)}  {result.lines} lines, last {result.last or '—'}"
            )
