"""Surfaces as one binary glTF (GLB): quantised, meshopt-compressed, coded, with levels of detail.

Written to glTF 2.0 with KHR_mesh_quantization, EXT_meshopt_compression (required, with a placeholder for the
uncompressed buffer as the extension specifies) and MSFT_lod. Positions stay patient millimetres under a node of scale
and translation per structure; the one root node carries the caller's matrix from the patient to the headset.
Same surfaces, same bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float32
from engine.core.errors import InvalidValue
from engine.core.structure import Structure
from engine.core.surface import Surface
from engine.mesh.kernels_slabs import thread_count
from engine.mesh.meshopt import encode_attributes, encode_triangles, octahedral
from engine.mesh.normals import vertex_normals
from engine.mesh.order import in_drawing_order
from engine.mesh.quantize import QuantizationFrame

GENERATOR = "Sightline"

_BYTE, _UNSIGNED_SHORT, _UNSIGNED_INT = 5120, 5123, 5125
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_MESHOPT, _QUANTIZATION, _LOD = "EXT_meshopt_compression", "KHR_mesh_quantization", "MSFT_lod"
#: Beyond this many vertices indices take 32 bits: 65535 itself is reserved (glTF 2.0, 3.7.2.1).
_MOST_SHORT = 65535

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GltfMesh:
    """One structure as it goes into a file.

    Attributes:
        structure: name, code, colour, provenance.
        lods: its surfaces, finest first; those without triangles are left out.
        volume_ml, surface_area_mm2: measured on the full surface, or None where unknown.
        frame: quantisation frame for all levels; when None the finest 16 bits allow, coarser for coarser levels.
    """

    structure: Structure
    lods: tuple[Surface, ...]
    volume_ml: float | None = None
    surface_area_mm2: float | None = None
    frame: QuantizationFrame | None = None


@dataclass(frozen=True, slots=True)
class _Packed:
    """One surface encoded: its streams and what describes them."""

    surface: Surface
    frame: QuantizationFrame
    vertex_count: int
    index_bytes: int
    low: list[int]
    high: list[int]
    positions: bytes
    normals: bytes
    indices: bytes


def write_glb(
    meshes: Sequence[GltfMesh],
    root_matrix: ArrayLike,
    *,
    title: str = "",
    generator: str = GENERATOR,
    extras: Mapping[str, Any] | None = None,
    workers: int | None = None,
) -> bytes:
    """A GLB with a node for each structure.

    Args:
        meshes: the structures; names become node names.
        root_matrix: (4, 4) headset from patient, rotation and millimetres to metres.
        title: name of the scene.
        generator: what made the file.
        extras: further facts about the scene; JSON values.
        workers: threads; all processors by default. The bytes do not depend on it.

    Raises:
        InvalidValue: the matrix is no (4, 4) of finite numbers, or a vertex lies outside its given frame.
    """
    jobs = [(surface, frame) for mesh in meshes for surface, frame in zip(_drawn(mesh), _frames(mesh), strict=True)]
    with ThreadPoolExecutor(workers or thread_count()) as pool:
        # The largest first, so that no thread ends with it alone.
        order = sorted(range(len(jobs)), key=lambda n: -jobs[n][0].triangle_count)
        futures = {n: pool.submit(_pack, *jobs[n]) for n in order}
        packed = iter([futures[n].result() for n in range(len(jobs))])
    document = _Document(root_matrix, title, generator, extras)
    for mesh in meshes:
        document.add(mesh, [next(packed) for _ in _drawn(mesh)])
    return document.as_glb()


def single_surface_glb(
    surface: Surface,
    structure: Structure,
    root_matrix: ArrayLike,
    *,
    lod: int = 0,
    volume_ml: float | None = None,
    surface_area_mm2: float | None = None,
    frame: QuantizationFrame | None = None,
    normals: Float32 | None = None,
    keeps_order: bool = False,
) -> bytes:
    """A GLB of one level of detail of one structure; `lod` is its number, 0 the finest.

    Args:
        normals: (v, 3) of the vertices; made from the triangles where not given, which at the rim of an open surface
            leaves out what lies beyond it.
        keeps_order: leave triangles in the order they have, where otherwise one that draws faster is found.

    Raises:
        InvalidValue: as `write_glb`, or the surface has no triangles.
    """
    if not surface.triangle_count:
        raise InvalidValue(f"{structure.name} has no triangles to write")
    mesh = GltfMesh(structure, (surface,), volume_ml, surface_area_mm2, frame)
    document = _Document(root_matrix, structure.name, GENERATOR, None)
    packed = _pack(surface, _frames(mesh)[0], normals, keeps_order=keeps_order)
    document.add(mesh, [packed], first_lod=lod)
    return document.as_glb()


def _drawn(mesh: GltfMesh) -> list[Surface]:
    return [surface for surface in mesh.lods if surface.triangle_count]


def _frames(mesh: GltfMesh) -> list[QuantizationFrame]:
    """A frame for each level that is drawn."""
    drawn = _drawn(mesh)
    if mesh.frame is not None or not drawn:
        return [mesh.frame for _ in drawn if mesh.frame is not None]
    finest = QuantizationFrame.around(drawn)
    return [finest.fit_for(surface.error_mm) for surface in drawn]


def _pack(
    surface: Surface, frame: QuantizationFrame, normals: Float32 | None = None, *, keeps_order: bool = False
) -> _Packed:
    if keeps_order:
        faces, used = surface.faces, np.arange(len(surface.vertices_mm), dtype=np.int32)
    else:
        faces, used = in_drawing_order(surface.faces, len(surface.vertices_mm))
    positions = frame.quantized(surface.vertices_mm[used])
    directions = octahedral((vertex_normals(surface) if normals is None else normals)[used])
    return _Packed(
        surface=surface,
        frame=frame,
        vertex_count=len(used),
        index_bytes=2 if len(used) <= _MOST_SHORT else 4,
        low=[int(n) for n in positions[:, :3].min(axis=0)],
        high=[int(n) for n in positions[:, :3].max(axis=0)],
        positions=encode_attributes(positions.view(np.uint8)),
        normals=encode_attributes(directions.view(np.uint8)),
        indices=encode_triangles(faces),
    )


class _Document:
    """A glTF being put together: JSON, the compressed bytes, and the size the uncompressed ones would have."""

    def __init__(self, root_matrix: ArrayLike, title: str, generator: str, extras: Mapping[str, Any] | None) -> None:
        matrix = np.asarray(root_matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise InvalidValue(f"a root matrix is (4, 4) finite numbers, got shape {matrix.shape}")
        self._asset: Json = {"version": "2.0", "generator": generator}
        # glTF stores matrices column after column (3.5.3).
        self._nodes: list[Json] = [{"name": "headset_from_patient", "matrix": matrix.T.ravel().tolist()}]
        self._scene: Json = {"nodes": [0]} | ({"name": title} if title else {}) | _optional("extras", extras)
        self._children: list[int] = []
        self._meshes: list[Json] = []
        self._materials: list[Json] = []
        self._accessors: list[Json] = []
        self._views: list[Json] = []
        self._binary = bytearray()
        self._uncompressed = 0
        self._has_lods = False

    def add(self, mesh: GltfMesh, packed: Sequence[_Packed], first_lod: int = 0) -> None:
        """A node for the finest level under the root, and one outside the scene for each coarser one."""
        first = len(self._nodes)
        self._children.append(first)
        self._materials.append(_material(mesh.structure))
        for level, surface in enumerate(packed, start=first_lod):
            self._nodes.append(self._node(mesh, surface, level))
        if not packed:
            self._nodes.append({"name": mesh.structure.name, "extras": _extras(mesh, None, first_lod)})
        if len(packed) > 1:
            self._nodes[first]["extensions"] = {_LOD: {"ids": list(range(first + 1, len(self._nodes)))}}
            self._has_lods = True

    def _node(self, mesh: GltfMesh, packed: _Packed, level: int) -> Json:
        self._meshes.append(
            {
                "name": mesh.structure.name,
                "primitives": [
                    {
                        "attributes": {"POSITION": self._positions(packed), "NORMAL": self._normals(packed)},
                        "indices": self._indices(packed),
                        "material": len(self._materials) - 1,
                    }
                ],
            }
        )
        return {
            "name": mesh.structure.name,
            "mesh": len(self._meshes) - 1,
            "translation": packed.frame.origin_mm.tolist(),
            "scale": [packed.frame.step_mm] * 3,
            "extras": _extras(mesh, packed.surface.error_mm + packed.frame.error_mm, level),
        }

    def _positions(self, packed: _Packed) -> int:
        view = self._view(packed.positions, packed.vertex_count, 8, "ATTRIBUTES")
        described = {"componentType": _UNSIGNED_SHORT, "type": "VEC3", "min": packed.low, "max": packed.high}
        return self._accessor(view, packed.vertex_count, described)

    def _normals(self, packed: _Packed) -> int:
        view = self._view(packed.normals, packed.vertex_count, 4, "ATTRIBUTES", "OCTAHEDRAL")
        return self._accessor(view, packed.vertex_count, {"componentType": _BYTE, "normalized": True, "type": "VEC3"})

    def _indices(self, packed: _Packed) -> int:
        count = 3 * packed.surface.triangle_count
        view = self._view(packed.indices, count, packed.index_bytes, "TRIANGLES")
        kind = _UNSIGNED_SHORT if packed.index_bytes == 2 else _UNSIGNED_INT
        return self._accessor(view, count, {"componentType": kind, "type": "SCALAR"})

    def _accessor(self, view: int, count: int, described: Json) -> int:
        self._accessors.append({"bufferView": view, "count": count} | described)
        return len(self._accessors) - 1

    def _view(self, stream: bytes, count: int, stride: int, mode: str, stream_filter: str | None = None) -> int:
        compressed: Json = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(stream)}
        compressed |= {"byteStride": stride, "count": count, "mode": mode} | _optional("filter", stream_filter)
        view: Json = {"buffer": 1, "byteOffset": self._uncompressed, "byteLength": count * stride}
        if mode == "ATTRIBUTES":
            view |= {"byteStride": stride, "target": _ARRAY_BUFFER}
        else:
            view |= {"target": _ELEMENT_ARRAY_BUFFER}
        self._views.append(view | {"extensions": {_MESHOPT: compressed}})
        self._binary += stream + bytes(-len(stream) % 4)
        self._uncompressed += -(-count * stride // 4) * 4
        return len(self._views) - 1

    def as_glb(self) -> bytes:
        """The file."""
        if self._children:
            self._nodes[0]["children"] = self._children
        document: Json = {"asset": self._asset, "scene": 0, "scenes": [self._scene], "nodes": self._nodes}
        if self._meshes:
            required = [_QUANTIZATION, _MESHOPT]
            document |= {
                "extensionsUsed": required + ([_LOD] if self._has_lods else []),
                "extensionsRequired": required,
                "meshes": self._meshes,
                "materials": self._materials,
                "accessors": self._accessors,
                "bufferViews": self._views,
                "buffers": [
                    {"byteLength": len(self._binary)},
                    {"byteLength": self._uncompressed, "extensions": {_MESHOPT: {"fallback": True}}},
                ],
            }
        return _glb(document, bytes(self._binary))


def _optional(key: str, value: Any) -> Json:
    return {} if value is None else {key: value}


def _material(structure: Structure) -> Json:
    """Dull and coloured; see-through where the structure is."""
    channels = np.asarray(structure.colour) / 255
    # glTF colours are linear; structures' are sRGB (IEC 61966-2-1).
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    factor = [*(round(float(channel), 6) for channel in linear), structure.opacity]
    shading = {"baseColorFactor": factor, "metallicFactor": 0, "roughnessFactor": 0.6}
    blend = {"alphaMode": "BLEND"} if structure.opacity < 1 else {}
    return {"name": structure.name, "pbrMetallicRoughness": shading} | blend


def _extras(mesh: GltfMesh, error_mm: float | None, level: int) -> Json:
    structure, provenance = mesh.structure, mesh.structure.provenance
    code = structure.code
    return {
        "key": structure.key,
        "label": structure.label,
        "code": {"value": code.value, "scheme": code.scheme, "meaning": code.meaning} if code else None,
        "colour": list(structure.colour),
        "opacity": structure.opacity,
        "provenance": {
            "pipeline": provenance.pipeline,
            "version": provenance.version,
            "parameters": dict(provenance.parameters),
            "synthetic": provenance.synthetic,
        },
        "volume_ml": mesh.volume_ml,
        "surface_area_mm2": mesh.surface_area_mm2,
        "error_mm": error_mm,
        "lod": level,
    }


def _glb(document: Json, binary: bytes) -> bytes:
    """The container: header, JSON padded with spaces, bytes padded with zeros (glTF 2.0, 4.4)."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    chunks = [(b"JSON", text + b" " * (-len(text) % 4))]
    if binary:
        chunks.append((b"BIN\0", binary))
    body = b"".join(struct.pack("<I", len(data)) + kind + data for kind, data in chunks)
    return b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body
