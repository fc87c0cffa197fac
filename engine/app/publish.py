"""From a processed series to blobs and the scene message that names them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.app.blobs import BlobFolder
from engine.app.pipeline import Processed, StructureSurface
from engine.app.windows import window_presets
from engine.core.progress import Progress
from engine.core.structure import Structure
from engine.core.volume import LabelMap, Volume
from engine.mesh.gltf import single_surface_glb
from engine.stream.codec import headset_from_patient, row_major, slabs, wire_samples
from engine.stream.messages import (
    CodeMessage,
    PatternName,
    ProvenanceMessage,
    Scene,
    Slab,
    StructureMessage,
    SurfaceLod,
    SurfaceNode,
    VolumeNode,
)

#: zstd's fastest level: a chest CT packs at about 500 MB/s a core and still halves.
ZSTD_LEVEL = 1

#: Label slabs are uint8.
MAX_WIRE_LABEL = 255


def publish(processed: Processed, blobs: BlobFolder, title: str, progress: Progress) -> Scene:
    """Pack every level of detail and every slab into `blobs`, and describe them."""
    matrix = headset_from_patient(processed.volume.grid.centre_mm)
    progress(0.0, "packing surfaces")
    nodes: list[SurfaceNode | VolumeNode] = []
    with ThreadPoolExecutor(2) as pool:
        for surface in processed.surfaces:
            nodes.append(_surface_node(surface, pack_lods(surface, matrix, blobs, pool), processed))
    progress(0.5, "packing slices")
    labels = _wire_labels(np.asarray(processed.label_map.labels).T, processed.label_map.structures)
    nodes.append(_volume_node(processed.volume, blobs, title, pack_slabs(labels, blobs)))
    progress(1.0, "ready")
    return _scene(processed.volume, title, nodes, processed.warnings)


def publish_volume(volume: Volume, blobs: BlobFolder, title: str) -> Scene:
    """A scene of a volume alone: no surface, and no label that would say what is there."""
    return _scene(volume, title, [_volume_node(volume, blobs, title, ())])


def _scene(
    volume: Volume, title: str, nodes: Sequence[SurfaceNode | VolumeNode], warnings: tuple[str, ...] = ()
) -> Scene:
    return Scene(
        id=secrets.token_urlsafe(8),
        title=title,
        frame_of_reference_uid=volume.grid.frame_of_reference_uid,
        registration_epoch=0,
        headset_from_patient=row_major(headset_from_patient(volume.grid.centre_mm)),
        nodes=tuple(nodes),
        warnings=warnings,
    )


def structure_message(structure: Structure, label_map: LabelMap) -> StructureMessage:
    """A structure of `label_map` as it travels, under the number by which the label slabs know it."""
    parts = tuple(other.key for other in label_map.structures if other.label in structure.includes)
    return _structure_message(structure, _wire_label(structure, label_map), parts)


def _structure_message(structure: Structure, label: int, parts: tuple[str, ...]) -> StructureMessage:
    code = structure.code
    return StructureMessage(
        label=label,
        key=structure.key,
        name=structure.name,
        code=CodeMessage(value=code.value, scheme=code.scheme, meaning=code.meaning) if code else None,
        colour=structure.colour,
        opacity=structure.opacity,
        provenance=ProvenanceMessage(
            pipeline=structure.provenance.pipeline,
            version=structure.provenance.version,
            parameters=dict(structure.provenance.parameters),
            synthetic=structure.provenance.synthetic,
        ),
        parts=parts,
    )


def _surface_node(surface: StructureSurface, lods: tuple[SurfaceLod, ...], processed: Processed) -> SurfaceNode:
    return SurfaceNode(
        id=f"surface/{surface.structure.key}",
        structure=structure_message(surface.structure, processed.label_map),
        lods=lods,
        volume_ml=surface.volume_ml,
        surface_area_mm2=surface.surface_area_mm2,
        closed=surface.closed,
        source=processed.volume.source.format,
        frame_of_reference_uid=processed.volume.grid.frame_of_reference_uid,
        registration_epoch=0,
    )


def lone_node(
    node_id: str,
    surface: StructureSurface,
    matrix: NDArray[np.float64],
    blobs: BlobFolder,
    *,
    source: str,
    registration_epoch: int = 0,
    pattern: PatternName = "plain",
) -> SurfaceNode:
    """A surface that is in no label slab: a margin, what is left of a target; `matrix` as `pack_lods`."""
    return SurfaceNode(
        id=node_id,
        structure=_structure_message(surface.structure, 0, ()).model_copy(update={"pattern": pattern}),
        lods=tuple(_lod(surface, level, matrix, blobs) for level in range(len(surface.lods))),
        volume_ml=surface.volume_ml,
        surface_area_mm2=surface.surface_area_mm2,
        closed=surface.closed,
        source=source,
        frame_of_reference_uid=surface.lods[0].frame.uid,
        registration_epoch=registration_epoch,
    )


def pack_lods(
    surface: StructureSurface, matrix: NDArray[np.float64], blobs: BlobFolder, pool: ThreadPoolExecutor
) -> tuple[SurfaceLod, ...]:
    """The levels of detail of a surface, finest first; `matrix` maps the patient to headset metres."""
    return tuple(pool.map(lambda level: _lod(surface, level, matrix, blobs), range(len(surface.lods))))


def _lod(surface: StructureSurface, level: int, matrix: NDArray[np.float64], blobs: BlobFolder) -> SurfaceLod:
    mesh = surface.lods[level]
    glb = single_surface_glb(mesh, surface.structure, matrix, lod=level)
    return SurfaceLod(blob=blobs.put(glb), bytes=len(glb), triangles=mesh.triangle_count, error_mm=mesh.error_mm)


def _volume_node(volume: Volume, blobs: BlobFolder, title: str, label_slabs: tuple[Slab, ...]) -> VolumeNode:
    grid = volume.grid
    kji = np.ascontiguousarray(np.asarray(volume.samples).T)
    wire, value_range = wire_samples(kji, volume.quantity)
    return VolumeNode(
        id="volume",
        title=title,
        modality=volume.source.modality,
        quantity=str(volume.quantity),
        shape=grid.shape,
        spacing_mm=(float(grid.spacing_mm[0]), float(grid.spacing_mm[1]), float(grid.spacing_mm[2])),
        patient_from_voxel=row_major(grid.patient_from_voxel.matrix),
        value_range=value_range,
        presets=window_presets(kji[::4, ::4, ::4], volume.quantity),
        slabs=pack_slabs(wire, blobs),
        label_slabs=label_slabs,
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )


def _wire_labels(kji: NDArray[np.generic], structures: tuple[Structure, ...]) -> NDArray[np.uint8]:
    """Labels as uint8: themselves where they fit, else numbered in the order of `structures`."""
    if kji.dtype == np.uint8:
        return np.ascontiguousarray(kji.view(np.uint8))
    table = np.zeros(0x10000, dtype=np.uint8)
    for ordinal, structure in enumerate(structures[:MAX_WIRE_LABEL], start=1):
        table[structure.label] = ordinal
    return np.ascontiguousarray(table[kji.astype(np.uint16, copy=False)])


def _wire_label(structure: Structure, label_map: LabelMap) -> int:
    """The number by which the slices know a structure; 0 where they cannot show it."""
    if str(label_map.labels.dtype) == "uint8":
        return structure.label
    ordinal = label_map.structures.index(structure) + 1
    return ordinal if ordinal <= MAX_WIRE_LABEL else 0


def pack_slabs(kji: NDArray[np.generic], blobs: BlobFolder) -> tuple[Slab, ...]:
    """Voxels `[k, j, i]` as slabs."""

    def pack(cut: tuple[int, int, NDArray[np.generic]]) -> Slab:
        k_start, k_count, part = cut
        data = bytes(imagecodecs.zstd_encode(part.tobytes(), level=ZSTD_LEVEL))
        return Slab(blob=blobs.put(data), bytes=len(data), k_start=k_start, k_count=k_count)

    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(pack, slabs(kji)))
