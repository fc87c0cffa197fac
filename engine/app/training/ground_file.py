"""What is there in a volume of a case, as its worker found it, kept beside the images: what tasks are scored against.

One file a volume, of numpy arrays: places of findings, distractors and structures, the organ that was to be searched,
and a coarse map of structures by which a false mark is told where it lies.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.app.training.overlap import surface_dice
from engine.core.array import Float64
from engine.core.grid import Grid
from scenarios.case.case import Case
from scenarios.case.task import ClassifyTask
from scenarios.reading.viewing import Target
from scenarios.score.ground import Ground, Place

#: The map of structures has voxels of about so much.
MAP_MM = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class StructureMap:
    """Which structure lies where, coarsely.

    Attributes:
        labels: (i, j, k) of the middle one of `every` voxels along each axis.
        names: in words, by label.
    """

    labels: NDArray[np.uint8]
    every: tuple[int, int, int]
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class VolumeGround:
    """What is there in one volume.

    Attributes:
        places: of findings and distractors by name, and of structures by key.
        organ: what was to be searched; None where nobody said.
        map: None where nothing is known of structures.
        recordings: by task, (n, 4) s, x, y, z in mm of the tip of a tool.
    """

    grid: Grid
    places: Mapping[str, Place] = field(default_factory=dict)
    structures: Mapping[str, Place] = field(default_factory=dict)
    organ: Target | None = None
    map: StructureMap | None = None
    recordings: Mapping[str, Float64] = field(default_factory=dict)


def written(ground: VolumeGround) -> bytes:
    """As bytes."""
    arrays: dict[str, NDArray[Any]] = {}
    told: dict[str, Any] = {
        "shape": ground.grid.shape, "frame": ground.grid.patient_from_voxel.target.uid,
        "places": _places_written("p", ground.places, arrays),
        "structures": _places_written("s", ground.structures, arrays),
    }  # fmt: skip
    arrays["matrix"] = ground.grid.patient_from_voxel.matrix
    if ground.organ is not None:
        arrays["organ"], told["organ"] = ground.organ.points_mm, [ground.organ.volume, ground.organ.step_mm]
    if ground.map is not None:
        arrays["map"] = ground.map.labels
        told["map"] = [list(ground.map.every), {str(label): name for label, name in ground.map.names.items()}]
    told["recordings"] = list(ground.recordings)
    arrays |= {f"r{n}": path for n, path in enumerate(ground.recordings.values())}
    arrays["told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _places_written(kind: str, places: Mapping[str, Place], arrays: dict[str, NDArray[Any]]) -> list[Any]:
    rows = []
    for n, (name, place) in enumerate(places.items()):
        arrays[f"{kind}{n}"] = place.voxels.astype(np.int16)
        rows.append([name, place.volume, place.centre_mm.tolist(), place.radius_mm, place.mean_value])
    return rows


def read_ground(path: Path) -> VolumeGround:
    """What `written` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        told = json.loads(arrays["told"].tobytes())
        grid = Grid.from_matrix(tuple(told["shape"]), arrays["matrix"], told["frame"])
        organ = told.get("organ")
        shown = told.get("map")
        return VolumeGround(
            grid,
            _places_read("p", told["places"], grid, arrays),
            _places_read("s", told["structures"], grid, arrays),
            None if organ is None else Target(organ[0], arrays["organ"], organ[1]),
            None if shown is None else StructureMap(
                arrays["map"], tuple(shown[0]), {int(label): name for label, name in shown[1].items()}
            ),
            {task: arrays[f"r{n}"] for n, task in enumerate(told["recordings"])},
        )  # fmt: skip


def _places_read(kind: str, rows: Sequence[Any], grid: Grid, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Place]:
    return {
        name: Place(volume, np.array(centre), radius, grid, arrays[f"{kind}{n}"].astype(np.int64), mean)
        for n, (name, volume, centre, radius, mean) in enumerate(rows)
    }


def ground_of(volumes: Mapping[str, VolumeGround], case: Case) -> Ground:
    """All volumes of a case together, and the tables that it classifies by."""
    wanted = {one.id for one in case.truth.findings}
    names = {task.scheme for task in case.tasks if isinstance(task, ClassifyTask)}
    schemes = {name: scheme for name in names if (scheme := case.scheme(name)) is not None}
    places = {name: place for volume in volumes.values() for name, place in volume.places.items()}
    return Ground(
        {name: place for name, place in places.items() if name in wanted},
        {name: place for name, place in places.items() if name not in wanted},
        {name: place for volume in volumes.values() for name, place in volume.structures.items()},
        {task: path for volume in volumes.values() for task, path in volume.recordings.items()},
        schemes,
        surface_dice,
        {},
        partial(_structure_at, volumes),
    )


def organ_of(volumes: Iterable[VolumeGround]) -> Target | None:
    """What was to be searched in a case; None where nobody said."""
    return next((one.organ for one in volumes if one.organ is not None), None)


def _structure_at(volumes: Mapping[str, VolumeGround], volume: str, at_mm: Sequence[float]) -> str | None:
    there = volumes.get(volume)
    if there is None or there.map is None:
        return None
    index = np.round(there.grid.patient_from_voxel.inverse.apply(np.asarray(at_mm, np.float64))).astype(int)
    coarse = index // there.map.every
    if (coarse < 0).any() or (coarse >= there.map.labels.shape).any():
        return None
    return there.map.names.get(int(there.map.labels[tuple(coarse)]))
