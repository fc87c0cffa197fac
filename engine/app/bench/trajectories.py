"""Ways to a target among structures: how long proposals take, and one way that is moved by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from engine.app.bench.row import Row
from engine.app.bench.timing import interleaved
from engine.core.array import Float64
from engine.core.frame import patient
from engine.core.surface import Surface
from guidance.margins.surface_tree import SurfaceTree
from guidance.trajectory.assess import Surroundings
from guidance.trajectory.entry_surface import EntrySurface
from guidance.trajectory.propose import CANDIDATES, propose

PATIENT = patient("1.2.3")
STRUCTURES = 10
#: Of a ball with so many triangles, about: 160 rings of 320 squares.
RINGS, TRIANGLES = 160, 100_000
HEAD_MM = 90.0


def run(_shared_data: Path | None) -> list[Row]:
    """Structures that lie about the target within a head of as many triangles."""
    rng = np.random.default_rng(0)
    skin = EntrySurface(_ball(rng, HEAD_MM, np.zeros(3), lumps=0.01))
    trees = {}
    for n in range(STRUCTURES):
        direction = rng.normal(size=3)
        centre = direction / np.linalg.norm(direction) * rng.uniform(30, 65)
        trees[str(n)] = SurfaceTree(_ball(rng, rng.uniform(5, 14), centre, lumps=0.1))
    around = Surroundings(skin, trees)
    target = np.zeros(3)
    best = propose(around, target, 1.0).best[0].trajectory
    many, one = interleaved(lambda: propose(around, target, 1.0), lambda: around.assess(best))
    case = f"{STRUCTURES} structures and a head of {TRIANGLES:,} triangles each"
    return [
        Row("trajectories", case, f"the best of {CANDIDATES:,} ways", "s", many.wall),
        Row("trajectories", case, f"the best of {CANDIDATES:,} ways, processor", "s", many.cpu),
        Row("trajectories", case, "one way with its profile", "ms", 1000 * one.wall),
        Row("trajectories", case, "one way with its profile, processor", "ms", 1000 * one.cpu),
    ]


def _ball(rng: np.random.Generator, radius_mm: float, centre_mm: Float64, lumps: float) -> Surface:
    mesh = trimesh.creation.uv_sphere(count=[RINGS, RINGS])
    radius = np.ones(len(mesh.vertices))
    for _ in range(12):
        radius += lumps * np.sin(mesh.vertices @ (rng.normal(size=3) * 6) + rng.uniform(0, 6))
    vertices = mesh.vertices * radius_mm * radius[:, None] + centre_mm
    return Surface(PATIENT, vertices.astype(np.float32), mesh.faces.astype(np.int32))
