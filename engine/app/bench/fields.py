"""`bench fields`: distance fields, a margin's slider, and a tool that cuts, beside SimpleITK and VTK in the same run.

SimpleITK's SignedMaurerDistanceMap measures from voxel centres of a mask. Of VTK, vtkImplicitPolyDataDistance is exact,
and is asked for some voxels of the grid. Errors are against a ball that a formula knows, and against the exact distance
to the triangles.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.app.bench.margins import vtk_filter, vtk_surface
from engine.app.bench.row import Row
from engine.app.bench.scans import CHEST_CT, volume_of
from engine.app.bench.timing import interleaved
from engine.app.blobs import BlobFolder
from engine.app.guide_margins import MarginDesk
from engine.core.anatomy import structure
from engine.core.array import Float64
from engine.core.field import DistanceField
from engine.core.frame import Frame, FrameKind
from engine.core.grid import Grid
from engine.core.structure import Provenance
from engine.core.transform import Transform
from engine.core.volume import LabelMap
from engine.mesh.distance import distances_mm
from engine.mesh.field import distance_field, structure_surface
from engine.stream.codec import headset_from_patient
from engine.stream.guiding import MarginAsk
from guidance.margins.banded import margin_grid
from guidance.margins.resection import TrackedResection
from guidance.margins.tool_place import ToolPlace, ToolShape
from guidance.uncertainty.pose_error import PoseError

MADE = structure("lesion", 1, Provenance("bench", "1", synthetic=True))
#: Cubes with a ball that fills half of their edge.
EDGES = (64, 128)
#: What a tumour and a liver measure across, in a grid as a chest CT has it.
TUMOUR_MM, LIVER_MM = 15.0, (95.0, 70.0, 60.0)
CT_SPACING_MM = (0.7, 0.7, 1.25)
SAMPLED = 400
STEPS = 18
UNEVEN = (10.0, 5.0, 8.0, 6.0, 12.0, 4.0)


def run(shared_data: Path | None) -> list[Row]:
    """Times of fields and of steps, and errors; in the grid of the full chest CT too where it is."""
    rows = [row for edge in EDGES for row in _fields(edge)]
    with tempfile.TemporaryDirectory() as folder:
        blobs = BlobFolder(Path(folder))
        for case, label_map in _targets(shared_data):
            rows += _slider(case, label_map, blobs)
    return [*rows, *_cutting()]


def _fields(edge: int) -> list[Row]:
    grid = Grid.centred((edge, edge, edge), 1.0, "bench")
    true = _centres(grid, np.zeros(3)) - edge / 4
    label_map = LabelMap(grid, np.asfortranarray((true < 0).astype(np.uint8)), (MADE,))
    surface = structure_surface(label_map, MADE)
    image = SimpleITK.GetImageFromArray(np.asarray(label_map.labels).T)

    def peer() -> NDArray[np.float32]:
        told = SimpleITK.SignedMaurerDistanceMap(
            image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
        )
        return np.asarray(SimpleITK.GetArrayFromImage(told).T)

    times = interleaved(lambda: distance_field(surface, grid), peer)
    field, case = distance_field(surface, grid), f"ball in {edge}³"
    near = np.abs(true) < 5
    rows = [
        *(
            Row("fields", case, f"signed distance field, {kind}", "s", ours, "SimpleITK Maurer", theirs)
            for kind, ours, theirs in (
                ("time", times[0].wall, times[1].wall),
                ("processor time", times[0].cpu, times[1].cpu),
            )
        ),
        *(
            Row("fields", case, f"{name} against the true ball, within 5 mm", "mm", ours, "SimpleITK Maurer", theirs)
            for name, ours, theirs in zip(
                ("root mean square error", "worst error"),
                _errors(np.asarray(field.samples_mm)[near] - true[near]),
                _errors(peer()[near] - true[near]),
                strict=True,
            )
        ),
    ]
    if edge == EDGES[0]:
        chosen = np.random.default_rng(0).choice(grid.voxel_count, SAMPLED, replace=False)
        points = grid.patient_from_voxel.apply(np.stack(np.unravel_index(chosen, grid.shape), axis=1))
        off = np.abs(np.abs(np.asarray(field.samples_mm).ravel()[chosen]) - distances_mm(points, surface))
        rows.append(Row("fields", case, f"worst error against the triangles, of {SAMPLED}", "mm", float(off.max())))
        made = vtk_filter(vtk_surface(surface))
        _, spent = _spent_ms([lambda: [made.EvaluateFunction(*point) for point in points.tolist()]])
        theirs = float(spent[0]) / 1000 / SAMPLED * grid.voxel_count
        what = f"signed distance field, processor time (VTK's from {SAMPLED} voxels)"
        rows.append(Row("fields", case, what, "s", times[0].cpu, "VTK", theirs))
    return rows


def _errors(off: NDArray[np.floating]) -> tuple[float, float]:
    return float(np.sqrt((off**2).mean())), float(np.abs(off).max())


def _centres(grid: Grid, centre_mm: Float64, radii: tuple[float, ...] = (1.0, 1.0, 1.0)) -> Float64:
    """(ni, nj, nk) distance from a centre, each axis by its radius."""
    total = np.zeros(grid.shape)
    for axis, n in enumerate(grid.shape):
        at = grid.patient_from_voxel.matrix[axis, axis] * np.arange(n) + grid.patient_from_voxel.matrix[axis, 3]
        total += np.expand_dims(((at - centre_mm[axis]) / radii[axis]) ** 2, tuple({0, 1, 2} - {axis}))
    return np.sqrt(total)


def _targets(shared_data: Path | None) -> list[tuple[str, LabelMap]]:
    if shared_data is not None and (shared_data / CHEST_CT).is_dir():
        known = volume_of(shared_data / CHEST_CT).grid
        spacing, shape, where = known.spacing_mm, known.shape, "in the chest CT's grid"
    else:
        spacing, shape, where = np.array(CT_SPACING_MM), (512, 512, 275), "in a chest CT's grid"
    grid = Grid.centred(shape, spacing, "bench")
    made = []
    for name, radii in (("tumour of 30 mm", (TUMOUR_MM,) * 3), ("organ of 190 x 140 x 120 mm", LIVER_MM)):
        inside = _centres(grid, np.zeros(3), radii) < 1
        made.append((f"{name} {where}", LabelMap(grid, np.asfortranarray(inside.astype(np.uint8)), (MADE,))))
    return made


def _slider(case: str, label_map: LabelMap, blobs: BlobFolder) -> list[Row]:
    matrix = headset_from_patient(label_map.grid.centre_mm)
    MarginDesk(label_map, MADE.key, blobs, matrix).first()  # kernels
    start = time.perf_counter()
    desk = MarginDesk(label_map, MADE.key, blobs, matrix)
    made_s = time.perf_counter() - start
    distances = np.linspace(1.0, 19.0, STEPS)
    even = _spent_ms(
        [lambda d=d: desk.answer(MarginAsk(margin="safety", distance_mm=float(d))) for d in distances]  # type: ignore[misc]
    )
    sides = [tuple(float(mm * d / 12.0) for mm in UNEVEN) for d in np.linspace(6.0, 16.0, STEPS // 3)]
    uneven = _spent_ms(
        [
            lambda s=s: desk.answer(MarginAsk(margin="safety", distance_mm=float(s[4]), toward_mm=s))  # type: ignore[misc]
            for s in sides
        ]
    )
    node = desk.answer(MarginAsk(margin="safety", distance_mm=10.0)).node
    spacing = float(desk.field.grid.spacing_mm[0])
    return [
        Row("fields", case, "margin desk made", "s", made_s),
        Row("fields", case, "spacing of its grid", "mm", spacing),
        *_percentiles(case, "slider step", even),
        *_percentiles(case, "slider step that differs by side", uneven),
        Row("fields", case, "triangles of a margin at 10 mm", "k", (node.lods[0].triangles if node else 0) / 1000),
    ]


def _spent_ms(works: list[Callable[[], object]]) -> tuple[Float64, Float64]:
    """By the clock, and of the processor on all threads: on a machine that others use, the two differ."""
    wall, cpu = [], []
    for work in works:
        start, busy = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - busy)
    return 1000 * np.array(wall), 1000 * np.array(cpu)


def _percentiles(case: str, what: str, spent: tuple[Float64, Float64]) -> list[Row]:
    return [
        Row("fields", case, f"{what}, {kind} p{share}", "ms", float(np.percentile(times, share)))
        for kind, times in zip(("time", "processor time"), spent, strict=True)
        for share in (50, 99)
    ]


def _cutting() -> list[Row]:
    """A tool of 4 mm across at 90 Hz and up to 100 mm/s, around and through a tumour."""
    low, high = np.full(3, -TUMOUR_MM), np.full(3, TUMOUR_MM)
    rows = []
    for spacing in (0.5, 1.0):
        grid = margin_grid(low, high, Grid.centred((1, 1, 1), 1.0, "bench").frame, 20.0, spacing)
        samples = (_centres(grid, np.zeros(3)) - TUMOUR_MM).astype(np.float32)
        target = DistanceField(grid, samples)
        for name, line in (
            ("tip", np.zeros((1, 3))),
            ("blade of 15 mm", np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 15.0)])),
        ):
            resection = TrackedResection(target, ToolShape(line, 2.0))
            resection.start(0.0)
            work = [_update(resection, n) for n in range(450)]
            _spent_ms(work[:20])
            case = f"tumour of 30 mm at {grid.spacing_mm[0]:.2g} mm"
            rows += _percentiles(case, f"cut updated at 90 Hz, {name}", _spent_ms(work[20:]))
    return rows


def _update(resection: TrackedResection, n: int) -> Callable[[], object]:
    at_s, angle = n / 90, n * 0.05
    tip = (18 * np.cos(angle), 18 * np.sin(angle), 12 * np.sin(0.13 * angle))
    pose = Transform.rigid(resection.target.grid.frame, Frame(FrameKind.TOOL, "cutter"), np.eye(3), tip)
    error = PoseError.isotropic(0.002, 0.3, np.zeros(3))
    place = ToolPlace(pose, error, np.zeros(3), np.zeros(3), 1.0, at_s)

    def work() -> object:
        resection.update(place, at_s)
        return resection.state(at_s)

    return work
