"""Detectability is what theory says in white noise and in coloured, and anatomy makes lesions harder."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from scenarios.lesion.detectability import (
    index_in_noise,
    index_in_place,
    proportion_correct,
    rose_index,
    white_noise_index,
)
from scenarios.lesion.kinds import KINDS
from scenarios.lesion.prior import prior

BAND = np.array([4.0, 4.0, 4.0])


@pytest.mark.parametrize(
    ("index", "correct"), [(0.5, 0.6382), (1.0, 0.7602), (1.5, 0.8556), (2.0, 0.9214), (2.5, 0.9615), (3.0, 0.9831)]
)
def test_the_area_of_two_choices_follows_from_the_index(index: float, correct: float) -> None:
    assert proportion_correct(index) == pytest.approx(correct, abs=5e-5)


def test_a_matched_filter_a_uniform_lesion_and_a_flat_spectrum_agree() -> None:
    signal = np.zeros((16, 16, 16))
    signal[4:9, 5:9, 6:10] = 12.0
    expected = rose_index(12.0, 30.0, 80)
    assert white_noise_index(signal, 30.0) == pytest.approx(expected)
    assert index_in_noise(signal, np.full(signal.shape, 30.0**2)) == pytest.approx(expected)


def test_in_coloured_noise_the_observer_does_as_well_as_simulation_says() -> None:
    rng = np.random.default_rng(0)
    shape = (24, 24)
    signal = gaussian_filter(np.pad(np.full((5, 5), 1.0), ((9, 10), (9, 10))), 1.0)
    filter_ = np.abs(np.fft.fftn(gaussian_filter(np.pad(np.ones((1, 1)), ((12, 11), (12, 11))), 1.2)))
    noise = np.real(np.fft.ifftn(np.fft.fftn(rng.normal(size=(6000, *shape)), axes=(1, 2)) * filter_, axes=(1, 2)))
    sums = (noise * signal).sum(axis=(1, 2))
    assert index_in_noise(signal, filter_**2) == pytest.approx((signal**2).sum() / sums.std(), rel=0.04)


def test_anatomy_makes_a_lesion_harder_than_its_noise_alone() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(60, 60, 60)) * 10.0
    vessels = gaussian_filter(rng.normal(size=noise.shape), 2.0)
    vessels *= 40.0 / vessels.std()
    signal = gaussian_filter(np.pad(np.full((5, 5, 5), 50.0), 3), 0.6)
    organ = np.ones(noise.shape, bool)
    plain = index_in_place(signal, noise, organ, np.random.default_rng(2), band_voxels=BAND)
    busy = index_in_place(signal, noise + vessels, organ, np.random.default_rng(2), band_voxels=BAND)
    assert plain is not None
    assert busy is not None
    assert plain == pytest.approx(white_noise_index(signal, 10.0), rel=0.3)
    assert busy < 0.5 * plain


def test_an_organ_too_small_for_the_lesion_tells_nothing() -> None:
    organ = np.zeros((20, 20, 20), bool)
    organ[0, 0, 0] = True
    assert (
        index_in_place(np.ones((5, 5, 5)), np.zeros(organ.shape), organ, np.random.default_rng(0), band_voxels=BAND)
        is None
    )


def test_an_e_fold_of_diameter_is_worth_what_it_was_to_readers() -> None:
    """d' goes as the 1.5th power of diameter: from 3 to 6 mm the logit falls as .661 rises to .838."""
    kind = KINDS["solid-nodule"]
    small, large = (prior(kind, d**1.5, d, kind.contrast, 1000.0).logit for d in (3.0, 6.0))
    gain = np.log(0.838 / 0.162) - np.log(0.661 / 0.339)
    assert small - large == pytest.approx(gain, abs=0.02)


def test_smaller_fainter_and_lookalikes_are_harder_and_nothing_is_beyond_the_scale() -> None:
    kind = KINDS["subdural-haematoma"]
    usual = prior(kind, None, 8.0, kind.contrast, 1000.0).logit
    assert prior(kind, None, 4.0, kind.contrast, 1000.0).logit > usual
    assert prior(kind, None, 8.0, 0.5 * kind.contrast, 1000.0).logit > usual
    assert prior(KINDS["solid-nodule"], 1e-9, 1.0, 1.0, 1000.0).logit == 3.0
    assert prior(KINDS["solid-nodule"], 1e9, 1.0, 1.0, 1000.0).logit == -3.0
