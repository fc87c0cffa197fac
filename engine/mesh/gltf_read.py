"""Reads the GLB files that `engine.mesh.gltf` writes: quantised, meshopt-compressed, one surface or several."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64
from engine.core.errors import InvalidValue
from engine.mesh.meshopt_decode import UInt32, decode_attributes, decode_triangles, normals_from_octahedral

_MESHOPT = "EXT_meshopt_compression"
_UNSIGNED_SHORT, _BYTE = 5123, 5120
#: More vertices than this no file of ours has; a file that says so is wrong.
_MOST = 2**27

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class ReadSurface:
    """One surface in the frame of the file's root: headset metres.

    Attributes:
        name: of its node.
        positions_m, normals: (v, 3) float32.
        triangles: (t, 3) uint32.
    """

    name: str
    positions_m: Float32
    normals: Float32
    triangles: UInt32


def read_glb(data: bytes) -> tuple[ReadSurface, ...]:
    """The surfaces of the scene's nodes, with their nodes' transforms applied.

    Raises:
        InvalidValue: not a GLB as Sightline writes it.
    """
    document, binary = _chunks(data)
    try:
        return tuple(_surfaces(document, binary))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InvalidValue(f"not a surface as Sightline writes it ({type(error).__name__}: {error})") from error


def _chunks(data: bytes) -> tuple[Json, bytes]:
    """The container (glTF 2.0, 4.4)."""
    if len(data) < 20 or data[:4] != b"glTF" or struct.unpack_from("<II", data, 4) != (2, len(data)):
        raise InvalidValue("not a GLB file, or not all of it")
    parts: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        size, kind = struct.unpack_from("<I4s", data, at)
        parts[kind] = data[at + 8 : at + 8 + size]
        at += 8 + size
    try:
        document = json.loads(parts[b"JSON"])
    except (KeyError, ValueError) as error:
        raise InvalidValue("a GLB file without a readable description") from error
    return document, parts.get(b"BIN\0", b"")


def _surfaces(document: Json, binary: bytes) -> Iterator[ReadSurface]:
    nodes = document["nodes"]
    waiting = [(index, np.eye(4)) for index in document["scenes"][document["scene"]]["nodes"]]
    for _ in range(len(nodes)):  # a tree: no node is met twice
        if not waiting:
            return
        index, root_from_parent = waiting.pop(0)
        root_from_node = root_from_parent @ _matrix(nodes[index])
        waiting += [(child, root_from_node) for child in nodes[index].get("children", ())]
        if "mesh" in nodes[index]:
            (primitive,) = document["meshes"][nodes[index]["mesh"]]["primitives"]
            yield _surface(document, binary, str(nodes[index].get("name", "")), primitive, root_from_node)


def _matrix(node: Json) -> Float64:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T  # column after column (3.5.3)
    matrix = np.diag([*map(float, node.get("scale", (1, 1, 1))), 1.0])
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _surface(document: Json, binary: bytes, name: str, primitive: Json, root_from_node: Float64) -> ReadSurface:
    accessors = document["accessors"]
    place, direction = (accessors[primitive["attributes"][key]] for key in ("POSITION", "NORMAL"))
    corners = accessors[primitive["indices"]]
    if (place["componentType"], direction["componentType"]) != (_UNSIGNED_SHORT, _BYTE):
        raise InvalidValue("positions are 16 bits without sign, normals 8 bits with one")
    packed = decode_attributes(*_stream(document, binary, place, "ATTRIBUTES"))
    steps = packed.view(np.uint16)[:, :3]
    turned = normals_from_octahedral(decode_attributes(*_stream(document, binary, direction, "ATTRIBUTES")))
    stream, count, _ = _stream(document, binary, corners, "TRIANGLES")
    triangles = decode_triangles(stream, count // 3)
    if len(steps) != len(turned) or (triangles.size and int(triangles.max()) >= len(steps)):
        raise InvalidValue("a triangle names a vertex that is not there")
    linear = root_from_node[:3, :3]
    positions = steps @ linear.T + root_from_node[:3, 3]
    return ReadSurface(name, positions.astype(np.float32), _directions(turned, linear), triangles)


def _directions(normals: Float32, linear: Float64) -> Float32:
    """Normals under a map that turns and scales alike along all axes."""
    turned: NDArray[Any] = normals @ (linear / np.linalg.norm(linear[:, 0])).T
    return np.ascontiguousarray(turned, np.float32)


def _stream(document: Json, binary: bytes, accessor: Json, mode: str) -> tuple[bytes, int, int]:
    """The compressed bytes of an accessor, how many elements they hold, and the bytes of each."""
    view = document["bufferViews"][accessor["bufferView"]]["extensions"][_MESHOPT]
    start, size, count = int(view["byteOffset"]), int(view["byteLength"]), int(view["count"])
    if view["mode"] != mode or count != accessor["count"] or not 0 <= count <= _MOST:
        raise InvalidValue("a stream of another kind or length than it should have")
    if start < 0 or size < 0 or start + size > len(binary):
        raise InvalidValue("a stream lies outside its file")
    return binary[start : start + size], count, int(view["byteStride"])
