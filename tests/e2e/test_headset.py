"""The headset view in real Chromium with an emulated headset: enter, grab, slice, toggle, measure, leave."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.e2e.chromium import IWER
from tests.e2e.headset import (
    EYES_M,
    INSTALL,
    Vec,
    Watch,
    Wearer,
    client_server,
)

pytestmark = pytest.mark.browser

SIZE = ViewportSize(width=300, height=150)

# The page's own synthetic chest (`?demo`): centre and radii in patient millimetres, Hounsfield units.
# Later ones lie over earlier ones.
CHEST = (
    ((0, 0, 0), (165, 110, 160), 30.0),
    ((78, 5, 5), (52, 72, 112), -820.0),
    ((-80, 5, 5), (56, 74, 114), -820.0),
    ((22, -28, -32), (42, 38, 46), 45.0),
    ((-92, -22, 40), (11, 10, 11), 35.0),
)
HEADSET_FROM_PATIENT = np.array([[1e-3, 0, 0], [0, 0, 1e-3], [0, -1e-3, 0]])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with client_server() as address:
        yield address


@pytest.fixture(scope="module")
def watched(browser: Browser, address: str) -> Iterator[tuple[Page, Watch]]:
    """One page for all tests, and what must not happen on it."""
    page = browser.new_page(viewport=SIZE)
    page.add_init_script(IWER.read_text() + INSTALL)
    watch = Watch(page, address)
    page.goto(f"{address}/?demo")
    page.wait_for_function("() => window.sightline && window.sightline.store.get().drawn.ready === 6")
    page.wait_for_function("() => window.sightline.store.get().volume.state === 'ready'")
    yield page, watch
    page.close()


@pytest.fixture
def wearer(watched: tuple[Page, Watch]) -> Iterator[Wearer]:
    """Someone before the page with the synthetic chest open as it was at first, the headset on, not yet entered."""
    page, watch = watched
    page.evaluate(
        "() => { const { store } = window.sightline;"
        " window.atFirst ??= store.get(); store.update(() => window.atFirst); }"
    )
    wearer = Wearer(page)
    yield wearer
    if wearer.report() is not None:
        wearer.leave()
    page.evaluate("() => { window.device.primaryInputMode = 'controller'; }")
    assert watch.faults == []


@pytest.fixture
def vr(wearer: Wearer) -> Wearer:
    """Inside VR, controllers in hand, at rest."""
    wearer.enter("vr")
    wearer.rest()
    return wearer


def middle(wearer: Wearer) -> Vec:
    return np.asarray(wearer.anatomy()[:3, 3])


def from_patient(wearer: Wearer, point_mm: tuple[float, float, float]) -> Vec:
    """World metres of a patient point."""
    return np.asarray((wearer.anatomy() @ [*(HEADSET_FROM_PATIENT @ point_mm), 1.0])[:3])


def rigid(wearer: Wearer, side: str) -> Vec:
    """Pose of a controller, 4x4."""
    wearer.play()
    p, q = wearer.page.evaluate(
        "(side) => { const c = window.device.controllers[side]; return [[c.position.x, c.position.y, c.position.z],"
        " [c.quaternion.x, c.quaternion.y, c.quaternion.z, c.quaternion.w]]; }",
        side,
    )
    x, y, z, w = q
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, p
    return pose


# Entering


def test_vr_opens_with_the_anatomy_at_true_size_an_arm_ahead_and_a_panel_in_reach(vr: Wearer) -> None:
    report = vr.report()
    assert (report["mode"], report["blend"], report["scale"]) == ("immersive-vr", "opaque", 1)
    ahead = EYES_M - middle(vr)
    assert ahead[2] == pytest.approx(0.9, abs=0.02)
    assert abs(ahead[0]) < 0.01
    assert 0 <= ahead[1] < 0.4
    assert [each["text"] for each in report["tag"]["controls"]] == ["Scale 1:1"]

    panel = report["panel"]
    centre = np.array(panel["centre"])
    arm = EYES_M - centre
    assert panel["place"] == "standing"
    assert 0.6 <= np.linalg.norm(arm) <= 1.2
    assert np.dot(panel["facing"], arm / np.linalg.norm(arm)) > 0.999, "it faces the eyes"
    assert np.degrees(np.arctan2(abs(arm[0]), arm[2])) < 35
    assert np.linalg.norm((centre - middle(vr))[[0, 2]]) > 0.165 + 0.1 * panel["scale"], "it clears the anatomy"

    image = vr.sees()
    nodule = vr.pixel(image, from_patient(vr, (-92, -22, 40))).astype(int)
    assert nodule[0] > nodule[2] + 60, "the nodule is amber"
    half = image.shape[1] // 2
    assert np.abs(image[:, :half].astype(int) - image[:, half:]).max() > 40, "two eyes, two views"


def test_every_control_is_large_enough_for_a_ray_and_for_a_fingertip_where_it_stands(vr: Wearer) -> None:
    for page in ("structures", "slice", "measure", "view"):
        vr.click(f"tab-{page}")
        for control in vr.report()["panel"]["controls"]:
            if control["kind"] == "caption":
                continue
            side_m = min(control["width_m"], control["height_m"])
            away_m = np.linalg.norm(EYES_M - np.array(control["centre"]))
            assert side_m >= 0.022, control["id"]
            assert np.degrees(2 * np.arctan2(side_m / 2, away_m)) >= 2.0, control["id"]


def test_a_recentred_world_brings_anatomy_and_panel_before_the_eyes_again(vr: Wearer) -> None:
    vr.look(np.array([1.0, 1.3, 0.5]), (1, 0, 0))
    vr.frames()
    vr.play()
    vr.page.evaluate("() => window.device.recenter()")
    vr.frames(4)
    head = np.array(vr.report()["head"]).reshape(4, 4).T
    ahead = -head[:3, 2]
    assert np.dot(middle(vr) - head[:3, 3], ahead) == pytest.approx(0.9, abs=0.03)
    assert np.linalg.norm(np.array(vr.report()["panel"]["centre"]) - head[:3, 3]) < 1.2


# Grabbing


@pytest.mark.parametrize(("side", "button"), [("left", "squeeze"), ("right", "trigger")])
def test_a_held_anatomy_goes_with_the_hand_and_keeps_its_size(vr: Wearer, side: str, button: str) -> None:
    vr.aim(side, middle(vr))
    vr.frames()
    hand_before, anatomy_before = rigid(vr, side), vr.anatomy()
    vr.press(side, button)
    vr.frames()
    vr.hold(side, (0.05, 1.3, -0.4), (0.3, 0.1, -1.0), up=(0.3, 1, 0))
    vr.frames()
    motion = rigid(vr, side) @ np.linalg.inv(hand_before)
    np.testing.assert_allclose(vr.anatomy(), motion @ anatomy_before, atol=1e-4)
    vr.release(side, button)
    vr.frames()
    vr.hold(side, (0.5, 1.0, -0.1), (0, 0, -1))
    vr.frames()
    np.testing.assert_allclose(vr.anatomy(), motion @ anatomy_before, atol=1e-4, err_msg="it stays where it was let go")
    assert vr.report()["scale"] == 1


def test_two_hands_scale_and_one_press_brings_true_size_back(vr: Wearer) -> None:
    for side, x in (("left", -0.2), ("right", 0.2)):
        vr.hold(side, (x, 1.4, -0.5), (0, 0, -1))
        vr.frames()
        vr.press(side, "squeeze")
        vr.frames()
    between = np.linalg.inv(vr.anatomy()) @ [0, 1.4, -0.5, 1]
    # The grips sit a little inside the poses that are set; the ratio is theirs.
    for side, x in (("left", -0.4), ("right", 0.4)):
        vr.hold(side, (x, 1.4, -0.5), (0, 0, -1))
    vr.frames()
    report = vr.report()
    assert report["scale"] == pytest.approx(2.0, abs=0.05)
    still = (vr.anatomy() @ between)[:3]
    assert abs(still[0]) < 0.003, "what was between the hands is between them"
    vr.release("left")
    vr.release("right")
    vr.frames()
    assert vr.report()["tag"]["controls"][0]["text"] == f"{report['scale']:.1f}×  to 1:1"
    vr.rest()
    vr.click("true-size", panel="tag")
    vr.until("r.scale === 1")
    vr.frames()  # the plate is written before the anatomy moves
    assert vr.report()["tag"]["controls"][0]["text"] == "Scale 1:1"


def test_the_thumbstick_pushes_what_is_held(vr: Wearer) -> None:
    vr.aim("right", middle(vr))
    vr.frames()
    vr.press("right", "squeeze")
    vr.frames()
    before = np.linalg.norm(middle(vr) - EYES_M)
    vr.stick("right", 0, -1)
    vr.frames(4)
    vr.stick("right", 0, 0)
    assert np.linalg.norm(middle(vr) - EYES_M) > before + 0.02


def test_a_device_menu_takes_the_hands_away_and_the_anatomy_stays(vr: Wearer) -> None:
    vr.aim("right", middle(vr))
    vr.frames()
    vr.press("right", "squeeze")
    vr.frames()
    assert vr.report()["holding"] == 1
    vr.page.evaluate("() => window.device.updateVisibilityState('visible-blurred')")
    vr.frames(3)
    assert vr.report()["holding"] == 0
    vr.page.evaluate("() => window.device.updateVisibilityState('visible')")
    vr.frames()
    vr.play()


def test_a_tap_names_the_structure_and_moves_nothing(vr: Wearer) -> None:
    before = vr.anatomy()
    vr.aim("right", from_patient(vr, (22, -60, -32)), frm=EYES_M + np.array([0.1, -0.2, -0.1]))
    vr.frames()
    vr.press("right")
    vr.frames()
    vr.release("right")
    vr.frames()
    assert vr.report()["named"] == "Heart · 310 ml"
    assert vr.state("selection") == {"kind": "structure", "key": "heart"}
    np.testing.assert_allclose(vr.anatomy(), before, atol=1e-6)


# Slicing


def hounsfield(point_mm: Vec) -> tuple[float, bool]:
    """HU of the synthetic chest, and whether it is the same 12 mm around."""
    around = [point_mm + offset for offset in 12 * np.vstack([np.eye(3), -np.eye(3)])]

    def at(p: Vec) -> float:
        value = -1000.0
        for centre, radius, hu in CHEST:
            if np.sum(((p - centre) / radius) ** 2) <= 1:
                value = hu
        return value

    here = at(point_mm)
    in_spine = abs(point_mm[0]) < 30 and point_mm[1] > 45
    return here, not in_spine and all(at(p) == here for p in around)


def expect_voxels(wearer: Wearer, low: float, high: float) -> int:
    """Compares the slice as the left eye sees it with the chest it was made from; returns the points compared."""
    report, image = wearer.report(), wearer.sees()
    palette, strength = wearer.page.evaluate(
        "() => { const { uPalette, uLabelStrength } = window.sightline.stage.volume.uniforms;"
        " return [[...uPalette.value.image.data.slice(0, 28)], uLabelStrength.value]; }"
    )
    patient_from_world = np.linalg.inv(wearer.anatomy())
    centre, normal = np.array(report["slice"]["position"]), np.array(report["slice"]["normal"])
    across = np.cross(normal, [0.0, 1.0, 0.0] if abs(normal[1]) < 0.9 else [0.0, 0.0, 1.0])
    across = across / np.linalg.norm(across)
    compared = wrong = 0
    for u in np.linspace(-0.13, 0.13, 9):
        for v in np.linspace(-0.13, 0.13, 9):
            world = centre + u * across + v * np.cross(normal, across)
            point_mm = np.linalg.inv(HEADSET_FROM_PATIENT) @ (patient_from_world @ [*world, 1])[:3]
            value, even = hounsfield(point_mm)
            if not even or value == -1000:
                continue
            grey = np.clip((value - low) / (high - low), 0, 1)
            label = {30.0: 1, 45.0: 4}.get(value, 2 if point_mm[0] > 0 else 3)
            red, green, blue, alpha = palette[4 * label : 4 * label + 4]
            share = strength * alpha / 255
            wanted = 255 * grey * (1 - share) + share * np.array([red, green, blue])
            seen = wearer.pixel(image, world)[:3]
            compared += 1
            wrong += not np.allclose(seen, wanted, atol=16)
    # A ray, the stem from the hand or a corner of the plate may lie over a few of them.
    assert wrong <= 0.12 * compared
    return compared


def hide_all(wearer: Wearer) -> None:
    """Nothing but the slice, so that its pixels are its own."""
    wearer.click("tab-structures")
    wearer.click("show-none")
    wearer.rest()


def test_a_slice_standing_on_a_plane_shows_the_voxels_in_the_chosen_window(vr: Wearer) -> None:
    hide_all(vr)
    vr.click("tab-slice")
    vr.click("plane-coronal")
    assert np.dot(vr.report()["slice"]["normal"], [0, 0, 1]) > 0.999
    vr.rest()
    assert expect_voxels(vr, -160, 240) > 20
    vr.click("preset-Lung")
    assert vr.state("view.window.preset") == "Lung"
    vr.rest()
    assert expect_voxels(vr, -1350, 150) > 20


@pytest.mark.parametrize(("plane", "letters"), [("coronal", "LRSI"), ("axial", "APLR"), ("sagittal", "APSI")])
def test_letters_at_the_rim_say_which_way_the_patient_lies(vr: Wearer, plane: str, letters: str) -> None:
    assert vr.report()["letters"] == ""
    vr.click("tab-slice")
    vr.click(f"plane-{plane}")
    vr.frames(2)
    assert vr.report()["letters"] == letters


def test_what_goes_on_outside_is_told_over_the_anatomy(vr: Wearer) -> None:
    assert vr.report()["status"] == ""
    vr.page.evaluate("() => window.sightline.store.update((s) => ({ ...s, connection: 'lost' }))")
    vr.frames(2)
    assert vr.report()["status"] == "Connection lost: what you see may be old"
    vr.page.evaluate("() => window.sightline.store.update((s) => ({ ...s, connection: 'live' }))")
    vr.frames(2)
    assert vr.report()["status"] == ""


def test_a_slice_in_the_hand_follows_it_and_cuts_the_voxels_there(vr: Wearer) -> None:
    hide_all(vr)
    vr.click("tab-slice")
    vr.click("slice")
    assert vr.report()["slice"]["carried"]
    vr.hold("right", (0.2, 1.2, -0.31), (-0.35, 0.25, -0.6))
    vr.frames(3)
    before = vr.report()["slice"]
    assert expect_voxels(vr, -160, 240) > 8
    vr.hold("right", (0.2, 1.2, -0.38), (-0.35, 0.25, -0.6))
    vr.frames(3)
    after = vr.report()["slice"]
    np.testing.assert_allclose(np.subtract(after["position"], before["position"]), [0, 0, -0.07], atol=1e-4)
    assert expect_voxels(vr, -160, 240) > 8
    vr.press("right")
    vr.frames()
    vr.release("right")
    vr.frames()
    assert not vr.report()["slice"]["carried"]
    vr.rest()
    np.testing.assert_allclose(vr.report()["slice"]["position"], after["position"], atol=1e-6)


def test_the_slice_cuts_the_anatomy_open_on_the_side_of_the_eyes_and_only_while_asked(vr: Wearer) -> None:
    vr.click("tab-slice")
    vr.click("plane-coronal")
    heart = from_patient(vr, (22, -60, -32))

    def red() -> int:
        vr.rest()
        r, g, _, _ = (int(each) for each in vr.pixel(vr.sees(), heart))
        return r - g

    opened = red()
    vr.click("cut")
    assert vr.report()["slice"]["cutting"] is False
    assert red() > opened + 25, "the whole heart stands before the slice again"


def test_the_thumbstick_scrolls_a_standing_slice_away_from_the_eyes(vr: Wearer) -> None:
    vr.click("tab-slice")
    vr.click("plane-coronal")
    vr.rest()
    before = vr.report()["slice"]["position"]
    vr.stick("left", 0, -1)
    vr.frames(4)
    vr.stick("left", 0, 0)
    vr.frames()
    moved = np.subtract(vr.report()["slice"]["position"], before)
    assert moved[2] < -0.005
    assert abs(moved[0]) + abs(moved[1]) < 1e-6


def test_a_standing_slice_is_taken_by_its_plate_and_set_down_again(vr: Wearer) -> None:
    vr.click("tab-slice")
    vr.click("plane-coronal")
    vr.rest()
    plate, anatomy = np.array(vr.report()["slice"]["position"]), vr.anatomy()
    vr.aim("left", plate)
    vr.frames()
    vr.press("left", "squeeze")
    vr.frames()
    start = rigid(vr, "left")
    vr.hold("left", start[:3, 3] + np.array([0.0, 0.05, 0.02]), -start[:3, 2])
    vr.frames()
    vr.release("left")
    vr.frames()
    np.testing.assert_allclose(vr.report()["slice"]["position"], plate + np.array([0.0, 0.05, 0.02]), atol=2e-3)
    np.testing.assert_allclose(vr.anatomy(), anatomy, atol=1e-6)


# The panel


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_ray_toggles_a_structure_with_click_and_mark(vr: Wearer, side: str) -> None:
    clicks = vr.report()["clicks"]
    vr.click("structure-heart", side)
    assert vr.state("structures.heart.visible") is False
    assert vr.control("structure-heart")["on"] is False
    assert vr.report()["clicks"] > clicks
    assert any(each["over"] == "structure-heart" for each in vr.report()["pointers"])
    vr.click("structure-heart", side)
    assert vr.state("structures.heart.visible") is True


def test_a_press_that_slips_off_its_button_does_nothing(vr: Wearer) -> None:
    vr.aim("right", vr.control("structure-heart")["centre"])
    vr.frames()
    vr.press("right")
    vr.frames()
    vr.aim("right", vr.control("structure-bone")["centre"])
    vr.frames()
    vr.release("right")
    vr.frames()
    assert vr.state("structures.heart.visible")
    assert vr.state("structures.bone.visible")


def test_a_slider_follows_the_ray(vr: Wearer) -> None:
    slider = vr.control("opacity-bone")
    vr.aim("right", slider["centre"])
    vr.frames()
    vr.press("right")
    vr.frames()
    assert vr.state("structures.bone.opacity") == pytest.approx(0.5, abs=0.05)
    vr.aim("right", np.array(slider["centre"]) + np.array([0.3, 0, 0]))
    vr.frames()
    assert vr.state("structures.bone.opacity") == 1
    vr.release("right")
    vr.frames()


PALM_UP = {"direction": (0, 0.9, -0.43), "up": (0, -0.43, -0.9)}


def test_an_upturned_palm_carries_the_panel_and_a_fingertip_presses_it_once(vr: Wearer) -> None:
    vr.use_hands()
    vr.hold("left", (-0.12, 1.3, -0.36), **PALM_UP)
    vr.hold("right", (0.35, 1.1, -0.2), (0, 0, -1))
    vr.until("r.panel.place === 'wrist'")
    vr.frames(3)
    panel, heart = vr.report()["panel"], np.array(vr.control("structure-heart")["centre"])
    facing = np.array(panel["facing"])
    vr.fingertip("right", [heart + depth_m * facing for depth_m in (0.03, -0.006, -0.012, 0.03)], -facing)
    assert vr.state("structures.heart.visible") is False, "one poke, one press"
    vr.hold("right", (0.35, 1.1, -0.2), (0, 0, -1))
    vr.hold("left", (-0.3, 1.1, -0.3), (0, 0, -1))
    vr.until("r.panel.place === 'away'")


def test_a_pinch_presses_the_wrist_panel_and_one_hand_alone_can_pin_it(vr: Wearer) -> None:
    vr.use_hands()
    vr.hold("left", (-0.12, 1.3, -0.36), **PALM_UP)
    vr.hold("right", (0.35, 1.25, -0.1), (0, 0, -1))
    vr.until("r.panel.place === 'wrist'")
    vr.frames(3)
    vr.aim("right", vr.control("structure-heart")["centre"], frm=(0.3, 1.3, -0.1))
    vr.frames()
    vr.press("right")
    vr.frames()
    vr.release("right")
    vr.frames()
    assert vr.state("structures.heart.visible") is False
    vr.press("left")
    vr.frames()
    vr.release("left")
    vr.frames()
    vr.hold("left", (-0.3, 1.1, -0.3), (0, 0, -1))
    vr.frames(3)
    report = vr.report()
    assert report["panel"]["place"] == "standing"
    assert np.linalg.norm(np.array(report["panel"]["centre"]) - EYES_M) >= 0.6 - 1e-6


@pytest.mark.parametrize(("side", "button", "sign"), [("left", "x-button", -1), ("right", "a-button", 1)])
def test_a_controllers_button_puts_the_panel_away_and_brings_it_to_its_own_side(
    vr: Wearer, side: str, button: str, sign: int
) -> None:
    def tap() -> None:
        vr.press(side, button)
        vr.frames()
        vr.release(side, button)
        vr.frames(3)

    tap()
    assert vr.report()["panel"]["place"] == "away"
    tap()
    assert vr.report()["panel"]["place"] == "standing"
    assert np.sign(vr.report()["panel"]["centre"][0]) == sign


def test_reset_brings_back_place_true_size_and_no_tools(vr: Wearer) -> None:
    start = vr.anatomy()
    vr.click("tab-view")
    vr.click("larger")
    vr.click("face-left")
    vr.click("tab-slice")
    vr.click("plane-axial")
    vr.until("r.scale === 1.25")
    vr.click("reset")
    vr.until("r.scale === 1")
    vr.frames(4)
    np.testing.assert_allclose(vr.anatomy(), start, atol=1e-4)
    assert vr.report()["slice"]["on"] is False


# Measuring


def test_one_hand_measures_a_known_distance_end_after_end(vr: Wearer) -> None:
    vr.click("tab-measure")
    vr.click("ruler")
    for x in (0.30, 0.36):
        vr.hold("right", (x, 1.5, -0.4), (0.5, 0.5, -1))
        vr.frames()
        vr.press("right")
        vr.frames()
        vr.release("right")
        vr.frames()
    (shown,) = vr.report()["ruler"]["shown"]
    assert shown["length_mm"] == pytest.approx(60, abs=0.1)
    (kept,) = vr.state("measurements")
    assert kept["where"] == "headset"


def test_two_hands_measure_the_patient_whatever_the_scale(vr: Wearer) -> None:
    vr.click("tab-view")
    for _ in range(3):
        vr.click("larger")
    vr.until("r.scale > 1.95")
    scale = vr.report()["scale"]
    vr.click("tab-measure")
    vr.click("ruler")
    lengths = []
    for side, x in (("left", -0.3), ("right", 0.3)):
        vr.hold(side, (x, 1.95, -0.2), (0, 1, -0.2))
        vr.frames()
        vr.press(side)
        vr.frames()
    for x in (0.3, 0.4):
        vr.hold("right", (x, 1.95, -0.2), (0, 1, -0.2))
        vr.frames()
        lengths.append(vr.report()["ruler"]["shown"][0]["length_mm"])
    vr.release("left")
    vr.release("right")
    vr.frames()
    assert lengths[1] - lengths[0] == pytest.approx(100 / scale, abs=1)
    assert vr.report()["ruler"]["shown"][0]["length_mm"] == pytest.approx(lengths[1], abs=0.1)


def test_rays_measure_on_the_slice_within_a_millimetre(vr: Wearer) -> None:
    vr.click("tab-slice")
    vr.click("plane-coronal")
    vr.click("tab-measure")
    vr.click("ruler")
    for point_mm in ((-50.0, 0.0, 0.0), (50.0, 0.0, 50.0)):
        vr.aim("right", from_patient(vr, point_mm))
        vr.frames()
        vr.press("right")
        vr.frames()
        vr.release("right")
        vr.frames()
    (shown,) = vr.report()["ruler"]["shown"]
    assert shown["length_mm"] == pytest.approx(np.hypot(100, 50), abs=1)
    assert shown["text"].endswith(" mm")
    assert " ± " in shown["text"]
    vr.click("clear")
    assert vr.report()["ruler"]["shown"] == []


# See-through, leaving


def test_ar_shows_the_anatomy_over_a_clear_background(wearer: Wearer) -> None:
    wearer.enter("ar")
    wearer.rest()
    assert wearer.report()["blend"] == "alpha-blend"
    image = wearer.sees()
    assert wearer.pixel(image, from_patient(wearer, (0, 40, 40)))[3] > 0
    assert (image[: image.shape[0] // 4, :, 3] == 0).all(), "the room above is the person's own"
    assert (image[:, :, 3] == 0).mean() > 0.7


def test_the_page_looks_from_where_it_did_once_the_headset_is_off(wearer: Wearer) -> None:
    eye = """() => { const { camera } = window.sightline.stage;
        return [...camera.position.toArray(), ...camera.quaternion.toArray(), camera.fov]; }"""
    before = wearer.page.evaluate(eye)
    wearer.enter("vr")
    wearer.frames()
    assert not np.allclose(wearer.page.evaluate(eye), before)
    wearer.leave()
    np.testing.assert_allclose(wearer.page.evaluate(eye), before, atol=1e-9)


def test_leaving_by_the_panel_gives_the_page_back_and_the_headset_can_be_entered_again(vr: Wearer) -> None:
    vr.aim("right", middle(vr))
    vr.frames()
    vr.press("right", "squeeze")
    vr.frames()
    vr.hold("right", (0, 1.2, -0.2), (0.2, 0, -1))
    vr.frames()
    vr.release("right")
    vr.frames()
    vr.rest()
    vr.click("leave")
    vr.until("r === null")
    placed = vr.page.evaluate("() => window.sightline.stage.patient.matrix.toArray()")
    np.testing.assert_allclose(np.array(placed).reshape(4, 4), np.eye(4), atol=1e-9)
    vr.enter("ar")
    assert vr.report()["mode"] == "immersive-ar"


def test_an_additive_display_gets_no_dark_panels(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport=SIZE)
    additive = "{ ...IWER.metaQuest3, environmentBlendModes: { 'immersive-ar': 'additive' } }"
    page.add_init_script(IWER.read_text() + INSTALL.replace("IWER.metaQuest3", additive))
    page.goto(f"{address}/?demo")
    page.wait_for_function("() => window.sightline && window.sightline.store.get().drawn.ready > 0")
    wearer = Wearer(page)
    wearer.enter("ar")
    wearer.rest()
    wearer.click("tab-view")
    wearer.rest()
    image, panel = wearer.sees(), wearer.report()["panel"]
    caption = next(each for each in panel["controls"] if each["id"] == "look")
    right = np.cross([0, 1, 0], panel["facing"])
    ground = wearer.pixel(image, np.array(caption["centre"]) + right * caption["width_m"] * 0.42)
    assert ground[:3].max() == 0, "the panel itself is black: light of the room comes through"
    page.close()


def test_without_a_headset_the_reason_is_said_in_plain_words(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{address}/?demo")
    page.wait_for_function("() => window.sightline?.xr?.state.get().vr !== null")
    offer = page.evaluate("() => window.sightline.xr.state.get()")
    assert offer["vr"]["available"] is False
    assert offer["ar"]["available"] is False
    assert "headset's own browser" in offer["vr"]["reason"]
    page.get_by_role("button", name="Enter VR").focus()
    page.keyboard.press("Enter")
    assert page.inner_text("#headset-why") == offer["vr"]["reason"]
    page.close()
