"""Published cases, as they are in the store: every version stays, and of each case the newest is chosen from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, select

from engine.app.training.catalogue import Shelved
from engine.app.training.store import Store
from engine.app.training.tables import PublishedCase, ReadingRow
from engine.core.errors import InvalidValue
from scenarios.case.case import Case


@dataclass(frozen=True, slots=True)
class _Cases:
    """All versions by name and version; the newest that may be chosen, and those that are tried, by name."""

    versions: dict[tuple[str, str], Shelved] = field(default_factory=dict)
    newest: dict[str, Shelved] = field(default_factory=dict)
    trials: dict[str, Shelved] = field(default_factory=dict)


class Shelf:
    """Not a value. What it holds is changed as a whole: threads that look see it before or after."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._held = self._read()

    @property
    def cases(self) -> tuple[Shelved, ...]:
        """Newest versions of the cases that may be chosen."""
        return tuple(self._held.newest.values())

    def shelved(self, case_id: str, version: str) -> Shelved:
        """A case of a reading."""
        return self._held.versions[case_id, version]

    def named(self, case_id: str, *, is_author: bool) -> Shelved:
        """The case that is asked for by name; authors may ask for one that they try.

        Raises:
            InvalidValue: there is no such case.
        """
        found = self._held.newest.get(case_id) or (self._held.trials.get(case_id) if is_author else None)
        if found is None:
            raise InvalidValue(f"there is no case {case_id!r}")
        return found

    def shelve(self, cases: Iterable[Shelved]) -> None:
        """Publish what was not published before.

        Raises:
            InvalidValue: a version that was published and reads otherwise now.
        """
        with self._store.transaction() as session:
            for n, one in enumerate(cases):
                row = session.get(PublishedCase, (one.case.id, one.case.version))
                if row is None:
                    session.add(_published(one, self._clock() + 1e-3 * n))
                elif row.sha256 != one.sha256:
                    raise InvalidValue(
                        f"{one.case.id} {one.case.version} was published and reads otherwise now: raise its version"
                    )
                else:
                    row.folder = _folder(one)  # the catalogue was moved
        self._held = self._read()

    def publish(self, one: Shelved) -> None:
        """Publish a version.

        Raises:
            InvalidValue: it was published before.
        """
        with self._store.reading() as session:
            if session.get(PublishedCase, (one.case.id, one.case.version)) is not None:
                raise InvalidValue(f"version {one.case.version} of {one.case.id} was published: raise the version")
        self.shelve([one])

    def try_out(self, one: Shelved) -> None:
        """A case that only its author reads, by its name; what was tried under that name before is gone."""
        with self._store.transaction() as session:
            session.execute(delete(ReadingRow).where(ReadingRow.case_id == one.case.id))
            row = _published(one, self._clock())
            row.is_open, row.is_trial = False, True
            session.merge(row)
        self._held = self._read()

    def set_open(self, case_id: str, is_open: bool) -> None:
        """Whether a case may be chosen from now on.

        Raises:
            InvalidValue: there is no such case.
        """
        with self._store.transaction() as session:
            rows = list(session.scalars(select(PublishedCase).where(PublishedCase.id == case_id)))
            if not rows:
                raise InvalidValue(f"there is no case {case_id!r}")
            for row in rows:
                row.is_open = is_open
        self._held = self._read()

    def _read(self) -> _Cases:
        with self._store.reading() as session:
            rows = list(session.scalars(select(PublishedCase).order_by(PublishedCase.published_s)))
        cases = _Cases()
        for row in rows:
            shelved = Shelved(Case.model_validate_json(row.body), Path(row.folder) if row.folder else None)
            cases.versions[row.id, row.version] = shelved
            cases.newest.pop(row.id, None)
            if row.is_trial:
                cases.trials[row.id] = shelved
            elif row.is_open:
                cases.newest[row.id] = shelved
        return cases


def _published(one: Shelved, at_s: float) -> PublishedCase:
    case = one.case
    return PublishedCase(
        id=case.id,
        version=case.version,
        sha256=one.sha256,
        body=case.model_dump_json(),
        folder=_folder(one),
        published_s=at_s,
        is_open=True,
    )


def _folder(one: Shelved) -> str | None:
    return None if one.folder is None else str(one.folder.resolve())
