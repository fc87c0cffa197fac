"""A session of several people and devices, as each sees it in a real Chromium."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, WebSocketRoute, expect
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from engine.stream.follower import Follower
from engine.stream.messages import PROTOCOL
from engine.stream.pose import Pose
from engine.stream.roles import Role
from tests.e2e.console_server import Console, console_server
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.browser

TURN = (1.0, 0.0, 0.0, 0.0)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Console]:
    with console_server(tmp_path, open_role=None) as console:
        yield console


@contextmanager
def visiting(browser: Browser, console: Console) -> Iterator[Visitor]:
    """A person with a browser of their own: no cookie is shared."""
    visitor = Visitor(browser, console)
    yield visitor
    visitor.page.close()
    visitor.check()


class Tracker:
    """A tracking device over a real socket."""

    def __init__(self, socket: ClientConnection, token: str) -> None:
        self.knows = Follower()
        self.socket = socket
        self.socket.send(self.knows.hello(token, time.monotonic()))
        self._hear_until(lambda: self.knows.scene is not None)
        things = [
            {"id": "probe", "name": "Probe", "thing": "tool", "shaft_mm": [[0, 0, 0], [0, 0, 120]], "radius_mm": 2}
        ]
        self.socket.send(json.dumps({"type": "track", "request": "r", "things": things}))
        self._hear_until(lambda: self.entity is not None and self.knows.offset(time.monotonic()) is not None)

    @property
    def entity(self) -> int | None:
        return self.knows.entity_of("probe")

    def _hear_until(self, condition: Any) -> None:
        while not condition():
            self.hear()

    def hear(self) -> None:
        try:
            frame = self.socket.recv(timeout=0.02)
        except TimeoutError:
            frame = b""
        now_s = time.monotonic()
        if isinstance(frame, str):
            self.knows.receive_text(frame, now_s)
        else:
            self.knows.receive_bytes(frame, now_s)
        if said := self.knows.next_bytes(now_s):
            self.socket.send(said)

    def move_to(self, *position_mm: float) -> None:
        assert self.entity is not None
        x, y, z = position_mm
        self.socket.send(self.knows.sent(Pose(self.entity, time.monotonic(), (x, y, z), TURN, error_mm=0.6)))
        self.hear()

    def stay_at(self, page: Page, *position_mm: float) -> None:
        """Until it is drawn there as it is: the first frame with a tool takes a browser that draws in software long."""
        is_there = "([x]) => window.sightline.tools.report().some((t) => t.freshness === 'fresh' && t.tip_mm[0] === x)"
        for _ in range(600):
            self.move_to(*position_mm)
            if page.evaluate(is_there, [position_mm[0]]):
                return
        raise AssertionError("the tool is not drawn where it is")


@contextmanager
def tracking(console: Console) -> Iterator[Tracker]:
    address = f"{console.address.replace('http', 'ws')}/ws"
    with connect(address, subprotocols=[Subprotocol(PROTOCOL)], proxy=None) as socket:
        yield Tracker(socket, console.desk.admit(Role.DEVICE, time.time()).token)


def tools(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("() => window.sightline.tools.report()")
    return found


class TestComingIn:
    def test_whoever_has_no_code_sees_nothing_and_six_digits_let_them_in(
        self, browser: Browser, guarded: Console
    ) -> None:
        guarded.open_scene()
        with visiting(browser, guarded) as visitor:
            visitor.expected = "403"
            page = visitor.arrive()
            dialog = page.get_by_role("dialog", name="Come in with a code")
            expect(dialog).to_be_visible()
            assert visitor.state("scene") is None
            dialog.get_by_label("Six digits").fill("123456")
            expect(dialog.get_by_role("alert")).to_contain_text("not valid: ask for a new one")
            offer = guarded.desk.offer(Role.ASSISTANT, time.time())
            dialog.get_by_label("Six digits").fill(f"{offer.code[:3]} {offer.code[3:]}")
            expect(dialog).to_be_hidden()
            visitor.until("s.drawn.ready === 4 && s.self.role === 'assistant'")
            page.reload()
            visitor.until("s.drawn.ready === 4")

    def test_the_secret_of_an_address_lets_in_and_leaves_the_address_bar(
        self, browser: Browser, guarded: Console
    ) -> None:
        guarded.open_scene()
        offer = guarded.desk.offer(Role.VIEWER, time.time())
        with visiting(browser, guarded) as visitor:
            visitor.page.goto(f"{guarded.address}/#pair={offer.secret}")
            visitor.until("s.self !== null && s.self.role === 'viewer'")
            assert offer.secret not in visitor.page.url

    def test_a_surgeon_invites_a_viewer_who_sees_and_cannot_correct_and_sends_them_out(
        self, browser: Browser, guarded: Console
    ) -> None:
        guarded.open_scene()
        offer = guarded.desk.offer(Role.SURGEON, time.time())
        with visiting(browser, guarded) as surgeon, visiting(browser, guarded) as viewer:
            surgeon.page.goto(f"{guarded.address}/#pair={offer.secret}")
            surgeon.until("s.self !== null")
            surgeon.page.get_by_role("button", name="People in this session").click()
            people = surgeon.page.get_by_role("dialog", name="People")
            people.get_by_role("button", name="Invite").click()
            digits = people.locator(".invitation .digits").inner_text().replace(" ", "")
            assert people.get_by_alt_text("QR code of the invitation").is_visible()
            viewer.arrive()
            viewer.page.get_by_label("Six digits").fill(digits)
            viewer.until("s.drawn.ready === 4")
            expect(viewer.page.get_by_role("button", name="Correct")).to_be_hidden()
            expect(viewer.page.get_by_role("region", name="Studies")).to_be_hidden()
            people.get_by_role("button", name="Send out").click()
            viewer.page.get_by_text("Access was withdrawn").wait_for()
            viewer.expected = "403"


class TestTools:
    def test_a_tool_stands_where_it_is_then_fades_with_its_age_then_hides(
        self, browser: Browser, console: Console
    ) -> None:
        console.open_scene()
        with visiting(browser, console) as visitor, tracking(console) as tracker:
            page = visitor.arrive()
            visitor.until("s.drawn.ready === 4")
            visitor.until("s.scene.nodes.some((n) => n.kind === 'tracked')")
            tracker.stay_at(page, 40.0, -10.0, 12.0)
            (shown,) = tools(page)
            assert shown["tip_mm"] == pytest.approx([40.0, -10.0, 12.0], abs=1e-3)
            # Nothing more comes: it fades after 150 ms, and is gone after one second. A frame that takes longer than
            # that, where there is no graphics card, sees it gone at once.
            aged = page.wait_for_function(
                "() => window.sightline.tools.report().find((tool) => ['faded', 'hidden'].includes(tool.freshness))"
            ).json_value()
            assert aged["age_ms"] > {"faded": 150, "hidden": 1000}[aged["freshness"]]
            page.wait_for_function("() => window.sightline.tools.report()[0]?.freshness === 'hidden'")

    def test_a_tool_that_is_measured_again_is_shown_again(self, browser: Browser, console: Console) -> None:
        console.open_scene()
        with visiting(browser, console) as visitor, tracking(console) as tracker:
            page = visitor.arrive()
            visitor.until("s.drawn.ready === 4")
            for x in (10.0, 20.0):
                tracker.stay_at(page, x, 0.0, 0.0)
                page.wait_for_function("() => window.sightline.tools.report()[0]?.freshness === 'hidden'")


class TestSilence:
    def test_a_server_that_falls_silent_is_noticed_within_half_a_second_and_what_stands_still_fades(
        self, browser: Browser, console: Console
    ) -> None:
        console.open_scene()
        with visiting(browser, console) as visitor:
            page = visitor.arrive()
            visitor.until("s.drawn.ready === 4 && s.volume.state === 'ready'")
            page.evaluate("""() => { window.silent = []; const { store } = window.sightline;
                store.watch((s) => s.connection, (now) => window.silent.push([now, performance.now()])); }""")
            thaw = console.freeze()
            frozen_ms = page.evaluate("() => performance.now()")
            visitor.until("s.connection === 'lost'")
            noticed_ms = page.evaluate("() => window.silent.at(-1)[1]") - frozen_ms
            assert noticed_ms < 500
            assert page.evaluate("() => document.documentElement.dataset.stale") is None
            visitor.until("s.freshness === 'faded'")
            expect(page.get_by_text("Connection lost")).to_be_visible()
            thaw.set()
            visitor.until("s.connection === 'live' && s.freshness === 'fresh'")

    def test_a_page_that_was_cut_off_comes_back_to_what_changed_and_brings_nothing_it_holds(
        self, browser: Browser, console: Console
    ) -> None:
        console.open_scene()
        with visiting(browser, console) as visitor:
            page = visitor.arrive()
            visitor.expected = "WebSocket connection"
            brought: list[str] = []
            page.on("request", lambda request: brought.append(request.url) if "/blob/" in request.url else None)
            page.reload()
            visitor.until("s.drawn.ready === 4 && s.volume.state === 'ready'")
            before = set(brought)
            brought.clear()
            page.evaluate("""() => { window.told = []; const { store } = window.sightline;
                store.watch((s) => s.connection, (now) => window.told.push(now)); }""")
            console.cut()
            console.edit(key="nodule", points_mm=[(40, -10, 12), (40, -40, 12)], radius_mm=12)
            visitor.until("s.scene.nodes.find((n) => n.id === 'surface-nodule').patches.length > 0")
            assert page.evaluate("() => window.told.join()") == "live,lost,live"
            assert len(before) > 8
            assert before.isdisjoint(brought)


class Wire:
    """The line of one page to the server, which can be cut and joined again; lines of other pages go on."""

    def __init__(self, page: Page) -> None:
        self.is_cut = False
        self._open: list[WebSocketRoute] = []
        page.route_web_socket("**/ws", self._opened)

    def _opened(self, route: WebSocketRoute) -> None:
        if self.is_cut:
            route.close(code=1001)
            return
        self._open.append(route)
        route.connect_to_server()

    def cut(self) -> None:
        self.is_cut = True
        while self._open:
            self._open.pop().close(code=1001)

    def join(self) -> None:
        self.is_cut = False


def picture(visitor: Visitor) -> npt.NDArray[np.int16]:
    """The 3-D view as the page shows it."""
    visitor.frame()
    with Image.open(BytesIO(visitor.page.locator(".pane-3d canvas").screenshot())) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def test_two_pages_see_the_same_after_corrections_and_one_that_was_cut_off_catches_up(
    browser: Browser, console: Console
) -> None:
    patches = "s.scene.nodes.find((n) => n.id === 'surface-nodule').patches.length"
    console.open_scene()
    with visiting(browser, console) as one, visiting(browser, console) as two:
        wire = Wire(two.page)
        for visitor in (one, two):
            visitor.arrive()
            visitor.until("s.drawn.ready === 4 && s.volume.state === 'ready'")
            visitor.page.evaluate("() => window.sightline.store.update((s) => ({ ...s, solo: 'nodule' }))")
        first = picture(one)

        def see_the_same(strokes: int) -> npt.NDArray[np.int16]:
            drawn = f"() => window.sightline.stage.anatomy.parts.get('nodule').patches.size === {strokes}"
            for visitor in (one, two):
                visitor.page.wait_for_function(drawn)
            assert one.state("scene") == two.state("scene")
            seen = picture(one)
            assert np.abs(seen - picture(two)).max() <= 2
            return seen

        console.edit(key="nodule", points_mm=[(40, -10, 12), (40, -40, 12)], radius_mm=12)
        for visitor in (one, two):
            visitor.until(f"{patches} > 0")
        painted = see_the_same(1)
        assert np.abs(painted - first).max() > 50

        wire.cut()
        two.until("s.connection === 'lost'")
        console.edit(key="nodule", tool="eraser", points_mm=[(40, -50, 12)], radius_mm=9)
        one.until(f"{patches} > 1")
        assert two.state("scene") != one.state("scene")
        wire.join()
        two.until("s.connection === 'live'")
        two.until(f"{patches} > 1")
        assert np.abs(see_the_same(2) - painted).max() > 50


def test_a_server_that_is_cut_off_from_the_others_of_its_session_says_so(browser: Browser, console: Console) -> None:
    console.open_scene()
    with visiting(browser, console) as visitor:
        page = visitor.arrive()
        told = page.get_by_text("Cut off from the session's other servers")
        expect(told).to_be_hidden()
        console.hubs("cut off")
        expect(told).to_be_visible()
        with visiting(browser, console) as late:
            expect(late.arrive().get_by_text("Cut off from the session's other servers")).to_be_visible()
        console.hubs("together")
        expect(told).to_be_hidden()
