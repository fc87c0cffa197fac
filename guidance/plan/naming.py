"""Names that other programs gave, as a plan can take them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from guidance.plan.plan import LONGEST, Use

_CHECK = re.compile(r"(check|verif)", re.IGNORECASE)


def clean_name(text: str, otherwise: str) -> str:
    """Printable, without space around, not too long; `otherwise` where nothing is left."""
    kept = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return kept[:LONGEST].strip() or otherwise


def identifiers(names: Iterable[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """An identifier for each name: lower case with underscores, numbered where it is there already."""
    used, made = set(taken), []
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[: LONGEST - 8] or "unnamed"
        own, number = plain, 1
        while own in used:
            number += 1
            own = f"{plain}_{number}"
        used.add(own)
        made.append(own)
    return tuple(made)


def use_by_name(name: str) -> Use:
    """A point whose name begins with "check" or "verif" is one to check with, any other one to register with."""
    return Use.CHECK if _CHECK.match(name.strip()) else Use.REGISTER
