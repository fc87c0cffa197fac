"""One connection, without any I/O: frames and time in; frames and events out.

The server feeds `receive_text` and `receive_bytes`, takes what was asked from `take_event`, and sends what `next_bytes`
and `next_message` give until both are empty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from engine.core.errors import InvalidValue
from engine.stream.access import Who
from engine.stream.binary import Answer, Ask, Beat, Blob, Record, encode, records
from engine.stream.clock import ClockSync, Exchange, Offset
from engine.stream.limits import Bucket
from engine.stream.messages import (
    PROTOCOL,
    ActionName,
    ClientMessage,
    ErrorMessage,
    GuideRequest,
    Hello,
    Job,
    JobUpdate,
    PrepareRequest,
    RefusedMessage,
    RegisterRequest,
    Request,
    SessionUpdate,
    Snapshot,
    StepRequest,
    StrokeRequest,
    TrackRequest,
    VerifyRequest,
    Welcome,
)
from engine.stream.outbox import Outbox
from engine.stream.pose import MOST_AHEAD_S, Lane, Pose, PoseBoard
from engine.stream.reading import Reading, ReadingBoard
from engine.stream.roles import Action, Role, may, refusal
from engine.stream.scene_log import Entry, SceneLog

#: A hello with a thousand held blobs is 70 kB; nothing a client may send is larger.
MAX_INCOMING_BYTES = 256 * 1024

#: Strokes at the rate of a screen, and 20 tools at 90 a second in frames of their own, pass with room to spare.
TEXTS_PER_S, MOST_TEXTS = 200.0, 600.0
BINARY_BYTES_PER_S, MOST_BINARY_BYTES = 256e3, 512e3

#: Questions and answers that wait for one client; the oldest go.
MOST_RECORDS = 64
#: Between questions for the time: a clock that was set is noticed and believed again within it.
ASK_EVERY_S = 1.0
#: A pose older than this when it comes is worth nothing to anybody.
MOST_BEHIND_S = 1.0

_CLIENT_MESSAGE: TypeAdapter[Hello | Request] = TypeAdapter(ClientMessage)

#: What each request asks to do. A track request asks by its things (`_THING_ACTIONS`), guidance by what is asked.
_ACTIONS: dict[type[Request], Action] = {
    StrokeRequest: Action.EDIT,
    StepRequest: Action.EDIT,
    PrepareRequest: Action.EDIT,
    RegisterRequest: Action.REGISTER,
    VerifyRequest: Action.REGISTER,
}
_GUIDE_ACTIONS: dict[str, Action] = {
    "collect": Action.REGISTER,
    "touch": Action.REGISTER,
    "leave": Action.REGISTER,
    "solve": Action.REGISTER,
    "calibrate": Action.REGISTER,
    "bands": Action.SET_MARGIN,
    "margin": Action.SET_MARGIN,
    "trajectory": Action.SET_MARGIN,
    "choose": Action.SET_MARGIN,
    "cut": Action.REGISTER,
    "quiet": Action.QUIET,
    "trace": Action.REGISTER,
    "retouch": Action.REGISTER,
    "deform": Action.SET_MARGIN,
    "shown": Action.LOOK,
}
_THING_ACTIONS = {"tool": Action.TRACK, "head": Action.MOVE_SELF, "pointer": Action.MOVE_SELF}


@dataclass(frozen=True, slots=True)
class Close:
    """A WebSocket close: RFC 6455 section 7.4.2 private codes start at 4000."""

    code: int
    reason: str


TOO_LARGE = Close(1009, "a message larger than this server takes")
BAD_MESSAGE = Close(4400, "message not understood")
NOT_ALLOWED = Close(4401, "not allowed")
SENT_OUT = Close(4403, "access was withdrawn, or its time is over")
WRONG_PROTOCOL = Close(4406, f"this server speaks {PROTOCOL}")
TOO_MUCH = Close(4429, "too much at once")

Event = Request | Pose


class Peer:
    """The state of one connection: waiting for hello, live, or closing."""

    def __init__(
        self,
        log: SceneLog,
        board: PoseBoard,
        jobs: Callable[[], Iterable[Job]],
        admit: Callable[[str | None, float], Who | None],
        session: Callable[[], SessionUpdate] = SessionUpdate,
        readings: ReadingBoard | None = None,
    ) -> None:
        self._log = log
        self._board = board
        self._reading_board = readings or ReadingBoard()
        self._jobs = jobs
        self._admit = admit
        self._session = session
        self._outbox = Outbox()
        self._poses: Lane | None = None
        self._readings: Lane | None = None
        self._records: deque[Record] = deque(maxlen=MOST_RECORDS)
        self._events: deque[Event] = deque()
        self._clock = ClockSync()
        self._asked_s: float | None = None
        self._texts = Bucket(TEXTS_PER_S, MOST_TEXTS)
        self._binary = Bucket(BINARY_BYTES_PER_S, MOST_BINARY_BYTES)
        self._beat_due = False
        self._is_welcomed = False
        self._sent_seq = 0
        #: Numbers under which this peer may send poses; the hub gives them.
        self.entities: set[int] = set()
        #: Poses set aside, by reason, for whoever looks for a fault.
        self.discarded: dict[str, int] = {}
        self.who: Who | None = None
        self.closing: Close | None = None

    @property
    def is_live(self) -> bool:
        """Whether it was let in and is not about to go."""
        return self.who is not None and self.closing is None

    # --- in ------------------------------------------------------------------------------------

    def receive_text(self, text: str, now_s: float) -> None:
        """Take one text frame from the client."""
        if self.closing is not None:
            return
        if len(text) > MAX_INCOMING_BYTES:
            self._refuse(TOO_LARGE, TOO_LARGE.reason)
            return
        if not self._texts.take(1.0, now_s):
            self._refuse(TOO_MUCH, TOO_MUCH.reason)
            return
        try:
            message = _CLIENT_MESSAGE.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            self._refuse(BAD_MESSAGE, f"{where or 'message'}: {first['msg']}")
            return
        if isinstance(message, Hello):
            self._greet(message, now_s)
        elif self.who is None:
            self._refuse(BAD_MESSAGE, "hello comes first")
        elif (barred := _barred(self.who.role, message)) is not None:
            self.refuse(message.request, refusal(self.who.role, barred))
        else:
            self._events.append(message)

    def receive_bytes(self, frame: bytes, now_s: float) -> None:
        """Take one binary frame: poses, questions for the time, answers to ours."""
        if self.closing is not None:
            return
        if not self._binary.take(len(frame), now_s):
            self._refuse(TOO_MUCH, TOO_MUCH.reason)
        elif self.who is None:
            self._refuse(BAD_MESSAGE, "hello comes first")
        else:
            try:
                for record in records(frame):
                    self._take_record(record, now_s)
            except InvalidValue as error:
                self._discard(str(error))

    def take_event(self) -> Event | None:
        """The next thing that the client asks for or sends, or None. Poses come on the hub's clock."""
        return self._events.popleft() if self._events else None

    # --- out -----------------------------------------------------------------------------------

    def next_bytes(self, now_s: float) -> bytes:
        """The next binary frame; empty when none is due."""
        if not self.is_live or self._poses is None or self._readings is None or not self._is_welcomed:
            return b""  # whom the client is taken for comes first
        if self._asked_s is None or now_s - self._asked_s >= ASK_EVERY_S:
            self._asked_s = now_s
            self._records.append(Ask(now_s))
        if self._beat_due:
            self._beat_due = False
            self._records.append(Beat(now_s, self._sent_seq))
        said = b"".join(
            encode(replace(record, answered_s=now_s) if isinstance(record, Answer) else record)
            for record in self._records
        )
        self._records.clear()
        return said + self._poses.take() + self._readings.take()

    def next_message(self) -> str | bytes | None:
        """The next frame in order: text, or a blob that the text after it names. None when nothing waits."""
        if self._outbox.needs_snapshot:
            self._outbox.put(self._snapshot())
        message = self._outbox.take()
        if message is None:
            return None
        if isinstance(message, Blob):
            return encode(message)
        self._is_welcomed = True
        if isinstance(message, Entry | Snapshot):
            self._sent_seq = message.seq
        return message.text if isinstance(message, Entry) else message.model_dump_json()

    # --- what the hub says ---------------------------------------------------------------------

    def notify(self, message: Entry | Blob | JobUpdate | SessionUpdate) -> None:
        """Queue what the hub tells every live peer."""
        if self.is_live:
            self._outbox.put(message)

    def moved(self, entity: int) -> None:
        """There is a newer pose of `entity`; nobody is told of their own."""
        if self._poses is not None and entity not in self.entities:
            self._poses.mark(entity)

    def read(self, entity: int) -> None:
        """There is a newer reading of the tool `entity`."""
        if self._readings is not None:
            self._readings.mark(entity)

    def tell_anew(self, log: SceneLog) -> None:
        """What the client was told so far cannot be gone on with: it is given the whole state."""
        self._log = log
        if self.is_live:
            self._outbox.put(self._snapshot())

    def beat(self) -> None:
        """Say with the next frame that the hub lives."""
        self._beat_due = True

    def refuse(self, request: str, summary: str) -> None:
        """Tell this client why what it asked for was not done."""
        self._outbox.put(RefusedMessage(request=request, summary=summary))

    def now_is(self, who: Who) -> None:
        """The client's role was changed."""
        if self.who is not None and who != self.who:
            self.who = who
            self._outbox.put(self._welcome(who))

    def send_out(self) -> None:
        """The client's access was withdrawn or is over."""
        self._refuse(SENT_OUT, SENT_OUT.reason)

    def offset(self, now_s: float) -> Offset | None:
        """What to add to the hub's clock to have the client's."""
        return self._clock.at(now_s)

    # --- inside --------------------------------------------------------------------------------

    def _greet(self, hello: Hello, now_s: float) -> None:
        if self.who is not None:
            self._refuse(BAD_MESSAGE, "hello comes once")
        elif hello.protocol != PROTOCOL:
            self._refuse(WRONG_PROTOCOL, WRONG_PROTOCOL.reason)
        elif (who := self._admit(hello.token, now_s)) is None:
            self._refuse(NOT_ALLOWED, "ask for a code and let yourself in with it")
        else:
            self._let_in(who, hello)

    def _let_in(self, who: Who, hello: Hello) -> None:
        self.who = who
        self._poses, self._readings = Lane(self._board), Lane(self._reading_board)
        self._beat_due = True
        self._outbox.put(self._welcome(who))
        tail = self._log.since(hello.epoch, hello.last_seq)
        if tail is None:
            self._outbox.put(self._snapshot())
            return
        self._sent_seq = hello.last_seq or 0
        for entry in tail:
            self._outbox.put(entry)
        for job in self._jobs():
            self._outbox.put(JobUpdate(job=job))

    def _welcome(self, who: Who) -> Welcome:
        now = self._session()
        return Welcome(
            member=who.id, role=who.role.value, may=allowed(who.role), recording=now.recording, hubs=now.hubs
        )

    def _snapshot(self) -> Snapshot:
        return Snapshot(epoch=self._log.epoch, seq=self._log.seq, scene=self._log.scene, jobs=tuple(self._jobs()))

    def _refuse(self, close: Close, summary: str) -> None:
        self._outbox.put(ErrorMessage(code=str(close.code), summary=summary))
        self.closing = close

    def _take_record(self, record: Record, now_s: float) -> None:
        match record:
            case Pose():
                self._take_pose(record, now_s)
            case Ask(sent_s):
                self._records.append(Answer(sent_s, now_s, now_s))
            case Answer(sent_s, received_s, answered_s):
                self._clock.add(Exchange(sent_s, received_s, answered_s, now_s))
            case Beat():
                pass  # a client that says it lives: that it sent anything says as much
            case Blob() | Reading():
                self._discard("what only a hub sends")

    def _take_pose(self, pose: Pose, now_s: float) -> None:
        offset = self._clock.at(now_s)
        if pose.entity not in self.entities:
            self._discard("a pose of something that this client does not track")
        elif offset is None:
            self._discard("a pose before the clocks were compared")
        else:
            self._take_timed(pose, pose.time_s - offset.offset_s, offset.error_s, now_s)

    def _take_timed(self, pose: Pose, time_s: float, error_s: float, now_s: float) -> None:
        if time_s > now_s + error_s + MOST_AHEAD_S:
            self._asked_s = None  # a clock was set: ask again at once
            self._discard("a pose from the future")
        elif time_s < now_s - MOST_BEHIND_S:
            self._asked_s = None
            self._discard("a pose too old to be of use")
        elif pose.frame == 0 and pose.registration_epoch != self._registration_epoch():
            self._discard("a pose under another registration")
        else:
            self._events.append(replace(pose, time_s=min(time_s, now_s)))

    def _registration_epoch(self) -> int:
        scene = self._log.scene
        return 0 if scene is None else scene.registration_epoch & 0xFFFF

    def _discard(self, reason: str) -> None:
        self.discarded[reason] = self.discarded.get(reason, 0) + 1


def allowed(role: Role) -> tuple[ActionName, ...]:
    """Names of all that `role` may do."""
    return tuple(action.name.lower() for action in Action if may(role, action))  # type: ignore[misc]


def _barred(role: Role, request: Request) -> Action | None:
    """What the request asks that the role may not do."""
    if isinstance(request, TrackRequest):
        asked = [_THING_ACTIONS[thing.thing] for thing in request.things]
    elif isinstance(request, GuideRequest):
        asked = [_GUIDE_ACTIONS[request.ask.kind]]
    else:
        asked = [_ACTIONS[type(request)]]
    return next((action for action in asked if not may(role, action)), None)
