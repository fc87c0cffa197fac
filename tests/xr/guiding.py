"""A scripted guidance session in a served scene: one probe, two structures, readings and poses 90 times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from engine.core.array import Float64
from engine.core.unknown import Why
from engine.stream.codec import row_major
from engine.stream.guiding import (
    Alert,
    Guidance,
    GuideAsk,
    GuidedBands,
    GuidedDevice,
    GuidedLandmark,
    GuidedStructure,
    GuidedTool,
    HeadsetPlace,
    Trajectory,
)
from engine.stream.messages import PutNode, Registration, SetAlerts, SetGuidance, SetRegistration, TrackedNode
from engine.stream.pose import Pose
from engine.stream.reading import Reading, ReadingRow
from tests.e2e.console_server import Console

ENTITY, EPOCH = 7, 1
PROBE = "probe"
UPRIGHT = (1.0, 0.0, 0.0, 0.0)
#: Beside the body, to the patient's left; its shaft goes up.
TIP_MM = (125.0, -20.0, -30.0)
SHAFT_MM = ((0.0, 0.0, 0.0), (0.0, 0.0, 90.0))
BANDS = GuidedBands(near_mm=20.0, risk_mm=5.0, breach_mm=0.0)
#: To the nodule and the bone.
NODULE = ReadingRow(None, 1, 0, 12.34, 0.8, 0.0, surface_mm=(49.0, -10.0, 12.0))
BONE = ReadingRow(None, 0, 0, 41.0, 1.2, 0.0, surface_mm=(0.0, 52.0, -60.0))
HIGH = Alert(
    id="a", priority="high", text="Inside Nodule", shape="octagon", colour="red", flashes_hz=2.0, pulses=10,
    between_s=2.5, sounds=True, may_be_quiet=False, since_s=0.0,
)  # fmt: skip
LANDMARKS_MM = {"nasion": (0.0, -76.0, 0.0), "left": (88.0, 0.0, 0.0), "top": (0.0, 0.0, 84.0)}


def guidance(**changes: Any) -> Guidance:
    """How the session stands."""
    fields: dict[str, Any] = {
        "revision": 1,
        "step": "guide",
        "next": "Guide the probe",
        "plan": "Test",
        "device": GuidedDevice(name="Simulated", state="live", simulated=True),
        "tools": (GuidedTool(node=PROBE, name="Probe", tip_error_mm=0.6),),
        "landmarks": tuple(
            GuidedLandmark(id=name, name=name.capitalize(), patient_mm=at_mm, use="register")
            for name, at_mm in LANDMARKS_MM.items()
        ),
        "structures": (
            GuidedStructure(node="surface-nodule", name="Nodule", bands=BANDS, error_mm=0.1),
            GuidedStructure(node="surface-bone", name="Bone", bands=BANDS, error_mm=0.1),
        ),
        "trajectories": (
            Trajectory(
                id="t", name="Biopsy", entry_mm=(125.0, -20.0, 40.0), target_mm=(125.0, -20.0, -60.0), radius_mm=1
            ),
        ),
        "chosen": "t",
    }
    return Guidance.model_validate(fields | changes)


class Guiding:
    """The session's own end. Attributes are what it says from now on."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.why: Why | None = None
        self.reference_why: Why | None = None
        self.is_silent = False
        self.told_s = 0.0
        self.asks: list[GuideAsk] = []

    def begin(self, **changes: Any) -> None:
        """A verified registration, a probe, and guidance."""
        registration = Registration(
            epoch=EPOCH, patient_from_world=row_major(np.eye(4)), frame_of_reference_uid="2.25.7", method="paired",
            verified=True,
        )  # fmt: skip
        probe = TrackedNode(
            id=PROBE, name="Probe", entity=ENTITY, thing="tool", shaft_mm=SHAFT_MM, radius_mm=4.0, source="test",
            frame_of_reference_uid="2.25.7", registration_epoch=EPOCH,
        )  # fmt: skip
        self.console.hub.guide = lambda request, _refuse: self.asks.append(request.ask)
        self.console.say(SetRegistration(registration=registration))
        self.console.say(PutNode(node=probe))
        self.stand(**changes)

    def stand(self, **changes: Any) -> None:
        """Other words of the same session."""
        self.console.say(SetGuidance(guidance=guidance(**changes)))

    def alarm(self, *alerts: Alert) -> None:
        """What is said now."""
        self.console.say(SetAlerts(alerts=alerts))

    def place(self, world_from_anatomy: Float64, member: str, *, verified: bool) -> None:
        """The patient was found in a headset's world."""
        scene = self.console.log.scene
        assert scene is not None
        headset_from_patient = np.reshape(scene.headset_from_patient, (4, 4))
        world_mm_from_patient = np.diag([1e3, 1e3, 1e3, 1.0]) @ world_from_anatomy @ headset_from_patient
        matrix = row_major(np.linalg.inv(world_mm_from_patient))
        place = HeadsetPlace(member=member, patient_from_world=matrix, error_mm=1.8, verified=verified)
        self.stand(headsets=(place,))

    def speak(self) -> None:
        """One sample of the tracker."""
        now_s = time.time()
        unknown = self.why or self.reference_why
        rows = (NODULE, BONE) if unknown is None else (ReadingRow(unknown, 1), ReadingRow(unknown))
        reading = Reading(ENTITY, now_s, self.why, now_s, self.reference_why, 0.0 if self.why else 0.6, 1, EPOCH, rows)
        pose = Pose(ENTITY, now_s, TIP_MM, UPRIGHT, registration_epoch=EPOCH, is_tracked=self.why is None)
        self.console.measure(pose, reading)
        self.told_s = now_s

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Ninety times a second, but while it is silent."""
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(1 / 90):
                if not self.is_silent:
                    self.speak()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
