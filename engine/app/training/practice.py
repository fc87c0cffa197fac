"""What is known of questions and learners, and the case that comes next: `scenarios.skill` and `scenarios.select`, on
what the store holds."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from fsrs import Card, Rating, Scheduler

from engine.app.training.scoring import RIGHT, TaskScore
from scenarios.case.case import Case
from scenarios.case.task import AnyTask, ChoiceTask, Scale
from scenarios.select.bank import Bank, Entry
from scenarios.select.choose import Rules
from scenarios.skill.ability import PRIOR_SD as EXAM_PRIOR_SD
from scenarios.skill.ability import Ability
from scenarios.skill.difficulty import answered_by
from scenarios.skill.item import GRID, Item
from scenarios.skill.learner import Mode
from scenarios.skill.practice import PRIOR_SD, practised
from scenarios.skill.scales import Scales

#: In the order in which a reading asks of them.
SCALES: tuple[Scale, ...] = ("detection", "characterisation", "diagnosis", "management")
#: Questions on one case hang together: standard deviation of their common effect.
CASE_SD = 0.5
RULES: Mapping[str, Rules] = {"practice": Rules(Mode.PRACTICE, most=10_000), "exam": Rules.exam()}

_SCHEDULER = Scheduler(enable_fuzzing=False)


def prior(case: Case, task: AnyTask) -> Item:
    """A question before anybody answered it."""
    guess = 1.0 / len(task.options) if isinstance(task, ChoiceTask) and not task.several else 0.0
    return Item(f"{case.id}/{task.id}", (case.difficulty.logit,), step_sd=case.difficulty.sd, guess=guess)


def entry(case: Case, item: Item) -> Entry:
    """A case as it may be chosen, by one of its questions."""
    return Entry(
        replace(item, id=case.id),
        case.topic,
        case.concept,
        is_normal=case.prevalence == "normal",
        is_rare=case.prevalence == "rare",
    )


def representative(case: Case, scale: Scale) -> AnyTask | None:
    """The question of a case that stands for a scale: the one that counts most."""
    of_it = [task for task in case.tasks if task.scale == scale]
    return max(of_it, key=lambda task: task.points, default=None)


def banks(cases: Iterable[Case], items: Mapping[str, Item]) -> dict[Scale, Bank]:
    """Of each scale that any case asks of. `items`: by `case/task`, where they were answered."""
    made: dict[Scale, Bank] = {}
    cases = list(cases)
    for scale in SCALES:
        entries = [
            entry(case, items.get(f"{case.id}/{task.id}", prior(case, task)))
            for case in cases
            if (task := representative(case, scale)) is not None
        ]
        if entries:
            made[scale] = Bank(entries)
    return made


def beginning(mode: str) -> Ability:
    """What is believed of somebody who has answered nothing."""
    return Ability.prior(0.0, PRIOR_SD) if mode == "practice" else Ability.prior()


def least_known(abilities: Mapping[Scale, Ability], scales: Sequence[Scale]) -> Scale:
    """The scale to ask of next; of those alike, the first."""
    return max(scales, key=lambda scale: round(abilities[scale].error, 2))


@dataclass(frozen=True, slots=True)
class Learned:
    """What a reading told of the learner and of the questions.

    Attributes:
        before, after: of each scale that was asked, by the answers on all scales.
        alone: after, by the answers on this scale alone: what the next reading goes on from.
        items: by `case/task`.
    """

    before: Mapping[Scale, Ability]
    after: Mapping[Scale, Ability]
    alone: Mapping[Scale, Ability]
    items: Mapping[str, Item]


def together(alone: Mapping[Scale, Ability], mode: str) -> dict[Scale, Ability]:
    """What is believed of each scale by the answers on all, from what its own answers tell alone."""
    scales = Scales.of(
        {str(scale): ability for scale, ability in alone.items()}, sd=PRIOR_SD if mode == "practice" else EXAM_PRIOR_SD
    )
    return {scale: scales.ability(scale) for scale in SCALES}


def learned(
    case: Case, tasks: Sequence[TaskScore], alone: Mapping[Scale, Ability], items: Mapping[str, Item], mode: str
) -> Learned:
    """Of tasks that were scored.

    Args:
        alone: what each scale's own answers told so far.
        items: as far as they were answered before, by `case/task`.
    """
    believed = together(alone, mode)
    after: dict[Scale, Ability] = {}
    changed: dict[str, Item] = {}
    for scale in SCALES:
        answers = []
        for one in tasks:
            if one.task.scale == scale:
                name = f"{case.id}/{one.task.id}"
                item = items.get(name, prior(case, one.task))
                score = int(one.share >= RIGHT)
                answers.append((item, score))
                changed[name] = answered_by(item, believed[scale], score)
        if answers:
            drift = {} if mode == "practice" else {"drift": 0.0}
            after[scale] = practised(alone[scale], answers, CASE_SD, **drift)
    then = together({**alone, **after}, mode)
    return Learned({scale: believed[scale] for scale in after}, {scale: then[scale] for scale in after}, after, changed)


def reviewed(card: str | None, share: float, at_s: float) -> tuple[str, float]:
    """The card of a concept after another case of it, and when it is due."""
    rating = next(rating for least, rating in _RATINGS if share >= least)
    at = datetime.datetime.fromtimestamp(at_s, datetime.UTC)
    made, _log = _SCHEDULER.review_card(Card() if card is None else Card.from_json(card), rating, at)
    return made.to_json(), made.due.timestamp()


_RATINGS = ((0.95, Rating.Easy), (0.75, Rating.Good), (RIGHT, Rating.Hard), (0.0, Rating.Again))


def weights_json(ability: Ability) -> str:
    """A belief, as it is kept."""
    return json.dumps([float(f"{weight:.6g}") for weight in ability.weights])


def ability_of(weights: str) -> Ability:
    """A belief that was kept."""
    return Ability.normalised(np.array(json.loads(weights), np.float64).reshape(GRID.shape))
