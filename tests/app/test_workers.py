"""What every place where tasks run keeps to: one process here, and Ray."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import psutil
import pytest

from engine.app.local_workers import LocalWorkers
from engine.app.workers import WorkerLost, Workers, new_workers
from engine.core.errors import Cancelled, EnvironmentLacks, InvalidValue
from tests.app.tasks import Alone, Deadly, Doubled, Endless, lacking, require_ray, unsendable

WITHIN_S = 60


@pytest.fixture(scope="module", params=["local", "ray"])
def workers(request: pytest.FixtureRequest) -> Iterator[Workers]:
    """Workers that try once more; one process, or Ray started for this module."""
    if request.param == "ray":
        require_ray()
    places = new_workers(request.param, retries=1)
    yield places
    places.close()


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_what_runs_is_told(workers: Workers, tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    running = workers.submit(Endless(tmp_path), lambda fraction, stage: told.append((fraction, stage)))
    until(lambda: (0.5, "waiting") in told)
    running.cancel()
    assert set(told) <= {(0.0, "starting"), (0.5, "waiting")}
    with pytest.raises(Cancelled):
        running.future.result(WITHIN_S)


def test_tasks_are_done_in_order_and_each_once(workers: Workers) -> None:
    futures = [workers.submit(Doubled(n)).future for n in range(20)]
    assert [future.result(WITHIN_S) for future in futures] == [2 * n for n in range(20)]


def test_one_task_runs_at_a_time_however_often_it_reports(workers: Workers, tmp_path: Path) -> None:
    futures = [workers.submit(Alone(tmp_path)).future for _ in range(6)]
    assert all(future.result(WITHIN_S) for future in futures)


def test_an_error_comes_back_as_it_was_raised(workers: Workers) -> None:
    with pytest.raises(EnvironmentLacks, match="no such thing") as raised:
        workers.submit(lacking).future.result(WITHIN_S)
    assert raised.value.remedy == "Buy one."


def test_a_value_that_cannot_travel_fails_its_task_and_no_other(workers: Workers) -> None:
    with pytest.raises((RuntimeError, TypeError, EnvironmentLacks)):
        workers.submit(unsendable).future.result(WITHIN_S)
    assert workers.submit(Doubled(1)).future.result(WITHIN_S) == 2


def test_a_task_that_runs_stops_when_cancelled_and_one_that_waits_never_starts(
    workers: Workers, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    running = workers.submit(Endless(tmp_path))
    waiting = workers.submit(Endless(tmp_path / "second"))
    until(running.future.running)
    until((tmp_path / "began").exists)
    waiting.cancel()
    running.cancel()
    with pytest.raises(Cancelled):
        running.future.result(WITHIN_S)
    with pytest.raises(CancelledError):
        waiting.future.result(WITHIN_S)
    assert workers.submit(Doubled(1)).future.result(WITHIN_S) == 2
    assert (tmp_path / "left").exists()
    assert not (tmp_path / "second" / "began").exists()


def test_a_task_whose_worker_is_killed_is_tried_again(workers: Workers, tmp_path: Path) -> None:
    behind = [workers.submit(Deadly(tmp_path, times=1)).future, workers.submit(Doubled(3)).future]
    assert [future.result(WITHIN_S) for future in behind] == [2, 6]


def test_a_task_that_kills_its_worker_every_time_fails_in_words_and_the_next_one_works(
    workers: Workers, tmp_path: Path
) -> None:
    with pytest.raises(WorkerLost, match="2 times in a row, most likely out of memory"):
        workers.submit(Deadly(tmp_path, times=9)).future.result(WITHIN_S)
    assert len(list(tmp_path.iterdir())) == 2
    assert workers.submit(Doubled(4)).future.result(WITHIN_S) == 8


def test_a_worker_that_is_killed_while_it_waits_costs_no_task_a_try(tmp_path: Path) -> None:
    workers = LocalWorkers(retries=0)
    try:
        assert workers.submit(Doubled(1)).future.result(WITHIN_S) == 2
        assert workers.pid is not None
        worker = psutil.Process(workers.pid)
        worker.kill()
        until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
        assert workers.submit(Doubled(2)).future.result(WITHIN_S) == 4
    finally:
        workers.close()


def test_closing_cancels_what_runs_and_what_waits_and_leaves_no_process(tmp_path: Path) -> None:
    workers = LocalWorkers(retries=1)
    running, waiting = workers.submit(Endless(tmp_path)).future, workers.submit(Doubled(1)).future
    until((tmp_path / "began").exists)
    pid = workers.pid
    workers.close()
    assert isinstance(running.exception(), Cancelled)
    assert waiting.cancelled()
    assert (tmp_path / "left").exists()
    assert pid is not None
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("where", ["", "dask", "ray://", "http://somewhere"])
def test_a_place_that_is_none_is_refused_with_those_that_are(where: str) -> None:
    with pytest.raises(InvalidValue, match="local, ray"):
        new_workers(where, retries=1)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EnvironmentLacks, match=r"sightline\[ray\]"):
        new_workers("ray", retries=1)
