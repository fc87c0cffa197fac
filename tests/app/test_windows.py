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
