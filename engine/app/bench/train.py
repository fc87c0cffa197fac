"""Fifty trainees at once: how long the server takes to answer, and whether an event is lost.

The real command, its store in a file, and simulated trainees in one process beside it on the same cores. The images of
the cases were made before. Each trainee fetches them once, as a browser does that keeps them, reads cases one after
another, sends what they do as a page does, about once a second, and waits for feedback. A case takes them some ten
seconds: whoever reads for minutes asks for cases and feedback less often.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.bench.row import Row
from engine.core.errors import EnvironmentLacks

TRAINEES = 50
CASES_EACH = 2
#: Batches of events of one case, and seconds between two: a page sends about once a second.
BATCHES, EVERY_S = 8, 1.0
#: Events of looking in a batch, and after how many another slice is shown.
LOOKS, SLICE_EVERY = 12, 4
#: Everybody has come by then.
COMING_S = 10.0
#: Seconds in which a phantom is made, at the longest.
MADE_WITHIN_S = 120.0
PERCENTILES = (50, 95, 99)

_CASE = """
format: sightline-case/1
id: case-{n}
version: 1.0.0
title: Chest {n}
licence: CC0-1.0
topic: {topic}
concept: concept-{n}
difficulty: {{logit: {logit}}}
volumes: [{{id: ct, title: Chest CT, source: {{kind: phantom, body: thorax, seed: 1}}}}]
truth:
  organ: [lung_left, lung_right]
  findings:
  - {{id: nodule, name: Nodule, volume: ct, place: {{kind: point, at_mm: [40, 10, -20], radius_mm: 6}}}}
tasks:
- {{kind: mark, id: mark, prompt: "Mark every nodule.", volume: ct}}
- {{kind: choice, id: what, prompt: "What is it?", options: [{{id: a, text: A, is_right: true}}, {{id: b, text: B}}]}}
"""


def run(shared_data: Path | None) -> list[Row]:  # noqa: ARG001  phantoms alone
    """Rows of one run."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_cases(folder / "cases", 12)
        with server(folder) as port:
            asyncio.run(_make_images(port))
            sent, times_ms = asyncio.run(_everybody(port))
        kept = kept_events(folder)
    lost = sum(len(set(numbers) - kept.get(reading, set())) for reading, numbers in sent.items())
    name = f"{TRAINEES} trainees, {CASES_EACH} cases each, {sum(map(len, sent.values()))} events"
    whole = [one for times in times_ms.values() for one in times]
    rows = [
        Row("train", name, f"p{percent} of {kind}", "ms", float(np.percentile(times, percent)))
        for kind, times in [("all answers", whole), *sorted(times_ms.items())]
        for percent in PERCENTILES
    ]
    return [*rows, Row("train", name, "events lost", "events", float(lost))]


def write_cases(folder: Path, count: int) -> None:
    """A catalogue of small cases on one phantom."""
    for n in range(count):
        (folder / f"case-{n}").mkdir(parents=True)
        text = _CASE.format(n=n, topic=("chest", "abdomen")[n % 2], logit=round(-1.5 + 3 * n / count, 2))
        (folder / f"case-{n}" / "case.yaml").write_text(text)


@contextlib.contextmanager
def server(folder: Path, port: int = 0) -> Iterator[int]:
    """`sightline train` on the cases of `folder`; its port. Killed by force at the end."""
    process, found = start(folder, port)
    try:
        yield found
    finally:
        kill(process)


def start(folder: Path, port: int = 0) -> tuple[subprocess.Popen[str], int]:
    """A server that listens, and where.

    Raises:
        EnvironmentLacks: it does not start; with what it said.
    """
    command = Path(sys.executable).parent / "sightline"
    environment = os.environ | {"SIGHTLINE_HOME": str(folder / "home"), "COLUMNS": "200"}
    process = subprocess.Popen(
        [str(command), "train", "--catalog", str(folder / "cases"), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    said = ""
    for line in process.stdout or ():
        said += line
        if found := re.search(r"is ready: http://127\.0\.0\.1:(\d+)", line):
            return process, int(found.group(1))
    kill(process)
    raise EnvironmentLacks(f"the server did not start: {said[-2000:]}", "See what it says.")


def kill(process: subprocess.Popen[str]) -> None:
    """By force, with its workers."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def kept_events(folder: Path) -> dict[str, set[int]]:
    """Numbers of the events of each reading, as they are on the disk."""
    kept: dict[str, set[int]] = {}
    path = folder / "home" / "training" / "training.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for reading, n in connection.execute("SELECT reading, n FROM events"):
            kept.setdefault(reading, set()).add(n)
    return kept


async def _make_images(port: int) -> None:
    """Of the one volume that all cases have.

    Raises:
        EnvironmentLacks: they are not made.
    """
    until_s = time.monotonic() + MADE_WITHIN_S
    async with Browser(port, {}) as browser:
        _, now = await browser.ask("POST", "readings", {})
        while (await browser.ask("GET", f"readings/{now['id']}/volumes/ct"))[0] != 200:
            if time.monotonic() > until_s:
                raise EnvironmentLacks("the images of a phantom were not made", "See whether the machine is busy.")
            await asyncio.sleep(0.5)


async def _everybody(port: int) -> tuple[dict[str, list[int]], dict[str, list[float]]]:
    sent: dict[str, list[int]] = {}
    times_ms: dict[str, list[float]] = {}
    await asyncio.gather(*(_trainee(port, n, sent, times_ms) for n in range(TRAINEES)))
    return sent, times_ms


async def _trainee(port: int, n: int, sent: dict[str, list[int]], times_ms: dict[str, list[float]]) -> None:
    rng = random.Random(n)  # noqa: S311  simulated
    await asyncio.sleep(rng.uniform(0, COMING_S))
    async with Browser(port, times_ms) as browser:
        await browser.ask("GET", "me", kind="me")
        fetched: set[str] = set()
        for _ in range(CASES_EACH):
            _, now = await browser.ask("POST", "readings", {}, kind="next case")
            path = f"readings/{now['id']}"
            _, scene = await browser.ask("GET", f"{path}/volumes/ct", kind="scene")
            for brick in _bricks(scene) - fetched:
                await browser.fetch(f"/blob/{brick}", kind="brick")
                fetched.add(brick)
            events = _events(rng)
            numbers = sent.setdefault(now["id"], [])
            size = -(-len(events) // BATCHES)
            for at in range(0, len(events), size):
                await asyncio.sleep(rng.uniform(0.5, 1.5) * EVERY_S)
                batch = events[at : at + size]
                status, _ = await browser.ask("POST", f"{path}/events", {"events": batch}, kind="events")
                if status == 200:
                    numbers += [event["n"] for event in batch]
            await browser.ask("GET", f"{path}/feedback", kind="feedback")
        await browser.ask("GET", "progress", kind="progress")


def _bricks(scene: dict[str, Any]) -> set[str]:
    """What a page fetches of a scene."""
    return {slab["blob"] for node in scene["nodes"] for slab in (*node["slabs"], *node["label_slabs"])}


def _events(rng: random.Random) -> list[dict[str, Any]]:
    looks = [_look(rng) if n % SLICE_EVERY else _slice(rng) for n in range(BATCHES * LOOKS)]
    mark: dict[str, Any] = {
        "task": "mark",
        "mark": "m",
        "at_mm": [40, 10, -20 if rng.random() < 0.7 else 60],
        "confidence": 0.8,
    }
    answer = {"kind": "choice", "chosen": [rng.choice("aab")]}
    events: list[dict[str, Any]] = [
        {"kind": "began", "where": "flat"},
        *looks,
        {"kind": "marked", **mark},
        {"kind": "committed", "task": "mark"},
        {"kind": "answered", "task": "what", "answer": answer, "confidence": 0.7},
        {"kind": "committed", "task": "what"},
        {"kind": "revealed"},
    ]
    return [{**event, "n": n, "t_s": 0.2 * n} for n, event in enumerate(events)]


def _look(rng: random.Random) -> dict[str, Any]:
    return {"kind": "looked", "by": "pointer", "pane": 0, "at_mm": [rng.uniform(-90, 90) for _ in range(3)]}


def _slice(rng: random.Random) -> dict[str, Any]:
    """Axial, of all that there is."""
    centre = [0, 0, rng.uniform(-90, 90)]
    window = {"low": -1000, "high": 400}
    return {
        "kind": "displayed", "pane": 0, "volume": "ct", "centre_mm": centre, "right_mm": [200, 0, 0],
        "down_mm": [0, 200, 0], **window,
    }  # fmt: skip


class Browser:
    """A connection that is kept, with its cookies: as little of a client as leaves the cores to the server."""

    def __init__(self, port: int, times_ms: dict[str, list[float]]) -> None:
        self._port = port
        self._times_ms = times_ms
        self.cookies: dict[str, str] = {}

    async def __aenter__(self) -> Browser:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, method: str, path: str, body: object = None, kind: str = "other") -> tuple[int, Any]:
        """Status and body of an answer; how long it took is noted."""
        data = b"" if body is None else json.dumps(body).encode()
        status, content = await self._answer(method, f"/api/training/{path}", data, kind)
        return status, json.loads(content) if content else None

    async def fetch(self, path: str, kind: str) -> bytes:
        """What lies at a path."""
        return (await self._answer("GET", path, b"", kind))[1]

    async def _answer(self, method: str, path: str, data: bytes, kind: str) -> tuple[int, bytes]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\ncookie: {cookies}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        start_s = time.perf_counter()
        self._writer.write(head.encode() + data)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = [line.split(": ", 1) for line in lines[1:] if line]
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        content = await self._reader.readexactly(length)
        self._times_ms.setdefault(kind, []).append(1000 * (time.perf_counter() - start_s))
        for name, value in headers:
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return int(lines[0].split()[1]), content
