"""Poses between the hubs of one session: Redis passes them on, the latest of each thing, to whoever listens.

Hubs have clocks of their own, and that of Redis stands between them. What travels is the earliest moment at which a
pose may have been measured: errors of clocks make it older on the other side, never younger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.core.errors import InvalidValue
from engine.stream.clock import ClockSync, Exchange
from engine.stream.pose import MOST_AHEAD_S, POSE_BYTES, Pose, decode_pose, encode_pose

CHANNEL = "sightline:poses"

#: Between two looks at the clock of Redis: one that was set is noticed by then.
CLOCK_EVERY_S = 1.0
#: The longest that a read waits before it looks whether it is still wanted.
READ_S = 0.5


class PoseLine:
    """What one hub says and hears of poses. Its coroutines end with the connection to Redis."""

    def __init__(self, redis: Any, name: str, clock: Callable[[], float], show: Callable[[Pose], None]) -> None:
        self._redis = redis
        self._name = name.encode()
        self._clock = clock
        self._show = show
        self._sync = ClockSync()
        self._waiting: dict[int, Pose] = {}
        self._has_waiting = asyncio.Event()
        self._heard_s: dict[int, float] = {}

    def send(self, pose: Pose) -> None:
        """Have the other hubs told; what waits of the same thing is replaced."""
        self._waiting[pose.entity] = pose
        self._has_waiting.set()

    def heard(self, within_s: float) -> frozenset[int]:
        """Entities that other hubs have told of lately."""
        since_s = self._clock() - within_s
        return frozenset(entity for entity, at_s in self._heard_s.items() if at_s >= since_s)

    async def compare_clocks(self, is_wanted: Callable[[], bool]) -> None:
        """Learn how far the clock of Redis is, again and again."""
        while is_wanted():
            sent_s = self._clock()
            seconds, microseconds = await self._redis.time()
            at_s = seconds + microseconds / 1e6
            self._sync.add(Exchange(sent_s, at_s, at_s, self._clock()))
            await asyncio.sleep(CLOCK_EVERY_S)

    async def write(self, is_wanted: Callable[[], bool]) -> None:
        """Send what waits, as often as Redis takes it."""
        while is_wanted():
            await self._has_waiting.wait()
            self._has_waiting.clear()
            poses, self._waiting = self._waiting, {}
            offset = self._sync.at(self._clock())
            if offset is None:
                continue  # told without a time it would be of any age
            earlier_s = offset.offset_s - offset.error_s
            frames = b"".join(encode_pose(replace(pose, time_s=pose.time_s + earlier_s)) for pose in poses.values())
            await self._redis.publish(CHANNEL, self._name + frames)

    async def read(self, is_wanted: Callable[[], bool]) -> None:
        """Show what other hubs send."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as line:
            await line.subscribe(CHANNEL)
            while is_wanted():
                message = await line.get_message(timeout=READ_S)
                if message is not None and not message["data"].startswith(self._name):
                    self._take(message["data"][len(self._name) :])

    def _take(self, frames: bytes) -> None:
        now_s = self._clock()
        offset = self._sync.at(now_s)
        if offset is None:
            return
        for start in range(0, len(frames), POSE_BYTES):
            try:
                pose = decode_pose(frames[start : start + POSE_BYTES])
            except InvalidValue:
                continue  # from another version; an op from there says so
            time_s = pose.time_s - offset.offset_s - offset.error_s
            if time_s > now_s + MOST_AHEAD_S:
                continue  # a clock was set: not knowing is safer than a wrong age
            self._heard_s[pose.entity] = now_s
            self._show(replace(pose, time_s=min(time_s, now_s)))
