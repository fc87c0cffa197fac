"""What the terminal shows of plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from engine.app.plan_command import TOUCH_MM


def show_plan(console: Console, report: Mapping[str, Any], path: Path, *, written: bool) -> None:
    """What a plan holds, what it lacks, and what should be known."""
    by_use = {use: [one["name"] for one in report["structures"] if one["use"] == use] for use in ("target", "watched")}
    landmarks = [one["use"] for one in report["landmarks"]]
    rows = (
        ("Target", ", ".join(by_use["target"])),
        ("Watched", ", ".join(by_use["watched"])),
        ("Forbidden", ", ".join(one["name"] for one in report["structures"] if one["use"] == "forbidden")),
        ("Landmarks", f"{landmarks.count('register')} to register with, {landmarks.count('check')} to check with"),
        ("Tools", ", ".join(one["name"] + (", cuts" if one["cuts"] else "") for one in report["tools"])),
        ("Reference", report["reference"] or ""),
    )
    table = Table(box=None, padding=(0, 2), show_header=False)
    for name, value in rows:
        table.add_row(f"[dim]{name}[/dim]", escape(value) or "—")
    console.print(f"[bold]{escape(report['plan'])}[/bold]", highlight=False)
    console.print(table)
    if report["expected_mm"] is not None:
        console.print(
            f"  Landmarks touched {TOUCH_MM:g} mm off (RMS) put the target {report['expected_mm']:.1f} mm off (RMS).",
            highlight=False,
        )
    if report.get("trajectories"):
        show_ways(console, report["trajectories"])
    for lack in report["lacks"]:
        console.print(f"  [yellow]lacks[/yellow] {escape(lack)}", highlight=False)
    for note in (*report["notes"], *report["warnings"]):
        console.print(f"  [yellow]![/yellow] {escape(note)}", highlight=False)
    if written:
        console.print(f"  Written to {path}", style="dim", highlight=False)


def show_ways(console: Console, ways: Sequence[Mapping[str, Any]]) -> None:
    """Trajectories, one a row, with what they pass nearest to."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for name in ("Way", "From"):
        table.add_column(name, no_wrap=True)
    for name in ("Length", "Angle", "Cost"):
        table.add_column(name, justify="right")
    table.add_column("Nearest, at worst")
    for way in ways:
        nearest = "\n".join(f"{escape(one['structure'])} {one['least_mm']:.1f} mm" for one in way["clearances"][:2])
        refused = f"[red]refused:[/red] {escape('; '.join(way['refused']))}" if way["refused"] else ""
        table.add_row(
            escape(way["id"]),
            escape(way["name"]),
            f"{way['length_mm']:.0f} mm",
            f"{way['angle_deg']:.0f}°",
            "—" if way["cost"] is None else f"{way['cost']:.2f}",
            refused or nearest or "—",
        )
    console.print(table)


def show_proposals(console: Console, report: Mapping[str, Any], path: Path) -> None:
    """Ways that were found, or why there are none."""
    if report["trajectories"]:
        show_ways(console, report["trajectories"])
    else:
        console.print("  No way keeps to the limits of the plan; it was left as it was.")
    console.print(f"  {escape(report['tried'])}", style="dim", highlight=False)
    for warning in report["warnings"]:
        console.print(f"  [yellow]![/yellow] {escape(warning)}", highlight=False)
    console.print("  What is not among the structures of the plan was not looked at.", style="dim")
    if report["trajectories"]:
        console.print(f"  Written to {path}", style="dim", highlight=False)
