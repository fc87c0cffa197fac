"""`sightline plan new`, `validate` and `propose`: a plan made, looked over, and given ways to its target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine.app.pipeline import Options, process_series
from engine.app.plan_file import PlanFile, labels_hash, read_plan, series_identity, write_plan
from engine.app.plan_scene import PlanScene, entry_of, open_plan, series_of, surroundings, target_place
from engine.app.plan_start import start_plan
from engine.app.stopwatch import Stopwatch
from engine.core.anatomy import OUTER
from engine.core.array import Float64
from engine.core.errors import InputRefused, InvalidValue
from engine.core.progress import Progress, part
from engine.core.surface import Surface
from guidance.devices.markups_file import read_markups
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import MOST_TRAJECTORIES, Landmark, Plan, PlannedTool, Use
from guidance.trajectory.outer_shell import outer_shell
from guidance.uncertainty.expected import tre_rms_mm

if TYPE_CHECKING:
    from guidance.trajectory.assess import Assessment

#: A thin biopsy needle with its sheath, where no tool is planned.
RADIUS_MM = 1.5
#: Landmarks of a head or a body lie on it; farther off, they were marked on another scan, or in other axes.
OFF_SKIN_MM = 20.0
#: For what `validate` tells of the landmarks: touches that are so far off, root mean square.
TOUCH_MM = 1.0
PROPOSED = "proposed_"


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What the user chose for a new plan."""

    name: str | None = None
    series_uid: str | None = None
    pipeline: str | None = None
    labels: Path | None = None
    landmarks: Path | None = None
    tools: tuple[str, ...] = ()
    reference: str | None = None


def new_plan(scan: Path, out: Path, chosen: NewPlan, progress: Progress) -> dict[str, Any]:
    """Write a plan to begin with for a scan; returns what it holds and what it lacks.

    Raises:
        InputRefused: no scan there, labels or landmarks that cannot be used, or a plan that is there already.
        EnvironmentLacks: it cannot be written.
    """
    if out.exists():
        raise InputRefused(f"{out} is there already: choose another name, or move it away")
    info = series_of(scan, chosen.series_uid, part(progress, 0.0, 0.05))
    options = Options(pipeline=chosen.pipeline, labels=chosen.labels)
    processed = process_series(info, options, part(progress, 0.05, 0.95), Stopwatch())
    marked = read_markups(chosen.landmarks) if chosen.landmarks else None
    begun = start_plan(chosen.name or out.stem, series_identity(info), processed.label_map)
    plan = replace(
        begun,
        landmarks=marked.landmarks() if marked else (),
        tools=tuple(PlannedTool(thing, thing, ToolShape(np.zeros((1, 3)), RADIUS_MM)) for thing in chosen.tools),
        reference=chosen.reference,
    )
    file = PlanFile(
        plan,
        scan if info.format == "dicom" else info.files[0],
        chosen.labels,
        labels_hash(chosen.labels) if chosen.labels else "",
        None if chosen.labels else chosen.pipeline,
    )
    scene = PlanScene(file, processed, processed.warnings)
    problems = tuple(_landmarks_off(scene))
    if problems:
        raise InputRefused(
            "\n".join(["these landmarks do not belong to this scan:", *(f"  {one}" for one in problems)])
        )
    write_plan(out, file)
    progress(1.0, "done")
    told = (*(marked.repairs if marked else ()), *(marked.left_out if marked else ()), *processed.warnings)
    return _report(scene, told)


def validate_plan(path: Path, progress: Progress) -> dict[str, Any]:
    """Look over a plan with its scan; returns what it holds, lacks and should be known.

    Raises:
        InputRefused: it cannot be used: every reason.
    """
    scene = open_plan(read_plan(path), part(progress, 0.0, 0.9))
    problems = (*scene.missing(), *_landmarks_off(scene))
    if problems:
        raise InputRefused("\n".join([f"{path.name} cannot be used:", *(f"  {one}" for one in problems)]))
    assessed: tuple[Assessment, ...] = ()
    if scene.plan.trajectories:
        entry = entry_of(scene)
        around = surroundings(scene, entry)
        assessed = tuple(around.assess(way) for way in scene.plan.trajectories)
        scene = replace(scene, warnings=(*scene.warnings, *([entry.note] if entry.note else [])))
    progress(1.0, "done")
    return _report(scene, scene.warnings) | {"trajectories": [_as_json(one, scene.names) for one in assessed]}


@dataclass(frozen=True, slots=True)
class Proposing:
    """What the user chose for proposals."""

    count: int = 5
    entry: str | None = None
    radius_mm: float | None = None
    target_mm: tuple[float, float, float] | None = None


def propose_ways(path: Path, chosen: Proposing, progress: Progress) -> dict[str, Any]:
    """Find ways to the target of a plan and write them into it, in place of those that were proposed before.

    Raises:
        InputRefused: the plan cannot be used, or its target allows no way at all.
        EnvironmentLacks: it cannot be written.
    """
    from guidance.trajectory.propose import NoWay, propose

    file = read_plan(path)
    scene = open_plan(file, part(progress, 0.0, 0.6))
    progress(0.6, "preparing surfaces")
    entry = entry_of(scene, chosen.entry)
    around = surroundings(scene, entry)
    target = target_place(scene) if chosen.target_mm is None else np.array(chosen.target_mm)
    progress(0.8, "looking for ways")
    try:
        found = propose(around, target, _radius_mm(scene.plan, chosen), count=chosen.count)
    except NoWay as error:
        raise InputRefused(str(error)) from error
    kept = tuple(way for way in scene.plan.trajectories if not way.id.startswith(PROPOSED))
    named = tuple(
        replace(one, trajectory=replace(one.trajectory, id=f"{PROPOSED}{n}", name=said(one.trajectory.direction)))
        for n, one in enumerate(found.best, start=1)
    )
    ways = (*kept, *(one.trajectory for one in named))
    if len(ways) > MOST_TRAJECTORIES:
        raise InvalidValue(f"{len(ways)} trajectories of at most {MOST_TRAJECTORIES}: ask for fewer with --count")
    if named:
        write_plan(path, replace(file, plan=replace(scene.plan, trajectories=ways)))
    progress(1.0, "done")
    return {
        "plan": scene.plan.name,
        "tried": found.words(scene.names),
        "trajectories": [_as_json(one, scene.names) for one in named],
        "entry": entry.name,
        "warnings": [*scene.warnings, *([entry.note] if entry.note else [])],
    }


def said(direction: Float64) -> str:
    """Where a way comes from, in the words of the clinic: "Anterior, right"."""
    words = (("Left", "Right"), ("Posterior", "Anterior"), ("Superior", "Inferior"))
    parts = [(abs(float(d)), words[axis][0 if d < 0 else 1]) for axis, d in enumerate(direction)]
    strong = [word for share, word in sorted(parts, reverse=True) if share > 0.35]
    return ", ".join([strong[0], *(word.lower() for word in strong[1:])])


def _radius_mm(plan: Plan, chosen: Proposing) -> float:
    if chosen.radius_mm is not None:
        return chosen.radius_mm
    return max((tool.shape.radius_mm for tool in plan.tools), default=RADIUS_MM)


def _landmarks_off(scene: PlanScene) -> Iterator[str]:
    """Landmarks that cannot have been marked in this scan."""
    grid = scene.processed.volume.grid
    voxels = grid.patient_from_voxel.inverse.apply(_places(scene.plan.landmarks))
    for landmark, voxel in zip(scene.plan.landmarks, voxels, strict=True):
        if (voxel < -0.5).any() or (voxel > np.array(grid.shape) - 0.5).any():
            yield (
                f"{landmark.name} lies outside the scan: it was marked in another one, or its axes are RAS where LPS "
                "is said"
            )


def _places(landmarks: Iterable[Landmark]) -> Float64:
    return np.array([one.patient_mm for one in landmarks]).reshape(-1, 3)


def _notes(scene: PlanScene) -> Iterator[str]:
    yield from scene.plan.notes()
    skin = next((scene.surfaces[key] for key in OUTER if key in scene.surfaces), None)
    if skin is not None and scene.plan.landmarks:
        off, _ = cKDTree(_outside_mm(skin)).query(_places(scene.plan.landmarks))
        far = [
            f"{one.name} ({mm:.0f} mm)" for one, mm in zip(scene.plan.landmarks, off, strict=True) if mm > OFF_SKIN_MM
        ]
        if far:
            yield f"far from the skin: {', '.join(far)}; can they be touched?"


def _outside_mm(skin: Surface) -> NDArray[np.float32]:
    """Vertices of the outer shell."""
    shell = outer_shell(skin)
    return shell.vertices_mm[np.unique(shell.faces)]


def _expected_mm(scene: PlanScene) -> float | None:
    """What a registration is expected to be off at the target, for touches of `TOUCH_MM`; both root mean square."""
    plan = scene.plan
    places = _places(plan.of_use(Use.REGISTER))
    if len(places) < 3 or plan.target not in scene.surfaces:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = tre_rms_mm(places, scene.surfaces[plan.target].vertices_mm.mean(axis=0, dtype=np.float64), TOUCH_MM)
    return expected if np.isfinite(expected) else None


def _report(scene: PlanScene, warnings: Iterable[str]) -> dict[str, Any]:
    plan, names = scene.plan, scene.names
    return {
        "plan": plan.name,
        "target": plan.target,
        "structures": [
            {
                "key": key,
                "name": names.get(key, key),
                "use": "target" if key == plan.target else "forbidden" if key in plan.forbidden else "watched",
            }
            for key in plan.structures
        ],
        "landmarks": [{"id": one.id, "name": one.name, "use": one.use.value} for one in plan.landmarks],
        "tools": [{"thing": tool.thing, "name": tool.name, "cuts": tool.cuts} for tool in plan.tools],
        "reference": plan.reference,
        "expected_mm": _expected_mm(scene),
        "lacks": list(plan.lacks()),
        "notes": list(_notes(scene)),
        "warnings": list(warnings),
    }


def _as_json(assessed: Assessment, names: dict[str, str]) -> dict[str, Any]:
    way = assessed.trajectory
    return {
        "id": way.id,
        "name": way.name,
        "entry_mm": [round(float(mm), 2) for mm in way.entry_mm],
        "target_mm": [round(float(mm), 2) for mm in way.target_mm],
        "radius_mm": way.radius_mm,
        "length_mm": round(way.length_mm, 1),
        "angle_deg": round(assessed.angle_deg, 1),
        "cost": round(assessed.cost, 4) if np.isfinite(assessed.cost) else None,
        "clearances": [
            {
                "structure": names.get(one.key, one.key),
                "least_mm": round(one.least_mm, 2),
                "error_mm": round(one.error_mm, 2),
                "depth_mm": round(one.depth_mm, 1),
            }
            for one in assessed.clearances
        ],
        "refused": [one.words(names) for one in assessed.refusals],
    }
