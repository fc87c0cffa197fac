"""The educator's page in a real browser: who needs help, what questions tell, tables to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.training.cases import CASES
from tests.app.training.cohort import NAMES, SCALES, STRUGGLING, fill
from tests.e2e.author_server import AuthorServer, author_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorServer]:
    with author_server(tmp_path_factory.mktemp("educator"), phantom_mm=(8.0, 8.0, 8.0)) as server:
        fill(server.store)
        yield server


@pytest.fixture
def page(browser: Browser, server: AuthorServer) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server.address}/educator")
    yield page
    page.close()
    assert errors == []


def test_whoever_needs_help_comes_first_with_the_reason(page: Page) -> None:
    expect(page.locator(".help-card strong")).to_have_text(list(STRUGGLING))
    expect(page.locator(".help-card").first).to_contain_text("% right where half of the cohort has")
    expect(page.locator("table[aria-label=Cohort] tbody tr")).to_have_count(len(NAMES))
    expect(page.locator(".chart canvas")).to_have_count(2)


def test_questions_sort_by_any_figure_and_say_which_tell_little(page: Page) -> None:
    table = page.locator("table[aria-label=Questions]")
    expect(table.locator("tbody tr")).to_have_count(sum(len(case.tasks) for case in CASES))
    easy, hard = (
        table.locator("tr", has_text=f"Chest {name}").filter(has_text="What is it?") for name in ("one", "two")
    )
    expect(easy).to_contain_text("Nearly everybody gets this right: it tells little.")
    expect(hard).to_contain_text("Hardly anybody gets this right")
    expect(hard).to_contain_text("Cyst")
    table.get_by_role("button", name="Missed").click()
    expect(table.locator("tbody tr").first).to_contain_text("Chest two")
    table.get_by_role("button", name="Missed").click()
    expect(table.locator("tbody tr").first).to_contain_text("Chest one")


def test_a_table_taken_away_holds_every_row_and_no_formula(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").first.click()
    text = download.value.path().read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(NAMES) * len(SCALES)
    assert {row["trainee"] for row in rows} == {name if name[0] != "=" else f"'{name}" for name in NAMES}
    low = float(rows[0]["ability_low"])
    assert low < float(rows[0]["ability"]) < float(rows[0]["ability_high"])
