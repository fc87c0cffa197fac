"""Live resection for a guidance session: places of a cutting tool in, what is left of the target out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.app.blobs import BlobFolder
from engine.app.pipeline import StructureSurface
from engine.app.publish import lone_node
from engine.core.unknown import Unknown
from engine.core.volume import LabelMap
from engine.mesh.field import distance_field, structure_surface
from engine.mesh.isosurface import region_surface
from engine.stream.guiding import CutAsk, Resection
from engine.stream.messages import SurfaceNode
from guidance.margins.banded import margin_grid
from guidance.margins.resection import TrackedResection
from guidance.margins.tool_place import ToolPlace, ToolShape

#: How far around the target cuts are counted.
ROOM_MM = 20.0


class ResectionDesk:
    """One target that is cut out by one tool. Not a value: `answer` and `update` change it."""

    def __init__(
        self,
        label_map: LabelMap,
        target: str,
        tool: ToolShape,
        blobs: BlobFolder,
        headset_from_patient: NDArray[np.float64],
        *,
        registration_epoch: int = 0,
    ) -> None:
        """Measure the target.

        Args:
            target: key of the structure.
            tool: the cutting part alone (`TrackedResection`).
            headset_from_patient: of the scene, patient millimetres to headset metres.

        Raises:
            InvalidValue: no such structure, or one without a voxel; a tool without a radius.
        """
        self.target = label_map.structure(target)
        self.registration_epoch = registration_epoch
        surface = structure_surface(label_map, self.target)
        low, high = surface.vertices_mm.min(axis=0), surface.vertices_mm.max(axis=0)
        grid = margin_grid(low, high, surface.frame, ROOM_MM, float(label_map.grid.spacing_mm.min()))
        self._resection = TrackedResection(distance_field(surface, grid), tool)
        self._blobs, self._matrix = blobs, headset_from_patient

    def answer(self, ask: CutAsk, now_s: float) -> None:
        """Begin, end or take back a cut."""
        if ask.state == "start":
            self._resection.start(now_s)
        elif ask.state == "stop":
            self._resection.stop(now_s)
        else:
            self._resection.undo(now_s)

    def update(self, place: ToolPlace | Unknown, now_s: float) -> None:
        """As `TrackedResection.update`, as often as the tool is tracked."""
        self._resection.update(place, now_s)

    def message(self, now_s: float) -> Resection:
        """How it stands, for the wire."""
        told = self._resection.state(now_s)
        where = None if told.where_mm is None else tuple(float(x) for x in told.where_mm)
        return Resection(
            target=f"surface/{self.target.key}",
            cutting=told.cutting,
            removed_ml=told.removed_ml,
            remaining_ml=told.remaining_ml,
            remaining_least_ml=told.remaining_least_ml,
            remaining_most_ml=told.remaining_most_ml,
            margin_mm=told.margin_mm,
            margin_error_mm=told.margin_error_mm,
            where_mm=None if where is None else (where[0], where[1], where[2]),
            unseen_s=told.unseen_s,
            undo_count=told.undo_count,
        )

    def remaining_node(self) -> SurfaceNode | None:
        """The surface of what is left, by the places that were seen; None where nothing is. For when the tool rests."""
        surface = region_surface(self._resection.remaining())
        if surface is None:
            return None
        key = f"remaining_{self.target.key}"[:64].rstrip("_")
        structure = replace(self.target, key=key, name=f"{self.target.name}, remaining", includes=())
        measured = StructureSurface(
            structure, (surface,), 0, surface.volume_mm3 / 1000, surface.area_mm2, closed=surface.is_closed()
        )
        return lone_node(
            f"remaining/{self.target.key}",
            measured,
            self._matrix,
            self._blobs,
            source="resection",
            registration_epoch=self.registration_epoch,
        )
