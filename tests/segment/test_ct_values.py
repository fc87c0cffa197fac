"""Values that are no Hounsfield units: padding below air, and a CT stored 1024 too high."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.core.errors import NotApplicable
from engine.core.progress import silent
from engine.core.volume import Quantity, Source, Volume
from engine.segment.ct_shift import is_shifted
from engine.segment.ct_tissue import CtTissue
from engine.segment.pipelines import choose
from tests.segment.anatomy import chest, placed
from tests.segment.masks import ct


def _finer(samples: torch.Tensor) -> torch.Tensor:
    """Each voxel as eight, so that a coarse cell mixes padding with tissue."""
    for axis in range(3):
        samples = samples.repeat_interleave(2, axis)
    return samples.permute(2, 1, 0).contiguous().permute(2, 1, 0)


def _beyond(shape: torch.Size, radius_mm: float) -> torch.Tensor:
    x, y = (torch.arange(n) * 1.5 for n in shape[:2])
    return (x[:, None] - x.mean()) ** 2 + (y - 100) ** 2 > radius_mm**2


@pytest.mark.parametrize("value", [-2000, -3024, -32768])
@pytest.mark.parametrize("radius_mm", [152.0, 130.5], ids=["beyond the body", "through the arms' fat"])
def test_padding_below_air_is_outside_whatever_its_value(value: int, radius_mm: float) -> None:
    samples = _finer(chest())
    beyond = _beyond(samples.shape, radius_mm)
    straight = CtTissue().segment(ct(samples, 1.5), progress=silent).label_map
    samples[beyond] = value
    made = CtTissue().segment(ct(samples, 1.5), progress=silent).label_map
    labels, before = (torch.as_tensor(m.labels)[~beyond] for m in (made, straight))
    assert not torch.as_tensor(made.labels)[beyond].any()
    assert float((labels != before).to(torch.float32).mean()) < 0.01


def test_the_value_of_padding_below_air_makes_no_difference() -> None:
    maps = []
    for value in (-2500, -32768):
        samples = _finer(chest())
        samples[_beyond(samples.shape, 95.0)] = value
        maps.append(torch.as_tensor(CtTissue().segment(ct(samples, 1.5), progress=silent).label_map.labels))
    assert torch.equal(*maps)


def _stored() -> Volume:
    """The chest as its scanner stored it."""
    return placed((chest().to(torch.int32) + 1024).to(torch.int16))


def test_a_ct_without_its_intercept_is_refused_with_that_reason() -> None:
    for quantity in (Quantity.HOUNSFIELD, Quantity.ARBITRARY):
        with pytest.raises(NotApplicable, match=r"values look shifted by 1024: .* subtract 1024"):
            CtTissue().check(replace(_stored(), quantity=quantity))


def test_a_ct_without_its_intercept_is_not_taken_as_mr_and_that_is_said() -> None:
    volume = replace(_stored(), quantity=Quantity.ARBITRARY, source=Source("phantom", ""))
    chosen = choose(volume)
    assert chosen.name == "threshold"
    made = chosen.segment(volume, progress=silent)
    assert "values look shifted by 1024" in made.warnings[0]


def test_a_ct_that_is_called_one_says_why_its_pipeline_gave_way() -> None:
    made = choose(_stored()).segment(_stored(), progress=silent)
    assert made.warnings[0].startswith("ct-tissue cannot work here: values look shifted by 1024")


def test_neither_a_good_ct_nor_noise_looks_shifted() -> None:
    generator = torch.Generator().manual_seed(2)
    assert not is_shifted(chest())
    assert not is_shifted(torch.rand((40, 40, 40), generator=generator) * 2000)
    assert not is_shifted(torch.zeros((40, 40, 40)))
    assert not is_shifted(torch.full((40, 40, 40), torch.nan))
