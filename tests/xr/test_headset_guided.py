"""A guidance session in a real OpenXR runtime (Monado): what the eyes see of what is known, in doubt, and lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.xr.readout import number_text
from tests.xr import monado
from tests.xr.expected import light
from tests.xr.guiding import BONE, HIGH, NODULE, SHAFT_MM
from tests.xr.scenarios import HEAD_M, PLACE

SIZE_PX = (320, 240)
NUMBERS = [
    number_text(NODULE.distance_mm, NODULE.error_mm),
    number_text(BONE.distance_mm, BONE.error_mm),
    number_text(30.0, 0.6),
    "0°",
]
PHOTOS = "on_patient", "verified", "alarm", "stale_tool", "hidden"
LOST = "the reference on the patient is not tracked"

Pixels = NDArray[np.uint8]
Told = tuple[dict[str, Any], dict[str, Pixels]]


def played(scenario: str, folder: Any, *photos: str) -> Told:
    told = monado.play(scenario, folder)
    return told, {name: np.load(folder / f"{name}.npy") for name in photos}


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("guided")
    return played("guided", folder, "verified", "stale_tool", "no_reference")


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return played("guided_over_patient", tmp_path_factory.mktemp("over"), *PHOTOS)


def at_px(state: dict[str, Any], eye: int, world_m: NDArray[Any]) -> NDArray[np.float64]:
    """Columns and rows (n, 2) of places of the world (n, 3), by the matrices that the eye was drawn with."""
    clip = np.array(state["clip_from_world"][eye]) @ np.concatenate([world_m.T, np.ones((1, len(world_m)))])
    across, down = (1 + clip[0] / clip[3]) / 2, (1 - clip[1] / clip[3]) / 2
    return np.stack([SIZE_PX[0] * across, SIZE_PX[1] * down], axis=1)


def along_shaft(told: Told, name: str, eye: int) -> NDArray[np.bool_]:
    """Whether the tool is seen, place by place along its shaft: amber, as nothing else beside the anatomy."""
    report, photos = told
    state = report[name]
    start = np.array(state["tip_m"])
    ways = np.concatenate([np.linspace(0.04, 0.2, 60), np.linspace(0.65, 0.97, 120)])[:, None]  # beside the words
    places = start + ways * np.array([0.0, SHAFT_MM[1][2] / 1e3, 0.0])
    columns, rows = np.floor(at_px(state, eye, places)).astype(int).T
    seen = light(photos[name][eye])[rows, columns]
    return np.asarray((seen[:, 0] > 0.08) & (seen[:, 0] > 1.5 * seen[:, 2]))


def test_what_is_known_is_whole_and_its_numbers_read_as_they_were_measured(over: Told) -> None:
    state = over[0]["verified"]
    assert (state["anatomy"], state["strength"], state["tool"], state["alarms"]) == ("VERIFIED", 1.0, "plain", [])
    assert state["read"][1:] == NUMBERS
    assert state["words"] == "Guide the probe"
    assert {"Nodule", "Bone"} <= set(state["labels"])
    for eye in (0, 1):
        assert along_shaft(over, "verified", eye).mean() > 0.95


def test_a_tool_that_is_stale_is_dots_and_has_no_number(over: Told) -> None:
    state = over[0]["stale_tool"]
    assert (state["anatomy"], state["tool"], state["read"][1:]) == ("HIDDEN", "dots", [None] * 4)
    assert "Probe: stale, the last place is too old" in state["labels"]
    for eye in (0, 1):
        seen = along_shaft(over, "stale_tool", eye)
        assert 0.05 < seen.mean() < 0.8
        assert np.count_nonzero(np.diff(seen)) > 5


def test_an_alarm_stands_before_the_eyes_by_shape_word_and_colour_and_is_felt(over: Told) -> None:
    report, photos = over
    assert report["alarm"]["alarms"] == [[HIGH.text, True]]
    for eye in (0, 1):
        red = {
            name: (pixels[eye][..., 0] > 200) & (pixels[eye][..., 1] < 110) & (pixels[eye][..., 2] < 110)
            for name, pixels in photos.items()
        }
        # 7° above where both eyes look.
        ahead_m = HEAD_M + 0.75 * np.array([0.0, np.sin(np.radians(7)), -np.cos(np.radians(7))])
        ((column, row),) = at_px(report["alarm"], eye, ahead_m[None])
        sign = np.s_[int(row) - 10 : int(row) + 11, int(column) - 50 : int(column) + 51]
        assert red["alarm"][sign].sum() > 60
        assert red["verified"][sign].sum() == red["hidden"][sign].sum() == 0


def test_the_anatomy_lies_where_the_patient_was_touched_at_true_size_and_says_how_sure_that_is(over: Told) -> None:
    report, photos = over
    assert report["blend_mode"] == "ALPHA_BLEND"
    assert not report["lies_untouched"]
    np.testing.assert_allclose(report["lies_at"], PLACE, atol=1e-6)
    state = report["on_patient"]
    assert (state["anatomy"], state["read"][0]) == ("AGEING", "±  2 mm")
    assert "On the patient, placed by touch, not verified" in state["labels"]
    for eye in (0, 1):
        assert (disc(photos["on_patient"][eye], state, eye) > 0).mean() > 0.95


def test_over_a_patient_nothing_of_the_anatomy_is_drawn_without_its_reference(over: Told) -> None:
    report, photos = over
    state = report["hidden"]
    assert (state["anatomy"], state["strength"], state["tool"]) == ("HIDDEN", 0.0, None)
    assert state["words"] == f"Hidden: {LOST}"
    assert state["read"][1:] == [None] * 4
    for eye in (0, 1):
        assert disc(photos["hidden"][eye], state, eye).max() == 0


def test_over_a_patient_it_is_gone_when_readings_are_older_than_150_ms(over: Told) -> None:
    shown = [
        (late_s, s["anatomy"], s["tool"], s["strength"], s["read"][1] is not None) for late_s, s in over[0]["by_age"]
    ]
    assert shown == [
        (0.04, "VERIFIED", "plain", 1.0, True),
        (0.1, "VERIFIED", "dashes", 1.0, True),
        (0.14, "AGEING", "dashes", 0.7, True),
        (0.16, "HIDDEN", "dots", 0.0, False),
        (0.2, "HIDDEN", "dots", 0.0, False),
    ]


def test_how_long_it_was_on_is_told_at_the_end_with_the_frames(over: Told) -> None:
    report = over[0]
    assert report["timing"]["frames"] > 10
    assert report["overlay_s"]["on"] > report["overlay_s"]["verified"] > 0
    assert (report["overlay_s"]["off"], report["display_faults"]) == (0.0, 0)


@pytest.mark.slow
def test_beside_the_patient_what_is_in_doubt_is_faded_and_says_why(beside: Told) -> None:
    report, photos = beside
    state = report["verified"]
    assert (state["anatomy"], state["tool"], state["read"]) == ("VERIFIED", "plain", NUMBERS)
    state = report["stale_tool"]
    assert (state["anatomy"], state["tool"], state["read"]) == ("VERIFIED", "dots", [None] * 4)
    assert "Probe: stale, the tool is not tracked" in state["labels"]
    state = report["no_reference"]
    assert (state["anatomy"], state["strength"], state["read"]) == ("STALE", 0.35, [None] * 4)
    assert state["words"] == f"Stale: {LOST}"
    assert {f"stale: {LOST}", "Probe: stale"} <= set(state["labels"])
    for eye in (0, 1):
        changed = np.abs(light(photos["verified"][eye]) - light(photos["no_reference"][eye])).max(axis=-1) > 0.01
        assert changed.sum() > 2000


@pytest.mark.slow
def test_beside_the_patient_everything_ages_by_itself_while_the_tracker_is_silent(beside: Told) -> None:
    shown = [(late_s, s["anatomy"], s["tool"], s["read"][0] is not None) for late_s, s in beside[0]["by_age"]]
    assert shown == [
        (0.04, "VERIFIED", "plain", True),
        (0.1, "VERIFIED", "dashes", True),
        (0.2, "VERIFIED", "dots", False),
        (0.5, "AGEING", "dots", False),
        (1.1, "AGEING", None, False),
        (2.5, "STALE", None, False),
    ]


def disc(pixels: Pixels, state: dict[str, Any], eye: int) -> NDArray[np.uint8]:
    """Alpha of what is seen within 25 pixels of where the patient's middle lies."""
    ((column, row),) = at_px(state, eye, PLACE[:3, 3][None])
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    return np.asarray(pixels[..., 3][np.hypot(columns - column, rows - row) < 25])


@pytest.mark.slow
def test_landmarks_are_touched_with_a_tip_and_what_is_asked_is_pressed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    told = monado.play("touching", tmp_path_factory.mktemp("touching"))
    touches = [ask for ask in told["asked"] if ask["kind"] == "touch"]
    assert [ask["landmark"] for ask in touches] == list(told["touched_m"])
    for ask in touches:
        assert len(ask["points_mm"]) >= 8
        np.testing.assert_allclose(
            np.mean(ask["points_mm"], axis=0) / 1e3, told["touched_m"][ask["landmark"]], atol=2e-3
        )
    assert [ask["kind"] for ask in told["asked"]] == ["touch"] * 3 + ["solve", "quiet"]
    assert told["asked"][3]["headset"] is True
    assert told["off"] == 0.0
