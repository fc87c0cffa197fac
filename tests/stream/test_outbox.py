from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.stream.binary import Blob
from engine.stream.messages import Job, JobUpdate, RefusedMessage, Snapshot
from engine.stream.outbox import MOST_AHEAD_BYTES, Outbox
from engine.stream.scene_log import Entry


def op(seq: int, text: str = "op") -> Entry:
    return Entry(seq, text)


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


def test_ops_that_wait_take_no_more_than_their_bytes_and_one_large_op_passes() -> None:
    outbox = Outbox(max_op_characters=10)
    outbox.put(op(1, "x" * 100))
    assert drained(outbox) == [op(1, "x" * 100)]
    outbox.put(op(2, "x" * 6))
    outbox.put(op(3, "x" * 6))
    assert outbox.needs_snapshot
    assert drained(outbox) == []


def test_what_is_in_no_snapshot_is_never_dropped_with_the_ops() -> None:
    outbox = Outbox(max_ops=2)
    refused = RefusedMessage(request="r", summary="no")
    for message in (op(1), refused, op(2)):
        outbox.put(message)
    assert outbox.needs_snapshot
    assert drained(outbox) == [refused]


def test_a_blob_goes_ahead_of_its_op_to_who_is_not_behind() -> None:
    outbox, blob = Outbox(), Blob("ab" * 32, b"surface")
    outbox.put(blob)
    outbox.put(op(1))
    outbox.put(blob)
    outbox.put(op(2))
    assert drained(outbox) == [blob, op(1), op(2)]


def test_a_blob_that_would_hold_up_what_is_tracked_is_left_to_be_fetched() -> None:
    outbox = Outbox()
    outbox.put(Blob("ab" * 32, bytes(MOST_AHEAD_BYTES + 1)))
    assert drained(outbox) == []


def test_a_snapshot_takes_the_place_of_a_blob_too() -> None:
    outbox = Outbox(max_ops=2)
    outbox.put(Blob("ab" * 32, b"surface"))
    for seq in range(3):
        outbox.put(op(seq))
    assert drained(outbox) == []
    assert outbox.needs_snapshot
