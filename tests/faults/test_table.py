"""The tables of faults and of hazards in the documentation name tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = {
    page: re.findall(r"`(tests/[^`]+)`", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    for page in ("faults.md", "safety.md")
}
NAMED = sorted({name for names in TABLES.values() for name in names})


@pytest.mark.parametrize("page", TABLES)
def test_the_table_names_tests(page: str) -> None:
    assert len(TABLES[page]) > 30


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_the_table_names_is_there(name: str) -> None:
    file, *path = name.split("::")
    if not path:
        assert list((ROOT / file).rglob("test_*.py")) or (ROOT / file).is_file()  # all of a folder, or of a file
        return
    node: ast.AST = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for part in path:
        inside = {
            each.name: each for each in ast.iter_child_nodes(node) if isinstance(each, ast.FunctionDef | ast.ClassDef)
        }
        node = inside[part]
    assert isinstance(node, ast.FunctionDef)
