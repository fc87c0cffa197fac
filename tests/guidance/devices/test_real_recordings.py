"""Real recordings, played as devices: the phantom is registered from what comes out at the end of the whole way."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.frame import Frame, FrameKind, patient
from engine.core.transform import Transform
from engine.core.unknown import Unknown
from guidance.devices.device import Said, open_device
from guidance.register.paired import Pair, register
from guidance.register.touch import touches
from guidance.track.track import Track
from tests.guidance.devices.test_device import Hours
from tests.guidance.register.test_real_phantom import TIP_MM

pytestmark = pytest.mark.data


async def believed(file: Path, hours: Hours) -> tuple[list[float], list[Float64]]:
    """Tips in the reference whenever both are believed, as a live session has them."""
    device = await open_device(f"recording:{file}", hours, sleep=hours.sleep)
    tracks = {name: Track(name) for name in ("Stylus", "Reference")}
    times_s, tips = [], []
    async for said in device.said():
        for one in said.samples:
            tracks[one.thing] = tracks[one.thing].hear(one)
        now = [track.trusted(hours()) for track in tracks.values()]
        if any(isinstance(each, Unknown) for each in now):
            continue
        stylus, reference = (track.seen[-1].world_from_thing for track in tracks.values())
        assert isinstance(stylus, Transform)
        assert isinstance(reference, Transform)
        times_s.append(tracks["Stylus"].seen[-1].time_s)
        tips.append((reference.inverse @ stylus).apply(TIP_MM))
    return times_s, tips


def test_the_phantom_is_registered_through_the_device_where_plus_found_it(shared_data: Path) -> None:
    folder = shared_data / "tracking" / "plus"
    times_s, tips = asyncio.run(
        believed(folder / "EightLandmarkPointsTrackedForPhantomRegistration.igs.mha", Hours(0.0))
    )
    assert len(tips) > 980  # of 1000: all but the first two after each doubt
    text = (folder / "PhantomRegistrationLandmarkDetection.results.xml").read_text()
    matrix = re.search(r'From="Phantom" To="Reference"\s+Matrix="([^"]*)"', text)
    assert matrix is not None
    theirs = np.array(matrix[1].split(), float).reshape(4, 4)
    marked = np.array([line.split() for line in re.findall(r'<Landmark Name="#\d" Position="([^"]*)"', text)], float)
    touched = touches(np.array(tips), np.array(times_s))[1:-1]
    pairs = [Pair(f"#{k}", mark, touch.at_mm) for k, (mark, touch) in enumerate(zip(marked, touched, strict=True), 1)]
    made = register(pairs, patient("fCal phantom"), Frame(FrameKind.REFERENCE, "Reference"))
    apart = made.patient_from_tracked.matrix @ theirs
    assert np.degrees(np.arccos((np.trace(apart[:3, :3]) - 1) / 2)) < 0.5
    centre = marked.mean(axis=0)
    assert np.linalg.norm(apart[:3, :3] @ centre + apart[:3, 3] - centre) < 1.3


@pytest.mark.parametrize(
    ("name", "seconds", "unseen"),
    [
        ("NwirePhantomFreehand", None, 97),
        ("ReferenceToRASCalibration", None, 0),
        ("SpinePhantomFreehand", None, 0),
        ("TransformInterpolationTest", None, 2),
        ("EightLandmarkPointsTrackedForPhantomRegistration", 66.606, 0),
    ],
)
def test_every_recording_plays_to_its_end_with_what_it_lost_and_in_its_own_time(
    shared_data: Path, name: str, seconds: float | None, unseen: int
) -> None:
    hours = Hours(0.0)

    async def main() -> list[Said]:
        address = f"recording:{shared_data / 'tracking' / 'plus' / name}.igs.mha"
        device = await open_device(address, hours, sleep=hours.sleep)
        return [said async for said in device.said()]

    heard = asyncio.run(main())
    assert sum(not one.is_known for said in heard for one in said.samples) == unseen
    for said in heard:
        assert all(said.arrival_s - one.time_s == pytest.approx(0.0, abs=1e-4) for one in said.samples)
    if seconds is not None:
        assert hours.now_s == pytest.approx(seconds, abs=0.001)
