"""A session in one file: nothing that was flushed is lost, and a replay says what was said, byte for byte."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app.blobs import BlobFolder
from engine.app.recorder import Recorder
from engine.app.recording import Kind, RecordingFile, records_of
from engine.app.replay import Replay, last_scene
from engine.core.errors import InputRefused
from engine.stream.messages import PutNode, ReplaceScene, SetRegistration
from engine.stream.named_blobs import blobs_of
from engine.stream.pose import Pose
from engine.stream.roles import Role
from engine.stream.scene_log import resumed
from tests.stream.hubs import NotedHub, Visitor
from tests.stream.scenes import scene, surface_node
from tests.stream.test_hub import register

BLOB = b"a surface, as it were" * 50
SHA256 = hashlib.sha256(BLOB).hexdigest()
STILL = (1.0, 0.0, 0.0, 0.0)

records = st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 10**15), st.binary(max_size=200)), max_size=8)


def written(path: Path, content: list[tuple[Kind, int, bytes]]) -> list[int]:
    """Writes records; where each ends."""
    file = RecordingFile(path)
    ends = []
    for kind, time_us, payload in content:
        file.append(kind, time_us / 1e6, payload)
        ends.append(path.stat().st_size)
    file.close()
    return ends


@given(records)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_come_out_as_they_went_in(tmp_path: Path, content: list[tuple[Kind, int, bytes]]) -> None:
    path = tmp_path / "session"
    path.unlink(missing_ok=True)
    written(path, content)
    found = [(record.kind, round(record.time_s * 1e6), record.payload) for record in records_of(path)]
    assert found == content


@given(records, st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_anywhere_keeps_every_whole_record_and_can_be_gone_on_with(
    tmp_path: Path, content: list[tuple[Kind, int, bytes]], data: st.DataObject
) -> None:
    path = tmp_path / "session"
    for old in tmp_path.iterdir():
        old.unlink()
    ends = written(path, content)
    cut = data.draw(st.integers(22, path.stat().st_size))
    lost = path.read_bytes()[cut:]
    with path.open("rb+") as file:
        file.truncate(cut)
    whole = sum(end <= cut for end in ends)
    assert [record.payload for record in records_of(path)] == [payload for *_, payload in content[:whole]]
    written(path, [(Kind.OP, 7, b"afterwards")])
    assert [record.payload for record in records_of(path)] == [p for *_, p in content[:whole]] + [b"afterwards"]
    half = b"".join(rest.read_bytes() for rest in tmp_path.glob("*.rest"))
    assert len(half) + len(lost) == (sum(len(p) + 17 for *_, p in content[whole:]) if whole < len(content) else 0)


def test_what_lies_behind_damage_is_set_aside_and_not_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "session"
    ends = written(path, [(Kind.OP, n, b"x" * 50) for n in range(3)])
    data = bytearray(path.read_bytes())
    data[ends[0] + 20] ^= 1
    path.write_bytes(bytes(data))
    assert len(list(records_of(path))) == 1
    RecordingFile(path).close()
    (rest,) = tmp_path.glob("*.rest")
    assert rest.read_bytes() == bytes(data[ends[0] :])


def test_another_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a recording, and precious")
    with pytest.raises(InputRefused, match="not a recording"):
        RecordingFile(path)
    assert path.read_text() == "not a recording, and precious"


class Session:
    """A hub that is recorded, with somebody who looks."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 1000.0
        self.folder = folder
        self.path = folder / "session"
        self.blobs = BlobFolder(folder / "blobs")
        self.blobs.put(BLOB)
        self.failures: list[str] = []
        self.hub = NotedHub()
        self.file = RecordingFile(self.path)
        self.recorder = Recorder(self.file, self.blobs.path, lambda: self.now_s, self.failures.append, frozenset())
        self.recorder.start(self.hub.log)
        self.hub.on_entry.append(self.recorder.hear_entry)
        self.hub.on_pose.append(self.recorder.hear_pose)
        self.hub.on_anew.append(self.recorder.start)
        self.viewer = Visitor(self.hub, Role.VIEWER, self.now_s)

    def close(self) -> None:
        self.recorder.close()
        self.file.close()


def with_blob(name: str) -> Any:
    node = surface_node(name)
    return node.model_copy(update={"lods": (node.lods[0].model_copy(update={"blob": SHA256}),)})


def ops(visitor: Visitor) -> list[str]:
    """Texts of numbered ops as they went out."""
    found = []
    while (text := visitor.peer.next_message()) is not None:
        if isinstance(text, str) and json.loads(text)["type"] == "op":
            found.append(text)
    return found


def replayed(path: Path, folder: Path, speed: float = 1000.0) -> tuple[NotedHub, list[str], list[tuple[float, Pose]]]:
    """What somebody is told who watches a recording from its first moment; poses with when they came."""
    hub = NotedHub(epoch="replay")
    viewer = Visitor(hub, Role.VIEWER, 0.0)
    shown: list[tuple[float, Pose]] = []

    async def watch() -> list[str]:
        clock = asyncio.get_running_loop().time
        hub.on_pose.append(lambda pose: shown.append((clock(), pose)))
        await Replay(path, folder, hub, clock).play(speed)
        return ops(viewer)

    return hub, asyncio.run(watch()), shown


def test_a_replay_is_the_live_stream_byte_for_byte_and_ends_in_the_same_scene(tmp_path: Path) -> None:
    session = Session(tmp_path)
    rng = random.Random(3)
    session.hub.publish(ReplaceScene(scene=scene("a", "b")))
    for _ in range(60):
        session.now_s += rng.random() / 50
        session.hub.publish(PutNode(node=with_blob(f"n{rng.randrange(9)}")))
    surgeon = Visitor(session.hub, Role.SURGEON, session.now_s)
    register(surgeon)
    session.close()
    live = ops(session.viewer)
    assert len(live) == 62
    hub, again, _ = replayed(session.path, tmp_path / "replay")
    assert again == live
    assert hub.log.scene == session.hub.log.scene
    assert BlobFolder(tmp_path / "replay" / "blobs").path(SHA256) is not None


def test_a_state_that_no_op_led_to_is_recorded_whole(tmp_path: Path) -> None:
    """Another hub of the session went on while this one was cut off: numbers jump, and the scene is what it now is."""
    session = Session(tmp_path)
    session.hub.publish(ReplaceScene(scene=scene("a")))
    session.hub.log.skip(session.hub.log.seq + 5)
    session.hub.tell_all_anew()
    session.hub.publish(PutNode(node=with_blob("b")))
    session.close()
    found, held = last_scene(session.path, BlobFolder(tmp_path / "again"))
    assert found == session.hub.log.scene
    assert held == {SHA256}
    hub, _, _ = replayed(session.path, tmp_path / "replay")
    assert (hub.log.scene, hub.log.seq) == (session.hub.log.scene, session.hub.log.seq)


def test_a_recording_that_begins_in_the_middle_of_a_session_has_what_was_there(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.hub.publish(ReplaceScene(scene=scene("a").model_copy(update={"nodes": (with_blob("a"),)})))
    late = RecordingFile(tmp_path / "late")
    recorder = Recorder(late, session.blobs.path, lambda: 0.0, session.failures.append, frozenset())
    recorder.start(session.hub.log)
    recorder.close()
    late.close()
    session.close()
    found, held = last_scene(late.path, BlobFolder(tmp_path / "again"))
    assert (found, held) == (session.hub.log.scene, frozenset({SHA256}))


def test_poses_of_a_replay_are_as_old_as_they_were_when_they_came(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.hub.publish(ReplaceScene(scene=scene("a")))
    for n in range(10):
        session.now_s += 0.02
        session.hub.pose(Pose(1, session.now_s - 0.004, (float(n), 0.0, 0.0), STILL))
    session.close()
    _, _, shown = replayed(session.path, tmp_path / "replay", speed=1.0)
    assert [pose.position_mm[0] for _, pose in shown] == list(range(10))
    assert all(0.003 < came_s - pose.time_s < 0.030 for came_s, pose in shown)


def test_a_session_goes_on_with_its_scene_and_its_registration_unverified(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.hub.publish(ReplaceScene(scene=scene("a")))
    session.hub.publish(PutNode(node=with_blob("b")))
    tracker = Visitor(session.hub, Role.DEVICE, session.now_s)
    tracker.say({"type": "track", "request": "r", "things": [{"id": "t", "name": "T", "thing": "tool"}]}, 0.0)
    surgeon = Visitor(session.hub, Role.SURGEON, session.now_s)
    register(surgeon)
    surgeon.say({"type": "verify", "request": "v", "scene": "scene", "epoch": 1, "error_mm": 1.0}, 0.0)
    session.close()
    assert session.hub.log.scene is not None
    assert session.hub.log.scene.registration is not None
    assert session.hub.log.scene.registration.verified
    blobs = BlobFolder(tmp_path / "new")
    found, held = last_scene(session.path, blobs)
    assert held == {SHA256}
    assert found is not None
    again = resumed(found)
    assert again.registration is not None
    assert not again.registration.verified
    assert again.registration.epoch == again.registration_epoch == 2
    assert [(node.id, node.registration_epoch) for node in again.nodes] == [("a", 2), ("b", 2)]
    path = blobs.path(SHA256)
    assert path is not None
    assert path.read_bytes() == BLOB


def test_every_blob_that_an_op_needs_stands_before_it(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.hub.publish(ReplaceScene(scene=scene()))
    for _ in range(3):
        session.hub.publish(PutNode(node=with_blob("b")))
    session.close()
    kinds = [record.kind for record in records_of(session.path)]
    assert kinds == [Kind.START, Kind.OP, Kind.BLOB, Kind.OP, Kind.OP, Kind.OP]


def test_blobs_are_found_wherever_a_message_names_them() -> None:
    op = SetRegistration.model_construct()
    assert list(blobs_of(op)) == []
    assert list(blobs_of(ReplaceScene(scene=scene("a", "b")))) == ["0" * 64] * 2


WRITER = """
import resource, sys
from pathlib import Path
from engine.app.recording import Kind, RecordingFile
from engine.app.recorder import Recorder
from tests.stream.hubs import NotedHub
from tests.stream.scenes import scene
from engine.stream.messages import ReplaceScene
from engine.stream.named_blobs import blobs_of
from engine.stream.pose import Pose
import threading, time
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
hub = NotedHub()
file = RecordingFile(Path(sys.argv[1]))
append = file.append
def told(kind, time_s, payload):
    append(kind, time_s, payload)
    print(f"flushed {len(payload)}", flush=True)
file.append = told
recorder = Recorder(file, lambda sha: None, time.time, lambda why: print(f"failed {why}", flush=True), frozenset())
recorder.start(hub.log)
hub.on_entry.append(recorder.hear_entry)
for n in range(100000):
    hub.publish(ReplaceScene(scene=scene("a", "b").model_copy(update={"title": str(n)})))
    time.sleep(0.001)
    if limit and n == 50:
        recorder.close()
        print(f"ops {hub.log.seq}", flush=True)
        break
"""


def test_a_recording_killed_at_any_moment_has_every_event_that_was_flushed(tmp_path: Path) -> None:
    path = tmp_path / "session"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path), "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        flushed = [next(process.stdout) for _ in range(40)]
        process.send_signal(signal.SIGKILL)
        flushed += process.stdout.readlines()
    found = list(records_of(path))
    whole = [line for line in flushed if line.endswith("\n")]
    assert [f"flushed {len(record.payload)}\n" for record in found[: len(whole)]] == whole


def test_a_full_disk_ends_the_recording_and_says_so_and_not_the_session(tmp_path: Path) -> None:
    path = tmp_path / "session"
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), "20000"], capture_output=True, text=True, check=True, timeout=60
    )
    said = done.stdout.splitlines()
    assert sum(line.startswith("failed the recording cannot be written") for line in said) == 1
    assert said[-1] == "ops 51"
    found = list(records_of(path))
    assert len(found) == sum(line.startswith("flushed") for line in said)
    assert path.stat().st_size <= 20000
