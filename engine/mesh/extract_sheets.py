"""How many vertices the surface of one label needs in a cell, and which quad uses which.

A net with one vertex per cell is not two-manifold where voxels of a label touch only along an edge
or at a corner. So each label gets, per cell, one vertex for every closed walk ("sheet") of its
boundary round the cell: the dual of the marching-cubes polygons (Nielson, Dual Marching Cubes, IEEE
Visualization 2004). On a face whose diagonals differ, voxels of the label are kept apart.

That rule leaves one case in which a mesh edge belongs to four quads: two cells that share such a
face, each with a single sheet that runs through the face twice ("pinched"). It happens for 36 of 256
masks, each with exactly one such face. There both cells join the label across the face instead,
which splits both sheets in two (Wenger, Isosurfaces, CRC 2013, section 3.3).
All the vertices of a cell share one position, so neighbouring structures still meet exactly.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.mesh.kernels_net import ALTERNATIVE, PINCHED

#: Corner numbers are dx + 2 dy + 4 dz. Edges: four along x by dy + 2 dz, four along y by dx + 2 dz, four along z
#: by dx + 2 dy. Faces: -x +x -y +y -z +z.
STRIDES: Final = (1, 2, 4)
NO_FACE: Final = 255


def _others(axis: int) -> tuple[int, int]:
    low, high = (n for n in range(3) if n != axis)
    return STRIDES[low], STRIDES[high]


#: The two corners of each edge.
EDGES: Final = tuple(
    (low * u + high * v, low * u + high * v + STRIDES[axis])
    for axis in range(3)
    for low, high in [_others(axis)]
    for v, u in product((0, 1), repeat=2)
)

#: The four corners of each face, in order round it.
FACES: Final = tuple(
    tuple(side * STRIDES[axis] + low * u + high * v for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)))
    for axis in range(3)
    for low, high in [_others(axis)]
    for side in (0, 1)
)


def _face_edges(face: int) -> list[int]:
    """Edge n runs from corner n of the face to the next."""
    corners = FACES[face]
    return [EDGES.index((min(p), max(p))) for p in zip(corners, (*corners[1:], corners[0]), strict=True)]


def _crossed(mask: int, edge: int) -> bool:
    low, high = EDGES[edge]
    return (mask >> low & 1) != (mask >> high & 1)


def _steps(mask: int, face: int, joined: bool) -> list[tuple[int, int]]:
    """Pairs of edges that the boundary of the label connects across a face."""
    edges = _face_edges(face)
    crossed = [edge for edge in edges if _crossed(mask, edge)]
    if len(crossed) < 4:
        return [(crossed[0], crossed[1])] if crossed else []
    # Apart: round each corner of the label. Joined: round each corner that is not.
    return [(edges[n - 1], edges[n]) for n in range(4) if (mask >> FACES[face][n] & 1) != joined]


def _sheets(mask: int, joined_face: int = NO_FACE) -> list[int]:
    """Sheet of each edge, numbered by their lowest edge; 0 where the edge is not crossed."""
    sheet = list(range(12))
    for face in range(6):
        for one, other in _steps(mask, face, joined=face == joined_face):
            low, high = sorted((sheet[one], sheet[other]))
            sheet = [low if s == high else s for s in sheet]
    present = sorted({sheet[edge] for edge in range(12) if _crossed(mask, edge)})
    return [present.index(sheet[edge]) if _crossed(mask, edge) else 0 for edge in range(12)]


def _pinched_face(mask: int) -> int:
    """The face that one sheet of `mask` runs through twice, or NO_FACE."""
    sheets = _sheets(mask)
    for face in range(6):
        edges = _face_edges(face)
        if all(_crossed(mask, edge) for edge in edges) and len({sheets[edge] for edge in edges}) == 1:
            return face
    return NO_FACE


@cache
def sheet_table() -> NDArray[np.uint8]:
    """(256, 25) by corner mask: sheet per edge, sheet per edge when pinched on both sides, pinched face."""
    table = np.zeros((256, PINCHED + 1), dtype=np.uint8)
    for mask in range(256):
        face = _pinched_face(mask)
        table[mask, :ALTERNATIVE] = _sheets(mask)
        table[mask, ALTERNATIVE:PINCHED] = _sheets(mask, face)
        table[mask, PINCHED] = face
    table.flags.writeable = False
    return table
