"""The label map and samples behind a scene, from the blobs that clients get: what can be lost is already there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.core.grid import Grid
from engine.core.structure import Code, Provenance, Structure
from engine.core.volume import LabelMap
from engine.stream.messages import Scene, Slab, SurfaceNode, VolumeNode


def volume_node(scene: Scene) -> VolumeNode | None:
    """The scene's volume; None where it has none."""
    return next((node for node in scene.nodes if isinstance(node, VolumeNode)), None)


def label_map_of(scene: Scene, volume: VolumeNode, blobs: Path) -> LabelMap:
    """The labels as everyone sees them now, edits included, under the numbers of the wire."""
    grid = Grid.from_matrix(volume.shape, np.reshape(volume.patient_from_voxel, (4, 4)), volume.frame_of_reference_uid)
    labels = np.asfortranarray(_unpacked(volume.label_slabs, volume.shape, np.uint8, blobs))
    for box in volume.label_boxes:
        data = (blobs / box.blob).read_bytes()[box.start : box.start + box.bytes]
        part = np.frombuffer(imagecodecs.zstd_decode(data), dtype=np.uint8).reshape(box.shape[::-1]).T
        labels[tuple(slice(a, a + n) for a, n in zip(box.low, box.shape, strict=True))] = part
    return LabelMap(grid, labels, _structures(scene))


def samples_of(volume: VolumeNode, blobs: Path) -> NDArray[np.int16]:
    """(i, j, k) samples as they travel."""
    samples: NDArray[np.int16] = _unpacked(volume.slabs, volume.shape, np.int16, blobs)
    return samples


def wire_sample(volume: VolumeNode, value: float) -> float:
    """The sample on the wire that stands for a value in the volume's own unit."""
    low, high = volume.value_range
    return (value - low) / (high - low) * 65535 - 32768


def _unpacked(slabs: tuple[Slab, ...], shape: tuple[int, int, int], dtype: Any, blobs: Path) -> NDArray[Any]:
    ni, nj, nk = shape
    kji = np.empty((nk, nj, ni), dtype=dtype)
    for slab in slabs:
        data = imagecodecs.zstd_decode((blobs / slab.blob).read_bytes())
        kji[slab.k_start : slab.k_start + slab.k_count] = np.frombuffer(data, dtype=dtype).reshape(-1, nj, ni)
    return kji.T


def _structures(scene: Scene) -> tuple[Structure, ...]:
    nodes = [node.structure for node in scene.nodes if isinstance(node, SurfaceNode) and node.structure.label > 0]
    label_of = {node.key: node.label for node in nodes}
    return tuple(
        Structure(
            label=node.label,
            key=node.key,
            name=node.name,
            code=Code(node.code.value, node.code.meaning, node.code.scheme) if node.code else None,
            colour=node.colour,
            opacity=node.opacity,
            provenance=Provenance(
                node.provenance.pipeline,
                node.provenance.version,
                tuple(node.provenance.parameters.items()),
                node.provenance.synthetic,
            ),
            includes=tuple(label_of[key] for key in node.parts if key in label_of),
        )
        for node in nodes
    )
