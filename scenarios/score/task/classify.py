"""A category and its features: what was seen wrongly is told apart from what was concluded wrongly."""

from __future__ import annotations

from collections.abc import Mapping

from scenarios.case.task import ClassifyTask
from scenarios.reading.answer import ClassifyAnswer
from scenarios.reading.state import Work
from scenarios.score.ground import Ground
from scenarios.score.size import size_score
from scenarios.score.task_score import TaskScore

#: What the category, the features and the rule count where features are asked.
CATEGORY, FEATURES, RULE = 0.5, 0.25, 0.25


def score(task: ClassifyTask, work: Work, ground: Ground) -> TaskScore:
    """Of the category, the features, and whether the features imply it."""
    answer = work.answer
    assert isinstance(answer, ClassifyAnswer)
    is_right, seen = answer.category == task.category, features_right(task.features, answer.features)
    scheme = ground.schemes.get(task.scheme)
    implied = scheme.implied(answer.features) if scheme is not None and answer.features else None
    said, right = _words(answer.category, answer.features), _words(task.category, task.features)
    if seen is None or implied is None:
        lost = 0.0 if is_right else 1.0
        why = "The category is right." if is_right else "Another category was right."
        return TaskScore(1 - lost, said, right, why, lost_judging=lost)
    follows = answer.category == implied
    lost_seeing, lost_judging = FEATURES * (1 - seen), 0.0 if follows else RULE
    if not is_right:
        by_eye = 1.0 if follows else 0.0 if seen == 1 else 0.5
        lost_seeing, lost_judging = lost_seeing + CATEGORY * by_eye, lost_judging + CATEGORY * (1 - by_eye)
    why = _why(is_right, seen, follows, implied)
    return TaskScore(1 - lost_seeing - lost_judging, said, right, why, lost_seeing, lost_judging)


def features_right(true: Mapping[str, float | str], said: Mapping[str, float | str]) -> float | None:
    """Share of the features that are right, a size within what readers differ by; None where none is asked."""
    if not true:
        return None
    return sum(_agree(value, said.get(name)) for name, value in true.items()) / len(true)


def _agree(true: float | str, said: float | str | None) -> float:
    if isinstance(true, str) or isinstance(said, str) or said is None:
        return float(true == said)
    return size_score(said, true) if true > 0 and said > 0 else float(true == said)


def _why(is_right: bool, seen: float, follows: bool, implied: str) -> str:
    if is_right and follows:
        return "Category and features are right." if seen == 1 else "The category is right; not every feature is."
    if is_right:
        return f"The category is right, though the features that were entered imply {implied}."
    if follows:
        return "The category follows from the features that were entered: they were seen wrongly, the rule was kept."
    if seen == 1:
        return f"The features are right, and imply {implied}: the rule was not kept."
    return f"Features were seen wrongly, and those that were entered imply {implied}: the rule was not kept either."


def _words(category: str, features: Mapping[str, float | str]) -> str:
    told = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in features.items()
    )
    return f"{category} ({told})" if told else category
