"""Descriptions of which only known words stay: a name that is no such word cannot."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

#: T1, T2*, 3D, 5mm, 1.25 mm's number with its unit, b1000, kernels such as B30f, 120kV.
_MEASURES = re.compile(
    r"t[12]\*?w?|[234]d|\d{1,3}(\.\d{1,3})?(mm|cm|kvp?|ma|mas|s|ms|min|t|%)|b\d{1,4}|[bijuh]r?\d{2}[fhs]?"
)
_PIECES = re.compile(r"[^\W_]+(?:[.\-][^\W_]+)*[*%]?")


def known_words(text: str) -> str:
    """The words of `text` that the vocabulary has, in order and as they were written; others fall."""
    return " ".join(piece for piece in _PIECES.findall(text) for piece in _known(piece))


def _known(piece: str) -> list[str]:
    if _is_known(piece):
        return [piece]
    return [part for part in re.split(r"[.\-]", piece) if part and _is_known(part)]


def _is_known(word: str) -> bool:
    folded = word.casefold()
    return folded in _words() or _MEASURES.fullmatch(folded) is not None


@cache
def _words() -> frozenset[str]:
    return frozenset(resources.files(__package__).joinpath("words.txt").read_text("ascii").split())
