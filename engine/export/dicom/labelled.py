"""Structures to be written, each whole: a voxel has one label, but a body includes its organs, and margins overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import InvalidValue
from engine.core.structure import Structure
from engine.core.volume import LabelMap
from engine.export.dicom.source import Source


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """One structure, and the labels that it stands in, [k, j, i]; all of one export are on one grid."""

    structure: Structure
    labels: NDArray[Any]

    def mask(self, level: int) -> NDArray[np.bool_]:
        """Its voxels in slice `level`, [j, i], with those of what it includes."""
        if not self.structure.includes:
            return np.asarray(self.labels[level] == self.structure.label)
        return np.isin(self.labels[level], self.structure.labels)


def structures_of(label_maps: Sequence[LabelMap], source: Source) -> tuple[Labelled, ...]:
    """Every structure of `label_maps` that has voxels, in their order.

    Raises:
        InvalidValue: none has any, grids that differ, sheared rows and columns, or a key used twice.
        FrameMismatch: they do not lie in the frame of the series.
    """
    if not label_maps:
        raise InvalidValue("there is nothing to export")
    grid = label_maps[0].grid
    source.refuse_other_frame(grid.frame)
    if any(not other.grid.close(grid) for other in label_maps[1:]):
        raise InvalidValue("label maps on different grids cannot share an object")
    axes = grid.directions
    if abs(float(axes[:, 0] @ axes[:, 1])) > 1e-3:
        raise InvalidValue("rows and columns of the labels are not at right angles: resample them first")
    keys = [structure.key for label_map in label_maps for structure in label_map.structures]
    if repeated := {key for key in keys if keys.count(key) > 1}:
        raise InvalidValue(f"key used by several structures of one export: {', '.join(sorted(repeated))}")
    made = [one for label_map in label_maps for one in _there(label_map)]
    if not made:
        raise InvalidValue("there is nothing to export: no structure has a voxel")
    return tuple(made)


def _there(label_map: LabelMap) -> list[Labelled]:
    labels = np.ascontiguousarray(np.asarray(label_map.labels).T)
    there = set(np.flatnonzero(np.bincount(labels.ravel())).tolist())
    return [Labelled(one, labels) for one in label_map.structures if there & set(one.labels)]
