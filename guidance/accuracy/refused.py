"""Why no accuracy can be told."""

from __future__ import annotations

from enum import StrEnum

from engine.core.errors import SightlineError


class AccuracyDoubt(StrEnum):
    """What is wrong with what was touched."""

    NO_TIP = "no tip"
    TOO_FEW = "too few"
    OTHER_ARTEFACT = "other artefact"
    AMBIGUOUS = "ambiguous"
    MIRRORED = "mirrored"


class AccuracyRefused(SightlineError):
    """Nothing can be told from these touches; the message says what to do instead."""

    def __init__(self, doubt: AccuracyDoubt, words: str) -> None:
        super().__init__(words)
        self.doubt = doubt

    def __reduce__(self) -> tuple[type[AccuracyRefused], tuple[AccuracyDoubt, str]]:
        return AccuracyRefused, (self.doubt, str(self))
