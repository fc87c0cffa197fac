"""A real browser follows a link of a course on another site: it has rules of its own on cookies and frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

pytest.importorskip("jwt", reason="the extra lti is not installed")

from tests.app.training.cases import SHELF
from tests.app.training.lti.platform import FakePlatform, Link
from tests.app.training.server import Server
from tests.e2e.chromium import PAGE

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    with FakePlatform().serving() as made:
        yield made


@pytest.fixture
def server(tmp_path: Path, platform: FakePlatform) -> Iterator[Server]:
    with Server(tmp_path, SHELF, page=PAGE, platforms=platform.registered).serving() as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def reads(page: Page) -> None:
    """Wait until a case can be read."""
    page.wait_for_url("**/read/")
    for _ in range(600):
        if page.evaluate("window.reading?.store.get().phase") == "reading":
            return
        page.wait_for_timeout(100)
    raise AssertionError(page.inner_text("body"))


def test_whoever_follows_a_link_of_another_site_reads_its_case(
    page: Page, platform: FakePlatform, server: Server
) -> None:
    platform.link = Link(custom={"case": "two"})
    page.goto(f"{platform.address}/course")
    page.click("#link")
    reads(page)
    assert page.url == f"{server.address}/read/"
    assert page.evaluate("window.reading.store.get().reading.case.id") == "two"
    assert page.evaluate("window.reading.store.get().learner.name") == "Ada Example"
    kept = {one["name"]: one["sameSite"] for one in page.context.cookies()}
    assert kept == {"sightline_session": "Strict", "sightline_trainee": "Strict", "sightline_lti": "None"}


def test_a_link_for_an_exam_begins_one(page: Page, platform: FakePlatform, server: Server) -> None:
    platform.link = Link(custom={"mode": "exam"})
    page.goto(f"{platform.address}/course")
    page.click("#link")
    reads(page)
    assert page.evaluate("window.reading.store.get().reading.mode") == "exam"


def test_a_link_that_does_not_open_says_why_in_words(
    page: Page, platform: FakePlatform, server: Server, tmp_path: Path
) -> None:
    platform.link = Link(custom={"case": "none"})
    page.goto(f"{platform.address}/course")
    page.click("#link")
    page.wait_for_selector("h1")
    assert "The link opens the case 'none', which is not on this server." in page.inner_text("main")
    page.screenshot(path=tmp_path / "refused.png")


def test_in_a_frame_nothing_opens(page: Page, platform: FakePlatform, server: Server) -> None:
    """A platform that shows tools in frames is to open this one in a new window."""
    page.goto(f"{platform.address}/course")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """() => {
          const frame = document.createElement("iframe");
          frame.src = document.getElementById("link").href;
          document.body.append(frame);
          return new Promise((done) => { frame.onload = done; frame.onerror = done; setTimeout(done, 5000); });
        }"""
    )
    page.wait_for_timeout(500)
    assert not any("/api/training" in address for address in asked)
