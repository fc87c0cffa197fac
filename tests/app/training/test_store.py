"""What is kept is kept: its form, its mode, and that nothing of it changes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from engine.app.training.store import Store
from engine.app.training.tables import EventRow, PublishedCase, ReadingRow, Sitting, Table, Trainee
from engine.core.errors import EnvironmentLacks, InvalidValue


def test_the_migrations_make_what_the_models_want(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_the_migrations_go_down_to_nothing_and_up_again(store: Store) -> None:
    store.migrate("base", down=True)
    assert set(inspect(store.engine).get_table_names()) == {"alembic_version"}
    store.migrate("head")
    assert set(Table.metadata.tables) < set(inspect(store.engine).get_table_names())


def test_an_event_that_was_kept_cannot_be_changed(store: Store) -> None:
    case = PublishedCase(id="c", version="1", sha256="", body="", folder=None, published_s=0.0, is_open=True)
    with store.transaction() as session:
        session.add_all([Trainee(id="t", name="T", since_s=0.0), case])
        session.flush()
        session.add(Sitting(id="s", trainee="t", mode="practice", began_s=0.0))
        session.flush()
        about = {"id": "r", "trainee": "t", "sitting": "s", "number": 1, "case_id": "c", "case_version": "1"}
        session.add(ReadingRow(**about, why="", is_try=False, began_s=0.0))
        session.flush()
        session.add(EventRow(reading="r", n=0, kind="began", kept_s=0.0, body="{}"))
    change = text("UPDATE events SET body = 'other'")
    with store.engine.connect() as connection, pytest.raises(DBAPIError, match="events never change"):
        connection.execute(change)


def test_half_a_transaction_leaves_nothing(store: Store) -> None:
    def broken_off() -> None:
        with store.transaction() as session:
            session.add(Trainee(id="t", name="T", since_s=0.0))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    with store.reading() as session:
        assert session.get(Trainee, "t") is None


def test_what_belongs_to_nobody_is_refused(store: Store) -> None:
    with pytest.raises(DBAPIError), store.transaction() as session:
        session.add(Sitting(id="s", trainee="nobody", mode="practice", began_s=0.0))


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store.in_folder(tmp_path)
    with store.transaction() as session:
        session.add(Trainee(id="t", name="T", since_s=0.0))
        for path in tmp_path.glob("training.sqlite*"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    store.close()


@pytest.mark.parametrize("address", ["", "mysql://host/name", "no address"])
def test_an_address_of_no_store_is_refused(address: str) -> None:
    with pytest.raises(InvalidValue, match="--store"):
        Store(address)


def test_a_server_that_does_not_answer_is_named_as_lacking() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(EnvironmentLacks, match="does not answer"):
        Store("postgresql://nobody@127.0.0.1:1/none")
