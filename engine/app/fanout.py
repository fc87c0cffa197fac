"""One session on several hubs: every op goes through a Redis Stream and comes back to all in one order.

The number of a stream entry is the op's sequence number, so hubs that share an epoch agree on every number, and a
peer that moves from one to another goes on where it was. A hub applies nothing that has not come back.

Keys, all under one prefix; a database (`redis://host/2`) is a session:

    epoch   of the session, set by the first hub
    ops     stream; entry 0-n is op n. Kept from the last whole scene on, and `TAIL_LENGTH` at least
    base    number of the last whole scene, from which a new hub reads
    last    by hub, the last op that it sent, so that one sent twice is taken once
    owner   the hub whose editor corrects, while its lease lasts
    poses   channel of the newest pose of each tracked thing (`engine.app.fanout_poses`)
    hubs    counts those that joined: where each begins to number tracked things
    mail    stream of what hubs ask each other: a correction, a refusal, a blob
    blob:…  bytes on their way from one hub to another; they expire
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from engine.app.blobs import BlobFolder
from engine.app.fanout_poses import PoseLine
from engine.core.errors import EnvironmentLacks
from engine.stream.access import Access
from engine.stream.audit_event import Note
from engine.stream.hub import Hub
from engine.stream.messages import EditRequest, EditScene, Op, RenewScene, ReplaceScene, Scene
from engine.stream.named_blobs import blobs_of
from engine.stream.pose import MOST_ENTITIES, Pose
from engine.stream.scene_log import TAIL_LENGTH, SceneLog

PREFIX = "sightline:"

#: An owner that is not heard of for so long has lost the editor to another hub.
LEASE_S = 5.0
#: Between two tries to reach Redis, and the longest that a read waits.
RETRY_S = 0.5
#: A blob that no hub has sent by then is given up; what was sent is kept for as long.
BLOB_WITHIN_S = 30.0
#: Blobs asked for at once: as many lie in Redis on their way.
BLOBS_AT_ONCE = 8
#: Corrections on their way to another hub whose refusal could still be told.
MOST_AWAITED = 64
#: An editor has answered by then; of what it has done, nobody hears but by the op.
ANSWERED_WITHIN_S = 2.0
MOST_MAIL = 1000
#: What another hub has told of within this is tracked there still, and stays when another scan is opened.
TRACKED_WITHIN_S = 10.0

LOST = "this hub does not reach the others: nothing can be changed until it does. See whether Redis is up."
UNSURE = "the hub that corrects was lost while this was on its way: look whether it is there, and try again."
OWNER_GONE = "the hub that corrects has ended; what you see is what is there. Try again."

EVERYONE = "*"

#: KEYS epoch, ops, base, last, owner. ARGV epoch, hub, nonce, scene that it changes or "", "1" where it must own, op,
#: "1" where it must be the session's first, "1" where it is a whole scene.
PUBLISH = f"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'epoch' end
if redis.call('HGET', KEYS[4], ARGV[2]) == ARGV[3] then return 'again' end
if ARGV[5] == '1' and redis.call('GET', KEYS[5]) ~= ARGV[2] then return 'owner' end
if ARGV[7] == '1' and redis.call('XLEN', KEYS[2]) > 0 then return 'late' end
local id = redis.call('XADD', KEYS[2], '0-*', 'epoch', ARGV[1], 'nonce', ARGV[3], 'scene', ARGV[4], 'op', ARGV[6])
local n = tonumber(string.sub(id, 3))
redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
if ARGV[8] == '1' then redis.call('SET', KEYS[3], n) end
local first = math.min(tonumber(redis.call('GET', KEYS[3]) or 1), n - {TAIL_LENGTH})
if first > 1 then redis.call('XTRIM', KEYS[2], 'MINID', '0-' .. first) end
return 'done'
"""
#: KEYS epoch, ops, base, last, owner. ARGV epoch that is lost, or "" for none; new epoch. Whoever is first begins it.
BEGIN = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
#: KEYS owner. ARGV hub, milliseconds. Takes or keeps the lease; returns whose it is.
LEASE = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return owner end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
"""

_OP: TypeAdapter[Op] = TypeAdapter(Op)
_REQUEST: TypeAdapter[EditRequest] = TypeAdapter(EditRequest)

Refuse = Callable[[str], None]


class _Rejoin(Exception):
    """The session began again, or this hub fell out of it."""


@dataclass(frozen=True, slots=True)
class Home:
    """What this hub does for the session: its blobs, its editor, and where to say how things stand."""

    blobs: BlobFolder
    correct: Callable[[EditRequest, Scene | None, Refuse], None]
    drop_editor: Callable[[], None]
    say: Callable[[str], None]


class Fanout(Hub):
    """A `Hub` to the peers of all hubs. All methods run on the event loop's thread.

    Raises:
        EnvironmentLacks: the Redis client is not installed.
    """

    def __init__(
        self,
        log: SceneLog,
        access: Access,
        note: Note,
        is_noting: Callable[[], bool],
        url: str,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(log, access, note, is_noting)
        try:
            import redis.asyncio as redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError
        except ImportError as error:
            remedy = "Install the extra: `pip install 'sightline[redis]'`."
            raise EnvironmentLacks("the Redis client is not installed", remedy) from error
        self._lost_by = (RedisError, OSError)
        try:
            self._redis: Any = redis.Redis.from_url(
                url, socket_connect_timeout=2.0, socket_timeout=10.0, retry=Retry(NoBackoff(), 0)
            )
        except ValueError as error:
            raise EnvironmentLacks(
                f"{url!r} names no Redis", "Give redis://HOST:PORT or rediss://HOST:PORT."
            ) from error
        self.name = secrets.token_urlsafe(8)
        self._poses = PoseLine(self._redis, self.name, clock, self._show)
        self.is_connected = False
        self._is_lost = False
        self._is_ending = False
        self._joined = asyncio.Event()
        self._nonce: bytes | None = None  # of the last op applied
        self._is_owner = False
        self._owner_seen = ""
        self._mail_seen = "0-0"
        self._outgoing: deque[tuple[str, str, Op]] = deque()
        self._has_outgoing = asyncio.Event()
        self._answers: set[asyncio.Task[None]] = set()
        self._requests: asyncio.Queue[tuple[EditRequest, Refuse]] = asyncio.Queue()
        self._awaited: OrderedDict[str, tuple[float, Refuse]] = OrderedDict()  # with when it was sent
        self._keys = [PREFIX + name for name in ("epoch", "ops", "base", "last", "owner")]
        self._publish = self._redis.register_script(PUBLISH)
        self._begin = self._redis.register_script(BEGIN)
        self._lease = self._redis.register_script(LEASE)

    # --- what the application calls -----------------------------------------------------------------

    def commit(self, op: Op) -> None:
        """Send `op` round; it is applied when it comes back. While Redis is lost it waits."""
        changes = "" if isinstance(op, ReplaceScene) or self.log.scene is None else self.log.scene.id
        self._outgoing.append((secrets.token_urlsafe(8), changes, op))
        self._has_outgoing.set()

    def route(self, request: EditRequest, refuse: Refuse) -> None:
        """Have the hub that corrects answer `request`; refused while Redis is lost."""
        if not self.is_connected:
            refuse(LOST)
            return
        self._requests.put_nowait((request, refuse))

    def pose(self, pose: Pose) -> bool:
        """As `Hub.pose`, on all hubs."""
        is_newest = super().pose(pose)
        if is_newest:
            self._poses.send(pose)
        return is_newest

    def lose(self, entity: int) -> None:
        """As `Hub.lose`, on all hubs."""
        super().lose(entity)
        lost = self.board.latest(entity)
        if lost is not None:
            self._poses.send(lost)

    def tracked_entities(self) -> frozenset[int]:
        """As `Hub.tracked_entities`, with what is tracked on other hubs."""
        return super().tracked_entities() | self._poses.heard(TRACKED_WITHIN_S)

    def _show(self, pose: Pose) -> None:
        if not super().pose(pose) and not pose.is_tracked:
            super().lose(pose.entity)

    def require(self) -> None:
        """Refuse to begin what could not be shown.

        Raises:
            EnvironmentLacks: Redis is lost.
        """
        if not self.is_connected:
            raise EnvironmentLacks("this hub does not reach the others", "See whether Redis is up, then try again.")

    async def joined(self, within_s: float) -> bool:
        """Wait until the session's state is here; False where Redis does not answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._joined.wait()
        return self.is_connected

    @contextlib.asynccontextmanager
    async def together(self, home: Home) -> AsyncIterator[None]:
        """Take part in the session while the block lasts."""
        task = asyncio.create_task(self._run(home))
        try:
            yield
        finally:
            self._is_ending = True  # a task group that fails as it is cancelled tells the failure alone
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, home: Home) -> None:
        """Take part in the session, through losses of Redis."""
        try:
            while not self._is_ending:
                try:
                    await self._join(home)
                    async with asyncio.TaskGroup() as group:
                        for part in (self._read_ops, self._read_mail, self._write, self._correct, self._keep_lease):
                            group.create_task(part(home))
                        for lane in (self._poses.compare_clocks, self._poses.write, self._poses.read):
                            group.create_task(lane(_is_wanted))
                except* (*self._lost_by, _Rejoin, ValueError) as group_of_errors:
                    self._leave(home, group_of_errors)
                with contextlib.suppress(*self._lost_by):  # what was open before is as dead, whether it knows or not
                    await self._redis.connection_pool.disconnect()
                await asyncio.sleep(RETRY_S)
        finally:
            self.is_connected = False
            with contextlib.suppress(*self._lost_by):
                if self._is_owner:
                    await self._redis.delete(self._keys[4])
            await self._redis.aclose()

    # --- joining and leaving ------------------------------------------------------------------------

    async def _join(self, home: Home) -> None:
        """Agree on the epoch, read up to where the others are, and have the lease back if nobody else took it."""
        epoch = await self._redis.get(self._keys[0])
        known = self.log.scene
        if epoch is None or (epoch.decode() == self.log.epoch and not await self._history_is_whole()):
            if known is not None and not self._is_owner:
                await asyncio.sleep(2 * RETRY_S)  # the hub that corrects holds the newest labels: it goes first
            await self._begin(keys=self._keys, args=[epoch or b"", secrets.token_urlsafe(8)])
            epoch = await self._redis.get(self._keys[0])
            if known is not None:  # whoever began may have had nothing
                whole = ReplaceScene(scene=known)
                await self._send(secrets.token_urlsafe(8), "", whole, epoch.decode(), only_as_first=True)
        if epoch.decode() != self.log.epoch:
            base = int(await self._redis.get(self._keys[2]) or 1)
            self.log.restart(epoch.decode(), base - 1)
            # Numbers of tracked things go to 65535: room for 256 hubs, each with as many as a session may have.
            self.first_entity = 1 + int(await self._redis.incr(PREFIX + "hubs")) % 255 * MOST_ENTITIES
            self._nonce = None
            self._resync()
        last_mail = await self._redis.xrevrange(PREFIX + "mail", count=1)
        self._mail_seen = last_mail[0][0].decode() if last_mail else "0-0"
        if self._is_owner:
            await self._own(home)

    async def _history_is_whole(self) -> bool:
        """Whether the last op that was applied here is still the one of that number."""
        if self.log.seq == 0 or self._nonce is None:
            return True
        place = f"0-{self.log.seq}"
        found = await self._redis.xrange(self._keys[1], place, place)
        if found:
            return bool(found[0][1][b"nonce"] == self._nonce)
        first = await self._redis.xrange(self._keys[1], count=1)
        return bool(first) and _number(first[0][0]) > self.log.seq  # trimmed, since a newer scene is there

    def _leave(self, home: Home, errors: BaseExceptionGroup[Any]) -> None:
        if not self._is_lost and errors.subgroup(self._lost_by):
            home.say(f"Redis does not answer: {LOST}")
            self._is_lost = True
        if errors.subgroup(ValueError):
            home.say("What another hub sent is not understood: run the same version of Sightline on all hubs.")
        self.is_connected = False
        if self._is_lost:
            self.session(hubs="cut off")
        while not self._requests.empty():
            self._requests.get_nowait()[1](LOST)
        self._give_up_awaited()

    def _resync(self) -> None:
        self.tell_all_anew()

    # --- ops ----------------------------------------------------------------------------------------

    async def _read_ops(self, home: Home) -> None:
        for seq, entry in await self._entries(block_ms=None):
            await self._take(home, seq, entry)
        if self._is_lost:
            home.say("Redis answers again: the hubs are together.")
        self._is_lost, self.is_connected = False, True
        self.session(hubs="together")
        self._joined.set()
        while _is_wanted():
            for seq, entry in await self._entries(block_ms=int(RETRY_S * 1000)):
                await self._take(home, seq, entry)
            if await self._redis.get(self._keys[0]) != self.log.epoch.encode():
                raise _Rejoin

    async def _entries(self, block_ms: int | None) -> list[tuple[int, dict[bytes, bytes]]]:
        """Entries after the last that was applied, in order."""
        found = await self._redis.xread({self._keys[1]: f"0-{self.log.seq}"}, block=block_ms)
        return [(_number(place), entry) for _, entries in _streams(found) for place, entry in entries]

    async def _take(self, home: Home, seq: int, entry: dict[bytes, bytes]) -> None:
        """Apply one op, once its blobs are here; the same way on every hub."""
        if entry[b"epoch"] != self.log.epoch.encode():
            raise _Rejoin
        op = _OP.validate_json(entry[b"op"])
        await self._fetch(home, op)
        if seq != self.log.seq + 1:
            self.log.skip(seq - 1)
            self._resync()
        self._nonce = entry[b"nonce"]
        changes = entry[b"scene"].decode()
        if changes and (self.log.scene is None or self.log.scene.id != changes):
            self._void(seq)
            return
        try:
            super().commit(op)
        except KeyError:  # what it changes went with an op before it
            self._void(seq)

    def _void(self, seq: int) -> None:
        """An op of a scene that is gone has a number and no effect."""
        self.log.skip(seq)
        self._resync()

    async def _write(self, home: Home) -> None:
        """Send what is published here, in its order; what was on its way when Redis was lost is sent again."""
        while _is_wanted():
            while not self._outgoing and _is_wanted():
                self._has_outgoing.clear()
                await self._has_outgoing.wait()
            if not self._outgoing:
                return
            nonce, changes, op = self._outgoing[0]
            answer = await self._send(nonce, changes, op, self.log.epoch)
            if answer == b"epoch":
                raise _Rejoin
            self._outgoing.popleft()
            if answer == b"owner":
                self._lose_editor(home)

    async def _send(self, nonce: str, changes: str, op: Op, epoch: str, *, only_as_first: bool = False) -> bytes:
        fenced = "1" if isinstance(op, EditScene | RenewScene) else ""
        first = "1" if only_as_first else ""
        whole = "1" if isinstance(op, ReplaceScene) else ""
        arguments = [epoch, self.name, nonce, changes, fenced, op.model_dump_json(), first, whole]
        answer: bytes = await self._publish(keys=self._keys, args=arguments)
        return answer

    # --- corrections --------------------------------------------------------------------------------

    async def _correct(self, home: Home) -> None:
        """Requests of this hub's peers, in order: to the editor here, or by mail to the hub that has it."""
        while _is_wanted():
            request, refuse = await self._requests.get()
            try:
                owner = await self._own(home)
                if owner == self.name:
                    home.correct(request, self.log.scene, refuse)
                    continue
                key = secrets.token_urlsafe(8)
                self._awaited[key] = (asyncio.get_running_loop().time(), refuse)
                while len(self._awaited) > MOST_AWAITED:
                    self._awaited.popitem(last=False)
                await self._mail(owner, "correct", {"key": key, "request": request.model_dump_json()})
            except self._lost_by:
                refuse(LOST)
                raise

    async def _own(self, home: Home) -> str:
        """Take the lease where it is free; whose it is. A new owner has applied all that the last one did."""
        if self._is_owner and await self._redis.get(self._keys[4]) != self.name.encode():
            self._lose_editor(home)  # another may have corrected meanwhile
        answer: bytes = await self._lease(keys=self._keys[4:], args=[self.name, int(LEASE_S * 1000)])
        owner = answer.decode()
        if owner != self._owner_seen and self._owner_seen not in ("", self.name):
            self._give_up_awaited()
        self._owner_seen = owner
        if owner != self.name:
            self._lose_editor(home)
        elif not self._is_owner:
            self._is_owner = True
            newest = await self._redis.xrevrange(self._keys[1], count=1)
            while _is_wanted() and self.is_connected and newest and self.log.seq < _number(newest[0][0]):
                await asyncio.sleep(0.005)
        return owner

    async def _keep_lease(self, home: Home) -> None:
        while _is_wanted():
            await asyncio.sleep(LEASE_S / 4)
            if self._is_owner:
                await self._own(home)

    def _lose_editor(self, home: Home) -> None:
        """The editor here is not what the scene is made from any more; another is made from the scene when needed."""
        if self._is_owner:
            self._is_owner = False
            home.drop_editor()

    def _give_up_awaited(self) -> None:
        now_s = asyncio.get_running_loop().time()
        while self._awaited:
            sent_s, refuse = self._awaited.popitem()[1]
            if now_s - sent_s < ANSWERED_WITHIN_S:
                refuse(UNSURE)

    # --- mail and blobs -----------------------------------------------------------------------------

    async def _mail(self, to: str, kind: str, body: dict[str, Any]) -> None:
        letter = {"to": to, "from": self.name, "kind": kind, "body": json.dumps(body)}
        await self._redis.xadd(PREFIX + "mail", letter, maxlen=MOST_MAIL, approximate=True)

    async def _read_mail(self, home: Home) -> None:
        while _is_wanted():
            found = await self._redis.xread({PREFIX + "mail": self._mail_seen}, block=int(RETRY_S * 1000))
            for place, letter in ((place, letter) for _, entries in _streams(found) for place, letter in entries):
                self._mail_seen = place.decode()
                sender, to = letter[b"from"].decode(), letter[b"to"].decode()
                if sender != self.name and to in (EVERYONE, self.name):
                    await self._open(home, sender, letter[b"kind"].decode(), json.loads(letter[b"body"]))

    async def _open(self, home: Home, sender: str, kind: str, body: dict[str, Any]) -> None:
        if kind == "correct":
            key, loop = body["key"], asyncio.get_running_loop()

            def refuse(summary: str) -> None:
                task = loop.create_task(self._answer(sender, key, summary))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

            if self._is_owner:
                home.correct(_REQUEST.validate_json(body["request"]), self.log.scene, refuse)
            else:
                refuse(OWNER_GONE)
        elif kind == "refused":
            awaiting = self._awaited.pop(body["key"], None)
            if awaiting is not None:
                awaiting[1](body["summary"])
        elif kind == "want":
            for sha256 in body["blobs"]:
                path = home.blobs.path(sha256)
                if path is not None:
                    data = await asyncio.to_thread(path.read_bytes)
                    await self._redis.set(f"{PREFIX}blob:{sha256}", data, nx=True, px=int(BLOB_WITHIN_S * 1000))

    async def _answer(self, to: str, key: str, summary: str) -> None:
        with contextlib.suppress(*self._lost_by):  # whoever asked is told by the hub that lost Redis
            await self._mail(to, "refused", {"key": key, "summary": summary})

    async def _fetch(self, home: Home, op: Op) -> None:
        """Have every blob that `op` names, before any peer is told of it."""
        missing = [sha256 for sha256 in sorted(set(blobs_of(op))) if home.blobs.path(sha256) is None]
        for start in range(0, len(missing), BLOBS_AT_ONCE):
            wanted = set(missing[start : start + BLOBS_AT_ONCE])
            await self._mail(EVERYONE, "want", {"blobs": sorted(wanted)})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BLOB_WITHIN_S):
                    await self._collect(home, wanted)
            if wanted:
                home.say(f"{len(wanted)} files of the scene are on no hub any more: parts of it will be missing.")
                return

    async def _collect(self, home: Home, wanted: set[str]) -> None:
        """Take blobs out of `wanted` as they come."""
        while wanted and _is_wanted():
            for sha256 in tuple(wanted):
                data = await self._redis.get(f"{PREFIX}blob:{sha256}")
                if data is not None and hashlib.sha256(data).hexdigest() == sha256:
                    await asyncio.to_thread(home.blobs.put, data)
                    wanted.discard(sha256)
            await asyncio.sleep(0.01)


def _is_wanted() -> bool:
    """Whether the task that asks is not cancelled. The client of Redis swallows that at times, while it connects."""
    task = asyncio.current_task()
    return task is not None and not task.cancelling()


def _number(place: bytes) -> int:
    """The op's number, of an entry's place "0-n"."""
    return int(place.split(b"-")[1])


def _streams(found: Any) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
    """What XREAD found, as both versions of the protocol tell it."""
    if not found:
        return []
    return list(found.items()) if isinstance(found, dict) else list(found)
