"""Training as it is used: a code, three chosen cases read in a headset, an educator, a record store.

The server is the real command; it is killed by force in the middle of the second case.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.app.training.record_store import RecordStore
from scenarios.case.case import Difficulty
from scenarios.case.write import case_text
from tests.app.training.ralph import RALPH, ralph, statements
from tests.e2e.chromium import IWER
from tests.e2e.headset import INSTALL, Wearer
from tests.e2e.reading_server import case_of
from tests.e2e.reading_wearer import put_on
from tests.e2e.test_reading import READY

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not RALPH.exists(), reason="no Ralph: make peers"),
]

DIGITS = r"(\d{3}) (\d{3})"


@dataclass
class Command:
    """`sightline train` for whoever has a code, on a store that outlives it."""

    folder: Path
    records: str
    port: int = 0
    said: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        """From nothing in memory; until it listens and has said by which codes one comes in."""
        command = [
            str(Path(sys.executable).parent / "sightline"), "train", "--catalog", str(self.folder / "cases"),
            "--host", "0.0.0.0", "--port", str(self.port), "--records", self.records,
        ]  # fmt: skip
        environment = os.environ | {
            "SIGHTLINE_HOME": str(self.folder / "home"), "COLUMNS": "200",
            "SIGHTLINE_LRS_USER": "sightline", "SIGHTLINE_LRS_PASSWORD": "secret",
        }  # fmt: skip
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if found := re.search(r"is ready: https://[^:]+:(\d+)", line):
                self.port = int(found.group(1))
            if "A trainee joins with" in line:
                return
        raise AssertionError(self.said)

    def kill(self) -> None:
        """By force, with its workers."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def code(self, after: str) -> str:
        """Six digits that were said after these words."""
        found = re.search(rf"{after}\D*{DIGITS}", self.said)
        assert found is not None, self.said
        return "".join(found.groups())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Command]:
    for n in range(4):
        folder = tmp_path / "cases" / f"nodules-{n}"
        folder.mkdir(parents=True)
        case = case_of(name=f"nodules-{n}").model_copy(
            update={"title": f"A cough, {n}", "concept": f"concept-{n}", "difficulty": Difficulty(logit=n - 1.5)}
        )
        (folder / "case.yaml").write_text(case_text(case))
    (tmp_path / "ralph").mkdir()
    with ralph(tmp_path / "ralph") as store:
        made = Command(tmp_path, store.address)
        try:
            made.start()
            yield made
        finally:
            made.kill()


def newcomer(browser: Browser, server: Command, code: str, path: str = "/") -> Page:
    """Somebody who comes in with six digits."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, ignore_https_errors=True)
    page = context.new_page()
    page.add_init_script(IWER.read_text() + INSTALL)
    page.goto(f"{server.address}{path}")
    page.get_by_label("Six digits").fill(code)
    return page


def mark_what_is_there(page: Page, wearer: Wearer) -> None:
    """A mark where the first pane is, as a ray and a trigger set it."""
    wearer.aim("right", wearer.report()["panes"][0]["centre"], frm=(0.3, 1.6, -0.3))
    wearer.frames(2)
    wearer.press("right")
    wearer.frames()
    wearer.release("right")
    wearer.frames(2)
    wearer.play()
    page.wait_for_function("() => window.reading.store.get().work.tasks.mark?.marks.length === 1", timeout=60_000)


def answer(page: Page, wearer: Wearer) -> None:
    """Commits the mark, says what should be done, and asks what was there."""
    wearer.click("commit")
    wearer.play()
    page.wait_for_function("() => window.reading.store.get().task === 'manage'", timeout=60_000)
    wearer.frames(2)
    wearer.click("option-pet-ct")
    wearer.click("commit")
    wearer.play()
    page.wait_for_function("() => window.reading.store.get().link === 'kept'", timeout=60_000)
    wearer.frames(2)
    wearer.click("reveal")
    wearer.play()
    page.wait_for_function("() => window.reading.store.get().told !== null", timeout=120_000)
    wearer.frames(2)


def test_three_chosen_cases_in_the_headset_reach_the_educator_and_the_record_store(
    browser: Browser, server: Command
) -> None:
    page = newcomer(browser, server, server.code("A trainee joins with"))
    page.get_by_role("button", name="Begin").click()
    read: list[str] = []
    whys: list[str] = []
    page.wait_for_function(READY, timeout=120_000)
    wearer = put_on(page)
    for n in range(3):
        now = page.evaluate("() => window.reading.store.get().reading")
        read.append(now["case"]["id"])
        whys.append(now["why"])
        mark_what_is_there(page, wearer)
        if n == 1:
            page.wait_for_function("() => window.reading.store.get().link === 'kept'", timeout=60_000)
            server.kill()
            server.start()
            page.reload()
            page.wait_for_function(READY, timeout=120_000)
            wearer = put_on(page)
            again = page.evaluate("() => window.reading.store.get()")
            assert again["reading"]["id"] == now["id"]
            assert len(again["work"]["tasks"]["mark"]["marks"]) == 1, "the mark was kept before the server was killed"
        answer(page, wearer)
        if n < 2:
            wearer.click("next-case")
            wearer.play()
            page.wait_for_function(f"() => window.reading.store.get().reading?.number === {n + 2}", timeout=120_000)
            page.wait_for_function(READY, timeout=120_000)
            wearer.frames(3)
    assert len(set(read)) == 3
    assert all(whys)

    educator = newcomer(browser, server, server.code("One educator[^:]*:"), "/educator")
    expect(educator.locator("h1")).to_contain_text("3 cases read", timeout=30_000)
    expect(educator.locator("table[aria-label=Cohort] tbody tr").first).to_contain_text("3")

    deadline = time.monotonic() + 60
    wanted = {"initialized", "answered", "completed", "terminated"}
    while True:
        there = statements_of(server)
        ended = [one for one in there if one.rsplit("/", 1)[1] == "terminated"]
        if len(ended) == 3 or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert len(ended) == 3
    assert wanted <= {one.rsplit("/", 1)[1] for one in there}


def statements_of(server: Command) -> list[str]:
    """Verbs of all that the record store has."""
    return [one["verb"]["id"] for one in statements(RecordStore(server.records, "sightline", "secret"))]
