"""Each kind of lesion is what its recipe says, lies where it may, and is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import pdist

from engine.core.errors import InvalidValue
from scenarios.case.source import LesionRecipe
from scenarios.lesion.blob import blob, directions
from scenarios.lesion.form import share_of
from scenarios.lesion.kinds import KINDS, kind_of
from scenarios.lesion.make import Made, make
from scenarios.lesion.setting import Setting
from scenarios.lesion.warp import moved, pushed_out
from tests.scenarios.lesion.bodies import away_mm, uniform

ROUND = {
    "solid-nodule": ("lung_left", -860.0),
    "ground-glass-nodule": ("lung_left", -860.0),
    "part-solid-nodule": ("lung_left", -860.0),
    "spiculated-nodule": ("lung_left", -860.0),
    "liver-metastasis": ("liver", 110.0),
    "parenchymal-haemorrhage": ("white_matter", 30.0),
    "brain-tumour": ("white_matter", 560.0),
}


def made(kind: str, size_mm: float = 14.0, *, sd: float = 6.0, seed: int = 4) -> tuple[Made, Setting]:
    key, value = ROUND[kind]
    setting = uniform((key,), value, sd)
    recipe = LesionRecipe(id="one", kind=kind, size_mm=size_mm, seed=seed)
    return make(recipe, setting, np.random.default_rng(seed)), setting


@given(size=st.floats(4.0, 40.0), seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_blob_is_as_wide_as_asked_and_held_by_its_ball(size: float, seed: int) -> None:
    shape = blob(size, np.random.default_rng(seed), lumps=0.1)
    rays = directions(500)[:, None] * np.linspace(0.0, shape.radius_mm + 1.0, 240)[None, :, None]
    inside = shape.distance(rays) < 0
    reach = np.where(inside.any(axis=1), (inside * np.arange(240)).max(axis=1), 0) * (shape.radius_mm + 1.0) / 239
    assert pdist(directions(500) * reach[:, None]).max() == pytest.approx(size, rel=0.06)
    assert reach.max() <= shape.radius_mm + 0.01 * size + (shape.radius_mm + 1.0) / 239


@pytest.mark.parametrize("radius", [3.0, 6.0, 11.0])
def test_shares_of_voxels_add_up_to_the_volume_of_a_ball(radius: float) -> None:
    setting = uniform(("liver",), 100.0)
    at = setting.grid.centre_mm + np.array([0.3, -0.2, 0.4])
    window = setting.window(at, radius + 3)
    share = share_of(lambda p: np.linalg.norm(p - at, axis=-1) - radius, setting, window)
    volume = float(share.sum()) * setting.grid.voxel_volume_mm3
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)


@pytest.mark.parametrize("kind", ROUND)
def test_it_lies_wholly_in_its_organ_and_the_mask_is_its_volume(kind: str) -> None:
    one, setting = made(kind)
    organ = setting.structures[ROUND[kind][0]]
    assert (one.mask & organ).sum() >= 0.95 * one.mask.sum()
    assert one.mask.sum() * setting.grid.voxel_volume_mm3 == pytest.approx(one.volume_mm3, rel=0.06)


@pytest.mark.parametrize("kind", ["solid-nodule", "ground-glass-nodule"])
def test_what_is_added_is_the_contrast_times_the_volume_within_two_percent(kind: str) -> None:
    one, setting = made(kind, sd=0.01)
    added = (
        float(np.asarray(one.samples, np.float64).sum() - np.asarray(setting.samples, np.float64).sum())
        * setting.grid.voxel_volume_mm3
    )
    assert added == pytest.approx(one.contrast * one.volume_mm3, rel=0.02)


@pytest.mark.parametrize("kind", ["solid-nodule", "liver-metastasis"])
def test_far_from_it_every_voxel_is_as_it_was(kind: str) -> None:
    one, setting = made(kind)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in one.mask.shape], indexing="ij"), axis=-1)
    away = np.linalg.norm(setting.grid.patient_from_voxel.apply(index) - one.at_mm, axis=-1)
    changed = np.asarray(one.samples) != setting.samples
    assert changed[one.mask].mean() > 0.99
    assert not changed[away > 22.0].any()


def test_the_same_seed_is_the_same_lesion_and_another_is_another() -> None:
    one, again, other = made("liver-metastasis")[0], made("liver-metastasis")[0], made("liver-metastasis", seed=5)[0]
    assert np.array_equal(one.samples, again.samples)
    assert not np.array_equal(one.mask, other.mask)


def test_a_nodule_is_not_put_where_it_would_cross_a_vessel() -> None:
    """Half of the lung is full of vessels: none of twelve nodules goes there."""
    setting = uniform(("lung_left",), -860.0, 10.0)
    samples = np.array(setting.samples, np.float32)
    samples[:48:4, ::4] += 900.0
    crowded = Setting(setting.grid, samples, setting.structures, setting.blur_mm)
    for seed in range(12):
        at = kind_of("solid-nodule").place(crowded, 12.0, {}, np.random.default_rng(seed))
        assert crowded.grid.patient_from_voxel.inverse.apply(at)[0] >= 48


def test_where_every_place_crosses_a_vessel_it_is_refused() -> None:
    setting = uniform(("lung_left",), -860.0, 10.0)
    samples = np.array(setting.samples, np.float32)
    samples[::2, ::3] += 900.0
    with pytest.raises(InvalidValue, match="vessels"):
        kind_of("solid-nodule").place(
            Setting(setting.grid, samples, setting.structures, setting.blur_mm), 12.0, {}, np.random.default_rng(0)
        )


def test_what_cannot_be_made_says_what_would_help() -> None:
    setting = uniform(("liver",), 100.0, 5.0)
    rng = np.random.default_rng(0)
    for kind, size, options, says in (
        ("no-such-kind", 10.0, {}, "known are"),
        ("solid-nodule", 10.0, {}, "structures that are known: liver"),
        ("liver-metastasis", 150.0, {}, "smaller"),
        ("liver-metastasis", 10.0, {"colour": 1.0}, "unknown option"),
    ):
        with pytest.raises(InvalidValue, match=says):
            make(LesionRecipe(id="one", kind=kind, size_mm=size, seed=0, options=options), setting, rng)


def test_a_vessel_within_an_opaque_lesion_goes_and_one_within_haze_is_seen() -> None:
    setting = uniform(("lung_left",), -860.0, 8.0)
    samples = np.array(setting.samples, np.float32)
    samples[47:49, 47:49, :] = 20.0
    crossed = Setting(setting.grid, samples, setting.structures, setting.blur_mm)
    middle = (48, 48, 40)
    at = tuple(crossed.grid.patient_from_voxel.apply(np.array(middle, float)).tolist())
    for kind, contrast, brighter in (("solid-nodule", 400.0, False), ("ground-glass-nodule", 400.0, True)):
        recipe = LesionRecipe(id="one", kind=kind, size_mm=24.0, seed=0, at_mm=at, contrast=contrast)
        one = np.asarray(make(recipe, crossed, np.random.default_rng(0)).samples, np.float64)
        beside = np.median(one[40:44, 44:52, 38:42])
        assert (one[47:49, 47:49, 38:42].mean() - beside > 300.0) == brighter


def test_a_warp_keeps_the_noise_and_what_does_not_move() -> None:
    setting = uniform(("brain",), 100.0)
    noise = np.random.default_rng(1).normal(size=setting.grid.shape) * 10.0
    index = np.stack(np.meshgrid(*[np.arange(n) for n in noise.shape], indexing="ij"), axis=-1)
    offsets = setting.grid.patient_from_voxel.apply(index) - setting.grid.centre_mm
    step = pushed_out(offsets, 10.0, 0.6, 36.0)
    after = moved(noise, step, setting.grid, 10.0, np.random.default_rng(2))
    away = away_mm(setting.grid)
    assert np.array_equal(after[away > 36.0], noise[away > 36.0])
    shell = (away > 11.0) & (away < 26.0)
    assert np.var(after[shell]) == pytest.approx(np.var(noise[shell]), rel=0.05)


def test_a_mass_that_pushes_makes_room_for_its_own_share() -> None:
    """Volume within any sphere about it, before: less by amount times the mass, where nothing fades yet."""
    r = np.array([[12.0, 0.0, 0.0]])
    before = r + pushed_out(r, 10.0, 0.5, 1e6)
    assert np.linalg.norm(before) ** 3 == pytest.approx(12.0**3 - 0.5 * 10.0**3, rel=1e-6)


def test_noise_within_a_made_lesion_is_the_noise_about_it() -> None:
    one, setting = made("solid-nodule", 30.0, sd=20.0)
    samples = np.asarray(one.samples, np.float64)
    fine = samples - gaussian_filter(samples, 1.0)
    deep = gaussian_filter(one.mask.astype(float), 2.0) > 0.97
    ratio = np.var(fine[deep]) / np.var((setting.samples - gaussian_filter(setting.samples, 1.0))[deep])
    assert ratio == pytest.approx(1.0, abs=0.05)


def test_every_kind_has_usual_sizes_and_says_what_they_mean() -> None:
    for name, kind in KINDS.items():
        assert kind.sizes_mm[0] < kind.sizes_mm[1], name
        assert kind.size_says, name
        assert kind.contrast != 0, name
