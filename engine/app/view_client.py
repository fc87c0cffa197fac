"""A client of `sightline.v1` in a thread of its own: follows the scene, brings its blobs, comes back when cut off."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from engine.app.view_address import ServerAddress
from engine.app.view_blobs import BlobStore, BlobUnavailable
from engine.app.view_clock import ArrivalClock
from engine.app.view_feed import Feed
from engine.app.view_scene import (
    blobs_of,
    choose_levels,
    drawn_surface,
    drawn_volume,
    label_box,
    shown_at_first,
    slab_box,
    tool_sample,
    voxel_from_headset,
)
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from engine.stream.messages import (
    PROTOCOL,
    ErrorMessage,
    Hello,
    Job,
    JobUpdate,
    LabelBox,
    NumberedOp,
    RefusedMessage,
    Scene,
    Slab,
    Snapshot,
    SurfaceNode,
    VolumeNode,
)
from engine.stream.messages import ServerMessage as AnyServerMessage
from engine.stream.pose import PoseSlots, decode_pose
from engine.stream.scene_log import apply_op
from engine.xr.drawn import DrawnSurface, SceneBegins, SurfaceGone, VolumeBox

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 8.0
#: Close codes from here on are the server's own refusals: asking again would not help.
FIRST_REFUSAL_CODE = 4400
#: A snapshot after a thousand patches is a few megabytes.
LARGEST_MESSAGE_BYTES = 64 * 2**20
#: A dead line is noticed within these two together.
PING_S, PONG_S = 3.0, 5.0
PARALLEL_FETCHES = 4
#: Hashes told in a hello: it may take 256 kB in all.
MOST_HELD_TOLD = 1000

Value = TypeVar("Value")

_SERVER_MESSAGE: TypeAdapter[Snapshot | NumberedOp | JobUpdate | RefusedMessage | ErrorMessage] = TypeAdapter(
    AnyServerMessage
)


def back_off_s(attempt: int, chance: float) -> float:
    """How long to wait before attempt `attempt` (from 0): doubling, jittered by `chance` (0 to 1) so peers spread."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt, 10)) * (0.5 + chance / 2)


class OutOfStep(Exception):
    """What came does not follow from what is known: start over from a snapshot rather than draw half a truth."""


class SceneFollower:
    """Folds what the server says into a scene. No I/O.

    Attributes:
        scene: as of `last_seq` of `epoch`.
        jobs: the latest state of each.
    """

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.last_seq: int | None = None
        self.scene: Scene | None = None
        self.jobs: dict[str, Job] = {}

    def hello(self, token: str | None, held: tuple[str, ...]) -> str:
        """The first message of a connection."""
        told = held[:MOST_HELD_TOLD]
        hello = Hello(protocol=PROTOCOL, token=token, epoch=self.epoch, last_seq=self.last_seq, have=told)
        return hello.model_dump_json()

    def receive(self, text: str | bytes) -> str | None:
        """Take one text message; returns why the server refuses, or None.

        Raises:
            OutOfStep: a hole in the numbers, or a message that makes no sense here; the next hello asks for everything.
        """
        try:
            message = _SERVER_MESSAGE.validate_json(text)
            if isinstance(message, Snapshot):
                self.epoch, self.last_seq, self.scene = message.epoch, message.seq, message.scene
                self.jobs = {job.id: job for job in message.jobs}
            elif isinstance(message, NumberedOp):
                if self.last_seq is None or message.seq != self.last_seq + 1:
                    raise OutOfStep("a change is missing")  # noqa: TRY301
                self.scene = apply_op(self.scene, message.op)
                self.last_seq = message.seq
            elif isinstance(message, JobUpdate):
                self.jobs[message.job.id] = message.job
        except (OutOfStep, ValidationError, KeyError) as error:
            self.epoch = self.last_seq = None
            raise OutOfStep(str(error)) from error
        return message.summary if isinstance(message, ErrorMessage) else None

    @property
    def work(self) -> str:
        """What the server is doing, in words."""
        running = [job for job in self.jobs.values() if job.state in ("queued", "running")]
        if running:
            return f"{running[-1].stage or 'waiting'}, {running[-1].fraction:.0%}"
        failed = [job for job in self.jobs.values() if job.state == "failed" and job.error is not None]
        return failed[-1].error.summary if failed and self.scene is None and failed[-1].error else ""


class ViewClient:
    """The network side of `sightline view`."""

    def __init__(self, address: ServerAddress, context: ssl.SSLContext | None, feed: Feed) -> None:
        self.feed = feed
        self.blobs = BlobStore(address, context)
        self.follower = SceneFollower()
        self._address = address
        self._context = context
        self._clock = ArrivalClock()
        self._poses = PoseSlots()
        self._changed = asyncio.Event()
        self._brought = _Brought()
        self._pool = ThreadPoolExecutor(PARALLEL_FETCHES, thread_name_prefix="blobs")
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._task = self._loop.create_task(self._live())
        self._thread.start()

    def stop(self) -> None:
        """End what was started, and wait until it has."""
        if self._task is not None:
            _quietly(self._loop, self._task.cancel)
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        assert self._task is not None
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # told by the thread that people watch
            self.feed.failure = error
        finally:
            self._loop.close()

    async def _live(self) -> None:
        self.feed.on_detail = lambda: _quietly(self._loop, self._changed.set)
        await _first_to_end(asyncio.ensure_future(self._follow()), asyncio.ensure_future(self._bring()))

    # The socket

    async def _follow(self) -> None:
        attempt = 0
        lost = "The server cannot be reached; trying"
        while True:
            try:
                await self._in_pool(self.blobs.begin_session)
                async with self._connection() as socket:
                    attempt = 0
                    lost = "Reconnecting…"
                    await self._listen(socket)
            except ssl.SSLCertVerificationError as error:
                raise EnvironmentLacks(
                    f"the server's certificate is not trusted here ({error.verify_message})",
                    "Copy the certificate that the server names when it starts, and give it with --ca FILE.",
                ) from error
            except BlobUnavailable as error:
                raise InputRefused(f"{error}: open the address that the server printed, with its token") from error
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else 0
                if code >= FIRST_REFUSAL_CODE:
                    raise InputRefused(f"The server refused: {error.rcvd.reason if error.rcvd else ''}") from error
            except (OSError, InvalidHandshake, TimeoutError, OutOfStep):
                pass
            except InvalidURI as error:
                raise InvalidValue(f"{self._address.host} is no host") from error
            self.feed.say(connection=lost)
            await asyncio.sleep(back_off_s(attempt, random.random()))  # noqa: S311
            attempt += 1

    def _connection(self) -> Any:
        return connect(
            self._address.socket_url,
            ssl=self._context if self._address.is_tls else None,
            subprotocols=[Subprotocol(PROTOCOL)],
            compression=None,
            proxy=None,
            max_size=LARGEST_MESSAGE_BYTES,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            close_timeout=1.0,
            user_agent_header=None,
        )

    async def _listen(self, socket: ClientConnection) -> None:
        await socket.send(self.follower.hello(self._address.token, self.blobs.held))
        self.feed.say(connection="Connected")
        async for message in socket:
            if isinstance(message, bytes):
                self._take_pose(message)
                continue
            before = self._run_and_scene()
            refusal = self.follower.receive(message)
            if self._run_and_scene() != before:
                # Another run has another clock, another scene another patient.
                self._clock, self._poses = ArrivalClock(), PoseSlots()
                self.feed.forget_tools()
            if refusal is not None:
                raise InputRefused(f"The server refused: {refusal}")
            self.feed.say(work=self.follower.work)
            self._changed.set()
        raise ConnectionResetError

    def _run_and_scene(self) -> tuple[str | None, str | None]:
        scene = self.follower.scene
        return self.follower.epoch, None if scene is None else scene.id

    def _take_pose(self, data: bytes) -> None:
        """Draw where a tool is; frames of other kinds, and poses that cannot be right, are passed over."""
        arrived_s = time.monotonic()
        with contextlib.suppress(InvalidValue):
            pose = decode_pose(data)
            offset_s = self._clock.hub_from_monotonic_s(pose.time_s, arrived_s)
            if self.follower.scene is None or not self._poses.put(pose):
                return
            sample = tool_sample(self.follower.scene, pose)
            if sample is not None:
                self.feed.put_tool(sample, offset_s)

    # What is drawn

    async def _bring(self) -> None:
        """Keep what is drawn in step with the scene, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._bring_up()
            except (OSError, BlobUnavailable):
                # Cut off, or the scene has moved on: what comes next says what is wanted then.
                await asyncio.sleep(FIRST_WAIT_S)
                self._changed.set()
            except InvalidValue as error:
                raise InputRefused(f"The server sent what cannot be drawn: {error}") from error

    async def _bring_up(self) -> None:
        scene = self.follower.scene
        if scene is None:
            if self._brought.scene is not None:
                self._brought = _Brought()
                self.feed.put(SceneBegins(""))
            return
        if scene.id != self._brought.scene:
            self._brought = _Brought(scene.id)
            self.feed.put(SceneBegins(scene.title))
        self.blobs.keep(blobs_of(scene))
        surfaces = [node for node in scene.nodes if isinstance(node, SurfaceNode)]
        volume = next((node for node in scene.nodes if isinstance(node, VolumeNode)), None)
        for gone in self._brought.surfaces.keys() - {node.id for node in surfaces}:
            del self._brought.surfaces[gone]
            self.feed.put(SurfaceGone(gone))
        for node, level in self._steps(surfaces):
            await self._bring_surface(scene, volume, node, level)
            if self.follower.scene is not scene:
                self._changed.set()
                return
        if volume is not None:
            await self._bring_volume(scene, volume)

    def _steps(self, surfaces: list[SurfaceNode]) -> list[tuple[SurfaceNode, int]]:
        """What to bring at which level, in order: something of everything, then as fine as can be seen, small first."""
        coarsest = {node.id: len(node.lods) - 1 for node in surfaces}
        shown = self.feed.shown
        seen = [node for node in surfaces if (shown_at_first(surfaces)[node.id] if shown is None else node.id in shown)]
        wanted = coarsest | choose_levels(seen, self.feed.pixels_per_mm)
        fresh = [(node, coarsest[node.id]) for node in surfaces if node.id not in self._brought.surfaces]
        return sorted(fresh, key=_bytes_of) + sorted(((node, wanted[node.id]) for node in surfaces), key=_bytes_of)

    async def _bring_surface(self, scene: Scene, volume: VolumeNode | None, node: SurfaceNode, level: int) -> None:
        chosen = level if node.lods else None
        blob = node.lods[level].blob if node.lods else None
        look = (blob, node.patches, node.structure.colour, node.structure.opacity)
        if self._brought.surfaces.get(node.id) == look:
            return

        def made() -> DrawnSurface:
            at_first = shown_at_first(each for each in scene.nodes if isinstance(each, SurfaceNode))
            lattice = voxel_from_headset(scene, volume)
            order = scene.nodes.index(node)
            return drawn_surface(node, chosen, lattice, self.blobs.get, is_shown=at_first[node.id], order=order)

        self.feed.put(await self._in_pool(made))
        self._brought.surfaces[node.id] = look

    async def _bring_volume(self, scene: Scene, node: VolumeNode) -> None:
        """Slabs once; boxes of edited labels over them, in their order."""
        slabs = (node.id, node.slabs, node.label_slabs)
        if self._brought.volume != slabs:
            self._brought.volume, self._brought.boxes, self._brought.slabs = slabs, (), 0
            self.feed.put(drawn_volume(scene, node))
        waiting = [*((slab, False) for slab in node.slabs), *((slab, True) for slab in node.label_slabs)]
        for slab, is_labels in waiting[self._brought.slabs :]:
            self.feed.put(await self._in_pool(partial(self._slab, node, slab, is_labels)))
            self._brought.slabs += 1
            if self.follower.scene is not scene:
                self._changed.set()
                return
        for box in node.label_boxes:
            if box not in self._brought.boxes:
                self.feed.put(await self._in_pool(partial(self._box, box)))
        self._brought.boxes = node.label_boxes

    def _slab(self, node: VolumeNode, slab: Slab, is_labels: bool) -> VolumeBox:
        return slab_box(node, slab, self.blobs.get(slab.blob), is_labels=is_labels)

    def _box(self, box: LabelBox) -> VolumeBox:
        return label_box(box, self.blobs.get(box.blob))

    async def _in_pool(self, work: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


class _Brought:
    """What the headset has been given."""

    def __init__(self, scene: str | None = None) -> None:
        self.scene = scene
        self.surfaces: dict[str, tuple[object, ...]] = {}
        self.volume: tuple[object, ...] | None = None
        self.slabs = 0
        self.boxes: tuple[LabelBox, ...] = ()


def _bytes_of(step: tuple[SurfaceNode, int]) -> int:
    node, level = step
    return node.lods[level].bytes if node.lods else 0


def _quietly(loop: asyncio.AbstractEventLoop, act: Callable[[], object]) -> None:
    with contextlib.suppress(RuntimeError):  # the network has ended; the headset ends next
        loop.call_soon_threadsafe(act)


async def _first_to_end(*tasks: asyncio.Future[None]) -> None:
    """Until one of them fails; none is left behind."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
