"""A plan to begin with, from the structures of a scan: what is likely the target, and what is likely to be watched."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from engine.core.structure import Structure
from engine.core.volume import LabelMap
from guidance.plan.plan import MOST_WATCHED, Plan, PlannedMargin, Watched

#: What a target is usually called, in keys and names.
_TARGET = re.compile(r"tumou?r|neoplasm|lesion|nodule|metasta|mass(?![a-z])|gtv|glioma|meningioma|cyst", re.IGNORECASE)
#: What one goes through to reach a target, or what belongs to it, rather than what must not be touched.
_ON_THE_WAY = re.compile(
    r"body|head|skin|scalp|fat|soft_tissue|muscle|bone|skull|brain(?!_?stem)|white_matter|grey_matter|gray_matter|csf"
    r"|oedema|edema|necrosis|cortex|background",
    re.IGNORECASE,
)
#: Rather watched than others where there are too many.
_DELICATE = re.compile(r"arter|vein|vessel|aorta|nerve|cord|brain_?stem|chiasm|optic", re.IGNORECASE)
#: A structure that touches more than this share of the target's border is what the target lies in.
_LIES_IN = 0.5


def start_plan(name: str, series_uid: str, label_map: LabelMap) -> Plan:
    """The largest structure that is called like a target, and everything else that is not on the way to it, watched.

    What it guesses from are names and who touches whom: whoever uses it looks it over. Landmarks are chosen by people,
    so it has none.
    """
    labels = np.asarray(label_map.labels)
    counts = np.bincount(labels.ravel(order="K"), minlength=2)
    present = [one for one in label_map.structures if _voxels(one, counts)]
    likely = [one for one in present if _TARGET.search(one.key) or _TARGET.search(one.name)]
    target = max(likely, key=lambda one: (_voxels(one, counts), one.key), default=None)
    around = set() if target is None else _lies_in(labels, target)
    watched = [
        one
        for one in present
        if one not in likely and not around & {one.label} and not (_ON_THE_WAY.search(one.key) or one.includes)
    ]
    watched.sort(key=lambda one: (_DELICATE.search(one.key) is None, -_voxels(one, counts), one.key))
    margins = (PlannedMargin("safety", "Safety margin", 5.0),) if target else ()
    return Plan(
        name=name,
        series_uid=series_uid,
        frame_of_reference_uid=label_map.grid.frame_of_reference_uid,
        target=target.key if target else None,
        watched=tuple(Watched(one.key) for one in watched[:MOST_WATCHED]),
        margins=margins,
    )


def _voxels(structure: Structure, counts: NDArray[np.int64]) -> int:
    return sum(int(counts[label]) for label in structure.labels if label < len(counts))


def _lies_in(labels: NDArray[np.integer], target: Structure) -> set[int]:
    """Labels that make up most of the target's border."""
    inside = np.isin(labels, target.labels)
    where = np.nonzero(inside)
    box = tuple(slice(max(0, int(at.min()) - 1), int(at.max()) + 2) for at in where)
    inside, around = inside[box], labels[box]
    neighbours = []
    for axis in range(3):
        one, other = (np.take(inside, range(n, inside.shape[axis] - 1 + n), axis) for n in (0, 1))
        low, high = (np.take(around, range(n, inside.shape[axis] - 1 + n), axis) for n in (0, 1))
        neighbours += [high[one & ~other], low[other & ~one]]
    found = np.bincount(np.concatenate(neighbours).astype(np.int64))
    return {label for label in range(1, len(found)) if found[label] > _LIES_IN * found.sum()}
