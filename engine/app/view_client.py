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

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from engine.app.event_loop import call_on
from engine.app.view_address import ServerAddress
from engine.app.view_blobs import BlobStore, BlobUnavailable
from engine.app.view_feed import Feed
from engine.app.view_guidance import ReadingsOf, aim_of, guide_request, guided_of
from engine.app.view_requests import edit_request
from engine.app.view_scene import (
    choose_levels,
    drawn_surface,
    drawn_volume,
    label_box,
    matrix_of,
    shown_at_first,
    slab_box,
    tool_sample,
    voxel_from_headset,
)
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from engine.stream.follower import SILENT_AFTER_S, Follower, MissedOps
from engine.stream.messages import (
    PROTOCOL,
    ErrorMessage,
    LabelBox,
    RefusedMessage,
    Request,
    Scene,
    Slab,
    SurfaceNode,
    TrackedNode,
    VolumeNode,
    Welcome,
)
from engine.stream.named_blobs import blobs_of
from engine.stream.reading import Reading
from engine.xr.brush import Correction
from engine.xr.drawn import DrawnSurface, SceneBegins, SurfaceGone, VolumeBox
from engine.xr.guided import Aim, Asked, Guided, Touched
from engine.xr.tool import ToolSample

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 8.0
#: Close codes from here on are the server's own refusals: asking again would not help.
FIRST_REFUSAL_CODE = 4400
#: A snapshot after a thousand patches is a few megabytes.
LARGEST_MESSAGE_BYTES = 64 * 2**20
#: A dead line is noticed within these two together.
PING_S, PONG_S = 3.0, 5.0
PARALLEL_FETCHES = 4

Value = TypeVar("Value")


def back_off_s(attempt: int, chance: float) -> float:
    """How long to wait before attempt `attempt` (from 0): doubling, jittered by `chance` (0 to 1) so peers spread."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt, 10)) * (0.5 + chance / 2)


def work_of(follower: Follower) -> str:
    """What the server is doing, in words; why it failed, while there is nothing else to see."""
    running = [job for job in follower.jobs.values() if job.state in ("queued", "running")]
    if running:
        return f"{running[-1].stage or 'waiting'}, {running[-1].fraction:.0%}"
    failures = [job.error.summary for job in follower.jobs.values() if job.state == "failed" and job.error is not None]
    return failures[-1] if failures and follower.scene is None else ""


class ViewClient:
    """The network side of `sightline view`."""

    def __init__(self, address: ServerAddress, context: ssl.SSLContext | None, feed: Feed) -> None:
        self.feed = feed
        self.blobs = BlobStore(address, context)
        self.follower = Follower(lambda blob: self.blobs.put(blob.sha256, blob.data))
        self._address = address
        self._context = context
        self._socket: ClientConnection | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._has_touched = False
        self._guided: Guided | None = None
        self._readings_of: ReadingsOf | None = None
        self._told_readings: tuple[Reading, ...] = ()
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
            call_on(self._loop, self._task.cancel)
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
        self.feed.on_detail = lambda: call_on(self._loop, self._changed.set)
        self.feed.on_correction = lambda correction: call_on(self._loop, self._correct, correction)
        self.feed.on_aim = self._aim
        self.feed.on_ask = lambda asked: call_on(self._loop, self._ask, asked)
        await _first_to_end(asyncio.ensure_future(self._follow()), asyncio.ensure_future(self._bring()))

    # The socket

    async def _follow(self) -> None:
        attempt = 0
        lost = "The server cannot be reached; trying"
        while True:
            try:
                await self._in_pool(self.blobs.let_in)
                async with self._connection() as socket:
                    attempt = 0
                    lost = "Reconnecting…"
                    self._socket = socket
                    try:
                        await self._listen(socket)
                    finally:
                        self._socket = None
            except ssl.SSLCertVerificationError as error:
                raise EnvironmentLacks(
                    f"the server's certificate is not trusted here ({error.verify_message})",
                    "Copy the certificate that the server names when it starts, and give it with --ca FILE.",
                ) from error
            except BlobUnavailable as error:
                raise InputRefused(f"{error}: each code lets in once; `sightline invite` makes another") from error
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else 0
                if code >= FIRST_REFUSAL_CODE:
                    raise InputRefused(f"The server refused: {error.rcvd.reason if error.rcvd else ''}") from error
            except (OSError, InvalidHandshake, TimeoutError, MissedOps, ValidationError):
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
            additional_headers={"Cookie": self.blobs.cookie} if self.blobs.cookie else None,
        )

    def _correct(self, correction: Correction) -> None:
        """Send what a hand did; what cannot be sent is said to be not done."""
        scene = self.follower.scene
        request = None if scene is None else edit_request(scene, correction)
        if request is not None:
            self._send(request, "not connected: this was not corrected")

    def _ask(self, asked: Asked) -> None:
        """Send what a person asks of the guidance session."""
        self._has_touched |= isinstance(asked, Touched)
        if self.follower.scene is not None:
            self._send(guide_request(self.follower.scene, asked), "not connected: this was not asked")

    def _send(self, request: Request, otherwise: str) -> None:
        socket = self._socket
        if socket is None:
            self.feed.refuse(otherwise)
            return
        sending = self._loop.create_task(_sent(socket, request.model_dump_json()))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _listen(self, socket: ClientConnection) -> None:
        await socket.send(self.follower.hello(None, time.monotonic()))
        while True:
            try:
                # `wait_for` of Python 3.11 may lose a cancellation that comes together with a message.
                async with asyncio.timeout(SILENT_AFTER_S):
                    message = await socket.recv()
            except TimeoutError:
                self.feed.say(connection="No word from the server")
                continue
            self._take(message, time.monotonic())
            self.feed.heard()
            self.feed.say(connection="Connected", work=work_of(self.follower))
            if said := self.follower.next_bytes(time.monotonic()):
                await socket.send(said)

    def _take(self, message: str | bytes, now_s: float) -> None:
        if isinstance(message, bytes):
            with contextlib.suppress(InvalidValue):  # a record of a kind that came later than this client
                self.follower.receive_bytes(message, now_s)
        else:
            said = self.follower.receive_text(message, now_s)
            if isinstance(said, ErrorMessage):
                raise InputRefused(f"The server refused: {said.summary}")
            if isinstance(said, RefusedMessage):
                self.feed.refuse(said.summary)
            elif isinstance(said, Welcome):
                self.feed.may(correct="edit" in said.may)
            self._changed.set()
            self._stand_guided()
        self._tell_tools(now_s)
        self._tell_guidance(now_s)

    def _stand_guided(self) -> None:
        """The scene may have changed, and with it how the guidance session stands."""
        scene, welcome = self.follower.scene, self.follower.welcome
        member = None if welcome is None else welcome.member
        self._guided = None if scene is None else guided_of(scene, member, has_touched=self._has_touched)
        self._readings_of = None if self._guided is None or scene is None else ReadingsOf(scene)
        self._told_readings = ()

    def _aim(self, tool: ToolSample) -> Aim | None:
        """Asked by the headset's own thread: a scene never changes, another takes its place."""
        scene = self.follower.scene
        return None if scene is None else aim_of(scene, tool)

    def _tell_guidance(self, now_s: float) -> None:
        """What is measured; nothing is, while nobody knows how old it is."""
        if self._readings_of is None:
            self.feed.set_guided(None, ())
            return
        is_timed = self.follower.offset(now_s) is not None
        readings = tuple(self.follower.readings.values()) if is_timed else ()
        if not readings or readings != self._told_readings:
            self._told_readings = readings
            self.feed.set_guided(self._guided, self._readings_of(readings))

    def _tell_tools(self, now_s: float) -> None:
        """Where everything is that moves; nothing, while nobody knows how old that is."""
        scene, offset = self.follower.scene, self.follower.offset(now_s)
        if scene is None or offset is None:
            self.feed.set_tools((), 0.0)
            return
        nodes = {node.entity: node for node in scene.nodes if isinstance(node, TrackedNode)}
        known = [(nodes[pose.entity], pose) for pose in self.follower.poses.values() if pose.entity in nodes]
        samples = (tool_sample(scene, node, pose) for node, pose in known)
        self.feed.set_tools(tuple(each for each in samples if each is not None), offset.offset_s)

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
        self.blobs.keep(frozenset(blobs_of(scene)))
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
        look = (blob, node.patches, node.moved, node.structure.colour, node.structure.opacity, node.structure.pattern)
        if self._brought.surfaces.get(node.id) == look:
            return

        def made() -> DrawnSurface:
            at_first = shown_at_first(each for each in scene.nodes if isinstance(each, SurfaceNode))
            lattice = voxel_from_headset(scene, volume)
            order = scene.nodes.index(node)
            return drawn_surface(
                node,
                chosen,
                lattice,
                matrix_of(scene.headset_from_patient),
                self.blobs.get,
                is_shown=at_first[node.id],
                order=order,
            )

        self.feed.put(await self._in_pool(made))
        self._brought.surfaces[node.id] = look

    async def _bring_volume(self, scene: Scene, node: VolumeNode) -> None:
        """Slabs once; boxes of edited labels over them, in their order."""
        volume = (node.id, node.slabs)
        if self._brought.volume != volume:
            self._brought.volume, self._brought.boxes, self._brought.slabs = volume, (), set()
            self.feed.put(drawn_volume(scene, node))
        waiting = [*((slab, False) for slab in node.slabs), *((slab, True) for slab in node.label_slabs)]
        for place in waiting:
            if place in self._brought.slabs:
                continue
            self.feed.put(await self._in_pool(partial(self._slab, node, *place)))
            self._brought.slabs.add(place)
            if place[1]:
                self._brought.boxes = ()  # they lie over the slabs
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
        self.slabs: set[tuple[Slab, bool]] = set()
        self.boxes: tuple[LabelBox, ...] = ()


async def _sent(socket: ClientConnection, text: str) -> None:
    with contextlib.suppress(ConnectionClosed):  # said by the panel: the connection is lost
        await socket.send(text)


def _bytes_of(step: tuple[SurfaceNode, int]) -> int:
    node, level = step
    return node.lods[level].bytes if node.lods else 0


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
