"""The guidance loop, in a process of its own beside the hub: a device's words in, poses, readings and ops out.

What a device sends, and half a second of building a tree, must not move the pose lane; and a loop that dies must not
take the session with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.blobs import BlobFolder
from engine.app.child_process import end_with_the_server
from engine.app.guide_headsets import Headsets
from engine.app.guide_messages import Beside, alert_messages, guidance_message, pose_of, reading_of
from engine.app.guide_offers import GuideOffers
from engine.app.guide_resection import ResectionDesk
from engine.app.guide_structures import surface_nodes
from engine.app.guide_surfaces import Surfaces
from engine.app.guide_tissue import Tissue
from engine.app.guide_ways import Ways
from engine.app.pilot import Pilot
from engine.app.scene_labels import label_map_of, volume_node
from engine.core.array import Float64
from engine.core.errors import InvalidValue, SightlineError
from engine.core.frame import WORLD, patient
from engine.core.surface import Surface
from engine.core.transform import Transform
from engine.core.unknown import Why
from engine.export.dicom.source import Source
from engine.stream.binary import Blob, encode
from engine.stream.codec import row_major
from engine.stream.guiding import (
    Alert,
    BandsAsk,
    CalibrateAsk,
    ChooseAsk,
    CollectAsk,
    CutAsk,
    DeformAsk,
    Guidance,
    LeaveAsk,
    MarginBand,
    QuietAsk,
    RetouchAsk,
    SolveAsk,
    TouchAsk,
    TraceAsk,
    TrajectoryAsk,
)
from engine.stream.messages import (
    GuideRequest,
    Op,
    PutNode,
    Registration,
    Scene,
    SetAlerts,
    SetGuidance,
    SetRegistration,
)
from engine.stream.pose import Pose
from engine.stream.reading import Reading
from guidance.alerts.alert import Ask
from guidance.alerts.level import Bands
from guidance.devices.device import Device, Said, open_device, simulated_device
from guidance.devices.openigtlink.serving import Server
from guidance.devices.simulated import Fault, Scenario
from guidance.devices.simulated_hand import SimulatedHand
from guidance.margins.surface_tree import SurfaceTree
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import Plan
from guidance.register.deformation import Deformation
from guidance.register.registration import Registration as Registered
from guidance.register.rigid_fit import turn
from guidance.register.surface import register_surface
from guidance.session.look import Look, ToolLook
from guidance.session.session import FIXED, Session
from guidance.track.placing import Placed
from guidance.track.sample import thing_frame

#: While the tracker is silent, the loop looks as often as this: not knowing is told as soon as knowing.
TICK_S = 0.02
#: While nothing is known and nothing changes, that is said again as often as this: silence hides what stands on the
#: patient after 150 ms.
REPEAT_S = 0.05
#: How a session stands is told at most so often.
TELL_EVERY_S = 0.1
#: And what a cut has taken away, so often.
CUT_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class SceneNow:
    """The scene as it is now: structures that were corrected are not measured until they are whole again."""

    scene: Scene


@dataclass(frozen=True, slots=True)
class Inject:
    """Spoil a simulated tracker; times of the fault count from now."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class MarginsNow:
    """The margins as they are drawn now."""

    margins: tuple[MarginBand, ...]


Heard = GuideRequest | SceneNow | Inject | MarginsNow


@dataclass(frozen=True, slots=True)
class Noted:
    """Something for the audit log: a registration and its checks, or an export."""

    who: str
    facts: Mapping[str, str | float]
    is_export: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What the loop says at one moment. Ops come first: poses and readings, packed in `frame`, are of what they say."""

    ops: tuple[tuple[Op, Blob | None], ...] = ()
    frame: bytes = b""
    lost: tuple[int, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    noted: tuple[Noted, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What a loop is started with.

    Attributes:
        scene: that the plan was made on.
        device: an address (`guidance.devices.device.open_device`).
        scenario: of a simulated tracker, with its faults.
        clock_ahead_s: the hub's clock against `time.monotonic`.
        entities: number of each tool in the session, by its thing.
        tools: node of each tool, by its thing.
        targets_mm: (3,) where the expected error matters, by name.
        pilot: a simulated hand does what the plan asks, by itself.
        exports: folder for the DICOM objects of each check, and the series that they refer to.
        share_port: of this machine, where other programs can follow over OpenIGTLink; None for nowhere.
    """

    plan: Plan
    scene: Scene
    blobs: Path
    device: str
    clock_ahead_s: float
    entities: Mapping[str, int]
    tools: Mapping[str, str]
    targets_mm: Mapping[str, Float64]
    scenario: Scenario | None = None
    pilot: bool = False
    exports: tuple[Path, Source] | None = None
    share_port: int | None = None


class GuideLoop:
    """Feeds a session from a device, answers what people ask of it, and says what changes."""

    def __init__(
        self,
        setup: Setup,
        device: Device,
        clock: Callable[[], float],
        say: Callable[[Told], None],
        hand: SimulatedHand | None = None,
    ) -> None:
        """`hand`: of a simulated tracker; it does what the session asks."""
        self.session = Session(setup.plan, patient(setup.scene.frame_of_reference_uid))
        self._setup = setup
        self._device = device
        self._clock = clock
        self._say = say
        self._scene = setup.scene
        self._told_revision = -1
        nodes = {key: node.id for key, node in surface_nodes(setup.scene).items()}
        self._beside = Beside(
            device.name,
            device.is_simulated,
            nodes,
            setup.tools,
            setup.targets_mm,
            epoch=setup.scene.registration_epoch,
        )
        self._ways = Ways(setup.plan)
        self._cutter = next((tool.thing for tool in setup.plan.tools if tool.cuts), None)
        self._resection: ResectionDesk | None = None
        self._prepares_cuts = False
        #: What goes on beside the loop; kept, since nobody else holds it.
        self._tasks: set[asyncio.Task[None]] = set()
        #: The registration, and how many of its checks everybody was told of.
        self._known: Registered | None = None
        self._checked = 0
        self._headsets = Headsets(setup.plan, setup.targets_mm)
        self._put_ways()
        for key in self.session.structures:  # named before they are ready
            if key in nodes:
                self.session.put_structure(key, surface_nodes(setup.scene)[key].structure.name, None)
        self._revision = 0
        self._told: Guidance | None = None
        self._told_s = -np.inf
        self._alerts: tuple[Alert, ...] | None = None
        self._said_s = -np.inf
        self._whys: tuple[Why | None, ...] = ()
        self._lost: set[int] = set()
        self._surfaces = Surfaces(
            setup.scene,
            lambda: tuple(dict.fromkeys((*self.session.structures, *self._ways.keys))),
            setup.blobs,
            self._put_structure,
            self._put_outer,
        )
        self._tissue = Tissue(setup.blobs, self._surfaces, self._ways)
        names = {tool.thing: tool.name for tool in setup.plan.tools}
        self._offers = GuideOffers(names, setup.plan.landmarks, lambda: self._ways.all)
        self._server = Server(self._offers)
        self._pilot = None if hand is None else Pilot(setup.plan, hand, self.session, _way_mm(setup))

    async def run(self) -> None:
        """Until the device ends, and on without it: what is not known must go on being said."""
        async with contextlib.AsyncExitStack() as stack:
            if self._setup.share_port is not None:
                try:
                    await stack.enter_async_context(self._server.open(self._clock, port=self._setup.share_port))
                except OSError as error:
                    self.session.words = f"Not shared over OpenIGTLink: {error}"
            await self._run()

    async def _run(self) -> None:
        self._tell(self._clock())
        self._say_ops(self._tissue.put_back(self._scene))  # whatever an earlier loop moved
        self._follow(self._scene)
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                await asyncio.sleep(TICK_S)
                now_s = self._clock()
                if self._pilot is not None and (ask := self._pilot.step(now_s)) is not None:
                    self.hear(GuideRequest(request="pilot", scene=self._scene.id, ask=ask, by="simulated hand"))
                if now_s - self._said_s >= TICK_S:
                    self._look(now_s, heard=False)
        finally:
            listening.cancel()
            for task in self._tasks:
                task.cancel()
            self._surfaces.close()
            await self._device.close()

    async def _listen(self) -> None:
        async for said in self._device.said():
            self._take(said)
        self._beside = replace(self._beside, has_ended=True)
        self.session.hear((), Why.LINK_LOST, "the recording has ended", self._clock())

    def _take(self, said: Said) -> None:
        now_s = self._clock()
        heard = self.session.hear(said.samples, said.why, said.words, now_s)
        if heard or said.why is not None:
            self._look(now_s, heard=True)

    # --- what people ask -------------------------------------------------------------------------

    def hear(self, heard: Heard) -> None:
        """Take what comes from the hub."""
        if isinstance(heard, SceneNow):
            self._follow(heard.scene)
        elif isinstance(heard, Inject):
            self._inject(heard.fault)
        elif isinstance(heard, MarginsNow):
            self._put_beside(margins=heard.margins)
        else:
            try:
                self._answer(heard)
            except SightlineError as error:
                self._say(Told(refused=((heard.request, str(error)),)))
            self._look(self._clock(), heard=True)

    def _inject(self, fault: Fault) -> None:
        inject, at_s = getattr(self._device, "inject", None), getattr(self._device, "time_s", 0.0)
        if inject is not None:
            inject(replace(fault, start_s=fault.start_s + at_s, end_s=fault.end_s + at_s))

    def _answer(self, request: GuideRequest) -> None:
        session, now_s = self.session, self._clock()
        match request.ask:
            case CollectAsk(landmark=landmark):
                session.collect(landmark, now_s)
            case LeaveAsk(landmark=landmark):
                session.leave(landmark)
            case SolveAsk(headset=False):
                session.solve()
                self._say_registration(request.by or "guidance")
            case SolveAsk():
                self._headsets.solve(request.by or "")
                self._put_beside(headsets=self._headsets.places())
            case TouchAsk():
                self._headsets.touch(request.by or "", request.ask, now_s)
                self._put_beside(headsets=self._headsets.places())
            case CalibrateAsk(tool=tool, state=state, how=how):
                session.calibrate(self._thing_of(tool), start=state == "start", in_block=how == "template")
            case TraceAsk(state="start"):
                session.trace()
            case TraceAsk():
                self._beside_loop(self._fit(request, session.end_trace()))
            case RetouchAsk(scan_mm=scan_mm):
                session.retouch(np.array(scan_mm), now_s)
            case DeformAsk(state="apply"):
                self._beside_loop(self._move_tissue(request, session.deformation()))
            case DeformAsk():
                session.forget_retouched()
                self._put_tissue_back()
            case BandsAsk(node=node, bands=bands):
                session.set_bands(self._key_of(node), Bands(bands.near_mm, bands.risk_mm, bands.breach_mm))
            case QuietAsk(alert=alert, how=how):
                session.quiet(alert, Ask(how), now_s)
            case CutAsk():
                self._cut(request.ask, now_s)
            case TrajectoryAsk():
                self._ways.move(request.ask)
                self._put_ways()
            case ChooseAsk(id=way):
                self._ways.choose(way)
                self._put_ways()
            case _:
                raise InvalidValue(f"this session does not know how to {request.ask.kind}")

    def _cut(self, ask: CutAsk, now_s: float) -> None:
        """A cut begins, ends or is taken back; at rest, what is left of the target is drawn."""
        desk = self._resection
        if desk is None:
            raise InvalidValue("no tool of this plan cuts a target, or the target is not ready")
        if self._tissue.is_moved:
            raise InvalidValue(
                "tissue was moved since the scan: what a cut takes of it cannot be told; put it back first"
            )
        desk.answer(ask, now_s)
        self._put_beside(resection=desk.message(now_s))
        if ask.state != "start":
            self._beside_loop(self._draw_remaining(desk))

    async def _draw_remaining(self, desk: ResectionDesk) -> None:
        node = await asyncio.to_thread(desk.remaining_node)
        if node is not None:
            now = {"registration_epoch": self._beside.epoch}
            self._say(Told(ops=((PutNode(node=node.model_copy(update=now)), None),)))

    def _follow_cut(self, look: Look, now_s: float) -> None:
        """What a cutting tool takes away, place by place; told a few times a second."""
        desk = self._resection
        if desk is None or self._beside.resection is None or not self._beside.resection.cutting:
            return
        for tool in look.tools:
            if tool.thing == self._cutter:
                place = tool.unknown if tool.unknown is not None else tool.place
                desk.update(place.place if isinstance(place, Placed) else place, now_s)
        if now_s - self._told_s >= CUT_EVERY_S:
            self._put_beside(resection=desk.message(now_s))

    async def _fit(self, request: GuideRequest, traced_mm: Float64) -> None:
        """Register by the surface that was traced."""
        session, outer = self.session, self._surfaces.outer
        try:
            if outer is None:
                raise InvalidValue("the scan shows no skin that could have been traced: register at landmarks")
            found = await asyncio.to_thread(register_surface, traced_mm, outer, session.tracked, session.rough())
        except SightlineError as error:
            self._say(Told(refused=((request.request, str(error)),)))
            return
        session.take_registration(found)
        session.words = f"Registered by {len(traced_mm)} points of the skin: now check it at points that were not used"
        self._say_registration(request.by or "guidance")

    async def _move_tissue(self, request: GuideRequest, deformation: Deformation) -> None:
        """Soft tissue goes where the points say that were touched again. Until it is there, nothing of it is known."""
        desk = self._resection
        if desk is not None and self._beside.resection is not None and self._beside.resection.cutting:
            desk.answer(CutAsk(state="stop"), self._clock())
        try:
            ops = await self._tissue.move(lambda: self._scene, deformation)
        except SightlineError as error:
            self._say(Told(refused=((request.request, str(error)),)))
            self._put_tissue_back()
            return
        self._put_beside(resection=None, tissue=self._tissue.guess)
        self._put_ways()
        points: dict[str, str | float] = {"method": "tissue moved", "points": len(deformation.scan_mm)}
        self._say(Told(ops=tuple((op, None) for op in ops), noted=(Noted(request.by or "guidance", points),)))

    def _put_tissue_back(self) -> None:
        self._say_ops(self._tissue.put_back(self._scene))
        desk = self._resection
        self._put_beside(tissue=None, resection=None if desk is None else desk.message(self._clock()))
        self._put_ways()

    def _beside_loop(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _put_beside(self, **changes: Any) -> None:
        """Something that is told with the session, and is not its own."""
        self._beside = replace(self._beside, **changes)
        self._told_revision = -1

    def _put_ways(self) -> None:
        self._put_beside(trajectories=self._ways.messages(self._names), chosen=self._ways.chosen)

    @property
    def _names(self) -> dict[str, str]:
        return {key: node.structure.name for key, node in surface_nodes(self._scene).items()}

    def _thing_of(self, node: str) -> str:
        for thing, tool in self._setup.tools.items():
            if tool == node:
                return thing
        raise InvalidValue(f"{node} is no tool of this plan")

    def _key_of(self, node: str) -> str:
        for key, known in self._beside.nodes.items():
            if known == node:
                return key
        raise InvalidValue(f"{node} is no structure of this scene")

    def _say_registration(self, who: str) -> None:
        """A registration, or that its checks hold: with everything that depends on it in one op."""
        registration = self.session.registration
        assert registration is not None
        is_new = registration is not self._known
        if is_new and self._tissue.is_moved:  # by points that were touched under another registration
            self._put_tissue_back()
        epoch = self._beside.epoch + is_new
        self._known = registration
        self._beside = replace(self._beside, epoch=epoch)
        last = self.session.verifications[-1] if self.session.verifications else None
        op = SetRegistration(
            registration=Registration(
                epoch=epoch,
                patient_from_world=row_major(registration.patient_from_tracked.matrix),
                frame_of_reference_uid=self._scene.frame_of_reference_uid,
                method=registration.method.value,
                verified=last is not None and last.holds,
            )
        )
        facts: dict[str, str | float] = {"method": registration.method.value, "epoch": epoch}
        if last is not None:
            facts |= {"measured mm": round(last.measured_mm, 2), "holds": str(last.holds)}
        self._say(Told(ops=((op, None),), noted=(Noted(who, facts),)))

    # --- what is said ----------------------------------------------------------------------------

    def _look(self, now_s: float, *, heard: bool) -> None:
        checks = len(self.session.verifications)
        look = self.session.look(now_s)
        self._offers.take(look)
        self._server.changed()
        self._say_checks(checks)
        self._follow_cut(look, now_s)
        ops = self._changes(look, now_s)
        whys = (None if look.reference is None else look.reference.why, *(_why(one) for one in look.tools))
        is_news = heard or whys != self._whys or now_s - self._said_s >= REPEAT_S
        if not ops and not is_news:
            return
        self._whys, self._said_s = whys, now_s
        poses: list[Pose] = []
        readings: list[Reading] = []
        lost: list[int] = []
        for tool in look.tools:
            entity = self._setup.entities[tool.thing]
            error_mm = tool.place.tip_error_mm if isinstance(tool.place, Placed) else 0.0
            readings.append(reading_of(tool, look, error_mm, entity, self._revision, self._beside.epoch))
            pose = pose_of(tool, error_mm, entity, self._beside.epoch)
            if pose is not None:
                poses.append(pose)
                self._lost.discard(entity)
            elif entity not in self._lost:
                lost.append(entity)
                self._lost.add(entity)
        frame = b"".join([*map(encode, poses), *map(encode, readings)])
        self._say(Told(tuple((op, None) for op in ops), frame, tuple(lost)))

    def _say_checks(self, count: int) -> None:
        if count != self._checked and self.session.registration is not None:
            if count > self._checked:
                self._say_registration("guidance")
                if self._setup.exports is not None:
                    self._beside_loop(self._export(*self._setup.exports))
            self._checked = count

    async def _export(self, folder: Path, source: Source) -> None:
        """What was found, and how the check went, as DICOM objects in a folder of this moment."""
        from engine.app.guide_export import export_guidance

        session, now = self.session, datetime.datetime.now(datetime.UTC)
        volume = volume_node(self._scene)
        registration = session.registration
        if volume is None or registration is None or not session.verifications:
            return
        noted: list[Noted] = []
        try:
            await asyncio.to_thread(
                lambda: export_guidance(
                    folder / f"{now:%Y%m%dT%H%M%S}",
                    source,
                    label_map_of(self._scene, volume, self._setup.blobs),
                    (),
                    registration,
                    session.pairs,
                    session.verifications[-1],
                    now,
                    now_s=self._clock(),
                    check_points=session.check_points,
                    targets=self._setup.targets_mm,
                )
            )
            noted.append(Noted("guidance", {"objects": "of a check"}, is_export=True))
        except SightlineError as error:
            session.words = f"Not exported: {error}"
            session.revision += 1
        self._say(Told(noted=tuple(noted)))

    def _changes(self, look: Look, now_s: float) -> list[Op]:
        ops: list[Op] = []
        if self._told_revision != self.session.revision and now_s - self._told_s >= TELL_EVERY_S:
            ops += self._guidance(now_s)
        alerts = alert_messages(look.alerts)
        if alerts != self._alerts and (alerts or self._alerts):
            self._alerts = alerts
            ops.append(SetAlerts(alerts=alerts))
        return ops

    def _guidance(self, now_s: float) -> list[Op]:
        self._told_revision, self._told_s = self.session.revision, now_s
        made = guidance_message(self.session, self._beside, self._revision, now_s)
        if made == self._told:
            return []
        self._revision = (self._revision + 1) & 0xFFFF
        self._told = made.model_copy(update={"revision": self._revision})
        return [SetGuidance(guidance=self._told)]

    def _tell(self, now_s: float) -> None:
        self._say_ops(self._guidance(now_s))

    def _say_ops(self, ops: Iterable[Op]) -> None:
        self._say(Told(tuple((op, None) for op in ops)))

    # --- structures ------------------------------------------------------------------------------

    def _put_structure(self, key: str, name: str, tree: SurfaceTree | None) -> None:
        if key in self.session.structures:
            self.session.put_structure(key, name, tree)
        self._ways.put(key, tree)
        self._put_ways()

    def _follow(self, scene: Scene) -> None:
        self._scene = scene
        self._surfaces.follow(scene)
        if self._resection is None and self._cutter is not None and not self._prepares_cuts:
            self._prepares_cuts = True
            self._beside_loop(self._prepare_cuts(self._cutter))

    def _put_outer(self, surface: Surface) -> None:
        self._ways.put_entry(surface)
        self._put_ways()

    async def _prepare_cuts(self, cutter: str) -> None:
        """Once the structures are ready, what a cutting tool takes away can be followed; else with the next change."""
        await self._surfaces.ready()
        if self._setup.plan.target is not None:
            with contextlib.suppress(InvalidValue, OSError):  # told to who would cut
                self._resection = await asyncio.to_thread(self._desk, self._scene, cutter, self._setup.plan.target)
        self._prepares_cuts = False

    def _desk(self, scene: Scene, cutter: str, target: str) -> ResectionDesk | None:
        volume = volume_node(scene)
        if volume is None:
            return None
        shape = self.session.instruments[cutter].planned.shape
        return ResectionDesk(
            label_map_of(scene, volume, self._setup.blobs),
            target,
            ToolShape(shape.line_mm[:1], shape.radius_mm),
            BlobFolder(self._setup.blobs),
            np.reshape(scene.headset_from_patient, (4, 4)),
        )


def _why(tool: ToolLook) -> Why | None:
    return None if tool.unknown is None else tool.unknown.why


def guide(pipe: Connection, setup: Setup) -> None:
    """The process: guides until the other end is closed."""
    threading.Thread(target=end_with_the_server, daemon=True).start()
    gc.collect()
    gc.freeze()
    with contextlib.suppress(EOFError, BrokenPipeError):
        asyncio.run(_guide(pipe, setup))


def simulated_hand(setup: Setup) -> SimulatedHand:
    """Over a patient who lies a metre from the camera as somebody laid him, which nobody else knows."""
    plan = setup.plan
    rng = np.random.default_rng((setup.scenario or Scenario()).seed)
    middle = np.mean([one.patient_mm for one in plan.landmarks], axis=0)
    laid = turn(rng.normal(scale=0.3, size=3)) @ np.diag([1.0, -1.0, -1.0])
    reference = plan.reference or FIXED
    return SimulatedHand(
        Transform.rigid(WORLD, plan.frame, laid, [0.0, 0.0, -1100.0] - laid @ middle),
        Transform.rigid(thing_frame(reference), plan.frame, turn(rng.normal(size=3)), rng.normal(scale=80.0, size=3)),
        reference,
        plan.tools[0].thing,
        np.array([*rng.normal(scale=3.0, size=2), -150.0 + rng.normal(scale=5.0)]),
        middle + np.array([0.0, -180.0, 60.0]),
        rng,
    )


def _way_mm(setup: Setup) -> tuple[Float64, Float64]:
    """The first way of the plan, else from the first landmark to where the error matters."""
    if setup.plan.trajectories:
        way = setup.plan.trajectories[0]
        return way.entry_mm, way.target_mm
    return setup.plan.landmarks[0].patient_mm, next(iter(setup.targets_mm.values()))


async def _guide(pipe: Connection, setup: Setup) -> None:
    def clock() -> float:
        return time.monotonic() + setup.clock_ahead_s

    hand = simulated_hand(setup) if setup.pilot else None
    device: Device = (
        await open_device(setup.device, clock)
        if hand is None
        else simulated_device(setup.scenario or Scenario(), hand.places, clock)
    )
    guiding = GuideLoop(setup, device, clock, pipe.send, hand)
    ended = asyncio.get_running_loop().create_future()

    def hear() -> None:
        try:
            while pipe.poll():
                guiding.hear(pipe.recv())
        except (EOFError, OSError):
            if not ended.done():
                ended.set_result(None)

    asyncio.get_running_loop().add_reader(pipe.fileno(), hear)
    running = asyncio.create_task(guiding.run())
    await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
    asyncio.get_running_loop().remove_reader(pipe.fileno())
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
