"""The label map of a scene while it is corrected: strokes in, what they changed out.

Labels, surfaces and history live here and nowhere else; whoever draws is told of the box of labels and the patches of
surface that a stroke changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.app.pipeline import is_context
from engine.core.array import Int32
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.structure import Structure
from engine.core.volume import LabelMap
from engine.mesh.bricks import BrickNet, Patch
from engine.mesh.gltf import single_surface_glb
from engine.mesh.quantize import QuantizationFrame
from engine.segment.interactive import Change, History, Index, Stroke, apply_stroke, around
from engine.stream.codec import headset_from_patient


@dataclass(frozen=True, slots=True)
class PackedPatch:
    """One structure's surface in the blocks where it changed, as a GLB; empty where nothing of it is left there.

    Attributes:
        blocks: (n, 3) int32, cubes of `engine.mesh.bricks.BLOCK_CELLS` cells.
        counts: (n,) int32, triangles of each, in their order.
    """

    key: str
    blocks: Int32
    counts: Int32
    glb: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """What one stroke, or taking one back, changed.

    Attributes:
        low: first voxel of the box of labels.
        labels: (i, j, k) the labels of the box as they are now.
        patches: surfaces that look different.
        voxels: by key, how many voxels each structure has now.
        undo_count, redo_count: how many movements one can go back and forth.
    """

    low: Index
    labels: NDArray[Any]
    patches: tuple[PackedPatch, ...]
    voxels: dict[str, int]
    undo_count: int
    redo_count: int


class Editor:
    """One label map being corrected. Not a value: `stroke`, `undo` and `redo` change it."""

    def __init__(self, label_map: LabelMap, samples: NDArray[Any] | None = None) -> None:
        """Take a copy of `label_map`, and make its surfaces.

        Args:
            samples: (i, j, k) of the volume, for thresholds.
        """
        self.grid: Grid = label_map.grid
        self._labels = np.array(label_map.labels, order="F")
        self._samples = samples
        self._structures = {structure.label: structure for structure in label_map.structures}
        self._kept = frozenset(s.label for s in label_map.structures if not is_context(s) and not s.includes)
        self._net = BrickNet(self.grid, self._labels, self._kept)
        self._counts = np.bincount(self._labels.ravel(order="K"), minlength=int(np.iinfo(self._labels.dtype).max) + 1)
        self._history = History()
        self._root = headset_from_patient(self.grid.centre_mm)
        self._frame = _frame_of(self.grid)

    @property
    def labels(self) -> NDArray[Any]:
        """The labels as they are now; not to be written to."""
        view = self._labels.view()
        view.flags.writeable = False
        return view

    @property
    def structures(self) -> tuple[Structure, ...]:
        """What the labels mean."""
        return tuple(self._structures.values())

    @property
    def voxels(self) -> dict[str, int]:
        """By key, how many voxels each structure has, with what it includes."""
        return {s.key: sum(int(self._counts[n]) for n in s.labels) for s in self._structures.values()}

    def label_of(self, key: str) -> int:
        """The label of a structure.

        Raises:
            InvalidValue: no such structure.
        """
        for structure in self._structures.values():
            if structure.key == key:
                return structure.label
        raise InvalidValue(f"no structure {key!r} in this scene")

    def under(self, label: int) -> int:
        """What erased voxels of a structure become: the whole that it belongs to, or background."""
        wholes = [s for s in self._structures.values() if label in s.includes]
        return min(wholes, key=lambda s: len(s.includes)).label if wholes else 0

    def stroke(self, stroke: Stroke, movement: str = "") -> Edit | None:
        """Do a stroke; None where it changes no voxel. Strokes of one `movement` are taken back together.

        Raises:
            InvalidValue: a label that is no structure, or as `apply_stroke`.
        """
        for label in (stroke.label, stroke.under):
            if label and label not in self._structures:
                raise InvalidValue(f"label {label} is no structure of this scene")
        self._show(stroke.label)
        change = apply_stroke(self._labels, self.grid, stroke, self._samples)
        if change is None:
            return None
        self._history.add(change, movement)
        return self._edit((change,), is_forward=True)

    def undo(self) -> Edit | None:
        """Take the latest movement back; None where there is none."""
        changes = self._history.undo(self._labels)
        return self._edit(changes, is_forward=False) if changes else None

    def redo(self) -> Edit | None:
        """Do the latest movement that was taken back again; None where there is none."""
        changes = self._history.redo(self._labels)
        return self._edit(changes, is_forward=True) if changes else None

    def settle(self) -> None:
        """Do what the latest stroke left to do, while nobody waits for it."""
        self._net.settle()

    def _show(self, label: int) -> None:
        """A structure of context that is corrected after all has its surface in bricks from now on."""
        if label not in self._kept and not self._structures[label].includes:
            self._kept |= {label}
            self._net = BrickNet(self.grid, self._labels, self._kept)

    def _edit(self, changes: tuple[Change, ...], *, is_forward: bool) -> Edit:
        for change in changes:
            before, after = change.states(self._labels.dtype, is_forward=is_forward)
            for part, sign in ((before, -1), (after, 1)):
                self._counts += sign * np.bincount(part.ravel(order="K"), minlength=len(self._counts))
        low, high = around(changes)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        seen = self._net.change(self._labels, low, high)
        patches = tuple(map(self._packed, seen))
        return Edit(
            low=low,
            labels=self._labels[box].copy(order="F"),
            patches=patches,
            voxels=self.voxels,
            undo_count=self._history.undo_count,
            redo_count=self._history.redo_count,
        )

    def _packed(self, patch: Patch) -> PackedPatch:
        structure, glb = self._structures[patch.label], b""
        if patch.surface.triangle_count:
            glb = single_surface_glb(
                patch.surface, structure, self._root, frame=self._frame, normals=patch.normals, keeps_order=True
            )
        return PackedPatch(structure.key, patch.blocks.places, patch.counts, glb)


def _frame_of(grid: Grid) -> QuantizationFrame:
    """One frame for the whole volume, so that bricks meet to the last bit; a vertex may lie a voxel outside."""
    corners = np.array([[(n >> axis & 1) for axis in range(3)] for n in range(8)]) * (np.array(grid.shape) + 1) - 1
    at_mm = grid.patient_from_voxel.apply(corners)
    low, high = at_mm.min(axis=0), at_mm.max(axis=0)
    return QuantizationFrame(low, float((high - low).max()) / 65535)
