"""Several hubs on a real Redis: one order of ops, one owner of the editor, and what losing Redis does."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.app import fanout as module
from engine.app.blobs import BlobFolder
from engine.app.fanout import Fanout, Home, Refuse
from engine.core.errors import EnvironmentLacks
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.messages import (
    EditRequest,
    EditScene,
    Hello,
    LabelBox,
    NumberedOp,
    Op,
    PatchedSurface,
    PrepareRequest,
    PutNode,
    RemoveNode,
    ReplaceScene,
    Scene,
    SessionUpdate,
    StepRequest,
    TrackedNode,
)
from engine.stream.pairing import PairingDesk
from engine.stream.pose import Pose
from engine.stream.roles import Role
from engine.stream.scene_log import Entry, SceneLog
from tests.stream.scenes import scene, surface_node, volume_node

pytest.importorskip("redis", reason="the extra redis is not installed")
SERVER = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(SERVER is None, reason="no redis-server: apt-get install redis-server")

WITHIN_S = 30.0


class RedisServer:
    """A real one, that writes every change to its folder, can be killed by force and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert SERVER is not None
        options = ("--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always", "--save", "")
        command = [SERVER, "--port", str(self.port), "--dir", str(self._folder), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end_s = time.monotonic() + WITHIN_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < end_s
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """Lose all that was written."""
        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


def fanout(url: str, clock: Callable[[], float] = time.time) -> Fanout:
    access = Access(LOOPBACK_HOSTS, PairingDesk(random.Random(1).randbytes), Role.SURGEON)
    return Fanout(SceneLog("alone"), access, lambda *_: None, lambda: True, url, clock)


class Member:
    """One hub of a session, with what it told and was asked."""

    def __init__(self, url: str, folder: Path) -> None:
        self.clock_s = 0.0  # how far its clock is from the others'
        self.fanout = fanout(url, lambda: time.time() + self.clock_s)
        self.log = self.fanout.log
        self.blobs = BlobFolder(folder)
        self.told: list[Entry] = []
        self.ops: list[Op] = []
        self.hubs: list[str] = []
        self.asked: list[str] = []
        self.said: list[str] = []
        self.dropped = 0
        self.fanout.on_entry.append(lambda _, op: self.ops.append(op))
        self.fanout._tell = self._heard  # type: ignore[method-assign, assignment]  # what every peer would be told

    def _heard(self, message: Entry | SessionUpdate) -> None:
        if isinstance(message, SessionUpdate):
            self.hubs.append(message.hubs)
        else:
            self.told.append(message)

    def correct(self, request: EditRequest, _scene: Scene | None, refuse: Refuse) -> None:
        """An editor that refuses to undo, and otherwise answers with an edit whose labels start at the request."""
        self.asked.append(request.request)
        if isinstance(request, StepRequest):
            refuse("nothing to take back")
        else:
            self.fanout.publish(edit(int(request.request)))

    def drop(self) -> None:
        self.dropped += 1

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Member]:
        async with self.fanout.together(Home(self.blobs, self.correct, self.drop, self.said.append)):
            assert await self.fanout.joined(WITHIN_S)
            yield self


def edit(number: int, blob: str = "0" * 64) -> EditScene:
    box = LabelBox(low=(number, 0, 0), shape=(1, 1, 1), blob=blob, start=0, bytes=1)
    return EditScene(labels=box, surfaces=(PatchedSurface(id="bone", volume_ml=float(number), patches=()),))


def whole(name: str = "scene") -> Scene:
    shown = scene("bone").model_copy(update={"id": name})
    return shown.model_copy(update={"nodes": (*shown.nodes, volume_node())})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def session(redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs an async function with so many hubs, which all hold the blob that test scenes point at."""
    monkeypatch.setattr(module, "BLOB_WITHIN_S", 0.05)  # no blob of these scenes is anywhere

    def run(act: Callable[..., Awaitable[None]], count: int = 2) -> None:
        async def all_of_it() -> None:
            async with contextlib.AsyncExitStack() as stack:
                members = [Member(redis.url, tmp_path / f"blobs{n}") for n in range(count)]
                for member in members:
                    (member.blobs.folder / ("0" * 64)).touch()
                    await stack.enter_async_context(member.running())
                await act(*members)

        asyncio.run(all_of_it())

    return run


def together(*members: Member) -> Callable[[], bool]:
    """Whether all stand at the same number, and nothing is on its way."""
    return lambda: len({m.log.seq for m in members}) == 1 and not any(m.fanout._outgoing for m in members)


def same(*members: Member) -> bool:
    """Whether all have one epoch, one number and one scene."""
    return len({(m.log.epoch, m.log.seq, m.log.scene and m.log.scene.model_dump_json()) for m in members}) == 1


@pytest.mark.parametrize("seed", range(3))
def test_ops_of_all_hubs_come_to_all_in_one_order_under_one_epoch(session: Any, seed: int) -> None:
    chance = random.Random(seed)

    async def publish(member: Member, count: int) -> None:
        for n in range(count):
            name = f"node{chance.randrange(5)}"
            put, remove = PutNode(node=surface_node(name, triangles=n)), RemoveNode(id=name)
            member.fanout.publish(put if chance.random() < 0.5 else remove)
            await asyncio.sleep(chance.random() * 0.003)

    async def act(*members: Member) -> None:
        members[0].fanout.publish(ReplaceScene(scene=whole()))
        await until(lambda: all(m.log.seq == 1 for m in members))
        await asyncio.gather(*(publish(member, 60) for member in members))
        await until(lambda: all(m.log.seq == 181 for m in members))
        assert same(*members)
        assert members[0].told == members[1].told == members[2].told
        assert len(members[0].told) > 60

    session(act, 3)


def test_a_hub_that_comes_late_has_the_scene_and_its_number(redis: RedisServer, session: Any, tmp_path: Path) -> None:
    async def act(first: Member) -> None:
        for name in ("one", "two"):
            first.fanout.publish(ReplaceScene(scene=whole(name)))
        for n in range(5):
            first.fanout.publish(PutNode(node=surface_node(f"node{n}")))
        await until(lambda: first.log.seq == 7)
        late = Member(redis.url, tmp_path / "late")
        (late.blobs.folder / ("0" * 64)).touch()
        async with late.running():
            assert same(first, late)
            late.fanout.publish(PutNode(node=surface_node("more")))
            await until(lambda: first.log.seq == 8)
            assert same(first, late)

    session(act, 1)


def test_a_peer_that_moves_to_another_hub_goes_on_where_it_was(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        first.fanout.publish(ReplaceScene(scene=whole()))
        await until(lambda: first.log.seq == second.log.seq == 1)
        epoch, seen = first.log.epoch, first.log.seq
        for n in range(3):
            second.fanout.publish(PutNode(node=surface_node(f"node{n}")))
        await until(lambda: second.log.seq == 4)
        peer = second.fanout.join(None, lambda: None, tuple, 0.0)
        peer.receive_text(Hello(protocol="sightline.v1", epoch=epoch, last_seq=seen).model_dump_json(), 0.0)
        _welcome, *texts = iter(peer.next_message, None)
        assert [NumberedOp.model_validate_json(str(text)).seq for text in texts] == [2, 3, 4]

    session(act)


def test_blobs_that_a_hub_lacks_come_from_another_before_its_peers_are_told(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOB_WITHIN_S", WITHIN_S)

    async def act(first: Member, second: Member) -> None:
        first.fanout.publish(ReplaceScene(scene=whole()))
        await until(lambda: second.log.seq == 1)
        data = b"a patch" * 100_000
        sha256 = first.blobs.put(data)
        await first.fanout._own(Home(first.blobs, first.correct, first.drop, first.said.append))
        there: list[bool] = []
        second.fanout._tell = lambda message: there.append(second.blobs.path(sha256) is not None)  # type: ignore[method-assign]  # as above
        first.fanout.publish(edit(1, sha256))
        await until(lambda: second.log.seq == 2)
        assert there == [True]
        path = second.blobs.path(sha256)
        assert path is not None
        assert path.read_bytes() == data

    session(act)


def test_a_blob_that_is_on_no_hub_holds_nothing_up_and_is_told(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        (second.blobs.folder / ("0" * 64)).unlink()
        (first.blobs.folder / ("0" * 64)).unlink()
        first.fanout.publish(ReplaceScene(scene=whole()))
        await until(lambda: first.log.seq == second.log.seq == 1)
        assert "parts of it will be missing" in second.said[0]

    session(act)


def test_corrections_of_all_hubs_go_to_one_editor_in_order_and_refusals_back_to_who_asked(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        refused: list[str] = []
        first.fanout.publish(ReplaceScene(scene=whole()))
        await until(together(first, second))
        for number in range(20):
            asker = first if number % 2 == 0 or number < 4 else second
            asker.fanout.route(PrepareRequest(request=str(number), scene="scene"), refused.append)
        await until(lambda: first.log.seq == second.log.seq == 21)
        assert same(first, second)
        editor, other = (first, second) if first.asked else (second, first)  # either may be quick enough to be it
        asked = list(map(int, editor.asked))
        assert sorted(asked) == list(range(20))
        assert other.asked == []
        from_second = [n for n in range(4, 20) if n % 2]
        assert [n for n in asked if n in from_second] == from_second
        assert [n for n in asked if n not in from_second] == [n for n in range(20) if n not in from_second]
        assert refused == []
        second.fanout.route(StepRequest(request="1", scene="scene", direction="undo"), refused.append)
        await until(lambda: refused == ["nothing to take back"])

    session(act)


def test_when_the_hub_that_corrects_is_gone_another_takes_over_and_its_late_edits_are_void(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(first: Member, second: Member) -> None:
        first.fanout.publish(ReplaceScene(scene=whole()))
        await until(together(first, second))
        first.fanout.route(PrepareRequest(request="1", scene="scene"), first.said.append)
        await until(lambda: first.log.seq == second.log.seq == 2)
        await first.fanout._redis.delete("sightline:owner")  # as if its lease had run out while it stood still
        second.fanout.route(PrepareRequest(request="2", scene="scene"), second.said.append)
        await until(lambda: second.asked == ["2"])
        first.fanout.publish(edit(99))
        await until(lambda: first.dropped == 1)
        await until(lambda: first.log.seq == second.log.seq == 3)
        assert same(first, second)
        assert [op.labels.low[0] for op in first.ops if isinstance(op, EditScene)] == [1, 2]

    session(act)


@pytest.mark.parametrize(("age_s", "told"), [(0.0, 1), (60.0, 0)], ids=["just now", "long ago"])
def test_whoever_waits_for_a_hub_that_is_lost_is_told_to_look_and_whoever_was_served_is_not(
    redis: RedisServer, session: Any, age_s: float, told: int
) -> None:
    async def act(first: Member, second: Member) -> None:
        refused: list[str] = []
        first.fanout.publish(ReplaceScene(scene=whole()))
        await until(together(first, second))
        first.fanout.route(PrepareRequest(request="1", scene="scene"), refused.append)
        await until(lambda: second.log.seq == 2)
        second.fanout.route(PrepareRequest(request="2", scene="scene"), refused.append)
        await until(lambda: second.log.seq == 3)
        ((key, (sent_s, refuse)),) = second.fanout._awaited.items()
        second.fanout._awaited[key] = (sent_s - age_s, refuse)
        redis.kill()
        await until(lambda: not second.fanout.is_connected)
        assert len(refused) == told
        assert all("look whether it is there" in summary for summary in refused)

    session(act)


def test_an_edit_of_a_scene_that_is_gone_is_void_on_every_hub(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        first.fanout.publish(ReplaceScene(scene=whole("one")))
        await until(together(first, second))
        second.fanout.publish(ReplaceScene(scene=whole("two")))
        await until(lambda: second.log.scene is not None and second.log.scene.id == "two")
        first.fanout._outgoing.append(("late", "one", PutNode(node=surface_node("late"))))
        first.fanout._has_outgoing.set()
        await until(lambda: first.log.seq == second.log.seq == 3)
        assert same(first, second)
        assert first.log.scene == whole("two")

    session(act)


@pytest.mark.parametrize("loses_data", [False, True], ids=["keeps its data", "loses its data"])
def test_without_redis_nothing_changes_and_all_are_told_and_with_it_all_go_on_together(
    redis: RedisServer, session: Any, loses_data: bool
) -> None:
    async def act(first: Member, second: Member) -> None:
        refused: list[str] = []
        first.fanout.publish(ReplaceScene(scene=whole()))
        second.fanout.route(PrepareRequest(request="1", scene="scene"), refused.append)
        await until(lambda: first.log.seq == second.log.seq == 2)
        epoch = first.log.epoch
        redis.kill()
        await until(lambda: not first.fanout.is_connected and not second.fanout.is_connected)
        assert first.hubs[-1] == second.hubs[-1] == "cut off"
        first.fanout.route(PrepareRequest(request="2", scene="scene"), refused.append)
        assert "nothing can be changed" in refused[0]
        with pytest.raises(EnvironmentLacks, match="Redis"):
            second.fanout.require()
        first.fanout.publish(PutNode(node=surface_node("made meanwhile")))
        await asyncio.sleep(0.1)
        assert first.log.seq == second.log.seq == 2
        if loses_data:
            redis.forget()
        await asyncio.to_thread(redis.start)
        await until(lambda: first.fanout.is_connected and second.fanout.is_connected)
        await until(
            lambda: all("made meanwhile" in (n.id for n in m.log.scene.nodes) for m in (first, second) if m.log.scene)
        )
        await until(together(first, second))
        assert same(first, second)
        assert first.hubs[-1] == second.hubs[-1] == "together"
        assert (first.log.epoch == epoch) is not loses_data
        assert first.log.scene is not None
        assert [node.id for node in first.log.scene.nodes] == ["bone", "volume", "made meanwhile"]
        for member in (first, second):
            assert "Redis does not answer" in member.said[0]
            assert "Redis answers again" in member.said[-1]
        second.fanout.route(PrepareRequest(request="3", scene="scene"), refused.append)
        await until(lambda: first.log.seq == second.log.seq)
        await until(lambda: "3" in first.asked + second.asked)
        assert len(refused) == 1

    session(act)


def test_an_op_that_is_sent_twice_is_taken_once(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        for _ in range(2):
            await first.fanout._send("one", "", ReplaceScene(scene=whole()), first.log.epoch)
        first.fanout.publish(PutNode(node=surface_node("next")))
        await until(lambda: second.log.scene is not None and len(second.log.scene.nodes) == 3)
        assert second.log.seq == 2

    session(act)


def pose(member: Member, x_mm: float, entity: int = 7) -> Pose:
    """What a tracker of this hub says now."""
    return Pose(entity, time.time() + member.clock_s, (x_mm, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))


async def told_each_other(first: Member, second: Member) -> None:
    """Waits until clocks are compared: from then on poses pass."""
    for member in (first, second):
        await until(lambda member=member: member.fanout._poses._sync.at(0.0) is not None)  # type: ignore[misc]
    await until(lambda: first.fanout.pose(pose(first, 0.0)) and second.fanout.board.latest(7) is not None)


def test_a_tool_that_one_hub_tracks_moves_on_the_other_and_is_never_younger_there(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        first.clock_s, second.clock_s = 86_400.0, -3.0  # as of two machines that nobody set
        await told_each_other(first, second)
        ages_s = []
        sent = pose(first, 0.0)
        for n in range(1, 50):
            sent = pose(first, float(n))
            first.fanout.pose(sent)
            await until(lambda n=n: second.fanout.board.latest(7).position_mm[0] == n)  # type: ignore[misc, union-attr]
            shown = second.fanout.board.latest(7)
            assert shown is not None
            ages_s.append((sent.time_s - first.clock_s) - (shown.time_s - second.clock_s))
        assert min(ages_s) > -2e-6  # rounded to microseconds
        assert max(ages_s) < 0.25
        assert first.fanout.board.latest(7) == sent  # nothing came back to it

    session(act)


def test_a_tool_that_is_lost_on_one_hub_is_lost_on_all(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        await told_each_other(first, second)
        first.fanout.lose(7)
        await until(lambda: not second.fanout.board.latest(7).is_tracked)  # type: ignore[union-attr]

    session(act)


def test_a_clock_that_is_set_gives_no_wrong_age_and_is_compared_again(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        await told_each_other(first, second)
        await until(lambda: len(first.fanout._poses._sync._exchanges) > 1)  # the next comparison is a second away
        first.clock_s = 60.0
        first.fanout.pose(pose(first, 1.0))
        await asyncio.sleep(0.2)
        known = second.fanout.board.latest(7)
        assert known is not None
        assert known.position_mm[0] == 0.0
        x_mm = 2.0

        def moved() -> bool:
            nonlocal x_mm
            x_mm += 1.0
            first.fanout.pose(pose(first, x_mm))
            known = second.fanout.board.latest(7)
            return known is not None and known.position_mm[0] > 2.0

        await until(moved)
        known = second.fanout.board.latest(7)
        assert known is not None
        assert 0.0 <= time.time() - known.time_s < 1.0

    session(act)


def test_another_scan_that_is_opened_on_one_hub_leaves_what_another_tracks(session: Any) -> None:
    async def act(first: Member, second: Member) -> None:
        first.fanout.publish(ReplaceScene(scene=whole()))
        await until(together(first, second))
        tool = TrackedNode(
            id="probe",
            name="Probe",
            entity=7,
            thing="tool",
            source="device",
            frame_of_reference_uid="1.2.3",
            registration_epoch=0,
        )
        gone = tool.model_copy(update={"id": "gone", "entity": 8})
        for node in (tool, gone):
            first.fanout.publish(PutNode(node=node))
        await told_each_other(first, second)
        await until(lambda: second.log.seq == 3)
        second.fanout.publish(ReplaceScene(scene=whole("next")))
        await until(lambda: first.log.seq == 4)
        shown = first.log.scene
        assert shown is not None
        assert [node.entity for node in shown.nodes if isinstance(node, TrackedNode)] == [7]

    session(act)


def test_without_the_client_the_extra_is_named_and_an_address_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(EnvironmentLacks, match="redis://HOST:PORT"):
        fanout("http://somewhere")
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(EnvironmentLacks, match=r"sightline\[redis\]"):
        fanout("redis://somewhere")
