"""Which modules may touch a runtime, a graphics card or a clock: the rest is values and laws."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import engine.xr

FOLDER = Path(engine.xr.__file__).parent
SHELLS = {
    "openxr", "runtime", "probe", "graphics", "session", "input", "passthrough", "gpu_scene", "renderer",
    "panel_picture", "viewing", "glyphs", "readout_picture",
}  # fmt: skip
PURE = sorted(path for path in FOLDER.glob("*.py") if path.stem not in SHELLS)
OUTSIDE = {
    "xr",
    "moderngl",
    "OpenGL",
    "glfw",
    "PIL",
    "ctypes",
    "time",
    "threading",
    "asyncio",
    "socket",
    "os",
    "random",
}


def test_every_shell_is_there() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} > SHELLS


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_a_pure_module_reaches_nothing_outside_and_no_shell(path: Path) -> None:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    assert not {name.split(".")[0] for name in names} & OUTSIDE
    assert not {name.removeprefix("engine.xr.") for name in names if name.startswith("engine.xr.")} & SHELLS


def test_the_command_line_loads_no_headset_until_one_is_asked_for() -> None:
    code = (
        "import engine.app.cli, engine.app.view_command, sys; print(*{'xr', 'moderngl', 'OpenGL'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize("package", ["xr", "moderngl", "PIL"])
def test_without_its_extra_the_command_says_what_to_install(package: str) -> None:
    code = f"import sys; sys.modules['{package}'] = None; from engine.app.cli import main; main(['view', 'http://127.0.0.1:9/'])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 4
    assert "pip install 'sightline[xr]'" in " ".join(ran.stderr.split())
