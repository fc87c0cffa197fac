"""One worker process on this machine, which does one task at a time: each task uses every core already."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import pickle
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, TypeVar

from engine.app.child_process import end_with_the_server, start_child
from engine.app.garbage import look_rarely
from engine.app.memory import give_back
from engine.app.priority import give_way
from engine.app.workers import Handle, Task, Throttle, WorkerLost
from engine.core.errors import Cancelled
from engine.core.progress import Progress, silent

if TYPE_CHECKING:
    from ctypes import c_longlong

T = TypeVar("T")

#: A task that is asked to stop does so in under a second; a process that does not end by then is killed.
END_WITHIN_S = 5.0

#: A worker that has had nothing to do for so long gives the memory back that it kept for the next task.
IDLE_S = 5.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A task with its number, which rises, and who waits for it."""

    number: int
    task: Task[Any]
    report: Progress
    future: Future[Any] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Told:
    """Progress of the task that runs."""

    fraction: float
    stage: str


@dataclass(frozen=True, slots=True)
class _Ended:
    """What became of the task that ran."""

    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Worker:
    """One process with our end of its pipe."""

    process: BaseProcess
    pipe: Connection


class LocalWorkers:
    """`Workers` of one process. A process that dies is started again, and its task tried again.

    `first` is the module that it imports before the first task, of which that takes longer than the task itself.
    `gives_way`: to whatever else wants the processor, as is right for tasks of many seconds.
    """

    def __init__(self, retries: int, first: str = "engine.app.pipeline", *, gives_way: bool = True) -> None:
        self._first = first
        self._gives_way = gives_way
        self._context = multiprocessing.get_context("spawn")
        self._retries = retries
        #: Number of the newest task that was asked to stop while it ran. Shared with the process, which looks often.
        self._stopped = self._context.RawValue("q", 0)
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._submitted = 0
        self._open: dict[int, _Waiting] = {}
        self._worker = self._new_worker()
        self._thread = threading.Thread(target=self._run, name="worker-feed", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process that works, or worked last."""
        return self._worker.process.pid

    def submit(self, task: Task[T], report: Progress = silent) -> Handle[T]:
        """As `Workers.submit`."""
        self._submitted += 1
        waiting = _Waiting(self._submitted, task, report)
        self._open[waiting.number] = waiting
        self._queue.put(waiting)
        return Handle(waiting.future, lambda: self._cancel(waiting))

    def close(self) -> None:
        """As `Workers.close`."""
        for waiting in tuple(self._open.values()):
            self._cancel(waiting)
        self._queue.put(None)
        self._thread.join(END_WITHIN_S)
        self._worker.pipe.close()
        self._worker.process.join(END_WITHIN_S)
        if self._worker.process.is_alive():
            self._worker.process.kill()
            self._worker.process.join()

    def _cancel(self, waiting: _Waiting) -> None:
        if not waiting.future.cancel():
            self._stopped.value = max(self._stopped.value, waiting.number)

    def _new_worker(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        arguments = theirs, self._stopped, self._first, self._gives_way
        process = self._context.Process(target=_work, args=arguments, name="worker", daemon=True)
        start_child(process)
        theirs.close()
        return _Worker(process, ours)

    def _run(self) -> None:
        while (waiting := self._queue.get()) is not None:
            if waiting.future.set_running_or_notify_cancel():
                self._do(waiting)
            del self._open[waiting.number]

    def _do(self, waiting: _Waiting) -> None:
        for _ in range(self._retries + 1):
            try:
                ended = self._asked(waiting)
            except (EOFError, OSError):  # the process is gone, and its end of the pipe with it
                self._worker.process.join()  # it may still be on its way out
                if self._stopped.value == waiting.number:
                    ended = _Ended(error=Cancelled("cancelled"))
                    break
            except Exception as error:  # what does not travel through a pipe: the two ends no longer agree
                self._worker.process.kill()
                ended = _Ended(error=error)
                break
            else:
                break
        else:
            ended = _Ended(error=WorkerLost(self._retries + 1))
        if ended.error is not None:
            waiting.future.set_exception(ended.error)
        else:
            waiting.future.set_result(ended.value)

    def _asked(self, waiting: _Waiting) -> _Ended:
        """Hand a task to the process, and pass its reports on until it ends.

        Raises:
            EOFError, OSError: the process died.
        """
        if not self._answers():
            self._worker.pipe.close()
            self._worker = self._new_worker()
        self._worker.pipe.send((waiting.number, waiting.task))
        while True:
            message: _Told | _Ended = self._worker.pipe.recv()
            if isinstance(message, _Ended):
                return message
            waiting.report(message.fraction, message.stage)

    def _answers(self) -> bool:
        """Whether the process is there: one that died while it waited costs no task a try."""
        try:
            self._worker.pipe.send(None)
            self._worker.pipe.recv()
        except (EOFError, OSError):
            return False
        return True


def _work(pipe: Connection, stopped: c_longlong, first: str, gives_way: bool) -> None:
    """The process: does tasks until the other end of its pipe is closed."""
    if gives_way:
        give_way()
    look_rarely()
    threading.Thread(target=end_with_the_server, name="server-watch", daemon=True).start()
    importlib.import_module(first)

    has_worked = False
    with contextlib.suppress(EOFError, OSError):
        while True:
            if has_worked and not pipe.poll(IDLE_S):
                give_back()
                has_worked = False
            asked = pipe.recv()
            if asked is None:
                pipe.send(None)
                continue
            number, task = asked
            has_worked = True
            try:
                ended = _Ended(task(_Reporter(pipe, stopped, number)))
            except Exception as error:  # whatever a task raises is its failure, and not this process's end
                ended = _Ended(error=error)
            _send(pipe, ended)


def _send(pipe: Connection, ended: _Ended) -> None:
    """Say how a task ended; values and errors that cannot be pickled, in words."""
    try:
        pipe.send(ended)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        pipe.send(_Ended(error=RuntimeError(f"{ended.error or 'the result'}, which cannot be sent: {error}")))


class _Reporter:
    """Progress that goes to the server, and the place where a task learns that it is cancelled."""

    def __init__(self, pipe: Connection, stopped: c_longlong, number: int) -> None:
        self._pipe, self._stopped, self._number = pipe, stopped, number
        self._lock = threading.Lock()  # steps that run side by side report from threads of their own
        self._throttle = Throttle()
        self(0.0, "starting")

    def __call__(self, fraction: float, stage: str) -> None:
        if self._stopped.value == self._number:
            raise Cancelled("cancelled")
        with self._lock:
            if self._throttle.is_due(stage):
                self._pipe.send(_Told(min(max(fraction, 0.0), 1.0), stage))
