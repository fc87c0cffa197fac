"""Any volume: its bright part by one threshold, so that everything can at least be looked at."""

from __future__ import annotations

import torch

from engine.core.anatomy import fallback_colour
from engine.core.errors import NotApplicable
from engine.core.progress import Progress
from engine.core.structure import Provenance, Structure
from engine.core.volume import LabelMap, Quantity, Volume
from engine.segment.segmenter import Segmentation
from engine.segment.steps.components import kept
from engine.segment.steps.layout import indexed, walked
from engine.segment.steps.threshold import between
from engine.segment.tensors import as_tensor
from engine.segment.thresholds import otsu, robust_range

#: Between air and any tissue, for volumes in Hounsfield units.
TISSUE_HU = -300.0
#: Parts smaller than this share of the largest are noise.
PART_SHARE = 0.01


class Threshold:
    """What is brighter than Otsu's threshold (or denser than air in a CT), without specks."""

    name = "threshold"
    version = "1"

    def check(self, volume: Volume) -> None:
        """As `Segmenter.check`: some contrast between samples is all that is needed."""
        low, high = robust_range(as_tensor(volume.samples))
        if not high > low:
            raise NotApplicable(f"all samples are about {low:g}: there is nothing to tell apart")

    def segment(self, volume: Volume, *, progress: Progress) -> Segmentation:
        """As `Segmenter.segment`; one structure, label 1."""
        progress(0.0, "finding a threshold")
        self.check(volume)
        samples = as_tensor(volume.samples)
        level = self._level(samples, volume.quantity)
        bright = between(samples, low=level)
        progress(0.4, "finding the largest parts")
        parts = kept(bright, lambda sizes: sizes >= PART_SHARE * sizes.max() if len(sizes) else sizes > 0)
        if not bool(parts.any()):
            raise NotApplicable(f"nothing lies above the threshold of {level:g}")
        progress(1.0, "finding the largest parts")
        labels = indexed(walked(parts).to(torch.uint8))
        return Segmentation(
            LabelMap(volume.grid, labels, (self._structure(level, volume.quantity),)),
            (f"one structure above {level:.4g} {_unit(volume.quantity)}: intensity alone, no anatomy",),
        )

    def _level(self, samples: torch.Tensor, quantity: Quantity) -> float:
        low, high = robust_range(samples)
        if quantity is Quantity.HOUNSFIELD and low < TISSUE_HU < high:
            return TISSUE_HU
        return otsu(samples)[0]

    def _structure(self, level: float, quantity: Quantity) -> Structure:
        made_by = Provenance(self.name, self.version, (("level", f"{level:.6g}"), ("quantity", str(quantity))))
        name = f"Above {level:.4g} {_unit(quantity)}".strip()
        return Structure(1, "above_threshold", name, None, fallback_colour(1), 1.0, made_by)


def _unit(quantity: Quantity) -> str:
    return "" if quantity is Quantity.ARBITRARY else str(quantity)
