"""Memory that nobody needs goes back to the system."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np
import pytest

from engine.app.memory import give_back

MIB = 1 << 20


def held_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is let go of, and can be asked")
def test_what_was_let_go_of_between_things_that_stay_is_given_back() -> None:
    give_back()
    arrays = [np.ones(4096) for _ in range(4096)]  # 128 MiB in pieces that malloc keeps
    stays = arrays[::64]
    arrays.clear()
    before = held_bytes()
    give_back()
    assert held_bytes() < before - 64 * MIB
    assert all(each.sum() == 4096 for each in stays)
