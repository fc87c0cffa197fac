"""A person in an emulated headset: head, controllers and hands moved by a script, in real Chromium.

IWER (Meta's WebXR emulator) stands in for the device. Everything is done as a person would: poses are set, buttons
pressed, and what happened is read from `sightline.xr.report()`, which cannot act, and from pixels.
"""

from __future__ import annotations

import base64
import functools
import http.server
import math
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import ConsoleMessage, Page, Request

from tests.e2e.chromium import PAGE

Vec = npt.NDArray[np.float64]

INSTALL = """
(() => {
  const device = new IWER.XRDevice(IWER.metaQuest3, { stereoEnabled: true });
  device.installRuntime({ forceInstall: true, polyfillLayers: false });
  device.position.set(0, 1.6, 0);
  device.fovy = 1.3;
  window.device = device;
  const things = (path) => path.reduce((thing, name) => thing[name], device);
  const frame = () => new Promise((resolve) => {
    const session = window.sightline.stage.renderer.xr.getSession();
    if (session === null) return resolve();
    session.addEventListener("end", resolve, { once: true });
    // Asked for after the page's own callback: it runs when the page has taken its step.
    session.requestAnimationFrame(resolve);
  });
  const acts = {
    pose: (path, p, q) => { things(path).position.set(...p); things(path).quaternion.set(...q); },
    button: (side, button, value) => device.controllers[side].updateButtonValue(button, value),
    pinch: (side, value) => device.hands[side].updatePinchValue(value),
    stick: (side, x, y) => device.controllers[side].updateAxes("thumbstick", x, y),
    input: (mode) => { device.primaryInputMode = mode; },
    frame,
  };
  window.act = async (steps) => { for (const [name, ...rest] of steps) await acts[name](...rest); };
})();
"""

EYES_M = np.array([0.0, 1.6, 0.0])
REST_M = {"left": np.array([-0.22, 1.2, -0.25]), "right": np.array([0.22, 1.2, -0.25])}


CONTENT_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".woff2": "font/woff2"}


class _ClientFiles(http.server.SimpleHTTPRequestHandler):
    """`/` is the page, `/page/…` the built files, as the product serves them."""

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """Types by ending; the machine's own table may lack a font's."""
        return CONTENT_TYPES[Path(path).suffix]

    def translate_path(self, path: str) -> str:
        name = path.split("?")[0].split("#")[0].removeprefix("/page")
        return super().translate_path(name if name != "/" else "/index.html")

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not news."""


@contextmanager
def client_server() -> Iterator[str]:
    """Serves the built client on a free port; yields its address."""
    handler = functools.partial(_ClientFiles, directory=str(PAGE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def looking(direction: Sequence[float] | Vec, up: Sequence[float] = (0.0, 1.0, 0.0)) -> list[float]:
    """The quaternion (x, y, z, w) that turns -Z along `direction` and keeps +Y towards `up`."""
    back = -np.asarray(direction, dtype=float)
    back /= np.linalg.norm(back)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    return quaternion(np.column_stack([right, np.cross(back, right), back]))


def quaternion(rotation: Vec) -> list[float]:
    """Quaternion (x, y, z, w) of a rotation matrix."""
    w = math.sqrt(max(0.0, 1 + np.trace(rotation))) / 2
    if w > 1e-3:
        x, y, z = (rotation[[2, 0, 1], [1, 2, 0]] - rotation[[1, 2, 0], [2, 0, 1]]) / (4 * w)
        return [float(x), float(y), float(z), w]
    values, vectors = np.linalg.eigh((rotation + rotation.T) / 2)
    axis = vectors[:, int(np.argmax(values))]
    return [*map(float, axis), 0.0]


class Wearer:
    """Someone who wears the headset: looks, points, presses.

    What is done is written down and played in one go when something is read: a browser that draws in software answers
    a question only between two frames.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hands_tracked = False
        self._steps: list[list[Any]] = []

    # Time

    def frames(self, count: int = 1) -> None:
        """Lets `count` whole frames pass: what was set takes effect in the next one."""
        self._steps += [["frame"]] * count

    def play(self) -> None:
        """Does what was written down."""
        steps, self._steps = self._steps, []
        if steps:
            self.page.evaluate("(steps) => window.act(steps)", steps)

    def until(self, condition: str) -> None:
        """Waits for a JavaScript condition on `r`, the report."""
        self.play()
        self.page.wait_for_function(
            f"() => {{ const r = window.sightline.xr.report(); return {condition}; }}", timeout=20_000
        )

    # Reading

    def report(self) -> Any:
        """What goes on in the headset, or None outside."""
        self.play()
        return self.page.evaluate("() => window.sightline.xr.report()")

    def state(self, path: str) -> Any:
        """A part of the page's state, e.g. `view.window`."""
        self.play()
        return self.page.evaluate(f"() => window.sightline.store.get().{path}")

    def anatomy(self) -> Vec:
        """World from patient group, 4x4."""
        return np.array(self.report()["worldFromPatient"]).reshape(4, 4).T

    def control(self, name: str, panel: str = "panel") -> Any:
        """A control of a panel as it stands in the room."""
        return next(each for each in self.report()[panel]["controls"] if each["id"] == name)

    def sees(self) -> npt.NDArray[np.uint8]:
        """What both eyes are shown, left beside right: rows from the top, RGBA as the display gets them."""
        self.play()
        width, height, encoded = self.page.evaluate(
            """() => new Promise((resolve) => {
              const { renderer } = window.sightline.stage;
              // Asked for after the page's own frame callback, so that it runs when the frame has been drawn.
              renderer.xr.getSession().requestAnimationFrame(() => {
                const gl = renderer.getContext();
                const [width, height] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
                const bytes = new Uint8Array(width * height * 4);
                gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
                let text = "";
                const step = 32768;
                for (let i = 0; i < bytes.length; i += step)
                  text += String.fromCharCode(...bytes.subarray(i, i + step));
                resolve([width, height, btoa(text)]);
              });
            })"""
        )
        rows = np.frombuffer(base64.b64decode(encoded), dtype=np.uint8).reshape(height, width, 4)
        return np.flipud(rows)

    def pixel(self, image: npt.NDArray[np.uint8], point: Vec) -> npt.NDArray[np.uint8]:
        """The pixel of the left eye in which a world point is seen."""
        head = np.array(self.report()["head"]).reshape(4, 4).T
        ipd_m, fovy = self.page.evaluate("() => [window.device.ipd, window.device.fovy]")
        x, y, z = (np.linalg.inv(head) @ [*point, 1.0])[:3] + np.array([ipd_m / 2, 0.0, 0.0])
        height, width = image.shape[0], image.shape[1] // 2
        focal_px = height / 2 / math.tan(fovy / 2)
        row, column = int(height / 2 - focal_px * y / -z), int(width / 2 + focal_px * x / -z)
        return np.asarray(image[row, column], dtype=np.uint8)

    # Moving

    def enter(self, mode: str) -> None:
        """Presses the page's button and waits until the panel stands there."""
        self.play()
        self.page.get_by_role("button", name=f"Enter {mode.upper()}").click()
        self.until("r !== null && r.panel.scale > 0")

    def leave(self) -> None:
        """Ends the session from outside, as taking the headset off does."""
        self.play()
        self.page.evaluate("() => window.sightline.xr.leave()")
        self.until("r === null")

    def look(self, eyes: Vec, direction: Sequence[float] | Vec) -> None:
        """Puts the head somewhere, looking somewhere."""
        self._pose([], eyes, looking(direction))

    def fingertip(self, side: str, path: Sequence[Vec], direction: Sequence[float] | Vec) -> None:
        """Leads the tip of the index finger along `path`, the hand pointing along `direction`."""
        self.hold(side, REST_M[side], direction)
        self.frames()
        pointer = next(each for each in self.report()["pointers"] if each["handedness"] == side)
        reach = np.array(pointer["tip"]) - REST_M[side]
        for place in path:
            self.hold(side, place - reach, direction)
            self.frames()

    def rest(self) -> None:
        """Both hands low and straight ahead, nothing pressed, head at the start."""
        self.look(EYES_M, (0, 0, -1))
        for side, place in REST_M.items():
            self.release(side)
            self.hold(side, place, (0, -0.6, -1))
        self.frames()

    def hold(
        self, side: str, place: Sequence[float] | Vec, direction: Sequence[float] | Vec, up: Sequence[float] = (0, 1, 0)
    ) -> None:
        """Puts a hand at `place`, its ray along `direction`."""
        self._pose(self._hand(side), np.asarray(place, dtype=float), looking(direction, up))

    def aim(self, side: str, target: Sequence[float] | Vec, frm: Sequence[float] | Vec | None = None) -> None:
        """Points a ray at `target`."""
        start = np.asarray(REST_M[side] if frm is None else frm, dtype=float)
        self.hold(side, start, np.asarray(target, dtype=float) - start)

    def press(self, side: str, button: str = "trigger") -> None:
        """Presses a button: `trigger` (a pinch, with hands), `squeeze`, `a-button`…"""
        self._button(side, button, 1)

    def release(self, side: str, button: str | None = None) -> None:
        """Lets go of one button, or of all."""
        for each in (button,) if button else ("trigger", "squeeze"):
            self._button(side, each, 0)

    def stick(self, side: str, x: float, y: float) -> None:
        """Pushes the thumbstick; y is negative when pushed forward, as gamepads count."""
        self._steps.append(["stick", side, x, y])

    def use_hands(self) -> None:
        """Puts the controllers down."""
        self._input("hand")

    def use_controllers(self) -> None:
        """Takes the controllers up."""
        self._input("controller")

    def click(self, name: str, side: str = "right", panel: str = "panel") -> None:
        """Points at a control and presses it, a whole press."""
        self.aim(side, self.control(name, panel)["centre"])
        self.frames()
        self.press(side)
        self.frames()
        self.release(side)
        self.frames()

    def _input(self, mode: str) -> None:
        self._steps.append(["input", mode])
        self.hands_tracked = mode == "hand"
        self.frames(2)

    def _hand(self, side: str) -> list[str]:
        return ["hands" if self.hands_tracked else "controllers", side]

    def _pose(self, thing: list[str], place: Sequence[float] | Vec, turn: Sequence[float]) -> None:
        self._steps.append(["pose", thing, [float(each) for each in np.asarray(place)], list(turn)])

    def _button(self, side: str, button: str, value: int) -> None:
        if not self.hands_tracked:
            self._steps.append(["button", side, button, value])
        elif button == "trigger":
            self._steps.append(["pinch", side, value])


class Watch:
    """What must not happen on the page: console errors, page errors, requests to anyone else."""

    def __init__(self, page: Page, origin: str) -> None:
        self.faults: list[str] = []
        self._origin = origin
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "GPU stall due to ReadPixels" not in message.text:
            self.faults.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "blob:", "data:")):
            self.faults.append(f"foreign request: {request.url}")
