"""What happens in a headset, told frame by frame; run by `tests.xr.monado` in a process of its own.

    python -m tests.xr.scenarios NAME FOLDER

Each writes `result.json`, and pixels as `eyes.npy`, into its folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.view_address import parse_address
from engine.app.view_client import ViewClient
from engine.app.view_command import font_file
from engine.app.view_feed import Feed
from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks
from engine.core.unknown import Why
from engine.xr.guided import Touched
from tests.e2e.console_server import Console, console_server
from tests.xr.guiding import ENTITY, HIGH, TIP_MM, Guiding
from tests.xr.remote import Controller, Remote, put

#: Where the head stands in every scenario that scripts it.
HEAD_M = (0.3, 1.6, 0.2)
#: Left, right, up, down of each eye.
EYE_FOVS_RAD = ((-0.40, 0.30, 0.24, -0.36), (-0.30, 0.40, 0.24, -0.36))
EYE_ASIDE_M = 0.032
#: How far one hand carries the anatomy.
CARRIED_M = np.array([0.12, 0.0, 0.0])
TOOL_M_PER_S = 0.4
#: What each frame tells the script; a script ends when it returns.
Script = Generator[None, Any, None]
PATIENCE_FRAMES = 200
#: The nodule of the console's scene, in the anatomy's own metres: left, up, towards the eyes.
NODULE_M = np.array([0.040, 0.012, 0.010])
#: Where the patient "lies" in the headset's world: before the head, turned a little.
_TURN_RAD = 0.3
PLACE = np.array(
    [
        [np.cos(_TURN_RAD), 0, np.sin(_TURN_RAD), HEAD_M[0]],
        [0, 1, 0, HEAD_M[1] - 0.2],
        [-np.sin(_TURN_RAD), 0, np.cos(_TURN_RAD), HEAD_M[2] - 0.8],
        [0, 0, 0, 1],
    ]
)
#: The probe's tip in the anatomy's own metres: left, up, towards the eyes.
TIP_M = np.array([TIP_MM[0], TIP_MM[2], -TIP_MM[1]]) / 1e3
#: Of a right hand that holds nothing, away from all that could be pointed at.
ASIDE_M = (1.5, 0.5, 1.0)

Told = dict[str, Any]


def until(happened: Callable[[Any], Any], what: str, patience: int = PATIENCE_FRAMES) -> Generator[None, Any, Any]:
    """Frames pass until something has happened; the frame in which it had."""
    for _ in range(patience):
        frame = yield
        if happened(frame):
            return frame
    raise AssertionError(f"never: {what}")


def frames(count: int) -> Generator[None, Any, Any]:
    """So many frames pass; the last of them."""
    frame = None
    for _ in range(count):
        frame = yield
    return frame


class Stage:
    """A served scene and a headset that follows it."""

    def __init__(self, console: Console, folder: Path) -> None:
        self.console = console
        self.folder = folder
        self.feed = Feed()
        self.client = ViewClient(parse_address(console.address), None, self.feed)
        self.told: Told = {}
        self.layer: Any = None
        self._wants_photo = False
        self._photo: list[Any] = []

    def photo(self, name: str) -> Generator[None, Any, Any]:
        """Both eyes of the next frame, into a file."""
        self._photo, self._wants_photo = [], True
        frame = yield
        self._wants_photo = False
        np.save(self.folder / f"{name}.npy", np.stack(self._photo[:2]))
        return frame

    def _camera(self) -> None:
        """Reads eyes where they are painted, while somebody wants it."""
        from engine.xr import viewing
        from engine.xr.renderer import Renderer

        paint = Renderer.paint

        def painting(renderer: Any, into: Any, *rest: Any) -> None:
            paint(renderer, into, *rest)
            if self._wants_photo:
                self._photo.append(viewing._pixels(into, is_srgb=True))

        setattr(Renderer, "paint", painting)  # noqa: B010 mypy takes no method for one

    def play(self, script: Script, *, keep_eyes: bool = False) -> None:
        """Show the scene until the script has ended."""
        from engine.xr.viewing import ViewOptions, view

        self._camera()
        next(script)
        is_over = threading.Event()

        def watch(frame: Any) -> None:
            if self.feed.failure is not None:
                raise self.feed.failure
            try:
                if not is_over.is_set():
                    script.send(frame)
            except StopIteration:
                is_over.set()

        self.client.start()
        try:
            report = view(self.feed, ViewOptions(keep_eyes=keep_eyes, font_file=font_file()), is_over.is_set, watch)
        finally:
            self.client.stop()
        self.told |= report.as_json()
        if keep_eyes:
            np.save(self.folder / "eyes.npy", np.stack(report.eyes))

    def whole(self) -> Generator[None, Any, Any]:
        """Until every surface is there as fine as it will be, and the slices."""
        wanted = 4
        yield from until(lambda frame: len(frame.room.shown) == wanted, "all structures")
        return (yield from frames(12))


def standing(console: Console) -> Remote:
    """A head that stands still, and no hands."""
    remote = Remote()
    remote.state.left.active = remote.state.right.active = False
    remote.state.left.hand_tracking_active = remote.state.right.hand_tracking_active = False
    remote.look(HEAD_M)
    return remote


def picture(stage: Stage) -> None:
    """A head that stands still looks at the scene, with eyes that see farther outwards than towards the nose."""
    _looked_at(stage, frames(1))


def silence(stage: Stage) -> None:
    """The same, and then the server says nothing any more: neither of a tool, nor at all."""
    told, thaw = stage.told, list[threading.Event]()

    def falling_silent() -> Generator[None, Any, Any]:
        from tests.e2e.test_session import tracking

        with tracking(stage.console) as tracker:
            told["said"] = []
            frame = yield
            for n in range(4 * PATIENCE_FRAMES):
                if n < 30 or not told["said"]:
                    tracker.move_to(60.0 + n / 100, 0.0, 0.0)
                frame = yield
                told["said"] += [[tool.opacity, list(frame.labels)] for tool in frame.tools.values()]
                if told["said"] and not frame.tools:
                    break
        told["strength_before"] = frame.strength
        thaw.append(stage.console.freeze())
        frame = yield from until(lambda frame: frame.strength < 1, "what stands still fades", 5 * PATIENCE_FRAMES)
        told["strength_after"], told["silent_s"] = frame.strength, stage.feed.silence_s()
        yield from frames(3)

    _looked_at(stage, falling_silent())
    thaw.pop().set()


def _looked_at(stage: Stage, then: Generator[None, Any, Any]) -> None:
    def script() -> Script:
        yield
        remote = standing(stage.console)
        _eyes(remote)
        yield from until(lambda frame: np.allclose(_head(frame), HEAD_M, atol=1e-4), "the head is there")
        frame = yield from frames(1)
        frame.room.come_here()
        yield from stage.whole()
        yield from then
        remote.close()

    stage.play(script(), keep_eyes=True)


def additive(stage: Stage) -> None:
    """The same by a headset of its own, which does not move."""

    def script() -> Script:
        yield
        yield from stage.whole()

    stage.play(script(), keep_eyes=True)


def see_through(stage: Stage) -> None:
    """A headset that offers alpha blending, of its own word."""
    from engine.xr.openxr import bindings

    bindings()
    from tests.xr.blend_layer import NAME, BlendLayer

    layer = BlendLayer((3, 2, 1))
    os.environ["XR_ENABLE_API_LAYERS"] = NAME
    additive(stage)
    stage.told["submitted"] = sorted(set(layer.submitted))


def hands(stage: Stage) -> None:
    """Controllers take, turn, scale and point; the server goes away and comes back meanwhile."""
    told = stage.told

    def script() -> Script:
        yield
        remote = standing(stage.console)
        right, left = remote.state.right, remote.state.left
        frame = yield from stage.whole()
        middle = frame.room.world_bounds.centre

        # One hand takes the anatomy and carries it 12 cm to the right and a quarter turn about the upright.
        _hold(right, middle, squeeze=True)
        remote.send()
        frame = yield from until(lambda frame: frame.room.holding == ("right",), "the right hand holds")
        told["before"] = _placement(frame)
        quarter = (0.0, float(np.sqrt(0.5)), 0.0, float(np.sqrt(0.5)))
        put(right.pose, middle + CARRIED_M, quarter)
        remote.send()
        frame = yield from frames(4)
        told["carried"] = _placement(frame)
        told["grip_moved_m"] = CARRIED_M.tolist()

        # The other hand takes it too, and they move apart to half again the distance.
        here = middle + CARRIED_M
        _hold(left, here - np.array([0.2, 0.0, 0.0]), squeeze=True)
        remote.send()
        yield from until(lambda frame: len(frame.room.holding) == 2, "both hands hold")
        put(left.pose, here - np.array([0.3, 0.0, 0.0]))
        remote.send()
        frame = yield from frames(4)
        told["stretched"] = _placement(frame)
        _let_go(left)
        _let_go(right)
        remote.send()
        yield from until(lambda frame: frame.room.holding == (), "nobody holds")

        # A ray on the panel hides the bone, and shows it again.
        frame = yield from _press(remote, frame, "structure:surface-bone")
        told["shown_after_one_press"] = sorted(frame.room.shown)
        frame = yield from _press(remote, frame, "structure:surface-bone")
        told["shown_after_two"] = sorted(frame.room.shown)

        # A slice is put up, scrolled with the stick and taken by its plate.
        frame = yield from _press(remote, frame, "coronal")
        told["slice_on"] = frame.room.slice.is_on
        before = frame.room.slice.position_m.copy()
        put(right.pose, ASIDE_M)
        right.thumbstick[:] = [0.0, 1.0]
        remote.send()
        frame = yield from frames(10)
        right.thumbstick[:] = [0.0, 0.0]
        remote.send()
        frame = yield from frames(3)
        told["scrolled_m"] = (frame.room.slice.position_m - before).tolist()
        plate = frame.room.slice.position_m.copy()
        _hold(right, plate, squeeze=True)
        remote.send()
        yield from until(lambda frame: frame.room.slice.carrier == "right", "the plate is held")
        put(right.pose, plate + np.array([0.0, 0.05, 0.0]))
        remote.send()
        frame = yield from frames(4)
        told["plate_moved_m"] = (frame.room.slice.position_m - plate).tolist()
        _let_go(right)
        remote.send()
        yield from frames(2)

        # The server goes and comes back, on the same port, as a new run of itself.
        told["fetched_before"] = stage.client.blobs.fetched
        stage.console.stop()
        yield from until(lambda _: stage.feed.status().startswith("Reconnecting"), "the loss is noticed")
        told["drawn_while_away"] = sorted(frame.room.shown)
        stage.console.log.epoch = "epoch-2"
        stage.console.start()
        yield from until(lambda _: stage.feed.status() == "Connected", "the server is back")
        yield from frames(6)
        told["fetched_after"] = stage.client.blobs.fetched
        stage.console.open_scene("scene-2", title="After the break")
        frame = yield from until(lambda frame: frame.room.title == "After the break", "what is new is shown")
        frame = yield from stage.whole()
        told["fetched_at_last"] = stage.client.blobs.fetched

        remote.close()

    stage.play(script())


def correcting(stage: Stage) -> None:
    """A controller paints into the nodule, and takes it back; the hub's own scene is what everybody else sees."""
    told = stage.told

    def volume_ml() -> float:
        scene = stage.console.log.scene
        assert scene is not None
        return next(node.volume_ml for node in scene.nodes if node.id == "surface-nodule" and node.kind == "surface")

    def script() -> Script:
        yield
        remote = standing(stage.console)
        right = remote.state.right
        frame = yield from stage.whole()
        frame = yield from _press(remote, frame, "window")
        frame = yield from _press(remote, frame, "correct")
        frame = yield from _press(remote, frame, "structure:surface-nodule")
        frame = yield from _press(remote, frame, "wider")
        frame.room.come_here()
        frame = yield from frames(2)
        told["width_mm"] = 2e3 * frame.room.brush.radius_m
        told["placed_before"], told["before_ml"] = _placement(frame), volume_ml()

        # The tip goes to the nodule; then the trigger is held while it goes 12 mm on.
        for along_m in (0.0, 0.012):
            goal = NODULE_M + np.array([along_m, 0.0, 0.0])
            frame = yield from _tip_to(remote, frame, goal)
            off_m = frame.room.placement.undo(frame.hands[0].touch_m) - goal
            told.setdefault("ball_off_m", []).append(float(np.linalg.norm(off_m)))
            told.setdefault("shown_ball", []).append(frame.room.ball_m(frame.hands[0]) is not None)
            right.trigger_value, right.trigger_click = 1.0, True
            remote.send()
            frame = yield from frames(6)
        right.trigger_value, right.trigger_click = 0.0, False
        remote.send()
        before_ml = told["before_ml"]
        yield from until(lambda _: volume_ml() > before_ml + 1, "the hub has it", 5 * PATIENCE_FRAMES)
        frame = yield from frames(30)
        told["painted_ml"], told["placed_after"] = volume_ml(), _placement(frame)
        nodule = stage.client.follower.scene
        told["came_back"] = nodule is not None and any(
            node.kind == "surface" and len(node.patches) > 0 for node in nodule.nodes
        )
        frame = yield from _press(remote, frame, "undo")
        painted_ml = told["painted_ml"]
        yield from until(lambda _: volume_ml() < painted_ml - 1, "it is taken back", 5 * PATIENCE_FRAMES)
        told["taken_back_ml"] = volume_ml()

        # What the lung's window shows of a box about the nodule becomes the nodule: it and the lung.
        frame = yield from _press(remote, frame, "by_value")
        taken_back_ml = volume_ml()
        for corner_mm, pull in ((-15.0, 1.0), (15.0, 0.0)):
            frame = yield from _tip_to(remote, frame, NODULE_M + corner_mm / 1e3)
            right.trigger_value, right.trigger_click = pull, pull > 0
            remote.send()
            frame = yield from frames(3)
        yield from until(lambda _: volume_ml() > taken_back_ml + 1, "the hub has the box", 5 * PATIENCE_FRAMES)
        told["by_value_ml"] = volume_ml()
        frame = yield from _press(remote, frame, "looking")
        told["ready_at_last"] = frame.room.brush.is_ready

        # The same tip measures 40 mm.
        frame = yield from _press(remote, frame, "measure")
        for along_m in (-0.02, 0.02):
            frame = yield from _tip_to(remote, frame, NODULE_M + np.array([0.0, along_m, 0.0]))
            right.trigger_value, right.trigger_click = 1.0, True
            remote.send()
            yield from frames(3)
            right.trigger_value, right.trigger_click = 0.0, False
            remote.send()
            frame = yield from frames(3)
        told["lengths"], told["length_labels"] = list(frame.room.panel_view("").lengths), list(frame.labels)
        remote.close()

    stage.play(script())


class PunctualFeed(Feed):
    """What is measured is as old as the script says when a frame is seen, however slow this machine is."""

    late_s = 0.02
    display_s = 0.0
    _now: Any = ((), 0.0)

    def guided(self) -> Any:
        """Asked first in each frame: readings and poses of one sample of the tracker are as old as each other."""
        guided, readings = super().guided()
        self._now = super().tools()
        newest_s = max((each.time_s for each in readings), default=self._now[1])
        self._now = tuple(replace(each, time_s=newest_s) for each in self._now[0]), newest_s
        return guided, readings

    def tools(self) -> Any:
        samples, newest_s = self._now
        return samples, newest_s + self.late_s - self.display_s


def _punctual(stage: Stage) -> PunctualFeed:
    from engine.xr import viewing

    feed = stage.feed = stage.client.feed = PunctualFeed()
    tools = viewing._Viewing._tools

    def at(self: Any, display_s: float) -> Any:
        feed.display_s = display_s
        return tools(self, display_s)

    setattr(viewing._Viewing, "_tools", at)  # noqa: B010 mypy takes no method for one
    return feed


def _state(frame: Any) -> Told:
    """What a frame of a guidance session showed."""
    tool = frame.tools.get(ENTITY)
    return {
        "anatomy": frame.overlay.shown.name,
        "strength": frame.strength,
        "tool": None if tool is None else tool.pattern,
        "tip_m": frame.room.placement.apply(TIP_M).tolist(),
        "read": list(frame.read),
        "words": frame.readout.words,
        "title": frame.readout.title,
        "labels": list(frame.labels),
        "alarms": list(frame.alarms),
        "clip_from_world": [eye.clip_from_world.tolist() for eye in frame.eyes],
    }


def guided(stage: Stage) -> None:
    """A tool beside the anatomy of a closed headset: known, alarming, lost, without its reference, silent."""
    told, guiding, feed = stage.told, Guiding(stage.console), _punctual(stage)

    def script() -> Script:
        yield
        remote = standing(stage.console)
        _eyes(remote)
        guiding.begin()
        with guiding.speaking():
            yield from until(lambda frame: np.allclose(_head(frame), HEAD_M, atol=1e-4), "the head is there")
            frame = yield from frames(1)
            frame.room.come_here()
            yield from stage.whole()
            yield from until(lambda frame: ENTITY in frame.tools and frame.read[0] is not None, "the probe is shown")
            told["verified"] = _state((yield from stage.photo("verified")))
            guiding.why = Why.NO_TOOL
            yield from until(lambda frame: frame.tools[ENTITY].pattern == "dots", "the probe is lost")
            told["stale_tool"] = _state((yield from stage.photo("stale_tool")))
            guiding.why, guiding.reference_why = None, Why.NO_REFERENCE
            yield from until(lambda frame: frame.overlay.why is Why.NO_REFERENCE, "the reference is lost")
            told["no_reference"] = _state((yield from stage.photo("no_reference")))
            guiding.reference_why = None
            yield from until(lambda frame: frame.overlay.shown.name == "VERIFIED", "the reference is back")
        told["by_age"] = []
        for late_s in (0.04, 0.1, 0.2, 0.5, 1.1, 2.5):
            feed.late_s = late_s
            told["by_age"].append([late_s, _state((yield from frames(2)))])
        remote.close()

    stage.play(script())


def guided_over_patient(stage: Stage) -> None:
    """The patient is seen through the display: the anatomy lies where the patient does, and is gone when in doubt."""
    told, guiding, feed = stage.told, Guiding(stage.console), _punctual(stage)
    stage.layer = _see_through()

    def script() -> Script:
        yield
        remote = standing(stage.console)
        _eyes(remote)
        guiding.begin()
        with guiding.speaking():
            yield from stage.whole()
            # Another run of this headset had another world: its place is not believed.
            guiding.place(PLACE, "local", verified=True)
            frame = yield from until(lambda frame: frame.read[:1] != (None,), "the probe is known")
            frame.room.come_here()
            told["lies_untouched"] = frame.room.is_on_patient
            stage.feed.ask(Touched("top", np.zeros((8, 3)), with_hand=False))
            yield from until(lambda _: guiding.asks, "the touch is told")
            guiding.place(PLACE, "local", verified=False)
            yield from until(lambda frame: frame.room.is_on_patient, "it lies on the patient")
            frame = yield from stage.photo("on_patient")
            told["on_patient"], told["lies_at"] = _state(frame), frame.room.placement.world_from_anatomy.tolist()
            guiding.place(PLACE, "local", verified=True)
            yield from until(lambda frame: frame.overlay.shown.name == "VERIFIED", "it was checked")
            told["verified"] = _state((yield from stage.photo("verified")))
            guiding.alarm(HIGH)
            yield from until(lambda frame: frame.alarms, "the alarm is there")
            while not (frame := (yield from stage.photo("alarm"))).alarms[0][1]:
                pass  # it flashes
            told["alarm"] = _state(frame)
            yield from until(lambda frame: frame.pulses > 0, "the alarm is felt")
            guiding.alarm()
            yield from until(lambda frame: not frame.alarms, "the alarm is over")
            told["by_age"] = []
            for late_s in (0.04, 0.1, 0.14, 0.16, 0.2):
                feed.late_s = late_s
                told["by_age"].append([late_s, _state((yield from frames(1)))])
            told["stale_tool"] = _state((yield from stage.photo("stale_tool")))
            feed.late_s = 0.02
            guiding.reference_why = Why.NO_REFERENCE
            yield from until(lambda frame: frame.overlay.why is Why.NO_REFERENCE, "the reference is lost")
            told["hidden"] = _state((yield from stage.photo("hidden")))
        remote.close()

    stage.play(script())


def touching(stage: Stage) -> None:
    """Landmarks are touched with the tip of a controller, and the patient's place is asked for."""
    told, guiding = stage.told, Guiding(stage.console)
    stage.layer = _see_through()

    def script() -> Script:
        yield
        remote = standing(stage.console)
        right = remote.state.right
        guiding.begin()
        with guiding.speaking():
            frame = yield from stage.whole()
            frame = yield from _press(remote, frame, "touch")
            told["touched_m"] = {}
            for _ in range(3):
                wanted = frame.room.touching.wanted
                goal = PLACE[:3, :3] @ wanted.at_m + PLACE[:3, 3]
                for _ in range(3):
                    put(right.pose, np.array(right.pose.position) + goal - frame.hands[0].tip_m)
                    remote.send()
                    frame = yield from frames(3)
                told["touched_m"][wanted.id] = frame.hands[0].tip_m.tolist()
                right.trigger_value, right.trigger_click = 1.0, True
                remote.send()
                frame = yield from until(partial(_has_touched, wanted.id), "it is touched")
                right.trigger_value, right.trigger_click = 0.0, False
                remote.send()
                frame = yield from frames(3)
            frame = yield from _press(remote, frame, "place")
            yield from until(lambda _: any(ask.kind == "solve" for ask in guiding.asks), "it is asked for")
            frame = yield from _press(remote, frame, "touched")
            frame = yield from _press(remote, frame, "overlay")
            told["off"] = frame.strength
            frame = yield from _press(remote, frame, "quiet")
            yield from until(lambda _: guiding.asks[-1].kind == "quiet", "it is asked for")
            told["asked"] = [ask.model_dump() for ask in guiding.asks]
        remote.close()

    stage.play(script())


def _see_through() -> Any:
    """A headset that offers alpha blending, for as long as what is returned is kept."""
    from engine.xr.openxr import bindings

    bindings()
    from tests.xr.blend_layer import NAME, BlendLayer

    layer = BlendLayer((3, 2, 1))
    os.environ["XR_ENABLE_API_LAYERS"] = NAME
    return layer


def _has_touched(landmark: str, frame: Any) -> bool:
    return landmark in frame.room.touching.touched


def _eyes(remote: Remote) -> None:
    """Eyes that see farther outwards than towards the nose."""
    head = remote.state.head
    for view, side, fov in zip(head.views, (-1, 1), EYE_FOVS_RAD, strict=True):
        view.fov[:] = fov
        put(view.pose, (side * EYE_ASIDE_M, 0.0, 0.0))
    head.per_view_data_valid = True
    remote.look(HEAD_M)


def bare_hands(stage: Stage) -> None:
    """No controllers: fingers are tracked, and where they are shown a tool is."""
    told = stage.told

    def script() -> Script:
        yield
        remote = standing(stage.console)
        yield from stage.whole()
        right = remote.state.right
        put(right.pose, (HEAD_M[0] + 0.2, HEAD_M[1] - 0.3, HEAD_M[2] - 0.4))
        right.hand_tracking_active = True
        remote.send()
        frame = yield from until(lambda frame: len(frame.hands) == 1, "a hand is seen")
        (hand,) = frame.hands
        told["side"], told["joints"] = hand.side, None if hand.joints_m is None else hand.joints_m.tolist()
        told["apart_m"] = []
        for curl in (0.0, 0.25, 0.5, 0.75, 1.0):
            right.hand_curl[:] = [curl] * 5
            remote.send()
            frame = yield from frames(3)
            joints = frame.hands[0].joints_m
            told["apart_m"].append(float(np.linalg.norm(joints[5] - joints[10])))

        # The pinch takes the anatomy, carries it, and lets it go.
        middle = frame.room.world_bounds.centre
        wrist = np.array(right.pose.position) + middle - frame.hands[0].world_from_hold[:3, 3]
        right.hand_curl[:] = [0.0] * 5
        put(right.pose, wrist)
        remote.send()
        yield from frames(3)
        right.hand_curl[:] = [1.0] * 5
        remote.send()
        frame = yield from until(lambda frame: frame.room.holding == ("right",), "the pinch holds")
        start, pinched = frame.room.world_bounds.centre, frame.hands[0].world_from_hold[:3, 3]
        put(right.pose, wrist + np.array([0.0, 0.08, 0.05]))
        remote.send()
        frame = yield from frames(4)
        told["pinch_moved_m"] = (frame.room.world_bounds.centre - start).tolist()
        told["hand_moved_m"] = (frame.hands[0].world_from_hold[:3, 3] - pinched).tolist()
        right.hand_curl[:] = [0.0] * 5
        remote.send()
        yield from until(lambda frame: frame.room.holding == (), "the pinch lets go")

        # A tool that a device moves 0.4 m/s to the left of the patient, by way of the hub.
        with _moving_tool(stage.console) as began_s:
            frame = yield from until(lambda frame: len(frame.tools) == 1, "the tool is shown")
            yield from frames(10)
            seen = []
            for _ in range(12):
                frame = yield
                ((_, tool),) = frame.tools.items()
                measured_s = tool.sample.time_s - stage.feed.tools()[1]
                measured_m = TOOL_M_PER_S * (measured_s - began_s)
                moved_m = float(tool.sample.position_m[0]) - measured_m
                seen.append([frame.display_s - measured_s, tool.extrapolated_s, moved_m])
        told["tool"] = seen
        remote.close()

    stage.play(script())


@contextmanager
def _moving_tool(console: Console) -> Iterator[float]:
    """A tracking device of its own; yields when it began, on the clock of `time.monotonic`."""
    from tests.e2e.test_session import Tracker, tracking

    ended, began_s = threading.Event(), time.monotonic()

    def move(tracker: Tracker) -> None:
        while not ended.is_set():
            tracker.move_to(1e3 * TOOL_M_PER_S * (time.monotonic() - began_s), 0.0, 0.0)
            time.sleep(0.005)

    with tracking(console) as tracker:
        thread = threading.Thread(target=move, args=(tracker,), daemon=True)
        thread.start()
        try:
            yield began_s
        finally:
            ended.set()
            thread.join()


def _head(frame: Any) -> Float64:
    return np.asarray(np.mean([eye.position_m for eye in frame.eyes], axis=0))


def _placement(frame: Any) -> Told:
    placement = frame.room.placement
    return {
        "centre_m": frame.room.world_bounds.centre.tolist(),
        "rotation": placement.rotation.tolist(),
        "scale": placement.scale,
    }


def _hold(controller: Controller, at: Float64, *, squeeze: bool) -> None:
    put(controller.pose, at.tolist())
    controller.active = True
    controller.squeeze_force = controller.squeeze_value = 1.0 if squeeze else 0.0


def _tip_to(remote: Remote, frame: Any, goal_m: Float64) -> Generator[None, Any, Any]:
    """The right controller's tip goes to a place in the anatomy, with the turn that it has."""
    pose = remote.state.right.pose
    goal = frame.room.placement.apply(goal_m)
    for _ in range(4):
        put(pose, np.array(pose.position) + goal - frame.hands[0].touch_m, list(pose.orientation))
        remote.send()
        frame = yield from frames(3)
    return frame


def _let_go(controller: Controller) -> None:
    controller.squeeze_force = controller.squeeze_value = 0.0


def _press(remote: Remote, frame: Any, control: str) -> Generator[None, Any, Any]:
    """The right controller points at a control of the panel and pulls its trigger, as the panel's own layout has it."""
    from engine.xr.panel import HEIGHT_MM, WIDTH_MM, controls_of
    from engine.xr.rigid import apply

    room = frame.room
    plates = (
        (room.world_from_panel, controls_of(room.panel_view(""))),
        (room.world_from_readout, room.readout_controls),
    )
    ((world_from_plate, found),) = [
        (plate, each) for plate, controls in plates for each in controls if each.id == control
    ]
    x = found.left_mm + found.width_mm / 2 - WIDTH_MM / 2
    y = HEIGHT_MM / 2 - found.top_mm - found.height_mm / 2
    goal = apply(world_from_plate, (x / 1e3, y / 1e3, 0.0))
    right = remote.state.right
    # The aim leaves the controller at an angle that the runtime decides: turned until it meets what is meant.
    right.active = True
    put(right.pose, (HEAD_M[0], HEAD_M[1] - 0.25, HEAD_M[2] - 0.1))
    remote.send()
    frame = yield from frames(3)
    for _ in range(6):
        (hand,) = [each for each in frame.hands if each.side == "right"]
        wanted = (goal - hand.origin_m) / np.linalg.norm(goal - hand.origin_m)
        turn = _shortest(hand.direction, wanted)
        right.pose.orientation[:] = _product(turn, list(right.pose.orientation))
        remote.send()
        frame = yield from frames(3)
    yield from until(lambda frame: frame.room.hovered == control, f"the ray is on {control}")
    right.trigger_value, right.trigger_click = 1.0, True
    remote.send()
    yield from frames(3)
    right.trigger_value, right.trigger_click = 0.0, False
    remote.send()
    return (yield from frames(3))


def _shortest(a: Float64, b: Float64) -> list[float]:
    """The quaternion (x, y, z, w) that takes a unit vector to another."""
    quaternion = np.array([*np.cross(a, b), 1.0 + float(a @ b)])
    return list(quaternion / np.linalg.norm(quaternion))


def _product(p: list[float], q: list[float]) -> list[float]:
    x, y, z, w = p
    matrix = np.array([[w, -z, y, x], [z, w, -x, y], [-y, x, w, z], [-x, -y, -z, w]])
    return list(matrix @ np.array(q))


def _bring_loopback_up() -> None:
    """A fresh network has its loopback down (netdevice(7)); where it is up, nothing changes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, 0x8913, request))[1]
        if not flags & 1:
            fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    "picture": picture,
    "silence": silence,
    "additive": additive,
    "see_through": see_through,
    "hands": hands,
    "bare_hands": bare_hands,
    "correcting": correcting,
    "guided": guided,
    "guided_over_patient": guided_over_patient,
    "touching": touching,
}


def main(name: str, folder: Path) -> None:
    _bring_loopback_up()
    with console_server(folder) as console:
        console.open_scene()
        stage = Stage(console, folder)
        SCENARIOS[name](stage)
    (folder / "result.json").write_text(json.dumps(stage.told), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]))
    except EnvironmentLacks as error:
        sys.exit(str(error))
