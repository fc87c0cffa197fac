"""`bench soak`: half an hour of a session, as people leave and come back, and what it does to memory.

A real server with a phantom: headsets that connect, stay a few seconds, and go, half of them without a word, coming
back with what they know; a tool at 90 poses a second; a stroke or its undoing every second, and whole surfaces made
again. The memory of each of its processes is read every second. Nothing of it is drawn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from engine.app.bench.browser import serving
from engine.app.bench.row import Row
from engine.core.errors import EnvironmentLacks
from engine.stream.follower import Follower, MissedOps, Told
from engine.stream.messages import PROTOCOL, EditScene, NumberedOp, RefusedMessage, Scene, Snapshot, VolumeNode
from engine.stream.pose import Pose

#: How long, unless the environment says otherwise.
SECONDS = float(os.environ.get("SIGHTLINE_SOAK_S", "1800"))
#: What is filled once (caches, compilers, the tail of ops) has been by then; the slope counts from here.
SETTLED = 1 / 3
HEADSETS = 16
STAY_S = (0.3, 6.0)
EDIT_EVERY_S = 1.0
POSES_PER_S = 90
MIB = 1 << 20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Soak:
    """What happened."""

    visits: int = 0
    resumed: int = 0
    ops: int = 0
    edits: int = 0
    refused: int = 0
    poses: int = 0
    #: By process: when, and how many bytes it held.
    memory: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))


def run(shared_data: Path | None) -> list[Row]:  # noqa: ARG001  every bench is called alike
    """Run it; `SIGHTLINE_SOAK_S` shortens it.

    Raises:
        EnvironmentLacks: no server, or one that did not live through it.
    """
    with tempfile.TemporaryDirectory(prefix="sightline-soak-") as folder:
        command = [sys.executable, "-m", "engine.app.cli", "phantom", "thorax", "--size", "small", "--out", folder]
        subprocess.run(command, check=True, capture_output=True)
        (Path(folder) / "truth.nii.gz").unlink()
        with serving(Path(folder)) as address:
            soak = asyncio.run(_soak(address))
    return _rows(soak)


def _rows(soak: Soak) -> list[Row]:
    case = f"{HEADSETS} headsets coming and going, {SECONDS / 60:.0f} min"
    rows = [
        Row("soak", case, "visits", "", soak.visits),
        Row("soak", case, "visits that went on where they were", "", soak.resumed),
        Row("soak", case, "ops received", "", soak.ops),
        Row("soak", case, "edits", "", soak.edits),
        Row("soak", case, "edits refused", "", soak.refused),
        Row("soak", case, "poses received", "", soak.poses),
    ]
    for name, samples in soak.memory.items():
        at_s, held = np.array(samples).T
        late = at_s >= at_s[0] + SETTLED * SECONDS
        if late.sum() < 2:
            continue
        slope = np.polyfit(at_s[late] / 3600, held[late] / MIB, 1)[0]
        rows.append(Row("soak", case, f"memory of the {name}, at the end", "MiB", held[-1] / MIB))
        rows.append(Row("soak", case, f"memory of the {name}, slope after {SETTLED:.0%}", "MiB/h", float(slope)))
    return rows


async def _soak(address: str) -> Soak:
    soak, end_s = Soak(), time.monotonic() + SECONDS
    await _scene(address)
    cookie = await asyncio.to_thread(_device_cookie, address)
    tasks = [
        _device(address, cookie, end_s),
        _hand(address, soak, end_s),
        _watch_memory(soak, end_s),
        *(_headset(address, soak, end_s, random.Random(n)) for n in range(HEADSETS)),  # noqa: S311
    ]
    async with asyncio.timeout(SECONDS + 120):
        await asyncio.gather(*tasks)
    return soak


async def _scene(address: str) -> Scene:
    """The scene, once there is one."""
    async with asyncio.timeout(300), _connected(address) as (socket, follower):
        while follower.scene is None:
            await _hear(socket, follower)
        return follower.scene


@contextlib.asynccontextmanager
async def _connected(
    address: str, follower: Follower | None = None, cookie: str | None = None
) -> AsyncIterator[tuple[ClientConnection, Follower]]:
    follower = follower or Follower()
    headers = {"Cookie": cookie} if cookie else None
    url = address.replace("http", "ws", 1).rstrip("/") + "/ws"
    async with connect(
        url, subprotocols=[Subprotocol(PROTOCOL)], compression=None, max_size=None, additional_headers=headers
    ) as socket:
        await socket.send(follower.hello(None, time.monotonic()))
        yield socket, follower


async def _hear(socket: ClientConnection, follower: Follower) -> tuple[Told | None, int]:
    """The next frame: what it says, and how many poses were in it."""
    frame, now_s = await socket.recv(), time.monotonic()
    if isinstance(frame, str):
        return follower.receive_text(frame, now_s), 0
    poses = follower.receive_bytes(frame, now_s)
    if said := follower.next_bytes(now_s):
        await socket.send(said)
    return None, len(poses)


async def _headset(address: str, soak: Soak, end_s: float, rng: random.Random) -> None:
    follower = Follower()
    while time.monotonic() < end_s:
        if rng.random() < 0.5:
            follower = Follower()
        knew, had = follower.seq, follower.scene is not None
        soak.visits += 1
        with contextlib.suppress(TimeoutError, ConnectionClosed, MissedOps, OSError):
            async with _connected(address, follower) as (socket, _):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(rng.uniform(*STAY_S)):
                        was_snapshot = False
                        while True:
                            said, poses = await _hear(socket, follower)
                            was_snapshot |= isinstance(said, Snapshot)
                            soak.ops += isinstance(said, NumberedOp)
                            soak.poses += poses
                soak.resumed += had and knew is not None and not was_snapshot
                if rng.random() < 0.5:
                    socket.transport.abort()  # gone without a word


def _device_cookie(address: str) -> str:
    """Let a device in, as a person at the server would."""

    def post(path: str, body: dict[str, Any]) -> Any:
        data = json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  of the server just started
            address.rstrip("/") + path, data, {"Content-Type": "application/json"}
        )
        return urllib.request.urlopen(request)  # noqa: S310

    code = json.load(post("/api/invitations", {"role": "device"}))["code"]
    cookie = post("/api/pair", {"code": code}).headers["Set-Cookie"]
    return str(cookie.partition(";")[0])


async def _device(address: str, cookie: str, end_s: float) -> None:
    async with _connected(address, cookie=cookie) as (socket, follower):
        things = [{"id": "tool", "name": "Pointer", "thing": "tool"}]
        await socket.send(json.dumps({"type": "track", "request": "t", "things": things}))

        async def hear() -> None:
            while True:
                await _hear(socket, follower)

        hearing = asyncio.create_task(hear())
        step = 0
        while time.monotonic() < end_s:
            entity = follower.entity_of("tool")
            if entity is not None and follower.offset(time.monotonic()) is not None:
                place = (10.0 * np.cos(step / 50), 10.0 * np.sin(step / 50), 0.0)
                await socket.send(follower.sent(Pose(entity, time.monotonic(), place, (1.0, 0.0, 0.0, 0.0))))
            step += 1
            await asyncio.sleep(1 / POSES_PER_S)
            if hearing.done():
                hearing.result()
                raise EnvironmentLacks("the server sent the tool away", "Run it again.")
        hearing.cancel()


async def _hand(address: str, soak: Soak, end_s: float) -> None:
    """Paints somewhere and takes it back, for ever."""
    rng = random.Random(1)  # noqa: S311  which place, is all it chooses
    async with _connected(address) as (socket, follower):
        while follower.scene is None:
            await _hear(socket, follower)

        async def hear() -> None:
            while True:
                said, _ = await _hear(socket, follower)
                soak.refused += isinstance(said, RefusedMessage)
                soak.edits += isinstance(said, NumberedOp) and isinstance(said.op, EditScene)

        hearing = asyncio.create_task(hear())
        volume = next(node for node in follower.scene.nodes if isinstance(node, VolumeNode))
        matrix, shape = np.reshape(volume.patient_from_voxel, (4, 4)), np.array(volume.shape)
        key = next(node.structure.key for node in follower.scene.nodes if node.kind == "surface" and node.lods)
        asked = 0
        while time.monotonic() < end_s and not hearing.done():
            base: dict[str, object] = {"request": f"r{asked}", "scene": follower.scene.id}
            if asked % 2:
                message = base | {"type": "step", "direction": "undo"}
            else:
                voxel = [rng.uniform(0.3, 0.7) * n for n in shape]
                at_mm = (matrix[:3, :3] @ voxel + matrix[:3, 3]).tolist()
                message = base | {
                    "type": "stroke", "tool": "brush", "key": key, "points_mm": [at_mm], "radius_mm": 10.0,
                }  # fmt: skip
            await socket.send(json.dumps(message))
            asked += 1
            await asyncio.sleep(EDIT_EVERY_S if asked % 20 else 4 * EDIT_EVERY_S)  # at times a hand rests
        if hearing.done():
            hearing.result()
        hearing.cancel()


async def _watch_memory(soak: Soak, end_s: float) -> None:
    while time.monotonic() < end_s:
        now_s = time.monotonic()
        for name, pid in _processes():
            with contextlib.suppress(OSError):
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                soak.memory[name].append((now_s, pages * PAGE_BYTES))
        await asyncio.sleep(1.0)


def _processes() -> list[tuple[str, int]]:
    """The server and its children by what they are: the worker is started with it, the editor by the first stroke."""
    found = []
    for server in _children(os.getpid()):
        made = [pid for pid in _children(server) if b"resource_tracker" not in _command(pid)]
        found += [("server", server), *zip(("worker", "editor"), made, strict=False)]
    return found


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        text = "".join(each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/children"))
        return sorted(int(child) for child in text.split())
    return []
