"""Contrast in a CT: blood that is barely brighter than bone's threshold, and bowel filled by mouth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.core.progress import silent
from engine.core.volume import LabelMap
from engine.segment.ct_tissue import CtTissue
from engine.segment.segmenter import Segmentation
from tests.segment.anatomy import aorta, belly, bowel, chest, placed


def _made(samples: torch.Tensor) -> Segmentation:
    return CtTissue().segment(placed(samples), progress=silent)


def _mask(label_map: LabelMap, key: str) -> np.ndarray:
    found = [s.label for s in label_map.structures if s.key == key]
    return np.isin(np.asarray(label_map.labels), found)


def _share(of: np.ndarray, in_: np.ndarray) -> float:
    return float((of & in_).sum() / of.sum())


@pytest.mark.parametrize("noise", [12.0, 22.0])
@pytest.mark.parametrize("hu", [140.0, 150.0, 155.0, 220.0])
def test_an_aorta_barely_as_dense_as_bone_is_a_vessel_and_the_spine_beside_it_is_bone(hu: float, noise: float) -> None:
    plain = _mask(_made(chest(noise=noise)).label_map, "bone")
    made = _made(chest(aorta_hu=hu, noise=noise)).label_map
    assert _share(aorta(), _mask(made, "bone")) < 0.03
    assert _share(aorta(), _mask(made, "vessels")) > 0.8
    spine = plain & ~aorta()
    assert _share(spine, _mask(made, "bone")) > 0.97
    assert _share(spine, _mask(made, "vessels")) < 0.01


@pytest.mark.parametrize("noise", [8.0, 12.0, 25.0])
def test_spongy_bone_without_contrast_is_no_vessel(noise: float) -> None:
    made = _made(chest(noise=noise))
    assert not _mask(made.label_map, "vessels").any()
    assert not any("contrast" in warning for warning in made.warnings)


@pytest.mark.parametrize("content_hu", [200.0, 350.0, 600.0])
@pytest.mark.parametrize(("gas", "said"), [(True, "lie against gas: oral contrast"), (False, "or filled bowel")])
def test_bowel_filled_by_mouth_is_no_vessel_and_that_is_said(content_hu: float, gas: bool, said: str) -> None:
    made = _made(belly(content_hu, blood_hu=45.0, gas=gas))
    assert not _mask(made.label_map, "vessels").any()
    assert _share(bowel(), _mask(made.label_map, "bone")) < 0.03
    assert any(said in warning for warning in made.warnings)


@pytest.mark.parametrize("gas", [True, False])
def test_bowel_filled_by_mouth_leaves_the_aorta_its_name(gas: bool) -> None:
    made = _made(belly(350.0, blood_hu=160.0, gas=gas))
    assert _share(aorta(), _mask(made.label_map, "vessels")) > 0.8
    assert _share(bowel(), _mask(made.label_map, "vessels")) < 0.01
    assert any("contrast of about 160 HU" in warning for warning in made.warnings)
    assert any("bowel may be among the vessels" in warning for warning in made.warnings)
