"""Fixtures of training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.app.training.store import Store
from tests.app.training.stores import postgresql


@pytest.fixture(scope="session")
def postgresql_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from postgresql(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where images of cases are kept: by what they are made from, so that all tests share them."""
    return tmp_path_factory.mktemp("images")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty one of each kind."""
    if request.param == "sqlite":
        made = Store.in_folder(tmp_path)
    else:
        made = Store(request.getfixturevalue("postgresql_address"))
    yield made
    if request.param == "postgresql":
        made.migrate("base", down=True)
    made.close()
