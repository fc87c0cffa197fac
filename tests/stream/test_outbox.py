from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.stream.messages import Job, JobUpdate, NumberedOp, PutNode, Snapshot
from engine.stream.outbox import Outbox
from tests.stream.scenes import surface_node


def op(seq: int) -> NumberedOp:
    return NumberedOp(seq=seq, op=PutNode(node=surface_node()))


def update(job: str, fraction: float) -> JobUpdate:
    return JobUpdate(
        job=Job(id=job, state="running", stage="reading", fraction=fraction, eta_s=None, study="s", series=None)
    )


def drained(outbox: Outbox) -> list[object]:
    taken: list[object] = []
    while (message := outbox.take()) is not None:
        taken.append(message)
    return taken


@given(st.integers(0, 50))
def test_ops_come_out_in_the_order_they_went_in(count: int) -> None:
    outbox = Outbox(max_ops=50)
    messages = [op(seq) for seq in range(count)]
    for message in messages:
        outbox.put(message)
    assert drained(outbox) == messages
    assert not outbox.needs_snapshot


def test_only_the_latest_progress_of_each_job_waits() -> None:
    outbox = Outbox()
    for fraction in (0.1, 0.5, 0.9):
        outbox.put(update("a", fraction))
    outbox.put(update("b", 0.2))
    assert drained(outbox) == [update("a", 0.9), update("b", 0.2)]


def test_ops_leave_before_progress() -> None:
    outbox = Outbox()
    outbox.put(update("a", 0.1))
    outbox.put(op(1))
    assert drained(outbox) == [op(1), update("a", 0.1)]


def test_an_overflow_asks_for_a_snapshot_and_never_leaves_a_gap() -> None:
    outbox = Outbox(max_ops=3)
    for seq in range(1, 6):
        outbox.put(op(seq))
    assert outbox.needs_snapshot
    assert drained(outbox) == []
    snapshot = Snapshot(epoch="e", seq=5, scene=None, jobs=())
    outbox.put(snapshot)
    outbox.put(op(6))
    assert drained(outbox) == [snapshot, op(6)]
