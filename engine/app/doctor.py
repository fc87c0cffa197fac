"""`sightline doctor`: what this machine has and lacks, and what to do about each lack.

Every probe is a function of a `Machine`; `ThisMachine` alone touches the real one.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.core.progress import Progress, silent
from engine.ingest.processors import processors

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20  # as .ci/with-node
PORT = 8443  # the default of `sightline serve`
GIB = 2**30
#: torch and its libraries, a scan of 10^8 voxels with its labels and one working copy in float32, and the 0.75 GB
#: of surface extraction (docs/decisions/0002-surface-nets.md) come to about 2 GB; as much again for all the rest.
MEMORY_BYTES = 4 * GIB
#: Uploaded studies and what is sent to the page lie in the temporary folder while serving.
DISK_BYTES = 2 * GIB

#: System libraries that pip cannot install, and the Debian package of each (as .ci/system-packages).
LIBRARIES = (
    ("libGL.so.1", "libgl1"),
    ("libEGL.so.1", "libegl1"),
    ("libusb-1.0.so.0", "libusb-1.0-0"),
    ("libgomp.so.1", "libgomp1"),
)
#: A transfer syntax of each family (PS3.6 table A-1), and the imagecodecs encoder that tries its decoder.
CODEC_FAMILIES: Mapping[str, tuple[str, str, str]] = {
    "JPEG": ("1.2.840.10008.1.2.4.50", "jpeg8_encode", "uint8"),
    "lossless JPEG": ("1.2.840.10008.1.2.4.70", "ljpeg_encode", "uint16"),
    "JPEG-LS": ("1.2.840.10008.1.2.4.80", "jpegls_encode", "uint16"),
    "JPEG 2000": ("1.2.840.10008.1.2.4.90", "jpeg2k_encode", "uint16"),
    "HTJ2K": ("1.2.840.10008.1.2.4.201", "htj2k_encode", "uint16"),
}
RLE = "RLE"
BROWSERS = ("chromium", "google-chrome", "chromium-browser")
#: Device nodes through which programs reach an NVIDIA GPU: Linux, WSL.
GPU_NODES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
TORCH_QUESTION = (
    "import torch; c = torch.cuda; "
    "print(torch.__version__, torch.version.cuda, c.get_device_name() if c.is_available() else '', sep='|')"
)
OPENXR_QUESTION = "from engine.xr.probe import probe; print(probe())"
PAGE_QUESTION = "from engine.app.serve import page_folder; print(page_folder() or '')"


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    LACKS = "lacks"
    OPTIONAL = "optional-absent"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. A remedy stands exactly where something is absent."""

    name: str
    status: Status
    found: str
    remedy: str = ""
    blocks: bool = False

    def __post_init__(self) -> None:
        if (self.status is Status.OK) == bool(self.remedy):
            raise ValueError(f"{self.name}: a remedy belongs to what is absent, and to nothing else")
        if self.blocks and self.status is not Status.LACKS:
            raise ValueError(f"{self.name}: only a lack blocks")

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "name": self.name,
            "status": self.status.value,
            "found": self.found,
            "remedy": self.remedy,
            "blocks": self.blocks,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Python process said last: its output, or its complaint."""

    good: bool
    text: str


class Machine(Protocol):
    """All that the probes ask. An `_error` is the reason in words, or None where there is none."""

    @property
    def environment(self) -> Mapping[str, str]: ...
    @property
    def python(self) -> tuple[int, int, int]: ...
    @property
    def architecture(self) -> str: ...
    @property
    def cores(self) -> int: ...
    @property
    def memory_bytes(self) -> int: ...

    def home(self) -> Path: ...
    def data_folder(self) -> Path: ...
    def package_folder(self) -> Path: ...
    def temporary_folder(self) -> Path: ...
    def requirements(self) -> tuple[str, ...]: ...
    def version(self, distribution: str) -> str | None: ...
    def ask_python(self, code: str) -> Answer: ...
    def has_library(self, name: str) -> bool: ...
    def codec_error(self, family: str) -> str | None: ...
    def which(self, program: str) -> str | None: ...
    def output(self, program: str, argument: str) -> str: ...
    def exists(self, path: Path) -> bool: ...
    def text(self, path: Path) -> str | None: ...
    def json_files(self, folder: Path) -> tuple[Path, ...]: ...
    def write_error(self, folder: Path) -> str | None: ...
    def port_error(self, port: int) -> str | None: ...
    def free_bytes(self, folder: Path) -> int: ...


def diagnose(machine: Machine | None = None, progress: Progress = silent) -> tuple[Check, ...]:
    """Every check, in the order shown.

    Probes run side by side: some wait for processes of their own, which import large libraries.

    Args:
        machine: the machine looked at; this one where not given.
    """
    looked_at = machine or ThisMachine()
    checks: list[Check] = []
    with ThreadPoolExecutor(len(PROBES)) as pool:
        for check in pool.map(lambda probe: probe(looked_at), PROBES):
            checks.append(check)
            progress(len(checks) / len(PROBES), "checks")
    return tuple(checks)


def _python(machine: Machine) -> Check:
    version = ".".join(map(str, machine.python))
    if machine.python[:2] >= OLDEST_PYTHON:
        return Check("Python", Status.OK, version)
    remedy = "With Python 3.11 or newer: `make clean setup PYTHON=python3.11`."
    return Check("Python", Status.LACKS, f"{version} is too old", remedy, blocks=True)


def _packages(machine: Machine) -> Check:
    names = machine.requirements()
    missing = [name for name in names if machine.version(name) is None]
    if names and not missing:
        return Check("Packages", Status.OK, f"all {len(names)} installed")
    found = f"missing: {', '.join(missing)}" if names else "sightline itself is not installed"
    return Check("Packages", Status.LACKS, found, "Run `make clean setup`.", blocks=True)


def _torch(machine: Machine) -> Check:
    answer = machine.ask_python(TORCH_QUESTION)
    if not answer.good:
        remedy = "Reinstall it: `make clean setup`."
        return Check("torch, CUDA", Status.LACKS, f"torch does not start: {answer.text}", remedy, blocks=True)
    version, cuda, device = answer.text.split("|")
    if device:
        return Check("torch, CUDA", Status.OK, f"torch {version} on {device}")
    found = f"torch {version} on the processor"
    if not any(machine.exists(node) for node in GPU_NODES):
        remedy = "With an NVIDIA GPU and its driver, segmentation runs there."
        return Check("torch, CUDA", Status.OPTIONAL, f"{found}; no CUDA device", remedy)
    if cuda == "None":
        remedy = "For a CUDA build of torch: https://pytorch.org/get-started/locally"
        return Check("torch, CUDA", Status.LACKS, f"{found}: built without CUDA", remedy)
    remedy = f"Install an NVIDIA driver for CUDA {cuda}; `nvidia-smi` tells more."
    return Check("torch, CUDA", Status.LACKS, f"{found}: the GPU does not answer", remedy)


def _kernel_cache(machine: Machine) -> Check:
    """The first folder that numba can write to, in its own order (numba.core.caching)."""
    chosen = machine.environment.get("NUMBA_CACHE_DIR")
    base = machine.environment.get("XDG_CACHE_HOME")
    user = (Path(base) if base else machine.home() / ".cache") / "numba"
    folders = (*([Path(chosen)] if chosen else []), machine.package_folder() / "__pycache__", user)
    for folder in folders:
        if machine.write_error(folder) is None:
            return Check("Kernel cache", Status.OK, str(folder))
    remedy = "Set NUMBA_CACHE_DIR to a folder that you may write to."
    return Check("Kernel cache", Status.LACKS, "no folder for compiled kernels can be written", remedy, blocks=True)


def _codecs(machine: Machine) -> Check:
    families = (*CODEC_FAMILIES, RLE)
    missing = [family for family in families if machine.codec_error(family) is not None]
    if not missing:
        return Check("DICOM codecs", Status.OK, ", ".join(families))
    remedy = "Run `.venv/bin/pip install --force-reinstall --no-deps imagecodecs`."
    found = f"cannot be decoded: {', '.join(missing)}"
    return Check("DICOM codecs", Status.LACKS, found, remedy, blocks=len(missing) == len(families))


def _missing_libraries(machine: Machine) -> list[tuple[str, str]]:
    return [(library, package) for library, package in LIBRARIES if not machine.has_library(library)]


def _apt_line(missing: Sequence[tuple[str, str]]) -> str:
    return f"apt-get install -y --no-install-recommends {' '.join(package for _, package in missing)}"


def _libraries(machine: Machine) -> Check:
    """A lack where an extra that needs them is installed: open3d and pyopenxr load them."""
    missing = _missing_libraries(machine)
    if not missing:
        return Check("System libraries", Status.OK, ", ".join(library.split(".so")[0] for library, _ in LIBRARIES))
    needed = any(machine.version(name) for name in ("open3d-cpu", "open3d", "pyopenxr"))
    found = f"missing: {', '.join(library for library, _ in missing)}"
    return Check(
        "System libraries", Status.LACKS if needed else Status.OPTIONAL, found, f"As root: {_apt_line(missing)}"
    )


def _open3d(machine: Machine) -> Check:
    version = machine.version("open3d-cpu") or machine.version("open3d")
    if version is None:
        return _not_installed("open3d", "guidance", "surface registration")
    answer = machine.ask_python("import open3d")
    if answer.good:
        return Check("open3d", Status.OK, version)
    missing = _missing_libraries(machine)
    reinstall = "Run `.venv/bin/pip install --force-reinstall --no-deps open3d-cpu`."
    remedy = f"As root: {_apt_line(missing)}" if missing else reinstall
    return Check("open3d", Status.LACKS, f"{version} does not start: {answer.text}", remedy)


def _pyopenxr(machine: Machine) -> Check:
    return _extra(machine, "pyopenxr", "pyopenxr", "xr", "tethered headsets")


def _ray(machine: Machine) -> Check:
    return _extra(machine, "Ray", "ray", "ray", "clusters")


def _redis(machine: Machine) -> Check:
    return _extra(machine, "Redis client", "redis", "redis", "several servers")


def _extra(machine: Machine, name: str, distribution: str, extra: str, purpose: str) -> Check:
    """By metadata alone: importing pyopenxr can bind to the window system, and a cluster or Redis answers elsewhere."""
    version = machine.version(distribution)
    if version is not None:
        return Check(name, Status.OK, version)
    return _not_installed(name, extra, purpose)


def _not_installed(name: str, extra: str, purpose: str) -> Check:
    remedy = f"For {purpose}: `.venv/bin/pip install -e '.[{extra}]'`."
    return Check(name, Status.OPTIONAL, f"not installed (extra {extra})", remedy)


def _active_runtimes(machine: Machine) -> tuple[Path, ...]:
    """Where the OpenXR loader looks, in its order (OpenXR Loader 1.1, "Linux Active Runtime Location")."""
    environment = machine.environment
    bases = (
        environment.get("XDG_CONFIG_HOME") or str(machine.home() / ".config"),
        *(environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"),
        "/usr/local/etc",
        "/etc",
    )
    names = (f"active_runtime.{machine.architecture}.json", "active_runtime.json")
    return tuple(Path(base) / "openxr" / "1" / name for base in bases for name in names)


def _openxr_runtime(machine: Machine) -> Check:
    chosen = machine.environment.get("XR_RUNTIME_JSON")
    if chosen:
        return _runtime_at(machine, Path(chosen), "Set XR_RUNTIME_JSON to the runtime's manifest, or unset it.")
    for path in _active_runtimes(machine):
        if machine.exists(path):
            return _runtime_at(machine, path, "Reinstall the runtime, or make another the active one.")
    return _no_active_runtime(machine)


def _runtime_at(machine: Machine, manifest: Path, remedy: str) -> Check:
    """The runtime that a manifest names ("Runtime Manifest File Format"); a library with a slash is a file."""
    text = machine.text(manifest)
    if text is None:
        return Check("OpenXR runtime", Status.LACKS, f"{manifest} cannot be read", remedy)
    try:
        runtime = json.loads(text)["runtime"]
        library, name = str(runtime["library_path"]), str(runtime.get("name", manifest))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Check("OpenXR runtime", Status.LACKS, f"{manifest} is not a runtime's manifest", remedy)
    if "/" in library and not machine.exists(manifest.parent / library):
        return Check("OpenXR runtime", Status.LACKS, f"{name}: its library {library} is not there", remedy)
    return _runtime_answers(machine, f"{name} ({manifest})")


def _runtime_answers(machine: Machine, found: str) -> Check:
    """What the runtime says when it is started; unasked where the bindings are not installed."""
    if machine.version("pyopenxr") is None:
        return Check("OpenXR runtime", Status.OK, found)
    answer = machine.ask_python(OPENXR_QUESTION)
    if not answer.good:
        remedy = "Start the desktop that it needs, reinstall it, or use another."
        return Check("OpenXR runtime", Status.LACKS, f"{found} ends when it is asked: {answer.text}", remedy)
    told = json.loads(answer.text)
    if "what" in told:
        remedy = "Connect the headset and start its runtime; then `sightline doctor`."
        return Check("OpenXR runtime", Status.LACKS, f"{found}: {told['what']}", remedy)
    modes = ", ".join(mode.lower().replace("_", " ") for mode in told["blend_modes"])
    extras = [text for key, text in (("tracks_hands", "hands"), ("offers_passthrough", "cameras")) if told[key]]
    return Check("OpenXR runtime", Status.OK, "; ".join([f"{found}: {told['headset']}, {modes}", *extras]))


def _no_active_runtime(machine: Machine) -> Check:
    """Runtimes may be installed without being active: packages put their manifests under share."""
    for folder in (Path("/usr/local/share/openxr/1"), Path("/usr/share/openxr/1")):
        for manifest in machine.json_files(folder):
            remedy = f"export XR_RUNTIME_JSON={manifest}"
            return Check("OpenXR runtime", Status.OPTIONAL, "installed, but not the active one", remedy)
    remedy = "Tethered headsets: SteamVR, Monado, WiVRn. Browsers need none."
    return Check("OpenXR runtime", Status.OPTIONAL, "none", remedy)


def _chromium(machine: Machine) -> Check:
    names = (*filter(None, [machine.environment.get("CHROMIUM")]), *BROWSERS)
    found = next(filter(None, map(machine.which, names)), None)
    if found:
        return Check("Chromium", Status.OK, found)
    remedy = "As root: apt-get install -y --no-install-recommends chromium"
    return Check("Chromium", Status.OPTIONAL, "none; browser tests and `bench page` use it", remedy)


def _node(machine: Machine) -> Check:
    """Node builds the page; `make setup` brings its own where this one is too old."""
    remedy = f"`make setup` brings its own; or install Node {OLDEST_NODE} or newer."
    if machine.which("node") is None or machine.which("npm") is None:
        return Check("Node", Status.OPTIONAL, "no node with npm; only building the page uses it", remedy)
    version = machine.output("node", "--version")
    major = re.match(r"v(\d+)\.", version)
    if major and int(major[1]) >= OLDEST_NODE:
        return Check("Node", Status.OK, version.removeprefix("v"))
    return Check("Node", Status.OPTIONAL, f"{version or 'no version'} is too old", remedy)


def _page(machine: Machine) -> Check:
    answer = machine.ask_python(PAGE_QUESTION)
    if not answer.good:
        found = f"the server does not start: {answer.text}"
        return Check("Page", Status.LACKS, found, "Run `make clean setup`.", blocks=True)
    if not answer.text:
        return Check("Page", Status.LACKS, "not built", "Run `make setup`.", blocks=True)
    return Check("Page", Status.OK, answer.text)


def _port(machine: Machine) -> Check:
    error = machine.port_error(PORT)
    if error is None:
        return Check("Port", Status.OK, f"{PORT} is free")
    remedy = f"Stop what uses it, or choose another: `--port {PORT + 1}`."
    return Check("Port", Status.LACKS, f"{PORT} cannot be used: {error}", remedy)


def _data_folder(machine: Machine) -> Check:
    remedy = "For headsets' certificates, set SIGHTLINE_HOME to a writable folder."
    try:
        folder = machine.data_folder()
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder
        return Check("Data folder", Status.LACKS, f"cannot be made: {error}", remedy)
    error_text = machine.write_error(folder)
    if error_text is None:
        return Check("Data folder", Status.OK, str(folder))
    return Check("Data folder", Status.LACKS, f"{folder} cannot be written: {error_text}", remedy)


def _disk(machine: Machine) -> Check:
    try:
        folder = machine.temporary_folder()
    except OSError:
        remedy = "Set TMPDIR to a folder that you may write to."
        return Check("Free disk", Status.LACKS, "no temporary folder can be written", remedy, blocks=True)
    free = machine.free_bytes(folder)
    found = f"{free / GIB:.1f} GiB in {folder}"
    if free >= DISK_BYTES:
        return Check("Free disk", Status.OK, found)
    remedy = f"Free {DISK_BYTES // GIB} GiB there, or set TMPDIR to a folder with room."
    return Check("Free disk", Status.LACKS, f"only {found}", remedy)


def _memory(machine: Machine) -> Check:
    found = f"{machine.memory_bytes / GIB:.1f} GiB"
    if machine.memory_bytes >= MEMORY_BYTES:
        return Check("Memory", Status.OK, found)
    remedy = f"Large studies want {MEMORY_BYTES // GIB} GiB: raise the limit, or close other programs."
    return Check("Memory", Status.LACKS, f"only {found}", remedy)


def _cores(machine: Machine) -> Check:
    return Check("Cores", Status.OK, str(machine.cores))


Probe = Callable[[Machine], Check]
#: What is looked at, in the order shown: what the main job needs, then what extras and developers need.
PROBES: tuple[Probe, ...] = (
    _python,
    _packages,
    _page,
    _kernel_cache,
    _codecs,
    _port,
    _data_folder,
    _disk,
    _memory,
    _cores,
    _torch,
    _libraries,
    _open3d,
    _pyopenxr,
    _openxr_runtime,
    _ray,
    _redis,
    _chromium,
    _node,
)


class ThisMachine:
    """The machine that this process runs on."""

    environment: Mapping[str, str] = os.environ
    python = sys.version_info[:3]
    architecture = platform.machine()

    @property
    def cores(self) -> int:
        """Cores that this process may use."""
        return processors()

    @property
    def memory_bytes(self) -> int:
        """Memory, or the container's share of it (control groups, version 2)."""
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        limit = self.text(Path("/sys/fs/cgroup/memory.max")) or "max"
        return installed if limit.strip() == "max" else min(installed, int(limit))

    def home(self) -> Path:
        """The user's folder; "~" itself where there is none, which no probe can then write to."""
        return Path(os.path.expanduser("~"))  # noqa: PTH111  Path.home() raises where there is none

    def data_folder(self) -> Path:
        """Sightline's own; made where missing. Raises OSError."""
        from engine.app.folders import data_folder

        return data_folder()

    def package_folder(self) -> Path:
        """Where the engine's modules lie."""
        return Path(__file__).resolve().parents[1]

    def temporary_folder(self) -> Path:
        """For temporary files. Raises OSError where none can be written."""
        return Path(tempfile.gettempdir())

    def requirements(self) -> tuple[str, ...]:
        """Distributions that the installed package requires, extras left out; none where it is not installed."""
        try:
            lines = importlib.metadata.requires("sightline") or []
        except importlib.metadata.PackageNotFoundError:
            return ()
        return tuple(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line)

    def version(self, distribution: str) -> str | None:
        """Version installed."""
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    def ask_python(self, code: str) -> Answer:
        """Run `code` in a process of its own: a broken native library must not take this one with it."""
        command = [sys.executable, "-P", "-c", code]  # -P: never from the folder that the user happens to be in
        try:
            ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return Answer(good=False, text="no answer in two minutes")
        if ran.returncode == 0:
            return Answer(good=True, text=_last_line(ran.stdout))
        return Answer(good=False, text=_last_line(ran.stderr) or f"ended with {ran.returncode}")

    def has_library(self, name: str) -> bool:
        """Whether the dynamic loader finds it."""
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
        return True

    def codec_error(self, family: str) -> str | None:
        """Encode and decode a small image, with the decoder that reads scans."""
        try:
            return None if _round_trip_is_whole(family) else "wrong pixels"
        except (ImportError, RuntimeError, ValueError, TypeError) as error:
            return str(error)

    def which(self, program: str) -> str | None:
        """Path of a program."""
        return shutil.which(program)

    def output(self, program: str, argument: str) -> str:
        """What a program prints; empty where it cannot run."""
        try:
            ran = subprocess.run([program, argument], capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return ran.stdout.strip()

    def exists(self, path: Path) -> bool:
        """Whether something is at `path`."""
        return os.path.exists(path)  # noqa: PTH110  Path.exists() raises where a folder may not be entered

    def text(self, path: Path) -> str | None:
        """A file's text; None where it cannot be read."""
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def json_files(self, folder: Path) -> tuple[Path, ...]:
        """Files named *.json."""
        return tuple(sorted(folder.glob("*.json")))

    def write_error(self, folder: Path) -> str | None:
        """Why nothing can be written to `folder`, or to the parent it would be made in. Leaves nothing behind."""
        there = next(part for part in (folder, *folder.parents) if self.exists(part))
        try:
            with tempfile.TemporaryFile(dir=there):
                return None
        except OSError as error:
            return error.strerror or str(error)

    def port_error(self, port: int) -> str | None:
        """Why `port` of this machine cannot be listened on."""
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen(1)
            except OSError as error:
                return error.strerror or str(error)
        return None

    def free_bytes(self, folder: Path) -> int:
        """Room left for this user."""
        return shutil.disk_usage(folder).free


def _last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "")


def _round_trip_is_whole(family: str) -> bool:
    """Whether a flat image, which even lossy JPEG keeps, comes back as it was."""
    import imagecodecs
    import numpy as np

    from engine.ingest.dicom.codestream import CODECS

    if family == RLE:
        packed = imagecodecs.packbits_encode(bytes(64))
        return bool(imagecodecs.packbits_decode(packed) == bytes(64))
    syntax, encoder, kind = CODEC_FAMILIES[family]
    image = np.full((64, 64), 100, kind)
    return bool(np.array_equal(CODECS[syntax].decode(getattr(imagecodecs, encoder)(image)), image))


#: Mark, the same in ASCII, word and colour; colour never stands alone.
_MARKS: Mapping[Status, tuple[str, str, str, str]] = {
    Status.OK: ("✓", "+", "has", "green"),
    Status.OPTIONAL: ("–", "-", "optional", "dim"),
    Status.LACKS: ("✗", "x", "lacks", "yellow"),
}


def show(console: Console, checks: Sequence[Check]) -> None:
    """A line a check with its remedy below, and what is next on the last."""
    for check in checks:
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=11)
        line.add_column(width=16)
        line.add_column(overflow="fold")
        quiet = "dim" if check.status is Status.OPTIONAL else ""
        line.add_row(_mark(check, ascii_only=console.options.ascii_only), check.name, Text(check.found, quiet))
        console.print(line)
        if check.remedy:  # never broken by line ends, so that commands can be copied whole
            console.print(Text(f"{'':12}{check.remedy}", quiet), soft_wrap=True)
    console.print()
    console.print(Text(f" {what_is_next(checks)}", "bold"), soft_wrap=True)


def _mark(check: Check, *, ascii_only: bool) -> Text:
    mark, plain, word, style = _MARKS[check.status]
    shown = plain if ascii_only else mark
    return Text(f" {shown} needed", "red") if check.blocks else Text(f" {shown} {word}", style)


def what_is_next(checks: Sequence[Check]) -> str:
    """The one thing to do now."""
    needed = [check.name for check in checks if check.blocks]
    lacks = [check.name for check in checks if check.status is Status.LACKS]
    if needed:
        return f"Not ready: {', '.join(needed)}. Next: see to these, then `sightline doctor`."
    if lacks:
        demo = f"sightline demo --port {PORT + 1}" if "Port" in lacks else "sightline demo"
        return f"Ready, with limits: {', '.join(lacks)}. Next: `{demo}`."
    return "Ready. Next: `sightline demo`."
