"""The real command, killed by force in the middle of a case; whatever server comes next goes on from its store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.app.bench.train import Browser, kept_events, kill, start, write_cases
from engine.app.serve import page_folder
from engine.app.training.catalogue import cases
from engine.stream.roles import Role
from tests.app.training.server import Never, Server

pytestmark = pytest.mark.skipif(page_folder() is None, reason="the page is not built: make setup")


def looks(start: int, count: int) -> list[dict[str, Any]]:
    return [{"kind": "looked", "by": "pointer", "n": n, "t_s": 0.1 * n} for n in range(start, start + count)]


def test_a_server_that_is_killed_loses_no_event_that_it_took_and_the_trainee_goes_on(tmp_path: Path) -> None:
    write_cases(tmp_path / "cases", 3)
    process, port = start(tmp_path)
    acknowledged: list[int] = []
    cookies: dict[str, str] = {}

    async def until_it_is_gone() -> str:
        async with Browser(port, {}) as browser:
            browser.cookies = cookies
            _, now = await browser.ask("POST", "readings", {})
            killing = asyncio.get_running_loop().call_later(0.5, kill, process)
            try:
                while True:
                    batch = looks(len(acknowledged), 7)
                    status, kept = await browser.ask("POST", f"readings/{now['id']}/events", {"events": batch})
                    assert status == 200
                    acknowledged.extend(range(len(acknowledged), kept["next_event"]))
            except (asyncio.IncompleteReadError, OSError):
                pass
            finally:
                killing.cancel()
            return str(now["id"])

    reading = asyncio.run(until_it_is_gone())
    kill(process)
    assert len(acknowledged) > 7
    assert set(acknowledged) <= kept_events(tmp_path)[reading]

    async def goes_on(port: int) -> tuple[dict[str, Any], int]:
        async with Browser(port, {}) as browser:
            browser.cookies = cookies
            _, now = await browser.ask("POST", "readings", {})
            more = looks(now["next_event"], 5)
            status, _ = await browser.ask("POST", f"readings/{now['id']}/events", {"events": more})
            return now, status

    shelf = cases(tmp_path / "cases")
    with Server(tmp_path / "home" / "training", shelf, Role.TRAINEE, workers=Never()).serving() as again:
        now, status = asyncio.run(goes_on(again.port))
    assert now["id"] == reading
    assert [event["n"] for event in now["events"]] == list(range(now["next_event"]))
    assert now["next_event"] >= len(acknowledged)
    assert status == 200
