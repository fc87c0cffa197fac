"""Vertex normals of a triangle surface."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.core.array import Float32
from engine.core.surface import Surface
from engine.mesh.kernels_bits import kernel
from engine.mesh.kernels_slabs import Slabs

#: Faces are summed in this many parts whatever the number of threads, so that the sums round alike everywhere.
PARTS = 2

#: Below this many faces, starting threads takes longer than the work.
FEW_FACES = 50_000


def vertex_normals(surface: Surface) -> Float32:
    """Unit normals (v, 3) float32 of the vertices, outward, in the surface's frame.

    The normal of a face weighs by the sine of its angle at the vertex over the lengths of the two edges that meet
    there, which is exact for vertices on a sphere and does not depend on how flat parts are cut into triangles
    (Max, Weights for Computing Vertex Normals from Facet Normals, Journal of Graphics Tools 4, 1999). A vertex whose
    faces have no area gets (0, 0, 1).
    """
    vertices, faces = surface.vertices_mm, surface.faces
    sums = np.zeros((PARTS, len(vertices), 3), dtype=np.float32)
    cuts = [(len(faces) * n // PARTS, len(faces) * (n + 1) // PARTS) for n in range(PARTS)]
    normals: Float32 = np.empty((len(vertices), 3), dtype=np.float32)
    with Slabs(1 if len(faces) < FEW_FACES else None) as slabs:
        slabs.each(range(PARTS), lambda n: sum_face_normals(*cuts[n], vertices, faces, sums[n]))
        slabs.over(len(vertices), lambda first, last: normalise(first, last, sums, normals))
    return normals


@kernel
def sum_face_normals(first: int, last: int, vertices: Any, faces: Any, sums: Any) -> None:
    """Add the weighted normals of the faces first..last - 1 to their vertices."""
    for f in range(first, last):
        v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = (
            vertices[v1, 0] - vertices[v0, 0],
            vertices[v1, 1] - vertices[v0, 1],
            vertices[v1, 2] - vertices[v0, 2],
        )
        bx, by, bz = (
            vertices[v2, 0] - vertices[v1, 0],
            vertices[v2, 1] - vertices[v1, 1],
            vertices[v2, 2] - vertices[v1, 2],
        )
        cx, cy, cz = (
            vertices[v0, 0] - vertices[v2, 0],
            vertices[v0, 1] - vertices[v2, 1],
            vertices[v0, 2] - vertices[v2, 2],
        )
        aa, bb, cc = ax * ax + ay * ay + az * az, bx * bx + by * by + bz * bz, cx * cx + cy * cy + cz * cz
        product = float(aa) * float(bb) * float(cc)
        if product == 0.0:
            continue
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        scale = 1.0 / product
        for v, opposite in ((v0, bb), (v1, cc), (v2, aa)):
            weight = np.float32(scale * opposite)
            sums[v, 0] += nx * weight
            sums[v, 1] += ny * weight
            sums[v, 2] += nz * weight


@kernel
def normalise(first: int, last: int, sums: Any, normals: Any) -> None:
    """Add up the parts of `sums` and scale them to length 1."""
    for v in range(first, last):
        x = y = z = 0.0
        for part in range(sums.shape[0]):
            x += sums[part, v, 0]
            y += sums[part, v, 1]
            z += sums[part, v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            normals[v, 0], normals[v, 1], normals[v, 2] = x / length, y / length, z / length
        else:
            normals[v, 0], normals[v, 1], normals[v, 2] = 0.0, 0.0, 1.0
