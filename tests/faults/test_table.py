"""The table of faults in the documentation names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/[^`]+)`", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))


def test_the_table_names_tests() -> None:
    assert len(NAMED) > 30


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_the_table_names_is_there(name: str) -> None:
    file, *path = name.split("::")
    node: ast.AST = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for part in path:
        inside = {
            each.name: each for each in ast.iter_child_nodes(node) if isinstance(each, ast.FunctionDef | ast.ClassDef)
        }
        node = inside[part]
    assert isinstance(node, ast.FunctionDef)
