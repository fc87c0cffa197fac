"""Choosing a pipeline, thresholds, and MR."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import InvalidValue, NotApplicable
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.volume import Quantity, Source, Volume
from engine.segment.metrics import dice
from engine.segment.pipelines import PIPELINES, choose
from engine.segment.thresholds import otsu
from tests.segment.anatomy import chest, placed
from tests.segment.masks import ct


def _head(*, t1: bool = True) -> tuple[Volume, torch.Tensor]:
    """A head of nested ellipsoids with a bias field, and its true brain."""
    shape, spacing = (86, 102, 90), 2.2
    x, y, z = np.meshgrid(*((np.arange(n) - (n - 1) / 2) * spacing for n in shape), indexing="ij")

    def inside(a: float, b: float, c: float) -> np.ndarray:
        return np.asarray((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 <= 1)

    signal = np.where(inside(88, 104, 94), 160.0, 0.0)
    signal[inside(79, 95, 85)] = 12
    signal[inside(72, 88, 78)] = 40 if t1 else 220
    brain = inside(66, 82, 72)
    signal[brain] = 100 if t1 else 120
    signal[inside(58, 73, 64)] = 150 if t1 else 80
    signal *= 1 + 0.25 * x / 90
    signal += np.random.default_rng(3).normal(0, 4, shape)
    samples = torch.from_numpy(np.clip(signal, 0, None).astype(np.float32))
    volume = Volume(Grid.centred(shape, spacing), samples, Quantity.ARBITRARY, Source("phantom", "MR"))
    return volume, torch.from_numpy(brain)


def test_the_brain_of_a_t1_head_is_found_with_its_matter() -> None:
    volume, brain = _head()
    made = choose(volume).segment(volume, progress=silent)
    assert {s.key for s in made.label_map.structures} == {"head", "brain", "csf", "grey_matter", "white_matter"}
    labels = torch.as_tensor(made.label_map.labels)
    assert dice(labels >= 2, brain) > 0.9


def test_matter_is_not_named_where_the_contrast_is_not_that_of_t1() -> None:
    volume, _ = _head(t1=False)
    made = choose(volume).segment(volume, progress=silent)
    assert not {s.key for s in made.label_map.structures} & {"white_matter", "grey_matter", "csf"}
    assert any("no brain" in warning for warning in made.warnings)


def test_what_a_volume_measures_chooses_its_pipeline() -> None:
    assert choose(placed(chest())).name == "ct-tissue"
    assert choose(_head()[0]).name == "mr-tissue"
    activity = replace(_head()[0], quantity=Quantity.ACTIVITY, source=Source("phantom", "PT"))
    assert choose(activity).name == "threshold"


def test_a_pipeline_that_cannot_work_gives_way_and_says_so() -> None:
    few = ct(chest()[:, :, 30:33].contiguous())
    chosen = choose(few)
    assert chosen.name == "threshold"
    made = chosen.segment(few, progress=silent)
    assert "ct-tissue cannot work here: 3 slices" in made.warnings[0]
    assert [s.key for s in made.label_map.structures] == ["above_threshold"]


def test_a_pipeline_asked_for_by_name_is_that_or_a_refusal() -> None:
    few = ct(chest()[:, :, 30:33].contiguous())
    with pytest.raises(NotApplicable, match="3 slices"):
        choose(few, "ct-tissue")
    with pytest.raises(InvalidValue, match="ct-tissue, mr-tissue, threshold"):
        choose(few, "magic")
    assert choose(few, "threshold") is PIPELINES["threshold"]


@pytest.mark.parametrize("name", list(PIPELINES))
def test_a_volume_of_one_value_is_refused_by_all(name: str) -> None:
    with pytest.raises(NotApplicable):
        choose(ct(torch.full((40, 40, 40), 7, dtype=torch.int16)), name)


def test_a_label_map_is_no_mr() -> None:
    labels = torch.zeros((40, 40, 40), dtype=torch.int16)
    labels[10:30, 10:30, 10:30] = 3
    with pytest.raises(NotApplicable, match="label map"):
        choose(replace(ct(labels), quantity=Quantity.ARBITRARY), "mr-tissue")


def test_otsu_parts_three_heaps_between_them() -> None:
    generator = torch.Generator().manual_seed(1)
    heaps = torch.cat([torch.randn(4000, generator=generator) + centre for centre in (0.0, 20.0, 50.0)])
    low, high = otsu(heaps, 3)
    assert 2 < low < 18
    assert 23 < high < 47
    assert otsu(torch.zeros(10)) == []


@pytest.mark.parametrize(
    ("shift", "said"), [(0.0, "taken as MR"), (-50.0, "neither a CT's in Hounsfield units nor an MR's")]
)
def test_what_a_volume_without_modality_is_taken_for_is_said(shift: float, said: str) -> None:
    head, _ = _head()
    samples = torch.as_tensor(head.samples) + shift
    volume = replace(head, samples=samples, source=Source("phantom", ""))
    assert said in choose(volume).segment(volume, progress=silent).warnings[0]
