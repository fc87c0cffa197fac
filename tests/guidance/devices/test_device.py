"""From an address to what a device says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.devices.device import FORMS, Said, open_device, simulated_device
from guidance.devices.simulated import Arrival, Fault, FaultKind, Scenario, played
from guidance.devices.simulator import gentle
from guidance.track.sample import Sample
from guidance.track.track import Track

WITHIN_S = 20.0
TURNED = "0 -1 0 {} 1 0 0 20 0 0 1 30 0 0 0 1"


@dataclass
class Hours:
    """A clock that only waiting turns on."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


def run(main: Awaitable[Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, WITHIN_S))


def written(folder: Path, times_s: tuple[float, ...] = (5.0, 5.5, 6.0)) -> Path:
    lines = ["ObjectType = Image"]
    for n, time_s in enumerate(times_s):
        start = f"Seq_Frame{n:04d}_"
        lines += [
            f"{start}StylusToTrackerTransform = {TURNED.format(n)}",
            f"{start}ClampToTrackerTransform = {TURNED.format(9)}",
            f"{start}ClampToTrackerTransformStatus = INVALID",
            f"{start}Timestamp = {time_s}",
        ]
    file = folder / "recording.igs.mha"
    file.write_text("\n".join([*lines, "ElementDataFile = LOCAL", ""]))
    return file


async def all_of(address: str, hours: Hours) -> list[Said]:
    device = await open_device(address, hours, sleep=hours.sleep)
    return [said async for said in device.said()]


async def until(device: Any, time_s: float, hours: Hours, act: Callable[[Any], None] = lambda _: None) -> list[Said]:
    heard = []
    async for said in device.said():
        heard.append(said)
        act(device)
        if hours.now_s - 100.0 >= time_s:
            await device.close()
    return heard


@pytest.mark.parametrize("address", ["", "tracker", "polaris:COM3", "http://somewhere"])
def test_what_is_no_address_is_answered_with_what_would_be_one(address: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        run(open_device(address, time.monotonic))
    assert all(form in str(caught.value) for form in FORMS)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("igtl:", "names no host"),
        ("igtl://host:high", "[Pp]ort"),
        ("igtl://host/path", "names no host"),
        ("igtl://host?interval_ms=soon", "interval_ms is a number"),
        ("igtl://host?interval_ms=-1", "at most every 1000 ms"),
        ("igtl://host?coordinates=" + "x" * 33, "longer than the 32 bytes"),
        ("igtl://host?colour=red", "no option colour; it has interval_ms, coordinates"),
        ("simulated:?speed=2", "no option speed; it has none"),
        ("recording:file?speed", "not name=value"),
    ],
)
def test_an_address_that_is_wrong_in_part_says_in_which(address: str, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        run(open_device(address, time.monotonic))


def test_a_recording_that_is_not_there_and_a_server_that_is_not_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="No such file"):
        run(open_device(f"recording:{tmp_path / 'gone.mha'}", time.monotonic))
    with pytest.raises(InputRefused, match="No such file"):
        run(open_device(f"simulated:{tmp_path / 'gone.toml'}", time.monotonic))
    with pytest.raises(EnvironmentLacks, match="no OpenIGTLink server answers"):
        run(open_device("igtl://127.0.0.1:1", time.monotonic))
    with pytest.raises(InvalidValue, match="times as fast"):
        run(open_device(f"recording:{written(tmp_path)}?speed=0", time.monotonic))


def test_a_recording_says_what_is_of_one_moment_together_when_it_is_due(tmp_path: Path) -> None:
    heard = run(all_of(f"recording:{written(tmp_path)}", Hours()))
    assert [said.arrival_s for said in heard] == pytest.approx([100.0, 100.5, 101.0])
    assert [[one.thing for one in said.samples] for said in heard] == [["Stylus", "Clamp"]] * 3
    assert [said.samples[0].time_s for said in heard] == pytest.approx([100.0, 100.5, 101.0])
    assert heard[1].samples[1].world_from_thing == Unknown(Why.NO_TOOL, heard[1].samples[1].time_s)
    assert all(said.why is None for said in heard)


def test_a_recording_can_be_played_faster(tmp_path: Path) -> None:
    heard = run(all_of(f"recording:{written(tmp_path)}?speed=4", Hours()))
    assert [said.samples[0].time_s for said in heard] == pytest.approx([100.0, 100.125, 100.25])


def test_a_recording_that_is_closed_ends_in_the_middle_of_a_pause(tmp_path: Path) -> None:
    async def main() -> None:
        device = await open_device(f"recording:{written(tmp_path, (0.0, 3600.0))}", time.monotonic)
        asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(device.close()))
        assert len([said async for said in device.said()]) == 1

    run(main())


def test_what_is_no_tracker_in_the_room_says_so(tmp_path: Path) -> None:
    for address in ("simulated:", f"recording:{written(tmp_path)}"):
        device = run(open_device(address, time.monotonic))
        assert device.is_simulated
        assert str(tmp_path) not in device.name


def test_the_simulated_tracker_has_a_pointer_and_a_reference_that_are_believed() -> None:
    hours = Hours()

    async def main() -> dict[str, Track]:
        tracks = {"Pointer": Track("Pointer"), "Reference": Track("Reference")}
        for said in await until(await open_device("simulated:", hours, sleep=hours.sleep), 2.0, hours):
            for one in said.samples:
                tracks[one.thing] = tracks[one.thing].hear(one)
        return tracks

    for track in run(main()).values():
        assert not isinstance(track.trusted(hours.now_s), Unknown)


def test_live_the_same_scenario_has_the_content_that_it_has_played_at_once() -> None:
    scenario, hours = Scenario(dropout=0.2, faults=(Fault(FaultKind.LATE, 0.5, 1.0, "Pointer", 0.07),)), Hours()
    device = simulated_device(scenario, gentle, hours, sleep=hours.sleep)
    live = [one for said in run(until(device, 1.5, hours)) for one in said.samples]
    at_once = played(scenario, gentle, 2.0)
    assert len(live) > 100
    for one, other in zip(live, at_once[: len(live)], strict=True):
        assert_same_place(one, other)


def assert_same_place(one: Sample, other: Arrival) -> None:
    assert one.thing == other.sample.thing
    assert isinstance(one.world_from_thing, Transform)
    assert isinstance(other.sample.world_from_thing, Transform)
    np.testing.assert_array_equal(one.world_from_thing.matrix, other.sample.world_from_thing.matrix)


def test_a_fault_that_is_injected_spoils_what_comes_after_it() -> None:
    hours = Hours()
    device = simulated_device(Scenario(), gentle, hours, sleep=hours.sleep)

    def act(_: Any) -> None:
        if device.time_s > 0.5 and not device.scenario.faults:
            device.inject(Fault(FaultKind.OCCLUDED, device.time_s, device.time_s + 0.5, "Pointer"))

    unseen = [
        one
        for said in run(until(device, 2.0, hours, act))
        for one in said.samples
        if one.world_from_thing == Unknown(Why.NO_TOOL, one.time_s)
    ]
    assert {one.thing for one in unseen} == {"Pointer"}
    assert 100.5 <= unseen[0].time_s <= 100.55
    assert 101.0 <= unseen[-1].time_s <= 101.05


def test_a_simulated_tracker_that_falls_silent_is_a_line_that_broke_and_then_is_not() -> None:
    hours = Hours()
    scenario = Scenario(faults=(Fault(FaultKind.SILENT, 0.5, 2.5),))
    heard = run(until(simulated_device(scenario, gentle, hours, sleep=hours.sleep), 3.0, hours))
    lost = [n for n, said in enumerate(heard) if said.why is Why.LINK_LOST]
    assert len(lost) == 1
    assert heard[lost[0]].arrival_s == pytest.approx(101.5, abs=0.05)
    assert heard[lost[0] + 1].samples


def test_a_clock_of_the_device_that_is_set_is_told_by_ours() -> None:
    hours = Hours()
    scenario = Scenario(faults=(Fault(FaultKind.CLOCK_STEP, 0.5, 9.0, amount=5.0),))
    heard = run(until(simulated_device(scenario, gentle, hours, sleep=hours.sleep), 1.0, hours))
    assert all(abs(one.time_s - said.arrival_s) < 0.05 for said in heard for one in said.samples)


def test_what_a_fault_makes_late_is_told_as_old_as_it_is_for_as_long_as_it_lasts() -> None:
    hours = Hours()
    scenario = Scenario(faults=(Fault(FaultKind.LATE, 0.5, 3.5, amount=0.4),))
    heard = run(until(simulated_device(scenario, gentle, hours, sleep=hours.sleep), 3.0, hours))
    late = [said.arrival_s - one.time_s for said in heard if said.arrival_s > 101.0 for one in said.samples]
    assert len(late) > 100
    assert min(late) > 0.35


def test_in_real_time_it_says_as_much_as_it_measures() -> None:
    async def main() -> int:
        device = simulated_device(Scenario(hz=200), gentle, time.monotonic)
        times = []
        async for said in device.said():
            times += [one.time_s for one in said.samples if one.thing == "Pointer"]
            if len(times) >= 60:
                await device.close()
        assert np.diff(times) == pytest.approx(1 / 200, abs=1e-6)
        return len(times)

    assert run(main()) >= 60
