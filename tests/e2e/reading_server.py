"""A small training server for tests of the reading room: the API of `engine.app.training.messages` over a phantom.

Events are kept beyond a stop and a start, as on a disk. What is right is known from the phantom's own truth.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Response
from fastapi.staticfiles import StaticFiles

from engine.app.serve import Listening, listening_socket
from engine.app.training.messages import (
    AbilityCurve,
    AbilityPoint,
    AbilityTold,
    Band,
    EventsAsk,
    FindingTold,
    HintTold,
    Kept,
    Learner,
    MarkTold,
    NextAsk,
    Progress,
    ReadingNow,
    ReviewDue,
    TaskTold,
    Told,
    TopicCovered,
)
from engine.core.progress import silent
from engine.ingest.phantom.make import Phantom, make_phantom
from engine.stream.codec import headset_from_patient, row_major, slabs
from engine.stream.messages import Me, Scene, Slab, VolumeNode
from engine.stream.messages import WindowPreset as NodePreset
from scenarios.case.display import Display, Pane, WindowPreset
from scenarios.reading.event import (
    Answered,
    AnyEvent,
    Committed,
    Hinted,
    Looked,
    Marked,
    Revealed,
    Unmarked,
)
from scenarios.reading.view import CaseView, FieldView, OptionView, TaskView, VolumeView
from tests.e2e.chromium import PAGE

LUNG_HU = -860
#: Nodules that the case asks for, largest first; the others are taken out of the picture.
ASKED = 2
SMALLEST_MM = 4.0
PRESETS = (WindowPreset(name="Lung", low=-1350, high=150), WindowPreset(name="Soft tissue", low=-160, high=240))


@dataclass(frozen=True)
class Nodule:
    """A nodule of the phantom."""

    id: str
    label: int
    at_mm: tuple[float, float, float]
    radius_mm: float
    slices: tuple[int, int, int]


@functools.lru_cache(maxsize=1)
def _phantom() -> Phantom:
    return make_phantom("thorax", size="small", seed=3, progress=silent)


@functools.lru_cache(maxsize=1)
def nodules() -> tuple[Nodule, ...]:
    """Nodules of the phantom, largest first, from its own label map."""
    labels = np.asarray(_phantom().label_map.labels)
    grid = _phantom().volume.grid
    found = []
    for structure in _phantom().label_map.structures:
        if not structure.key.startswith("nodule"):
            continue
        voxels = np.argwhere(labels == structure.label)
        if len(voxels) == 0:
            continue
        middle = voxels.mean(axis=0)
        radius = float((3 * len(voxels) * np.prod(grid.spacing_mm) / (4 * np.pi)) ** (1 / 3))
        x, y, z = (float(each) for each in grid.patient_from_voxel.apply(middle))
        k = voxels[:, 2]
        best = int(np.bincount(k).argmax())
        found.append(
            Nodule(
                structure.key.replace("_", "-"), structure.label, (x, y, z), radius, (best, int(k.min()), int(k.max()))
            )
        )
    return tuple(sorted(found, key=lambda each: -each.radius_mm))


@functools.lru_cache(maxsize=2)
def _samples(*, prior: bool) -> Any:
    """The phantom with the nodules that are asked for; the prior with none but the largest, smaller."""
    samples = np.array(_phantom().volume.samples, dtype=np.int16)
    labels = np.asarray(_phantom().label_map.labels)
    noise = np.random.default_rng(1).normal(0, 15, samples.shape)
    kept = nodules()[:1] if prior else nodules()[:ASKED]
    gone = np.isin(labels, [each.label for each in nodules() if each not in kept])
    samples[gone] = (LUNG_HU + noise)[gone].astype(np.int16)
    return samples


def _options(*texts: str) -> tuple[OptionView, ...]:
    return tuple(OptionView(id=text.lower().split()[0], text=text) for text in texts)


def _task(name: str, kind: str, scale: str, prompt: str, **more: Any) -> TaskView:
    fields = {"id": name, "kind": kind, "scale": scale, "prompt": prompt, "points": 1.0, "asks_confidence": True}
    return TaskView.model_validate(fields | more)


MARK = _task(
    "mark",
    "mark",
    "detection",
    "Mark every lung nodule of 4 mm or more, each with how sure you are.",
    volume="ct",
    hints=(0.25,),
    points=2.0,
)
MANAGE = _task(
    "manage",
    "manage",
    "management",
    "What should be done next?",
    options=_options("PET-CT", "Follow-up CT in 3 months", "Biopsy now", "Nothing"),
)
#: Every other kind.
OTHERS = (
    _task(
        "measure",
        "measure",
        "characterisation",
        "Measure the largest diameter of the larger nodule.",
        volume="ct",
        quantity="diameter_mm",
    ),
    _task("mean", "measure", "characterisation", "What is its mean value?", volume="ct", quantity="mean_value"),
    _task("segment", "segment", "characterisation", "Paint the larger nodule.", volume="ct"),
    _task("box", "box", "characterisation", "Draw the box that just holds it.", volume="ct"),
    _task(
        "classify",
        "classify",
        "diagnosis",
        "Which category is it?",
        options=_options("2 benign", "3 probably benign", "4A suspicious", "4B very suspicious"),
        fields=(
            FieldView(id="type", prompt="Attenuation", options=_options("Solid", "Part-solid", "Ground glass")),
            FieldView(id="size", prompt="Mean diameter", unit="mm"),
        ),
    ),
    _task(
        "report",
        "report",
        "characterisation",
        "Describe the larger nodule.",
        fields=(
            FieldView(id="margin", prompt="Margin", options=_options("Smooth", "Lobulated", "Spiculated")),
            FieldView(id="lobe", prompt="Lung", options=_options("Right", "Left")),
        ),
    ),
    _task(
        "choice",
        "choice",
        "diagnosis",
        "Which of these fit what you see?",
        several=True,
        options=_options("Metastasis", "Granuloma", "Hamartoma", "Carcinoid"),
    ),
    _task(
        "order",
        "order",
        "management",
        "Put the next steps in order.",
        options=_options("Compare with the prior", "Measure", "Report", "Follow-up"),
    ),
    _task("text", "text", "characterisation", "Say in a sentence what you found."),
    _task(
        "guide",
        "guide",
        "management",
        "A needle was led to the nodule. What did it come nearest to?",
        volume="ct",
        options=_options("Heart", "Aorta", "Rib", "Liver"),
        asks_confidence=False,
        path=tuple((n / 10, 90.0 - 4 * n, -60.0 + 5 * n, -30.0 + 4.0 * n) for n in range(12)),
    ),
)


@dataclass
class Reading:
    """A reading, and what was kept of it."""

    id: str
    number: int
    tasks: tuple[TaskView, ...]
    has_prior: bool
    events: list[AnyEvent] = field(default_factory=list)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def committed(self) -> tuple[str, ...]:
        return tuple(event.task for event in self.of(Committed))

    @property
    def marks(self) -> dict[str, Marked]:
        placed: dict[str, Marked] = {}
        for event in self.events:
            if isinstance(event, Marked):
                placed[event.mark] = event
            elif isinstance(event, Unmarked):
                placed.pop(event.mark, None)
        return placed

    def now(self, *, events: bool) -> ReadingNow:
        """As it stands: every task after the first comes once that is answered."""
        tasks = self.tasks if self.tasks[0].id in self.committed else self.tasks[:1]
        hints = (
            (HintTold(task="mark", text="Look at the lung bases, behind the diaphragm."),) if self.of(Hinted) else ()
        )
        prior = (
            (VolumeView(id="prior", title="CT 14 months ago", role="prior", is_ready=True),) if self.has_prior else ()
        )
        beside = (Pane(volume="prior", preset="Lung", at=0.5),) if self.has_prior else ()
        view = CaseView(
            id=f"case-{self.number}",
            version="1.0.0",
            title="Chest CT, 61-year-old smoker",
            history="Cough for three weeks. Smoked a pack a day for thirty years. Earlier CT beside it.",
            volumes=(VolumeView(id="ct", title="CT today", role="current", is_ready=True), *prior),
            display=Display(
                presets=PRESETS, hanging=(Pane(volume="ct", preset="Lung", at=0.5), *beside) if self.has_prior else ()
            ),
            tasks=tasks,
        )
        return ReadingNow(
            id=self.id,
            why="Nodules near the diaphragm are what you missed last: this case has one there.",
            number=self.number,
            planned=None,
            mode="practice",
            case=view,
            next_event=len(self.events),
            events=tuple(self.events) if events else (),
            committed=self.committed,
            hints=hints,
            is_revealed=bool(self.of(Revealed)),
        )


class ReadingServer:
    """What a test steers."""

    def __init__(self, folder: Path, tasks: tuple[TaskView, ...] = (MARK, MANAGE), *, prior: bool = True) -> None:
        self.folder = folder
        self.tasks = tasks
        self.prior = prior
        self.readings: dict[str, Reading] = {}
        self.port = 0
        #: How often images are said to be still in the making.
        self.making = 1
        self._scenes: dict[str, Scene] = {}
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Reading:
        return list(self.readings.values())[-1]

    def start(self) -> None:
        sock = listening_socket(Listening("127.0.0.1", self.port, tls=False))
        self.port = sock.getsockname()[1]
        config = uvicorn.Config(_app(self), log_level="critical", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [sock]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)

    def stop(self) -> None:
        assert self._server is not None and self._thread is not None  # noqa: PT018
        self._server.should_exit = True
        self._thread.join()

    def scene(self, volume: str) -> Scene:
        """The study as the pipeline would send it, but for labels: they would give away what is there."""
        if volume not in self._scenes:
            grid = _phantom().volume.grid
            samples = _samples(prior=volume == "prior")
            node = VolumeNode(
                id="volume",
                title=volume,
                modality="CT",
                quantity="HU",
                shape=grid.shape,
                spacing_mm=(float(grid.spacing_mm[0]), float(grid.spacing_mm[1]), float(grid.spacing_mm[2])),
                patient_from_voxel=row_major(grid.patient_from_voxel.matrix),
                value_range=(-32768, 32767),
                presets=tuple(NodePreset(name=each.name, low=each.low, high=each.high) for each in PRESETS),
                slabs=self._slabs(samples),
                label_slabs=(),
                frame_of_reference_uid="2.25.7" if volume == "ct" else "2.25.8",
            )
            self._scenes[volume] = Scene(
                id=volume,
                title=volume,
                frame_of_reference_uid=node.frame_of_reference_uid,
                registration_epoch=0,
                headset_from_patient=row_major(headset_from_patient(grid.centre_mm)),
                nodes=(node,),
            )
        return self._scenes[volume]

    def _slabs(self, array: np.ndarray) -> tuple[Slab, ...]:
        return tuple(self._slab(k, n, np.ascontiguousarray(part).tobytes()) for k, n, part in slabs(array.T))

    def _slab(self, k: int, count: int, raw: bytes) -> Slab:
        data = bytes(imagecodecs.zstd_encode(raw))
        sha256 = hashlib.sha256(data).hexdigest()
        (self.folder / sha256).write_bytes(data)
        return Slab(blob=sha256, bytes=len(data), k_start=k, k_count=count)

    def told(self, reading: Reading) -> Told:
        """Nearest first, each finding once."""
        left = list(nodules()[:ASKED])
        marks, by = [], {}
        for mark in sorted(reading.marks.values(), key=lambda each: -each.confidence):
            off = [(float(np.linalg.norm(np.subtract(mark.at_mm, each.at_mm))), each) for each in nodules()[:ASKED]]
            near, nodule = min(off, key=lambda pair: pair[0])
            hit = near <= max(10.0, nodule.radius_mm + 5)
            became: Literal["found", "duplicate", "false"] = (
                "false" if not hit else "found" if nodule in left else "duplicate"
            )
            if became == "found":
                left.remove(nodule)
                by[nodule.id] = mark.mark
            why = "A vessel cut across: it goes on in the slices above and below." if became == "false" else None
            marks.append(
                MarkTold(
                    id=mark.mark,
                    task=mark.task,
                    at_mm=mark.at_mm,
                    confidence=mark.confidence,
                    became=became,
                    finding=nodule.id if hit else None,
                    off_mm=near if hit else None,
                    why=why,
                )
            )
        findings = tuple(self._finding(nodule, by.get(nodule.id)) for nodule in nodules()[:ASKED])
        share = len(by) / ASKED
        answers = {event.task: event for event in reading.of(Answered)}
        tasks = [
            TaskTold(
                id="mark",
                prompt=MARK.prompt,
                scale="detection",
                share=share,
                points=2.0,
                said=f"{len(reading.marks)} marks",
                right=f"{ASKED} nodules",
                why=f"{len(by)} of {ASKED} nodules were marked near enough.",
            )
        ]
        for task in reading.tasks[1:]:
            given = answers.get(task.id)
            right = task.id == "manage" and given is not None and getattr(given.answer, "chosen", "") == "follow-up"
            tasks.append(
                TaskTold(
                    id=task.id,
                    prompt=task.prompt,
                    scale=task.scale,
                    share=1.0 if right else 0.4,
                    points=1.0,
                    said="" if given is None else "Follow-up CT in 3 months" if right else "another answer",
                    right="Follow-up CT in 3 months" if task.id == "manage" else "as the phantom was made",
                    why="A new solid nodule of 6 to 8 mm is followed in three months."
                    if task.id == "manage"
                    else "Near, but not near enough.",
                    confidence=None if given is None else given.confidence,
                )
            )
        looks = reading.of(Looked)
        return Told(
            says="Two solid nodules: one in the open lung, one low down where vessels crowd.",
            synthetic=True,
            findings=findings,
            marks=tuple(marks),
            tasks=tuple(tasks),
            layers=("A nodule is round in all three planes; a vessel is not. Scroll before you decide.",),
            abilities=(
                AbilityTold(scale="detection", mean=0.3, low=-0.5, high=1.1, before=0.1),
                AbilityTold(scale="management", mean=-0.2, low=-1.2, high=0.8, before=None),
            ),
            peers=Band(low=0.45, high=0.8, count=12),
            coverage=0.83,
            coverage_by=looks[-1].by if looks else "pointer",
            minutes=max((event.t_s for event in reading.events), default=0.0) / 60,
            references=("Fleischner Society 2017, pulmonary nodules. doi:10.1148/radiol.2017161659",),
            next_step="Next: another nodule near the diaphragm, smaller, on an older scanner.",
        )

    @staticmethod
    def _finding(nodule: Nodule, mark: str | None) -> FindingTold:
        return FindingTold(
            id=nodule.id,
            name=f"Solid nodule, {2 * nodule.radius_mm:.0f} mm",
            volume="ct",
            became="missed" if mark is None else "found",
            at_mm=nodule.at_mm,
            radius_mm=nodule.radius_mm,
            slices=nodule.slices,
            why="It is round on every slice and does not go on as a vessel does.",
            mark=mark,
            miss="search" if mark is None else None,
            by="pointer" if mark is None else None,
            seconds_viewed=0.4 if mark is None else None,
        )


def _progress() -> Progress:
    curves = []
    for scale, start in (("detection", -0.8), ("characterisation", -0.3), ("diagnosis", -0.5), ("management", 0.0)):
        points = [
            AbilityPoint(
                at=f"2026-{5 + n // 4:02d}-{1 + 7 * (n % 4):02d}T10:00:00Z",
                mean=start + 0.1 * n,
                low=start + 0.1 * n - 1.4 / (1 + 0.25 * n),
                high=start + 0.1 * n + 1.4 / (1 + 0.25 * n),
            )
            for n in range(12)
        ]
        curves.append(AbilityCurve(scale=scale, points=tuple(points)))  # type: ignore[arg-type]  # of `Scale`
    return Progress(
        abilities=tuple(curves),
        topics=(TopicCovered(topic="chest", read=9, cases=14), TopicCovered(topic="head", read=2, cases=12)),
        reviews=(
            ReviewDue(concept="lung-nodule", due="2026-07-20T00:00:00Z", is_due=True),
            ReviewDue(concept="subdural-haematoma", due="2026-08-02T00:00:00Z", is_due=False),
        ),
        readings=12,
        minutes=96.0,
    )


def _app(server: ReadingServer) -> FastAPI:
    app = FastAPI()
    root = "/api/training"

    def find(reading: str) -> Reading:
        if reading not in server.readings:
            raise HTTPException(404)
        return server.readings[reading]

    @app.get("/api/me")
    def who() -> Me:
        return Me(member="member-1", role="trainee", may=())

    @app.get(f"{root}/me")
    def me() -> Learner:
        return Learner(id="learner-1", name="Dr Amsel", role="trainee")

    @app.post(f"{root}/readings")
    def following(_ask: NextAsk) -> ReadingNow:
        for reading in server.readings.values():
            if not reading.of(Revealed):
                return reading.now(events=True)
        number = len(server.readings) + 1
        reading = Reading(f"reading-{number}", number, server.tasks, server.prior)
        server.readings[reading.id] = reading
        return reading.now(events=True)

    @app.get(root + "/readings/{reading}")
    def stands(reading: str) -> ReadingNow:
        return find(reading).now(events=True)

    @app.get(root + "/readings/{reading}/volumes/{volume}")
    def study(reading: str, volume: str) -> Scene:
        find(reading)
        if server.making > 0:
            server.making -= 1
            raise HTTPException(409)
        return server.scene(volume)

    @app.post(root + "/readings/{reading}/events")
    def happened(reading: str, ask: EventsAsk) -> Kept:
        kept = find(reading)
        for event in ask.events:
            if event.n > len(kept.events):
                raise HTTPException(409)
            if event.n == len(kept.events):
                kept.events.append(event)
        return Kept(next_event=len(kept.events), reading=kept.now(events=False))

    @app.get(root + "/readings/{reading}/feedback")
    def feedback(reading: str) -> Told:
        kept = find(reading)
        if not kept.of(Revealed):
            raise HTTPException(403)
        return server.told(kept)

    @app.get(f"{root}/progress")
    def progress() -> Progress:
        return _progress()

    @app.get("/blob/{sha256}")
    def blob(sha256: str) -> Response:
        return Response((server.folder / sha256).read_bytes(), media_type="application/octet-stream")

    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


@contextmanager
def reading_server(
    folder: Path, tasks: tuple[TaskView, ...] = (MARK, MANAGE), *, prior: bool = True
) -> Iterator[ReadingServer]:
    """A running server; its readings outlive `stop` and `start`."""
    server = ReadingServer(folder, tasks, prior=prior)
    server.start()
    try:
        yield server
    finally:
        server.stop()
