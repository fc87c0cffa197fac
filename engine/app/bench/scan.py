"""`bench scan`: a DICOM folder to labels and `scene.glb`, whole process, beside a plain script of the field's tools."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engine.app.bench.row import Row
from engine.app.bench.scans import chest_ct

REPEATS = 3


def run(shared_data: Path | None) -> list[Row]:
    """Our whole process (imports, reading, segmentation, surfaces, writing) and the peer's stages, interleaved.

    Raises:
        InputRefused: the real scans are not given.
    """
    folder = chest_ct(shared_data, "scan")
    _ours(folder)  # compiles kernels where they are not cached yet
    ours, peers = [], []
    for _ in range(REPEATS):
        ours.append(_ours(folder))
        peers.append(_peer(folder))
    best = min(ours, key=lambda run: run["wall"])
    rows = [
        _row("whole process", "s", [r["wall"] for r in ours], "SimpleITK + VTK", [p["total"] for p in peers]),
        _row(
            "peak memory",
            "GiB",
            [r["peak_memory_bytes"] / 2**30 for r in ours],
            "SimpleITK + VTK",
            [p["peak_memory_bytes"] / 2**30 for p in peers],
        ),
    ]
    return rows + [Row("scan", "full chest CT", f"stage: {s['name']}", "s", s["seconds"]) for s in best["stages"]]


def _row(metric: str, unit: str, ours: list[float], peer: str, peers: list[float]) -> Row:
    return Row("scan", "full chest CT", metric, unit, statistics.median(ours), peer, statistics.median(peers))


def _ours(folder: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "engine.app.cli", "segment", str(folder), "--out", out, "--json"]
        start = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        wall = time.perf_counter() - start
    return {**json.loads(done.stdout), "wall": wall}


def _peer(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "engine.app.bench.scan_peer", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result
