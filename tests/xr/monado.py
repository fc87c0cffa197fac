"""A real OpenXR runtime for tests: Monado as `.ci/monado` built it, each scenario in a process and network of its own.

A runtime is somebody else's library and may end its process; the `remote` driver listens on every address.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

VERSION = "25.0.0"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sightline"
FOLDER = _CACHE / f"monado-{VERSION}"
MANIFEST = FOLDER / "share" / "openxr" / "1" / "openxr_monado.json"
REPOSITORY = Path(__file__).resolve().parents[2]
#: Real time priorities are taken by Monado where it may; a test must not stop the machine.
_WITHOUT_PRIORITY = ("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice")


def clean_environment(folder: Path) -> dict[str, str]:
    """This process's without what would change a headset, and with settings of nobody."""
    foreign = (
        "XR_",
        "XRT_",
        "SIMULATED_",
        "OXR_",
        "NS_",
        "P_OVERRIDE",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "PYTEST_",
        "COV_",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"XDG_CONFIG_HOME": str(folder), "XDG_CONFIG_DIRS": str(folder), "XDG_RUNTIME_DIR": str(folder)}


@cache
def lack() -> str | None:
    """Why there is no runtime here; None where there is one that starts."""
    if not MANIFEST.exists():
        reason = _CACHE / f"monado-{VERSION}.reason"
        told = reason.read_text(encoding="utf-8").strip() if reason.exists() else "run .ci/monado to build it."
        return f"no OpenXR runtime for tests: {told}"
    environment = clean_environment(_CACHE) | runtime("simulated")
    question = "from engine.xr.probe import probe; print(probe())"
    ran = subprocess.run(
        [*_alone(), sys.executable, "-c", question],
        env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if ran.returncode != 0:
        return f"Monado does not start here (it ended with {ran.returncode})"
    told = json.loads(ran.stdout.splitlines()[-1])
    return f"Monado does not start here: {told['what']}" if "what" in told else None


@cache
def _alone() -> tuple[str, ...]:
    """How a network of its own is had here; nothing where it cannot be."""
    for command in (("unshare", "-rn"), (*_WITHOUT_PRIORITY, "unshare", "-n"), _WITHOUT_PRIORITY):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
        ):
            return command
    return ()


def runtime(headset: str) -> dict[str, str]:
    """What makes Monado the runtime, with that headset."""
    drivers = {
        "simulated": {"SIMULATED_ENABLE": "1"},
        "remote": {"P_OVERRIDE_ACTIVE_CONFIG": "remote"},
        "north_star": {"NS_CONFIG_PATH": str(Path(__file__).with_name("north_star.json"))},
    }
    return {"XR_RUNTIME_JSON": str(MANIFEST), "XRT_COMPOSITOR_NULL": "1", **drivers[headset]}


def play(scenario: str, folder: Path, headset: str = "remote", more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a scenario of `tests.xr.scenarios` in Monado; returns what it wrote. Skips where there is no runtime."""
    reason = lack()
    if reason is not None:
        pytest.skip(reason)
    alone = _alone()
    if headset == "remote" and "unshare" not in alone:
        pytest.skip("Monado's remote driver listens on every address, and this machine gives no network of its own")
    environment = clean_environment(folder) | runtime(headset) | dict(more or {})
    command = [*alone, sys.executable, "-m", "tests.xr.scenarios", scenario, str(folder)]
    ran = subprocess.run(
        command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, f"{scenario} ended with {ran.returncode}:\n{ran.stderr[-4000:]}"
    result: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return result
