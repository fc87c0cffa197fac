"""How many threads are worth starting."""

from __future__ import annotations

import os


def processors() -> int:
    """Processors that this process may use; those of the machine where the system does not tell (macOS)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
