"""Correcting in the headset: a ball at the tip of a controller or finger paints the chosen structure, for everybody."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.e2e.chromium import IWER
from tests.e2e.console_server import Console
from tests.e2e.headset import INSTALL, Vec, Watch, Wearer

pytestmark = pytest.mark.browser

SIZE = ViewportSize(width=300, height=150)
#: The nodule of the console's scene, patient millimetres.
NODULE_MM = np.array([40.0, -10.0, 12.0])


@pytest.fixture
def vr(browser: Browser, console: Console) -> Iterator[Wearer]:
    """Inside VR before the server's scene, the nodule chosen."""
    console.open_scene()
    page = browser.new_page(viewport=SIZE)
    page.add_init_script(IWER.read_text() + INSTALL)
    watch = Watch(page, console.address)
    page.goto(console.address)
    page.wait_for_function("() => window.sightline && window.sightline.store.get().drawn.ready === 4")
    page.wait_for_function("() => window.sightline.store.get().volume.state === 'ready'")
    page.evaluate(
        "() => window.sightline.store.update((s) => ({ ...s, selection: { kind: 'structure', key: 'nodule' } }))"
    )
    wearer = Wearer(page)
    wearer.enter("vr")
    wearer.rest()
    yield wearer
    wearer.leave()
    page.close()
    assert watch.faults == []


def volume_ml(page: Page) -> float:
    found = page.evaluate(
        "() => window.sightline.store.get().scene.nodes.find((n) => n.id === 'surface-nodule').volume_ml"
    )
    assert isinstance(found, float)
    return found


def world(vr: Wearer, at_mm: Vec) -> Vec:
    """World metres of a patient point."""
    headset_from_patient = np.reshape(vr.state("scene.headset_from_patient"), (4, 4))
    return np.asarray((vr.anatomy() @ headset_from_patient @ [*at_mm, 1.0])[:3])


def tip_to(vr: Wearer, side: str, place: Vec) -> None:
    """Brings a controller's tip, or the pinch of a hand, to a place."""
    vr.hold(side, place, (0, 0, -1))
    vr.frames(2)
    pointer = next(each for each in vr.report()["pointers"] if each["handedness"] == side)
    vr.hold(side, 2 * place - np.array(pointer["tip"]), (0, 0, -1))
    vr.frames(2)


def take(vr: Wearer, tool: str) -> None:
    vr.click("tab-correct")
    vr.click(tool)
    vr.rest()


def test_a_tip_paints_while_the_trigger_is_held_and_the_panel_takes_it_back(vr: Wearer) -> None:
    take(vr, "paint")
    assert "Painting Nodule" in vr.control("correcting")["text"]
    before, placed = volume_ml(vr.page), vr.anatomy()
    tip_to(vr, "right", world(vr, np.add(NODULE_MM, (0, -14, 0))))
    vr.press("right")
    vr.frames(2)
    tip_to(vr, "right", world(vr, np.add(NODULE_MM, (0, -24, 0))))
    vr.release("right")
    vr.frames(4)
    vr.play()
    vr.page.wait_for_function(f"() => ({VOLUME})() > {before} + 1")
    vr.page.wait_for_timeout(600)
    painted = volume_ml(vr.page)
    np.testing.assert_allclose(vr.anatomy(), placed)  # the trigger painted and moved nothing
    vr.rest()
    vr.click("undo")  # a whole movement, however many parts it was sent in
    vr.play()
    # The scene was told an ellipsoid's volume; an edit counts its voxels.
    vr.page.wait_for_function(f"() => Math.abs(({VOLUME})() - {before}) < 0.1")
    vr.click("redo")
    vr.play()
    vr.page.wait_for_function(f"() => Math.abs(({VOLUME})() - {painted}) < 0.01")
    assert painted > before


def test_an_eraser_takes_from_the_chosen_structure(vr: Wearer) -> None:
    take(vr, "erase")
    before = volume_ml(vr.page)
    tip_to(vr, "left", world(vr, NODULE_MM))
    vr.press("left")
    vr.frames(2)
    vr.release("left")
    vr.frames(2)
    vr.play()
    vr.page.wait_for_function(f"() => ({VOLUME})() < {before} - 0.5")


def test_values_within_a_box_between_two_places_become_the_chosen_structure(vr: Wearer) -> None:
    take(vr, "by-value")
    assert "its values become Nodule" in vr.control("correcting")["text"]
    assert vr.control("lowest")["text"] == "From -160 HU"
    before = volume_ml(vr.page)
    middle = NODULE_MM * (-1, 1, 1)  # soft tissue all round: there is one lung alone
    tip_to(vr, "right", world(vr, middle - 10))
    vr.press("right")
    vr.frames(2)
    tip_to(vr, "right", world(vr, middle + 10))
    vr.release("right")
    vr.frames(2)
    vr.play()
    vr.page.wait_for_function(f"() => ({VOLUME})() > {before} + 5")
    assert volume_ml(vr.page) - before == pytest.approx(8.0, abs=2.5)  # 20 mm each way, to whole voxels
    vr.rest()
    vr.click("undo")
    vr.play()
    vr.page.wait_for_function(f"() => Math.abs(({VOLUME})() - {before}) < 0.1")


def test_without_a_brush_in_hand_a_trigger_moves_the_anatomy_as_before(vr: Wearer) -> None:
    take(vr, "paint")
    vr.click("tab-correct")
    vr.click("paint")  # once more: laid down
    vr.rest()
    before, placed = volume_ml(vr.page), vr.anatomy()
    tip_to(vr, "right", world(vr, NODULE_MM))
    vr.press("right")
    vr.frames(2)
    vr.hold("right", np.array([0.3, 1.2, -0.2]), (0, 0, -1))
    vr.frames(2)
    vr.release("right")
    vr.frames(2)
    assert np.abs(vr.anatomy() - placed).max() > 0.05
    assert volume_ml(vr.page) == before


VOLUME = "() => window.sightline.store.get().scene.nodes.find((n) => n.id === 'surface-nodule').volume_ml"
