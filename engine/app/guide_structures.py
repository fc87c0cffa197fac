"""From the surfaces that headsets draw to trees that are asked for distances: what is measured is what is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.core.anatomy import is_stiff
from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.frame import patient
from engine.core.surface import Surface
from engine.mesh.gltf_read import read_glb
from engine.mesh.moved import unpacked_positions
from engine.mesh.quantize import QuantizationFrame
from engine.stream.messages import MovedPositions, Scene, SurfaceNode

#: The parameter of a structure's provenance that says that, and how, its surface was moved.
DEFORMED = "deformed"


def surface_nodes(scene: Scene) -> dict[str, SurfaceNode]:
    """Surfaces of the scene by the key of their structure."""
    return {node.structure.key: node for node in scene.nodes if isinstance(node, SurfaceNode)}


def is_marked(node: SurfaceNode) -> bool:
    """Whether it says of itself that it was moved with soft tissue."""
    return DEFORMED in node.structure.provenance.parameters


def follows_tissue(node: SurfaceNode) -> bool:
    """Whether it goes with soft tissue when that moves: all but the outside and bone do."""
    return not is_stiff(node.structure.key)


def version_of(node: SurfaceNode) -> str | None:
    """Another one whenever its surface is; None while that cannot be measured.

    It cannot while it is corrected by hand, nor between saying that it was moved and moving it.
    """
    if not node.lods or node.patches or bool(node.moved) != is_marked(node):
        return None
    return f"{node.moved[0].blob}+{node.moved[0].start}" if node.moved else node.lods[0].blob


def surface_of(scene: Scene, node: SurfaceNode, blobs: Path) -> Surface:
    """The finest level in patient millimetres; `error_mm` holds what packing took from its places.

    Raises:
        InvalidValue: it was corrected since it was made whole, or is not a surface as Sightline writes it.
        OSError: it is no longer on the disk.
    """
    if version_of(node) is None:
        raise InvalidValue(f"{node.structure.name} is being corrected")
    finest = node.lods[0]
    scanned = level_of(scene, blobs / finest.blob)
    vertices = scanned.vertices_mm
    # Places are steps of a 16-bit grid over the longest side: off by half a step along each axis.
    packed_mm = float(np.ptp(vertices.astype(np.float64), axis=0).max()) / 65535 * np.sqrt(3) / 2
    if node.moved:
        places, packed_mm = _moved(node.moved[0], blobs)
        vertices = places.astype(np.float32)
    return replace(scanned, vertices_mm=vertices, error_mm=finest.error_mm + packed_mm)


def level_of(scene: Scene, path: Path) -> Surface:
    """A level of detail where the scan has it, in patient millimetres and in the order of its GLB.

    Raises:
        InvalidValue: not a surface as Sightline writes it.
        OSError: it is not there.
    """
    (read,) = read_glb(path.read_bytes())
    patient_from_headset = np.linalg.inv(np.reshape(scene.headset_from_patient, (4, 4)))
    vertices = read.positions_m.astype(np.float64) @ patient_from_headset[:3, :3].T + patient_from_headset[:3, 3]
    frame = patient(scene.frame_of_reference_uid)
    return Surface(frame, vertices.astype(np.float32), read.triangles.astype(np.int32))


def _moved(moved: MovedPositions, blobs: Path) -> tuple[Float64, float]:
    frame = QuantizationFrame(np.array(moved.origin_mm), moved.step_mm)
    with (blobs / moved.blob).open("rb") as file:
        file.seek(moved.start)
        places = unpacked_positions(file.read(moved.bytes), moved.vertices, frame)
    return places, moved.step_mm * np.sqrt(3) / 2
