"""Guidance in an emulated headset: the patient's own place found by touch, and what is hidden when it is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.e2e.chromium import IWER
from tests.e2e.guidance_theatre import LANDMARKS, Faults, Theatre, alert, guidance, theatre, until
from tests.e2e.headset import INSTALL, Vec, Watch, Wearer

pytestmark = pytest.mark.browser

#: The patient lies on the back before the wearer, head away: world millimetres from patient millimetres.
WORLD_FROM_PATIENT = np.array([[1, 0, 0, 0], [0, -1, 0, 1150], [0, 0, -1, -450], [0, 0, 0, 1]], dtype=float)


@pytest.fixture(scope="module")
def worn(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Theatre, Wearer]]:
    with theatre(Path(tmp_path_factory.mktemp("theatre"))) as stage:
        stage.begin()
        stage.lead_s = 2.0  # drawn in software a frame takes longer than what is shown may be old
        page = browser.new_page(viewport={"width": 300, "height": 150})
        page.add_init_script(IWER.read_text() + INSTALL)
        watch = Watch(page, stage.address)
        page.goto(stage.address)
        page.wait_for_function(
            "() => { const d = window.sightline?.store.get().drawn; return d?.total > 0 && d.ready === d.total; }"
        )
        wearer = Wearer(page)
        wearer.enter("ar")
        yield stage, wearer
        wearer.leave()
        page.close()
        assert watch.faults == []


@pytest.fixture
def stage(worn: tuple[Theatre, Wearer]) -> Theatre:
    stage = worn[0]
    stage.faults = Faults()
    stage.asked.clear()
    stage.alarm()
    return stage


@pytest.fixture
def wearer(worn: tuple[Theatre, Wearer], stage: Theatre) -> Wearer:
    worn[1].rest()
    return worn[1]


def tip_to(wearer: Wearer, side: str, place: Vec) -> None:
    """Brings a controller's tip to a place in the room, metres."""
    wearer.hold(side, place, (0, 0, -1))
    wearer.frames(2)
    pointer = next(each for each in wearer.report()["pointers"] if each["handedness"] == side)
    wearer.hold(side, 2 * place - np.array(pointer["tip"]), (0, 0, -1))
    wearer.frames(2)


def world(at_mm: tuple[float, float, float]) -> Vec:
    """Metres in the room of a place of the patient."""
    return np.asarray((WORLD_FROM_PATIENT @ [*at_mm, 1.0])[:3]) / 1000


def test_landmarks_touched_with_a_controller_bring_the_anatomy_onto_the_patient(wearer: Wearer, stage: Theatre) -> None:
    fresh = guidance().landmarks
    waiting = tuple(each.model_copy(update={"state": "waiting", "off_mm": None}) for each in fresh)
    stage.set(step="register", next="Touch the landmarks.", landmarks=waiting, headsets=())
    wearer.until("r.guide.words.startsWith('Beside the patient')")
    if wearer.report()["panel"]["place"] == "away":
        wearer.press("left", "x-button")
        wearer.frames()
        wearer.release("left", "x-button")
    for identifier, _name, at_mm, use in LANDMARKS:
        if use == "check":
            continue
        wearer.click(f"landmark-{identifier}")
        tip_to(wearer, "right", world(at_mm))
        wearer.press("right")
        wearer.until(f"r.guide.landmark !== '{identifier}'")
        wearer.release("right")
        wearer.rest()
    for ask in stage.asks("touch"):
        assert len(ask.points_mm) >= 8
    wearer.click("register-headset")
    wearer.until("r.guide.onPatient")
    assert stage.asks("solve")[0].headset
    # The page's anatomy stands in the room where the touched landmarks were.
    headset_from_patient = np.reshape(wearer.state("scene.headset_from_patient"), (4, 4))
    for _identifier, _name, at_mm, _use in LANDMARKS:
        drawn = (wearer.anatomy() @ headset_from_patient @ [*at_mm, 1.0])[:3]
        assert drawn == pytest.approx(world(at_mm), abs=0.002)
    assert "not verified" in wearer.report()["guide"]["words"]
    stage.set(step="guide", next="", landmarks=fresh)


def test_over_the_patient_everything_goes_with_the_reference_and_comes_back_with_it(
    wearer: Wearer, stage: Theatre
) -> None:
    stage.place_headset(np.linalg.inv(WORLD_FROM_PATIENT))
    wearer.until("r.guide.onPatient && r.guide.anatomy && r.guide.hud.some((text) => /[0-9]/.test(text))")
    stage.faults.reference_lost = True
    wearer.until("!r.guide.anatomy")
    report = wearer.report()["guide"]
    assert not any(re.search(r"\d", text) for text in report["hud"])
    assert report["words"].startswith("Hidden: the reference on the patient is not tracked")
    stage.faults.reference_lost = False
    wearer.until("r.guide.anatomy")


@pytest.mark.slow
def test_over_the_patient_a_silent_tracker_hides_the_anatomy_though_nothing_says_so(
    wearer: Wearer, stage: Theatre
) -> None:
    stage.place_headset(np.linalg.inv(WORLD_FROM_PATIENT))
    stage.faults.silent = True
    wearer.until("!r.guide.anatomy && r.guide.words.startsWith('Hidden: the device is silent')")


@pytest.mark.slow
def test_an_alarm_hangs_before_the_eyes_and_one_press_takes_the_overlay_away(wearer: Wearer, stage: Theatre) -> None:
    stage.place_headset(np.linalg.inv(WORLD_FROM_PATIENT))
    stage.alarm(alert("high", "Inside: Tumour -3.0 ± 0.8 mm, tip"))
    wearer.until("r.guide.alarm === 'Alarm: Inside: Tumour -3.0 ± 0.8 mm, tip' && r.guide.anatomy")
    for is_seen in ("!r.guide.anatomy", "r.guide.anatomy"):
        wearer.press("right", "b-button")
        wearer.frames(2)
        wearer.release("right", "b-button")
        wearer.until(is_seen)


@pytest.mark.slow
def test_an_end_of_the_way_is_carried_by_hand_and_asked_for(wearer: Wearer, stage: Theatre) -> None:
    stage.place_headset(np.linalg.inv(WORLD_FROM_PATIENT))
    wearer.until("r.guide.anatomy && r.guide.ways.length === 2")
    _entry, target = (np.array(end) for end in wearer.report()["guide"]["ways"])
    tip_to(wearer, "right", target)
    wearer.press("right")
    wearer.frames(2)
    tip_to(wearer, "right", np.add(target, [0.01, 0, 0]))
    wearer.release("right")
    wearer.frames(3)
    wearer.play()
    (ask,) = stage.asks("trajectory")
    before = next(each for each in guidance().trajectories if each.id == ask.id)
    assert ask.entry_mm == pytest.approx(before.entry_mm)
    assert np.subtract(ask.target_mm, before.target_mm) == pytest.approx([10, 0, 0], abs=1)


@pytest.mark.slow
def test_margins_warnings_and_moved_tissue_are_set_from_the_panel_and_a_place_is_shown_on_the_slice(
    wearer: Wearer, stage: Theatre
) -> None:
    stage.place_headset(np.linalg.inv(WORLD_FROM_PATIENT))
    wearer.until("r.guide.anatomy")
    wearer.click("margins")
    wearer.click("margin-safety")  # a press in the middle of its slider
    wearer.click("sides-safety")
    wearer.click("side-3")
    wearer.play()
    until(lambda: any(ask.toward_mm is not None for ask in stage.asks("margin")))
    whole, side = (stage.asks("margin")[n] for n in (0, -1))
    assert (whole.margin, whole.distance_mm, whole.toward_mm) == ("safety", 5.0, None)
    assert side.toward_mm is not None
    wearer.click("back")
    wearer.click("back")
    wearer.click("warnings")
    wearer.click(f"bands-{guidance().structures[0].node}")
    wearer.click("band-near_mm")
    wearer.play()
    until(lambda: len(stage.asks("bands")) > 0)
    assert stage.asks("bands")[-1].bands.near_mm == 7.5
    wearer.click("tab-slice")
    wearer.click("plane-axial")
    wearer.frames(3)
    wearer.click("tab-guide")
    wearer.click("tissue")
    wearer.click("retouch")
    wearer.aim("right", wearer.report()["slice"]["position"])
    wearer.press("right")
    wearer.frames(2)
    wearer.release("right")
    wearer.play()
    until(lambda: len(stage.asks("retouch")) > 0)
    (ask,) = stage.asks("retouch")
    headset_from_patient = np.reshape(wearer.state("scene.headset_from_patient"), (4, 4))
    pointed = (wearer.anatomy() @ headset_from_patient @ [*ask.scan_mm, 1.0])[:3]
    assert pointed == pytest.approx(wearer.report()["slice"]["position"], abs=0.005)
    assert wearer.control("retouch")["on"] is False
