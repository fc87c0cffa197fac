"""The doctor on machines that lack one thing each, and on this one."""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from engine.app.doctor import (
    CODEC_FAMILIES,
    GIB,
    LIBRARIES,
    OPENXR_QUESTION,
    PAGE_QUESTION,
    PORT,
    PROBES,
    TORCH_QUESTION,
    Answer,
    Check,
    Status,
    ThisMachine,
    diagnose,
    show,
    what_is_next,
)
from engine.core.errors import Cancelled

COLUMNS = 80
MONADO = json.dumps({"file_format_version": "1.0.0", "runtime": {"name": "Monado", "library_path": "libopenxr.so"}})
ANSWERED = json.dumps(
    {
        "runtime": "Monado 25.0.0",
        "headset": "Index",
        "blend_modes": ["OPAQUE"],
        "tracks_hands": True,
        "offers_passthrough": False,
    }
)
ACTIVE = Path("/etc/xdg/openxr/1/active_runtime.json")


@dataclass(frozen=True)
class FakeMachine:
    """A machine that has everything; each test takes something away."""

    environment: Mapping[str, str] = field(default_factory=dict)
    python: tuple[int, int, int] = (3, 11, 7)
    architecture: str = "x86_64"
    cores: int = 8
    memory_bytes: int = 16 * GIB
    answers: Mapping[str, Answer] = field(
        default_factory=lambda: {
            TORCH_QUESTION: Answer(True, "2.13.0|12.8|NVIDIA H200"),
            PAGE_QUESTION: Answer(True, "/opt/page"),
            "import open3d": Answer(True, ""),
            OPENXR_QUESTION: Answer(True, ANSWERED),
        }
    )
    versions: Mapping[str, str] = field(
        default_factory=lambda: {
            "numpy": "2.4",
            "torch": "2.13",
            "open3d-cpu": "0.20.0",
            "pyopenxr": "1.1.6501",
            "ray": "2.60",
            "redis": "8.1",
        }
    )
    required: tuple[str, ...] = ("numpy", "torch")
    libraries: tuple[str, ...] = tuple(library for library, _ in LIBRARIES)
    broken_codecs: frozenset[str] = frozenset()
    programs: Mapping[str, str] = field(
        default_factory=lambda: {name: f"/usr/bin/{name}" for name in ("node", "npm", "chromium")}
    )
    node_version: str = "v22.1.0"
    files: Mapping[Path, str] = field(default_factory=lambda: {ACTIVE: MONADO})
    read_only: tuple[Path, ...] = ()
    no_data_folder: bool = False
    no_temporary_folder: bool = False
    taken_ports: tuple[int, ...] = ()
    disk_bytes: int = 50 * GIB

    def home(self) -> Path:
        return Path("/home/ada")

    def package_folder(self) -> Path:
        return Path("/opt/engine")

    def data_folder(self) -> Path:
        if self.no_data_folder:
            raise PermissionError(13, "Permission denied")
        return Path("/home/ada/.local/share/sightline")

    def temporary_folder(self) -> Path:
        if self.no_temporary_folder:
            raise FileNotFoundError(2, "No usable temporary directory found")
        return Path("/tmp")

    def requirements(self) -> tuple[str, ...]:
        return self.required

    def version(self, distribution: str) -> str | None:
        return self.versions.get(distribution)

    def ask_python(self, code: str) -> Answer:
        return self.answers[code]

    def has_library(self, name: str) -> bool:
        return name in self.libraries

    def codec_error(self, family: str) -> str | None:
        return "no decoder" if family in self.broken_codecs else None

    def which(self, program: str) -> str | None:
        return self.programs.get(program)

    def output(self, program: str, argument: str) -> str:
        return {("node", "--version"): self.node_version}[program, argument]

    def exists(self, path: Path) -> bool:
        return path in self.files

    def text(self, path: Path) -> str | None:
        return self.files.get(path)

    def json_files(self, folder: Path) -> tuple[Path, ...]:
        return tuple(path for path in self.files if path.parent == folder)

    def write_error(self, folder: Path) -> str | None:
        return "Read-only file system" if any(folder.is_relative_to(part) for part in self.read_only) else None

    def port_error(self, port: int) -> str | None:
        return "Address already in use" if port in self.taken_ports else None

    def free_bytes(self, folder: Path) -> int:
        return self.disk_bytes


WHOLE = FakeMachine()


def without(versions: str) -> FakeMachine:
    return replace(WHOLE, versions={name: text for name, text in WHOLE.versions.items() if name != versions})


def answering(code: str, answer: Answer, machine: FakeMachine = WHOLE) -> FakeMachine:
    return replace(machine, answers={**machine.answers, code: answer})


def with_gpu(machine: FakeMachine) -> FakeMachine:
    return replace(machine, files={**machine.files, Path("/dev/nvidiactl"): ""})


NO_CUDA_BUILD = answering(TORCH_QUESTION, Answer(True, "2.13.0+cpu|None|"))
NO_CUDA_ANSWER = answering(TORCH_QUESTION, Answer(True, "2.13.0|12.8|"))
OPEN3D_FAILS = answering("import open3d", Answer(False, "OSError: libGL.so.1: cannot open shared object file"))
EVERY_CODEC = frozenset({*CODEC_FAMILIES, "RLE"})
KERNEL_FOLDERS = (Path("/opt/engine"), Path("/home/ada/.cache"))

#: Machine, check, status, whether the main job is blocked, words found, words of the remedy.
LACKS: dict[str, tuple[FakeMachine, str, Status, bool, str, str]] = {
    "old Python": (replace(WHOLE, python=(3, 10, 9)), "Python", Status.LACKS, True, "3.10.9", "3.11"),
    "a package": (without("numpy"), "Packages", Status.LACKS, True, "numpy", "make clean setup"),
    "its own package": (replace(WHOLE, required=()), "Packages", Status.LACKS, True, "sightline", "make"),
    "a page": (answering(PAGE_QUESTION, Answer(True, "")), "Page", Status.LACKS, True, "not built", "make setup"),
    "a server": (
        answering(PAGE_QUESTION, Answer(False, "ModuleNotFoundError: No module named 'segno'")),
        *("Page", Status.LACKS, True, "segno", "make clean setup"),
    ),
    "a kernel cache": (
        replace(WHOLE, read_only=KERNEL_FOLDERS),
        *("Kernel cache", Status.LACKS, True, "no folder", "NUMBA_CACHE_DIR"),
    ),
    "a codec": (
        replace(WHOLE, broken_codecs=frozenset({"JPEG-LS"})),
        *("DICOM codecs", Status.LACKS, False, "JPEG-LS", "imagecodecs"),
    ),
    "every codec": (
        replace(WHOLE, broken_codecs=EVERY_CODEC),
        *("DICOM codecs", Status.LACKS, True, "HTJ2K, RLE", "imagecodecs"),
    ),
    "a port": (replace(WHOLE, taken_ports=(PORT,)), "Port", Status.LACKS, False, "already in use", "--port 8444"),
    "a data folder": (
        replace(WHOLE, no_data_folder=True),
        *("Data folder", Status.LACKS, False, "Permission denied", "SIGHTLINE_HOME"),
    ),
    "a writable data folder": (
        replace(WHOLE, read_only=(Path("/home/ada/.local"),)),
        *("Data folder", Status.LACKS, False, "Read-only", "SIGHTLINE_HOME"),
    ),
    "a temporary folder": (
        replace(WHOLE, no_temporary_folder=True),
        *("Free disk", Status.LACKS, True, "temporary", "TMPDIR"),
    ),
    "disk": (replace(WHOLE, disk_bytes=GIB), "Free disk", Status.LACKS, False, "only 1.0 GiB", "2 GiB"),
    "memory": (replace(WHOLE, memory_bytes=2 * GIB), "Memory", Status.LACKS, False, "only 2.0 GiB", "4 GiB"),
    "torch": (
        answering(TORCH_QUESTION, Answer(False, "ImportError: libtorch.so")),
        *("torch, CUDA", Status.LACKS, True, "libtorch.so", "make clean setup"),
    ),
    "a GPU": (NO_CUDA_ANSWER, "torch, CUDA", Status.OPTIONAL, False, "no CUDA device", "driver"),
    "CUDA in torch": (with_gpu(NO_CUDA_BUILD), "torch, CUDA", Status.LACKS, False, "without CUDA", "pytorch.org"),
    "a GPU driver": (with_gpu(NO_CUDA_ANSWER), "torch, CUDA", Status.LACKS, False, "not answer", "CUDA 12.8"),
    "libGL": (
        replace(WHOLE, libraries=WHOLE.libraries[1:]),
        *("System libraries", Status.LACKS, False, "libGL.so.1", "apt-get install -y --no-install-recommends libgl1"),
    ),
    "libGL that nothing needs": (
        replace(WHOLE, libraries=WHOLE.libraries[1:], versions={"numpy": "2.4", "torch": "2.13"}),
        *("System libraries", Status.OPTIONAL, False, "libGL.so.1", "libgl1"),
    ),
    "open3d": (without("open3d-cpu"), "open3d", Status.OPTIONAL, False, "not installed", ".[guidance]"),
    "an open3d that starts": (OPEN3D_FAILS, "open3d", Status.LACKS, False, "libGL.so.1", "--force-reinstall"),
    "what open3d loads": (
        replace(OPEN3D_FAILS, libraries=WHOLE.libraries[1:]),
        *("open3d", Status.LACKS, False, "libGL.so.1", "apt-get install -y --no-install-recommends libgl1"),
    ),
    "pyopenxr": (without("pyopenxr"), "pyopenxr", Status.OPTIONAL, False, "not installed", ".[xr]"),
    "Ray": (without("ray"), "Ray", Status.OPTIONAL, False, "not installed", ".[ray]"),
    "a Redis client": (without("redis"), "Redis client", Status.OPTIONAL, False, "not installed", ".[redis]"),
    "a runtime": (replace(WHOLE, files={}), "OpenXR runtime", Status.OPTIONAL, False, "none", "Monado"),
    "an active runtime": (
        replace(WHOLE, files={Path("/usr/share/openxr/1/openxr_monado.json"): MONADO}),
        *("OpenXR runtime", Status.OPTIONAL, False, "not the active", "/usr/share/openxr/1/openxr_monado.json"),
    ),
    "the runtime chosen": (
        replace(WHOLE, environment={"XR_RUNTIME_JSON": "/gone.json"}),
        *("OpenXR runtime", Status.LACKS, False, "/gone.json cannot be read", "XR_RUNTIME_JSON"),
    ),
    "a runtime's manifest": (
        replace(WHOLE, files={ACTIVE: "[]"}),
        *("OpenXR runtime", Status.LACKS, False, "not a runtime's manifest", "Reinstall"),
    ),
    "a runtime's library": (
        replace(WHOLE, files={ACTIVE: MONADO.replace("libopenxr", "../lib/libopenxr")}),
        *("OpenXR runtime", Status.LACKS, False, "../lib/libopenxr.so is not there", "Reinstall"),
    ),
    "a headset": (
        answering(OPENXR_QUESTION, Answer(True, '{"what": "no headset"}')),
        *("OpenXR runtime", Status.LACKS, False, "no headset", "Connect the headset"),
    ),
    "a runtime that starts": (
        answering(OPENXR_QUESTION, Answer(False, "ended with -11")),
        *("OpenXR runtime", Status.LACKS, False, "ended with -11", "desktop"),
    ),
    "Chromium": (
        replace(WHOLE, programs={}),
        *("Chromium", Status.OPTIONAL, False, "none", "apt-get install -y --no-install-recommends chromium"),
    ),
    "Node": (replace(WHOLE, programs={}), "Node", Status.OPTIONAL, False, "no node", "make setup"),
    "a new Node": (replace(WHOLE, node_version="v18.19.0"), "Node", Status.OPTIONAL, False, "v18.19.0", "20"),
    "a Node that runs": (replace(WHOLE, node_version=""), "Node", Status.OPTIONAL, False, "no version", "20"),
}


def named(checks: tuple[Check, ...], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def shown(checks: tuple[Check, ...], encoding: str = "utf-8") -> str:
    screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(Console(file=screen, width=COLUMNS), checks)
    screen.seek(0)
    return screen.read()


def test_a_machine_with_everything_lacks_nothing() -> None:
    checks = diagnose(WHOLE)
    assert len(checks) == len(PROBES)
    assert {check.status for check in checks} == {Status.OK}
    assert what_is_next(checks) == "Ready. Next: `sightline demo`."


@pytest.mark.parametrize("lack", LACKS)
def test_each_lack_is_told_with_what_to_do(lack: str) -> None:
    machine, name, status, blocks, found, remedy = LACKS[lack]
    check = named(diagnose(machine), name)
    assert (check.status, check.blocks) == (status, blocks)
    assert found in check.found
    assert remedy in check.remedy


@pytest.mark.parametrize("lack", LACKS)
def test_a_remedy_is_one_line_that_fits_the_terminal(lack: str) -> None:
    checks = diagnose(LACKS[lack][0])
    assert not any("\n" in check.remedy for check in checks)
    assert max(map(len, shown(checks).splitlines())) <= COLUMNS


@pytest.mark.parametrize("lack", LACKS)
def test_the_last_line_says_what_is_next(lack: str) -> None:
    machine, name, status, blocks, _, _ = LACKS[lack]
    last = shown(diagnose(machine)).splitlines()[-1]
    assert "Next: " in last
    assert ("Not ready" in last) == blocks
    assert (name in last) == (status is Status.LACKS)


def test_where_the_port_is_taken_the_next_step_takes_another() -> None:
    assert what_is_next(diagnose(replace(WHOLE, taken_ports=(PORT,)))).endswith("Next: `sightline demo --port 8444`.")


def test_all_libraries_missing_make_one_command_that_is_not_broken_by_line_ends() -> None:
    text = shown(diagnose(replace(WHOLE, libraries=())))
    assert "apt-get install -y --no-install-recommends libgl1 libegl1 libusb-1.0-0 libgomp1\n" in text


@pytest.mark.parametrize(
    ("read_only", "environment", "folder"),
    [
        ((), {}, "/opt/engine/__pycache__"),
        (KERNEL_FOLDERS[:1], {}, "/home/ada/.cache/numba"),
        (KERNEL_FOLDERS[:1], {"XDG_CACHE_HOME": "/cache"}, "/cache/numba"),
        ((), {"NUMBA_CACHE_DIR": "/kernels"}, "/kernels"),
        ((Path("/kernels"),), {"NUMBA_CACHE_DIR": "/kernels"}, "/opt/engine/__pycache__"),
    ],
)
def test_the_kernel_cache_is_where_numba_puts_it(
    read_only: tuple[Path, ...], environment: Mapping[str, str], folder: str
) -> None:
    machine = replace(WHOLE, read_only=read_only, environment=environment)
    assert named(diagnose(machine), "Kernel cache").found == folder


#: Where the loader looks, first to last, with both variables set.
RUNTIME_PLACES = (
    "/xdg/openxr/1/active_runtime.x86_64.json",
    "/xdg/openxr/1/active_runtime.json",
    "/first/openxr/1/active_runtime.json",
    "/second/openxr/1/active_runtime.json",
    "/usr/local/etc/openxr/1/active_runtime.json",
    "/etc/openxr/1/active_runtime.json",
)


@given(st.sets(st.sampled_from(range(len(RUNTIME_PLACES))), min_size=1))
def test_the_first_runtime_that_the_loader_would_find_is_told(present: set[int]) -> None:
    files = {Path(RUNTIME_PLACES[at]): MONADO for at in present}
    environment = {"XDG_CONFIG_HOME": "/xdg", "XDG_CONFIG_DIRS": "/first:/second"}
    check = named(diagnose(replace(WHOLE, files=files, environment=environment)), "OpenXR runtime")
    assert check.found == f"Monado ({RUNTIME_PLACES[min(present)]}): Index, opaque; hands"


def test_the_runtime_in_the_environment_goes_before_all_others() -> None:
    files = {ACTIVE: MONADO, Path("/mine.json"): MONADO.replace("Monado", "Mine")}
    machine = replace(WHOLE, files=files, environment={"XR_RUNTIME_JSON": "/mine.json"})
    assert named(diagnose(machine), "OpenXR runtime").found.startswith("Mine (/mine.json): ")


def test_the_browser_tests_take_the_chromium_that_the_environment_names() -> None:
    machine = replace(WHOLE, programs={"/my/chrome": "/my/chrome"}, environment={"CHROMIUM": "/my/chrome"})
    assert named(diagnose(machine), "Chromium").found == "/my/chrome"


def test_marks_come_with_words() -> None:
    text = shown(diagnose(replace(without("pyopenxr"), taken_ports=(PORT,), python=(3, 9, 0))))
    for words in ("✓ has", "– optional", "✗ lacks", "✗ needed"):
        assert words in text


@pytest.mark.parametrize("lack", LACKS)
def test_a_terminal_without_unicode_shows_everything(lack: str) -> None:
    assert "Next: " in shown(diagnose(LACKS[lack][0]), encoding="ascii")


def test_checks_are_json() -> None:
    checks = diagnose(replace(WHOLE, taken_ports=(PORT,)))
    values = json.loads(json.dumps([check.as_json() for check in checks]))
    assert [set(value) for value in values] == [{"name", "status", "found", "remedy", "blocks"}] * len(checks)
    assert {value["status"] for value in values} == {"ok", "lacks"}


def test_a_check_without_its_remedy_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="remedy"):
        Check("Port", Status.LACKS, "taken")
    with pytest.raises(ValueError, match="remedy"):
        Check("Port", Status.OK, "free", "Do nothing.")
    with pytest.raises(ValueError, match="blocks"):
        Check("Node", Status.OPTIONAL, "none", "Install it.", blocks=True)


def test_progress_ends_at_the_whole_and_may_stop_it() -> None:
    fractions: list[float] = []
    diagnose(WHOLE, lambda fraction, stage: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1

    def stop(fraction: float, stage: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        diagnose(WHOLE, stop)


class TestThisMachine:
    """The probes of the real machine, each against something made for it."""

    machine = ThisMachine()

    def test_a_taken_port_is_told_and_a_free_one_is_not(self) -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen(1)
            port = holder.getsockname()[1]
            assert self.machine.port_error(port)
        assert self.machine.port_error(port) is None

    def test_writing_is_tried_and_leaves_nothing(self, tmp_path: Path) -> None:
        assert self.machine.write_error(tmp_path / "deep" / "folder") is None
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "file").write_text("")
        assert self.machine.write_error(tmp_path / "file" / "folder")

    def test_python_answers_or_complains_in_one_line(self) -> None:
        assert self.machine.ask_python("print(1); print(2)") == Answer(True, "2")
        assert self.machine.ask_python("import nothing_of_this_name").text.startswith("ModuleNotFoundError")
        assert self.machine.ask_python("import os; os._exit(7)") == Answer(False, "ended with 7")

    def test_every_codec_reads_back_what_its_encoder_wrote(self) -> None:
        errors = {family: self.machine.codec_error(family) for family in EVERY_CODEC}
        assert set(errors.values()) == {None}

    def test_a_library_is_found_by_loading_it(self) -> None:
        assert self.machine.has_library("libc.so.6")
        assert not self.machine.has_library("libnothing-of-this-name.so.1")

    def test_requirements_leave_extras_out(self) -> None:
        names = self.machine.requirements()
        assert {"numpy", "torch", "pydicom"} <= set(names)
        assert not {"hypothesis", "pytest", "open3d-cpu"} & set(names)
        assert self.machine.version("numpy")
        assert self.machine.version("nothing-of-this-name") is None

    def test_files_that_are_not_there_are_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "b.json").write_text("{}")
        assert self.machine.json_files(tmp_path) == (tmp_path / "b.json",)
        assert self.machine.json_files(tmp_path / "gone") == ()
        assert self.machine.text(tmp_path / "b.json") == "{}"
        assert self.machine.text(tmp_path / "gone") is None
        assert self.machine.output(str(tmp_path / "gone"), "--version") == ""

    def test_memory_and_cores_are_those_of_this_machine(self) -> None:
        assert 1 <= self.machine.cores <= (os.cpu_count() or 1)
        assert 0 < self.machine.memory_bytes <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    def test_it_is_diagnosed_and_shown(self) -> None:
        checks = diagnose()
        assert named(checks, "Python").status is Status.OK
        assert named(checks, "DICOM codecs").status is Status.OK
        assert len(shown(checks).splitlines()) > len(PROBES)
