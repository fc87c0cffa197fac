"""The network side of the native client, against the product's own server and against one that lies."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from engine.app.certificate import server_certificate
from engine.app.view_address import ServerAddress, parse_address
from engine.app.view_blobs import BlobStore, BlobUnavailable
from engine.app.view_client import LONGEST_WAIT_S, ViewClient, back_off_s, work_of
from engine.app.view_command import trust
from engine.app.view_feed import Feed
from engine.core.errors import EnvironmentLacks, InputRefused
from engine.stream.binary import Answer, Ask, encode, records
from engine.stream.follower import Follower
from engine.stream.fresh import FreshProtocol
from engine.stream.messages import (
    PROTOCOL,
    Failure,
    Job,
    JobUpdate,
    NumberedOp,
    RemoveNode,
    SceneNode,
    SetGuidance,
    Snapshot,
    TrackedNode,
)
from engine.stream.named_blobs import blobs_of
from engine.stream.pose import Pose, encode_pose
from engine.stream.roles import Role
from engine.stream.server import create_app
from engine.xr.drawn import Change, DrawnSurface, DrawnVolume, SceneBegins, SurfaceGone, VolumeBox
from engine.xr.guided import Touched
from tests.e2e.console_server import Console, console_server
from tests.stream.scenes import scene, surface_node
from tests.xr.guiding import Guiding

PATIENCE_S = 20.0


def until(happened: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end_s, f"never: {what}"
        time.sleep(0.01)


class Headset:
    """Takes what comes, as the one in front of the eyes does."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.changes: list[Change] = []

    def take(self) -> list[Change]:
        while (change := self.feed.next_change()) is not None:
            self.changes.append(change)
        return self.changes

    def surfaces(self) -> dict[str, DrawnSurface]:
        """What is drawn now."""
        drawn: dict[str, DrawnSurface] = {}
        for change in self.take():
            if isinstance(change, SceneBegins):
                drawn.clear()
            elif isinstance(change, DrawnSurface):
                drawn[change.id] = change
            elif isinstance(change, SurfaceGone):
                drawn.pop(change.id, None)
        return drawn

    def count(self, kind: type) -> int:
        return sum(isinstance(change, kind) for change in self.take())


@contextmanager
def following(address: str, context: ssl.SSLContext | None = None) -> Iterator[tuple[ViewClient, Headset]]:
    feed = Feed()
    client = ViewClient(parse_address(address), context, feed)
    client.start()
    try:
        yield client, Headset(feed)
    finally:
        client.stop()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with console_server(tmp_path) as running:
        yield running


def snapshot(seq: int = 5, *nodes: SceneNode) -> str:
    made = scene().model_copy(update={"nodes": nodes})
    return Snapshot(epoch="e", seq=seq, scene=made, jobs=()).model_dump_json()


def test_what_the_server_does_is_told_in_words() -> None:
    follower = Follower()
    job = Job(id="j", state="running", stage="reading slices", fraction=0.4, eta_s=None, study="s", series=None)
    follower.receive_text(JobUpdate(job=job).model_dump_json(), 0.0)
    assert work_of(follower) == "reading slices, 40%"
    failed = job.model_copy(update={"state": "failed", "error": Failure(summary="Slices are missing.")})
    follower.receive_text(JobUpdate(job=failed).model_dump_json(), 0.0)
    assert work_of(follower) == "Slices are missing."
    follower.receive_text(JobUpdate(job=job.model_copy(update={"state": "done"})).model_dump_json(), 0.0)
    assert work_of(follower) == ""


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_waits_grow_and_never_beyond_their_limit(attempt: int, chance: float) -> None:
    assert 0 < back_off_s(attempt, chance) <= LONGEST_WAIT_S
    assert back_off_s(attempt + 1, chance) >= back_off_s(attempt, chance)
    assert back_off_s(attempt, 1.0) == 2 * back_off_s(attempt, 0.0)


# Against the product's own server


def test_a_scene_comes_whole_with_surfaces_and_slices(console: Console) -> None:
    console.open_scene()
    with following(console.address) as (client, headset):
        until(lambda: headset.count(VolumeBox) == 6 and len(headset.surfaces()) == 4, "surfaces and slabs")
        assert headset.count(DrawnVolume) == 1
        assert headset.feed.status() == "Connected"
        assert isinstance(headset.changes[0], SceneBegins)
        assert client.blobs.fetched == len(set(client.blobs.held)) <= len(set(blobs_of(console.scene)))


def test_finer_surfaces_come_when_they_are_seen_larger(console: Console) -> None:
    console.open_scene()
    with following(console.address) as (_, headset):
        until(lambda: len(headset.surfaces()) == 4, "surfaces")
        headset.feed.want_detail(0.01, frozenset(headset.surfaces()))
        until(lambda: len(headset.surfaces()["surface-body"].triangles) == 320, "the coarse body")
        headset.feed.want_detail(30.0, frozenset(headset.surfaces()))
        until(lambda: len(headset.surfaces()["surface-body"].triangles) == 5120, "the fine body")


def test_an_edit_changes_the_surface_in_its_brick_and_the_labels_in_its_box(console: Console) -> None:
    console.open_scene()
    with following(console.address) as (_, headset):
        until(lambda: headset.count(VolumeBox) == 6, "slabs")
        until(lambda: len(headset.surfaces()) == 4, "surfaces")
        before = headset.surfaces()["surface-nodule"]
        console.edit(tool="brush", key="nodule", points_mm=((0.0, -30.0, 0.0),), radius_mm=12.0)
        until(lambda: headset.count(VolumeBox) == 7, "the box of labels")
        until(lambda: headset.surfaces()["surface-nodule"] is not before, "the patched surface")
        after = headset.surfaces()["surface-nodule"]
        # Patient (0, -30, 0) mm is (0, 0, 0.03) m of the headset.
        nearest = np.linalg.norm(after.positions_m[after.triangles.ravel()] - (0, 0, 0.03), axis=1)
        assert nearest.min() < 0.014


def test_a_server_that_went_away_is_found_again_and_nothing_is_fetched_twice(console: Console) -> None:
    console.open_scene()
    with following(console.address) as (client, headset):
        until(lambda: headset.count(VolumeBox) == 6, "slabs")
        fetched = client.blobs.fetched
        console.stop()
        until(lambda: headset.feed.status() == "Reconnecting…", "the loss is told")
        assert len(headset.surfaces()) == 4
        console.log.epoch = "another run"
        console.start()
        until(lambda: headset.feed.status() == "Connected", "the return is told")
        console.open_scene("scene-2")
        until(lambda: headset.count(SceneBegins) == 2 and headset.count(VolumeBox) == 12, "the new scene")
        until(lambda: len(headset.surfaces()) == 4, "its surfaces")
        assert client.blobs.fetched == fetched


def test_what_happened_meanwhile_is_caught_up_without_beginning_anew(console: Console) -> None:
    console.open_scene()
    with following(console.address) as (_, headset):
        until(lambda: headset.count(VolumeBox) == 6, "slabs")
        console.stop()
        until(lambda: headset.feed.status() == "Reconnecting…", "the loss is told")
        console.log.append(RemoveNode(id="surface-bone"))
        console.start()
        until(lambda: "surface-bone" not in headset.surfaces(), "the bone is gone")
        assert headset.count(SceneBegins) == 1


def test_a_server_that_cannot_be_reached_yet_is_tried_again(console: Console) -> None:
    console.stop()
    with following(console.address) as (_, headset):
        until(lambda: "cannot be reached" in headset.feed.status(), "it is told")
        console.start()
        console.open_scene()
        until(lambda: len(headset.surfaces()) == 4, "surfaces")


def test_a_client_can_be_stopped_the_moment_it_was_started(console: Console) -> None:
    for _ in range(20):
        with following(console.address):
            pass


def test_a_surface_that_cannot_be_drawn_ends_it_with_the_reason(console: Console) -> None:
    noise = b"no surface"
    name = hashlib.sha256(noise).hexdigest()
    (console.application.folder / name).write_bytes(noise)
    node = surface_node("odd")
    odd = node.model_copy(update={"lods": (node.lods[0].model_copy(update={"blob": name}),)})
    console.scene = console.scene.model_copy(update={"nodes": (odd,)})
    console.open_scene()
    with following(console.address) as (_, headset):
        until(lambda: headset.feed.failure is not None, "it ends")
        assert "cannot be drawn: not a GLB file" in str(headset.feed.failure)


# Access


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Console]:
    """A server that lets nobody in without a code."""
    with console_server(tmp_path, open_role=None) as running:
        running.open_scene()
        yield running


@contextmanager
def secure(console: Console, folder: Path) -> Iterator[tuple[str, Path]]:
    """The same session over TLS: its address with a fresh code, and the authority's certificate."""
    files = server_certificate(folder, ("127.0.0.1", "localhost"), datetime.datetime.now(datetime.UTC))
    config = uvicorn.Config(
        create_app(console.application, console.hub, None, console._lifespan), port=0, log_level="critical",
        ws=FreshProtocol, timeout_graceful_shutdown=1, ssl_certfile=files.certificate, ssl_keyfile=files.key,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, "the server starts")
    try:
        offer = console.desk.offer(Role.SURGEON, time.time())
        port = server.servers[0].sockets[0].getsockname()[1]
        assert files.authority is not None
        yield f"https://127.0.0.1:{port}/#pair={offer.secret}", files.authority
    finally:
        server.should_exit = True
        thread.join()


def test_with_its_certificate_and_code_a_server_beyond_this_machine_is_followed(
    closed: Console, tmp_path: Path
) -> None:
    with (
        secure(closed, tmp_path / "tls") as (address, authority),
        following(address, trust(parse_address(address), authority)) as (_, headset),
    ):
        until(lambda: len(headset.surfaces()) == 4, "surfaces")


def test_a_certificate_that_is_not_trusted_ends_it_and_says_how_to_trust_it(closed: Console, tmp_path: Path) -> None:
    with (
        secure(closed, tmp_path / "tls") as (address, _),
        following(address, trust(parse_address(address), None)) as (_, headset),
    ):
        until(lambda: headset.feed.failure is not None, "it is refused")
        assert isinstance(headset.feed.failure, EnvironmentLacks)
        assert "--ca FILE" in headset.feed.failure.remedy


def test_a_code_that_was_used_ends_it_and_says_how_to_have_another(closed: Console) -> None:
    offer = closed.desk.offer(Role.TRAINEE, time.time())
    address = f"{closed.address}/#pair={offer.secret}"
    with following(address) as (_, headset):
        until(lambda: len(headset.surfaces()) == 4, "surfaces")
    with following(address) as (_, headset):
        until(lambda: headset.feed.failure is not None, "it is refused")
        assert isinstance(headset.feed.failure, InputRefused)
        assert "sightline invite" in str(headset.feed.failure)


def test_a_code_lets_in_through_every_lost_connection(closed: Console) -> None:
    offer = closed.desk.offer(Role.TRAINEE, time.time())
    with following(f"{closed.address}/#pair={offer.secret}") as (_, headset):
        until(lambda: len(headset.surfaces()) == 4, "surfaces")
        closed.cut()
        until(lambda: headset.feed.status() != "Connected", "the loss is told")
        until(lambda: headset.feed.status() == "Connected", "the return is told")


def test_without_a_code_it_ends_and_says_why(closed: Console) -> None:
    with following(closed.address) as (_, headset):
        until(lambda: headset.feed.failure is not None, "it is refused")
        assert isinstance(headset.feed.failure, InputRefused)


def test_a_server_that_says_nothing_is_told_to_say_nothing(console: Console) -> None:
    console.open_scene()
    with following(console.address) as (_, headset):
        until(lambda: len(headset.surfaces()) == 4, "surfaces")
        thaw = console.freeze()
        try:
            until(lambda: headset.feed.status() == "No word from the server", "silence is told")
        finally:
            thaw.set()
        until(lambda: headset.feed.status() == "Connected", "it is heard again")


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(InputRefused, match="certificate"):
        trust(ServerAddress(True, "ward", 8443), tmp_path / "no.pem")


def test_bytes_that_are_not_the_blobs_are_refused(console: Console) -> None:
    name = "0" * 64
    (console.application.folder / name).write_bytes(b"other bytes")
    store = BlobStore(parse_address(console.address), None)
    with pytest.raises(BlobUnavailable, match="other bytes"):
        store.get(name)
    with pytest.raises(BlobUnavailable, match="404"):
        store.get("1" * 64)
    assert store.held == ()


# Poses


@contextmanager
def telling(*messages: str | bytes, heard: list[str] | None = None) -> Iterator[str]:
    """A server that says these and then is silent."""

    async def answer(socket: ServerConnection) -> None:
        with contextlib.suppress(Exception):
            hello = await socket.recv()
            if heard is not None:
                heard.append(str(hello))
            for message in messages:
                await socket.send(message)
            async for question in socket:
                for record in records(bytes(question, "utf-8") if isinstance(question, str) else question):
                    if isinstance(record, Ask):
                        await socket.send(encode(Answer(record.sent_s, 50.0, 50.0)))

    async def run(ready: threading.Event, port: list[int], stop: threading.Event) -> None:
        async with serve(answer, "127.0.0.1", 0, subprotocols=[Subprotocol(PROTOCOL)]) as server:
            port.append(next(iter(server.sockets)).getsockname()[1])
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.02)

    ready, stop, port = threading.Event(), threading.Event(), list[int]()
    thread = threading.Thread(target=lambda: asyncio.run(run(ready, port, stop)), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield f"http://127.0.0.1:{port[0]}/"
    finally:
        stop.set()
        thread.join()


UPRIGHT = (1.0, 0.0, 0.0, 0.0)


def tracked(entity: int) -> TrackedNode:
    return TrackedNode(
        id=f"tool-{entity}", name="Probe", entity=entity, thing="tool", source="test", frame_of_reference_uid="1.2.3",
        registration_epoch=0,
    )  # fmt: skip


def test_the_newest_pose_of_each_tool_is_shown_in_the_hubs_time() -> None:
    poses = [
        encode_pose(Pose(1, 50.00, (0.0, 0.0, 0.0), UPRIGHT)),
        encode_pose(Pose(2, 50.00, (5.0, 0.0, 0.0), UPRIGHT)),
        encode_pose(Pose(1, 50.02, (100.0, 0.0, 0.0), UPRIGHT)),
        encode_pose(Pose(1, 50.01, (50.0, 0.0, 0.0), UPRIGHT)),
        b"\x77 of no kind that is known",
        encode_pose(Pose(9, 50.00, (5.0, 0.0, 0.0), UPRIGHT)),
    ]
    with telling(snapshot(5, tracked(1), tracked(2)), *poses) as address, following(address) as (_, headset):
        until(lambda: len(headset.feed.tools()[0]) == 2, "both tools")
        samples, hub_from_monotonic_s = headset.feed.tools()
        tools = {tool.entity: tool for tool in samples}
        assert tools[1].position_m == pytest.approx((0.1, 0, 0), abs=1e-6)
        assert (tools[1].time_s, tools[2].time_s) == (50.02, 50.0)
        # The server below answers that its clock stands at 50 s.
        assert time.monotonic() + hub_from_monotonic_s == pytest.approx(50.0, abs=2.0)


def test_a_server_that_skips_a_change_is_asked_for_everything_again() -> None:
    skipped = NumberedOp(seq=9, op=RemoveNode(id="a")).model_dump_json()
    hellos: list[str] = []
    with telling(snapshot(5), skipped, heard=hellos) as address, following(address):
        until(lambda: len(hellos) > 1, "it starts over")
    assert '"epoch":null,"last_seq":null' in hellos[1]


def test_readings_are_told_with_their_structures_once_the_clocks_were_compared_and_a_touch_is_asked_for(
    console: Console,
) -> None:
    guiding = Guiding(console)
    console.open_scene()
    with following(console.address) as (client, headset):
        until(lambda: client.follower.scene is not None, "the scene")
        assert headset.feed.guided() == (None, ())
        guiding.begin()
        with guiding.speaking():
            until(lambda: len(headset.feed.guided()[1]) == 1, "a reading")
            guided, (reading,) = headset.feed.guided()
            assert guided is not None
            assert reading.name == "Probe"
            assert reading.distances[0].distance_mm == pytest.approx(12.34)
            aim = headset.feed.aim(headset.feed.tools()[0][0])
            assert aim is not None
            assert aim.left_mm == pytest.approx(30.0, abs=0.01)
        headset.feed.ask(Touched("nasion", np.ones((9, 3)), with_hand=False))
        until(lambda: bool(guiding.asks), "the touch")
        assert guiding.asks[0].kind == "touch"
        console.say(SetGuidance(guidance=None))
        until(lambda: headset.feed.guided() == (None, ()), "it is over")
