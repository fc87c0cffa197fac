"""Whatever a line does to messages, hub and clients end with the same scene: a thousand random lines."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.stream.binary import Blob
from engine.stream.messages import (
    EditScene,
    LabelBox,
    Op,
    PatchedSurface,
    PutNode,
    Registration,
    RemoveNode,
    RenewedSurface,
    RenewScene,
    ReplaceScene,
    SetRegistration,
    SurfacePatch,
)
from engine.stream.pose import Pose
from engine.stream.roles import Role
from tests.faults.link import Fault, Link
from tests.faults.session import Client, clock, serving, token_for
from tests.stream.hubs import NotedHub, Visitor
from tests.stream.scenes import scene, surface_node, volume_node

faults = st.lists(
    st.builds(
        Fault, st.sampled_from(["delay", "drop", "swap", "stall", "cut"]), st.integers(0, 6), st.floats(0.0, 0.004)
    ),
    max_size=5,
)
WHOLE = ReplaceScene(scene=scene("n0", "n1").model_copy(update={"nodes": (*scene("n0", "n1").nodes, volume_node())}))


def correction(node: int, cell: int) -> EditScene:
    """A stroke on a node, with its labels and one patch in a blob."""
    sha256 = hashlib.sha256(f"{node} {cell}".encode()).hexdigest()
    patch = SurfacePatch(blocks=((cell, 0, 0),), counts=(1,), blob=sha256, start=1, bytes=1, triangles=1)
    return EditScene(
        labels=LabelBox(low=(cell, 0, 0), shape=(1, 1, 1), blob=sha256, start=0, bytes=1),
        surfaces=(PatchedSurface(id=f"n{node}", volume_ml=float(cell), patches=(patch,)),),
    )


def renewal(node: int, cell: int) -> RenewScene:
    """Whole surfaces and labels instead of what was corrected."""
    made = correction(node, cell)
    (slab,) = volume_node().label_slabs
    surface = surface_node(f"n{node}", triangles=cell)
    renewed = RenewedSurface(id=surface.id, lods=surface.lods, surface_area_mm2=1.0, closed=True)
    return RenewScene(label_slabs=(slab,), surfaces=(renewed,), edits=(made.labels.blob,))


def registration(epoch: int) -> SetRegistration:
    """One that a landmark check has not proved."""
    matrix = (1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0)
    made = Registration(
        epoch=epoch, patient_from_world=matrix, frame_of_reference_uid="1.2.3", method="test", verified=False
    )
    return SetRegistration(registration=made)


#: What happens in the session: anything that an op can say, or a breath.
happenings = st.lists(
    st.one_of(
        st.integers(0, 4).map(lambda n: PutNode(node=surface_node(f"n{n}"))),
        st.integers(0, 4).map(lambda n: RemoveNode(id=f"n{n}")),
        st.just(WHOLE),
        st.builds(correction, st.integers(0, 2), st.integers(0, 3)),
        st.builds(renewal, st.integers(0, 2), st.integers(0, 3)),
        st.integers(1, 3).map(registration),
        st.none(),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread of its own, for all examples."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever, daemon=True)
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()


def on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], within_s: float = 20.0) -> Any:
    return asyncio.run_coroutine_threadsafe(work, loop).result(within_s)


@pytest.fixture(scope="module")
def session(loop: asyncio.AbstractEventLoop) -> Iterator[tuple[NotedHub, str]]:
    hub = NotedHub()
    hub.publish(WHOLE)
    context = serving(hub)
    address = on(loop, context.__aenter__())
    yield hub, address
    on(loop, context.__aexit__(None, None, None))


def is_possible(hub: NotedHub, op: Op) -> bool:
    there = {node.id for node in hub.log.scene.nodes} if hub.log.scene else set()
    named = {op.id} if isinstance(op, RemoveNode) else set()
    if isinstance(op, EditScene):
        named = {surface.id for surface in op.surfaces}
    return named <= there


def ahead(op: Op) -> Blob | None:
    """What goes before an op: of a correction, its bytes."""
    return Blob(op.labels.blob, b"lp") if isinstance(op, EditScene) else None


@asynccontextmanager
async def following(client: Client) -> AsyncIterator[Client]:
    task = asyncio.create_task(client.follow())
    try:
        yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Any, within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("schedules", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_hub_and_every_client_end_with_the_same_scene_whatever_the_lines_do(
    loop: asyncio.AbstractEventLoop, session: tuple[NotedHub, str], schedules: int
) -> None:
    @given(down=faults, up=faults, other=faults, happens=happenings)
    @settings(max_examples=schedules, deadline=None, suppress_health_check=list(HealthCheck))
    def whatever(down: list[Fault], up: list[Fault], other: list[Fault], happens: list[Op | None]) -> None:
        _end_alike(loop, session, down, up, other, happens)

    whatever()


def _end_alike(
    loop: asyncio.AbstractEventLoop,
    session: tuple[NotedHub, str],
    down: list[Fault],
    up: list[Fault],
    other: list[Fault],
    happens: list[Op | None],
) -> None:
    hub, address = session

    async def example() -> None:
        async with Link(address, down, up) as bad, Link(address, other) as worse:
            one = Client(bad.address, token_for(hub, Role.VIEWER))
            two = Client(worse.address, token_for(hub, Role.VIEWER))
            async with following(one), following(two):
                for op in happens:
                    if op is None:
                        await asyncio.sleep(0.001)
                    elif is_possible(hub, op):
                        hub.publish(op, ahead(op))
                clients = (one, two)
                await until(lambda: all(client.knows.seq == hub.log.seq for client in clients))
                for client in clients:
                    assert client.knows.scene == hub.log.scene
                    numbers = [seq for _, seq in client.taken]
                    assert numbers == sorted(numbers)

    on(loop, example())


def test_a_client_over_a_slow_line_does_not_slow_one_over_a_good_line(
    loop: asyncio.AbstractEventLoop, session: tuple[NotedHub, str]
) -> None:
    hub, address = session
    slow = [Fault("stall", 0, 0.010) for _ in range(400)]

    async def example() -> tuple[float, int]:
        ages_s: list[float] = []
        async with Link(address, slow) as bad, Link(address) as good:
            late = Client(bad.address, token_for(hub, Role.VIEWER))
            prompt = Client(good.address, token_for(hub, Role.VIEWER))
            async with following(late), following(prompt):
                await until(lambda: prompt.knows.scene is not None)
                for n in range(200):
                    hub.publish(PutNode(node=surface_node(f"n{n % 5}")))
                    sent_s = clock()
                    await until(lambda: prompt.knows.seq == hub.log.seq)
                    ages_s.append(clock() - sent_s)
                behind = hub.log.seq - (late.knows.seq or 0)
                await until(lambda: late.knows.seq == hub.log.seq)
                assert late.knows.scene == prompt.knows.scene
        return sorted(ages_s)[100], behind

    median_s, behind = on(loop, example(), 60.0)
    assert median_s < 0.4  # of the fast clock: 20 ms
    assert behind > 0


def test_poses_over_any_line_never_go_back_in_time(
    loop: asyncio.AbstractEventLoop, session: tuple[NotedHub, str]
) -> None:
    hub, address = session
    assert hub.log.scene is not None
    epoch = hub.log.scene.registration_epoch
    rough = [Fault(kind, 3, 0.003) for kind in ("swap", "drop", "delay", "swap", "cut", "swap") * 6]

    async def example() -> list[float]:
        device = Visitor(hub, Role.DEVICE, clock())
        device.say({"type": "track", "request": "r", "things": [{"id": "p", "name": "P", "thing": "tool"}]}, clock())
        device.told(clock())
        (entity,) = device.peer.entities
        seen: list[float] = []
        async with Link(address, rough) as bad:
            client = Client(bad.address, token_for(hub, Role.VIEWER))
            async with following(client):
                for n in range(300):
                    now_s = clock()
                    place, turn = (float(n), 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)
                    device.send(Pose(entity, now_s, place, turn, registration_epoch=epoch), now_s)
                    await asyncio.sleep(0.002)
                    if (pose := client.knows.poses.get(entity)) is not None:
                        seen.append(pose.time_s)
        hub.leave(device.peer)
        return seen

    seen = on(loop, example())
    assert len(set(seen)) > 50
    assert seen == sorted(seen)
