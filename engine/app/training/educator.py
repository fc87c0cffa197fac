"""What an educator sees: the cohort, the items, the cases, and tables of answers for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import func, select

from engine.app.training.messages import (
    AbilityTold,
    CaseList,
    CaseListed,
    Cohort,
    Items,
    ItemTold,
    Member,
    WrongAnswer,
)
from engine.app.training.practice import SCALES, prior
from engine.app.training.school import School
from engine.app.training.scoring import RIGHT
from engine.app.training.store import Store
from engine.app.training.tables import (
    AbilityRow,
    ItemRow,
    PublishedCase,
    ReadingRow,
    Response,
    ReviewRow,
    Trainee,
)
from engine.core.errors import EnvironmentLacks
from scenarios.case.case import Case

#: Of wrong answers, the commonest.
MOST_WRONG = 5
#: With fewer answers nothing is said of a task but what is believed of it.
LEAST = 5
TOO_EASY, TOO_HARD, WEAK = 0.95, 0.15, 0.1
#: When somebody may need help: after so many readings, a share below the cohort's, or far too sure.
LEAST_READINGS, BEHIND, OVERSURE, STALE_S = 3, 0.2, 0.25, 14 * 86400.0

#: Columns of the tables of answers. Nobody is named.
COLUMNS = (
    "reading", "trainee", "case", "version", "task", "scale", "mode_number", "began_s", "share", "right", "confidence",
    "seconds", "said",
)  # fmt: skip


def cohort(store: Store, now_s: float) -> Cohort:
    """All trainees; those who may need help first, then by name."""
    with store.reading() as session:
        trainees = list(session.scalars(select(Trainee).where(Trainee.is_educator.is_(False))))
        reads = select(ReadingRow).where(ReadingRow.share.is_not(None), ReadingRow.is_try.is_(False))
        readings: dict[str, list[ReadingRow]] = defaultdict(list)
        for row in session.scalars(reads):
            readings[row.trainee].append(row)
        sure: dict[str, list[tuple[float, int]]] = defaultdict(list)
        said = select(Response.trainee, Response.confidence, Response.score).where(Response.confidence.is_not(None))
        for trainee, confidence, score in session.execute(said):
            sure[trainee].append((float(confidence or 0.0), score))
        newest: dict[tuple[str, str], AbilityRow] = {}
        for ability in session.scalars(select(AbilityRow).order_by(AbilityRow.at_s)):
            newest[ability.trainee, ability.scale] = ability
        due: dict[str, int] = {
            trainee: int(count)
            for trainee, count in session.execute(
                select(ReviewRow.trainee, func.count()).where(ReviewRow.due_s <= now_s).group_by(ReviewRow.trainee)
            )
        }
    shares = {trainee: float(np.mean([row.share or 0.0 for row in rows])) for trainee, rows in readings.items()}
    middle = float(np.median(list(shares.values()))) if shares else None
    members = [
        _member(one, readings.get(one.id, []), sure.get(one.id, []), newest, due.get(one.id, 0), middle, now_s)
        for one in trainees
    ]
    return Cohort(members=tuple(sorted(members, key=lambda one: (not one.needs, one.name))))


def _member(
    one: Trainee,
    readings: Sequence[ReadingRow],
    sure: Sequence[tuple[float, int]],
    newest: Mapping[tuple[str, str], AbilityRow],
    due: int,
    middle: float | None,
    now_s: float,
) -> Member:
    share = float(np.mean([row.share or 0.0 for row in readings])) if readings else None
    over = float(np.mean([said - right for said, right in sure])) if sure else None
    last_s = max((row.revealed_s or row.began_s for row in readings), default=None)
    needs = []
    if len(readings) >= LEAST_READINGS and share is not None and middle is not None and share < middle - BEHIND:
        needs.append(f"{100 * share:.0f} % right where half of the cohort has {100 * middle:.0f} % or more")
    if len(sure) >= 2 * LEAST_READINGS and over is not None and over > OVERSURE:
        needs.append(f"says {100 * over:.0f} points surer than right")
    if last_s is not None and now_s - last_s > STALE_S:
        needs.append(f"has read nothing for {(now_s - last_s) / 86400:.0f} days")
    abilities = tuple(
        AbilityTold(scale=scale, mean=row.mean, low=row.low, high=row.high)
        for scale in SCALES
        if (row := newest.get((one.id, scale))) is not None
    )
    return Member(
        trainee=one.id,
        name=one.name,
        readings=len(readings),
        last_s=last_s,
        share=share,
        over=over,
        abilities=abilities,
        reviews_due=due,
        needs=tuple(needs),
    )


def items(school: School) -> Items:
    """Every task of the cases that are open, by its answers."""
    with school.store.reading() as session:
        answers: dict[tuple[str, str], list[Response]] = defaultdict(list)
        for row in session.scalars(select(Response)):
            answers[row.case_id, row.task].append(row)
        believed = {(row.case_id, row.task): row for row in session.scalars(select(ItemRow))}
    rest: dict[str, list[float]] = defaultdict(list)
    for rows in answers.values():
        for row in rows:
            rest[row.trainee].append(row.share)
    told = [
        _item(one.case, n, answers.get((one.case.id, task.id), []), believed.get((one.case.id, task.id)), rest)
        for one in school.cases
        for n, task in enumerate(one.case.tasks)
    ]
    return Items(items=tuple(told))


def _item(
    case: Case, n: int, rows: Sequence[Response], believed: ItemRow | None, rest: Mapping[str, Sequence[float]]
) -> ItemTold:
    task = case.tasks[n]
    before = prior(case, task)
    difficulty = float(json.loads(believed.steps)[0]) if believed else before.steps[0]
    shares = [row.share for row in rows]
    wrong = Counter(row.said for row in rows if row.share < RIGHT)
    timed = [row.seconds for row in rows if row.seconds is not None]
    share = float(np.mean(shares)) if shares else None
    told = _discrimination(rows, rest)
    return ItemTold(
        case=case.id,
        task=task.id,
        title=case.title,
        prompt=task.prompt,
        scale=task.scale,
        answers=len(rows),
        share=share,
        difficulty=difficulty,
        difficulty_sd=believed.step_sd if believed else before.step_sd,
        discrimination=told,
        miss_rate=wrong.total() / len(rows) if rows else None,
        median_s=float(np.median(timed)) if timed else None,
        wrong=tuple(WrongAnswer(said=said, count=count) for said, count in wrong.most_common(MOST_WRONG)),
        flags=_flags(len(rows), share, told),
    )


def _discrimination(rows: Sequence[Response], rest: Mapping[str, Sequence[float]]) -> float | None:
    """Correlation of a task's share with the mean share of each trainee's other answers (corrected item-total)."""
    pairs = []
    for row in rows:
        others = rest[row.trainee]
        if len(others) > 1:
            pairs.append((row.share, (sum(others) - row.share) / (len(others) - 1)))
    if len(pairs) < LEAST:
        return None
    here, there = np.array(pairs).T
    if np.ptp(here) == 0 or np.ptp(there) == 0:
        return None
    return float(np.corrcoef(here, there)[0, 1])


def _flags(answers: int, share: float | None, discrimination: float | None) -> tuple[str, ...]:
    if answers < LEAST or share is None:
        return ()
    flags = []
    if share > TOO_EASY:
        flags.append("too easy: nearly all have it right")
    if share < TOO_HARD:
        flags.append("too hard: nearly nobody has it right")
    if discrimination is not None and discrimination < WEAK:
        flags.append("those who do well elsewhere do no better here: see whether the right answer is right")
    return tuple(flags)


def case_list(store: Store) -> CaseList:
    """Every case, as its newest version, by topic and title."""
    with store.reading() as session:
        newest = {row.id: row for row in session.scalars(select(PublishedCase).order_by(PublishedCase.published_s))}
        done = select(ReadingRow.case_id, func.count()).where(ReadingRow.share.is_not(None))
        counts: dict[str, int] = {case: int(n) for case, n in session.execute(done.group_by(ReadingRow.case_id))}
    listed = [listed_case(row, counts.get(row.id, 0)) for row in newest.values()]
    return CaseList(cases=tuple(sorted(listed, key=lambda one: (one.topic, one.title, one.id))))


def listed_case(row: PublishedCase, readings: int) -> CaseListed:
    """A published version, in a row."""
    case = Case.model_validate_json(row.body)
    return CaseListed(
        id=case.id,
        version=case.version,
        title=case.title,
        topic=case.topic,
        concept=case.concept,
        prevalence=case.prevalence,
        synthetic=case.is_synthetic,
        published_s=row.published_s,
        is_open=row.is_open,
        readings=readings,
    )


def answers_table(store: Store) -> list[tuple[Any, ...]]:
    """A row an answer, in the order of `COLUMNS`."""
    query = select(Response, ReadingRow).join(ReadingRow, ReadingRow.id == Response.reading)
    with store.reading() as session:
        return [
            (
                reading.id,
                reading.trainee,
                reading.case_id,
                reading.case_version,
                response.task,
                response.scale,
                reading.number,
                reading.began_s,
                response.share,
                bool(response.score),
                response.confidence,
                response.seconds,
                response.said,
            )
            for response, reading in session.execute(query.order_by(ReadingRow.began_s, Response.task))
        ]


def as_csv(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """A table for any program. A text that a spreadsheet would take for a formula is led by an apostrophe."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([f"'{one}" if isinstance(one, str) and one[:1] in tuple("=+-@\t\r") else one for one in row])
    return file.getvalue().encode()


def as_parquet(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """A table with types.

    Raises:
        EnvironmentLacks: the extra is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise EnvironmentLacks(
            "Parquet needs pyarrow", "Install the extra: pip install 'sightline[parquet]'; or take the CSV."
        ) from error
    text, number = pa.string(), pa.float64()
    types = (text, text, text, text, text, text, pa.int64(), number, number, pa.bool_(), number, number, text)
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    table = pa.table(
        {name: pa.array(list(column), kind) for name, column, kind in zip(COLUMNS, columns, types, strict=True)}
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
