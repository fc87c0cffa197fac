from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.app.windows import window_presets
from engine.core.volume import Quantity


def test_ct_opens_on_soft_tissue_at_40_plus_minus_200() -> None:
    first = window_presets(np.zeros((1, 1, 1), np.int16), Quantity.HOUNSFIELD)[0]
    assert (first.name, first.low, first.high) == ("Soft tissue", -160, 240)


@given(hnp.arrays(np.float32, st.tuples(*[st.integers(1, 4)] * 3), elements=st.floats(-1e5, 1e5, width=32)))
def test_every_window_has_width_whatever_the_image(samples: np.ndarray) -> None:
    assert all(preset.high > preset.low for preset in window_presets(samples, Quantity.ARBITRARY))


def head(brain_hu: float) -> np.ndarray:
    """A ball of soft tissue in a shell of bone, in air, with the noise of a scan."""
    radius = np.linalg.norm(np.indices((40, 40, 40)) - 19.5, axis=0)
    values = np.select([radius < 15, radius < 17], [brain_hu, 900.0], -1000.0)
    return values + np.random.default_rng(0).normal(0, 5, values.shape)


def test_a_head_opens_in_the_brain_window_and_anything_else_does_not() -> None:
    first = [window_presets(head(hu), Quantity.HOUNSFIELD)[0].name for hu in (32.0, 60.0)]
    assert first == ["Brain", "Soft tissue"]
    names = [{preset.name for preset in window_presets(head(hu), Quantity.HOUNSFIELD)} for hu in (32.0, 60.0)]
    assert names[0] == names[1]
