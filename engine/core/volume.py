"""Sampled volumes and label maps on a grid.

Samples are indexed `[i, j, k]` as the grid's matrix maps them. Readers keep i fastest in memory
(DICOM rows and NIfTI both arrive so), hence `samples.T` is C-contiguous `[k, j, i]`, which is the
order the kernels walk.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from engine.core.array import Samples, frozen_samples
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.structure import Structure


class Quantity(StrEnum):
    """What the samples measure."""

    HOUNSFIELD = "HU"
    ACTIVITY = "Bq/ml"
    ARBITRARY = "arbitrary"  # MR and anything without a physical scale


@dataclass(frozen=True, slots=True)
class Source:
    """Where a volume came from: identifiers only, never a name or a date.

    Attributes:
        format: "dicom", "nifti", "nrrd", "phantom", …
        modality: DICOM modality ("CT", "MR", "PT"), empty when unknown.
        study_uid, series_uid: DICOM UIDs, empty when the format has none.
        description: the series' own words, for lists.
    """

    format: str = "unknown"
    modality: str = ""
    study_uid: str = ""
    series_uid: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A scalar image.

    Attributes:
        grid: where the samples are.
        samples: (ni, nj, nk) numpy array or torch tensor on any device, real numbers.
        quantity: what they measure.
        source: where they came from.
    """

    grid: Grid
    samples: Samples
    quantity: Quantity = Quantity.ARBITRARY
    source: Source = field(default=Source())

    def __post_init__(self) -> None:
        _check_shape(self.samples, self.grid)
        object.__setattr__(self, "samples", frozen_samples(self.samples))

    def with_samples(self, samples: Samples) -> Volume:
        """The same place and meaning with other samples."""
        return replace(self, samples=samples)


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """One structure at most per voxel.

    Attributes:
        grid: where the labels are.
        labels: (ni, nj, nk) uint8 or uint16; 0 is background.
        structures: what each label means; labels and keys are unique.
    """

    grid: Grid
    labels: Samples
    structures: tuple[Structure, ...]

    def __post_init__(self) -> None:
        _check_shape(self.labels, self.grid)
        if str(self.labels.dtype).rsplit(".", 1)[-1] not in ("uint8", "uint16"):
            raise InvalidValue(f"labels are uint8 or uint16, got {self.labels.dtype}")
        for what, values in (
            ("label", [str(s.label) for s in self.structures]),
            ("key", [s.key for s in self.structures]),
        ):
            repeated = {value for value in values if values.count(value) > 1}
            if repeated:
                raise InvalidValue(f"{what} used twice in one label map: {', '.join(sorted(repeated))}")
        object.__setattr__(self, "labels", frozen_samples(self.labels))

    def structure(self, key: str) -> Structure:
        """The structure called `key`.

        Raises:
            InvalidValue: no such structure; the message lists those there are.
        """
        for structure in self.structures:
            if structure.key == key:
                return structure
        raise InvalidValue(f"no structure {key!r}; there are {', '.join(s.key for s in self.structures) or 'none'}")

    def close(self, other: LabelMap) -> bool:
        """Same grid, same structures, same label in every voxel (numpy labels)."""
        return (
            self.grid.close(other.grid)
            and self.structures == other.structures
            and np.array_equal(np.asarray(self.labels), np.asarray(other.labels))
        )


def _check_shape(samples: Samples, grid: Grid) -> None:
    if tuple(samples.shape) != grid.shape:
        raise InvalidValue(f"samples are {tuple(samples.shape)}, the grid is {grid.shape}")
