"""What a device says, kept, and read back as it was said."""

from __future__ import annotations

import asyncio
import csv
import errno
import os
import re
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import EnvironmentLacks, InputRefused
from engine.core.frame import WORLD
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.devices.device import Said, open_device, simulated_device
from guidance.devices.recorded import Recorded
from guidance.devices.replay import Replay
from guidance.devices.sequence_file import read_sequence
from guidance.devices.sequence_writer import SequenceWriter
from guidance.devices.simulated import Fault, FaultKind, Scenario
from guidance.devices.simulator import gentle
from guidance.register.rigid_fit import turn
from guidance.track.sample import Sample, thing_frame
from tests.guidance.devices.test_device import Hours

QUIET = Scenario()
THINGS = ("Stylus", "Stylus 1", "Stylus_1", "StylusToTracker", "nadel-ß", "x" * 20)


@st.composite
def samples(draw: st.DrawFn, arrival_s: float) -> Sample:
    thing = draw(st.sampled_from(THINGS))
    time_s = arrival_s - draw(st.sampled_from((0.0, 0.01, 1 / 3)))
    if draw(st.booleans()):
        return Sample(thing, Unknown(draw(st.sampled_from(Why)), time_s), time_s)
    numbers = st.floats(-3000, 3000, allow_subnormal=False)
    at = np.array(draw(st.tuples(numbers, numbers, numbers)))
    about = np.array(draw(st.tuples(*[st.floats(0.1, 2)] * 3)))
    return Sample(thing, Transform.rigid(WORLD, thing_frame(thing), turn(about), at), time_s)


@st.composite
def words_of_a_device(draw: st.DrawFn) -> list[Said]:
    gaps = draw(st.lists(st.floats(1e-3, 2.0), min_size=1, max_size=6))
    made = []
    for arrival_s in accumulate(gaps, initial=1e6):
        why = draw(st.none() | st.sampled_from(Why))
        said = draw(st.lists(samples(arrival_s), max_size=4, unique_by=lambda one: one.thing))
        made.append(
            Said(arrival_s, tuple(said), why, draw(st.sampled_from(("", "the camera is warm", "à = b; Seq_Frame0"))))
        )
    return made


def kept(path: Path, words: list[Said]) -> Path:
    file = path / f"{len(list(path.iterdir()))}.igs.mha"
    with SequenceWriter(file) as writer:
        for said in words:
            writer.append(said)
    return file


def assert_same_sample(one: Sample, other: Sample) -> None:
    assert (one.thing, one.time_s) == (other.thing, other.time_s)
    if isinstance(one.world_from_thing, Unknown):
        assert one.world_from_thing == other.world_from_thing
    else:
        assert isinstance(other.world_from_thing, Transform)
        assert one.world_from_thing.close(other.world_from_thing, tolerance=1e-8)


@settings(max_examples=25)
@given(words=words_of_a_device().filter(lambda words: any(said.samples for said in words)))
def test_what_was_said_is_read_back_as_it_was_said(words: list[Said], tmp_path_factory: pytest.TempPathFactory) -> None:
    read = read_sequence(kept(tmp_path_factory.mktemp("kept"), words))
    assert not read.left_out
    assert len(read.said) == len(words)
    for one, other in zip(read.said, words, strict=True):
        assert (one.arrival_s, one.why, one.words) == (other.arrival_s, other.why, other.words)
        assert len(one.samples) == len(other.samples)
        for a, b in zip(
            sorted(one.samples, key=lambda s: s.thing), sorted(other.samples, key=lambda s: s.thing), strict=True
        ):
            assert_same_sample(a, b)


def hear(count: int, scenario: Scenario = QUIET, path: Path | None = None) -> list[Said]:
    """The first words of the simulated tracker, kept where a path is given."""
    hours = Hours()

    async def main() -> list[Said]:
        device = simulated_device(scenario, gentle, hours, sleep=hours.sleep)
        listened = device if path is None else Recorded(device, SequenceWriter(path))
        heard = []
        async for said in listened.said():
            heard.append(said)
            if len(heard) == count:
                await listened.close()
        return heard

    return asyncio.run(main())


def test_a_recording_is_replayed_with_the_latencies_the_losses_and_the_states_that_it_was_made_with(
    tmp_path: Path,
) -> None:
    scenario = Scenario(faults=(Fault(FaultKind.OCCLUDED, 0.3, 0.6, "Pointer"), Fault(FaultKind.SILENT, 0.8, 2.2)))
    file = tmp_path / "live.igs.mha"
    live, hours = hear(70, scenario, file), Hours()

    async def main() -> list[Said]:
        return [said async for said in Replay(read_sequence(file), hours, sleep=hours.sleep).said()]

    again = asyncio.run(main())
    assert [said.why for said in again] == [said.why for said in live]
    assert Why.LINK_LOST in [said.why for said in again]
    for one, other in zip(again, live, strict=True):
        assert one.arrival_s - again[0].arrival_s == pytest.approx(other.arrival_s - live[0].arrival_s, abs=1e-4)
        for a, b in zip(one.samples, other.samples, strict=True):
            assert one.arrival_s - a.time_s == pytest.approx(other.arrival_s - b.time_s, abs=1e-4)
            assert a.is_known == b.is_known


def test_the_file_is_whole_after_every_word(tmp_path: Path) -> None:
    file = tmp_path / "x.igs.mha"
    with SequenceWriter(file) as writer:
        for n, said in enumerate(hear(5)):
            writer.append(said)
            text = file.read_text()
            assert text.endswith("\nElementDataFile = LOCAL\n")
            assert text.count("ElementDataFile") == 1
            assert re.search(rf"^DimSize = 0 0 {n + 1} *$", text, re.MULTILINE)
            assert len(read_sequence(file).said) == n + 1


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.guidance.devices.test_sequence_writer import hear
from guidance.devices.sequence_writer import SequenceWriter
writer = SequenceWriter(Path(sys.argv[1]))
for said in hear(50):
    writer.append(said)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_who_is_killed_leaves_everything_that_was_said(tmp_path: Path) -> None:
    file = tmp_path / "x.igs.mha"
    ended = subprocess.run([sys.executable, "-c", KILLED, file], check=False, timeout=120)
    assert ended.returncode == -9
    assert len(read_sequence(file).said) == 50


def test_a_recording_never_takes_the_place_of_another(tmp_path: Path) -> None:
    file = kept(tmp_path, hear(2))
    before = file.read_bytes()
    with pytest.raises(InputRefused, match="is there already"):
        SequenceWriter(file)
    assert file.read_bytes() == before
    with pytest.raises(EnvironmentLacks, match="No such file"):
        SequenceWriter(tmp_path / "nowhere" / "x.igs.mha")


def test_a_full_disk_ends_the_recording_and_not_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, left = tmp_path / "x.igs.mha", 20
    write = os.pwrite

    def full(fd: int, data: bytes, at: int) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data, at)

    monkeypatch.setattr(os, "pwrite", full)
    assert len(hear(50, path=file)) == 50
    assert 0 < len(read_sequence(file).said) < 20


def test_a_recording_may_be_of_a_device_in_words(tmp_path: Path) -> None:
    """Nothing that a device says of itself can break the file."""
    said = hear(1)[0]
    odd = Said(said.arrival_s, said.samples, Why.DEVICE, "two\nlines\r\nElementDataFile = LOCAL\nSeq_Frame0000_x = 1")
    assert read_sequence(kept(tmp_path, [odd])).said[0].words == "two lines ElementDataFile = LOCAL Seq_Frame0000_x = 1"


@pytest.mark.data
def test_an_independent_reader_of_such_files_reads_ours(shared_data: Path, tmp_path: Path) -> None:
    words = hear(20, Scenario(faults=(Fault(FaultKind.OCCLUDED, 0.1, 0.2, "Pointer"),)))
    file = kept(tmp_path, words)
    script = shared_data / "tracking" / "igs2csv.py"
    table = tmp_path / "table.csv"
    subprocess.run([sys.executable, script, file, table], check=True, capture_output=True, timeout=60)
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == len(words) == 20
    for row, said in zip(rows, words, strict=True):
        assert float(row["timestamp"]) == said.samples[0].time_s
        for one in said.samples:
            key = f"{one.thing}ToTrackerTransform"
            assert row[f"{key}_status"] == ("OK" if one.is_known else "INVALID")
            if isinstance(one.world_from_thing, Transform):
                place = [float(row[f"{key}_m{r}{c}"]) for r in range(4) for c in range(4)]
                np.testing.assert_allclose(place, one.world_from_thing.matrix.ravel(), rtol=1e-6, atol=1e-6)


@pytest.mark.data
def test_a_real_recording_written_again_is_the_same_recording(shared_data: Path, tmp_path: Path) -> None:
    read = read_sequence(shared_data / "tracking" / "plus" / "NwirePhantomFreehand.igs.mha")
    again = read_sequence(kept(tmp_path, list(read.said)))
    assert len(again.samples) == len(read.samples) > 100
    for one, other in zip(again.samples, read.samples, strict=True):
        assert_same_sample(one, other)


def test_a_recording_that_was_kept_is_opened_by_its_address(tmp_path: Path) -> None:
    file, hours = kept(tmp_path, hear(30)), Hours()

    async def main() -> int:
        device = await open_device(f"recording:{file}", hours, sleep=hours.sleep)
        return sum([len(said.samples) async for said in device.said()])

    assert asyncio.run(main()) == sum(len(said.samples) for said in hear(30))
