"""Why no implant is offered."""

from __future__ import annotations

from enum import StrEnum

from engine.core.errors import NotApplicable


class Doubt(StrEnum):
    """What stands against a design."""

    NO_BONE = "no bone"
    OUT_OF_VIEW = "too little in view"
    ASYMMETRIC = "not symmetric"
    NO_DEFECT = "no defect"
    ACROSS_MIDLINE = "across the midline"
    OPEN_RIM = "open rim"
    TOO_THIN = "nothing left"


class ImplantRefused(NotApplicable):
    """No design that could be stood behind; the message says why and what would help."""

    def __init__(self, doubt: Doubt, message: str) -> None:
        super().__init__(message)
        self.doubt = doubt

    def __reduce__(self) -> tuple[type[ImplantRefused], tuple[Doubt, str]]:
        """As it was made: it may come from another process."""
        return ImplantRefused, (self.doubt, str(self))
