"""Every pipeline by name, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from engine.core.errors import InvalidValue, NotApplicable
from engine.core.progress import Progress
from engine.core.volume import Quantity, Volume
from engine.segment.ct_shift import SHIFTED, is_shifted
from engine.segment.ct_tissue import CtTissue
from engine.segment.mr_tissue import MrTissue
from engine.segment.segmenter import Segmentation, Segmenter
from engine.segment.tensors import as_tensor
from engine.segment.threshold import Threshold
from engine.segment.thresholds import thinned

_BUILT_IN: tuple[Segmenter, ...] = (CtTissue(), MrTissue(), Threshold())

#: Pipelines by name, in the order a user reads them.
PIPELINES: dict[str, Segmenter] = {segmenter.name: segmenter for segmenter in _BUILT_IN}

UNNAMED = "the file names no modality"
TAKEN_AS_MR = f"{UNNAMED}, and its values are not a CT's in Hounsfield units: taken as MR"
NEITHER = f"{UNNAMED}, and its values are neither a CT's in Hounsfield units nor an MR's"
#: An MR's magnitudes are not negative; filters leave a few that are.
NEGATIVE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class FirstThatWorks:
    """The best pipeline for a volume, and a simpler one where the best finds that it cannot work.

    Attributes:
        notes: how the choice was made: pipelines that cannot work, each with its reason, and what was assumed.
        candidates: what is left, best first; at least one.
    """

    notes: tuple[str, ...]
    candidates: tuple[Segmenter, ...]

    @property
    def name(self) -> str:
        """Name of the best pipeline left."""
        return self.candidates[0].name

    @property
    def version(self) -> str:
        """Version of the best pipeline left."""
        return self.candidates[0].version

    def check(self, volume: Volume) -> None:
        """As `Segmenter.check`."""
        self.candidates[0].check(volume)

    def segment(self, volume: Volume, *, progress: Progress) -> Segmentation:
        """As `Segmenter.segment`; warnings begin with what could not be used, and why."""
        notes = list(self.notes)
        for candidate in self.candidates[:-1]:
            try:
                made = candidate.segment(volume, progress=progress)
            except NotApplicable as reason:
                notes.append(_cannot(candidate, reason))
            else:
                return replace(made, warnings=(*notes, *made.warnings))
        made = self.candidates[-1].segment(volume, progress=progress)
        return replace(made, warnings=(*notes, *made.warnings))


def choose(volume: Volume, name: str | None = None) -> Segmenter:
    """The pipeline called `name`, or the best that can work on `volume`.

    Without a name, what the volume measures decides: Hounsfield units are CT, modality MR is MR,
    anything else is thresholded. A pipeline that cannot work gives way to a simpler one, and the
    warnings of the result say why.

    Raises:
        InvalidValue: no such pipeline.
        NotApplicable: the pipeline named, or every one, cannot work on the volume.
    """
    if name is not None:
        if name not in PIPELINES:
            raise InvalidValue(f"no pipeline {name!r}; there are {', '.join(PIPELINES)}")
        PIPELINES[name].check(volume)
        return PIPELINES[name]
    notes = _assumed(volume)
    fitting = [PIPELINES[candidate] for candidate in (*_fitting(volume), Threshold.name)]
    while len(fitting) > 1:
        try:
            fitting[0].check(volume)
            break
        except NotApplicable as reason:
            notes.append(_cannot(fitting.pop(0), reason))
    fitting[0].check(volume)
    return FirstThatWorks(tuple(notes), tuple(fitting))


def _fitting(volume: Volume) -> tuple[str, ...]:
    if volume.quantity is Quantity.HOUNSFIELD:
        return (CtTissue.name,)
    if volume.quantity is Quantity.ARBITRARY and (volume.source.modality == "MR" or _is_taken_as_mr(volume)):
        return (MrTissue.name,)
    return ()


def _assumed(volume: Volume) -> list[str]:
    """What is taken for granted about a volume that tells neither unit nor modality."""
    if volume.quantity is not Quantity.ARBITRARY or volume.source.modality != "":
        return []
    if is_shifted(volume.samples):
        return [f"{UNNAMED}; {SHIFTED}"]
    return [TAKEN_AS_MR if _is_taken_as_mr(volume) else NEITHER]


def _is_taken_as_mr(volume: Volume) -> bool:
    """A NIfTI or NRRD file names no modality: what has neither unit nor modality is mostly MR."""
    if volume.quantity is not Quantity.ARBITRARY or volume.source.modality != "":
        return False
    thin = thinned(as_tensor(volume.samples), 2**18)
    return float((thin < 0).to(torch.float32).mean()) < NEGATIVE_SHARE and not is_shifted(volume.samples)


def _cannot(segmenter: Segmenter, reason: NotApplicable) -> str:
    return f"{segmenter.name} cannot work here: {reason}"
