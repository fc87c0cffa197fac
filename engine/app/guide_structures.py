"""From the surfaces that headsets draw to trees that are asked for distances: what is measured is what is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.core.errors import InvalidValue
from engine.core.frame import patient
from engine.core.surface import Surface
from engine.mesh.gltf_read import read_glb
from engine.stream.messages import Scene, SurfaceNode
from guidance.margins.surface_tree import SurfaceTree


def surface_nodes(scene: Scene) -> dict[str, SurfaceNode]:
    """Surfaces of the scene by the key of their structure."""
    return {node.structure.key: node for node in scene.nodes if isinstance(node, SurfaceNode)}


def is_whole(node: SurfaceNode) -> bool:
    """Whether its finest level is the surface as it is now: not corrected since, nor moved."""
    return bool(node.lods) and not node.patches and not node.moved


def surface_of(scene: Scene, node: SurfaceNode, blobs: Path) -> Surface:
    """The finest level in patient millimetres; `error_mm` holds what packing took from its places.

    Raises:
        InvalidValue: it was corrected since it was made whole, or is not a surface as Sightline writes it.
    """
    if not is_whole(node):
        raise InvalidValue(f"{node.structure.name} is being corrected")
    finest = node.lods[0]
    (read,) = read_glb((blobs / finest.blob).read_bytes())
    patient_from_headset = np.linalg.inv(np.reshape(scene.headset_from_patient, (4, 4)))
    vertices = read.positions_m.astype(np.float64) @ patient_from_headset[:3, :3].T + patient_from_headset[:3, 3]
    # Places are steps of a 16-bit grid over the longest side: off by half a step along each axis.
    packed_mm = float(np.ptp(vertices, axis=0).max()) / 65535 * np.sqrt(3) / 2
    return Surface(
        patient(scene.frame_of_reference_uid),
        vertices.astype(np.float32),
        read.triangles.astype(np.int32),
        finest.error_mm + packed_mm,
    )


def tree_of(scene: Scene, node: SurfaceNode, blobs: Path) -> SurfaceTree:
    """The surface of a node, to be asked for distances.

    Raises:
        InvalidValue: as `surface_of`, or it is not closed, so that it has no inside.
    """
    return SurfaceTree(surface_of(scene, node, blobs))
