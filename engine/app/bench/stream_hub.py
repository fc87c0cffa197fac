"""The hub that `bench stream` measures: the product's server with a tool at 90 poses a second and edits of the scene.

`python -m engine.app.bench.stream_hub`: prints its port, then, told to end, what its loop was late by.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from engine.app.priority import stay_prompt, tidy
from engine.app.serve import Listening, listening_socket, server_config
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.hub import Hub
from engine.stream.messages import (
    EditRequest,
    Job,
    ProvenanceMessage,
    PutNode,
    ReplaceScene,
    Scene,
    StructureMessage,
    SurfaceLod,
    SurfaceNode,
    TrackedNode,
)
from engine.stream.pairing import PairingDesk
from engine.stream.pose import Pose
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog
from engine.stream.server import create_app

POSES_PER_S = 90.0
EDITS_PER_S = 10.0
STRUCTURES = 20
#: Between two looks at how late the loop is.
LAG_EVERY_S = 0.005
TOOL = 1


def structure_node(number: int, opacity: float) -> SurfaceNode:
    """A structure as a scene has it; its blob is never asked for here."""
    provenance = ProvenanceMessage(pipeline="bench", version="1", parameters={}, synthetic=True)
    key = f"structure {number}"
    return SurfaceNode(
        id=key,
        structure=StructureMessage(
            label=number, key=key, name=key, code=None, colour=(200, 100, 90), opacity=opacity, provenance=provenance
        ),
        lods=tuple(
            SurfaceLod(blob=f"{number:064x}", bytes=100_000, triangles=30_000, error_mm=e) for e in (0.0, 0.5, 1.5)
        ),
        volume_ml=10.0,
        surface_area_mm2=1000.0,
        closed=True,
        source="bench",
        frame_of_reference_uid="2.25.1",
        registration_epoch=0,
    )


def scene() -> Scene:
    """Twenty structures and a tool."""
    tool = TrackedNode(
        id="tool", name="Tool", entity=TOOL, thing="tool", source="bench", frame_of_reference_uid="2.25.1",
        registration_epoch=0,
    )  # fmt: skip
    return Scene(
        id="bench",
        title="Bench",
        frame_of_reference_uid="2.25.1",
        registration_epoch=0,
        headset_from_patient=(1e-3, 0, 0, 0, 0, 0, 1e-3, 0, 0, -1e-3, 0, 0, 0, 0, 0, 1),
        nodes=(*(structure_node(n, 1.0) for n in range(1, STRUCTURES + 1)), tool),
    )


class Nothing:
    """A session in which nothing is opened."""

    def jobs(self) -> tuple[Job, ...]:
        """None."""
        return ()

    def blob_path(self, _sha256: str) -> Path | None:
        """None."""
        return None

    def edit(self, _request: EditRequest, refuse: Callable[[str], None]) -> None:
        """Not here."""
        refuse("this is a bench")


async def at_rate(per_s: float, act: Callable[[int], None]) -> None:
    """Call `act` at even times, whatever each call takes."""
    start_s = time.monotonic()
    for n in range(sys.maxsize):
        act(n)
        await asyncio.sleep(max(0.0, start_s + (n + 1) / per_s - time.monotonic()))


def main() -> None:
    """Serve until interrupted."""
    access = Access(LOOPBACK_HOSTS, PairingDesk(secrets.token_bytes), Role.VIEWER)
    hub = Hub(SceneLog("bench"), access, lambda *_: None)
    late_ms: list[float] = []
    edits = 0

    def move(n: int) -> None:
        angle = n / 40
        now_s = time.monotonic()
        hub.pose(Pose(TOOL, now_s, (50 * math.cos(angle), 50 * math.sin(angle), 10.0), (1.0, 0.0, 0.0, 0.0)))

    def edit(n: int) -> None:
        nonlocal edits
        edits += 1
        hub.publish(PutNode(node=structure_node(1 + n % STRUCTURES, 0.5 + (n % 5) / 10)))

    async def look() -> None:
        while True:
            due_s = time.monotonic() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            late_ms.append(1000 * (time.monotonic() - due_s))

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        hub.publish(ReplaceScene(scene=scene()))
        going_on = (at_rate(POSES_PER_S, move), at_rate(EDITS_PER_S, edit), look(), tidy())
        tasks = [asyncio.create_task(each) for each in going_on]
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, late_ms.clear)
        yield
        for task in tasks:
            task.cancel()

    stay_prompt()
    sock = listening_socket(Listening("127.0.0.1", 0, tls=False))
    print(sock.getsockname()[1], flush=True)  # noqa: T201  what whoever started it waits for
    app = create_app(Nothing(), hub, None, lifespan, time.monotonic)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(server_config(app)).run(sockets=[sock])
    print(json.dumps({"late_ms": late_ms, "edits": edits}))  # noqa: T201


if __name__ == "__main__":
    main()
