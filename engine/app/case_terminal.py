"""What the terminal shows of cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from engine.app.case_check import Checked
from engine.app.case_preview import summary
from scenarios.case.case import Case


def show_checked(console: Console, found: Sequence[Checked]) -> None:
    """Every flaw as file:line, so that terminals and editors lead there; cases without any by their names."""
    for one in found:
        for mark, colour, told in (("wrong", "red", one.flaws), ("note", "yellow", one.notes)):
            for flaw in told:
                where = f", {escape(flaw.path)}" if flaw.path else ""
                lead = f"{escape(str(one.file))}:{flaw.line}: [{colour}]{mark}[/{colour}]{where}:"
                console.print(lead, escape(flaw.fix), highlight=False, soft_wrap=True)
        if one.case is not None and not one.flaws:
            console.print(f"{escape(str(one.file))}: {one.case.id} {one.case.version} is sound", highlight=False)
    count = sum(len(one.flaws) for one in found)
    if count:
        console.print(f"  {count} to mend in {sum(bool(one.flaws) for one in found)} of {len(found)}", style="dim")


def show_case(console: Console, case: Case) -> None:
    """A case in words, with all that is right."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for label, words in summary(case):
        table.add_row(escape(label), escape(words))
    console.print(table)


#: What is said of a face, by what was found.
_FACES = {
    "shown": "[yellow]the study shows a face[/yellow]: --deface removes it",
    "not looked at": "[yellow]whether it shows a face could not be judged[/yellow]",
    "removed": "a face was removed",
}


def show_new(console: Console, made: Mapping[str, Any]) -> None:
    """What was made, and what a person must still look at."""
    console.print(f"  {escape(made['folder'])}: case {made['case']}, sha256 {made['sha256'][:12]}…", highlight=False)
    for name in made["findings"]:
        console.print(f"  finding {name}", highlight=False)
    if made["text"]:
        console.print(f"  [yellow]perhaps text in pixels[/yellow]: {', '.join(made['text'])}", highlight=False)
    if made["face"] in _FACES:
        console.print(f"  {_FACES[made['face']]}", highlight=False)
    for reason, count in made["left_out"].items():
        console.print(f"  [yellow]{count} files left out[/yellow]: {escape(reason)}", highlight=False)
    console.print("  Look at every slice before you give it away: rules do not see everything.", highlight=False)


def show_packed(console: Console, made: Mapping[str, Any]) -> None:
    """What was packed, and what the case needs beside it."""
    size = f"{made['files']} files, {made['bytes'] / 2**20:.1f} MiB"
    console.print(f"  {made['case']} {made['version']} in {escape(made['pack'])}: {size}", highlight=False)
    for words in made["needs"]:
        console.print(f"  [yellow]not in it[/yellow]: {escape(words)}", highlight=False)


def show_imported(console: Console, made: Mapping[str, Any]) -> None:
    """What came in, and of a teaching file what did not."""
    if "not_taken" in made:
        show_new(console, made)
        for words in made["not_taken"]:
            console.print(f"  [yellow]not taken[/yellow]: {escape(words)}", highlight=False)
        console.print("  Read every text: the name of a patient may stand in it.", highlight=False)
        return
    verb = "was there already, alike" if made["was_there"] else "imported"
    console.print(f"  {made['case']} {made['version']} {verb}: {escape(made['folder'])}", highlight=False)
