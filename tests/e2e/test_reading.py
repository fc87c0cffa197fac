"""The reading room in real Chromium, flat and with an emulated headset."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from scenarios.reading.event import Marked
from tests.e2e.chromium import IWER
from tests.e2e.headset import INSTALL
from tests.e2e.reading_server import NODULES_MM, ReadingServer, reading_server
from tests.e2e.reading_wearer import put_on

pytestmark = pytest.mark.browser

READY = """() => { const s = window.reading?.store.get();
    return s && s.cuts.length > 0 && Object.values(s.studies).every((each) => each.state === "ready"); }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingServer]:
    with reading_server(tmp_path_factory.mktemp("reading")) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: ReadingServer) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def begin(page: Page, server: ReadingServer) -> None:
    page.goto(f"{server.address}/read/")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_function(READY, timeout=60_000)


def press_on(page: Page, place_mm: tuple[float, float, float]) -> None:
    """Brings the slices to a place and presses where it is drawn: on the picture that is seen, not one to come."""
    page.evaluate(
        """async (at) => { window.reading.desk.goTo("ct", at);
            for (let n = 0; n < 3; n += 1) await new Promise((drawn) => requestAnimationFrame(drawn)); }""",
        list(place_mm),
    )
    box = page.locator("[data-pane='0']").bounding_box()
    assert box is not None
    cut = page.evaluate("() => window.reading.store.get().cuts[0]")
    node = page.evaluate("() => window.reading.store.get().studies.ct.node")
    size = [n * step for n, step in zip(node["shape"], node["spacing_mm"], strict=True)]
    pixels = 0.96 * min(box["width"] / size[0], box["height"] / size[1])
    x, y = (place_mm[n] - cut["focus_mm"][n] for n in (0, 1))
    page.mouse.click(box["x"] + box["width"] / 2 + x * pixels, box["y"] + box["height"] / 2 + y * pixels)


def test_a_case_is_read_marked_answered_and_explained_on_the_flat_page(page: Page, server: ReadingServer) -> None:
    begin(page, server)
    press_on(page, NODULES_MM[0])
    page.get_by_role("button", name="Commit 1 mark").click()
    page.get_by_label("Follow-up CT").check()
    page.get_by_role("button", name="Commit answer").click()
    page.get_by_role("button", name="See what was there").click()
    page.get_by_role("heading", name="1 of 2 found").wait_for()
    assert [event.kind for event in server.events() if event.kind == "displayed"]
    page.get_by_role("button", name="Show me").nth(1).click()
    page.wait_for_function("(z) => Math.abs(window.reading.store.get().cuts[0].at_mm[2] - z) < 4", arg=NODULES_MM[1][2])


def test_a_reading_goes_on_where_it_was_after_the_server_and_the_page_were_gone(
    page: Page, server: ReadingServer
) -> None:
    begin(page, server)
    press_on(page, NODULES_MM[0])
    server.stop()
    try:
        page.get_by_label("How sure of mark 1").fill("0.9")
        page.get_by_text("Not connected: kept here, sent later").wait_for()
    finally:
        server.start()
    page.reload()
    page.wait_for_function(READY, timeout=60_000)
    page.get_by_text("90 %").wait_for()
    page.wait_for_function("() => window.reading.store.get().link === 'kept'")
    kept = server.events()
    assert [event.confidence for event in kept if isinstance(event, Marked)][-1] == 0.9
    assert [event.n for event in kept] == list(range(len(kept)))


@pytest.mark.slow
def test_the_same_case_is_read_in_the_headset_by_ray_stick_and_panel(page: Page, server: ReadingServer) -> None:
    page.add_init_script(IWER.read_text() + INSTALL)
    begin(page, server)
    wearer = put_on(page)
    pane, panel = wearer.report()["panes"][0], wearer.report()["panel"]
    assert 0.6 <= pane["distance_m"] <= 1.2
    assert 0.59 <= panel["distance_m"] <= 1.2
    before = wearer.state("cuts")[0]["at_mm"]
    # Over the panel, which a ray from the lap would meet first.
    wearer.aim("right", pane["centre"], frm=(0.3, 1.6, -0.3))
    wearer.stick("right", 0, -1)
    wearer.frames(12)
    wearer.stick("right", 0, 0)
    assert wearer.state("cuts")[0]["at_mm"] != before
    wearer.press("right")
    wearer.frames()
    wearer.release("right")
    wearer.frames(2)
    wearer.click("commit")
    wearer.play()
    page.wait_for_function("() => window.reading.store.get().task === 'manage'", timeout=60_000)
    wearer.frames(2)
    wearer.click("option-follow-up")
    wearer.click("commit")
    wearer.play()
    page.wait_for_function("() => window.reading.store.get().link === 'kept'", timeout=60_000)
    wearer.frames(2)
    wearer.click("reveal")
    wearer.play()
    page.wait_for_function("() => window.reading.store.get().told !== null", timeout=60_000)
    kinds = {event.kind for event in server.events()}
    assert {"began", "displayed", "looked", "marked", "answered", "committed", "revealed"} <= kinds
    assert any(event.kind == "looked" and event.by == "head" for event in server.events())
