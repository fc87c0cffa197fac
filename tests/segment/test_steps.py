"""Steps: laws, known answers, and the same result from the kernels as from torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import cc3d
import edt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.segment.steps import (
    around,
    components,
    distance,
    flood,
    histogram,
    holes,
    layout,
    morphology,
    resample,
    threshold,
)
from tests.segment.masks import masks

STEPS = (components, distance, flood, histogram, morphology, resample, threshold)
SPACINGS = st.sampled_from([(1.0, 1.0, 1.0), (0.7, 1.3, 2.0), (0.8, 0.8, 5.0)])
CONNECTIVITIES = st.sampled_from([4, 6, 18, 26])


@contextmanager
def as_on_a_device() -> Iterator[None]:
    """Steps take the path of a GPU, on the CPU."""
    patches = [mock.patch.object(step, "on_host", return_value=False) for step in STEPS]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def both(step: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The step's result by kernel and by torch."""
    kernel = step()
    with as_on_a_device():
        return kernel, step()


@given(masks(), CONNECTIVITIES)
def test_components_are_the_same_by_runs_and_by_pointer_jumping(mask: torch.Tensor, connectivity: int) -> None:
    kernel, anywhere = both(lambda: components.components(mask, connectivity=connectivity)[0])
    assert torch.equal(kernel, anywhere)


@given(masks(), st.sampled_from([6, 18, 26]))
def test_components_are_those_of_cc3d(mask: torch.Tensor, connectivity: int) -> None:
    ours, count = components.components(mask, connectivity=connectivity)
    # Room for its union-find: cc3d 4.1 estimates too little for a row that starts and ends with a voxel, and raises.
    array = np.pad(mask.numpy(), 1)
    theirs = cc3d.connected_components(array, connectivity=connectivity)  # type: ignore[call-overload]  # wants literals
    theirs = theirs[1:-1, 1:-1, 1:-1]
    assert count == theirs.max()
    pairs = {(int(a), int(b)) for a, b in zip(ours.reshape(-1), theirs.reshape(-1), strict=True)}
    assert len(pairs) == count + int(0 in theirs)


@given(masks(), CONNECTIVITIES, st.integers(1, 4))
def test_what_is_kept_by_size_agrees_on_every_path(mask: torch.Tensor, connectivity: int, count: int) -> None:
    for step in (
        lambda: components.largest(mask, count, connectivity=connectivity),
        lambda: components.larger_than(mask, count, connectivity=connectivity),
    ):
        kernel, anywhere = both(step)
        assert torch.equal(kernel, anywhere)
        assert not (kernel & ~mask).any()


@given(masks(), st.data(), CONNECTIVITIES)
def test_region_growing_is_idempotent_and_keeps_its_seeds(
    mask: torch.Tensor, data: st.DataObject, connectivity: int
) -> None:
    seeds = data.draw(masks(shape=tuple(mask.shape)))
    grown, anywhere = both(lambda: components.touching(mask, seeds, connectivity=connectivity))
    assert torch.equal(grown, anywhere)
    assert not (seeds & mask & ~grown).any()
    assert torch.equal(components.touching(mask, grown, connectivity=connectivity), grown)


def test_an_unknown_connectivity_is_refused() -> None:
    with pytest.raises(InvalidValue, match="connectivity"):
        components.components(torch.zeros((2, 2, 2), dtype=torch.bool), connectivity=8)


@given(masks())
def test_recoded_components_leave_everything_else_alone(mask: torch.Tensor) -> None:
    codes = mask.to(torch.uint8) * 3

    def small(sizes: torch.Tensor) -> torch.Tensor:
        return sizes < 3

    kernel, anywhere = both(lambda: components.relabelled(codes.clone(), 3, 2, small))
    assert torch.equal(kernel, anywhere)
    assert torch.equal(kernel > 0, mask)
    assert torch.equal(kernel == 3, components.larger_than(mask, 3))


@given(masks(), SPACINGS)
def test_distances_are_those_of_edt_on_every_path(mask: torch.Tensor, spacing: tuple[float, float, float]) -> None:
    kernel, anywhere = both(lambda: distance.squared_distance_mm2(mask, spacing))
    torch.testing.assert_close(kernel, anywhere, rtol=1e-5, atol=1e-5)
    theirs = edt.edtsq(np.ascontiguousarray(mask.numpy()), anisotropy=spacing, black_border=False)
    torch.testing.assert_close(kernel, torch.from_numpy(theirs), rtol=1e-5, atol=1e-5)


@given(masks(), st.sampled_from([0.5, 1.0, 2.1, 4.0, 9.0]), SPACINGS)
def test_a_ball_laid_line_by_line_is_all_within_its_radius(
    mask: torch.Tensor, radius: float, spacing: tuple[float, float, float]
) -> None:
    kernel, anywhere = both(lambda: morphology.dilated(mask, radius, spacing))
    assert torch.equal(kernel, anywhere)
    if mask.any():
        assert torch.equal(kernel, distance.within_mm(mask, radius, spacing))


@given(masks(), st.sampled_from([1.0, 2.1, 3.0]), SPACINGS)
def test_opening_and_closing_are_idempotent_and_bracket_the_mask(
    mask: torch.Tensor, radius: float, spacing: tuple[float, float, float]
) -> None:
    opened, closed = morphology.opened(mask, radius, spacing), morphology.closed(mask, radius, spacing)
    assert not (opened & ~mask).any()
    assert not (mask & ~closed).any()
    assert torch.equal(morphology.opened(opened, radius, spacing), opened)
    assert torch.equal(morphology.closed(closed, radius, spacing), closed)


def test_closing_does_not_reach_for_the_border() -> None:
    mask = torch.zeros((12, 12, 12), dtype=torch.bool)
    mask[3:9, 3:9, 3:9] = True
    assert torch.equal(morphology.closed(mask, 5.0, (1, 1, 1)), mask)


@given(masks())
def test_dilation_grows_with_its_radius(mask: torch.Tensor) -> None:
    small, large = morphology.dilated(mask, 1.0, (1, 1, 1)), morphology.dilated(mask, 2.0, (1, 1, 1))
    assert not (mask & ~small).any()
    assert not (small & ~large).any()


@given(masks())
def test_filling_holes_is_idempotent_and_never_takes_away(mask: torch.Tensor) -> None:
    filled = holes.fill_holes(mask)
    assert not (mask & ~filled).any()
    assert torch.equal(holes.fill_holes(filled), filled)
    for axis in range(3):
        by_slice = holes.fill_holes_in_slices(mask, axis)
        assert not (filled & ~by_slice).any()
        assert torch.equal(holes.fill_holes_in_slices(by_slice, axis), by_slice)


def test_a_shell_is_filled_and_a_tube_only_in_its_slices() -> None:
    shell = torch.zeros((7, 7, 7), dtype=torch.bool)
    shell[1:6, 1:6, 1:6] = True
    shell[2:5, 2:5, 2:5] = False
    assert holes.fill_holes(shell).sum() == 125
    tube = shell.clone()
    tube[:, :, :] = shell[:, :, 3:4]
    assert torch.equal(holes.fill_holes(tube), tube)
    assert holes.fill_holes_in_slices(tube, 2).sum() == 7 * 25


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.tuples(*[st.integers(1, 4)] * 3), st.tuples(*[st.integers(1, 9)] * 3))
def test_block_means_and_counts_are_exact_on_every_path(
    seed: int, factors: tuple[int, int, int], shape: tuple[int, int, int]
) -> None:
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randint(-1024, 3000, shape, generator=generator, dtype=torch.int16)
    factors = tuple(min(f, n) for f, n in zip(factors, shape, strict=True))  # type: ignore[assignment]
    kernel, anywhere = both(lambda: resample.block_mean(samples, factors))
    assert torch.equal(kernel, anywhere)
    fi, fj, fk = factors
    assert kernel[0, 0, 0] == samples[:fi, :fj, :fk].to(torch.float64).mean().floor()
    kernel, anywhere = both(lambda: resample.block_fraction(samples > 0, factors))
    assert torch.equal(kernel, anywhere)
    assert resample.enlarged(kernel, factors, shape).shape == samples.shape


def test_a_box_of_blocks_is_that_part_of_all_blocks() -> None:
    samples = torch.arange(11 * 10 * 9, dtype=torch.int16).reshape(11, 10, 9)
    box = ((1, 3), (0, 2), (2, 3))
    kernel, anywhere = both(lambda: resample.block_mean(samples, (3, 3, 3), box))
    assert torch.equal(kernel, resample.block_mean(samples, (3, 3, 3))[1:3, 0:2, 2:3])
    assert torch.equal(kernel, anywhere)


@settings(max_examples=40)
@given(st.integers(0, 2**31), masks(shape=(9, 8, 7)), st.integers(1, 504))
def test_a_flood_reaches_what_is_connected_below_each_level(seed: int, seeds: torch.Tensor, limit: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randint(0, 20, (9, 8, 7), generator=generator, dtype=torch.int16)
    levels = [2, 5, 6, 9, 14]
    reached, volumes = flood.flooded(samples, seeds, levels, limit)
    with as_on_a_device():
        anywhere, same_volumes = flood.flooded(samples, seeds, levels, limit)
    assert volumes == same_volumes
    assert torch.equal(reached, anywhere)
    assert volumes == sorted(volumes)


@given(st.integers(0, 2**31))
def test_labels_are_counted_exactly(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 9, (5, 6, 7), generator=generator, dtype=torch.uint8)
    kernel, anywhere = both(lambda: histogram.label_counts(labels))
    assert torch.equal(kernel, anywhere)
    assert int(kernel.sum()) == labels.numel()


def test_a_threshold_has_no_upper_edge_and_leaves_out_what_is_no_number() -> None:
    samples = torch.tensor([[[1.0, 2.0, float("nan"), 3.0]]])
    assert threshold.between(samples, 2.0, 3.0).tolist() == [[[False, True, False, False]]]
    assert threshold.between(samples).tolist() == [[[True, True, False, True]]]
    whole = torch.arange(24, dtype=torch.int16).reshape(2, 3, 4)
    assert threshold.count_above(whole, 20) == 3


def test_walking_and_indexing_undo_each_other() -> None:
    samples = torch.arange(24).reshape(2, 3, 4)
    assert torch.equal(layout.indexed(layout.walked(samples)), samples)
    assert layout.i_fastest(samples).permute(2, 1, 0).is_contiguous()


def test_what_lies_around_cells_is_counted_in_a_box_whose_edge_goes_on() -> None:
    values = torch.from_numpy(np.random.default_rng(5).integers(-1000, 1000, (7, 6, 5)).astype(np.int16))
    cells = torch.ones(values.shape, dtype=torch.bool).nonzero()
    mean, spread = around.moments(values, cells, around.box((1, 2, 0)))
    padded = np.pad(values.numpy().astype(float), ((1, 1), (2, 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 5, 1))
    assert np.allclose(mean.numpy().reshape(values.shape), windows.mean(axis=(3, 4, 5)))
    assert np.allclose(spread.numpy().reshape(values.shape), windows.std(axis=(3, 4, 5)))
    assert np.array_equal(around.highest(values, (1, 2, 0)).numpy(), windows.max(axis=(3, 4, 5)))


def test_rays_go_to_all_six_sides_as_far_as_asked() -> None:
    values = torch.arange(7 * 7 * 7).reshape(7, 7, 7)
    middle = torch.tensor([[3, 3, 3]])
    seen = [[int(value) for value in ray] for ray in around.rays(values, middle, 4.0, (2.0, 4.0, 1.5))]
    at = [int(values[3, 3, 3]) + step for step in (49, 7, 1)]
    assert [len(ray) for ray in seen] == [2, 2, 1, 1, 3, 3]
    assert [ray[0] for ray in seen[::2]] == at
