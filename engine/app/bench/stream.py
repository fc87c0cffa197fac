"""`bench stream`: many headsets, a tool at 90 poses a second, edits of the scene, and a segmentation beside them.

Hub, headsets and segmentation are processes of their own; ages are by the machine's one clock, from the moment a pose
is made in the hub's process to the moment a headset has it decoded. viser stands beside with the same scene, rates and
headsets, window after window in turn.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.bench.row import Row
from engine.app.bench.stream_hub import EDITS_PER_S
from engine.core.errors import EnvironmentLacks

COUNTS = (1, 8, 32, 64)
#: The count that targets and the peer are measured at.
AIM = 32
SECONDS = 10.0
PEER = "viser"
VISER_MODULE = "engine.app.bench.stream_viser"


@dataclass(frozen=True, slots=True)
class Window:
    """What was measured in one stretch of time."""

    ages_ms: np.ndarray
    poses_per_s: float
    pose_bytes: float
    ops_per_s: float
    lost: int
    late_ms: np.ndarray


def run(shared_data: Path | None) -> list[Row]:  # noqa: ARG001  every bench is called alike
    """Measure each count idle, the aim also while a 512³ CT is segmented, and viser at the aim.

    Raises:
        EnvironmentLacks: viser is not installed.
    """
    if viser_folder() is None:
        raise EnvironmentLacks("bench stream is measured beside viser, which is not installed", "Run `make peers`.")
    rows: list[Row] = []
    for count in COUNTS:
        if count != AIM:
            rows += _rows(f"{count} peers", _window("sightline", count), None)
    rows += _rows(f"{AIM} peers", _window("sightline", AIM), _window(PEER, AIM))
    with _segmenting():
        busy = _window("sightline", AIM), _window(PEER, AIM)
    rows += _rows(f"{AIM} peers, segmenting", *busy)
    return rows


def viser_folder() -> Path | None:
    """Where viser and its own libraries lie: they need older ones than ours, and stand apart."""
    folder = Path(os.environ.get("SIGHTLINE_PEERS", Path(sys.prefix) / "peers")) / "viser"
    return folder if (folder / "viser").is_dir() else None


def _rows(case: str, ours: Window, peer: Window | None) -> list[Row]:
    def row(metric: str, unit: str, mine: float, theirs: float | None) -> Row:
        return Row("stream", case, metric, unit, mine, PEER if peer else "", theirs)

    def age(window: Window | None, q: float) -> float | None:
        return None if window is None else float(np.percentile(window.ages_ms, q))

    rows = [row(f"pose age p{q}", "ms", age(ours, q) or 0.0, age(peer, q)) for q in (50, 95, 99)]
    rows += [
        row("pose age max", "ms", float(ours.ages_ms.max()), float(peer.ages_ms.max()) if peer else None),
        row("poses", "1/s", ours.poses_per_s, peer.poses_per_s if peer else None),
        row("bytes a pose", "B", ours.pose_bytes, peer.pose_bytes if peer else None),
        Row("stream", case, "ops", "1/s", ours.ops_per_s),
        Row("stream", case, "ops lost or out of order", "ops", ours.lost),
        Row("stream", case, "hub loop lag p99", "ms", float(np.percentile(ours.late_ms, 99))),
        Row("stream", case, "hub loop lag max", "ms", float(ours.late_ms.max())),
    ]
    return rows


def _window(kind: str, count: int) -> Window:
    module = "engine.app.bench.stream_hub" if kind == "sightline" else VISER_MODULE
    with _started(module, kind) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        peers = subprocess.Popen(
            [sys.executable, "-m", "engine.app.bench.stream_peers", kind, str(port), str(count), str(SECONDS)],
            stdout=subprocess.PIPE, text=True, env=_environment(kind),
        )  # fmt: skip
        time.sleep(2.0 + count / 32)  # until peers count: what the hub was late by before is not counted either
        server.send_signal(signal.SIGUSR1)
        said, _ = peers.communicate()
        server.send_signal(signal.SIGINT)
        rest, _ = server.communicate()
    if peers.returncode != 0 or server.returncode != 0:
        raise EnvironmentLacks(f"the {kind} side of bench stream ended early", "Run it again.")
    return _measured(json.loads(said), json.loads(rest.splitlines()[-1]))


def _measured(heard: dict[str, Any], hub: dict[str, Any]) -> Window:
    expected = EDITS_PER_S * SECONDS
    # The first and last edit of the window may fall to either side of it.
    short = max(0.0, expected - 1 - min(heard["ops"]))
    return Window(
        ages_ms=np.array(heard["ages_ms"]),
        poses_per_s=float(np.median(heard["poses_per_s"])),
        pose_bytes=float(heard["pose_bytes"]),
        ops_per_s=min(heard["ops"]) / SECONDS,
        lost=round(short) if heard["is_ordered"] else max(1, round(short)),
        late_ms=np.array(hub["late_ms"] or [0.0]),
    )


@contextmanager
def _started(module: str, kind: str) -> Iterator[subprocess.Popen[str]]:
    quiet = subprocess.DEVNULL if kind == PEER else None
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True, env=_environment(kind)) as process:
        try:
            yield process
        finally:
            process.kill()


def _environment(kind: str) -> dict[str, str]:
    folder = viser_folder() if kind == PEER else None
    if folder is None:
        return dict(os.environ)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


@contextmanager
def _segmenting() -> Iterator[None]:
    with _started("engine.app.bench.stream_load", "sightline") as load:
        assert load.stdout is not None
        load.stdout.readline()  # the first is done: everything is compiled
        yield
