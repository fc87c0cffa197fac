"""A Ray of this machine: what it opens, what it writes, and what it leaves behind."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

import psutil
import pytest

from engine.app.private_folder import PREFIX
from engine.app.workers import new_workers
from tests.app.tasks import Indiscreet, require_ray

WITHIN_S = 60


def listening() -> set[str]:
    """Addresses at which this process and those that it started listen."""
    own = psutil.Process()
    processes = [own, *own.children(recursive=True)]
    return {c.laddr.ip for p in processes for c in p.net_connections("tcp") if c.status == psutil.CONN_LISTEN}


def test_a_ray_of_this_machine_stays_on_it_says_nothing_of_patients_and_leaves_nothing() -> None:
    require_ray()
    handler = signal.getsignal(signal.SIGTERM)
    before = set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    others = set(psutil.Process().children(recursive=True))
    workers = new_workers("ray", retries=1)
    try:
        (folder,) = set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")) - before
        with pytest.raises(ValueError, match="Doe"):
            workers.submit(Indiscreet("Doe^Jane")).future.result(WITHIN_S)
        assert {address.removeprefix("::ffff:") for address in listening()} <= {"127.0.0.1", "::1"}
        logs = [path for path in folder.rglob("*") if path.is_file()]
        assert len(logs) > 3
        assert not [path for path in logs if b"Doe^Jane" in path.read_bytes()]
        assert signal.getsignal(signal.SIGTERM) is handler
        processes = set(psutil.Process().children(recursive=True)) - others
    finally:
        workers.close()
    assert not folder.exists()
    assert not psutil.wait_procs(processes, timeout=WITHIN_S)[1]
