"""Memory that a process holds without needing it."""

from __future__ import annotations

import ctypes
import gc
import platform


def give_back() -> None:
    """Let the system have what was let go of. malloc keeps it for the next time, and a worker may have none for hours.

    With other C libraries than glibc (`malloc_trim`, malloc_trim(3)) nothing happens.
    """
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
