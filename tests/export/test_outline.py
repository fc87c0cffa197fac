"""Outlines of masks: whoever fills them gets the mask back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from engine.export.dicom.outline import outlines
from engine.ingest.contour import Window, filled

Mask = NDArray[np.bool_]

any_mask = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def noise(seed: int, smooth: float, share: float, shape: tuple[int, int] = (60, 70)) -> Mask:
    """Blobs with holes, islands in holes, and holes side by side."""
    values: NDArray[np.float64] = gaussian_filter(np.random.default_rng(seed).random(shape), smooth)
    return np.asarray(values > np.quantile(values, 1 - share), dtype=np.bool_)


def by_others(mask: Mask) -> Mask:
    """The outlines of `mask` filled one by one with matplotlib, which knows nothing of even and odd between them."""
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    centres = np.column_stack([columns.ravel(), rows.ravel()])
    inside = [Polygon(contour).contains_points(centres) for contour in outlines(mask)]
    return np.asarray(np.any([np.zeros(mask.size, np.bool_), *inside], axis=0)).reshape(mask.shape)


@settings(max_examples=25)
@given(any_mask)
def test_filling_the_outlines_gives_the_mask(mask: Mask) -> None:
    assert np.array_equal(filled(outlines(mask), Window(0, 0, *mask.shape)), mask)
    assert np.array_equal(by_others(mask), mask)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("smooth", [0.0, 1.0, 3.0])
def test_so_does_filling_those_of_blobs_with_many_holes(smooth: float, share: float) -> None:
    mask = noise(7, smooth, share)
    assert np.array_equal(filled(outlines(mask), Window(0, 0, *mask.shape)), mask)
    assert np.array_equal(by_others(mask), mask)


@settings(max_examples=25)
@given(any_mask)
def test_each_piece_is_one_line_with_its_holes_in_it(mask: Mask) -> None:
    assert len(outlines(mask)) == label(mask)[1]


def test_no_line_passes_within_a_third_of_a_pixel_of_a_centre() -> None:
    mask = noise(5, 1.0, 0.6)
    centres = np.argwhere(np.ones(mask.shape[::-1]))
    for contour in outlines(mask):
        for start, end in zip(contour, np.roll(contour, -1, axis=0), strict=True):
            along = (end - start) @ (end - start)
            share = np.clip((centres - start) @ (end - start) / along, 0, 1) if along else np.zeros(len(centres))
            off = np.linalg.norm(centres - start - share[:, None] * (end - start), axis=1)
            assert off.min() > 1 / 3


def test_a_straight_side_has_no_points_but_its_corners() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[5:35, 10:50] = True
    (contour,) = outlines(mask)
    assert len(contour) == 8  # each corner of the pixels is cut


def test_an_empty_mask_has_no_outline() -> None:
    assert outlines(np.zeros((5, 5), np.bool_)) == []
