"""Results appear whole or not at all, whatever interrupts."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app.results import require_folder, whole_results
from engine.core.errors import EnvironmentLacks


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A folder with the results of an earlier run, and something else of the user's."""
    for name in ("labels", "scene", "notes"):
        (tmp_path / name).write_text("earlier")
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_new_results_take_the_place_of_earlier_ones_and_of_nothing_else(earlier: Path) -> None:
    with whole_results(earlier) as folder:
        (folder / "labels").write_text("new")
        (folder / "surfaces").mkdir()
        (folder / "surfaces" / "bone").write_text("new")
        assert (earlier / "labels").read_text() == "earlier"
    assert contents(earlier) == {"labels": "new", "surfaces/bone": "new", "scene": "earlier", "notes": "earlier"}


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_a_run_that_fails_half_way_leaves_what_was_there(earlier: Path, failure: type[BaseException]) -> None:
    def run() -> None:
        with whole_results(earlier) as folder:
            (folder / "labels").write_text("new")
            raise failure

    with pytest.raises(failure):
        run()
    assert contents(earlier) == {"labels": "earlier", "scene": "earlier", "notes": "earlier"}


def test_a_full_disk_is_said_and_leaves_what_was_there(earlier: Path) -> None:
    def run() -> None:
        with whole_results(earlier) as folder:
            (folder / "labels").write_bytes(b"new")
            Path("/dev/full").write_bytes(bytes(8192))  # Linux's disk that is always full

    with pytest.raises(EnvironmentLacks, match="cannot write"):
        run()
    assert contents(earlier) == {"labels": "earlier", "scene": "earlier", "notes": "earlier"}


def test_looking_whether_a_folder_can_be_written_leaves_nothing_in_it(tmp_path: Path) -> None:
    require_folder(tmp_path / "new" / "out")
    assert list((tmp_path / "new" / "out").iterdir()) == []
