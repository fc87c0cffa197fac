"""The outside of a surface that has cavities, or that is of several bodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from engine.core.surface import Surface


def outer_shell(surface: Surface) -> Surface:
    """The connected part that encloses the largest volume."""
    faces = surface.faces
    if not len(faces):
        return surface
    count = len(surface.vertices_mm)
    joined = coo_array((np.ones(2 * len(faces)), (faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel())), (count, count))
    shells, of_vertex = connected_components(joined, directed=False)
    own = of_vertex[faces[:, 0]]
    corners = (surface.vertices_mm - surface.vertices_mm.mean(axis=0)).astype(np.float64)[faces]
    six_volumes = np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    largest = int(np.argmax(np.bincount(own, six_volumes, shells)))
    return replace(surface, faces=faces[own == largest])
