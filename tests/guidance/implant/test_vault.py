"""Which hole is filled, and which is not."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.array import Float64
from guidance.implant.bone import Bools
from guidance.implant.refused import Doubt, ImplantRefused
from guidance.implant.vault import BELOW_VERTEX_MM, Vault, find_defect

SIZE = 177
LEFT, ANTERIOR, SUPERIOR = np.eye(3)[0], -np.eye(3)[1], np.eye(3)[2]


def vault(*holes: tuple[float, float, float]) -> Vault:
    """All bone but for (ahead, left, radius) holes in degrees of the map."""
    axis = (np.arange(SIZE) - SIZE // 2) * 1.25
    bone = np.ones((SIZE, SIZE), bool)
    for ahead, aside, radius in holes:
        bone &= (axis[:, None] - ahead) ** 2 + (axis[None, :] - aside) ** 2 > radius**2
    return _about(bone)


def _about(bone: Bools) -> Vault:
    return Vault(np.zeros(3), SUPERIOR, ANTERIOR, LEFT, bone)


def place(ahead_deg: float, aside_deg: float) -> Float64:
    """On the vault, in a direction of the map."""
    angle, about = np.deg2rad(np.hypot(ahead_deg, aside_deg)), np.arctan2(aside_deg, ahead_deg)
    flat = np.sin(angle) * (np.cos(about) * ANTERIOR + np.sin(about) * LEFT)
    return np.asarray(BELOW_VERTEX_MM * (flat + np.cos(angle) * SUPERIOR))


def doubt(of: Vault, seed_mm: Float64 | None = None) -> Doubt:
    with pytest.raises(ImplantRefused) as caught:
        find_defect(of, seed_mm)
    return caught.value.doubt


def test_the_largest_hole_is_taken_and_its_area_is_that_on_the_ball() -> None:
    found = find_defect(vault((0, 50, 20), (40, -50, 10)))
    radius = np.deg2rad(20) * BELOW_VERTEX_MM / 10
    narrowed = np.sin(np.deg2rad(50)) / np.deg2rad(50)  # a circle of the map is narrower on the ball, about its vertex
    assert found.area_cm2 == pytest.approx(np.pi * radius**2 * narrowed, rel=0.03)
    assert found.missing == 0.0


def test_a_seed_chooses_among_holes() -> None:
    of = vault((0, 50, 20), (40, -50, 12))
    found = find_defect(of, place(40, -50))
    assert of.within(place(40, -50)[None, :], found.directions)[0]
    assert not of.within(place(0, 50)[None, :], found.directions)[0]


def test_a_seed_beside_every_hole_is_refused() -> None:
    assert doubt(vault((0, 50, 20)), place(-50, -40)) is Doubt.NO_DEFECT


def test_a_whole_vault_has_nothing_to_fill() -> None:
    assert doubt(vault()) is Doubt.NO_DEFECT


def test_a_burr_hole_is_left_alone() -> None:
    assert doubt(vault((0, 50, 5))) is Doubt.NO_DEFECT


@pytest.mark.parametrize("aside", [0.0, 8.0, 20.0])
def test_a_hole_across_the_midline_is_refused(aside: float) -> None:
    assert doubt(vault((0, aside, 25))) is Doubt.ACROSS_MIDLINE


def test_a_hole_that_runs_out_of_the_vault_is_refused() -> None:
    assert doubt(vault((0, 92, 22))) is Doubt.OPEN_RIM


def test_a_smaller_hole_that_can_be_filled_is_found_beside_one_that_cannot() -> None:
    found = find_defect(vault((0, 15, 30), (-70, -45, 12)))
    assert found.missing < 0.05


def test_points_are_placed_in_the_map_by_their_direction_alone() -> None:
    of = vault()
    near, far = of.cells(np.array([place(30, 40), 1.4 * place(30, 40)]))
    np.testing.assert_allclose(near, far, atol=1e-9)
    np.testing.assert_allclose(near, SIZE // 2 + np.array([30, 40]) / 1.25, atol=1e-9)
