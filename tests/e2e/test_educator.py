"""The educator's page in a real browser: who needs help, what questions tell, tables to take away."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.app.training.educator_messages import (
    AbilityOfLearner,
    Cohort,
    Estimated,
    ItemStatistics,
    LearnerRow,
    WrongAnswer,
)
from scenarios.case.task import Scale
from scenarios.score.items import Interval, ItemAnswer, item_figures
from tests.e2e.author_server import AuthorServer, author_server

pytestmark = pytest.mark.browser

SCALES: tuple[Scale, ...] = ("detection", "characterisation", "diagnosis", "management")
NAMES = ("Amber", "Basalt", "Cedar", "Dune", "Ember", "Fjord", "Grove", "=Heath")
DAY_S = 86_400.0
NOW_S = 1_790_000_000.0
ITEMS = (
    ("A cough", "Mark every abnormality that you see.", "detection", 0.2, "nothing was marked"),
    ("A cough", "What is the most likely diagnosis?", "diagnosis", -0.4, "Granuloma"),
    ("Fall from a ladder", "Is there a fracture?", "detection", -4.0, "No"),
    ("Fall from a ladder", "What would you do next?", "management", 2.6, "Discharge"),
    ("Sudden headache", "Measure the largest diameter.", "characterisation", 0.8, "too small"),
)


class Scripted:
    """Eight trainees of whom two struggle, and what they answered."""

    def __init__(self) -> None:
        rng = random.Random(3)
        self.abilities = {name: rng.gauss(0, 0.9) for name in NAMES}
        self._cohort = Cohort(
            learners=tuple(sorted((self._row(n, rng) for n in NAMES), key=lambda row: row.needs is None)),
            readings=143,
            as_of_s=NOW_S,
        )
        self._items = tuple(self._item(n, rng) for n in range(len(ITEMS)))

    def cohort(self) -> Cohort:
        return self._cohort

    def items(self) -> tuple[ItemStatistics, ...]:
        return self._items

    def _row(self, name: str, rng: random.Random) -> LearnerRow:
        middle = self.abilities[name]
        abilities = []
        for scale in SCALES:
            mean = middle + rng.gauss(0, 0.4)
            estimated = Estimated(mean=mean, low=mean - 0.7, high=mean + 0.7)
            abilities.append(AbilityOfLearner(scale=scale, now=estimated, earlier=mean - rng.uniform(0, 0.6)))
        worst = min(abilities, key=lambda one: one.now.mean)
        missed = min(0.9, max(0.05, 0.35 - 0.15 * middle))
        needs = f"Misses {missed:.0%} of findings; {worst.scale} has not moved in a month." if middle < -0.7 else None
        history = tuple((NOW_S - day * DAY_S, middle - day / 90 + rng.gauss(0, 0.08)) for day in range(60, -1, -6))
        return LearnerRow(
            id=name.lower(), name=name, cases=rng.randint(9, 30), last_read_s=NOW_S - rng.randint(0, 12) * DAY_S,
            missed=Estimated(mean=missed, low=missed - 0.05, high=missed + 0.11), abilities=tuple(abilities),
            needs=needs, history=history,
        )  # fmt: skip

    def _item(self, n: int, rng: random.Random) -> ItemStatistics:
        title, prompt, scale, hard, wrong = ITEMS[n]
        answers = []
        for _ in range(60):
            ability = rng.gauss(0, 1)
            right = rng.random() < 1 / (1 + 2.718 ** -(1.4 * (ability - hard)))
            rest = min(1.0, max(0.0, 0.5 + 0.25 * ability + rng.gauss(0, 0.1)))
            answers.append(ItemAnswer(float(right), rest, rng.uniform(15, 120), None if right else wrong))
        figures = item_figures(answers)
        share = figures.wrong and WrongAnswer(text=figures.wrong[0], share=figures.wrong[1])
        return ItemStatistics(
            case=title.lower().replace(" ", "-"), title=title, version="1.0.0", task=f"task-{n}", prompt=prompt,
            scale=scale, count=figures.count, difficulty=_told(figures.difficulty),
            discrimination=_told(figures.discrimination), missed=_told(figures.missed), median_s=figures.median_s,
            wrong=share, says=figures.says,
        )  # type: ignore[arg-type]  # fmt: skip


def _told(value: Interval | None) -> Estimated | None:
    return None if value is None else Estimated(mean=value.mean, low=value.low, high=value.high)


SOURCE = Scripted()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorServer]:
    with author_server(tmp_path_factory.mktemp("educator"), SOURCE, phantom_mm=(8.0, 8.0, 8.0)) as server:
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
    needing = [row for row in SOURCE.cohort().learners if row.needs is not None]
    assert needing
    expect(page.locator(".help-card strong")).to_have_text([row.name for row in needing])
    expect(page.locator(".help-card").first).to_contain_text("has not moved in a month")
    expect(page.locator("table[aria-label=Cohort] tbody tr")).to_have_count(len(NAMES))
    expect(page.locator(".chart canvas")).to_have_count(2)


def test_questions_sort_by_any_figure_and_say_which_tell_little(page: Page) -> None:
    table = page.locator("table[aria-label=Questions]")
    expect(table.locator("tr", has_text="Is there a fracture?")).to_contain_text("it tells little")
    expect(table.locator("tr", has_text="What would you do next?")).to_contain_text("Discharge")
    table.get_by_role("button", name="Difficulty").click()
    expect(table.locator("tbody tr").first).to_contain_text("What would you do next?")
    table.get_by_role("button", name="Difficulty").click()
    expect(table.locator("tbody tr").first).to_contain_text("Is there a fracture?")


def test_a_table_taken_away_holds_every_row_and_no_formula(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").first.click()
    text = download.value.path().read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(NAMES) * len(SCALES)
    assert {row["trainee"] for row in rows} == {name if name[0] != "=" else f"'{name}" for name in NAMES}
    low = float(rows[0]["ability_low"])
    assert low < float(rows[0]["ability"]) < float(rows[0]["ability_high"])
