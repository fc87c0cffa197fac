"""Where training is kept: SQLite in the data folder, or PostgreSQL by its address. Synchronous: call it on a thread.

What `transaction` yields is on the disk once the block has ended (SQLite: write-ahead log, fully synchronous), or it
never was.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from engine.core.errors import EnvironmentLacks, InvalidValue

MIGRATIONS = Path(__file__).parent / "migrations"

#: How long a writer waits for another process's.
BUSY_MS = 10_000
#: Connections to PostgreSQL at once: the threads of the server.
POOL = 8
REMEDY = "Give --store sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME."


class Store:
    """A store, migrated to the form that this version wants.

    Raises:
        InvalidValue: an address that names no store.
        EnvironmentLacks: it does not answer, or its driver is not installed.
    """

    def __init__(self, address: str) -> None:
        self.engine = _engine(address)
        self._writing: contextlib.AbstractContextManager[Any] = (
            threading.Lock() if self.engine.dialect.name == "sqlite" else contextlib.nullcontext()
        )
        try:
            self.migrate("head")
        except OperationalError as error:
            self.engine.dispose()
            raise EnvironmentLacks(f"the store does not answer ({_first_line(error)})", REMEDY) from error

    @classmethod
    def in_folder(cls, folder: Path) -> Store:
        """The default: a file that its owner alone may read."""
        path = folder / "training.sqlite"
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its log the same mode
        path.chmod(0o600)
        return cls(f"sqlite:///{path}")

    def migrate(self, to: str, *, down: bool = False) -> None:
        """Bring the tables to a revision."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        with self._writing, self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":  # two servers that start at once take turns
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7316)")
            config.attributes["connection"] = connection
            (command.downgrade if down else command.upgrade)(config, to)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """Whole or not at all, and lasting once it ended.

        Raises:
            EnvironmentLacks: the store takes nothing now (a full disk, a server that went away).
        """
        try:
            with self._writing, Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
        except OperationalError as error:
            raise _not_kept(error) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """To look only: writers are not held up, nor does it wait for them."""
        looking = self.engine.execution_options(looks_only=True)
        try:
            with Session(looking, expire_on_commit=False) as session:
                yield session
        except OperationalError as error:
            raise _not_kept(error) from error

    def tidy(self) -> None:
        """Leave nothing of what was erased in the log of SQLite."""
        if self.engine.dialect.name == "sqlite":
            with self._writing, contextlib.closing(self.engine.raw_connection()) as raw:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def _not_kept(error: SQLAlchemyError) -> EnvironmentLacks:
    return EnvironmentLacks(
        f"the store keeps nothing now ({_first_line(error)})", "See to its disk or server; send again."
    )


def _first_line(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:200]


def _engine(address: str) -> Engine:
    try:
        url = make_url(address)
    except ArgumentError:
        raise InvalidValue(f"this is no address of a store. {REMEDY}") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidValue(f"stores are SQLite or PostgreSQL, not {url.get_backend_name()}. {REMEDY}")
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url, pool_size=POOL, max_overflow=POOL, pool_pre_ping=True)
        engine = create_engine(url)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise EnvironmentLacks(
            "PostgreSQL needs its driver", "Install the extra: pip install 'sightline[postgresql]'"
        ) from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin as told below, not at the driver's first write
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={BUSY_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    """A writer takes its turn at the beginning: one that began as a reader would be refused in the middle."""
    looks_only = connection.get_execution_options().get("looks_only")
    connection.exec_driver_sql("BEGIN" if looks_only else "BEGIN IMMEDIATE")
