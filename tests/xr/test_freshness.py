"""How old what stands still may be."""

from __future__ import annotations

import pytest

from engine.xr.freshness import FADED, scene_strength


@pytest.mark.parametrize(
    ("silence_s", "in_the_room", "over_the_patient"),
    [(0.0, 1.0, 1.0), (2.0, 1.0, 1.0), (2.1, FADED, FADED), (6.0, FADED, FADED), (6.1, FADED, 0.0), (1e6, FADED, 0.0)],
)
def test_what_is_old_is_faded_and_over_a_patient_it_is_gone(
    silence_s: float, in_the_room: float, over_the_patient: float
) -> None:
    assert scene_strength(silence_s, over_patient=False) == in_the_room
    assert scene_strength(silence_s, over_patient=True) == over_the_patient
