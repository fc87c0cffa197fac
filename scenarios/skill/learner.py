"""A learner as the engine has him: what he read, and all that follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from engine.core.errors import InvalidValue
from scenarios.skill.ability import Ability
from scenarios.skill.item import Item
from scenarios.skill.practice import DRIFT, PRIOR_SD
from scenarios.skill.scales import Scales

#: Standard deviation of what the questions of one case have in common.
CASE_SD = 0.7


class Mode(StrEnum):
    """What cases are read for: an exam holds the learner still, practice lets him learn. Never both in one belief."""

    EXAM = "exam"
    PRACTICE = "practice"


@dataclass(frozen=True, slots=True)
class Scored:
    """A question that was answered.

    Attributes:
        scale: of `scenarios.skill.scales.SCALES`.
        item: the question as it was believed when it was shown.
        share: of its points, 0 to 1.
    """

    scale: str
    item: Item
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InvalidValue(f"a share of points is 0 to 1, got {self.share}")

    @property
    def score(self) -> int:
        """The last step that the share reaches: of three, 0.7 reaches two."""
        return int(np.floor(self.share * (self.item.scores - 1) + 1e-9))


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case that was read, with its questions that were answered."""

    case: str
    answers: tuple[Scored, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """A value: a case that was read makes another.

    Attributes:
        mode: of all that he reads here.
        scales: what is believed of his abilities.
        history: every case, in order; the belief follows from it (`of`).
    """

    mode: Mode
    scales: Scales = field(default_factory=Scales.prior)
    history: tuple[CaseResult, ...] = ()

    @classmethod
    def of(cls, mode: Mode, history: Iterable[CaseResult]) -> Learner:
        """from what is stored, or at the beginning from nothing."""
        scales = Scales.prior(sd=PRIOR_SD) if mode is Mode.PRACTICE else Scales.prior()
        learner = cls(mode, scales)
        for result in history:
            learner = learner.read(result)
        return learner

    def read(self, result: CaseResult, *, case_sd: float = CASE_SD, drift: float = DRIFT) -> Learner:
        """After one more case.

        Raises:
            InvalidValue: no such scale; a case read twice in an exam.
        """
        if self.mode is Mode.EXAM and result.case in self.shown:
            raise InvalidValue(f"case {result.case} was read in this exam already")
        scales = self.scales if self.mode is Mode.EXAM else self.scales.drifted(drift)
        for scale in dict.fromkeys(one.scale for one in result.answers):
            of_it = [(one.item, one.score) for one in result.answers if one.scale == scale]
            scales = scales.answered_case(scale, of_it, case_sd)
        return replace(self, scales=scales, history=(*self.history, result))

    def ability(self, scale: str) -> Ability:
        """What is believed of one scale."""
        return self.scales.ability(scale)

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the cases that were read, each once, in order."""
        return tuple(dict.fromkeys(result.case for result in self.history))
