"""What a browser shows of a guidance session, in real Chromium: numbers that go when they must, alarms, asking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.guidance_theatre import Faults, Theatre, alert, theatre
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.browser

#: Watches, at every moment that a script can see, whether a digit stands where none may.
WATCH = """() => {
  window.seen = { numbers: 0, dashes: 0, wrong: 0 };
  const look = () => {
    const tool = window.sightline.sights.get()?.tools[0];
    const cells = [...document.querySelectorAll('.hud .figure-view .figure-cells')].map((each) => each.textContent);
    const hasDigit = /[0-9]/.test(cells.join(''));
    const isKnown = tool !== undefined && ['verified', 'ageing'].includes(tool.told.shown);
    window.seen[hasDigit ? 'numbers' : 'dashes'] += 1;
    if (hasDigit && !isKnown) window.seen.wrong += 1;
  };
  window.setInterval(look, 5);
  const again = () => { look(); requestAnimationFrame(again); };
  again();
}"""


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Theatre, Visitor]]:
    with theatre(Path(tmp_path_factory.mktemp("theatre"))) as stage:
        stage.begin()
        visitor = Visitor(browser, stage)
        visitor.page.set_viewport_size({"width": 1100, "height": 700})
        visitor.arrive()
        visitor.until("s.drawn.total > 0 && s.drawn.ready === s.drawn.total")
        # One small thing in 3-D: what is drawn in software should not be waited for.
        visitor.page.evaluate("() => window.sightline.store.update((s) => ({ ...s, solo: 'nodule' }))")
        visitor.page.evaluate(WATCH)
        yield stage, visitor
        assert visitor.page.evaluate("() => window.seen.wrong") == 0
        visitor.page.close()
        visitor.check()


@pytest.fixture
def stage(shown: tuple[Theatre, Visitor]) -> Theatre:
    stage = shown[0]
    stage.faults = Faults()
    stage.tip_mm = np.array([40.0, -34.0, 12.0])
    stage.asked.clear()
    stage.alarm()
    return stage


@pytest.fixture
def page(shown: tuple[Theatre, Visitor], stage: Theatre) -> Page:
    page = shown[1].page
    expect(page.locator(".hud .distance").first).to_contain_text("Tumour")
    expect(page.locator(".hud .only-said").first).to_have_text(re.compile(r"\d"))
    return page


def told(page: Page) -> list[str]:
    """Figures of the board as they are said."""
    return [text for text in page.locator(".hud .distance .only-said").all_inner_texts() if text]


def test_the_nearest_distance_is_told_with_its_error_and_by_a_bar_that_says_the_same(
    page: Page, stage: Theatre
) -> None:
    stage.tip_mm = np.array([40.0, -26.0, 12.0])  # 16 mm from the middle of a nodule of 9 mm
    expect(page.locator(".hud .distance .only-said").first).to_have_text("7.0 ±0.8 mm")
    left = page.locator(".hud .tick").first.evaluate("(tick) => tick.style.left")
    assert float(left.rstrip("%")) == pytest.approx(100 * (7 + 5) / 30, abs=0.1)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("tool_lost", "The tool is not tracked"),
        ("reference_lost", "The reference on the patient is not tracked"),
        ("silent", "The last place is too old"),
    ],
)
def test_a_number_goes_and_words_say_why_whatever_fails(page: Page, stage: Theatre, fault: str, words: str) -> None:
    setattr(stage.faults, fault, True)
    expect(page.locator(".hud .tool-state")).to_have_text(words)
    assert told(page)
    assert not any(re.search(r"\d", text) for text in told(page))
    page.wait_for_function("() => window.seen.dashes > 0 && window.seen.numbers > 0")


def test_a_reading_of_another_registration_has_no_number(page: Page, stage: Theatre) -> None:
    stage.faults.stale_registration = True
    expect(page.locator(".hud .distance .only-said").first).to_have_text("– mm")


@pytest.mark.slow
def test_one_structure_that_is_not_known_has_a_dash_and_the_others_keep_their_numbers(
    page: Page, stage: Theatre
) -> None:
    stage.faults.unknown_rows = frozenset({0})
    row = page.locator(".hud .distance", has_text="Optic nerve")
    expect(row.locator(".only-said")).to_have_text(re.compile(r"\d"))
    page.locator("summary", has_text="All distances").click()
    lost = page.locator(".fold .distance", has_text="Tumour")
    expect(lost.locator(".only-said")).to_have_text("– mm")
    expect(lost).to_contain_text("The structure is not ready")
    page.locator("summary", has_text="All distances").click()


def test_a_figure_that_is_not_drawn_as_meant_is_taken_away(page: Page, stage: Theatre) -> None:
    blank = page.add_style_tag(content=".hud .distance .cell:nth-child(3) { font-size: 1px }")
    stage.tip_mm = np.array([40.0, -30.0, 12.0])
    expect(page.locator(".hud .distance .fault").first).to_be_visible()
    assert not re.search(r"\d", page.locator(".hud .distance .figure-cells").first.inner_text())
    blank.evaluate("(style) => style.remove()")
    stage.tip_mm = np.array([40.0, -31.0, 12.0])
    expect(page.locator(".hud .distance .fault").first).to_be_hidden()


def test_an_alarm_has_shape_word_and_text_and_is_silenced_over_the_wire(page: Page, stage: Theatre) -> None:
    stage.alarm(alert("high", "Inside: Tumour -3.0 ± 0.8 mm, tip"))
    card = page.locator(".alarm")
    expect(card).to_have_attribute("data-shape", "octagon")
    expect(card.get_by_role("img", name="Alarm, octagon")).to_be_visible()
    expect(card).to_contain_text("Inside: Tumour -3.0 ± 0.8 mm")
    page.wait_for_function("() => window.sightline.sound.bursts > 0")
    card.get_by_role("button", name="Silence").click()
    expect(card.get_by_role("button", name="Silent")).to_be_disabled()
    (ask,) = stage.asks("quiet")
    assert (ask.alert, ask.how) == (stage.log.scene.alerts[0].id if stage.log.scene else None, "silence")


def test_an_alarm_of_what_is_not_known_near_a_structure_cannot_be_silenced_and_tells_no_old_number(
    page: Page, stage: Theatre
) -> None:
    stage.alarm(alert("medium", "Risk: Tumour 1.5 ± 0.8 mm, tip", may_be_quiet=False))
    stage.faults.tool_lost = True
    card = page.locator(".alarm")
    expect(card).to_contain_text("Risk: Tumour – mm, tip")
    for name in ("Silence", "Seen"):
        expect(card.get_by_role("button", name=name)).to_be_disabled()


def test_a_margin_follows_its_slider_and_the_session_is_asked_for_it(page: Page, stage: Theatre) -> None:
    slider = page.get_by_role("slider", name="Safety margin, millimetres")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".margin-row output").first).to_have_text("6.5 mm")
    page.wait_for_function("() => window.sightline.store.get().scene.guidance.margins[0].distance_mm === 6.5")
    assert stage.asks("margin")[-1].distance_mm == 6.5


@pytest.mark.slow
def test_a_way_is_chosen_and_the_tool_is_told_against_it(page: Page, stage: Theatre) -> None:
    page.get_by_role("radio", name="Lateral").click()
    expect(page.locator(".alignment .way-name")).to_have_text("Lateral")
    expect(page.get_by_role("radio", name="Superior")).to_be_disabled()
    page.get_by_role("radio", name="Frontal").click()
    expect(page.locator(".alignment .only-said").first).to_have_text("0.0 ±0.6 mm")
    assert [ask.id for ask in stage.asks("choose")] == ["way-2", "way-1"]


@pytest.mark.slow
def test_slices_follow_the_tip_until_somebody_points_elsewhere(page: Page, stage: Theatre) -> None:
    page.evaluate("() => window.sightline.store.update((s) => ({ ...s, view: { ...s.view, followsTip: true } }))")
    stage.tip_mm = np.array([40.0, -40.0, 20.0])
    page.wait_for_function("() => Math.abs(window.sightline.store.get().view.cursor_mm[1] + 40) < 0.5")
    page.locator('[data-plane="axial"]').click(position={"x": 60, "y": 120})
    assert page.evaluate("() => window.sightline.store.get().view.followsTip") is False
