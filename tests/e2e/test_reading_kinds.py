"""Everything that can be asked, read in real Chromium on the training server, and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from scenarios.reading.answer import BoxAnswer, GuideAnswer, MeasureAnswer, OrderAnswer, SegmentAnswer
from scenarios.reading.event import Answered, Hinted
from tests.e2e.kinds_case import BALL_HU, BALL_MM, BALL_RADIUS_MM, GRID, SKIN_MM, TUBE_MM, kinds_case
from tests.e2e.reading_server import ReadingServer, reading_server

pytestmark = pytest.mark.browser

READY = """(volume) => { const s = window.reading?.store.get();
    return s && s.cuts.some((cut) => cut.volume === volume) && s.studies[volume]?.state === "ready"; }"""
#: Where a place is drawn on a pane, once all that was asked for is drawn.
PLACE = """async ([pane, at]) => {
    for (let n = 0; n < 3; n += 1) await new Promise((drawn) => requestAnimationFrame(drawn));
    const state = window.reading.store.get();
    const cut = state.cuts[pane];
    const { shape, spacing_mm } = state.studies[cut.volume].node;
    const dot = (a, b) => a.reduce((sum, each, axis) => sum + each * b[axis], 0);
    const off = at.map((each, axis) => each - cut.focus_mm[axis]);
    const size = (way) => Math.abs(dot(way, shape.map((n, axis) => n * spacing_mm[axis])));
    const box = document.querySelector(`[data-pane='${pane}']`).getBoundingClientRect();
    const scale = 0.96 * Math.min(box.width / size(cut.across), box.height / size(cut.down)) * cut.zoom;
    return [box.x + box.width / 2 + dot(off, cut.across) * scale, box.y + box.height / 2 + dot(off, cut.down) * scale];
}"""
GO_TO = "([volume, at]) => window.reading.desk.goTo(volume, at)"

Place = tuple[float, float, float]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingServer]:
    folder: Path = tmp_path_factory.mktemp("kinds")
    with reading_server(folder, kinds_case(folder / "case")) as server:
        yield server


class Reader:
    """Who reads on the flat page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def go(self, place: Place, volume: str = "now") -> None:
        self.page.evaluate(GO_TO, [volume, list(place)])

    def pixel(self, place: Place, pane: int = 0) -> tuple[float, float]:
        x, y = self.page.evaluate(PLACE, [pane, list(place)])
        return x, y

    def press(self, place: Place, pane: int = 0) -> None:
        self.page.mouse.click(*self.pixel(place, pane))

    def drag(self, one: Place, two: Place, pane: int = 0) -> None:
        self.page.mouse.move(*self.pixel(one, pane))
        self.page.mouse.down()
        self.page.mouse.move(*self.pixel(two, pane))
        self.page.mouse.up()

    def asked(self, task: str) -> None:
        self.page.wait_for_function("(task) => window.reading.store.get().task === task", arg=task)

    def commit(self, words: str = "Commit answer") -> None:
        self.page.get_by_role("button", name=words, exact=True).click()

    def told(self) -> Any:
        self.page.wait_for_function("() => window.reading.store.get().told !== null", timeout=60_000)
        return self.page.evaluate("() => window.reading.store.get().told")


@pytest.fixture
def reader(browser: Browser, server: ReadingServer) -> Iterator[Reader]:
    context = browser.new_context(viewport={"width": 1120, "height": 640})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{server.address}/read/")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_function(READY, arg="now", timeout=60_000)
    page.wait_for_function(READY, arg="before", timeout=60_000)
    yield Reader(page)
    context.close()
    assert faults == []


def beside(place: Place, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Place:
    return place[0] + x, place[1] + y, place[2] + z


def test_every_kind_of_task_is_answered_with_mouse_and_keys_and_earns_what_it_is_worth(
    reader: Reader, server: ReadingServer
) -> None:
    page, r = reader.page, BALL_RADIUS_MM
    # Marks, surely, with a hint that costs a tenth.
    page.get_by_role("button", name="Hint: costs 10 %").click()
    page.get_by_text("One of them is bright.").wait_for()
    tube: Place = (*TUBE_MM, BALL_MM[2])
    reader.go(BALL_MM)
    for n, place in enumerate((BALL_MM, tube), 1):
        reader.press(place)
        page.get_by_label(f"How sure of mark {n}").fill("1")
    reader.commit("Commit 2 marks")
    # The ruler, three rulers, a circle.
    reader.asked("diameter")
    reader.drag(beside(BALL_MM, x=-r), beside(BALL_MM, x=r))
    reader.commit()
    reader.asked("volume")
    reader.drag(beside(BALL_MM, x=-r), beside(BALL_MM, x=r))
    reader.drag(beside(BALL_MM, y=-r), beside(BALL_MM, y=r))
    reader.drag(beside(BALL_MM, z=-r), beside(BALL_MM, z=r), pane=1)
    page.get_by_role("button", name="from the last three rulers").click()
    reader.commit()
    reader.asked("mean")
    reader.drag(BALL_MM, beside(BALL_MM, x=0.5 * r))
    reader.commit()
    # The brush on each slice, as wide as the ball is there.
    reader.asked("segment")
    for dz in np.arange(-9.0, 9.1, 3.0):
        page.get_by_label("Brush radius in millimetres").fill(str(round(2 * (r**2 - dz**2) ** 0.5) / 2))
        reader.go(beside(BALL_MM, z=dz))
        reader.press(beside(BALL_MM, z=dz))
    reader.commit()
    reader.asked("box")
    reader.go(BALL_MM)
    reader.drag(beside(BALL_MM, x=-9, y=-9), beside(BALL_MM, x=9, y=9))
    reader.drag(beside(BALL_MM, x=-9, z=-9), beside(BALL_MM, x=9, z=9), pane=1)
    reader.commit()
    # On the panel.
    reader.asked("classify")
    page.get_by_label("Size mm").fill("21")
    page.get_by_label("Category").fill("3b")
    page.keyboard.press("Tab")
    reader.commit()
    reader.asked("scheme")
    page.get_by_label("Size").fill("21")
    page.get_by_label("Sharp edge").check()
    page.get_by_label("3: see it again").check()
    reader.commit()
    reader.asked("report")
    page.get_by_label("Round").check()
    page.get_by_label("Sharp").check()
    reader.commit()
    reader.asked("one")
    page.get_by_label("A ball").check()
    page.get_by_label("How sure of the answer").fill("0.8")
    reader.commit()
    reader.asked("several")
    page.get_by_label("Ball", exact=True).check()
    page.get_by_label("Tube", exact=True).check()
    reader.commit()
    reader.asked("order")
    items = page.locator(".order .label")
    expect(items).to_have_count(3)
    for first, text in enumerate(("Air", "Ball", "Tube")):
        for to in reversed(range(first, items.all_text_contents().index(text))):
            page.get_by_role("button", name=f"{text}: up").click()
            expect(items.nth(to)).to_have_text(text)
    reader.commit("Commit this order")
    # One press commits what is still being typed.
    reader.asked("text")
    page.get_by_label("Describe it in words.").press_sequentially("There is a round mass on the left.")
    page.get_by_text("How sure").wait_for()
    reader.commit()
    reader.asked("manage")
    page.get_by_label("See it again").check()
    reader.commit()
    # What follows was not there before: another study, and a question by what was right.
    page.get_by_text("New: 6 weeks later").wait_for()
    reader.asked("guide")
    reader.press(SKIN_MM)
    reader.press(BALL_MM)
    reader.commit()
    reader.asked("judge")
    page.get_by_label("Along the path").wait_for()
    page.get_by_label("Post").check()
    reader.commit()
    reader.asked("why")
    page.get_by_label("It goes on").check()
    reader.commit()
    reader.asked("grown")
    page.wait_for_function(READY, arg="later", timeout=60_000)
    new = beside(BALL_MM, z=40.5)
    pane = page.evaluate("() => window.reading.store.get().cuts.findIndex((cut) => cut.volume === 'later')")
    reader.go(new, "later")
    reader.press(new, pane)
    page.get_by_label("How sure of mark 1").fill("1")
    reader.commit("Commit 1 mark")
    page.get_by_role("button", name="See what was there").click()

    shares = {task["id"]: task["share"] for task in reader.told()["tasks"]}
    assert "again" not in shares
    assert shares.pop("mark") == pytest.approx(0.9)
    assert shares.pop("segment") > 0.95
    assert shares == pytest.approx(dict.fromkeys(shares, 1.0))
    answers = {event.task: event.answer for event in server.events() if isinstance(event, Answered)}
    assert isinstance(answers["diameter"], MeasureAnswer)
    assert answers["diameter"].value == pytest.approx(2 * r, abs=1.0)
    assert answers["diameter"].ends_mm is not None
    assert isinstance(answers["mean"], MeasureAnswer)
    assert answers["mean"].value == pytest.approx(BALL_HU, abs=0.5)
    assert isinstance(answers["segment"], SegmentAnswer)
    assert isinstance(answers["box"], BoxAnswer)
    centre = (np.array(answers["box"].low) + answers["box"].high) / 2
    assert GRID.patient_from_voxel.apply(centre) == pytest.approx(BALL_MM)
    assert isinstance(answers["order"], OrderAnswer)
    assert answers["order"].items == ("dark", "grey", "bright")
    assert isinstance(answers["guide"], GuideAnswer)
    assert len(answers["guide"].path) == 2
    assert sum(isinstance(event, Hinted) for event in server.events()) == 1
