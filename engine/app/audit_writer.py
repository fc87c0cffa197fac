"""The audit log behind a thread of its own: the hub never waits for the disk, and nothing is lost at the end."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.app.audit import AuditLog
from engine.core.errors import EnvironmentLacks
from engine.stream.audit_event import AuditEvent

_Line = tuple[AuditEvent, str, Mapping[str, Any]]


class AuditWriter:
    """Opens the log, writes what is noted in order, and closes it when all of it is on the disk."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            AuditBroken: the log that is there was changed.
            EnvironmentLacks: the log cannot be written.
        """
        try:
            self._log = AuditLog(path)
        except OSError as error:
            raise EnvironmentLacks(
                f"the audit log cannot be opened ({error.strerror})",
                "Set SIGHTLINE_HOME to a folder that can be written.",
            ) from error
        self._lines: queue.SimpleQueue[_Line | None] = queue.SimpleQueue()
        #: Why nothing more can be written down; None while all is well.
        self.failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def note(self, event: AuditEvent, who: str, facts: Mapping[str, Any]) -> None:
        """Write one line; returns at once."""
        self._lines.put((event, who, facts))

    def __enter__(self) -> AuditWriter:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._lines.put(None)
        self._thread.join()
        self._log.close()

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            if self.failure is not None:
                continue  # a log with a hole says less than one that ends
            try:
                self._log.write(*line)
            except OSError as error:
                self.failure = f"the audit log cannot be written ({error.strerror})"
                sys.stderr.write(f"  {self.failure}: nobody else is let in until the server is started again.\n")
