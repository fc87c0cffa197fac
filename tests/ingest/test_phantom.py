"""Phantoms: the same bytes from the same seed, truth that does not depend on the grid, values as a scanner gives."""

from __future__ import annotations

import json
from functools import cache
from math import pi, prod

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.errors import InvalidValue
from engine.core.volume import Quantity
from engine.ingest.phantom.make import RECIPES, Phantom, make_phantom


@cache
def phantom(name: str, seed: int = 0) -> Phantom:
    return make_phantom(name, size="small", seed=seed)


def labels_of(made: Phantom) -> NDArray[np.uint8]:
    return np.asarray(made.label_map.labels)


def values_inside(made: Phantom, key: str) -> NDArray[np.int16]:
    """Samples of a structure without its rim, where voxels hold other tissue too."""
    mask = labels_of(made) == made.label_map.structure(key).label
    core = mask.copy()
    for axis in range(3):
        core &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    samples: NDArray[np.int16] = np.asarray(made.volume.samples)[core]
    return samples


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(name: str) -> None:
    again = make_phantom(name, size="small", seed=0, workers=3)
    assert np.asarray(again.volume.samples).tobytes() == np.asarray(phantom(name).volume.samples).tobytes()
    assert labels_of(again).tobytes() == labels_of(phantom(name)).tobytes()
    assert again.volume.grid.frame_of_reference_uid == phantom(name).volume.grid.frame_of_reference_uid


def test_another_seed_is_another_patient() -> None:
    one, other = phantom("thorax", 0), phantom("thorax", 1)
    assert not np.array_equal(labels_of(one), labels_of(other))
    assert one.lesions != other.lesions
    assert one.volume.grid.frame_of_reference_uid != other.volume.grid.frame_of_reference_uid


@pytest.mark.parametrize("name", RECIPES)
def test_every_structure_is_there_and_every_label_has_a_name(name: str) -> None:
    made = phantom(name)
    *parts, patient = made.label_map.structures
    present = set(np.unique(labels_of(made))) - {0}
    assert present == {part.label for part in parts}
    assert set(patient.includes) == present
    assert all(part.provenance.synthetic for part in made.label_map.structures)


@pytest.mark.parametrize("name", [pytest.param("thorax", marks=pytest.mark.slow), "head"])
def test_exact_volumes_are_those_that_voxels_tend_to(name: str) -> None:
    made = phantom(name)
    voxel_ml = made.volume.grid.voxel_volume_mm3 / 1000
    counts = np.bincount(labels_of(made).ravel(), minlength=256)
    for row in made.truth.volumes[:-1]:
        # Counting centres errs by about the square root of the voxels on the border, which are at most all.
        spread = 6 * (counts[row.label] ** 0.5 + 1) * voxel_ml + 6 * row.error_ml
        assert row.volume_ml == pytest.approx(counts[row.label] * voxel_ml, abs=spread), row.name
    assert made.truth.volumes[-1].volume_ml == pytest.approx((labels_of(made) > 0).sum() * voxel_ml, rel=2e-3)


@pytest.mark.slow
def test_exact_volumes_do_not_depend_on_the_voxels() -> None:
    coarse = make_phantom("thorax", size="small", spacing_mm=(7.6, 7.6, 10.0))
    for ours, theirs in zip(coarse.truth.volumes, phantom("thorax").truth.volumes, strict=True):
        assert ours.volume_ml == pytest.approx(theirs.volume_ml, abs=8 * (ours.error_ml + theirs.error_ml) + 1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_a_lesion_is_where_and_as_large_as_its_description_says(name: str) -> None:
    made = phantom(name)
    for lesion in made.lesions:
        assert lesion.volume_ml == pytest.approx(4 / 3 * pi * prod(lesion.radii_mm) / 1000, rel=1e-6)
        i, j, k = np.rint(made.volume.grid.patient_from_voxel.inverse.apply(lesion.centre_mm)).astype(int)
        assert labels_of(made)[i, j, k] == made.label_map.structure(lesion.key).label


@pytest.mark.parametrize(
    ("name", "key", "low", "high"),
    [
        ("thorax", "lung_right", -920, -750),
        ("thorax", "fat", -130, -70),
        ("thorax", "soft_tissue", 20, 80),
        ("thorax", "bone", 150, 900),
        ("abdomen", "liver", 80, 140),  # portal-venous phase
        ("abdomen", "aorta", 120, 220),
        ("abdomen", "spleen", 80, 160),
        ("head_ct", "white_matter", 15, 45),
        ("head_ct", "grey_matter", 25, 55),
        ("head_ct", "skull", 400, 1900),
    ],
)
def test_tissues_have_the_hounsfield_units_of_a_clinical_scan(name: str, key: str, low: int, high: int) -> None:
    """Ranges of the common textbooks (Hounsfield's scale: water 0, air -1000)."""
    made = phantom(name)
    assert made.volume.quantity is Quantity.HOUNSFIELD
    assert low < np.median(values_inside(made, key)) < high


def test_white_matter_is_brightest_in_t1_then_grey_then_csf() -> None:
    white, grey, csf = (
        np.median(values_inside(phantom("head"), key)) for key in ("white_matter", "grey_matter", "csf")
    )
    assert white > 1.1 * grey > 1.5 * csf


def test_noise_is_as_strong_as_asked_for() -> None:
    """Two scans that differ in noise alone: their difference is the noise."""
    none, some = (np.asarray(make_phantom("thorax", size="small", noise=n).volume.samples, float) for n in (0.0, 20.0))
    ni, nj, nk = none.shape
    middle = (some - none)[ni // 4 : -ni // 4, nj // 4 : -nj // 4, nk // 4 : -nk // 4]
    assert 10 < middle.std() < 40
    assert abs(middle.mean()) < 1.0


def test_a_voxel_that_two_tissues_share_shows_both() -> None:
    """Without blur and noise, values between those of lung and body come from partial volume alone."""
    made = make_phantom("thorax", size="small", noise=0.0, blur_mm=(0.0, 0.0, 0.0))
    samples, labels = np.asarray(made.volume.samples), labels_of(made)
    lung = labels == made.label_map.structure("lung_right").label
    beside = lung[:-1] & (labels[1:] == made.label_map.structure("soft_tissue").label)
    between = (samples[:-1][beside] > -600) & (samples[:-1][beside] < -100)
    assert between.mean() > 0.2


def test_a_turned_grid_sees_the_same_patient() -> None:
    straight, turned = phantom("thorax"), make_phantom("thorax", size="small", turn_deg=(8.0, -5.0, 12.0))
    assert not np.allclose(turned.volume.grid.directions, np.eye(3), atol=0.05)
    rng = np.random.default_rng(0)
    voxels = rng.integers(20, np.array(turned.volume.grid.shape) - 20, (4000, 3))
    elsewhere = straight.volume.grid.patient_from_voxel.inverse @ turned.volume.grid.patient_from_voxel
    i, j, k = np.rint(elsewhere.apply(voxels)).astype(int).T
    same = labels_of(straight)[i, j, k] == labels_of(turned)[tuple(voxels.T)]
    assert same.mean() > 0.85  # nearest voxels differ along every border


def test_truth_travels_as_plain_json() -> None:
    truth = json.loads(json.dumps(phantom("thorax").truth.as_json(), allow_nan=False))
    assert (truth["name"], truth["seed"], truth["shape"]) == ("thorax", 0, [112, 112, 90])
    assert phantom("thorax").truth.volume_ml("nodule_1") == truth["lesions"][0]["volume_ml"]


def test_what_is_not_known_is_refused_with_what_is() -> None:
    with pytest.raises(InvalidValue, match=r"unknown phantom 'unicorn'; known are thorax"):
        make_phantom("unicorn")
    with pytest.raises(InvalidValue, match=r"unknown size 'vast'; known are small"):
        make_phantom("thorax", size="vast")
    with pytest.raises(InvalidValue, match="spacing must be positive"):
        make_phantom("thorax", spacing_mm=(1.0, 0.0, 1.0))
    with pytest.raises(InvalidValue, match="no structure 'tail'"):
        phantom("thorax").truth.volume_ml("tail")
