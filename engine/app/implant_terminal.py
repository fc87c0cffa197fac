"""What the terminal shows of an implant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def show_implant(console: Console, report: Mapping[str, Any], out: Path) -> None:
    """The part's figures with their errors, warnings, and what it must not be used for."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    for name, value in _rows(report):
        table.add_row(name, value)
    console.print(table)
    for warning in report["warnings"]:
        console.print(f"  [yellow]![/yellow] {escape(warning)}", highlight=False)
    console.print(f"  [bold]{escape(report['use'])}[/bold]", highlight=False)
    console.print(f"  Written to {out}/", style="dim")


def _rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    plane, wall, rim, made = report["midplane"], report["wall_mm"], report["rim_mm"], report["implant"]
    apart, marks, checks = plane["asymmetry_mm"], report["marks"], report["checks"]
    yield (
        "Hole",
        f"{report['defect']['area_cm2']:.0f} cm², on the patient's {'left' if report['side'] == 'L' else 'right'}",
    )
    yield "Midplane", f"±{plane['angle_95_deg']:.1f}°, ±{plane['offset_95_mm']:.1f} mm (95 %)"
    yield (
        "This head's sides differ by",
        f"{apart['p50']:.1f} mm in half of its bone, more than {apart['p90']:.1f} mm in a tenth",
    )
    yield "Volume", f"{made['volume_ml']:.1f} ± {made['volume_error_ml']:.1f} ml"
    yield (
        "Wall",
        f"{wall['p50']:.1f} mm, 95 % over {wall['p5']:.1f} mm, least {wall['least']:.1f} mm at the edge, "
        f"{wall['least_away_from_edge']:.1f} mm away from it (± {wall['error']:.2g} mm)",
    )
    if rim["step"]:
        yield "Step at the rim", f"{rim['step']['p50']:.1f} mm, 95 % under {rim['step']['p95']:.1f} mm"
    if rim["gap"]:
        yield (
            "Gap",
            f"{rim['gap']['p50']:.1f} mm, least {rim['least_gap']:.1f} mm ({rim['clearance_asked']:g} mm asked)",
        )
    yield "Marks", "none" if marks is None else f"{marks['letters'][0]}, arrow up to {marks['letters'][1]}, outside"
    whole = checks["closed"] and not checks["self_crossings"] and checks["bodies"] == 1
    yield "Surface", "closed, in one piece, nothing crosses" if whole else "not sound, see below"
