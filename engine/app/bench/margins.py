"""`bench margins`: a tracked tool against twenty structures, beside VTK's implicit distance, kept and built anew.

Building the locator anew for every place of the tool is what SlicerIGT's BreachWarning does; keeping it is the best
that VTK can do. Both are asked for the tip alone, which is all that they offer. All run on one thread. The tool goes on
a way that a hand could go, at 90 places a second; for ours, also from anywhere to anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import trimesh
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

from engine.app.bench.row import Row
from engine.app.bench.scans import volume_of
from engine.core.array import Float64
from engine.core.frame import Frame, FrameKind, patient
from engine.core.surface import Surface
from engine.core.transform import Transform
from engine.core.volume import LabelMap
from engine.mesh.extract import extract
from guidance.margins.proximity import Margins, Proximity
from guidance.margins.surface_tree import SurfaceTree
from guidance.margins.tool_place import ToolPlace, ToolShape
from guidance.register.rigid_fit import turn
from guidance.uncertainty.pose_error import PoseError

STRUCTURES = 20
#: Around and along each: about 200,000 triangles.
RINGS = 318
PATIENT = patient("bench")
TOOL = Frame(FrameKind.TOOL, "pointer")
TIP = ToolShape(np.zeros((1, 3)), 0.0)
POINTER = ToolShape(np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 150.0)]), 2.0)
PLACES = 4000
#: What is left out at the start: the first search has nothing to begin from.
WARM = 20
#: Rebuilding takes two seconds for twenty structures.
REBUILDS = 3
COARSE_CHEST_CT = Path("ct") / "chest_lidc0314_1p5mm.nii.gz"

Places = list[ToolPlace]


def run(shared_data: Path | None) -> list[Row]:
    """Times a place and worst errors; bone and air of a chest CT too where it is."""
    return [row for case, surfaces in _cases(shared_data) for row in _measured(case, surfaces)]


def _measured(case: str, surfaces: list[Surface]) -> list[Row]:
    start = time.perf_counter()
    trees = {str(n): SurfaceTree(surface) for n, surface in enumerate(surfaces)}
    built_ms = 1000 * (time.perf_counter() - start) / sum(len(s.faces) for s in surfaces) * 200_000
    low, high = (np.array([f(s.vertices_mm, axis=0) for s in surfaces]) for f in (np.min, np.max))
    way, anywhere = _way(low.min(axis=0), high.max(axis=0)), _anywhere(low.min(axis=0), high.max(axis=0))
    polys = [vtk_surface(surface) for surface in surfaces]
    filters = [vtk_filter(poly) for poly in polys]
    tip_ms = _times_ms(way, _asker(trees, TIP))
    kept_ms = _times_ms(way[:1000], partial(_ask_kept, filters))
    rebuilt_ms = _times_ms(way[: WARM + REBUILDS], partial(_ask_rebuilt, polys))
    whole_ms, anywhere_ms = (_times_ms(places, _asker(trees, POINTER)) for places in (way, anywhere))

    def row(part: str, times: Float64, share: int, peer: str = "", peer_times: Float64 | None = None) -> Row:
        peer_value = None if peer_times is None else float(np.percentile(peer_times, share))
        return Row(
            "margins", f"{case}, {part}", f"time p{share}", "ms", float(np.percentile(times, share)), peer, peer_value
        )

    return [
        Row("margins", case, "to build, 200,000 triangles", "ms", built_ms),
        row("tip", tip_ms, 50, "VTK, kept", kept_ms),
        row("tip", tip_ms, 99, "VTK, kept", kept_ms),
        row("tip", tip_ms, 50, "VTK, rebuilt", rebuilt_ms),
        *(row("tip and shaft", whole_ms, share) for share in (50, 99)),
        *(row("tip and shaft, anywhere", anywhere_ms, share) for share in (50, 99)),
        *_errors(case, surfaces, trees, [*way[::100], *anywhere[::50]], filters),
    ]


def _cases(shared_data: Path | None) -> Iterator[tuple[str, list[Surface]]]:
    rng = np.random.default_rng(0)
    yield (
        f"{STRUCTURES} × 200,000 triangles",
        [_lumpy(rng, rng.uniform(8, 40), rng.uniform(-100, 100, 3)) for _ in range(STRUCTURES)],
    )
    if shared_data is not None and (shared_data / COARSE_CHEST_CT).exists():
        volume = volume_of(shared_data / COARSE_CHEST_CT)
        hounsfield = np.asarray(volume.samples)
        labels = np.where(hounsfield > 200, 2, np.where(hounsfield < -500, 1, 0)).astype(np.uint8)
        surfaces = list(extract(LabelMap(volume.grid, labels, ())).surfaces().values())
        yield (
            f"chest CT, air and bone, {sum(len(s.faces) for s in surfaces) / 1e6:.1f} M triangles",
            [Surface(PATIENT, s.vertices_mm, s.faces) for s in surfaces],
        )


def _lumpy(rng: np.random.Generator, radius_mm: float, centre_mm: Float64) -> Surface:
    mesh = trimesh.creation.uv_sphere(count=[RINGS, RINGS])
    radius = np.ones(len(mesh.vertices))
    for _ in range(12):
        radius += 0.1 * np.sin(mesh.vertices @ (rng.normal(size=3) * 6) + rng.uniform(0, 6))
    vertices = mesh.vertices * radius_mm * radius[:, None] + centre_mm
    return Surface(PATIENT, vertices.astype(np.float32), mesh.faces.astype(np.int32))


def _place(tip_mm: Float64, rotation: Float64) -> ToolPlace:
    error = PoseError.isotropic(0.002, 0.3, np.zeros(3))
    still = np.zeros(3)
    return ToolPlace(Transform.rigid(PATIENT, TOOL, rotation, tip_mm), error, still, still, 1.0, 0.0)


def _way(low_mm: Float64, high_mm: Float64) -> Places:
    """A hand's: up to 200 mm/s, turning up to 1 rad/s, staying about the structures."""
    rng = np.random.default_rng(1)
    at, rotation = (low_mm + high_mm) / 2, np.eye(3)
    velocity, spin = np.zeros(3), np.zeros(3)
    places = []
    for _ in range(PLACES):
        velocity = 0.97 * velocity + rng.normal(size=3) * 12 + 0.02 * ((low_mm + high_mm) / 2 - at)
        spin = 0.97 * spin + rng.normal(size=3) * 0.06
        at, rotation = at + velocity / 90, turn(spin / 90) @ rotation
        places.append(_place(at, rotation))
    return places


def _anywhere(low_mm: Float64, high_mm: Float64) -> Places:
    rng = np.random.default_rng(2)
    return [_place(rng.uniform(low_mm, high_mm), turn(rng.normal(size=3) * 2)) for _ in range(PLACES // 4)]


def _asker(trees: dict[str, SurfaceTree], shape: ToolShape) -> Callable[[ToolPlace], dict[str, Margins]]:
    proximity = Proximity(trees)
    return lambda place: proximity.measure(shape, place, 0.005)


def _times_ms(places: Places, ask: Callable[[ToolPlace], object]) -> Float64:
    spent = []
    for place in places:
        start = time.perf_counter()
        ask(place)
        spent.append(time.perf_counter() - start)
    return 1000 * np.array(spent[WARM:])


def vtk_surface(surface: Surface) -> vtkPolyData:
    points, cells, poly = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(surface.vertices_mm, deep=True))
    listed = np.column_stack([np.full(len(surface.faces), 3), surface.faces]).astype(np.int64)
    cells.SetCells(len(surface.faces), numpy_to_vtkIdTypeArray(listed.ravel(), deep=True))
    poly.SetPoints(points)
    poly.SetPolys(cells)
    return poly


def vtk_filter(poly: vtkPolyData) -> vtkImplicitPolyDataDistance:
    made = vtkImplicitPolyDataDistance()
    made.SetInput(poly)
    return made


def _vtk_distance(made: vtkImplicitPolyDataDistance, place: ToolPlace) -> float:
    x, y, z = place.patient_from_tool.matrix[:3, 3].tolist()
    return float(made.EvaluateFunction(x, y, z))


def _ask_kept(filters: list[vtkImplicitPolyDataDistance], place: ToolPlace) -> list[float]:
    return [_vtk_distance(made, place) for made in filters]


def _ask_rebuilt(polys: list[vtkPolyData], place: ToolPlace) -> list[float]:
    return [_vtk_distance(vtk_filter(poly), place) for poly in polys]


def _errors(
    case: str,
    surfaces: list[Surface],
    trees: dict[str, SurfaceTree],
    places: Places,
    filters: list[vtkImplicitPolyDataDistance],
) -> list[Row]:
    """Worst over places and structures: the tip against every triangle, the shaft against a point each 0.05 mm."""
    nearest = trimesh.triangles.closest_point
    corners = [s.vertices_mm.astype(np.float64)[s.faces] for s in surfaces]
    ask = _asker(trees, POINTER)
    tip_off, shaft_off = [], []
    for n, place in enumerate(places):
        told = list(ask(place).values())
        k = n % len(surfaces)
        tip = place.patient_from_tool.matrix[:3, 3]
        exact = float(np.linalg.norm(nearest(corners[k], np.tile(tip, (len(corners[k]), 1))) - tip, axis=1).min())
        tip_off.append(abs(abs(told[k].tip.distance_mm) - exact))
        shaft = told[k].shaft
        if shaft is not None and n % 4 == 0:
            line = place.patient_from_tool.apply(np.linspace((0, 0, 0), (0, 0, 150.0), 3001))
            sampled = min(float(filters[k].EvaluateFunction(*point)) for point in line.tolist()) - POINTER.radius_mm
            shaft_off.append(abs(shaft.distance_mm - sampled))
    return [
        Row("margins", case, f"error of the tip's distance, worst of {len(tip_off)}", "mm", max(tip_off)),
        Row("margins", case, f"error of the shaft's distance, worst of {len(shaft_off)}", "mm", max(shaft_off)),
    ]
