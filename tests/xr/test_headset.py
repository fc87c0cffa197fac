"""The native client in a real OpenXR runtime (Monado), with no display: what its eyes see and its hands do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.xr.freshness import FADED, STALE_AFTER_S
from engine.xr.tool import FADED_OPACITY, LONGEST_EXTRAPOLATION_S
from tests.e2e.command import SIGHTLINE
from tests.e2e.console_server import SHAPES
from tests.xr import monado
from tests.xr.expected import grown, light, overlap, silhouette
from tests.xr.scenarios import EYE_ASIDE_M, EYE_FOVS_RAD, HEAD_M, TOOL_M_PER_S

SIZE_PX = (640, 480)
TWICE = {"OXR_VIEWPORT_SCALE_PERCENTAGE": "200"}
RADII = {key: radii for key, _, radii, _ in SHAPES}
CENTRES = {key: centre for key, centre, _, _ in SHAPES}
#: 0.9 m ahead of the eyes and 0.16 m below them (docs/headset.md).
ANATOMY_M = (HEAD_M[0], HEAD_M[1] - 0.16, HEAD_M[2] - 0.9)

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Pixels]:
    """Report and eyes of a headset that stands still."""
    folder = tmp_path_factory.mktemp("picture")
    return monado.play("picture", folder, more=TWICE), np.load(folder / "eyes.npy")


@pytest.fixture(scope="module")
def silence(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Pixels]:
    """The same, when the server has fallen silent."""
    folder = tmp_path_factory.mktemp("silence")
    return monado.play("silence", folder, more=TWICE), np.load(folder / "eyes.npy")


@pytest.fixture(scope="module")
def additive(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Pixels]:
    folder = tmp_path_factory.mktemp("additive")
    return monado.play("additive", folder, "north_star", TWICE), np.load(folder / "eyes.npy")


@pytest.fixture(scope="module")
def see_through(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Pixels]:
    folder = tmp_path_factory.mktemp("see_through")
    return monado.play("see_through", folder, "simulated", TWICE), np.load(folder / "eyes.npy")


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return monado.play("hands", tmp_path_factory.mktemp("hands"))


@pytest.fixture(scope="module")
def bare_hands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return monado.play("bare_hands", tmp_path_factory.mktemp("bare_hands"))


def expected(key: str, eye: int) -> NDArray[np.bool_]:
    at = (HEAD_M[0] + (-1, 1)[eye] * EYE_ASIDE_M, HEAD_M[1], HEAD_M[2])
    return silhouette(CENTRES[key], RADII[key], ANATOMY_M, at, EYE_FOVS_RAD[eye], SIZE_PX)


def warm(pixels: Pixels) -> NDArray[np.bool_]:
    """Tissue is warmer than the blue of the room."""
    return np.asarray(pixels[..., 0].astype(int) > pixels[..., 2].astype(int) + 6)


@pytest.mark.parametrize("eye", [0, 1], ids=["left", "right"])
def test_each_eye_sees_the_body_where_it_must_stand(picture: tuple[dict[str, Any], Pixels], eye: int) -> None:
    report, eyes = picture
    assert report["blend_mode"] == "OPAQUE"
    body = expected("body", eye)
    assert body.sum() > 15_000
    assert overlap(warm(eyes[eye]), body) > 0.985


@pytest.mark.parametrize("eye", [0, 1], ids=["left", "right"])
def test_what_is_solid_inside_is_seen_through_the_body(picture: tuple[dict[str, Any], Pixels], eye: int) -> None:
    seen = light(picture[1][eye])
    bone = grown(expected("bone", eye) & ~grown(expected("lung_left", eye), 3), -2)
    bare = grown(expected("body", eye), -6) & ~grown(expected("bone", eye) | expected("lung_left", eye), 3)
    assert seen[bone].mean(axis=0).min() > 2.5 * seen[bare].mean(axis=0).min()
    # The lung is redder than the body in front of it.
    lung = grown(expected("lung_left", eye), -4)
    redness = [float(np.divide(*seen[where].mean(axis=0)[[0, 1]])) for where in (lung, bare)]
    assert redness[0] > 1.2 * redness[1]


def test_the_eyes_differ_as_their_distance_wants(picture: tuple[dict[str, Any], Pixels]) -> None:
    _, eyes = picture
    columns = np.arange(SIZE_PX[0])
    seen = [float((warm(eyes[eye]) * columns).sum() / warm(eyes[eye]).sum()) for eye in (0, 1)]
    wanted = [float((expected("body", eye) * columns).sum() / expected("body", eye).sum()) for eye in (0, 1)]
    assert seen == pytest.approx(wanted, abs=0.7)
    # Nearer than infinity, where both would see it in the same direction: it lies more to the right of the left eye.
    along = [np.interp(column + 0.5, (0, SIZE_PX[0]), np.tan(EYE_FOVS_RAD[eye][:2])) for eye, column in enumerate(seen)]
    assert along[0] - along[1] == pytest.approx(2 * EYE_ASIDE_M / 0.9, rel=0.03)


def test_the_runtime_is_told_what_each_eye_was_drawn_with(picture: tuple[dict[str, Any], Pixels]) -> None:
    for eye, told in enumerate(picture[0]["eyes"]):
        assert list(told["fov_rad"].values()) == pytest.approx(EYE_FOVS_RAD[eye], abs=1e-5)
        place = np.array(told["world_from_eye"])[:3, 3]
        assert place == pytest.approx((HEAD_M[0] + (-1, 1)[eye] * EYE_ASIDE_M, *HEAD_M[1:]), abs=1e-4)


def test_frame_timing_is_reported(picture: tuple[dict[str, Any], Pixels]) -> None:
    timing = picture[0]["timing"]
    assert timing["frames"] > 10
    assert timing["period_ms"] > 0
    assert 0 < timing["work_ms"]["mean"] <= timing["work_ms"]["worst"]
    assert timing["missed"] >= 0


@pytest.mark.slow
def test_how_old_a_tool_is_stands_beside_it_while_it_is_faded(silence: tuple[dict[str, Any], Pixels]) -> None:
    report, _ = silence
    # Whole only where a frame takes less than the tool may be old, which drawing in software need not.
    assert FADED_OPACITY in {opacity for opacity, _ in report["said"]} <= {1.0, FADED_OPACITY}
    for opacity, labels in report["said"]:
        if opacity == 1.0:
            assert labels == []
        else:
            assert re.fullmatch(r"Probe: (0\.[1-9]|1\.0) s old", *labels)


@pytest.mark.slow
def test_what_stands_still_fades_two_seconds_after_the_last_word_of_the_server(
    silence: tuple[dict[str, Any], Pixels], picture: tuple[dict[str, Any], Pixels]
) -> None:
    report, faded = silence
    assert report["strength_before"] == 1.0
    assert report["strength_after"] == FADED
    assert STALE_AFTER_S < report["silent_s"] < STALE_AFTER_S + 1.0
    _, fresh = picture
    for eye in (0, 1):
        solid = expected("bone", eye)
        assert light(faded[eye])[solid].mean() < 0.75 * light(fresh[eye])[solid].mean()
        beside = ~expected("body", eye)
        assert np.median(np.abs(light(faded[eye])[beside] - light(fresh[eye])[beside])) == 0


def test_additive_light_shows_outlines_and_no_ground(additive: tuple[dict[str, Any], Pixels]) -> None:
    report, eyes = additive
    assert report["blend_mode"] == "ADDITIVE"
    for eye, told in enumerate(report["eyes"]):
        assert np.array(told["world_from_eye"])[:3, :3] == pytest.approx(np.eye(3), abs=1e-3)
        at = tuple(np.array(told["world_from_eye"])[:3, 3])
        stands = tuple(np.array(report["world_from_anatomy"])[:3, 3])
        fov = tuple(told["fov_rad"].values())
        body = silhouette(CENTRES["body"], RADII["body"], stands, at, fov, SIZE_PX)
        seen = light(eyes[eye]).max(axis=-1)
        inside = grown(body, -6)
        for other in ("lung_left", "bone", "nodule"):
            inside &= ~grown(silhouette(CENTRES[other], RADII[other], stands, at, fov, SIZE_PX), 3)
        rim = body & ~grown(body, -3)
        assert seen[rim].mean() > 4 * seen[inside].mean()
        # Right of the anatomy nothing stands: no light at all is added there.
        beside = np.arange(SIZE_PX[0]) > np.flatnonzero(body.any(axis=0)).max() + 3
        assert seen[:, beside].max() == 0


def test_a_see_through_display_gets_alpha_of_what_is_there_and_none_elsewhere(
    see_through: tuple[dict[str, Any], Pixels],
) -> None:
    report, eyes = see_through
    assert (report["blend_mode"], report["submitted"]) == ("ALPHA_BLEND", [3])
    alpha = eyes[..., 3]
    assert (alpha == 0).mean() > 0.5
    assert (alpha == 255).any()
    assert ((alpha > 20) & (alpha < 235)).any()
    # Premultiplied: no colour is brighter than its alpha lets it be.
    assert (light(eyes).max(axis=-1) <= alpha / 255 + 0.02).all()


def test_one_hand_carries_and_turns_the_anatomy_with_it(hands: dict[str, Any]) -> None:
    before, carried = hands["before"], hands["carried"]
    moved = np.subtract(carried["centre_m"], before["centre_m"])
    assert moved == pytest.approx(hands["grip_moved_m"], abs=1e-3)
    turned = np.array(carried["rotation"]) @ np.array(before["rotation"]).T
    assert turned == pytest.approx(np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]), abs=1e-3)
    assert carried["scale"] == before["scale"] == 1


def test_two_hands_scale_it_by_how_far_they_part(hands: dict[str, Any]) -> None:
    assert hands["stretched"]["scale"] == pytest.approx(1.5, rel=1e-3)


def test_a_structure_is_hidden_and_shown_by_pointing_at_its_row(hands: dict[str, Any]) -> None:
    assert "surface-bone" not in hands["shown_after_one_press"]
    assert len(hands["shown_after_one_press"]) == 3
    assert "surface-bone" in hands["shown_after_two"]


def test_a_slice_is_scrolled_with_the_stick_and_moved_by_its_plate(hands: dict[str, Any]) -> None:
    assert hands["slice_on"]
    assert 0.01 < np.linalg.norm(hands["scrolled_m"]) < 0.16
    assert hands["plate_moved_m"] == pytest.approx([0, 0.05, 0], abs=1e-3)


def test_a_server_that_comes_back_is_followed_again_and_nothing_is_fetched_twice(hands: dict[str, Any]) -> None:
    assert len(hands["drawn_while_away"]) == 4
    assert hands["fetched_before"] > 8
    assert hands["fetched_after"] == hands["fetched_at_last"] == hands["fetched_before"]


def test_a_tip_paints_for_everybody_and_takes_it_back_and_takes_values_in_a_box_and_measures(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    told = monado.play("correcting", tmp_path_factory.mktemp("correcting"))
    assert told["width_mm"] == pytest.approx(15.0)
    assert max(told["ball_off_m"]) < 0.002
    assert told["shown_ball"] == [True, True]
    assert told["placed_before"] == told["placed_after"]  # the trigger painted and moved nothing
    assert told["painted_ml"] > told["before_ml"] + 1
    assert told["came_back"]
    # The scene was told an ellipsoid's volume; a correction counts its voxels.
    assert told["taken_back_ml"] == pytest.approx(told["before_ml"], rel=0.05)
    # A box of 27 ml, in voxels of 0.036.
    assert told["by_value_ml"] == pytest.approx(27, abs=4)
    assert not told["ready_at_last"]
    (length,) = told["lengths"]
    assert re.fullmatch(r"(39|40|41) ± [23] mm", length)
    assert told["length_labels"] == [length]


def test_bare_hands_are_seen_and_pinch_when_their_fingers_curl(bare_hands: dict[str, Any]) -> None:
    assert (bare_hands["side"], len(bare_hands["joints"])) == ("right", 26)
    apart = bare_hands["apart_m"]
    assert apart == sorted(apart, reverse=True)
    assert bare_hands["pinch_moved_m"] == pytest.approx(bare_hands["hand_moved_m"], abs=2e-3)


def test_a_tool_is_drawn_where_it_will_be_when_the_frame_is_seen(bare_hands: dict[str, Any]) -> None:
    seen = np.array(bare_hands["tool"])
    late_s, ahead_s, moved_m = seen.T
    assert late_s.min() > 0
    # Clocks in one machine agree within a few milliseconds of a busy one; 0.4 m/s make two millimetres of five.
    assert ahead_s == pytest.approx(np.minimum(late_s, LONGEST_EXTRAPOLATION_S), abs=0.005)
    assert np.median(np.abs(moved_m - TOOL_M_PER_S * ahead_s)) < 0.002


def test_the_command_shows_a_scene_and_writes_what_it_was_asked_for(tmp_path: Path) -> None:
    from tests.e2e.console_server import console_server

    reason = monado.lack()
    if reason is not None:
        pytest.skip(reason)
    with console_server(tmp_path) as console:
        console.open_scene()
        environment = monado.clean_environment(tmp_path) | monado.runtime("simulated")
        eyes, report = tmp_path / "eyes", tmp_path / "report.json"
        command = [
            str(SIGHTLINE),
            "view",
            console.address,
            "--frames",
            "40",
            "--save-eyes",
            str(eyes),
            "--report",
            str(report),
            "--json",
        ]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert json.loads(ran.stdout) == json.loads(report.read_text(encoding="utf-8"))
    assert json.loads(ran.stdout)["timing"]["frames"] == 40
    assert sorted(path.name for path in eyes.iterdir()) == ["left.png", "right.png"]


def test_without_a_runtime_the_command_says_what_to_install(tmp_path: Path) -> None:
    pytest.importorskip("xr")
    environment = monado.clean_environment(tmp_path) | {
        "XR_RUNTIME_JSON": str(tmp_path / "gone.json"),
        "COLUMNS": "500",
    }
    command = [sys.executable, "-m", "engine.app.cli", "view", "http://127.0.0.1:9/"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 4, ran.stderr
    for words in ("no OpenXR runtime", "SteamVR, Monado or WiVRn", "XR_RUNTIME_JSON", "sightline doctor"):
        assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
