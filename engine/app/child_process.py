"""Processes that a server starts: they end with it, and an interrupt is for it to answer."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess


def start_child(process: BaseProcess) -> None:
    """Start `process` deaf to interrupts.

    Ctrl+C goes to every process of a terminal, and the server says what becomes of the others. The signal is masked
    before there is a process, whose imports it could otherwise end with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        process.start()
        return
    resource_tracker.ensure_running()  # else `start` does so, which unmasks interrupts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_the_server() -> None:
    """Runs on a thread of such a process: a server that is killed by force cannot end it."""
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(1)
