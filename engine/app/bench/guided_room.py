"""A room to measure guidance in: a head of balls with its plan, and a tracker behind OpenIGTLink that a script moves.

Everything is the real thing but the anatomy and the hand: the command, its processes, the protocol, the sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import numpy as np

from engine.app.plan_file import PlanFile, series_identity, write_plan
from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks
from engine.core.frame import WORLD
from engine.core.grid import Grid
from engine.core.structure import Provenance, Structure
from engine.core.transform import Transform
from engine.ingest.nifti import write_nifti
from engine.ingest.open import take_inventory
from guidance.alerts.level import Bands
from guidance.calibrate.tool_tip import ToolTip
from guidance.devices.openigtlink.messages import ToolKind, TrackedTool, TrackingData
from guidance.devices.openigtlink.transport import Connection, serving
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import Landmark, Plan, PlannedTool, Use, Watched
from guidance.register.rigid_fit import turn
from guidance.track.sample import thing_frame
from guidance.trajectory.trajectory import Trajectory
from guidance.uncertainty.point_error import PointError

STRUCTURES = 20
TARGET = "tumour"
TOOL, REFERENCE = "Pointer", "Reference"
TIP_MM = np.array([1.0, -2.0, -150.0])
HZ = 90.0
_SPACING_MM = 1.5
_SIZE = 120
_HEAD_MM, _BALL_MM = 85.0, 8.0
_LANDMARKS = np.array(
    [(0, -80, 0), (50, -60, 10), (-50, -60, 5), (80, 5, -10), (-80, 5, -8), (0, 10, 82), (0, -60, 56), (60, 20, 50)],
    float,
)
_CHECKS = 2


def balls_mm() -> Float64:
    """(20, 3) middles of the structures; the first is the target's."""
    rng = np.random.default_rng(4)
    made: list[Float64] = [np.array([0.0, -30.0, 20.0])]
    while len(made) < STRUCTURES:
        at = rng.uniform(-60.0, 60.0, 3)
        if np.linalg.norm(at) < 65.0 and min(float(np.linalg.norm(at - one)) for one in made) > 2.5 * _BALL_MM:
            made.append(at)
    return np.array(made)


def make_plan(folder: Path) -> PlanFile:
    """The scan, its structures and their plan, written into `folder` as `plan.json`."""
    matrix = np.diag([_SPACING_MM] * 3 + [1.0])
    matrix[:3, 3] = -_SPACING_MM * (_SIZE - 1) / 2
    grid = Grid.from_matrix((_SIZE,) * 3, matrix, "")
    steps = matrix[0, 3] + _SPACING_MM * np.arange(_SIZE)

    def within(at: Float64, radius_mm: float) -> np.ndarray:
        x, y, z = (steps - at[k] for k in range(3))
        return np.asarray(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2 <= radius_mm**2)

    labels = np.zeros((_SIZE,) * 3, np.uint8)
    labels[within(np.zeros(3), _HEAD_MM)] = 1
    for n, at in enumerate(balls_mm()):
        labels[within(at, _BALL_MM)] = n + 2
    made = Provenance("sightline bench", "1", synthetic=True)
    keys = [TARGET, *(f"structure_{n}" for n in range(1, STRUCTURES))]
    structures = (
        *(Structure(n + 2, key, key.replace("_", " "), None, (200, 120, 80), 1.0, made) for n, key in enumerate(keys)),
        Structure(1, "head", "Head", None, (220, 200, 180), 0.3, made, tuple(range(2, STRUCTURES + 2))),
    )
    scan, drawn = folder / "scan.nii.gz", folder / "structures.nii.gz"
    write_nifti(scan, grid, np.where(labels > 1, 120, np.where(labels == 1, 40, -1000)).astype(np.int16))
    write_nifti(drawn, grid, labels, structures)
    (info,) = take_inventory((scan,)).series
    count = len(_LANDMARKS) - _CHECKS
    file = PlanFile(
        Plan(
            name="A room to measure in",
            series_uid=series_identity(info),
            frame_of_reference_uid="",
            target=TARGET,
            watched=tuple(Watched(key, Bands(6.0, 3.0, 0.0)) for key in keys),
            landmarks=tuple(
                Landmark(f"l{n}", f"Landmark {n + 1}", at, Use.REGISTER if n < count else Use.CHECK)
                for n, at in enumerate(_LANDMARKS)
            ),
            tools=(
                PlannedTool(
                    TOOL,
                    "Pointer",
                    ToolShape(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 120.0]]), 1.5),
                    ToolTip(TIP_MM, PointError(np.eye(3) * 0.01), 0.2, 0.0),
                ),
            ),
            reference=REFERENCE,
            trajectories=(Trajectory("way", "Way", np.array([0.0, -78.0, 33.0]), balls_mm()[0], 1.5),),
        ),
        scan,
        drawn,
    )
    write_plan(folder / "plan.json", file)
    return file


def landmark_mm(landmark: str) -> Float64:
    """(3,) where a landmark of the plan is."""
    return np.asarray(_LANDMARKS[int(landmark[1:])])


class Hand:
    """A tip that is where it is put, over a patient who lies a metre from the camera. No jitter but what is asked."""

    def __init__(self, jitter_mm: float = 0.05) -> None:
        self.tip_mm = np.array([0.0, -120.0, 60.0])
        self.jitter_mm = jitter_mm
        #: What a device does not see now.
        self.hidden: set[str] = set()
        self._rng = np.random.default_rng(0)
        self._world_from_patient = np.eye(4)
        self._world_from_patient[:3, :3] = turn(np.array([0.1, 2.8, 0.2]))
        self._world_from_patient[:3, 3] = (20.0, -30.0, -1100.0)
        self._patient_from_reference = np.eye(4)
        self._patient_from_reference[:3, :3] = turn(np.array([0.4, -0.2, 0.7]))
        self._patient_from_reference[:3, 3] = (90.0, 10.0, -120.0)
        self._patient_from_tool = turn(np.array([1.2, 0.1, 0.0]))  # the shaft leads out over the face

    def places(self) -> Mapping[str, Transform]:
        """`world_from_thing` of what is seen now."""
        patient_from_tool = np.eye(4)
        patient_from_tool[:3, :3] = self._patient_from_tool
        tip = self.tip_mm + self._rng.normal(scale=self.jitter_mm, size=3)
        patient_from_tool[:3, 3] = tip - self._patient_from_tool @ TIP_MM
        matrices = {TOOL: patient_from_tool, REFERENCE: self._patient_from_reference}
        return {
            thing: Transform(WORLD, thing_frame(thing), self._world_from_patient @ matrix)
            for thing, matrix in matrices.items()
            if thing not in self.hidden
        }


@contextlib.asynccontextmanager
async def tracker(hand: Hand, sent: Callable[[float], None]) -> AsyncIterator[str]:
    """An OpenIGTLink server that sends what the hand shows, ninety times a second; `sent` is told when each went."""

    async def serve(connection: Connection) -> None:
        start_s = time.monotonic()
        n = 0
        while not connection.writer.is_closing():
            n += 1
            await asyncio.sleep(max(0.0, start_s + n / HZ - time.monotonic()))
            tools = tuple(TrackedTool(thing, ToolKind.FULL, place.matrix) for thing, place in hand.places().items())
            connection.say(TrackingData(tools), "Tracker", time.time())
            sent(time.monotonic())

    async with serving("127.0.0.1", 0, time.monotonic, serve) as port:
        yield f"igtl://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def guiding(folder: Path, device: str, *more: str) -> AsyncIterator[int]:
    """`sightline guide` on the plan in `folder`; its port, once it serves.

    Raises:
        EnvironmentLacks: it does not start.
    """
    command = (sys.executable, "-m", "engine.app.cli", "guide", str(folder / "plan.json"), "--device", device)
    process = await asyncio.create_subprocess_exec(
        *command, "--port", "0", *more, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=os.environ
    )
    assert process.stdout is not None
    said = ""
    try:
        while line := await process.stdout.readline():
            said += line.decode()
            if found := re.search(r"is ready: http://[^:]+:(\d+)", said):
                draining = asyncio.create_task(process.stdout.read())
                yield int(found.group(1))
                draining.cancel()
                return
        raise EnvironmentLacks(f"guidance did not start: {said.strip()}", "Try `sightline guide`.")
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
