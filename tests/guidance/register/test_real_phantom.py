"""A phantom that was registered with a real tracker: eight divots touched one after another (PLUS).

What was established for this recording: the tip at (108.48, 6.96, 3.38) mm, all landmarks touched in order, and a
registration within 0.5° and 1.2 mm of the one that PLUS found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from engine.core.array import Float64
from engine.core.frame import Frame, FrameKind, patient
from engine.core.transform import Transform
from guidance.calibrate.pivot import pivot
from guidance.devices.sequence_file import read_sequence
from guidance.register.paired import Pair, register
from guidance.register.registration import Doubt, RegistrationRefused
from guidance.register.touch import Touch, touches

pytestmark = pytest.mark.data

TIP_MM = np.array([108.48, 6.96, 3.38])
PHANTOM = patient("fCal phantom")
REFERENCE = Frame(FrameKind.REFERENCE, "Reference")


@dataclass(frozen=True)
class Recorded:
    """The stylus in the reference's frame, the landmarks of the phantom, and what PLUS made of it."""

    stylus: tuple[Transform, ...]
    times_s: Float64
    landmarks_mm: Float64
    reference_from_phantom: Float64

    def touched(self) -> tuple[Touch, ...]:
        """The rests in the divots: between a first and a last one elsewhere."""
        return touches(np.array([place.apply(TIP_MM) for place in self.stylus]), self.times_s)[1:-1]

    def pairs(self) -> list[Pair]:
        return [
            Pair(f"#{k + 1}", *both.values())
            for k, both in enumerate(
                {"marked": marked, "touched": touch.at_mm}
                for marked, touch in zip(self.landmarks_mm, self.touched(), strict=True)
            )
        ]


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> Recorded:
    folder = shared_data / "tracking" / "plus"
    recording = read_sequence(folder / "EightLandmarkPointsTrackedForPhantomRegistration.igs.mha")
    stylus = []
    for reference, tool in zip(recording.of("Reference"), recording.of("Stylus"), strict=True):
        assert isinstance(reference.world_from_thing, Transform)
        assert isinstance(tool.world_from_thing, Transform)
        stylus.append(reference.world_from_thing.inverse @ tool.world_from_thing)
    text = (folder / "PhantomRegistrationLandmarkDetection.results.xml").read_text()
    matrix = re.search(r'From="Phantom" To="Reference"\s+Matrix="([^"]*)"', text)
    assert matrix is not None
    return Recorded(
        tuple(stylus),
        np.array([one.time_s for one in recording.of("Stylus")]),
        np.array([line.split() for line in re.findall(r'<Landmark Name="#\d" Position="([^"]*)"', text)], float),
        np.array(matrix[1].split(), float).reshape(4, 4),
    )


def test_all_eight_touches_are_found_in_order(recorded: Recorded) -> None:
    starts = np.searchsorted(recorded.times_s, [touch.start_s for touch in recorded.touched()])
    assert starts == pytest.approx([79, 173, 277, 364, 531, 627, 728, 833], abs=6)


def test_the_phantom_is_registered_where_plus_found_it(recorded: Recorded) -> None:
    made = register(recorded.pairs(), PHANTOM, REFERENCE)
    assert made.fre_mm < 0.6
    apart = made.patient_from_tracked.matrix @ recorded.reference_from_phantom
    assert np.degrees(np.arccos((np.trace(apart[:3, :3]) - 1) / 2)) < 0.5
    centre = recorded.landmarks_mm.mean(axis=0)
    theirs = recorded.reference_from_phantom[:3, :3] @ centre + recorded.reference_from_phantom[:3, 3]
    assert np.linalg.norm(made.patient_from_tracked.inverse.apply(centre) - theirs) < 1.3


def test_a_landmark_left_out_is_found_again_within_what_is_expected_of_it(recorded: Recorded) -> None:
    """Each of eight in turn, as a check point: its error is that of the registration and of the touch itself."""
    pairs = recorded.pairs()
    inside = []
    for k, left_out in enumerate(pairs):
        made = register([*pairs[:k], *pairs[k + 1 :]], PHANTOM, REFERENCE)
        off = made.patient_from_tracked.apply(left_out.touched_mm) - left_out.patient_mm
        assert np.linalg.norm(off) < 1.0
        fle_mm = made.fre_mm / np.sqrt(1 - 2 / 7)
        inside.append(np.linalg.norm(off) < made.expected_error(left_out.patient_mm).radius_mm() + 2 * fle_mm)
    assert np.mean(inside) >= 7 / 8


def test_two_landmarks_taken_for_each_other_are_refused(recorded: Recorded) -> None:
    pairs = recorded.pairs()
    pairs[2], pairs[5] = (
        Pair(pairs[2].name, pairs[2].patient_mm, pairs[5].touched_mm),
        Pair(pairs[5].name, pairs[5].patient_mm, pairs[2].touched_mm),
    )
    with pytest.raises(RegistrationRefused, match="#3 and #6") as caught:
        register(pairs, PHANTOM, REFERENCE)
    assert caught.value.doubt is Doubt.MIXED_UP


def test_the_stylus_is_calibrated_from_its_eight_divots(recorded: Recorded) -> None:
    """Without the phantom's geometry. Nobody turned it for this: it is known less well than by a pivot of its own."""
    divots = [
        [
            place
            for place, time_s in zip(recorded.stylus, recorded.times_s, strict=True)
            if t.start_s <= time_s <= t.end_s
        ]
        for t in recorded.touched()
    ]
    made = pivot(divots)
    assert np.linalg.norm(made.tip_mm - TIP_MM) < 1.5
    assert made.rms_mm < 0.6
