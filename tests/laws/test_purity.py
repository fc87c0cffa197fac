"""What is pure stays pure: no clock, no chance, no thread, no socket, no file in the core and the algorithms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import engine

ENGINE = Path(engine.__file__).parent
ROOT = ENGINE.parent

#: Modules by package that only a shell may use.
IMPURE = {
    "core": {"time", "random", "threading", "socket", "asyncio", "os", "tempfile", "datetime", "logging"},
    "segment": {"time", "random", "socket", "asyncio", "tempfile", "datetime", "logging", "pathlib"},
    "mesh": {"time", "random", "socket", "asyncio", "tempfile", "datetime", "logging"},
    # It is told when (a datetime) and which UIDs are new.
    "export": {"time", "random", "uuid", "socket", "asyncio", "os", "tempfile", "threading", "logging"},
}
#: Devices are shells: they may read files and sockets.
GUIDANCE_SHELLS = "devices"
IN_GUIDANCE = {
    "torch",
    "time",
    "random",
    "socket",
    "asyncio",
    "threading",
    "os",
    "tempfile",
    "datetime",
    "logging",
    "pathlib",
}

#: Functions that draw from hidden state.
HIDDEN_STATE = {
    "np.random.seed",
    "np.random.rand",
    "np.random.randn",
    "torch.manual_seed",
    "torch.rand",
    "torch.randn",
    "generate_uid",
    "datetime.datetime.now",
}

GUIDANCE = [
    path
    for path in sorted((ROOT / "guidance").rglob("*.py"))
    if path.relative_to(ROOT / "guidance").parts[0] != GUIDANCE_SHELLS
]
MODULES = [path for package in IMPURE for path in sorted((ENGINE / package).rglob("*.py"))]


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of what a module imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ENGINE)))
def test_a_pure_module_reaches_nothing_outside_its_arguments(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not imported(tree) & IMPURE[path.relative_to(ENGINE).parts[0]]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & (HIDDEN_STATE | {"open", "print", "input", "exec", "eval"})


@pytest.mark.parametrize("path", GUIDANCE, ids=lambda p: str(p.relative_to(ROOT)))
def test_guidance_is_told_the_time_and_the_places_and_asks_nobody(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not imported(tree) & IN_GUIDANCE
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & (HIDDEN_STATE | {"open", "print", "input", "exec", "eval", "np.random.default_rng"})


def test_no_error_is_swallowed_anywhere() -> None:
    """A bare `except` or an empty handler of every exception hides what the user must know."""
    swallowed = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted([*ENGINE.rglob("*.py"), *(ROOT / "guidance").rglob("*.py")])
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]
    assert not swallowed
