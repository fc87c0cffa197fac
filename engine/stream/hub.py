"""One session: what is true, who is connected, and what each may change. No I/O: whoever joins brings a bell to ring.

Ops, poses and beats go to every peer; requests about tracked things and registration are answered here, the others by
the application. Time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from engine.core.errors import InvalidValue
from engine.core.frame import WORLD, patient
from engine.core.transform import Transform
from engine.stream.access import Access, Who
from engine.stream.audit_event import AuditEvent, Note
from engine.stream.binary import Blob
from engine.stream.messages import (
    EditRequest,
    GuideRequest,
    HubsState,
    Job,
    JobUpdate,
    Member,
    Op,
    PutNode,
    RecordingState,
    RegisterRequest,
    Registration,
    RemoveNode,
    ReplaceScene,
    Scene,
    SessionUpdate,
    SetRegistration,
    StepRequest,
    StrokeRequest,
    TrackedNode,
    TrackedThing,
    TrackRequest,
    VerifyRequest,
)
from engine.stream.peer import Peer
from engine.stream.pose import MOST_ENTITIES, Pose, PoseBoard
from engine.stream.reading import Reading, ReadingBoard
from engine.stream.scene_log import Entry, SceneLog

#: Connections at once: more than any room holds, fewer than would make the hub late.
MOST_PEERS = 256
#: Somebody who connects and says nothing holds a place for no longer.
HELLO_WITHIN_S = 5.0

Bell = Callable[[], None]
Jobs = Callable[[], Iterable[Job]]
#: What the application does with a request to edit, and how to tell why not.
Edit = Callable[[EditRequest, Callable[[str], None]], None]
#: What guides does with what is asked of it, and how to tell why not.
Guide = Callable[[GuideRequest, Callable[[str], None]], None]


def _nobody_guides(_request: GuideRequest, refuse: Callable[[str], None]) -> None:
    refuse("no guidance runs here: start it with `sightline guide`")


@dataclass(slots=True)
class _Connection:
    bell: Bell
    since_s: float
    is_noted: bool = False


class Hub:
    """The state of a session.

    `on_entry`, `on_pose` and `on_reading` hear everything that all peers hear, in the same order; `on_anew` hears of a
    state that no ops led to. `guide` is given what people ask of a guidance session.
    """

    def __init__(self, log: SceneLog, access: Access, note: Note, is_noting: Callable[[], bool] = lambda: True) -> None:
        self.log = log
        self.board = PoseBoard()
        self.readings = ReadingBoard()
        self.access = access
        self.on_entry: list[Callable[[Entry, Op], None]] = []
        self.on_pose: list[Callable[[Pose], None]] = []
        self.on_reading: list[Callable[[Reading], None]] = []
        self.guide: Guide = _nobody_guides
        self.on_anew: list[Callable[[SceneLog], None]] = []
        self.note = note
        self._is_noting = is_noting
        self._connections: dict[Peer, _Connection] = {}
        self._owners: dict[str, str] = {}  # tracked node -> member
        self._entities: dict[str, int] = {}  # tracked node -> its number, from the moment it is given
        self._here: set[int] = set()  # numbers of what this server itself tracks
        #: Hubs that share a session give numbers from different places.
        self.first_entity = 1
        self._session = SessionUpdate()

    # --- who is there --------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether one more would be too many."""
        return len(self._connections) >= MOST_PEERS

    @property
    def is_empty(self) -> bool:
        """Whether nobody looks."""
        return not any(peer.is_live for peer in self._connections)

    def join(self, cookie: str | None, bell: Bell, jobs: Jobs, now_s: float) -> Peer:
        """A new connection; `bell` is rung whenever something may wait for it."""

        def admit(token: str | None, now_s: float) -> Who | None:
            # Nobody comes in unwritten: a log that cannot be kept closes the door, not the session.
            return self.access.who(token if token is not None else cookie, now_s) if self._is_noting() else None

        peer = Peer(self.log, self.board, jobs, admit, lambda: self._session, self.readings)
        self._connections[peer] = _Connection(bell, now_s)
        return peer

    def leave(self, peer: Peer) -> None:
        """A connection has ended: what it tracked is lost from this moment."""
        del self._connections[peer]
        for entity in peer.entities:
            self.lose(entity)
        for node in self._tracked():
            if node.entity in peer.entities and node.thing != "tool":
                self.board.forget(node.entity)
                self._entities.pop(node.id, None)
                self.publish(RemoveNode(id=node.id))
        if peer.who is not None:
            self.note(AuditEvent.LEFT, str(peer.who), {})

    def members(self, you: Who, now_s: float) -> tuple[Member, ...]:
        """Everybody who was let in."""
        live = [peer.who for peer in self._connections if peer.who is not None]
        known = {name: Who(name, role) for name, role in self.access.desk.members(now_s).items()}
        known |= {who.id: who for who in live}
        return tuple(
            Member(
                id=who.id,
                role=who.role.value,
                connections=sum(each.id == who.id for each in live),
                is_you=who.id == you.id,
            )
            for who in known.values()
        )

    # --- what the session says to all ----------------------------------------------------------

    def publish(self, op: Op, ahead: Blob | None = None) -> None:
        """Append `op` to the log and tell everyone, with the blob that it names `ahead` of it."""
        if ahead is not None:
            self._tell(ahead)
        self.commit(self._carrying(op) if isinstance(op, ReplaceScene) else op)

    def commit(self, op: Op) -> None:
        """Number an op that is final, and tell everyone."""
        self._tell_entry(self.log.append(op), op)

    def repeat(self, entry: Entry, op: Op) -> None:
        """Tell everyone an op that was numbered elsewhere (a recording, another hub), with the same text."""
        self.log.take(entry, op)
        self._tell_entry(entry, op)

    def begin_anew(self, log: SceneLog) -> None:
        """Another run takes this one's place: everyone is given its whole state."""
        self.log = log
        for entity in self.board.entities:
            self.board.forget(entity)
        for entity in self.readings.entities:
            self.readings.forget(entity)
        for peer in self._connections:
            peer.entities.clear()
        self.tell_all_anew()

    def tell_all_anew(self) -> None:
        """What peers were told so far cannot be gone on with: everyone is given the whole state."""
        for hear in self.on_anew:
            hear(self.log)
        for peer, connection in self._connections.items():
            peer.tell_anew(self.log)
            connection.bell()

    def progress(self, job: Job) -> None:
        """Tell everyone where a job stands."""
        self._tell(JobUpdate(job=job))

    def session(self, *, recording: RecordingState | None = None, hubs: HubsState | None = None) -> None:
        """Tell everyone whether the session is recorded, and whether other hubs of it are heard."""
        now = self._session
        self._session = SessionUpdate(recording=recording or now.recording, hubs=hubs or now.hubs)
        if self._session != now:
            self._tell(self._session)

    def pose(self, pose: Pose) -> bool:
        """Show everyone where something is; False where it is older than what is known."""
        if not self.board.put(pose):
            return False
        for hear in self.on_pose:
            hear(pose)
        self._tell_moved(pose.entity)
        return True

    def read(self, reading: Reading) -> bool:
        """Show everyone how far a tool is from what it is held against; False where a newer reading is known."""
        if not self.readings.put(reading):
            return False
        for hear in self.on_reading:
            hear(reading)
        for peer, connection in self._connections.items():
            peer.read(reading.entity)
            connection.bell()
        return True

    def lose(self, entity: int) -> None:
        """Show everyone that something is not tracked any more."""
        if self.board.lose(entity):
            self._tell_moved(entity)

    def tracked_entities(self) -> frozenset[int]:
        """Numbers of all that somebody who is here, or this server itself, tracks."""
        return frozenset(entity for peer in self._connections for entity in peer.entities) | self._here

    def tick(self, now_s: float) -> None:
        """Ten times a second: the beat; and whoever may no longer be here goes."""
        for peer, connection in self._connections.items():
            if peer.who is None:
                if now_s - connection.since_s > HELLO_WITHIN_S:
                    peer.send_out()
            elif (who := self.access.still(peer.who, now_s)) is None:
                peer.send_out()
            else:
                peer.now_is(who)
            peer.beat()
            connection.bell()

    # --- what one peer says --------------------------------------------------------------------

    def take_events(self, peer: Peer, edit: Edit) -> None:
        """Do what a peer has asked for since the last time."""
        connection = self._connections[peer]
        if not connection.is_noted and (peer.who is not None or peer.closing is not None):
            connection.is_noted = True
            self._note_arrival(peer)
        while (event := peer.take_event()) is not None:
            if isinstance(event, Pose):
                self.pose(event)
                continue
            try:
                match event:
                    case TrackRequest():
                        self._track(peer, event)
                    case RegisterRequest():
                        self._register(peer, event)
                    case VerifyRequest():
                        self._verify(peer, event)
                    case StrokeRequest() | StepRequest():
                        by = _member(peer).role.value  # whatever the client says
                        edit(event.model_copy(update={"by": by}), self._refuser(peer, event.request))
                    case GuideRequest():
                        asked = event.model_copy(update={"by": _member(peer).id})
                        self.guide(asked, self._refuser(peer, event.request))
                    case _:
                        edit(event, self._refuser(peer, event.request))
            except InvalidValue as error:
                peer.refuse(event.request, str(error))
        connection.bell()

    def _refuser(self, peer: Peer, request: str) -> Callable[[str], None]:
        def refuse(summary: str) -> None:
            peer.refuse(request, summary)
            if peer in self._connections:
                self._connections[peer].bell()

        return refuse

    def track_here(self, things: Iterable[TrackedThing], source: str) -> dict[str, int]:
        """Things that this server itself sends poses of; their numbers by node.

        Raises:
            InvalidValue: nothing is open yet, or too many things are tracked.
        """
        made = {}
        for thing in things:
            node = self._node(thing, source)
            self._here.add(node.entity)
            made[node.id] = node.entity
            self.publish(PutNode(node=node))
        return made

    def leave_here(self, nodes: Iterable[str]) -> None:
        """What this server tracked is no more."""
        there = {node.id for node in self._tracked()}
        for node in nodes:
            entity = self._entities.pop(node, None)
            if entity is not None:
                self._here.discard(entity)
                self.board.forget(entity)
                self.readings.forget(entity)
            if node in there:
                self.publish(RemoveNode(id=node))

    def _track(self, peer: Peer, request: TrackRequest) -> None:
        scene, member = self._scene(), _member(peer)
        for thing in request.things:
            known = next((node for node in scene.nodes if node.id == thing.id), None)
            if known is not None and self._owners.get(thing.id) != member.id:
                raise InvalidValue(f"{thing.id!r} is the name of something else")
        for thing in request.things:
            node = self._node(thing, str(member))
            self._owners[node.id] = member.id
            peer.entities.add(node.entity)
            self.publish(PutNode(node=node))

    def _node(self, thing: TrackedThing, source: str) -> TrackedNode:
        scene = self._scene()
        there = {node.id: node.entity for node in self._tracked()}
        entity = there.get(thing.id, self._entities.get(thing.id))
        if entity is None:
            taken = {*there.values(), *self._entities.values()}
            if len(taken) >= MOST_ENTITIES:
                raise InvalidValue(f"no more than {MOST_ENTITIES} things are tracked in a session")
            entity = next(n for n in range(self.first_entity, 0x10000) if n not in taken)
        self._entities[thing.id] = entity
        return TrackedNode(
            id=thing.id,
            name=thing.name,
            entity=entity,
            thing=thing.thing,
            shaft_mm=thing.shaft_mm,
            radius_mm=thing.radius_mm,
            source=source,
            frame_of_reference_uid=scene.frame_of_reference_uid,
            registration_epoch=scene.registration_epoch,
        )

    @property
    def _is_guided(self) -> bool:
        return self.log.scene is not None and self.log.scene.guidance is not None

    def _register(self, peer: Peer, request: RegisterRequest) -> None:
        scene = self._scene(request.scene)
        if self._is_guided:
            raise InvalidValue("guidance runs here, and registers by what is touched")
        matrix = np.reshape(request.patient_from_world, (4, 4))
        Transform(patient(scene.frame_of_reference_uid), WORLD, matrix)  # refused unless it is rigid
        registration = Registration(
            epoch=scene.registration_epoch + 1,
            patient_from_world=request.patient_from_world,
            frame_of_reference_uid=scene.frame_of_reference_uid,
            method=request.method,
            verified=False,
        )
        self._set(registration, peer, {"method": request.method})

    def _verify(self, peer: Peer, request: VerifyRequest) -> None:
        scene = self._scene(request.scene)
        if self._is_guided:
            raise InvalidValue("guidance runs here, and checks by what is touched")
        known = scene.registration
        if known is None or known.epoch != request.epoch:
            raise InvalidValue("the registration that was checked is not the one in force")
        self._set(known.model_copy(update={"verified": True}), peer, {"error mm": request.error_mm})

    def _set(self, registration: Registration, peer: Peer, facts: dict[str, str | float]) -> None:
        self.publish(SetRegistration(registration=registration))
        facts |= {"epoch": registration.epoch, "verified": registration.verified}
        self.note(AuditEvent.REGISTRATION_CHANGED, str(_member(peer)), facts)

    def _note_arrival(self, peer: Peer) -> None:
        if peer.who is not None:
            self.note(AuditEvent.CONNECTED, str(peer.who), {})
        elif peer.closing is not None:
            self.note(AuditEvent.REFUSED, "nobody", {"asked": "to be told", "why": peer.closing.reason})

    # --- inside --------------------------------------------------------------------------------

    def _scene(self, identifier: str | None = None) -> Scene:
        scene = self.log.scene
        if scene is None:
            raise InvalidValue("nothing is open yet: open a scan first")
        if identifier is not None and scene.id != identifier:
            raise InvalidValue("another scan has been opened meanwhile")
        return scene

    def _tracked(self) -> tuple[TrackedNode, ...]:
        scene = self.log.scene
        return () if scene is None else tuple(node for node in scene.nodes if isinstance(node, TrackedNode))

    def _carrying(self, op: ReplaceScene) -> ReplaceScene:
        """What is tracked stays when another scan is opened; a registration does if it is the same patient space."""
        old, new = self.log.scene, op.scene
        if old is None:
            return op
        same = old.frame_of_reference_uid == new.frame_of_reference_uid != ""
        epoch = old.registration_epoch if same else old.registration_epoch + (old.registration is not None)
        there = self.tracked_entities()
        staying = [node for node in self._tracked() if node.entity in there]
        placed = {"registration_epoch": epoch, "frame_of_reference_uid": new.frame_of_reference_uid}
        nodes = tuple(node.model_copy(update=placed) for node in (*new.nodes, *staying))
        changes = placed | {"nodes": nodes, "registration": old.registration if same else None}
        return ReplaceScene(scene=new.model_copy(update=changes))

    def _tell(self, message: Entry | Blob | JobUpdate | SessionUpdate) -> None:
        for peer, connection in self._connections.items():
            peer.notify(message)
            connection.bell()

    def _tell_entry(self, entry: Entry, op: Op) -> None:
        for hear in self.on_entry:
            hear(entry, op)
        self._tell(entry)

    def _tell_moved(self, entity: int) -> None:
        for peer, connection in self._connections.items():
            peer.moved(entity)
            connection.bell()


def _member(peer: Peer) -> Who:
    assert peer.who is not None  # events come from peers that were let in
    return peer.who
