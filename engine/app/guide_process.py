"""Guidance beside the hub: starts the loop in its process, hands on what people ask, and publishes what it says."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from engine.app.child_process import start_child
from engine.app.guide_loop import Inject, MarginsNow, SceneNow, Setup, Told, guide
from engine.app.margin_process import Asked, Made, MarginRunner
from engine.core.array import Float64
from engine.core.errors import SightlineError
from engine.export.dicom.source import Source
from engine.stream.audit_event import AuditEvent
from engine.stream.binary import records
from engine.stream.guiding import MarginAsk, MarginBand, ShownAsk
from engine.stream.hub import Hub
from engine.stream.messages import (
    EditScene,
    GuideRequest,
    MoveSurface,
    Op,
    PutNode,
    RemoveNode,
    RenewScene,
    ReplaceScene,
    Scene,
    SetGuidance,
    SurfaceNode,
    TrackedThing,
)
from engine.stream.pose import Pose
from engine.stream.reading import Reading
from engine.stream.scene_log import Entry
from guidance.devices.simulated import Scenario
from guidance.plan.plan import Plan, refuse_other

#: A loop that ends is started again after this long; until then nothing is known.
AGAIN_S = 1.0
#: Ops that may change a surface: the loop must not measure what is no longer so.
_CHANGES = (EditScene, RenewScene, MoveSurface, PutNode, RemoveNode)
TOOL_SOURCE = "guidance"
#: Nodes of margins and of what is left of a target: nobody is held against them.
DERIVED = ("margin/", "remaining/")

Refuse = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Guiding:
    """What to guide with.

    Attributes:
        series: of the library, that the plan was made on.
        device: an address (`guidance.devices.device.open_device`).
        scenario: of a simulated tracker.
        pilot: a simulated hand does what the session asks.
        exports: folder for the DICOM objects of each check, and the series that they refer to.
        share_port: of this machine, where other programs can follow over OpenIGTLink.
    """

    plan: Plan
    series: str
    device: str
    scenario: Scenario | None = None
    pilot: bool = False
    exports: tuple[Path, Source] | None = None
    share_port: int | None = None


@dataclass(slots=True)
class _Running:
    scene: str
    process: BaseProcess
    pipe: Connection
    tools: dict[str, str]
    margins: MarginRunner | None
    bands: dict[str, MarginBand] = field(default_factory=dict)
    waiting: dict[str, Refuse] = field(default_factory=dict)


class GuideRunner:
    """Guides the scene that the plan was made on, from when it is open until another is. On the event loop's thread."""

    def __init__(
        self, guiding: Guiding, hub: Hub, blobs: Path, clock: Callable[[], float], say: Callable[[str], None]
    ) -> None:
        """`say` tells whoever runs the server what went wrong."""
        self._context = multiprocessing.get_context("spawn")
        self._guiding = guiding
        self._hub = hub
        self._blobs = blobs
        self._clock = clock
        self._say = say
        self._running: _Running | None = None
        self._again: asyncio.TimerHandle | None = None
        self._is_closed = False

    def start(self) -> None:
        """Follow the hub, and guide as soon as the right scan is open."""
        self._hub.guide = self._ask
        self._hub.on_entry.append(self._hear)
        if self._hub.log.scene is not None:
            self._begin(self._hub.log.scene)

    def close(self) -> None:
        """End it; nothing is guided any more."""
        self._is_closed = True
        if self._again is not None:
            self._again.cancel()
        self._end()

    def inject(self, inject: Inject) -> None:
        """Spoil a simulated tracker."""
        if self._running is not None:
            self._running.pipe.send(inject)

    # --- the hub -----------------------------------------------------------------------------------

    def _ask(self, request: GuideRequest, refuse: Refuse) -> None:
        running = self._running
        if isinstance(request.ask, ShownAsk):  # told too when guidance has just ended
            self._note_shown(request, request.ask)
            return
        if running is None or request.scene != running.scene:
            refuse("guidance does not run on this scan")
            return
        running.waiting[request.request] = refuse
        while len(running.waiting) > 64:  # answered by what happened
            del running.waiting[next(iter(running.waiting))]
        if isinstance(request.ask, MarginAsk):
            self._ask_margin(running, Asked(request.request, request.ask), refuse)
            return
        try:
            running.pipe.send(request)
        except OSError:
            refuse("guidance is being started again; wait a moment")

    def _note_shown(self, request: GuideRequest, ask: ShownAsk) -> None:
        """What lies over the patient can hide what is in it: for how long it did is kept with the audit log."""
        facts = {"on s": round(ask.on_s, 1), "of s": round(ask.of_s, 1), "unreadable": ask.unreadable}
        self._hub.note(AuditEvent.OVERLAY_SHOWN, request.by or "nobody", facts)

    def _ask_margin(self, running: _Running, asked: Asked, refuse: Refuse) -> None:
        scene = self._hub.log.scene
        moved = None if scene is None or scene.guidance is None else scene.guidance.moved
        if running.margins is None:
            refuse("this plan has no target to draw margins of")
        elif moved is not None and moved.applied:
            refuse("margins are those of the scan, and tissue was moved since: put it back to draw them anew")
        elif not running.margins.ask(asked):
            refuse("margins are not drawn any more: open the scan again")

    def _take_margin(self, made: Made) -> None:
        """A margin was made: everyone is shown it, and the session tells of it."""
        running = self._running
        if running is None:
            return
        if made.step is None:
            if (refuse := running.waiting.pop(made.request, None)) is not None:
                refuse(made.refusal)
            return
        before = running.bands.get(made.step.band.id)
        running.bands[made.step.band.id] = made.step.band
        scene = self._hub.log.scene
        if made.step.node is not None and scene is not None:
            now = {"registration_epoch": scene.registration_epoch}
            self._hub.publish(PutNode(node=made.step.node.model_copy(update=now)))
        elif before is not None and before.node is not None:
            self._hub.publish(RemoveNode(id=before.node))
        running.pipe.send(MarginsNow(tuple(running.bands.values())))

    def _hear(self, _entry: Entry, op: Op) -> None:
        scene = self._hub.log.scene
        if isinstance(op, ReplaceScene):
            self._end()
            self._begin(op.scene)
        elif self._running is not None and scene is not None and _may_move(op):
            self._running.pipe.send(SceneNow(scene))

    def _begin(self, scene: Scene) -> None:
        plan = self._guiding.plan
        series = scene.opened.series if scene.opened is not None else None
        try:
            is_same = series == self._guiding.series
            refuse_other(plan, scene.frame_of_reference_uid, plan.series_uid if is_same else "another")
        except SightlineError as error:
            self._say(f"Not guided: {error}")
            return
        tools = {tool.thing: f"tool/{tool.thing}" for tool in plan.tools}
        things = (
            TrackedThing(
                id=tools[tool.thing],
                name=tool.name,
                thing="tool",
                shaft_mm=tuple((x, y, z) for x, y, z in tool.shape.line_mm.tolist()),
                radius_mm=max(tool.shape.radius_mm, 0.1),
            )
            for tool in plan.tools
        )
        # Not in the midst of telling what was heard: others must hear of the scene first.
        asyncio.get_running_loop().call_soon(self._launch, scene.id, tuple(things), tools)

    def _launch(self, scene_id: str, things: tuple[TrackedThing, ...], tools: dict[str, str]) -> None:
        scene = self._hub.log.scene
        if scene is None or scene.id != scene_id or self._is_closed:
            return
        entities = self._hub.track_here(things, TOOL_SOURCE)
        scene = self._hub.log.scene
        assert scene is not None
        setup = Setup(
            self._guiding.plan,
            scene,
            self._blobs,
            self._guiding.device,
            self._clock() - time.monotonic(),
            {thing: entities[node] for thing, node in tools.items()},
            tools,
            _targets_mm(self._guiding.plan, scene),
            self._guiding.scenario,
            self._guiding.pilot,
            self._guiding.exports,
            self._guiding.share_port,
        )
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=guide, args=(theirs, setup), daemon=True)
        start_child(process)
        theirs.close()
        self._running = running = _Running(scene_id, process, ours, tools, self._margins(scene))
        asyncio.get_running_loop().add_reader(ours.fileno(), self._read, running)

    def _margins(self, scene: Scene) -> MarginRunner | None:
        plan = self._guiding.plan
        if plan.target is None or not plan.margins:
            return None
        made = MarginRunner(scene, plan, self._blobs, self._take_margin)
        for margin in plan.margins:
            ask = MarginAsk(margin=margin.id, distance_mm=margin.distance_mm, toward_mm=margin.toward_mm)
            made.ask(Asked("plan", ask))
        return made

    def _read(self, running: _Running) -> None:
        try:
            while running.pipe.poll():
                self._take(running, running.pipe.recv())
        except (EOFError, OSError):
            self._died(running)

    def _take(self, running: _Running, told: Told) -> None:
        if running is not self._running:
            return
        for op, blob in told.ops:
            self._hub.publish(op, blob)
        if told.ops:  # an alert leaves before what came with it is read
            asyncio.get_running_loop().call_soon(self._show, running, told.frame)
        else:
            self._show(running, told.frame)
        for entity in told.lost:
            self._hub.lose(entity)
        for request, words in told.refused:
            if (refuse := running.waiting.pop(request, None)) is not None:
                refuse(words)
        for noted in told.noted:
            event = AuditEvent.EXPORTED if noted.is_export else AuditEvent.REGISTRATION_CHANGED
            self._hub.note(event, noted.who, dict(noted.facts))

    def _show(self, running: _Running, frame: bytes) -> None:
        if running is not self._running:
            return
        for record in records(frame):
            if isinstance(record, Pose):
                self._hub.pose(record)
            elif isinstance(record, Reading):
                self._hub.read(record)

    def _died(self, running: _Running) -> None:
        """Nothing is known from this moment; a new loop begins with a registration that must be made anew."""
        if running is not self._running:
            return
        self._end()
        self._say("The guidance loop ended and is started again: calibrate and register anew.")
        if not self._is_closed:
            self._again = asyncio.get_running_loop().call_later(AGAIN_S, self._begin_again)

    def _begin_again(self) -> None:
        if self._hub.log.scene is not None and self._running is None:
            self._begin(self._hub.log.scene)

    def _end(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        asyncio.get_running_loop().remove_reader(running.pipe.fileno())
        running.process.terminate()
        running.process.join(timeout=5)
        running.pipe.close()
        if running.margins is not None:
            running.margins.close()
        scene = self._hub.log.scene
        if scene is not None and scene.guidance is not None:
            self._hub.publish(SetGuidance(guidance=None))
        self._hub.leave_here(running.tools.values())


def _may_move(op: Op) -> bool:
    if isinstance(op, PutNode):
        return isinstance(op.node, SurfaceNode) and not op.node.id.startswith(DERIVED)
    return isinstance(op, _CHANGES)


def _targets_mm(plan: Plan, scene: Scene) -> Mapping[str, Float64]:
    """Where it matters how well the registration is known: ends of the ways, else the middle of the landmarks."""
    nodes = (node.structure for node in scene.nodes if isinstance(node, SurfaceNode))
    name = next((structure.name for structure in nodes if structure.key == plan.target), "the landmarks' middle")
    if not plan.trajectories:
        return {name: np.mean([one.patient_mm for one in plan.landmarks], axis=0)}
    ends = {way.target_mm.tobytes(): way for way in plan.trajectories}  # several ways may lead to one place
    if len(ends) == 1:
        return {name: plan.trajectories[0].target_mm}
    return {f"{name}, {way.name}": way.target_mm for way in ends.values()}
