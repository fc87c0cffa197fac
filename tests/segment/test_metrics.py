"""Agreement of masks: known answers, laws, empties."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.segment.metrics import boundary, dice, surface_distances, volume_ml
from tests.segment.masks import masks


def _box(shape: tuple[int, int, int], low: tuple[int, int, int], high: tuple[int, int, int]) -> torch.Tensor:
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def _ball(radius: float, centre: float = 15.0) -> torch.Tensor:
    at = torch.arange(31, dtype=torch.float64) - centre
    return at[:, None, None] ** 2 + at[None, :, None] ** 2 + at[None, None, :] ** 2 <= radius**2


def test_two_voxels_two_millimetres_apart_have_that_distance_and_no_overlap() -> None:
    a, b = _box((4, 4, 4), (1, 1, 1), (2, 2, 2)), _box((4, 4, 4), (2, 1, 1), (3, 2, 2))
    distances = surface_distances(a, b, (2.0, 1.0, 1.0))
    assert dice(a, b) == 0
    assert distances.hausdorff_mm == distances.hausdorff95_mm == pytest.approx(2.0)
    assert distances.dice_at(1.0) == 0
    assert distances.dice_at(2.0) == 1


def test_slabs_of_50_and_51_slices_differ_by_one_slice_of_two_millimetres() -> None:
    a, b = _box((100, 20, 20), (0, 0, 0), (50, 20, 20)), _box((100, 20, 20), (0, 0, 0), (51, 20, 20))
    distances = surface_distances(a, b, (2.0, 1.0, 1.0))
    assert dice(a, b) == pytest.approx(100 / 101)
    assert distances.hausdorff_mm == pytest.approx(2.0)


def test_concentric_balls_have_the_dice_and_distance_of_their_radii() -> None:
    a, b = _ball(15), _ball(13)
    assert dice(a, b) == pytest.approx(2 * 13**3 / (15**3 + 13**3), abs=0.005)
    assert surface_distances(a, b, (1, 1, 1)).hausdorff95_mm == pytest.approx(2.0, abs=0.9)
    assert volume_ml(a, 1.0) == pytest.approx(4 / 3 * math.pi * 15**3 / 1000, rel=0.01)


def test_empty_masks_are_nan_together_and_infinite_apart() -> None:
    nothing, something = torch.zeros((4, 4, 4), dtype=torch.bool), _box((4, 4, 4), (1, 1, 1), (3, 3, 3))
    assert math.isnan(dice(nothing, nothing))
    assert math.isnan(surface_distances(nothing, nothing, (1, 1, 1)).hausdorff95_mm)
    assert math.isnan(surface_distances(nothing, nothing, (1, 1, 1)).dice_at(1))
    assert dice(nothing, something) == 0
    assert surface_distances(nothing, something, (1, 1, 1)).hausdorff_mm == math.inf
    assert surface_distances(nothing, something, (1, 1, 1)).dice_at(5) == 0


def test_masks_of_different_shape_are_refused() -> None:
    with pytest.raises(InvalidValue, match="one shape"):
        dice(torch.zeros((2, 2, 2), dtype=torch.bool), torch.zeros((2, 2, 3), dtype=torch.bool))


@given(masks(), st.data())
def test_agreement_is_symmetric_and_perfect_with_itself(a: torch.Tensor, data: st.DataObject) -> None:
    b = data.draw(masks(shape=tuple(a.shape)))
    if a.any():
        assert dice(a, a) == 1
        assert surface_distances(a, a, (1, 2, 3)).hausdorff_mm == 0
    if a.any() and b.any():
        assert dice(a, b) == dice(b, a)
        there, back = surface_distances(a, b, (1, 2, 3)), surface_distances(b, a, (1, 2, 3))
        assert there.hausdorff_mm == back.hausdorff_mm >= there.hausdorff95_mm


@given(masks())
def test_a_boundary_is_part_of_its_mask_and_never_empty(mask: torch.Tensor) -> None:
    assert not (boundary(mask) & ~mask).any()
    assert bool(boundary(mask).any()) == bool(mask.any())


# --- known answers of others ----------------------------------------------------------------------


def test_surface_dice_counts_border_voxels_as_monai_does_and_not_their_areas() -> None:
    """DeepMind's surface-distance weighs elements of area between voxels: two voxels 2 mm apart get 0.5 at 1 mm there
    (their facing sides lie half a voxel nearer), slabs of 50 and 51 slices 0.836. Here each border voxel counts once:
    distances are those between middles of voxels, and both overlaps of the slabs are as theirs.
    """
    a, b = _box((100, 100, 100), (0, 0, 0), (50, 100, 100)), _box((100, 100, 100), (0, 0, 0), (51, 100, 100))
    distances = surface_distances(a, b, (2.0, 1.0, 1.0))
    assert distances.hausdorff95_mm == 2.0
    face, frame = 98 * 98, 100 * 100 - 98 * 98
    borders = 2 * face + 50 * frame, 2 * face + 51 * frame  # both ends, and the rim of each slice
    # Far: the inner face of one (its outermost ring is 1 mm from the rim of the other), the last slice of the other.
    far = (face - 4 * 97) + (face + frame)
    assert (len(distances.a_to_b_mm), len(distances.b_to_a_mm)) == borders
    within = sum(borders) - far
    assert distances.dice_at(1.0) == pytest.approx(within / sum(borders))


@pytest.mark.parametrize(
    ("spacing", "dice_shifted", "hd_shifted", "dice_inside", "hd_inside"),
    [((1.0, 1.0, 1.0), 0.8513, 2.83, 0.7866, 2.24), ((0.75, 0.75, 2.5), 0.8536, 2.70, 0.7906, 2.50)],
)
def test_balls_apart_and_within_each_other_have_the_agreement_that_was_computed_elsewhere(
    spacing: tuple[float, float, float], dice_shifted: float, hd_shifted: float, dice_inside: float, hd_inside: float
) -> None:
    """Radius 15 mm, moved by 3 mm along i (Dice 0.8505) and one of 13 mm within it (0.7886), to half a diagonal."""
    half = [int(24 / step) for step in spacing]
    at = torch.meshgrid(
        *[torch.arange(-n, n + 1, dtype=torch.float64) * s for n, s in zip(half, spacing, strict=True)], indexing="ij"
    )

    def of(radius: float, off: float = 0.0) -> torch.Tensor:
        return (at[0] - off) ** 2 + at[1] ** 2 + at[2] ** 2 <= radius**2

    one, moved, inner = of(15), of(15, 3.0), of(13)
    reach = math.hypot(*spacing) / 2
    assert dice(one, moved) == pytest.approx(dice_shifted, abs=0.004)
    assert dice(one, inner) == pytest.approx(dice_inside, abs=0.004)
    assert surface_distances(one, moved, spacing).hausdorff95_mm == pytest.approx(hd_shifted, abs=reach)
    assert surface_distances(one, inner, spacing).hausdorff95_mm == pytest.approx(hd_inside, abs=reach)
