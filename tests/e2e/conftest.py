"""Fixtures of the tests in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.chromium import chromium
from tests.e2e.console_server import Console, console_server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with console_server(tmp_path) as console:
        yield console
