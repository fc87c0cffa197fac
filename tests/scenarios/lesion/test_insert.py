"""A lesion is as large, as bright, as sharp and as noisy as it should be, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from engine.core.errors import InvalidValue
from scenarios.lesion.insert import insert

SPACING = np.array([0.8, 0.8, 1.5])
SHAPE = (72, 72, 40)
BLUR = np.array([0.7, 0.7, 0.9])


def ball(radius_mm: float, shape: tuple[int, int, int] = SHAPE, spacing: np.ndarray = SPACING) -> np.ndarray:
    """Share of each voxel within a ball at the middle, by five points along each axis of it."""
    fine = [(np.arange(5 * n) / 5 + 0.1 - n / 2) * step for n, step in zip(shape, spacing, strict=True)]
    inside = fine[0][:, None, None] ** 2 + fine[1][:, None] ** 2 + fine[2] ** 2 <= radius_mm**2
    a, b, c = shape
    return np.asarray(inside.reshape(a, 5, b, 5, c, 5).mean(axis=(1, 3, 5)), np.float32)


def noisy(seed: int, sd: float = 20.0) -> np.ndarray:
    """Correlated noise about 40 HU, as a soft kernel leaves it."""
    white = np.random.default_rng(seed).normal(size=SHAPE)
    soft = gaussian_filter(white, 0.8)
    return np.asarray(40.0 + sd * soft / soft.std())


def test_volume_and_contrast_are_as_asked_within_two_percent() -> None:
    share = ball(8.0)
    flat = np.full(SHAPE, 40.0)
    made = insert(flat, SPACING, share, 70.0, BLUR)
    assert made.volume_mm3 == pytest.approx(4 / 3 * np.pi * 8.0**3, rel=0.02)
    assert made.contrast == pytest.approx(30.0, rel=0.02)
    assert made.mask.sum() * np.prod(SPACING) == pytest.approx(made.volume_mm3, rel=0.02)
    # Blur moves nothing in or out: what was added is the contrast times the volume.
    added = (np.asarray(made.samples) - flat).sum() * np.prod(SPACING)
    assert added == pytest.approx(30.0 * made.volume_mm3, rel=0.02)
    middle = tuple(n // 2 for n in SHAPE)
    assert made.samples[middle] == pytest.approx(70.0, abs=0.1)


def test_its_edge_spreads_as_the_scanner_spreads_it() -> None:
    """A half space: across its border the samples follow the integral of the point spread."""
    share = np.zeros(SHAPE, np.float32)
    share[: SHAPE[0] // 2] = 1.0
    made = insert(np.zeros(SHAPE), SPACING, share, 100.0, BLUR)
    line = np.asarray(made.samples)[:, SHAPE[1] // 2, SHAPE[2] // 2]
    at_mm = (np.arange(SHAPE[0]) - (SHAPE[0] // 2 - 0.5)) * SPACING[0]
    near = np.abs(at_mm) < 6.0
    np.testing.assert_allclose(
        line[near], 100.0 * ndtr(-at_mm[near] / np.hypot(BLUR[0], SPACING[0] / 12**0.5)), atol=2.5
    )


def test_the_noise_within_is_the_noise_that_was_there() -> None:
    share = ball(12.0)
    inside = share == 1.0
    within, before = [], []
    for seed in range(6):
        volume = noisy(seed)
        made = np.asarray(insert(volume, SPACING, share, 90.0, BLUR).samples)
        trend = np.asarray(insert(gaussian_filter(volume, 4.0 / SPACING), SPACING, share, 90.0, BLUR).samples)
        within.append((made - trend)[inside])
        before.append((volume - gaussian_filter(volume, 4.0 / SPACING))[inside])
    ratio = np.var(np.concatenate(within)) / np.var(np.concatenate(before))
    assert ratio == pytest.approx(1.0, abs=0.05)


def test_every_voxel_beyond_its_reach_is_as_it_was_in_its_own_type() -> None:
    volume = noisy(1).astype(np.int16)
    made = insert(volume, SPACING, ball(5.0), 120.0, BLUR)
    assert made.samples.dtype == np.int16
    changed = np.asarray(made.samples) != volume
    reach_mm = 5.0 + 4 * BLUR.max() + SPACING.max()
    grids = np.meshgrid(*[(np.arange(n) + 0.5 - n / 2) * s for n, s in zip(SHAPE, SPACING, strict=True)], indexing="ij")
    away = np.sqrt(sum(grid**2 for grid in grids))
    assert changed[away < 4.0].mean() > 0.95
    assert not changed[away > reach_mm * 1.8].any()


def test_a_lesion_at_the_edge_of_the_volume_is_put_in_as_far_as_it_goes() -> None:
    share = np.roll(ball(5.0), SHAPE[0] // 2, axis=0)
    share[SHAPE[0] // 2 :] = 0.0
    made = insert(np.zeros(SHAPE), SPACING, share, 50.0, BLUR)
    assert made.volume_mm3 == pytest.approx(2 / 3 * np.pi * 5.0**3, rel=0.05)


def test_what_is_no_lesion_is_refused() -> None:
    empty = np.zeros(SHAPE)
    for share in (np.zeros(SHAPE, np.float32), np.full(SHAPE, 1.5, np.float32), np.zeros((2, 2, 2), np.float32)):
        with pytest.raises(InvalidValue):
            insert(empty, SPACING, share, 50.0, BLUR)
