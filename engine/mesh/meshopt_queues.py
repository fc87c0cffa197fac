"""What both ways of the triangle codec remember: the last 16 vertices, the last 16 edges, and how far they are.

meshoptimizer's index codec, version 1 (EXT_meshopt_compression, "Mode 1: triangles"): a triangle is told by an edge or
a vertex that both sides still remember.
"""

from __future__ import annotations

from typing import Any

from engine.mesh.kernels_bits import inlined

#: Rows of the state: vertices queued, edges queued, the next new vertex, the last index written out.
QUEUED, EDGED, FRESH, LAST = range(4)
#: Codes of the third corner: a vertex that is new, an index written out.
NEW, WRITTEN = 0, 15


@inlined
def queue_vertex(queue: Any, state: Any, v: Any) -> Any:
    """Remember a vertex."""
    queue[state[QUEUED] & 15] = v
    state[QUEUED] += 1


@inlined
def queue_edge(edges: Any, state: Any, a: Any, b: Any) -> Any:
    """Remember a directed edge."""
    at = state[EDGED] & 15
    edges[at, 0], edges[at, 1] = a, b
    state[EDGED] += 1
