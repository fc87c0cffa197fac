"""From the wire's scene to what a headset draws: which detail, which blocks, which samples. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.frame import patient
from engine.core.surface import Surface
from engine.mesh.bricks import BLOCK_CELLS
from engine.mesh.gltf_read import ReadSurface, read_glb
from engine.mesh.moved import unpacked_positions
from engine.mesh.normals import vertex_normals
from engine.mesh.quantize import QuantizationFrame
from engine.stream.codec import INT16_HIGH, INT16_LOW
from engine.stream.messages import (
    LabelBox,
    MovedPositions,
    Scene,
    Slab,
    SurfaceNode,
    TrackedNode,
    VolumeNode,
    WindowPreset,
)
from engine.stream.patches import shown_blocks
from engine.stream.pose import Pose, PoseFrame
from engine.xr.drawn import DrawnSurface, DrawnVolume, VolumeBox, Window
from engine.xr.rigid import apply, rigid, rotation_from_quaternion
from engine.xr.tool import ToolSample

#: Triangles that a desktop's graphics card draws twice at a headset's frame rate, with room to spare.
TRIANGLE_BUDGET = 2_000_000
#: An error below this many pixels is hardly seen on shaded surfaces.
VISIBLE_ERROR_PX = 0.75
#: No denser than this, a structure is a veil: context round what matters.
VEIL = 0.5
#: What moves, as the page has it.
THING_COLOURS = {"tool": (255, 180, 84), "head": (143, 211, 255), "pointer": (143, 211, 255)}

Fetch = Callable[[str], bytes]


def matrix_of(row_major: Sequence[float]) -> Float64:
    """(4, 4) of a matrix of the wire."""
    return np.array(row_major, np.float64).reshape(4, 4)


def shown_at_first(nodes: Iterable[SurfaceNode]) -> dict[str, bool]:
    """Which structures are drawn before anybody asked, by node, as the page does.

    Of the veils only the faintest: several over one another would hide what they surround. A solid whole stands back
    behind its parts.
    """
    surfaces = list(nodes)
    faintest = min((node.structure.opacity for node in surfaces), default=0.0)
    keys = {node.structure.key for node in surfaces}
    return {
        node.id: node.structure.opacity == faintest
        or (node.structure.opacity > VEIL and not keys.intersection(node.structure.parts))
        for node in surfaces
    }


def choose_levels(nodes: Iterable[SurfaceNode], pixels_per_mm: float, budget: int = TRIANGLE_BUDGET) -> dict[str, int]:
    """Index into each node's levels: the coarsest whose error cannot be seen, coarser where all must fit the budget."""
    chosen = {node.id: _invisible_level(node, pixels_per_mm) for node in nodes if node.lods}
    by_id = {node.id: node for node in nodes}

    def triangles(name: str) -> int:
        return by_id[name].lods[chosen[name]].triangles

    while sum(map(triangles, chosen)) > budget:
        coarser = [name for name in chosen if chosen[name] + 1 < len(by_id[name].lods)]
        if not coarser:
            break
        chosen[max(coarser, key=triangles)] += 1
    return chosen


def _invisible_level(node: SurfaceNode, pixels_per_mm: float) -> int:
    fitting = [n for n, lod in enumerate(node.lods) if lod.error_mm * pixels_per_mm <= VISIBLE_ERROR_PX]
    return fitting[-1] if fitting else 0


def drawn_surface(
    node: SurfaceNode,
    level: int | None,
    voxel_from_headset: Float64,
    headset_from_patient: Float64,
    fetch: Fetch,
    *,
    is_shown: bool,
    order: int,
) -> DrawnSurface:
    """A node at one level of detail where it is now, its patches in place of what stood in their blocks.

    Args:
        level: None where only patches are left of it.

    Raises:
        InvalidValue: a blob that holds no surface.
    """
    parts: list[ReadSurface] = []
    if level is not None:
        (whole,) = read_glb(fetch(node.lods[level].blob))
        if node.moved:
            whole = _moved(whole, node.moved[level], headset_from_patient, fetch)
        edited = [block for patch in node.patches for block in patch.blocks]
        parts.append(without_blocks(whole, voxel_from_headset, edited))
    for patch, shown in zip(node.patches, shown_blocks(node.patches), strict=True):
        if patch.bytes and any(shown):
            (read,) = read_glb(fetch(patch.blob)[patch.start : patch.start + patch.bytes])
            kept = np.repeat(shown, patch.counts)
            parts.append(ReadSurface(read.name, read.positions_m, read.normals, read.triangles[kept]))
    starts = np.cumsum([0, *(len(part.positions_m) for part in parts)])
    empty = np.empty((0, 3))
    return DrawnSurface(
        id=node.id,
        name=node.structure.name,
        label=node.structure.label,
        colour=node.structure.colour,
        opacity=node.structure.opacity,
        is_shown=is_shown,
        order=order,
        volume_ml=node.volume_ml,
        positions_m=np.concatenate([empty, *(part.positions_m for part in parts)]).astype(np.float32),
        normals=np.concatenate([empty, *(part.normals for part in parts)]).astype(np.float32),
        triangles=np.concatenate(
            [empty, *(part.triangles + start for part, start in zip(parts, starts, strict=False))]
        ).astype(np.uint32),
        pattern=node.structure.pattern,
    )


def _moved(surface: ReadSurface, moved: MovedPositions, headset_from_patient: Float64, fetch: Fetch) -> ReadSurface:
    """A surface whose vertices have moved; its normals are made anew from its triangles."""
    if moved.vertices != len(surface.positions_m):
        raise InvalidValue(f"positions of {moved.vertices} vertices for a surface of {len(surface.positions_m)}")
    frame = QuantizationFrame(np.array(moved.origin_mm), moved.step_mm)
    stream = fetch(moved.blob)[moved.start : moved.start + moved.bytes]
    at_mm = unpacked_positions(stream, moved.vertices, frame)
    linear = headset_from_patient[:3, :3]
    faces = surface.triangles.astype(np.int32)
    rotation = linear / np.cbrt(np.linalg.det(linear))
    normals = vertex_normals(Surface(patient(""), at_mm.astype(np.float32), faces)) @ rotation.T
    positions = at_mm @ linear.T + headset_from_patient[:3, 3]
    return ReadSurface(surface.name, positions.astype(np.float32), normals.astype(np.float32), surface.triangles)


def without_blocks(
    surface: ReadSurface, voxel_from_headset: Float64, blocks: Sequence[tuple[int, int, int]]
) -> ReadSurface:
    """The surface but for triangles that lie in `blocks` with all three corners.

    Those that cross a border stay: they overlap the patch by no more than the level's error, where leaving them out
    would leave a hole.
    """
    if not blocks:
        return surface
    voxels = surface.positions_m @ voxel_from_headset[:3, :3].T + voxel_from_headset[:3, 3]
    # Cell n lies between voxels n - 1 and n.
    at = np.floor(np.ceil(voxels + 0.5) / BLOCK_CELLS).astype(np.int64)
    is_in = np.isin(_block_number(at), _block_number(np.array(blocks)))
    kept = ~is_in[surface.triangles].all(axis=1)
    return ReadSurface(surface.name, surface.positions_m, surface.normals, surface.triangles[kept])


def _block_number(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for each (i, j, k); indices stay far below 2^20."""
    return ((blocks[:, 0] + 2**19) << 40) + ((blocks[:, 1] + 2**19) << 20) + blocks[:, 2] + 2**19


def voxel_from_headset(scene: Scene, volume: VolumeNode | None) -> Float64:
    """(4, 4) that tells blocks; identity where there is no volume, and so no block."""
    if volume is None:
        return np.eye(4)
    return np.asarray(np.linalg.inv(matrix_of(scene.headset_from_patient) @ matrix_of(volume.patient_from_voxel)))


def drawn_volume(scene: Scene, node: VolumeNode) -> DrawnVolume:
    """The volume before its first slab."""
    anatomy_from_voxel = matrix_of(scene.headset_from_patient) @ matrix_of(node.patient_from_voxel)
    return DrawnVolume(node.shape, anatomy_from_voxel, tuple(_window(node, preset) for preset in node.presets))


def _window(node: VolumeNode, preset: WindowPreset) -> Window:
    """A window in samples: what travels is int16, whose ends stand for `value_range`."""
    low, high = node.value_range

    def sample(value: float) -> float:
        return INT16_LOW + (value - low) / (high - low) * (INT16_HIGH - INT16_LOW)

    unit = node.quantity if node.quantity == "HU" else ""
    return Window(preset.name, sample(preset.low), sample(preset.high), (preset.low, preset.high), unit)


def slab_box(node: VolumeNode, slab: Slab, data: bytes, *, is_labels: bool) -> VolumeBox:
    """A slab unpacked.

    Raises:
        InvalidValue: other bytes than its shape needs.
    """
    ni, nj, _ = node.shape
    kind = np.dtype(np.uint8) if is_labels else np.dtype("<i2")
    return VolumeBox((0, 0, slab.k_start), _unpacked(data, (slab.k_count, nj, ni), kind))


def label_box(box: LabelBox, blob: bytes) -> VolumeBox:
    """Labels after an edit, unpacked.

    Raises:
        InvalidValue: other bytes than its shape needs.
    """
    ni, nj, nk = box.shape
    return VolumeBox(box.low, _unpacked(blob[box.start : box.start + box.bytes], (nk, nj, ni), np.dtype(np.uint8)))


def _unpacked(data: bytes, shape: tuple[int, int, int], kind: np.dtype[Any]) -> NDArray[Any]:
    size = int(np.prod(shape)) * kind.itemsize
    try:
        raw = imagecodecs.zstd_decode(data, out=size)
    except (RuntimeError, ValueError) as error:
        raise InvalidValue(f"voxels cannot be unpacked ({error})") from error
    if len(raw) != size:
        raise InvalidValue(f"a box of voxels holds {len(raw)} bytes instead of {size}")
    return np.frombuffer(raw, kind).reshape(shape)


def tool_sample(scene: Scene, node: TrackedNode, pose: Pose) -> ToolSample | None:
    """A thing that moves as a tool beside this scene's anatomy, with its time on the hub's clock.

    None where nobody can say where that is: measured in the world while no landmark check has proved the registration,
    or in the patient's frame by another registration than the scene's.
    """
    w, x, y, z = pose.orientation
    patient_from_tool = rigid(rotation_from_quaternion(x, y, z, w), pose.position_mm)
    if pose.frame is PoseFrame.WORLD:
        if scene.registration is None or not scene.registration.verified:
            return None
        patient_from_tool = matrix_of(scene.registration.patient_from_world) @ patient_from_tool
    elif pose.registration_epoch != scene.registration_epoch % 65536:
        return None
    headset_from_patient = matrix_of(scene.headset_from_patient)
    metres_per_mm = float(np.linalg.norm(headset_from_patient[:3, 0]))
    return ToolSample(
        entity=pose.entity,
        time_s=pose.time_s,
        position_m=apply(headset_from_patient, patient_from_tool[:3, 3]),
        rotation=headset_from_patient[:3, :3] / metres_per_mm @ patient_from_tool[:3, :3],
        name=node.name,
        is_tracked=pose.is_tracked,
        shaft_m=metres_per_mm * np.array(node.shaft_mm),
        radius_m=metres_per_mm * node.radius_mm,
        colour=THING_COLOURS[node.thing],
        fades_after_s=node.fades_after_ms / 1e3,
        hides_after_s=node.hides_after_ms / 1e3,
    )
