"""A guidance session as a browser meets it, with nothing behind it but a script: poses and readings at the pace of a
tracker, faults when a test says so, and answers to what is asked.

Distances are those of spheres, worked out here and not by the product: what a page draws is compared with them.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import FastAPI

from engine.core.unknown import Why
from engine.stream.codec import row_major
from engine.stream.guiding import (
    Accuracy,
    Alert,
    ChooseAsk,
    Clearance,
    ExpectedError,
    Guidance,
    GuidedBands,
    GuidedDevice,
    GuidedLandmark,
    GuidedStructure,
    GuidedTool,
    HeadsetPlace,
    MarginAsk,
    MarginBand,
    QuietAsk,
    Resection,
    SolveAsk,
    TouchAsk,
    Trajectory,
    TrajectoryAsk,
)
from engine.stream.messages import (
    GuideRequest,
    Op,
    Registration,
    ReplaceScene,
    Scene,
    SetAlerts,
    SetGuidance,
    SetRegistration,
    SurfaceNode,
    TrackedNode,
)
from engine.stream.pose import Pose
from engine.stream.reading import Reading, ReadingRow
from engine.stream.roles import Role
from tests.e2e.console_server import Console, surface_node

Vec = npt.NDArray[np.float64]

RATE_HZ = 75.0
EPOCH = 2
PROBE = 7
TIP_ERROR_MM = 0.6
#: The middle of the nodule, where the way leads, and where it begins on the skin.
TARGET_MM = (40.0, -10.0, 12.0)
ENTRY_MM = (40.0, -62.0, 12.0)
LANDMARKS = (
    ("nasion", "Nasion", (0.0, -76.0, 40.0), "register"),
    ("left-ear", "Left tragus", (84.0, 0.0, 10.0), "register"),
    ("right-ear", "Right tragus", (-84.0, 0.0, 10.0), "register"),
    ("chin", "Chin", (0.0, -60.0, -48.0), "check"),
)
#: Spheres that distances are told of: node, name, middle, radius.
SPHERES = (
    ("surface-nodule", "Tumour", TARGET_MM, 9.0),
    ("surface-bone", "Optic nerve", (18.0, -18.0, 12.0), 4.0),
    ("surface-lung_left", "Internal carotid artery", (34.0, 24.0, 0.0), 12.0),
    ("surface-body", "Motor cortex", (70.0, -10.0, 40.0), 14.0),
)
BANDS = GuidedBands(near_mm=5, risk_mm=2, breach_mm=0)

#: How an alert of each priority is told (guidance.alerts.level).
SIGNS: dict[str, dict[str, Any]] = {
    "high": {"shape": "octagon", "colour": "red", "flashes_hz": 2.0, "pulses": 10, "between_s": 2.5},
    "medium": {"shape": "triangle", "colour": "yellow", "flashes_hz": 0.6, "pulses": 3, "between_s": 7.5},
    "low": {"shape": "circle", "colour": "cyan", "flashes_hz": 0.0, "pulses": 1, "between_s": 30.0},
}


def alert(priority: str, text: str, **changes: Any) -> Alert:
    """An alert of a structure."""
    fields = {"id": text.split(":")[0].lower().replace(" ", "-"), "sounds": True, "may_be_quiet": True, "since_s": 0.0}
    return Alert.model_validate({**fields, **SIGNS[priority], "priority": priority, "text": text, **changes})


@dataclass
class Faults:
    """What goes wrong from now on."""

    tool_lost: bool = False
    reference_lost: bool = False
    #: No poses and no readings at all.
    silent: bool = False
    #: Readings of a registration that is not in force any more.
    stale_registration: bool = False
    #: Rows that are not known, by their number.
    unknown_rows: frozenset[int] = frozenset()


def way(identifier: str, name: str, entry_mm: tuple[float, float, float], **more: Any) -> Trajectory:
    """A way to the target."""
    return Trajectory(id=identifier, name=name, entry_mm=entry_mm, target_mm=TARGET_MM, radius_mm=1.2, **more)


WAYS = (
    way("way-1", "Frontal", ENTRY_MM, cost=0.21, angle_deg=8.0, clearances=(
        Clearance(name="Optic nerve", least_mm=17.1, depth_mm=40.0),
        Clearance(name="Motor cortex", least_mm=26.5, depth_mm=50.0),
    )),
    way("way-2", "Lateral", (80.0, -34.0, 12.0), cost=0.36, angle_deg=22.0, clearances=(
        Clearance(name="Motor cortex", least_mm=6.2, depth_mm=21.0),
    )),
    way("way-3", "Superior", (58.0, -20.0, 76.0), refused="comes within 1.4 mm of Motor cortex"),
)  # fmt: skip


def guidance(**changes: Any) -> Guidance:
    """A session that guides."""
    fields: dict[str, Any] = {
        "revision": 1,
        "step": "guide",
        "next": "Follow the frontal way to the tumour.",
        "plan": "Tumour, frontal approach",
        "device": GuidedDevice(name="Simulated tracker", state="live", simulated=True),
        "tools": (GuidedTool(node="probe", name="Probe", tip_error_mm=TIP_ERROR_MM),),
        "landmarks": tuple(
            GuidedLandmark(
                id=i, name=name, patient_mm=at, use=use, state="touched",  # type: ignore[arg-type]
                off_mm=1.1 if use == "check" else None, expected_mm=1.9 if use == "check" else None,
            )
            for i, name, at, use in LANDMARKS
        ),
        "accuracy": Accuracy(
            epoch=EPOCH, method="three landmarks", measured_mm=1.1, checked_s=time.time() - 60,
            due_s=time.time() + 840, expected=(ExpectedError(name="Tumour", patient_mm=TARGET_MM, error_mm=1.4),),
        ),
        "structures": tuple(
            GuidedStructure(node=node, name=name, bands=BANDS, error_mm=0.2) for node, name, _, _ in SPHERES
        ),
        "target": "surface-nodule",
        "trajectories": WAYS,
        "chosen": "way-1",
        "margins": (
            MarginBand(id="safety", name="Safety margin", distance_mm=5.0, node="margin-safety", volume_ml=11.5),
            MarginBand(id="risk", name="Risk margin", distance_mm=10.0, node="margin-risk", volume_ml=28.7),
        ),
        "resection": Resection(
            target="surface-nodule", cutting=True, removed_ml=0.84, remaining_ml=2.2, remaining_least_ml=2.0,
            remaining_most_ml=2.5, margin_mm=3.1, margin_error_mm=0.9, undo_count=2,
        ),
    }  # fmt: skip
    return Guidance.model_validate(fields | changes)


def until(condition: Callable[[], bool]) -> None:
    """Waits for what the server hears."""
    end_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end_s, "nothing of that was heard"
        time.sleep(0.02)


class Theatre(Console):
    """A console whose session guides."""

    def __init__(self, folder: Path, open_role: Role | None) -> None:
        super().__init__(folder, open_role)
        self.tip_mm = np.array([40.0, -34.0, 12.0])
        #: Where the tool's shaft lies from its tip, as a unit vector; straight along the frontal way.
        self.back = np.array([0.0, -1.0, 0.0])
        #: How far ahead of now everything is stamped: a browser that draws in software is late for its own pictures.
        self.lead_s = 0.0
        self.faults = Faults()
        self.guidance = guidance()
        self.asked: list[GuideRequest] = []
        self.touched: dict[str, Vec] = {}
        self.scene = _guided(self.scene, folder)
        self.hub.guide = self._answer

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        async with super()._lifespan(app):
            task = asyncio.get_running_loop().create_task(self._play())
            yield
            task.cancel()

    # --- what a test asks for ------------------------------------------------------------------

    def begin(self, **changes: Any) -> None:
        """A session from its start, with nothing wrong."""
        self.faults, self.asked, self.touched = Faults(), [], {}
        self.tip_mm, self.back = np.array([40.0, -34.0, 12.0]), np.array([0.0, -1.0, 0.0])
        self.guidance = guidance(**changes)
        scene = self.scene.model_copy(update={"id": f"scene-{time.time_ns()}", "guidance": self.guidance})
        self._publish(ReplaceScene(scene=scene))

    def set(self, **changes: Any) -> None:
        """Another state of the session, a revision later."""
        self._on_loop(lambda: self._change(**changes))

    def alarm(self, *alerts: Alert) -> None:
        """These alerts, and no others."""
        self._publish(SetAlerts(alerts=alerts))

    def verified(self, is_verified: bool) -> None:
        """Whether the registration was checked."""
        assert self.scene.registration is not None
        registration = self.scene.registration.model_copy(update={"verified": is_verified})
        self._publish(SetRegistration(registration=registration))

    def asks(self, kind: str) -> list[Any]:
        """What was asked so far, of one kind."""
        return [request.ask for request in self.asked if request.ask.kind == kind]

    def place_headset(self, patient_from_world: Vec, error_mm: float = 1.8, verified: bool = True) -> None:
        """Whoever is here wears a headset in whose world the patient lies there."""
        members = {peer.who.id for peer in self.hub._connections if peer.who is not None}
        matrix = row_major(patient_from_world)
        self.set(headsets=tuple(
            HeadsetPlace(member=member, patient_from_world=matrix, error_mm=error_mm, verified=verified)
            for member in members
        ))  # fmt: skip

    def distance_mm(self, row: int) -> float:
        """From the tip to a sphere, as it is now."""
        _, _, middle, radius = SPHERES[row]
        return float(np.linalg.norm(self.tip_mm - middle)) - radius

    # --- what the session does -----------------------------------------------------------------

    def _publish(self, op: Op) -> None:
        self._on_loop(lambda: self.hub.publish(op))

    def _change(self, **changes: Any) -> None:
        self.guidance = self.guidance.model_copy(update={**changes, "revision": self.guidance.revision + 1})
        self.hub.publish(SetGuidance(guidance=self.guidance))

    async def _play(self) -> None:
        while True:
            await asyncio.sleep(1 / RATE_HZ)
            if self.log.scene is None or self.log.scene.guidance is None or self.faults.silent:
                continue
            if self.faults.tool_lost or self.faults.reference_lost:
                self.hub.lose(PROBE)
            else:
                self.hub.pose(self._pose(time.time() + self.lead_s))
            self.hub.read(self._reading(time.time() + self.lead_s))

    def _pose(self, now_s: float) -> Pose:
        x, y, z = map(float, self.tip_mm)
        return Pose(PROBE, now_s, (x, y, z), _turn_from_z(self.back), error_mm=TIP_ERROR_MM, registration_epoch=EPOCH)

    def _reading(self, now_s: float) -> Reading:
        reference = Why.NO_REFERENCE if self.faults.reference_lost else None
        why = Why.NO_TOOL if self.faults.tool_lost else reference
        epoch = EPOCH - 1 if self.faults.stale_registration else EPOCH
        rows = tuple(self._row(n, why) for n in range(len(SPHERES)))
        error_mm = TIP_ERROR_MM if why is None else 0.0
        return Reading(PROBE, now_s, why, now_s, reference, error_mm, self.guidance.revision, epoch, rows)

    def _row(self, number: int, why: Why | None) -> ReadingRow:
        if why is not None or number in self.faults.unknown_rows:
            return ReadingRow(why or Why.NO_STRUCTURE)
        distance_mm, error_mm = self.distance_mm(number), 0.8
        least_mm = distance_mm - error_mm
        level = sum(least_mm <= band for band in (BANDS.near_mm, BANDS.risk_mm, BANDS.breach_mm))
        return ReadingRow(None, level, 0, distance_mm, error_mm, 0.0, math.inf, SPHERES[number][2])

    def _answer(self, request: GuideRequest, refuse: Callable[[str], None]) -> None:
        self.asked.append(request)
        ask = request.ask
        if isinstance(ask, MarginAsk):
            changes = {"distance_mm": ask.distance_mm, "toward_mm": ask.toward_mm}
            self._change(margins=_with(self.guidance.margins, ask.margin, **changes))
        elif isinstance(ask, ChooseAsk):
            self._change(chosen=ask.id)
        elif isinstance(ask, TrajectoryAsk):
            ends = {"entry_mm": ask.entry_mm, "target_mm": ask.target_mm}
            self._change(trajectories=_with(self.guidance.trajectories, ask.id, **ends))
        elif isinstance(ask, TouchAsk):
            self.touched[ask.landmark] = np.asarray(ask.points_mm).mean(axis=0)
            self._change(landmarks=_with(self.guidance.landmarks, ask.landmark, state="touched"))
        elif isinstance(ask, SolveAsk) and ask.headset:
            self._solve(str(request.by), refuse)
        elif isinstance(ask, QuietAsk):
            assert self.log.scene is not None
            self.hub.publish(SetAlerts(alerts=tuple(
                each.model_copy(update={"sounds": False}) if ask.alert in (None, each.id) else each
                for each in self.log.scene.alerts
            )))  # fmt: skip

    def _solve(self, member: str, refuse: Callable[[str], None]) -> None:
        marks = [each for each in self.guidance.landmarks if each.id in self.touched and each.use == "register"]
        if len(marks) < 3:
            refuse("three landmarks must be touched first")
            return
        patient = np.array([each.patient_mm for each in marks])
        world = np.array([self.touched[each.id] for each in marks])
        matrix, left_over = rigid(world, patient)
        place = HeadsetPlace(
            member=member, patient_from_world=row_major(matrix), error_mm=max(0.5, left_over), verified=False
        )
        self._change(headsets=(place,))


def rigid(source: Vec, target: Vec) -> tuple[Vec, float]:
    """The rigid map of points onto others, 4x4, and the root mean square of what is left."""
    a, b = source.mean(axis=0), target.mean(axis=0)
    u, _, vt = np.linalg.svd((source - a).T @ (target - b))
    turn = vt.T @ np.diag([1, 1, np.sign(np.linalg.det(vt.T @ u.T))]) @ u.T
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, b - turn @ a
    return matrix, float(np.sqrt(((source @ turn.T + matrix[:3, 3] - target) ** 2).sum(axis=1).mean()))


def _with(items: tuple[Any, ...], identifier: str, **changes: Any) -> tuple[Any, ...]:
    return tuple(each.model_copy(update=changes) if each.id == identifier else each for each in items)


def _turn_from_z(direction: Vec) -> tuple[float, float, float, float]:
    """The shortest turn of +z onto a direction."""
    z = np.array([0.0, 0.0, 1.0])
    q = np.array([1.0 + z @ direction, *np.cross(z, direction)])
    w, x, y, zz = q / np.linalg.norm(q)
    return float(w), float(x), float(y), float(zz)


def _guided(scene: Scene, folder: Path) -> Scene:
    """The console's scan with a probe, a registration, and margins round the nodule."""
    matrix = np.reshape(scene.headset_from_patient, (4, 4))
    nodule = next(n for n in scene.nodes if isinstance(n, SurfaceNode) and n.structure.key == "nodule")
    margins = []
    for name, key, grown_mm, pattern, colour in (
        ("Safety margin", "safety", 5, "dashes", (120, 220, 160)),
        ("Risk margin", "risk", 10, "dots", (230, 150, 220)),
    ):
        node = surface_node(90, "nodule", (40, -10, 12), (9 + grown_mm,) * 3, 0, matrix, folder)
        look = {"key": f"margin_{key}", "name": name, "pattern": pattern, "colour": colour, "opacity": 0.35, "label": 0}
        margins.append(
            node.model_copy(update={"id": f"margin-{key}", "structure": nodule.structure.model_copy(update=look)})
        )
    probe = TrackedNode(
        id="probe", name="Probe", entity=PROBE, thing="tool", shaft_mm=((0, 0, 0), (0, 0, 120)), radius_mm=1.2,
        source="simulated", frame_of_reference_uid=scene.frame_of_reference_uid, registration_epoch=EPOCH,
    )  # fmt: skip
    registration = Registration(
        epoch=EPOCH, patient_from_world=row_major(np.eye(4)), frame_of_reference_uid=scene.frame_of_reference_uid,
        method="three landmarks", verified=True,
    )  # fmt: skip
    nodes = tuple(node.model_copy(update={"registration_epoch": EPOCH}) for node in (*scene.nodes, *margins))
    return scene.model_copy(
        update={"nodes": (*nodes, probe), "registration_epoch": EPOCH, "registration": registration}
    )


@contextmanager
def theatre(folder: Path) -> Iterator[Theatre]:
    """A running server whose session guides."""
    shown = Theatre(folder, Role.SURGEON)
    shown.start()
    try:
        yield shown
    finally:
        shown.stop()
