"""A reading as statements: the verbs that cmi5 defines, in their order, and one statement an answer.

| statement | category | result |
|---|---|---|
| initialized | cmi5 | none |
| answered (a task), one each | cmi5 allowed | success, share as an extension, response, duration |
| completed | cmi5, moveOn | completion, duration |
| passed or failed | cmi5, moveOn | success, score, duration; `masteryscore` in the context |
| terminated | cmi5 | duration |

Only passed and failed carry a score, and only they and completed move on (cmi5 sections 9.3 and 9.5). A registration is
passed once: one that was passed before is told no second time.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from scenarios.case.case import Case
from scenarios.case.task import AnyTask, ChoiceTask, ManageTask, MeasureTask, OrderTask, TextTask
from scenarios.reading.answer import Answer, ChoiceAnswer, ManageAnswer, MeasureAnswer, OrderAnswer, TextAnswer
from scenarios.xapi.statement import (
    OURS,
    Account,
    Activities,
    Activity,
    Agent,
    Context,
    Definition,
    InteractionComponent,
    Result,
    Score,
    Statement,
    Verb,
    duration,
)

CMI5 = "https://w3id.org/xapi/cmi5/context/categories/cmi5"
MOVE_ON = "https://w3id.org/xapi/cmi5/context/categories/moveon"
SESSION = "https://w3id.org/xapi/cmi5/context/extensions/sessionid"
MASTERY = "https://w3id.org/xapi/cmi5/context/extensions/masteryscore"
_ADL = "http://adlnet.gov/expapi/"
VERBS: Mapping[str, str] = {
    "initialized": f"{_ADL}verbs/initialized",
    "answered": f"{_ADL}verbs/answered",
    "completed": f"{_ADL}verbs/completed",
    "passed": f"{_ADL}verbs/passed",
    "failed": f"{_ADL}verbs/failed",
    "terminated": f"{_ADL}verbs/terminated",
}
#: Names in which ids of statements are made (RFC 9562, version 5).
NAMESPACE = uuid.UUID("6b7e9b0e-1f8a-5c0e-9a53-5d1c5c1f7b21")
#: When a unit counts as done, for a course structure (cmi5 section 13.1.4).
MoveOn = Literal["Passed", "Completed", "CompletedAndPassed", "CompletedOrPassed", "NotApplicable"]


@dataclass(frozen=True, slots=True)
class Answered:
    """A task that was scored: its share of its points, what was answered, how sure, and how long it took."""

    task: AnyTask
    share: float
    answer: Answer | None = None
    confidence: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading to be told of.

    Attributes:
        id: of the reading; with `home`, all ids are made from it.
        home: address of this installation, by which its accounts and activities are named.
        trainee: their name in it.
        began_s: seconds since 1970.
        share: of all points; None before the end.
        mastery: share from which it is passed.
        was_passed: this registration was passed before.
        about: figures under our own names (`theta`, `coverage`…), by name.
    """

    id: str
    home: str
    trainee: str
    case: Case
    began_s: float
    seconds: float = 0.0
    share: float | None = None
    answers: tuple[Answered, ...] = ()
    mastery: float = 0.5
    was_passed: bool = False
    about: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def registration(self) -> uuid.UUID:
        """Of this trainee with this case: readings of it share one."""
        return uuid.uuid5(NAMESPACE, f"{self.home}/{self.trainee}/{self.case.id}")

    @property
    def activity(self) -> str:
        """Address of the case."""
        return f"{self.home.rstrip('/')}/cases/{self.case.id}"


def begun(reading: Reading) -> Statement:
    """It was opened for the first time."""
    return _statement(reading, "initialized", 0.0)


def ended(reading: Reading) -> Iterator[Statement]:
    """All that is told of a reading that was read to its end, in order.

    Raises:
        ValueError: it has no share: it is not over.
    """
    if reading.share is None:
        raise ValueError("a reading that is over has a share of its points")
    took = duration(reading.seconds)
    for one in reading.answers:
        yield _answer(reading, one)
    yield _statement(reading, "completed", reading.seconds, Result(completion=True, duration=took), moves_on=True)
    is_passed = reading.share >= reading.mastery
    if not (is_passed and reading.was_passed):
        result = Result(
            success=is_passed,
            score=Score(scaled=round(reading.share, 4)),
            duration=took,
            extensions={f"{OURS}{name}": value for name, value in reading.about.items()} or None,
        )
        verb = "passed" if is_passed else "failed"
        yield _statement(reading, verb, reading.seconds, result, moves_on=True, mastery=reading.mastery)
    yield _statement(reading, "terminated", reading.seconds, Result(duration=took))


def _statement(
    reading: Reading,
    verb: str,
    after_s: float,
    result: Result | None = None,
    *,
    moves_on: bool = False,
    mastery: float | None = None,
) -> Statement:
    categories = (CMI5, MOVE_ON) if moves_on else (CMI5,)
    case = reading.case
    unit = Activity(
        id=reading.activity,
        definition=Definition(name={case.language: case.title}, type=f"{_ADL}activities/assessment"),
    )
    return _made(reading, verb, unit, after_s, result, _context(reading, categories, mastery), verb)


def _answer(reading: Reading, one: Answered) -> Statement:
    task, language = one.task, reading.case.language
    kind, choices, pattern = _interaction(task, language)
    unit = Activity(
        id=f"{reading.activity}/tasks/{task.id}",
        definition=Definition(
            description={language: task.prompt},
            type=f"{_ADL}activities/cmi.interaction",
            interaction_type=kind,
            correct_responses_pattern=pattern,
            choices=choices,
        ),
    )
    about: dict[str, float | str | int | None] = {f"{OURS}share": round(one.share, 4), f"{OURS}scale": task.scale}
    if one.confidence is not None:
        about[f"{OURS}confidence"] = one.confidence
    result = Result(
        success=one.share >= reading.mastery,
        response=_response(one.answer),
        duration=None if one.seconds is None else duration(one.seconds),
        extensions=about,
    )
    context = _context(reading, (), None, Activity(id=reading.activity))
    return _made(reading, "answered", unit, reading.seconds, result, context, f"answered/{task.id}")


def _made(
    reading: Reading, verb: str, unit: Activity, after_s: float, result: Result | None, context: Context, what: str
) -> Statement:
    return Statement(
        id=uuid.uuid5(NAMESPACE, f"{reading.home}/{reading.id}/{what}"),
        actor=Agent(account=Account(home_page=reading.home, name=reading.trainee)),
        verb=Verb(id=VERBS[verb], display={"en": verb}),
        object=unit,
        result=result,
        context=context,
        timestamp=datetime.datetime.fromtimestamp(reading.began_s + after_s, datetime.UTC),
    )


def _context(
    reading: Reading, categories: tuple[str, ...], mastery: float | None = None, parent: Activity | None = None
) -> Context:
    extensions: dict[str, float | str] = {SESSION: reading.id}
    if mastery is not None:
        extensions[MASTERY] = mastery
    activities = Activities(
        parent=None if parent is None else (parent,),
        grouping=(Activity(id=f"{reading.home.rstrip('/')}/topics/{reading.case.topic}"),),
        category=tuple(Activity(id=one) for one in categories) or None,
    )
    return Context(
        registration=reading.registration, context_activities=activities, platform="Sightline", extensions=extensions
    )


Interaction = Literal["choice", "sequencing", "numeric", "long-fill-in", "other"]
_Kind = tuple[Interaction, tuple[InteractionComponent, ...] | None, tuple[str, ...] | None]


def _interaction(task: AnyTask, language: str) -> _Kind:
    """As xAPI has it, which knows no marks in space: those are `other`."""
    if isinstance(task, ChoiceTask | ManageTask | OrderTask):
        options = task.items if isinstance(task, OrderTask) else task.options
        components = tuple(InteractionComponent(id=one.id, description={language: one.text}) for one in options)
        if isinstance(task, OrderTask):
            return "sequencing", components, ("[,]".join(one.id for one in task.items),)
        right = [one.id for one in task.options if (one.harm == 0 if isinstance(task, ManageTask) else one.is_right)]  # type: ignore[union-attr]
        return "choice", components, ("[,]".join(right),)
    if isinstance(task, MeasureTask):
        return "numeric", None, None
    return ("long-fill-in", None, None) if isinstance(task, TextTask) else ("other", None, None)


def _response(answer: Answer | None) -> str | None:
    if isinstance(answer, ChoiceAnswer):
        return "[,]".join(answer.chosen)
    if isinstance(answer, OrderAnswer):
        return "[,]".join(answer.items)
    if isinstance(answer, ManageAnswer):
        return answer.chosen
    if isinstance(answer, MeasureAnswer):
        return f"{answer.value:g}"
    return answer.text if isinstance(answer, TextAnswer) else None
