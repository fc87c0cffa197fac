"""The other end of a connection, without any I/O: what a client knows of a session. Native viewers, devices, tests.

It says hello, folds ops into the scene, keeps the newest pose of each entity, compares clocks, and knows when it has
been left alone. `now_s` is the client's own clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from pydantic import TypeAdapter

from engine.stream.binary import Answer, Ask, Beat, Blob, encode, records
from engine.stream.clock import ClockSync, Exchange, Offset
from engine.stream.messages import (
    PROTOCOL,
    ErrorMessage,
    Hello,
    Job,
    JobUpdate,
    NumberedOp,
    RefusedMessage,
    Scene,
    ServerMessage,
    SessionUpdate,
    Snapshot,
    TrackedNode,
    Welcome,
)
from engine.stream.pose import Pose
from engine.stream.reading import Reading
from engine.stream.scene_log import folded

#: No frame for this long: the hub cannot be heard, and whoever looks is told.
SILENT_AFTER_S = 0.4
ASK_EVERY_S = 1.0

Told = Welcome | Snapshot | NumberedOp | JobUpdate | SessionUpdate | RefusedMessage | ErrorMessage

_SERVER_MESSAGE: TypeAdapter[Told] = TypeAdapter(ServerMessage)


class MissedOps(Exception):
    """The numbers of ops have a hole: hang up and say hello anew, rather than draw half a truth."""


class Follower:
    """What one client knows. It lives through lost connections: say `hello` again and go on."""

    def __init__(self, on_blob: Callable[[Blob], None] = lambda _: None) -> None:
        """`on_blob` is given what the hub sends ahead of the op that names it."""
        self._on_blob = on_blob
        self.epoch: str | None = None
        self.seq: int | None = None
        self.scene: Scene | None = None
        self.jobs: dict[str, Job] = {}
        self.poses: dict[int, Pose] = {}
        self.readings: dict[int, Reading] = {}
        self.welcome: Welcome | None = None
        self._clock = ClockSync()
        self._heard_s: float | None = None
        self._asked_s: float | None = None
        self._replies: deque[bytes] = deque(maxlen=64)

    def hello(self, token: str | None, now_s: float) -> str:
        """The first frame of a new connection. What was known of the hub's clock may be another's now."""
        self._clock, self._asked_s, self._heard_s = ClockSync(), None, now_s
        self._replies.clear()
        self.poses.clear()
        self.readings.clear()
        return Hello(protocol=PROTOCOL, token=token, epoch=self.epoch, last_seq=self.seq).model_dump_json()

    def receive_text(self, text: str, now_s: float) -> Told:
        """Take one text frame, and return what it says.

        Raises:
            MissedOps: an op has not come.
            pydantic.ValidationError: not a message of this protocol.
        """
        self._heard_s = now_s
        message = _SERVER_MESSAGE.validate_json(text)
        match message:
            case Welcome():
                self.welcome = message
            case Snapshot():
                self.epoch, self.seq, self.scene = message.epoch, message.seq, message.scene
                self.jobs = {job.id: job for job in message.jobs}
                self._forget_poses()
            case NumberedOp():
                if self.seq is None or message.seq != self.seq + 1:
                    self._miss()
                self.scene, self.seq = folded(self.scene, message.op), message.seq
                self._forget_poses()
            case JobUpdate():
                self.jobs[message.job.id] = message.job
        return message

    def receive_bytes(self, frame: bytes, now_s: float) -> list[Pose]:
        """Take one binary frame; returns the poses in it that are news, with times on the hub's clock.

        Raises:
            InvalidValue: not a frame of this protocol.
            MissedOps: the hub has sent an op that has not come.
        """
        self._heard_s = now_s
        news = []
        for record in records(frame):
            match record:
                case Pose():
                    if self._is_news(record):
                        self.poses[record.entity] = record
                        news.append(record)
                case Ask(sent_s):
                    self._replies.append(encode(Answer(sent_s, now_s, now_s)))
                case Answer(sent_s, received_s, answered_s):
                    self._clock.add(Exchange(sent_s, received_s, answered_s, now_s))
                case Beat(_, seq):
                    if seq > (self.seq or 0):
                        self._miss()
                case Blob():
                    self._on_blob(record)
                case Reading():
                    self.readings[record.entity] = record
        return news

    def next_bytes(self, now_s: float) -> bytes:
        """What to send: answers, and a question for the time when one is due. Empty when nothing is."""
        if self._asked_s is None or now_s - self._asked_s >= ASK_EVERY_S:
            self._asked_s = now_s
            self._replies.append(encode(Ask(now_s)))
        said = b"".join(self._replies)
        self._replies.clear()
        return said

    def sent(self, pose: Pose) -> bytes:
        """A pose of something that this client tracks; its time is on the client's own clock."""
        scene = self.scene
        epoch = 0 if scene is None else scene.registration_epoch & 0xFFFF
        return encode(replace(pose, registration_epoch=epoch))

    def offset(self, now_s: float) -> Offset | None:
        """What to add to the client's clock to have the hub's."""
        return self._clock.at(now_s)

    def age_s(self, entity: int, now_s: float) -> float | None:
        """How old the newest pose of `entity` is; None where there is none, or the clocks were not compared yet."""
        pose, offset = self.poses.get(entity), self._clock.at(now_s)
        return None if pose is None or offset is None else now_s + offset.offset_s - pose.time_s

    def entity_of(self, node: str) -> int | None:
        """The number under which poses of a tracked node travel."""
        nodes = () if self.scene is None else self.scene.nodes
        return next((each.entity for each in nodes if isinstance(each, TrackedNode) and each.id == node), None)

    def is_alone(self, now_s: float) -> bool:
        """Whether the hub has been silent for too long."""
        return self._heard_s is None or now_s - self._heard_s > SILENT_AFTER_S

    def _miss(self) -> NoReturn:
        self.epoch = self.seq = None
        raise MissedOps

    def _is_news(self, pose: Pose) -> bool:
        known = self.poses.get(pose.entity)
        if known is None or pose.time_s > known.time_s:
            return True
        return pose.time_s == known.time_s and known.is_tracked and not pose.is_tracked

    def _forget_poses(self) -> None:
        nodes = () if self.scene is None else self.scene.nodes
        there = {node.entity for node in nodes if isinstance(node, TrackedNode)}
        for entity in self.poses.keys() - there:
            del self.poses[entity]
        for entity in self.readings.keys() - there:
            del self.readings[entity]
