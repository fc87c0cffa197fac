"""Words beside a thing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.xr.label import CAP_RAD, age_of, label_at
from engine.xr.tool import FADED_OPACITY, DrawnTool, ToolSample

places = st.tuples(*[st.floats(-2, 2)] * 3).map(np.array)


@given(places, places)
def test_words_face_the_eyes_and_are_as_high_to_them_wherever_they_stand(at_m: Float64, eyes_m: Float64) -> None:
    back = eyes_m - at_m
    away_m = float(np.linalg.norm(back))
    assume(away_m > 0.1 and np.hypot(back[0], back[2]) > 0.05)
    label = label_at("words", at_m, eyes_m)
    assert 2 * np.arctan(label.cap_m / 2 / away_m) == pytest.approx(CAP_RAD)
    assert label.world_from_label[:3, 2] @ back / away_m == pytest.approx(1.0)
    assert label.world_from_label[1, 3] > at_m[1]


@pytest.mark.parametrize(("opacity", "said"), [(1.0, None), (FADED_OPACITY, "Probe: 0.4 s old")])
def test_the_age_of_a_tool_is_told_while_it_is_faded(opacity: float, said: str | None) -> None:
    sample = ToolSample(1, 0.0, np.zeros(3), np.eye(3), name="Probe")
    assert age_of(DrawnTool(sample, opacity, 0.0, 0.42)) == said
