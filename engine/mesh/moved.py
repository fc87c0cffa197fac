"""Surfaces that move and keep their triangles: margins, deformed tissue. New positions travel, and nothing else.

Positions are in the order in which the surface's GLB has its vertices (`engine.mesh.gltf`), which depends on its
triangles alone; so whoever has the GLB puts them in the place of those that it came with.
"""

from __future__ import annotations

import numpy as np

from engine.core.array import Float32, Float64
from engine.core.surface import Surface
from engine.mesh.meshopt import encode_attributes
from engine.mesh.meshopt_decode import decode_attributes
from engine.mesh.order import in_drawing_order
from engine.mesh.quantize import QuantizationFrame


def packed_positions(surface: Surface, frame: QuantizationFrame) -> bytes:
    """The positions of `surface`, whose GLB travelled before with the same triangles.

    Raises:
        InvalidValue: a vertex lies outside `frame`.
    """
    _, used = in_drawing_order(surface.faces, len(surface.vertices_mm))
    return packed_in_order(surface.vertices_mm[used], frame)


def packed_in_order(vertices_mm: Float32, frame: QuantizationFrame) -> bytes:
    """The same of vertices (v, 3) that stand in the order of the GLB already: those that were read from it.

    Raises:
        InvalidValue: a vertex lies outside `frame`.
    """
    return encode_attributes(frame.quantized(vertices_mm).view(np.uint8))


def unpacked_positions(stream: bytes, count: int, frame: QuantizationFrame) -> Float64:
    """Patient positions (count, 3) millimetres of what `packed_positions` made.

    Raises:
        InvalidValue: not such a stream, or not of so many vertices.
    """
    return frame.restored(decode_attributes(stream, count, 8).view(np.uint16).reshape(-1, 4))
