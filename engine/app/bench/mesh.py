"""`bench mesh`: simplification beside fast-simplification, and what a surface costs on the wire beside a plain GLB.

The peer is told to reach as many triangles as ours keep within the bound; both results are then measured against the
full surface, both ways. The peer holds no bound, so its distance is what it comes to. Times are CPU seconds of the
whole process, least of the repeats, interleaved: the peer has one thread, ours all, and neither waits for another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fast_simplification  # type: ignore[import-untyped]  # the package carries no types
import numpy as np

from engine.app.bench.row import Row
from engine.app.bench.scans import volume_of
from engine.core.grid import Grid
from engine.core.structure import Structure
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.mesh.distance import deviation_mm
from engine.mesh.extract import extract
from engine.mesh.gltf import single_surface_glb
from engine.mesh.meshopt import encode_attributes, encode_triangles, octahedral
from engine.mesh.normals import vertex_normals
from engine.mesh.order import in_drawing_order
from engine.mesh.quantize import QuantizationFrame
from engine.mesh.simplify import simplify

COARSE_CHEST_CT = Path("ct") / "chest_lidc0314_1p5mm.nii.gz"
BOUNDS_MM = (0.5, 1.5)
REPEATS = 3
SAMPLES = 200_000

Work = Callable[[], Any]


def run(shared_data: Path | None) -> list[Row]:
    """Measure every surface; the real ones where the scans are."""
    rows: list[Row] = []
    for name, surface in _surfaces(shared_data):
        rows += [*_simplified(name, surface), *_sent(name, surface)]
    return rows


def _surfaces(shared_data: Path | None) -> Iterator[tuple[str, Surface]]:
    yield "lobed solid", _lobed_solid()
    if shared_data is None or not (shared_data / COARSE_CHEST_CT).exists():
        return
    volume = volume_of(shared_data / COARSE_CHEST_CT)
    hounsfield = np.asarray(volume.samples)
    labels = np.where(hounsfield > 200, 2, np.where(hounsfield < -500, 1, 0)).astype(np.uint8)
    for label, surface in extract(LabelMap(volume.grid, labels, ())).surfaces().items():
        yield ("", "chest CT 1.5 mm, air", "chest CT 1.5 mm, bone")[label], surface


def _lobed_solid(size: int = 118) -> Surface:
    """A rough solid of about 140 thousand triangles."""
    axis = np.linspace(-1, 1, size)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    field = np.sqrt(x**2 + y**2 + z**2) + 0.12 * np.sin(7 * x + 1) * np.sin(6 * y) * np.sin(8 * z + 2)
    inside = field + np.random.default_rng(0).normal(scale=0.01, size=field.shape) < 0.8
    labels = np.asfortranarray(inside.astype(np.uint8))
    return extract(LabelMap(Grid.centred((size, size, size), 0.8), labels, ())).surface(1)


def _simplified(name: str, surface: Surface) -> Iterator[Row]:
    vertices, faces = np.array(surface.vertices_mm), np.array(surface.faces)  # the peer takes no read-only arrays
    for bound_mm in BOUNDS_MM:
        case = f"{name}, {surface.triangle_count} triangles, bound {bound_mm} mm"
        ours, coarse = _least_cpu_s(partial(simplify, surface, bound_mm))
        kept = 1 - coarse.triangle_count / surface.triangle_count
        theirs, (left, left_faces) = _least_cpu_s(partial(fast_simplification.simplify, vertices, faces, kept))
        peer = Surface(surface.frame, left.astype(np.float32), left_faces.astype(np.int32))
        yield Row("mesh", case, "simplify, CPU", "s", ours, "fast-simplification", theirs)
        yield Row("mesh", case, "triangles left", "", coarse.triangle_count, "fast-simplification", peer.triangle_count)
        found, theirs_found = (_deviation(surface, other) for other in (coarse, peer))
        yield Row("mesh", case, "distance both ways, largest", "mm", found, "fast-simplification", theirs_found)
        yield Row("mesh", case, "closed", "", float(coarse.is_closed()), "fast-simplification", float(peer.is_closed()))


def _deviation(surface: Surface, other: Surface) -> float:
    return deviation_mm(surface, other, SAMPLES, np.random.default_rng(0)).hausdorff_mm


def _sent(name: str, surface: Surface) -> Iterator[Row]:
    import trimesh

    case = f"{name}, {surface.triangle_count} triangles"
    million = surface.triangle_count / 1e6
    used = in_drawing_order(surface.faces, len(surface.vertices_mm))[1]
    positions = QuantizationFrame.around([surface]).quantized(surface.vertices_mm[used]).view(np.uint8)
    normals = octahedral(vertex_normals(surface)[used]).view(np.uint8)

    def pack() -> None:
        faces = in_drawing_order(surface.faces, len(surface.vertices_mm))[0]
        encode_attributes(positions)
        encode_attributes(normals)
        encode_triangles(faces)

    structure = Structure(1, "solid", "Solid", None, (255, 255, 255))
    glb = single_surface_glb(surface, structure, np.eye(4))
    plain = trimesh.Trimesh(surface.vertices_mm, surface.faces, process=False)
    peer = len(plain.export(file_type="glb", include_normals=True))
    yield Row("mesh", case, "reorder and encode, CPU", "s a million triangles", _least_cpu_s(pack)[0] / million)
    share = surface.triangle_count
    yield Row("mesh", case, "GLB with normals", "bytes a triangle", len(glb) / share, "trimesh, plain", peer / share)


def _least_cpu_s(work: Work) -> tuple[float, Any]:
    """The least CPU seconds `work` took, after one go to warm up, and its result."""
    result = work()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result
