"""Dates that move by whole days; times of day stay."""

from __future__ import annotations

import datetime
import re

_DATE = re.compile(r"(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})")


def moved(value: str, days: int) -> str:
    """A DA or DT `days` later, to the precision it has; empty where it holds no whole date."""
    text = value.strip()
    match = _DATE.match(text)
    if match is None:
        return ""
    try:
        day = datetime.date(*map(int, match.groups())) + datetime.timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    rest = text[match.end() :]
    return f"{day.year:04d}{day:%m%d}{rest if re.fullmatch(r'[0-9.+-]*', rest) else ''}"
