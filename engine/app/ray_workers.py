"""The same tasks on Ray: one started for this run on this machine, or a cluster.

A task takes a whole machine, since each uses every core. Ray retries what a worker dies with; progress and cancelling
go through one small actor. What a task raises comes back as a value: Ray would write it to its logs.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import secrets
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, TypeVar

from engine.app.private_folder import private_folder
from engine.app.workers import REPORT_EVERY_S, Handle, Task, Throttle, WorkerLost
from engine.core.errors import Cancelled, EnvironmentLacks
from engine.core.progress import Progress, silent
from engine.ingest.processors import processors

T = TypeVar("T")

#: Tasks and results are small: scans and blobs lie in files.
OBJECT_STORE_BYTES = 128 * 2**20

#: What Ray logs, it logs to its own folder; nothing of it comes to the terminal.
QUIET = {"log_to_driver": False, "logging_level": "CRITICAL"}


@dataclass(frozen=True, slots=True)
class _Ended:
    """What became of a task."""

    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A task that was submitted, and who waits for it."""

    number: int
    report: Progress
    future: Future[Any] = field(default_factory=Future)


class Desk:
    """Where workers say how far they are and learn what is cancelled; an actor of the cluster."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[float, str]] = {}
        self._cancelled: set[int] = set()

    def tell(self, number: int, fraction: float, stage: str) -> bool:
        """Note where a task stands; returns whether it is to stop."""
        self._told[number] = (fraction, stage)
        return number in self._cancelled

    def cancel(self, number: int) -> None:
        """Have a task stop at its next report."""
        self._cancelled.add(number)

    def take(self) -> dict[int, tuple[float, str]]:
        """The latest of each task that has reported since this was last asked."""
        told, self._told = self._told, {}
        return told


class RayWorkers:
    """`Workers` on Ray.

    Args:
        address: "ray://host:port" of a cluster; None starts a Ray on this machine, and ends it with `close`.
        retries: how often Ray tries a task again whose worker died.

    Raises:
        EnvironmentLacks: Ray is not installed, does not start or does not answer.
    """

    def __init__(self, address: str | None, retries: int) -> None:
        self._retries = retries
        self._numbers = 0
        self._open: dict[int, _Waiting] = {}
        self._closing = threading.Event()
        with contextlib.ExitStack() as stack:
            self._ray = stack.enter_context(_started(retries) if address is None else _connected(address))
            resources = _of_a_whole_machine(self._ray.nodes())
            lasting = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
            self._desk = self._ray.remote(Desk).options(**lasting).remote()
            self._carry_out = self._ray.remote(carry_out).options(name="task", max_retries=retries, **resources)
            self._thread = threading.Thread(target=self._listen, name="ray-progress", daemon=True)
            self._thread.start()
            self._stack = stack.pop_all()

    def submit(self, task: Task[T], report: Progress = silent) -> Handle[T]:
        """As `Workers.submit`."""
        self._numbers += 1
        waiting = _Waiting(self._numbers, report)
        self._open[waiting.number] = waiting
        reference = self._carry_out.remote(self._desk, waiting.number, metadata.version("sightline"), task)
        reference.future().add_done_callback(lambda done: self._finish(waiting, done))
        return Handle(waiting.future, lambda: self._cancel(waiting))

    def close(self) -> None:
        """As `Workers.close`. What runs on a cluster ends with the connection."""
        for waiting in tuple(self._open.values()):
            waiting.future.cancel()
        self._closing.set()
        self._thread.join()
        self._stack.close()

    def _cancel(self, waiting: _Waiting) -> None:
        if not waiting.future.done():
            self._desk.cancel.remote(waiting.number)
            waiting.future.cancel()

    def _listen(self) -> None:
        begun: set[int] = set()
        while not self._closing.wait(REPORT_EVERY_S):
            try:
                told = self._ray.get(self._desk.take.remote())
            except Exception:  # the cluster is gone: every future says so
                return
            for number, (fraction, stage) in told.items():
                waiting = self._open.get(number)
                if waiting is None:
                    continue
                if number in begun or waiting.future.set_running_or_notify_cancel():
                    begun.add(number)
                    waiting.report(fraction, stage)

    def _finish(self, waiting: _Waiting, done: Future[_Ended]) -> None:
        del self._open[waiting.number]
        try:
            ended = done.result()
        except Exception as error:  # of Ray's many, by what they mean to the user
            ended = _Ended(error=self._meaning(error))
        with contextlib.suppress(InvalidStateError):  # cancelled before it began
            if ended.error is not None:
                waiting.future.set_exception(ended.error)
            else:
                waiting.future.set_result(ended.value)

    def _meaning(self, error: Exception) -> Exception:
        raised = self._ray.exceptions
        if isinstance(error, raised.TaskCancelledError):
            return Cancelled("cancelled")
        if isinstance(error, raised.RayTaskError):
            remedy = "Install the same Sightline, with the same extras, on every machine of the cluster."
            return EnvironmentLacks(f"a worker cannot take the task ({type(error.cause).__name__})", remedy)
        if isinstance(error, raised.WorkerCrashedError | raised.OutOfMemoryError | raised.NodeDiedError):
            return WorkerLost(self._retries + 1)
        remedy = "See whether the cluster is up, then run the same command again."
        return EnvironmentLacks(f"Ray lost the task ({type(error).__name__})", remedy)


def carry_out(desk: Any, number: int, version: str, task: Task[T]) -> _Ended:
    """What a Ray worker runs: `task`, with nothing said to Ray's logs, and its error as a value."""
    if (own := metadata.version("sightline")) != version:
        remedy = "Install the same version on every machine of the cluster."
        return _Ended(error=EnvironmentLacks(f"a worker has Sightline {own} where this is {version}", remedy))
    nobody = io.StringIO()
    with contextlib.redirect_stdout(nobody), contextlib.redirect_stderr(nobody):  # warnings can name patients
        try:
            return _Ended(task(_Reporter(desk, number)))
        except Exception as error:  # whatever a task raises is its failure
            return _Ended(error=error)


class _Reporter:
    """Progress that goes to the desk, and the place where a task learns that it is cancelled."""

    def __init__(self, desk: Any, number: int) -> None:
        self._desk, self._number = desk, number
        self._lock = threading.Lock()  # steps that run side by side report from threads of their own
        self._throttle = Throttle()
        self(0.0, "starting")

    def __call__(self, fraction: float, stage: str) -> None:
        with self._lock:
            if not self._throttle.is_due(stage):
                return
        told = self._desk.tell.remote(self._number, min(max(fraction, 0.0), 1.0), stage)
        if told.future().result():  # not `ray.get`, which would give this task's cores to the next while it waits
            raise Cancelled("cancelled")


@functools.cache
def _key() -> str:
    """What the processes of a local Ray know each other by; a process reads it once and never again."""
    return secrets.token_hex(32)


@contextlib.contextmanager
def _started(retries: int) -> Iterator[Any]:
    """A Ray of this machine: on loopback alone, by a key, in a private folder, telling nobody of itself."""
    settings = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's one switch to loopback, named for where it is the default
        "RAY_AUTH_MODE": "token",  # ports of loopback are open to every user of the machine
        "RAY_AUTH_TOKEN": _key(),
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    with private_folder() as folder, _environment(settings):
        remedy = "Free some memory and disk, or use --workers local."
        with _initialised(
            ("Ray does not start", remedy),
            address="local",
            num_cpus=processors(),
            include_dashboard=False,
            configure_logging=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=str(folder),
            _node_ip_address="127.0.0.1",
            _system_config={"task_oom_retries": retries},
        ) as ray:
            yield ray


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Any]:
    """A connection to the cluster at `address`."""
    remedy = "See whether the cluster is up and its client port open, and that its Ray and Python are the same."
    with (
        _environment({"RAY_USAGE_STATS_ENABLED": "0"}),
        _initialised((f"no Ray cluster answers at {address}", remedy), address=address) as ray,
    ):
        yield ray


@contextlib.contextmanager
def _initialised(otherwise: tuple[str, str], **settings: Any) -> Iterator[Any]:
    """Ray until the block ends; `otherwise` is what to say where it cannot be had, and the remedy."""
    ray = _ray()
    try:
        _init(ray, **settings, **QUIET)
    except Exception as error:  # Ray raises many kinds
        summary, remedy = otherwise
        raise EnvironmentLacks(f"{summary} ({_first_line(error)})", remedy) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _init(ray: Any, **settings: Any) -> None:
    """`ray.init`, which takes SIGTERM for itself, and gives it back: ending has an order of its own here."""
    handler = signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what went wrong is raised as well
        ray.init(**settings)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise EnvironmentLacks("Ray is not installed", "Install the extra: `pip install 'sightline[ray]'`.") from error
    return ray


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """`settings` in the environment, from where Ray and its processes take them."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _of_a_whole_machine(nodes: list[dict[str, Any]]) -> dict[str, float]:
    """What a task asks Ray for: the cores of the smallest machine, and a GPU where all have one."""
    working = [node["Resources"] for node in nodes if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not working:
        raise EnvironmentLacks("the Ray cluster has no machine that works", "Add one with `ray start --address`.")
    has_gpus = all(resources.get("GPU", 0) >= 1 for resources in working)
    return {"num_cpus": min(resources["CPU"] for resources in working), "num_gpus": 1 if has_gpus else 0}
