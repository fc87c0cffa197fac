"""`sightline bench`: what runs, what is left out and said, and the rows that scripts read."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from engine.app import bench
from engine.app.bench import BENCHES, run_benches
from engine.app.bench.row import Row
from engine.app.bench.timing import interleaved
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue


@pytest.fixture
def said() -> Console:
    return Console(file=StringIO(), width=200)


@pytest.fixture
def two_benches(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that needs no scans, and one that does."""

    def needs_scans(shared_data: Path | None) -> list[Row]:
        raise InputRefused("needs the chest CT")

    modules = {
        "free": SimpleNamespace(run=lambda _: [Row("free", "case", "time", "s", 2.0, "peer", 3.0)]),
        "bound": SimpleNamespace(run=needs_scans),
    }
    monkeypatch.setattr(bench, "BENCHES", dict.fromkeys(modules, ""))
    monkeypatch.setattr(bench, "_module", modules.__getitem__)


@pytest.mark.usefixtures("two_benches")
def test_without_scans_the_benches_that_need_none_run_and_the_others_are_named(said: Console) -> None:
    result = run_benches((), None, said)
    assert [row["ratio"] for row in result["rows"]] == [1.5]
    assert {"processor", "cores", "memory_bytes", "versions", "date"} <= result["machine"].keys()
    assert "bound left out: needs the chest CT" in said.file.getvalue()  # type: ignore[attr-defined]  # a StringIO


@pytest.mark.usefixtures("two_benches")
def test_a_bench_that_was_asked_for_is_never_left_out(said: Console) -> None:
    with pytest.raises(InputRefused, match="chest CT"):
        run_benches(("free", "bound"), None, said)


def test_a_bench_that_does_not_exist_is_wrong_usage(said: Console) -> None:
    with pytest.raises(InvalidValue, match="there are scan"):
        run_benches(("unicorn",), None, said)


def test_a_missing_peer_is_said_with_what_to_install(said: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bench.BENCHES, "scan", "engine.app.bench.no_such_peer")
    with pytest.raises(EnvironmentLacks, match=r"\[bench\]"):
        run_benches(("scan",), None, said)


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_is_there(name: str) -> None:
    assert callable(bench._module(name).run)


@pytest.mark.parametrize("name", ["scan", "page"])
def test_benches_of_real_scans_say_which_they_need(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="ct_chest_lidc0314_jpegls"):
        bench._module(name).run(tmp_path)


def test_rivals_take_turns() -> None:
    order: list[str] = []
    times = interleaved(lambda: order.append("ours"), lambda: order.append("theirs"))
    assert order == ["ours", "theirs"] * (len(order) // 2)
    assert all(time.wall >= 0 for time in times)
