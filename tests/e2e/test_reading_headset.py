"""Everything that can be asked, read in the emulated headset: by rays, sticks and the panel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.e2e.chromium import IWER
from tests.e2e.headset import INSTALL, Wearer
from tests.e2e.kinds_case import BALL_MM, BALL_RADIUS_MM, SKIN_MM, TUBE_MM, kinds_case
from tests.e2e.reading_server import ReadingServer, reading_server
from tests.e2e.reading_wearer import put_on
from tests.e2e.test_reading_kinds import READY, Place, beside

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

#: Over the panel, which a ray from the lap would meet first.
HAND_M = (0.3, 1.6, -0.3)
#: Where a place of the patient is drawn on a pane: millimetres across and down from its middle.
OFF = """([pane, at]) => {
    const cut = window.reading.store.get().cuts[pane];
    const dot = (a, b) => a.reduce((sum, each, axis) => sum + each * b[axis], 0);
    const off = at.map((each, axis) => each - cut.focus_mm[axis]);
    return [dot(off, cut.across), dot(off, cut.down)];
}"""


class HeadsetReader:
    """Who reads with the headset on."""

    def __init__(self, wearer: Wearer) -> None:
        self.page = wearer.page
        self.wearer = wearer

    def at(self, place: Place, pane: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
        self.wearer.play()
        across, down = self.page.evaluate(OFF, [pane, list(place)])
        report = self.wearer.report()["panes"][pane]
        centre, corner = np.array(report["centre"]), np.array(report["corner"])
        up = np.array([0.0, 1.0, 0.0])
        facing = np.array([0.0, 1.6, 0.0]) - centre
        right = np.cross(up, facing)
        right /= np.linalg.norm(right)
        top = np.cross(facing, right)
        top /= np.linalg.norm(top)
        assert float((corner - centre) @ top) == pytest.approx(report["size_m"] / 2, rel=1e-3)
        return np.asarray(centre + (across * right - down * top) / report["mmPerMetre"])

    def go(self, place: Place, volume: str = "now") -> None:
        self.wearer.play()
        self.page.evaluate("([volume, at]) => window.reading.desk.goTo(volume, at)", [volume, list(place)])
        self.wearer.frames(2)

    def press(self, place: Place, pane: int = 0) -> None:
        self.wearer.aim("right", self.at(place, pane), frm=HAND_M)
        for act in (self.wearer.press, self.wearer.release):
            self.wearer.frames()
            act("right")
        self.wearer.frames(2)

    def drag(self, one: Place, two: Place, pane: int = 0) -> None:
        places = [self.at(one, pane), self.at(two, pane)]
        self.wearer.aim("right", places[0], frm=HAND_M)
        self.wearer.frames()
        self.wearer.press("right")
        self.wearer.frames()
        self.wearer.aim("right", places[1], frm=HAND_M)
        self.wearer.frames(2)
        self.wearer.release("right")
        self.wearer.frames(2)

    def choose(self, *names: str) -> None:
        for name in names:
            self.wearer.frames()
            self.wearer.click(name)
        self.wearer.frames()

    def slide_to_end(self, name: str) -> None:
        """To certain: beyond the end of the track."""
        control = self.wearer.control(name)
        self.wearer.aim("right", control["centre"])
        self.wearer.frames()
        self.wearer.press("right")
        self.wearer.frames()
        self.wearer.aim("right", np.array(control["centre"]) + np.array([control["width_m"] / 2, 0.0, 0.0]))
        self.wearer.frames(2)
        self.wearer.release("right")
        self.wearer.frames(2)

    def write(self, text: str) -> None:
        planes = {"small": "abcdefghijklmnopqrstuvwxyz", "signs": "1234567890"}
        for key in text:
            state = next(iter(name for name, keys in planes.items() if key.lower() in keys), "small")
            there = {each["id"] for each in self.wearer.report()["panel"]["controls"]}
            if f"key-{key}" not in there and key != " ":
                self.choose("key-signs" if state == "signs" else "key-signs" if "key-1" in there else "key-shift")
            self.choose("key-space" if key == " " else f"key-{key}")
        self.choose("entry-done")

    def asked(self, task: str) -> None:
        self.wearer.play()
        self.page.wait_for_function("(task) => window.reading.store.get().task === task", arg=task, timeout=60_000)
        self.wearer.frames(2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingServer]:
    folder: Path = tmp_path_factory.mktemp("kinds")
    with reading_server(folder, kinds_case(folder / "case")) as server:
        yield server


@pytest.fixture
def reader(browser: Browser, server: ReadingServer) -> Iterator[HeadsetReader]:
    context = browser.new_context(viewport={"width": 480, "height": 300})
    page = context.new_page()
    page.set_default_timeout(60_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.add_init_script(IWER.read_text() + INSTALL)
    page.goto(f"{server.address}/read/")
    page.get_by_role("button", name="Begin").click()
    for volume in ("now", "before"):
        page.wait_for_function(READY, arg=volume, timeout=60_000)
    reader = HeadsetReader(put_on(page))
    yield reader
    context.close()
    assert faults == []


def test_every_kind_of_task_is_answered_by_ray_and_panel_and_earns_what_it_is_worth(reader: HeadsetReader) -> None:
    wearer, r = reader.wearer, BALL_RADIUS_MM
    tube: Place = (*TUBE_MM, BALL_MM[2])
    reader.go(BALL_MM)
    for place in (BALL_MM, tube):
        reader.press(place)
        reader.slide_to_end("confidence")
    reader.choose("commit")
    reader.asked("diameter")
    # Larger by the stick, then as it was.
    wearer.aim("right", reader.at(BALL_MM), frm=HAND_M)
    wearer.stick("right", 1, 0)
    wearer.frames(20)
    wearer.stick("right", 0, 0)
    assert wearer.state("cuts[0].zoom") > 1.0
    reader.drag(beside(BALL_MM, x=-r), beside(BALL_MM, x=r))
    reader.choose("page", "reset", "page", "commit")
    reader.asked("volume")
    reader.drag(beside(BALL_MM, x=-r), beside(BALL_MM, x=r))
    reader.drag(beside(BALL_MM, y=-r), beside(BALL_MM, y=r))
    reader.drag(beside(BALL_MM, z=-r), beside(BALL_MM, z=r), pane=1)
    reader.choose("take", "commit")
    reader.asked("mean")
    reader.drag(BALL_MM, beside(BALL_MM, x=0.5 * r))
    reader.choose("commit")
    reader.asked("segment")
    wanted = 6.0
    for dz in np.arange(-9.0, 9.1, 3.0):
        radius = round((r**2 - dz**2) ** 0.5)
        for _ in range(int(abs(radius - wanted))):
            reader.choose("brush-more" if radius > wanted else "brush-less")
        wanted = radius
        reader.go(beside(BALL_MM, z=dz))
        reader.press(beside(BALL_MM, z=dz))
    reader.choose("commit")
    reader.asked("box")
    reader.go(BALL_MM)
    reader.drag(beside(BALL_MM, x=-9, y=-9), beside(BALL_MM, x=9, y=9))
    reader.drag(beside(BALL_MM, x=-9, z=-9), beside(BALL_MM, x=9, z=9), pane=1)
    reader.choose("commit")
    reader.asked("classify")
    reader.choose("feature")
    reader.write("21")
    reader.choose("field-next", "category")
    reader.write("3b")
    reader.choose("commit")
    reader.asked("scheme")
    reader.choose("feature")
    reader.write("21")
    reader.choose("field-next", "option-sharp", "field-next", "option-3", "commit")
    reader.asked("report")
    reader.choose("option-round", "field-next", "option-sharp", "commit")
    reader.asked("one")
    reader.choose("option-ball", "commit")
    reader.asked("several")
    reader.choose("option-ball-too", "option-tube-too", "commit")
    reader.asked("order")
    for first, item in enumerate(("dark", "grey", "bright")):
        while True:
            shown = [each["id"] for each in wearer.report()["panel"]["controls"] if each["id"].startswith("item-")]
            if shown.index(f"item-{item}") == first:
                break
            reader.choose(f"up-{item}")
    reader.choose("commit")
    reader.asked("text")
    reader.choose("write")
    reader.write("Round mass left")
    reader.choose("commit")
    reader.asked("manage")
    reader.choose("option-wait", "commit")
    reader.asked("guide")
    reader.go(BALL_MM)
    reader.press(SKIN_MM)
    reader.press(BALL_MM)
    reader.choose("commit")
    reader.asked("judge")
    reader.choose("option-post", "commit")
    reader.asked("why")
    reader.choose("option-long", "commit")
    reader.asked("grown")
    reader.page.wait_for_function(READY, arg="later", timeout=60_000)
    wearer.until("r.panes.some((pane) => pane.volume === 'later')")
    new = beside(BALL_MM, z=40.5)
    pane = [each["volume"] for each in wearer.report()["panes"]].index("later")
    reader.go(new, "later")
    reader.press(new, pane)
    reader.slide_to_end("confidence")
    reader.choose("commit")
    wearer.until("r.panel.controls.some((each) => each.id === 'reveal')")
    reader.page.wait_for_function("() => window.reading.store.get().link === 'kept'", timeout=60_000)
    reader.choose("reveal")
    wearer.play()
    reader.page.wait_for_function("() => window.reading.store.get().told !== null", timeout=60_000)
    told = reader.page.evaluate("() => window.reading.store.get().told")
    shares = {task["id"]: task["share"] for task in told["tasks"]}
    assert shares.pop("segment") > 0.9
    assert shares == pytest.approx(dict.fromkeys(shares, 1.0))
