"""A head in, the plane it mirrors in or a reason out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from guidance.implant.bone import BoneScan
from guidance.implant.midplane import Midplane, find_midplane
from guidance.implant.refused import Doubt, ImplantRefused
from guidance.register.rigid_fit import turn
from tests.guidance.implant.heads import field_of, shell

angles_deg = st.floats(-20.0, 20.0)
shifts_mm = st.floats(-8.0, 8.0)
#: A quarter of the vault is gone.
LARGE_HOLE = (((60.0, 10.0, 50.0), 50.0),)


def off(plane: Midplane, rotation: Float64, shift_mm: Float64) -> tuple[float, float]:
    """Degrees and millimetres from the true plane."""
    true = rotation[:, 0]
    degrees = np.rad2deg(np.arccos(min(1.0, abs(float(true @ plane.normal)))))
    return float(degrees), abs(float((plane.point_mm - shift_mm) @ true))


def refusal(scan: BoneScan) -> ImplantRefused:
    with pytest.raises(ImplantRefused) as caught:
        find_midplane(scan, field_of(scan))
    return caught.value


@settings(max_examples=2)
@given(st.tuples(angles_deg, angles_deg, angles_deg), st.tuples(shifts_mm, shifts_mm, shifts_mm))
@example((20.0, -20.0, 15.0), (5.0, -3.0, 4.0))
def test_the_plane_of_a_turned_and_shifted_head_is_found(
    turned_deg: tuple[float, float, float], shifted_mm: tuple[float, float, float]
) -> None:
    turned, shift = np.deg2rad(turned_deg), np.array(shifted_mm)
    scan = shell(turned, shift)
    degrees, millimetres = off(find_midplane(scan, field_of(scan)), turn(turned), shift)
    assert degrees < 0.4  # voxels of 3 mm
    assert millimetres < 0.4


def test_a_large_hole_in_one_side_does_not_move_the_plane() -> None:
    turned, shift = np.deg2rad([5.0, 8.0, -12.0]), np.array([3.0, -4.0, 2.0])
    scan = shell(turned, shift, holes=LARGE_HOLE)
    plane = find_midplane(scan, field_of(scan))
    degrees, millimetres = off(plane, turn(turned), shift)
    assert degrees < 0.3
    assert millimetres < 0.4


@pytest.mark.slow
def test_the_stated_error_grows_with_asymmetry_and_holds() -> None:
    scans = [shell(swollen=share) for share in (0.0, 0.02)]
    exact, uneven = (find_midplane(scan, field_of(scan)) for scan in scans)
    assert uneven.angle_deg > exact.angle_deg
    assert uneven.asymmetry_mm[1] > 2 * exact.asymmetry_mm[1]
    assert abs(float(exact.point_mm[0])) < max(exact.offset_mm, 0.1)


def test_the_normal_points_to_the_patients_left_and_the_mirror_is_its_own_inverse() -> None:
    plane = find_midplane(scan := shell(), field_of(scan))
    assert plane.normal[0] > 0.99
    np.testing.assert_allclose(plane.mirror @ plane.mirror, np.eye(4), atol=1e-9)
    assert plane.side_mm(np.array([[30.0, 0.0, 0.0]]))[0] == pytest.approx(30.0, abs=0.5)


def test_half_a_head_is_refused() -> None:
    assert refusal(shell(from_left_mm=0.0)).doubt in (Doubt.OUT_OF_VIEW, Doubt.ASYMMETRIC)


def test_a_head_whose_sides_differ_by_centimetres_is_refused() -> None:
    assert refusal(shell(swollen=0.25)).doubt is Doubt.ASYMMETRIC


def test_a_scan_without_bone_is_refused_with_its_level() -> None:
    grid = Grid.centred((20, 20, 20), 2.0)
    with pytest.raises(ImplantRefused, match="no bone"):
        BoneScan(grid, np.zeros(grid.shape, np.float32), 250.0).coarse_field()


def test_a_few_crumbs_of_bone_are_no_head() -> None:
    grid = Grid.centred((30, 30, 30), 1.0)
    samples = np.zeros(grid.shape, np.float32)
    samples[12:18, 12:18, 12:18] = 1000.0
    scan = BoneScan(grid, samples, 250.0)
    assert refusal(scan).doubt is Doubt.NO_BONE


def test_a_plane_has_a_normal_of_length_one() -> None:
    with pytest.raises(InvalidValue):
        Midplane(np.zeros(3), np.array([2.0, 0.0, 0.0]), 0.1, 0.1, (0.1, 0.2, 0.3), 1.0)
