"""What a browser asks of a guidance session by its panel, in real Chromium, with the keyboard where a hand would be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.stream.guiding import GuidedBands, MovedTissue, Retouched
from engine.stream.messages import SetGuidance
from tests.e2e.guidance_theatre import Theatre, theatre, until
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Theatre, Visitor]]:
    with theatre(Path(tmp_path_factory.mktemp("theatre"))) as stage:
        stage.begin()
        visitor = Visitor(browser, stage)
        visitor.arrive()
        visitor.until("s.scene?.guidance && s.view.cursor_mm")
        yield stage, visitor
        visitor.page.close()
        visitor.check()


@pytest.fixture
def stage(shown: tuple[Theatre, Visitor]) -> Theatre:
    stage = shown[0]
    stage.asked.clear()
    return stage


@pytest.fixture
def page(shown: tuple[Theatre, Visitor], stage: Theatre) -> Page:
    return shown[1].page


def unfold(page: Page, title: str) -> None:
    fold = page.locator("details.fold", has=page.locator("summary", has_text=title))
    fold.evaluate("(fold) => { fold.open = true; }")


def test_a_margin_differs_by_side_and_is_made_the_same_on_all_sides_again(page: Page, stage: Theatre) -> None:
    page.get_by_role("button", name="Safety margin by side").press("Enter")
    page.get_by_role("slider", name="Safety margin, posterior, millimetres").press("ArrowRight")
    until(lambda: bool(stage.asks("margin")))
    assert (stage.asks("margin")[-1].distance_mm, stage.asks("margin")[-1].toward_mm) == (5, (5, 5, 5.5, 5, 5, 5))
    page.get_by_role("slider", name="Safety margin, millimetres").press("ArrowRight")
    until(lambda: stage.asks("margin")[-1].distance_mm == 5.5)
    assert stage.asks("margin")[-1].toward_mm == (5.5, 5.5, 6, 5.5, 5.5, 5.5)
    page.get_by_role("button", name="Same on all sides").first.press("Enter")
    until(lambda: stage.asks("margin")[-1].toward_mm is None)


def test_warnings_begin_where_they_are_asked_to_and_a_mistake_is_not_asked_for(page: Page, stage: Theatre) -> None:
    unfold(page, "Warnings")
    near = page.get_by_role("spinbutton", name="Tumour, near, millimetres")
    near.fill("-3")
    near.press("Enter")
    expect(page.get_by_text("outside the structure")).to_be_visible()
    near.fill("9")
    near.press("Enter")
    until(lambda: bool(stage.asks("bands")))
    (ask,) = stage.asks("bands")
    kept = next(each.bands for each in stage.guidance.structures if each.node == ask.node)
    assert ask.bands == GuidedBands(near_mm=9, risk_mm=kept.risk_mm, breach_mm=kept.breach_mm)


def test_the_skin_is_traced_and_registered_from(page: Page, stage: Theatre) -> None:
    unfold(page, "Landmarks")
    page.get_by_role("button", name="Trace the skin").press("Enter")
    until(lambda: bool(stage.asks("trace")))
    stage.set(traced=214)
    expect(page.get_by_text("214 points traced")).to_be_visible()
    page.get_by_role("button", name="Register from the trace").press("Enter")
    until(lambda: len(stage.asks("trace")) == 2)
    assert [ask.state for ask in stage.asks("trace")] == ["start", "stop"]
    stage.set(traced=None)


def test_a_tool_is_calibrated_again_in_a_tracked_block(page: Page, stage: Theatre) -> None:
    unfold(page, "Tools")
    for name in ("again", "hold it in the block", "done"):
        page.get_by_role("button", name=f"Calibrate Probe: {name}").press("Enter")
    until(lambda: len(stage.asks("calibrate")) == 2)
    assert [(ask.state, ask.how) for ask in stage.asks("calibrate")] == [("start", "template"), ("stop", "template")]


def test_tissue_is_touched_again_where_the_crosshair_is_and_what_is_guessed_says_so(page: Page, stage: Theatre) -> None:
    unfold(page, "Moved tissue")
    again = page.get_by_role("button", name="Touch again here")
    set_follow = "(on) => window.sightline.store.update((s) => ({ ...s, view: { ...s.view, followsTip: on } }))"
    page.evaluate(set_follow, True)
    expect(again).to_be_disabled()  # the crosshair is where the tip is, and says nothing of the scan
    page.evaluate(set_follow, False)
    again.press("Enter")
    until(lambda: bool(stage.asks("retouch")))
    cursor = page.evaluate("() => window.sightline.store.get().view.cursor_mm")
    assert list(stage.asks("retouch")[0].scan_mm) == pytest.approx(cursor)
    moved = MovedTissue(points=(Retouched(scan_mm=(0, 0, 0), now_mm=(0, 3, 4)),), applied=False, words="moved by 5 mm")
    stage.set(moved=moved)
    page.get_by_role("button", name="Move tissue by these").press("Enter")
    stage.set(moved=moved.model_copy(update={"applied": True}))
    expect(page.locator(".hud .guess-words")).to_have_text("Guess: moved by 5 mm")
    expect(page.locator("summary .guess")).to_be_visible()
    page.get_by_role("button", name="Put back").press("Enter")
    until(lambda: len(stage.asks("deform")) == 2)
    assert [ask.state for ask in stage.asks("deform")] == ["apply", "forget"]
    stage.set(moved=None)
    expect(page.locator(".hud .guess-words")).to_be_hidden()


def test_the_time_that_the_overlay_was_on_is_told_when_the_page_is_left_and_only_once(
    page: Page, shown: tuple[Theatre, Visitor], stage: Theatre
) -> None:
    page.wait_for_timeout(300)
    page.goto("about:blank")
    until(lambda: bool(stage.asks("shown")))
    (told,) = stage.asks("shown")
    assert 0 < told.on_s <= told.of_s < 3600
    shown[1].arrive()


def test_the_time_is_told_when_guidance_ends(page: Page, stage: Theatre) -> None:
    page.wait_for_function("() => window.sightline?.sights.get() && document.querySelector('.guidance .hint')")
    page.wait_for_timeout(300)
    assert stage.asks("shown") == []
    stage._publish(SetGuidance(guidance=None))
    until(lambda: bool(stage.asks("shown")))
