"""`bench alerts`: from a packet that leaves the tracker to the alert that it causes, at eight headsets.

The tracker sends ninety frames a second over OpenIGTLink; the tip stands clear of everything, then from one frame to
the next where a structure is touched. Both times are told by one clock. Twenty structures are held against, tip and
shaft.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from engine.app.bench.guided_client import GuidedClient
from engine.app.bench.guided_room import Hand, balls_mm, guiding, landmark_mm, make_plan, tracker
from engine.app.bench.row import Row
from engine.core.array import Float64
from engine.stream.guiding import CollectAsk, SolveAsk
from engine.stream.reading import Reading

HEADSETS = 8
ALERTS = 60
#: Clear of the target and near it, so that a hand could go from one to the other within a frame.
_CLEAR_MM, _NEAR_MM = 20.0, 8.3
_PERIOD_S = 1.6


def run(_shared_data: Path | None) -> list[Row]:
    """Times from packet to alert, and ages of readings."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_plan(folder)
        late_ms, ages_ms, rate = asyncio.run(_measured(folder))
    case = f"{HEADSETS} headsets, 90 Hz, 20 structures"
    rows = [Row("alerts", case, f"packet to alert p{p}", "ms", float(np.percentile(late_ms, p))) for p in (50, 99)]
    rows.append(Row("alerts", case, "packet to alert max", "ms", float(late_ms.max())))
    rows += [Row("alerts", case, f"age of a reading p{p}", "ms", float(np.percentile(ages_ms, p))) for p in (50, 99)]
    rows.append(Row("alerts", case, "readings", "1/s", rate))
    return rows


async def register(client: GuidedClient, hand: Hand) -> None:
    """Touch what is to be touched, until the session guides."""
    await client.until(lambda: client.guidance is not None and client.guidance.step == "register")
    guidance = client.guidance
    assert guidance is not None
    landmarks = [one.id for one in guidance.landmarks if one.use == "register"]
    for landmark in (*landmarks, landmarks[0]):
        await touch(client, hand, landmark)
    await client.ask(SolveAsk())
    await client.until(lambda: client.guidance is not None and client.guidance.step == "verify", 10.0)
    for one in guidance.landmarks:
        if one.use == "check":
            await touch(client, hand, one.id)
    await client.until(lambda: client.guidance is not None and client.guidance.step == "guide", 10.0)
    await client.until(lambda: client.guidance is not None and all(one.ready for one in client.guidance.structures))


async def touch(client: GuidedClient, hand: Hand, landmark: str) -> None:
    """Rest on a landmark, and wait until it was taken."""
    await _bring(hand, landmark_mm(landmark))
    await asyncio.sleep(0.3)
    await client.ask(CollectAsk(landmark=landmark))

    def state() -> str:
        guidance = client.guidance
        assert guidance is not None
        return next(one.state for one in guidance.landmarks if one.id == landmark)

    await client.until(lambda: state() == "touching", 5.0)
    await client.until(lambda: state() != "touching", 15.0)


async def _bring(hand: Hand, place_mm: Float64) -> None:
    """On a way that a hand could go."""
    way = place_mm - hand.tip_mm
    steps = int(np.ceil(float(np.linalg.norm(way)) / 8.0))
    for _ in range(steps):
        hand.tip_mm = hand.tip_mm + way / steps
        await asyncio.sleep(0.015)


async def _measured(folder: Path) -> tuple[Float64, Float64, float]:
    hand = Hand()
    sent: list[tuple[float, bool]] = []
    ages_ms: list[float] = []
    target = balls_mm()[0]
    outward = np.array([0.0, -1.0, 0.3]) / np.linalg.norm([0.0, -1.0, 0.3])
    is_near = False

    def went(now_s: float) -> None:
        sent.append((now_s, is_near))

    client = GuidedClient()
    async with tracker(hand, went) as device, guiding(folder, device) as port:
        following = asyncio.create_task(client.follow(port))
        await register(client, hand)
        await _bring(hand, target + _CLEAR_MM * outward)
        command = (sys.executable, "-m", "engine.app.bench.guided_client", str(port), str(HEADSETS))
        pipe = asyncio.subprocess.PIPE
        headsets = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert headsets.stdout is not None
        await headsets.stdout.readline()
        await asyncio.sleep(2.0)
        rng = np.random.default_rng(0)
        loop = asyncio.get_running_loop()
        start_s = loop.time()

        def aged(reading: Reading, now_s: float) -> None:
            offset = client.follower.offset(now_s)
            if reading.why is None and offset is not None:
                ages_ms.append(1000 * (now_s + offset.offset_s - reading.time_s))

        client.on_reading = aged
        for _ in range(ALERTS):
            await asyncio.sleep(_PERIOD_S * rng.uniform(0.9, 1.1))
            hand.tip_mm, is_near = target + _NEAR_MM * outward, True
            await asyncio.sleep(0.3)
            hand.tip_mm, is_near = target + _CLEAR_MM * outward, False
        rate = len(ages_ms) / (loop.time() - start_s)
        answer, _ = await headsets.communicate(b"\n")
        following.cancel()
    return _late_ms(sent, json.loads(answer)), np.array(ages_ms), rate


def _late_ms(sent: list[tuple[float, bool]], heard: list[list[tuple[float, list[str]]]]) -> Float64:
    """From the first packet of each approach to the first alert of high or medium urgency after it, at each headset."""
    firsts = [now for (_, before), (now, near) in pairwise(sent) if near and not before]
    late = []
    for alerts in heard:
        for first_s in firsts:
            times = [at_s for at_s, levels in alerts if at_s >= first_s and {"high", "medium"} & set(levels)]
            if times and times[0] - first_s < _PERIOD_S:
                late.append(1000 * (times[0] - first_s))
    if len(late) < HEADSETS * len(firsts):
        raise RuntimeError(f"{len(late)} of {HEADSETS * len(firsts)} alerts came")
    return np.array(late)
