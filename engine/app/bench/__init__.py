"""`sightline bench`: our figures beside the field's best tools, in the same run.

Each bench is a module with `run(shared_data) -> list[Row]`; peers come with the extra `bench`.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue, SightlineError
from engine.ingest.processors import processors

#: name → module and the one-line description shown in lists
BENCHES: dict[str, str] = {
    "scan": "engine.app.bench.scan",
    "page": "engine.app.bench.page",
    "surface": "engine.app.bench.surface",
    "mesh": "engine.app.bench.mesh",
    "segment": "engine.app.bench.segment",
    "stream": "engine.app.bench.stream",
    "edit": "engine.app.bench.edit",
    "margins": "engine.app.bench.margins",
    "alerts": "engine.app.bench.alerts",
    "implant": "engine.app.bench.implant",
    "fields": "engine.app.bench.fields",
    "trajectories": "engine.app.bench.trajectories",
    "train": "engine.app.bench.train",
    "select": "engine.app.bench.select",
    "soak": "engine.app.bench.soak",
}

#: Half an hour, or many minutes: only for who asks.
LONG = frozenset({"soak", "implant", "select"})

PEERS = ("vtk", "catsim", "scikit-image", "PyMCubes", "SimpleITK", "torch", "numba", "numpy", "imagecodecs")


def run_benches(names: tuple[str, ...], shared_data: Path | None, console: Console) -> dict[str, Any]:
    """Run the named benches, or all that can run here, and say on which machine.

    Raises:
        InvalidValue: no such bench.
        EnvironmentLacks: a peer that was asked for, or every one, is not installed.
        InputRefused: a bench that was asked for, or every one, needs real scans.
    """
    unknown = set(names) - set(BENCHES)
    if unknown:
        raise InvalidValue(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    rows = []
    left_out: SightlineError | None = None
    for name in names or tuple(name for name in BENCHES if name not in LONG):
        console.print(f"  {name} …", style="dim")
        try:
            rows += [row.as_json() for row in _module(name).run(shared_data)]
        except (EnvironmentLacks, InputRefused) as lack:
            if names:
                raise
            console.print(f"  {name} left out: {escape(str(lack))}", style="yellow", highlight=False)
            left_out = lack
    if left_out and not rows:
        raise left_out
    return {"machine": machine(), "rows": rows}


def _module(name: str) -> Any:
    try:
        return importlib.import_module(BENCHES[name])
    except ImportError as error:
        raise EnvironmentLacks(
            f"bench {name} needs {error.name}", "Install the peers: .venv/bin/python -m pip install -e '.[bench]'"
        ) from error


def machine() -> dict[str, Any]:
    """What the figures were measured on, without names or addresses."""
    return {
        "processor": _processor(),
        "cores": processors(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "device": _device(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version for name in PEERS if (version := _version(name))},
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _device() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
