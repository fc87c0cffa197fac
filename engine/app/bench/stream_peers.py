"""Simulated headsets in a process of their own: they listen, and at the end say how old each pose was when it came.

`python -m engine.app.bench.stream_peers KIND PORT COUNT SECONDS`, KIND `sightline` or `viser`. Both kinds decode what
they need: the pose, and the time that the server put into it. The clock is the machine's own, the same in all
processes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from websockets.asyncio.client import connect

from engine.stream.binary import Answer, Ask, encode, records
from engine.stream.pose import Pose

#: A peer that is new is given this long to have its scene, before anything counts.
SETTLE_S = 2.0

#: viser poses carry their time as three whole numbers that float32 holds exactly: its wire has no time of its own.
PART = 1 << 20


@dataclass
class Heard:
    """What one headset was told while it counted."""

    ages_s: list[float] = field(default_factory=list)
    pose_bytes: int = 0
    ops: int = 0
    is_ordered: bool = True


class Headset(Protocol):
    """How one kind of server is listened to."""

    def hello(self) -> str | None: ...
    def hear(self, frame: str | bytes, heard: Heard) -> bytes: ...


class Sightline:
    """A headset of ours: messages are unpacked and their order is checked, as for viser; nothing is drawn."""

    def __init__(self) -> None:
        self._seq: int | None = None
        self._latest_s = -1.0

    def hello(self) -> str | None:
        return json.dumps({"type": "hello", "protocol": "sightline.v1"})

    def hear(self, frame: str | bytes, heard: Heard) -> bytes:
        """Count what a frame brings; returns what is to be answered."""
        if isinstance(frame, str):
            message = json.loads(frame)
            if message["type"] == "snapshot":
                self._seq = message["seq"]
            elif message["type"] == "op":
                heard.is_ordered &= self._seq is not None and message["seq"] == self._seq + 1
                heard.ops += 1
                self._seq = message["seq"]
            return b""
        said, poses = b"", 0
        for record in records(frame):
            now_s = time.monotonic()
            if isinstance(record, Pose):
                heard.is_ordered &= record.time_s > self._latest_s
                self._latest_s = record.time_s
                heard.ages_s.append(now_s - record.time_s)
                poses += 1
            elif isinstance(record, Ask):
                said += encode(Answer(record.sent_s, now_s, now_s))
        if poses:
            heard.pose_bytes += len(frame) + 2  # a WebSocket frame of under 126 bytes has a head of two
        return said


class Viser:
    """A headset of viser's: unpacks each window as its browser client does."""

    def __init__(self) -> None:
        import msgspec
        import zstandard

        self._unpack = msgspec.msgpack.Decoder().decode
        self._zstd = zstandard.ZstdDecompressor()
        self._edits = 0

    def hello(self) -> str | None:
        return None

    def hear(self, frame: str | bytes, heard: Heard) -> bytes:
        """Count what a window brings; nothing is answered."""
        assert isinstance(frame, bytes)
        size, packed = (int.from_bytes(frame[start : start + 8], "little") for start in (0, 8))
        content = self._unpack(self._zstd.decompress(frame[16 : 16 + packed], max_output_size=size))
        now_s = time.monotonic()
        for message in content["messages"]:
            if message["type"] == "SetPositionMessage" and message["name"] == "/tool":
                high, middle, low = message["position"]
                heard.ages_s.append(now_s - (high * PART * PART + middle * PART + low) / 1e6)
                heard.pose_bytes += len(frame) + (2 if len(frame) < 126 else 4)
            else:
                heard.ops += 1
        return b""


KINDS: dict[str, tuple[type[Sightline] | type[Viser], str, dict[str, Any]]] = {
    "sightline": (Sightline, "/ws", {"subprotocols": ["sightline.v1"]}),
    "viser": (Viser, "", {"subprotocols": ["viser-v1.1.1"]}),
}


async def _listen(kind: str, port: int, end_s: float, start_s: float) -> Heard:
    make, path, options = KINDS[kind]
    headset: Headset = make()
    async with connect(
        f"ws://127.0.0.1:{port}{path}", proxy=None, compression=None, max_size=None, **options
    ) as socket:
        if (hello := headset.hello()) is not None:
            await socket.send(hello)
        before, during = Heard(), Heard()
        while (now_s := time.monotonic()) < end_s:
            try:
                async with asyncio.timeout(end_s - now_s):
                    frame = await socket.recv()
            except TimeoutError:
                break
            if said := headset.hear(frame, during if time.monotonic() >= start_s else before):
                await socket.send(said)
    during.is_ordered &= before.is_ordered
    return during


async def _all(kind: str, port: int, count: int, seconds: float) -> list[Heard]:
    start_s = time.monotonic() + SETTLE_S + count / 32
    return await asyncio.gather(*(_listen(kind, port, start_s + seconds, start_s) for _ in range(count)))


def main() -> None:
    """Listen and print what was heard as JSON."""
    kind, port, count, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    # Pauses of the collector in this process would be counted as the server's.
    gc.freeze()
    gc.disable()
    heard = asyncio.run(_all(kind, port, count, seconds))
    ages_ms = sorted(1000 * age for each in heard for age in each.ages_s)
    print(  # noqa: T201  what this process is for
        json.dumps(
            {
                "ages_ms": ages_ms,
                "poses_per_s": [len(each.ages_s) / seconds for each in heard],
                "pose_bytes": sum(each.pose_bytes for each in heard) / max(1, len(ages_ms)),
                "ops": [each.ops for each in heard],
                "is_ordered": all(each.is_ordered for each in heard),
            }
        )
    )


if __name__ == "__main__":
    main()
