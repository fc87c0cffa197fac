"""The CT pipeline: an analytic chest in every orientation, refusals, real scans."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from engine.core.errors import Cancelled, NotApplicable
from engine.core.progress import silent
from engine.core.structure import Structure
from engine.core.volume import LabelMap, Quantity, Volume
from engine.segment import ct_voxels
from engine.segment.ct_tissue import CtTissue
from engine.segment.metrics import dice
from tests.segment.anatomy import SPACING_MM, chest, placed
from tests.segment.masks import ct
from tests.segment.test_steps import as_on_a_device

PIPELINE = CtTissue()


def _mask(label_map: LabelMap, key: str) -> torch.Tensor:
    structure = label_map.structure(key)
    labels = torch.as_tensor(label_map.labels)
    return torch.isin(labels, torch.tensor(structure.labels, dtype=torch.uint8))


def _keys(structures: tuple[Structure, ...]) -> set[str]:
    return {structure.key for structure in structures}


def _volume_ml(label_map: LabelMap, key: str) -> float:
    return int(_mask(label_map, key).sum()) * label_map.grid.voxel_volume_mm3 / 1000


def test_every_tissue_of_an_analytic_chest_is_found_and_the_table_is_not() -> None:
    samples = chest()
    made = PIPELINE.segment(placed(samples), progress=silent).label_map
    assert _keys(made.structures) >= {"body", "lung_left", "lung_right", "airways", "bone", "fat", "soft_tissue"}
    assert "vessels" not in _keys(made.structures)
    body = _mask(made, "body")
    assert not body[0].any()
    table_and_blanket = [(slice(None), slice(65, None)), (slice(None), slice(0, 4))]
    assert sum(int(body[where].sum()) for where in table_and_blanket) < 0.002 * int(body.sum())
    lungs = (samples < -780) & (samples > -940)
    found = _mask(made, "lung_left") | _mask(made, "lung_right")
    assert dice(found, lungs & body) > 0.97


@pytest.mark.parametrize(
    ("axes", "flips"),
    list(zip(itertools.permutations(range(3)), [(0,), (1,), (0, 2), (), (1, 2), (0, 1, 2)], strict=True)),
)
def test_sides_follow_the_patient_and_not_the_order_of_voxels(
    axes: tuple[int, int, int], flips: tuple[int, ...]
) -> None:
    straight = PIPELINE.segment(placed(chest()), progress=silent).label_map
    turned = PIPELINE.segment(placed(chest(), axes, flips), progress=silent).label_map
    for key in ("lung_left", "lung_right"):
        there = _mask(turned, key).flip(flips).permute([axes.index(axis) for axis in range(3)])
        assert dice(_mask(straight, key), there) > 0.98
    assert _mask(straight, "lung_left")[:55].sum() == 0
    assert _volume_ml(straight, "lung_left") < _volume_ml(straight, "lung_right")


def test_lungs_that_touch_are_parted() -> None:
    made = PIPELINE.segment(placed(chest(bridge=True)), progress=silent).label_map
    left, right = _mask(made, "lung_left"), _mask(made, "lung_right")
    assert left[:50].sum() == 0
    assert right[60:].sum() == 0
    assert 0.6 < int(left.sum()) / int(right.sum()) < 0.95


def _about_the_left_lung() -> torch.Tensor:
    """A round field of view about the left lung, padded beyond."""
    samples = chest()
    x, y = (torch.arange(n, dtype=torch.float32) * SPACING_MM for n in samples.shape[:2])
    beyond = (x[:, None] - 164 - 62) ** 2 + (y - 100) ** 2 > 75**2
    samples[beyond] = -2000
    return samples


@pytest.mark.parametrize(
    "samples",
    [chest()[:52], chest()[58:], _about_the_left_lung()],
    ids=["right half of the patient", "left half of the patient", "round view about the left lung"],
)
def test_one_lung_of_a_body_that_is_cut_has_no_side(samples: torch.Tensor) -> None:
    made = PIPELINE.segment(placed(samples), progress=silent)
    keys = _keys(made.label_map.structures)
    assert "lung" in keys
    assert not keys & {"lung_left", "lung_right"}
    assert any("left or the right is unknown" in warning for warning in made.warnings)
    assert not any("lung" in warning for warning in made.warnings if warning.startswith("not found"))


@pytest.mark.parametrize(("filled", "key"), [(slice(0, 55), "lung_left"), (slice(55, 110), "lung_right")])
def test_one_lung_of_a_whole_body_is_on_the_side_where_it_lies(filled: slice, key: str) -> None:
    samples = chest()
    samples[filled][(samples[filled] < -700) & (samples[filled] > -940)] = 40
    keys = _keys(PIPELINE.segment(placed(samples), progress=silent).label_map.structures)
    assert keys & {"lung", "lung_left", "lung_right"} == {key}


def test_two_lungs_of_a_body_that_is_cut_tell_each_others_sides() -> None:
    samples = chest()[25:78]
    made = PIPELINE.segment(placed(samples), progress=silent).label_map
    assert _keys(made.structures) >= {"lung_left", "lung_right"}
    assert _mask(made, "lung_left")[:25].sum() == 0


def test_padding_with_water_is_told_from_tissue_and_said() -> None:
    samples = chest()
    padded = torch.nn.functional.pad(samples.permute(2, 1, 0), (5, 5, 5, 5, 2, 2)).permute(2, 1, 0)
    made = PIPELINE.segment(placed(padded), progress=silent)
    straight = PIPELINE.segment(placed(samples), progress=silent)
    for structure in straight.label_map.structures:
        expected_ml = pytest.approx(_volume_ml(straight.label_map, structure.key), rel=0.03)
        assert _volume_ml(made.label_map, structure.key) == expected_ml, structure.key
    assert any("exactly 0 HU: taken for padding" in warning for warning in made.warnings)
    assert not any("padding" in warning for warning in straight.warnings)


def test_air_above_the_shoulders_does_not_flow_into_the_airways() -> None:
    samples = chest()
    opened = torch.nn.functional.pad(samples.permute(2, 1, 0), (0, 0, 0, 0, 0, 12), value=-1000).permute(2, 1, 0)
    made, straight = (PIPELINE.segment(placed(s), progress=silent).label_map for s in (opened, samples))
    assert _volume_ml(made, "airways") == pytest.approx(_volume_ml(straight, "airways"), rel=0.05)
    assert not _mask(made, "airways")[:, :, samples.shape[2] + 1 :].any()  # but for its wall


def test_lungs_of_a_patient_who_lies_turned_stay_two() -> None:
    grid = placed(chest()).grid
    turn = Rotation.from_euler("z", 50, degrees=True).as_matrix()
    ahead = np.linalg.inv(turn)
    centre = (np.array(grid.shape) - 1) / 2
    turned = affine_transform(
        np.asarray(chest()), ahead, centre - ahead @ centre, order=1, mode="constant", cval=-1000, output=np.int16
    )
    made = PIPELINE.segment(placed(torch.from_numpy(np.asfortranarray(turned))), progress=silent).label_map
    straight = PIPELINE.segment(placed(chest()), progress=silent).label_map
    for key in ("lung_left", "lung_right"):
        assert _volume_ml(made, key) == pytest.approx(_volume_ml(straight, key), rel=0.1)


def _with_a_bowel(samples: torch.Tensor) -> torch.Tensor:
    """The lungs filled, and a bowel across the body, with gas in its middle that blurs into its content."""
    samples[(samples < -700) & (samples > -940)] = 40
    x, y, z = np.meshgrid(*(np.arange(n) * SPACING_MM for n in samples.shape), indexing="ij")
    radius = torch.from_numpy(np.hypot(y - 70, z - 80))
    within = torch.from_numpy(np.abs(x - x.mean()) < 115)
    gas = (-1000 + (radius - 8.5).clamp(min=0) / 6.5 * 600).to(torch.int16)
    return torch.where(within & (radius < 15), gas, samples)


def test_gas_in_bowel_is_no_lung_though_its_edge_is_as_dense_as_one() -> None:
    made = PIPELINE.segment(placed(_with_a_bowel(chest())), progress=silent)
    assert not _keys(made.label_map.structures) & {"lung", "lung_left", "lung_right"}
    assert "no lungs in view" in made.warnings


def test_contrast_is_a_vessel_where_there_is_contrast_and_bone_stays_bone() -> None:
    plain, filled = (PIPELINE.segment(placed(chest(contrast=on)), progress=silent).label_map for on in (False, True))
    assert "vessels" in _keys(filled.structures)
    assert _volume_ml(filled, "vessels") == pytest.approx(4 / 3 * np.pi * 22 * 22 * 35 / 1000, rel=0.25)
    assert _volume_ml(filled, "bone") == pytest.approx(_volume_ml(plain, "bone"), rel=0.1)
    assert not (_mask(filled, "vessels") & _mask(plain, "bone")).any()


def test_trabecular_bone_is_filled_in() -> None:
    made = PIPELINE.segment(placed(chest()), progress=silent).label_map
    height_mm = 70 * 3.0
    assert _volume_ml(made, "bone") == pytest.approx(np.pi * 19**2 * height_mm / 1000, rel=0.15)


def test_the_airways_reach_both_lungs() -> None:
    airways = _mask(PIPELINE.segment(placed(chest()), progress=silent).label_map, "airways")
    assert airways[:, :, 60].any()
    assert airways[60:].any()
    assert airways[:50].any()


def test_every_device_gives_the_same_labels() -> None:
    volume = placed(chest(contrast=True))
    kernel = PIPELINE.segment(volume, progress=silent).label_map
    with as_on_a_device(), mock.patch.object(ct_voxels, "on_host", return_value=False):
        anywhere = PIPELINE.segment(volume, progress=silent).label_map
    assert kernel.structures == anywhere.structures
    assert torch.equal(torch.as_tensor(kernel.labels), torch.as_tensor(anywhere.labels))


def test_samples_are_left_as_they_were_and_may_be_fractions() -> None:
    samples = chest()
    before = samples.clone()
    whole = PIPELINE.segment(placed(samples), progress=silent).label_map
    assert torch.equal(samples, before)
    fractions = PIPELINE.segment(placed(samples.to(torch.float32) + 0.2), progress=silent).label_map
    assert torch.equal(torch.as_tensor(whole.labels), torch.as_tensor(fractions.labels))


def test_structures_carry_codes_colours_and_how_they_were_made() -> None:
    made = PIPELINE.segment(placed(chest()), progress=silent).label_map
    for structure in made.structures:
        assert structure.code is not None
        assert structure.provenance.pipeline == PIPELINE.name
        assert ("bone_hu", "150") in structure.provenance.parameters
    assert set(made.structure("body").includes) == {s.label for s in made.structures if s.key != "body"}


def test_cancelling_stops_the_work() -> None:
    def stop(fraction: float, stage: str) -> None:
        if stage == "finding the lungs":
            raise Cancelled

    with pytest.raises(Cancelled):
        PIPELINE.segment(placed(chest()), progress=stop)


def _windowed(samples: torch.Tensor) -> torch.Tensor:
    return samples.clamp(-160, 240)


def _masked(samples: torch.Tensor) -> torch.Tensor:
    return torch.where(samples > -300, samples, 0)


def _eight_bit(samples: torch.Tensor) -> torch.Tensor:
    return ((samples.to(torch.int32) + 1024) // 16).clamp(0, 255).to(torch.int16)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_windowed, "windowed or rescaled"),
        (_masked, "windowed or rescaled|masked"),
        (_eight_bit, "windowed or rescaled"),
        (lambda s: s[:, :, :3], "3 slices"),
        (lambda s: torch.full_like(s, -1000), "windowed or rescaled"),
        (lambda s: s[:8, :8, :8], "mm of the patient"),
        (lambda s: torch.full(s.shape, torch.nan), "no sample is a number"),
    ],
    ids=["windowed", "masked", "eight bit", "three slices", "air alone", "a corner", "not a number"],
)
def test_what_would_give_nonsense_is_refused_with_its_reason(spoil, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotApplicable, match=reason):
        PIPELINE.check(ct(spoil(chest())))


def test_an_mr_is_refused() -> None:
    volume = replace(ct(chest()), quantity=Quantity.ARBITRARY)
    with pytest.raises(NotApplicable, match="not Hounsfield units"):
        PIPELINE.check(volume)


def test_an_object_without_flesh_is_refused() -> None:
    samples = torch.full((60, 60, 40), -1000, dtype=torch.int16)
    samples[10:50, 10:50, 5:35] = 400
    samples[12:48, 12:48, 7:33] = -1000
    with pytest.raises(NotApplicable, match="no body found"):
        PIPELINE.segment(ct(samples), progress=silent)


def _real(path: Path) -> Volume:
    from engine.ingest.open import read_volume, take_inventory

    return read_volume(take_inventory([path]).choose()).value


@pytest.mark.data
def test_the_lungs_of_a_real_chest_have_their_sides_and_sizes(shared_data: Path) -> None:
    volume = _real(shared_data / "ct" / "chest_lidc0314_1p5mm.nii.gz")
    volume = replace(volume, quantity=Quantity.HOUNSFIELD, samples=torch.as_tensor(np.array(volume.samples)))
    made = PIPELINE.segment(volume, progress=silent).label_map
    assert 1700 < _volume_ml(made, "lung_left") < 2100
    assert 750 < _volume_ml(made, "lung_right") < 1100
    assert 20 < _volume_ml(made, "airways") < 60
    assert 700 < _volume_ml(made, "bone") < 1400
    assert "vessels" not in _keys(made.structures)
