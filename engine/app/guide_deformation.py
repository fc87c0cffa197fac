"""Soft tissue that moved since the scan, on the wire: a scene's surfaces with new places, and marked as guessed.

The triangles stay, so only positions travel (`engine.mesh.moved`). The mark goes first: nobody sees a surface deformed
that does not say so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.app.blobs import BlobFolder
from engine.app.guide_structures import DEFORMED, is_marked, level_of
from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks
from engine.core.surface import Surface
from engine.mesh.moved import packed_in_order
from engine.mesh.quantize import QuantizationFrame
from engine.stream.messages import MovedPositions, MoveSurface, Op, PutNode, Scene, SurfaceNode
from guidance.register.deformation import Deformation

#: Parameters that keep what size a surface had before it was moved.
_VOLUME_ML, _AREA_MM2 = "ml before it moved", "mm2 before it moved"


@dataclass(frozen=True, slots=True)
class Deformed:
    """What to send so that everyone sees tissue where it is believed to be.

    Attributes:
        ops: in this order.
        words: for the user: how far it moved, and how little that is known.
        left_out: ids of surfaces that could not be moved, since they were corrected by hand after they were made.
    """

    ops: tuple[Op, ...]
    words: str
    left_out: tuple[str, ...]


def deformed(
    scene: Scene, deformation: Deformation, blobs: BlobFolder, only: Collection[str] | None = None
) -> Deformed:
    """Ops that move the surfaces of `scene` from where the scan had them; earlier movements are forgotten.

    Args:
        only: ids of nodes to move; all surfaces when None. Bone does not follow soft tissue.

    Raises:
        EnvironmentLacks: a surface's blob is gone.
    """
    chosen = [node for node in scene.nodes if isinstance(node, SurfaceNode) and (only is None or node.id in only)]
    movable = [node for node in chosen if not node.patches and node.lods]
    ops: list[Op] = []
    furthest_mm = error_mm = 0.0
    for node in movable:
        levels = [level_of(scene, _path(lod.blob, blobs)) for lod in node.lods]
        moved = [_moved(level, deformation) for level in levels]
        furthest_mm = max(furthest_mm, _most_apart(levels[0], moved[0]))
        error_mm = max(error_mm, float(deformation.error_mm(levels[0].vertices_mm.astype(np.float64)).max()))
        ops += [_marked(node, _words(deformation, furthest_mm, error_mm)), _moving(node, moved, blobs)]
    left_out = tuple(node.id for node in chosen if node not in movable)
    return Deformed(tuple(ops), _words(deformation, furthest_mm, error_mm), left_out)


def undeformed(scene: Scene) -> tuple[Op, ...]:
    """Ops that put every surface back to where the scan has it, without its mark, and with the size that it had."""
    marked = (node for node in scene.nodes if isinstance(node, SurfaceNode) and is_marked(node))
    return tuple(PutNode(node=_unmarked(node)) for node in marked)


def _words(deformation: Deformation, furthest_mm: float, error_mm: float) -> str:
    return (
        f"moved by up to {furthest_mm:.0f} mm after {len(deformation.scan_mm)} points that were touched again; "
        f"between and beyond them a guess, off by about {max(error_mm, 1.0):.0f} mm"
    )


def _path(blob: str, blobs: BlobFolder) -> Path:
    path = blobs.path(blob)
    if path is None:
        raise EnvironmentLacks("a surface of the scene is no longer on the server's disk", "Open the study again.")
    return path


def _moved(level: Surface, deformation: Deformation) -> Surface:
    now: Float64 = deformation.moved(level.vertices_mm.astype(np.float64))
    return Surface(level.frame, now.astype(np.float32), level.faces)


def _most_apart(one: Surface, two: Surface) -> float:
    return float(np.linalg.norm(one.vertices_mm - two.vertices_mm, axis=1).max())


def _marked(node: SurfaceNode, words: str) -> PutNode:
    before = {_VOLUME_ML: repr(node.volume_ml), _AREA_MM2: repr(node.surface_area_mm2)}
    return PutNode(node=_with_parameters(node, before | dict(node.structure.provenance.parameters) | {DEFORMED: words}))


def _unmarked(node: SurfaceNode) -> SurfaceNode:
    known = node.structure.provenance.parameters
    rest = {name: value for name, value in known.items() if name not in (DEFORMED, _VOLUME_ML, _AREA_MM2)}
    size = {
        "volume_ml": float(known.get(_VOLUME_ML, node.volume_ml)),
        "surface_area_mm2": float(known.get(_AREA_MM2, node.surface_area_mm2)),
    }
    return _with_parameters(node, rest).model_copy(update={"moved": ()} | size)


def _with_parameters(node: SurfaceNode, parameters: dict[str, str]) -> SurfaceNode:
    provenance = node.structure.provenance.model_copy(update={"parameters": parameters})
    return node.model_copy(update={"structure": node.structure.model_copy(update={"provenance": provenance})})


def _moving(node: SurfaceNode, moved: list[Surface], blobs: BlobFolder) -> MoveSurface:
    frame = QuantizationFrame.around(moved)
    places = [packed_in_order(surface.vertices_mm, frame) for surface in moved]
    blob, starts = blobs.put(b"".join(places)), np.cumsum([0, *map(len, places)]).tolist()
    x, y, z = frame.origin_mm.tolist()
    return MoveSurface(
        id=node.id,
        moved=tuple(
            MovedPositions(
                blob=blob,
                start=start,
                bytes=len(data),
                vertices=len(surface.vertices_mm),
                origin_mm=(x, y, z),
                step_mm=frame.step_mm,
            )
            for start, data, surface in zip(starts, places, moved, strict=False)
        ),
        volume_ml=max(moved[0].volume_mm3, 0.0) / 1000 if node.closed else node.volume_ml,
        surface_area_mm2=moved[0].area_mm2,
    )
