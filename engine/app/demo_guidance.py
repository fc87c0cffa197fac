"""`sightline demo guidance`: a whole guidance session with no hardware, on the head phantom or on a head scan.

A simulated tracker sees a simulated hand, which calibrates, registers, checks, circles the opening of a craniotomy,
and goes down to the target. Landmarks are looked for on the skin: where a ray from the middle of the head leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from engine.app.addresses import is_loopback
from engine.app.demo import DEMO_SEED
from engine.app.guide_command import serve_guided
from engine.app.plan_file import PlanFile, series_identity
from engine.app.private_folder import private_folder
from engine.app.serve import Listening
from engine.core.array import Float64
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import Progress
from engine.core.structure import Code, Provenance, Structure
from engine.core.volume import LabelMap, Volume
from engine.ingest.nifti import write_nifti
from engine.ingest.open import take_inventory
from engine.ingest.phantom.make import make_phantom
from guidance.alerts.level import Bands
from guidance.devices.simulated import Scenario
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import Landmark, Plan, PlannedMargin, PlannedTool, Use, Watched
from guidance.trajectory.trajectory import Trajectory

#: Directions (LPS) in which landmarks are looked for from the middle of the head: about where a face has them.
_LANDMARKS: tuple[tuple[str, str, tuple[float, float, float], Use], ...] = (
    ("nasion", "Bridge of the nose", (0.0, -1.0, 0.05), Use.REGISTER),
    ("eye_left", "Left eye, outer corner", (0.55, -0.85, 0.0), Use.REGISTER),
    ("eye_right", "Right eye, outer corner", (-0.55, -0.85, 0.0), Use.REGISTER),
    ("ear_left", "Left ear, before it", (1.0, 0.05, -0.05), Use.REGISTER),
    ("ear_right", "Right ear, before it", (-1.0, 0.05, -0.05), Use.REGISTER),
    ("crown", "Crown", (0.0, 0.1, 1.0), Use.REGISTER),
    ("forehead", "Forehead, middle", (0.0, -0.8, 0.6), Use.CHECK),
    ("temple_left", "Left temple", (0.8, -0.45, 0.45), Use.CHECK),
)
#: What is watched where it is there, with the distances at which alerts begin.
_WATCHED: tuple[tuple[str, Bands], ...] = (
    ("arteries", Bands(6.0, 3.0, 0.0)),
    ("veins", Bands(5.0, 2.0, 0.0)),
    ("spinal_cord", Bands(8.0, 4.0, 0.0)),
)
_TUMOUR = Bands(5.0, 0.5, -1.0)
_TOOL, _REFERENCE = "Pointer", "Reference"
_STEP_MM = 0.25
#: The craniotomy: its radius, a little more than the hand circles, and how far below the skin bone is looked for.
_OPENING_MM, _OPENING_DEPTH_MM = 21.0, 30.0
#: A target that is drawn where a scan shows none.
_BALL_MM = 9.0


def serve_demo_guidance(
    scan: Path | None,
    host: str,
    port: int,
    console: Console,
    bar: Callable[[], AbstractContextManager[Progress]],
    scenario: Scenario | None = None,
) -> None:
    """Make or read a head, plan, and guide by it with a simulated hand until interrupted.

    Raises:
        InputRefused: the scan shows no head.
        EnvironmentLacks: the page is not built, or the port is taken.
    """
    with private_folder() as folder:
        with bar() as progress:
            volume, label_map = _phantom(progress) if scan is None else _scanned(scan, progress)
            file = plan_of(volume, label_map, folder)
        listening = Listening(host, port, tls=not is_loopback(host))
        serve_guided(file, "simulated:", listening, console, scenario or Scenario(), pilot=True)


def plan_of(volume: Volume, label_map: LabelMap, folder: Path) -> PlanFile:
    """Scan and structures written into `folder`, and a plan for them.

    Raises:
        InputRefused: no head is seen.
    """
    label_map = _with_target(label_map)
    labels = np.asarray(label_map.labels)
    target = next(one for one in label_map.structures if one.key.startswith(("tumour", "target")))
    at_mm = _middle_mm(label_map.grid, labels == target.label)
    head = np.isin(labels, _head(label_map).labels)
    middle_mm = _middle_mm(label_map.grid, head)
    way = Trajectory("way", "Shortest way", _skin_mm(label_map.grid, head, at_mm, at_mm - middle_mm), at_mm, 1.5)
    label_map = _opened(label_map, way)
    scan, drawn = folder / "scan.nii.gz", folder / "structures.nii.gz"
    write_nifti(scan, volume.grid, np.asarray(volume.samples))
    write_nifti(drawn, volume.grid, np.asarray(label_map.labels), label_map.structures)
    (info,) = take_inventory((scan,)).series
    there = {one.key for one in label_map.structures}
    return PlanFile(
        Plan(
            name="Demonstration: a simulated hand",
            series_uid=series_identity(info),
            frame_of_reference_uid="",  # a NIfTI file has none; the scan is known by the hash of its file
            target=target.key,
            watched=(
                Watched(target.key, _TUMOUR),
                *(Watched(key, bands) for key, bands in _WATCHED if key in there),
            ),
            landmarks=tuple(
                Landmark(id_, name, _skin_mm(label_map.grid, head, middle_mm, np.array(way)), use)
                for id_, name, way, use in _LANDMARKS
            ),
            tools=(
                PlannedTool(
                    _TOOL, "Pointer", ToolShape(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 140.0]]), 1.5), cuts=True
                ),
            ),
            reference=_REFERENCE,
            margins=(
                PlannedMargin("resection", "Resection", 0.0),
                PlannedMargin("safety", "Safety margin", 3.0),
                PlannedMargin("risk", "Risk band", 6.0),
            ),
            trajectories=(way,),
        ),
        scan,
        drawn,
    )


def _phantom(progress: Progress) -> tuple[Volume, LabelMap]:
    made = make_phantom("head", size="demo", seed=DEMO_SEED, progress=progress)
    return made.volume, made.label_map


def _scanned(scan: Path, progress: Progress) -> tuple[Volume, LabelMap]:
    from engine.app.pipeline import Options, process_series
    from engine.app.stopwatch import Stopwatch

    processed = process_series(take_inventory((scan,)).choose(None), Options(), progress, Stopwatch())
    return processed.volume, processed.label_map


def _head(label_map: LabelMap) -> Structure:
    for key in ("head", "body"):
        found = next((one for one in label_map.structures if one.key == key), None)
        if found is not None:
            return found
    raise InputRefused("no head is seen in this scan: try one of a whole head")


def _with_target(label_map: LabelMap) -> LabelMap:
    """With a tumour as it is, else with a ball that is said to be simulated, a third of the way in from the right."""
    if any(one.key.startswith("tumour") for one in label_map.structures):
        return label_map
    head = _head(label_map)
    labels = np.array(np.asarray(label_map.labels))
    inside = np.isin(labels, head.labels)
    middle_mm = _middle_mm(label_map.grid, inside)
    out_mm = _skin_mm(label_map.grid, inside, middle_mm, np.array([-0.8, 0.3, 0.5]))
    at = label_map.grid.patient_from_voxel.inverse.apply(middle_mm + 0.45 * (out_mm - middle_mm))
    label = _free_label(label_map)
    steps = [(np.arange(n) - at[axis]) * label_map.grid.spacing_mm[axis] for axis, n in enumerate(labels.shape)]
    far2 = steps[0][:, None, None] ** 2 + steps[1][:, None] ** 2 + steps[2] ** 2
    labels[(far2 <= _BALL_MM**2) & inside] = label
    ball = Structure(
        label,
        "target",
        "Target (simulated)",
        Code("108369006", "Neoplasm"),
        (255, 176, 58),
        provenance=Provenance("sightline demo guidance", "1", synthetic=True),
    )
    around = replace(head, includes=(*head.includes, label))
    others = tuple(around if one is head else one for one in label_map.structures)
    return LabelMap(label_map.grid, labels, (*others, ball))


def _opened(label_map: LabelMap, way: Trajectory) -> LabelMap:
    """With the bone about the way's entry lifted out as a structure of its own; as it is where no bone is there."""
    skull = next((one for one in label_map.structures if one.key in ("skull", "bone")), None)
    if skull is None:
        return label_map
    labels = np.array(np.asarray(label_map.labels))
    inward = (way.target_mm - way.entry_mm) / np.linalg.norm(way.target_mm - way.entry_mm)
    voxels = np.argwhere(labels == skull.label)
    off_mm = label_map.grid.patient_from_voxel.apply(voxels.astype(np.float64)) - way.entry_mm
    depth_mm = off_mm @ inward
    aside_mm = np.linalg.norm(off_mm - depth_mm[:, None] * inward, axis=1)
    flap = voxels[(aside_mm <= _OPENING_MM) & (np.abs(depth_mm) <= _OPENING_DEPTH_MM)]
    if not len(flap):
        return label_map
    label = _free_label(label_map)
    labels[tuple(flap.T)] = label
    made = Provenance("sightline demo guidance", "1", synthetic=True)
    lifted = Structure(
        label, "bone_flap", "Bone flap (simulated)", skull.code, skull.colour, opacity=0.2, provenance=made
    )
    head = _head(label_map)
    around = replace(head, includes=(*head.includes, label))
    return LabelMap(label_map.grid, labels, (*(around if one is head else one for one in label_map.structures), lifted))


def _free_label(label_map: LabelMap) -> int:
    return 1 + max(one.label for one in label_map.structures)


def _middle_mm(grid: Grid, mask: NDArray[np.bool_]) -> Float64:
    """(3,) centroid of a mask."""
    counts = [mask.any(axis=tuple(k for k in range(3) if k != axis)) for axis in range(3)]
    weights = [mask.sum(axis=tuple(k for k in range(3) if k != axis), dtype=np.float64) for axis in range(3)]
    if not counts[0].any():
        raise InputRefused("no head is seen in this scan: try one of a whole head")
    at = np.array([np.average(np.arange(len(weight)), weights=weight) for weight in weights])
    return np.asarray(grid.patient_from_voxel.apply(at))


def _skin_mm(grid: Grid, head: NDArray[np.bool_], from_mm: Float64, way: Float64) -> Float64:
    """(3,) where a ray leaves the head for good."""
    along = way / np.linalg.norm(way)
    steps_mm = np.arange(0.0, 400.0, _STEP_MM)
    places = grid.patient_from_voxel.inverse.apply(from_mm + steps_mm[:, None] * along)
    index = np.rint(places).astype(np.int64)
    within = ((index >= 0) & (index < head.shape)).all(axis=1)
    inside = np.zeros(len(index), bool)
    inside[within] = head[tuple(index[within].T)]
    last = int(np.nonzero(inside)[0][-1])
    return np.asarray(from_mm + steps_mm[last] * along)
