"""Whose study it is, and whether anything of that is still to be found in a text or in bytes.

Names of everybody in the headers, the patient's identifiers and birth date. Short ones are too common to be
looked for everywhere: a word of three or four letters counts where it stands alone, one of two letters does not count,
nor an identifier of fewer than four characters.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

#: As short as a word of a name may be to be looked for alone, inside others, and in bytes.
_ALONE, _INSIDE, _IN_BYTES = 3, 5, 6
_SHORTEST_NUMBER = 4
_ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
#: What other programs and we ourselves put where a name was.
#: "Removed by CTP" stands in every file of large archives.
_NOBODY = frozenset({
    "anonymous", "anonymized", "anonymised", "anonymize", "anon", "none", "unknown", "null", "patient", "unnamed",
    "removed", "modified", "deidentified", "redacted",
})  # fmt: skip


@dataclass(frozen=True)
class Identity:
    """What must not remain, folded: words of names, identifiers as they are written, forms of the birth date."""

    words: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str], numbers: Iterable[str], birth_dates: Iterable[str]) -> Identity:
        """From values as they stand in headers: PN, identifiers (and addresses, telephones), DA."""
        words = {word for name in names for word in re.findall(r"[^\W\d_]+", folded(name))}
        return cls(
            frozenset(word for word in words if len(word) >= _least_letters(word) and word not in _NOBODY),
            frozenset(n for n in map(_tidy, numbers) if len(n) >= _SHORTEST_NUMBER and n not in _NOBODY),
            frozenset(form for date in birth_dates for form in _forms(date)),
        )

    def __or__(self, other: Identity) -> Identity:
        return Identity(self.words | other.words, self.numbers | other.numbers, self.dates | other.dates)

    def is_in(self, text: str) -> bool:
        """Whether any of it stands in `text`."""
        return self._pattern is not None and self._pattern.search(folded(text)) is not None

    def is_number(self, text: str) -> bool:
        """Whether a numeral is one of the identifiers or a birth date."""
        digits = text.strip().removesuffix(".0")
        return len(digits) >= _IN_BYTES and digits in self.numbers | self.dates

    def is_in_bytes(self, data: bytes, codecs: Iterable[str] = ()) -> bool:
        """Whether any of it that is long enough stands in `data`, in the usual encodings and in those of `codecs`."""
        lowered = data.lower()
        return any(_stands(needle, lowered) for needle in self._needles({*_ENCODINGS, *codecs}))

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        alone = [word for word in self.words if len(word) < _INSIDE]
        inside = [word for word in self.words if len(word) >= _INSIDE]
        parts = [rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])" for word in alone]
        parts += [re.escape(word) for word in inside]
        parts += [rf"(?<![^\W_]){re.escape(n)}(?![^\W_])" for n in self.numbers | self.dates]
        return re.compile("|".join(parts)) if parts else None

    def _needles(self, codecs: Iterable[str]) -> set[bytes]:
        texts = [text for text in self.words | self.numbers | self.dates if len(text) >= _IN_BYTES]
        found = set()
        for text in texts:
            for codec in codecs:
                try:
                    found.add(text.encode(codec).lower())
                except (UnicodeEncodeError, LookupError):
                    continue
        return found


def folded(text: str) -> str:
    """Without accents and case."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def _least_letters(word: str) -> int:
    return _ALONE if word.isascii() else 2  # a name in ideographs has two or three characters


def _tidy(number: str) -> str:
    return folded(number).strip()


def _stands(needle: bytes, data: bytes) -> bool:
    """Digits count where no further digit or point is beside them: UIDs and measurements are full of digits."""
    at = data.find(needle)
    if not needle.isdigit():
        return at >= 0
    while at >= 0:
        before, after = data[at - 1 : at], data[at + len(needle) : at + len(needle) + 1]
        if before not in _JOINING and after not in _JOINING:
            return True
        at = data.find(needle, at + 1)
    return False


_JOINING = frozenset(bytes([c]) for c in b"0123456789.")


def _forms(date: str) -> set[str]:
    """How people and programs write a birth date."""
    match = re.fullmatch(r"(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})", date.strip())
    try:
        day = datetime.date(*map(int, match.groups())) if match else None
    except ValueError:
        day = None
    if day is None:
        return set()
    y, m, d = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    month = day.strftime("%b").casefold()
    forms = {y + m + d, d + m + y, m + d + y, f"{d}{month}{y}"}
    for mark in "-./ ":
        forms |= {mark.join(parts) for parts in ((y, m, d), (d, m, y), (m, d, y), (d, month, y))}
        forms |= {mark.join(parts) for parts in ((str(day.day), str(day.month), y), (str(day.month), str(day.day), y))}
    return forms | {f"{month} {day.day}, {y}", f"{day.day} {month} {y}"}
