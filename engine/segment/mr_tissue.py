"""MR without a network: the head with brain tissue where it is a T1 of a head, else intensity classes.

MR intensities have no unit, so names promise no more than was measured: white matter, grey matter
and fluid are named only inside a brain that was found; anywhere else there are dark, middle and
bright tissue.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from engine.core.anatomy import structure
from engine.core.errors import NotApplicable
from engine.core.grid import Grid
from engine.core.progress import Progress
from engine.core.structure import Provenance, Rgb, Structure
from engine.core.volume import LabelMap, Quantity, Volume
from engine.segment.mr_head import Foreground, find_brain, find_foreground
from engine.segment.overview import Overview, overview_of
from engine.segment.segmenter import Segmentation
from engine.segment.steps.histogram import label_counts
from engine.segment.steps.layout import indexed, walked
from engine.segment.steps.resample import between_cells
from engine.segment.tensors import as_tensor
from engine.segment.thresholds import otsu, robust_range, thinned

COARSE_MM = 2.0
MIN_SLICES = 5
#: Grey and white matter each fill at least this share of a brain with its fluid.
MATTER_SHARE = 0.2
#: Slices per slab at full resolution, to bound memory.
SLAB = 32

#: Label and key of what is named inside a brain, darkest first in a T1.
BRAIN_KEYS = ("csf", "grey_matter", "white_matter")
HEAD_LABEL, BRAIN_LABEL, FIRST_CLASS = 1, 2, 3

#: Key, name and colour of classes that intensity alone tells apart.
CLASSES: tuple[tuple[str, str, Rgb], ...] = (
    ("dark_tissue", "Dark tissue (by intensity)", (96, 110, 150)),
    ("middle_tissue", "Middle tissue (by intensity)", (176, 92, 80)),
    ("bright_tissue", "Bright tissue (by intensity)", (232, 204, 112)),
)


class MrTissue:
    """Head and brain tissue of a T1-weighted head; the body part and intensity classes otherwise."""

    name = "mr-tissue"
    version = "1"

    def check(self, volume: Volume) -> None:
        """As `Segmenter.check`: enough slices, some contrast, not Hounsfield units."""
        if volume.quantity is Quantity.HOUNSFIELD:
            raise NotApplicable("the samples are Hounsfield units: 'ct-tissue' is for them")
        if min(volume.grid.shape) < MIN_SLICES:
            raise NotApplicable(f"{min(volume.grid.shape)} slices are too few; at least {MIN_SLICES} are needed")
        samples = as_tensor(volume.samples)
        low, high = robust_range(samples)
        if not high > low:
            raise NotApplicable(f"all samples are about {low:g}: there is nothing to tell apart")
        if len(torch.unique(thinned(samples, 2**18))) < 16:
            raise NotApplicable("fewer than 16 different values: a label map or a mask, not an MR image")

    def segment(self, volume: Volume, *, progress: Progress) -> Segmentation:
        """As `Segmenter.segment`."""
        progress(0.0, "finding the head or body")
        self.check(volume)
        samples = as_tensor(volume.samples)
        view = overview_of(volume.grid, COARSE_MM)
        coarse = torch.nan_to_num(view.coarse(samples).to(torch.float32))
        found = find_foreground(coarse, view)
        if found is None:
            raise NotApplicable("nothing stands out from the background")
        progress(0.3, "finding the brain")
        brain = find_brain(found, view)
        progress(0.6, "telling tissues apart")
        region = found.mask if brain is None else brain
        cuts = otsu(found.even[region], 3)
        if brain is not None and not _two_matters(found.even[region], cuts):
            cuts = []
        labels = _labels(samples, found, region, cuts, view, volume.grid, progress)
        if brain is None:
            labels = torch.where(labels == HEAD_LABEL, 0, labels).to(torch.uint8)
        counts = label_counts(labels)
        made = self._brain_structures(counts) if brain is not None else self._class_structures(counts)
        return Segmentation(LabelMap(volume.grid, labels, made), _said(brain is not None, bool(cuts), region, view))

    def _provenance(self, method: str) -> Provenance:
        return Provenance(self.name, self.version, (("method", method), ("coarse_mm", f"{COARSE_MM:g}")))

    def _brain_structures(self, counts: torch.Tensor) -> tuple[Structure, ...]:
        made_by = self._provenance("deep core, three-class Otsu")
        parts = [FIRST_CLASS + n for n in range(3) if int(counts[FIRST_CLASS + n])]
        if counts[FIRST_CLASS:].sum() == counts[FIRST_CLASS]:
            head = replace(structure("head", HEAD_LABEL, made_by), includes=(FIRST_CLASS,))
            return (head, structure("brain", FIRST_CLASS, made_by))
        tissues = [structure(BRAIN_KEYS[label - FIRST_CLASS], label, made_by) for label in parts]
        brain = replace(structure("brain", BRAIN_LABEL, made_by), includes=tuple(parts))
        head = replace(structure("head", HEAD_LABEL, made_by), includes=(BRAIN_LABEL, *parts))
        return (head, brain, *tissues)

    def _class_structures(self, counts: torch.Tensor) -> tuple[Structure, ...]:
        made_by = self._provenance("three-class Otsu on evened intensity")
        parts = [FIRST_CLASS + n for n in range(3) if int(counts[FIRST_CLASS + n])]
        rows = [(label, *CLASSES[label - FIRST_CLASS]) for label in parts]
        tissues = [Structure(label, key, name, None, colour, 0.6, made_by) for label, key, name, colour in rows]
        body = replace(structure("body", HEAD_LABEL, made_by), includes=tuple(parts))
        return (body, *tissues)


def _two_matters(even: torch.Tensor, cuts: list[float]) -> bool:
    """Whether intensity parts grey from white matter: each is a good part of any brain."""
    if len(cuts) != 2:
        return False
    white = float((even > cuts[1]).to(torch.float32).mean())
    grey = float((even > cuts[0]).to(torch.float32).mean()) - white
    return min(white, grey) >= MATTER_SHARE


def _labels(
    samples: torch.Tensor,
    found: Foreground,
    region: torch.Tensor,
    cuts: list[float],
    view: Overview,
    grid: Grid,
    progress: Progress,
) -> torch.Tensor:
    """`HEAD_LABEL` in the foreground, the classes in `region`, at full resolution."""
    walk = walked(samples)
    fi, fj, fk = view.factors
    fields = [walked(view.in_voxel_order(m.to(torch.uint8) * 255)) for m in (found.mask, region)]
    bias = walked(view.in_voxel_order(found.bias))
    out = torch.zeros(walk.shape, dtype=torch.uint8, device=walk.device)
    step = max(fk, SLAB // fk * fk)
    for start in range(0, grid.shape[2], step):
        stop = min(start + step, grid.shape[2])
        progress(0.6 + 0.4 * start / grid.shape[2], "telling tissues apart")
        # One more cell to either side, so that interpolation knows its neighbours.
        first, last = max(start // fk - 1, 0), min(-(-stop // fk) + 1, fields[0].shape[0])
        size = (min(last * fk, grid.shape[2]) - first * fk, *walk.shape[1:])
        inner = slice(start - first * fk, stop - first * fk)
        inside, chosen = (between_cells(f[first:last], (fk, fj, fi), size)[inner] > 127 for f in fields)
        gain = bias[first:last].repeat_interleave(fk, 0).repeat_interleave(fj, 1).repeat_interleave(fi, 2)
        gain = gain[inner, : walk.shape[1], : walk.shape[2]]
        even = walk[start:stop].to(torch.float32) / gain
        grade = torch.bucketize(even, torch.tensor(cuts, device=walk.device)).to(torch.uint8) + FIRST_CLASS
        out[start:stop] = torch.where(chosen, grade, torch.where(inside, HEAD_LABEL, 0)).to(torch.uint8)
    return indexed(out)


def _said(brain_found: bool, parted: bool, region: torch.Tensor, view: Overview) -> tuple[str, ...]:
    if not brain_found:
        return ("no brain of a T1-weighted head found: classes by intensity alone, without anatomical meaning",)
    volume_ml = int(region.sum()) * view.voxel_ml
    return (
        f"brain of about {volume_ml:.0f} ml by erosion and regrowth: its edge may be some millimetres off; "
        + ("grey and white matter are told by intensity alone" if parted else "its tissues could not be told apart"),
    )
