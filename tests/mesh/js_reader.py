"""Runs the independent readers of tests/mesh/js: the reference codec, the Khronos validator, three.js."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SCRIPTS = Path(__file__).parent / "js"


def run(script: str, stdin: bytes, *arguments: object) -> bytes:
    """What `node SCRIPT ARGUMENTS` prints; skips where node or the packages are missing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: no independent reader")
    if not (SCRIPTS / "node_modules").is_dir():
        pytest.skip("the independent readers are not installed: npm ci in tests/mesh/js")
    command = [node, str(SCRIPTS / script), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout


def decoded(stream: bytes, count: int, stride: int, mode: str, stream_filter: str = "NONE") -> NDArray[np.uint8]:
    """`stream` through the reference decoder, (count, stride) bytes."""
    out = run("decode.mjs", stream, count, stride, mode, stream_filter)
    return np.frombuffer(out, np.uint8).reshape(count, stride)


def validated(glb: bytes) -> list[dict[str, Any]]:
    """The Khronos validator's reports: of the file, and of the same file decompressed by the reference decoder."""
    reports: list[dict[str, Any]] = json.loads(run("validate.mjs", glb))
    return reports


def loaded(glb: bytes) -> dict[str, Any]:
    """What three.js makes of the file: every mesh with world positions, normals, indices, extras."""
    scene: dict[str, Any] = json.loads(run("load.mjs", glb))
    return scene
