"""A picture of a plan's ways: `python -m engine.app.bench.plan_picture PLAN --out FILE`.

Of each way the slice that it lies in, entry above and target below, with the plan's structures over it; beneath, how
near the tool passes by each structure at every depth, at the worst of its error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from engine.app.plan_file import read_plan
from engine.app.plan_scene import PlanScene, entry_of, open_plan, surroundings
from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks, InputRefused
from engine.core.progress import silent
from engine.core.structure import Structure
from guidance.trajectory.alignment import Bullseye
from guidance.trajectory.assess import Assessment

#: Ways side by side, at most.
MOST_WAYS = 4
#: Of the slices: how far they go to either side of a way and beyond its ends, and their pixels.
ASIDE_MM, BEYOND_MM, STEP_MM = 45.0, 25.0, 0.5
#: Profiles are drawn up to here: farther is far.
FAR_MM = 30.0
SHARE_OF_COLOUR = 0.55
#: Of lines, so that they are told apart without their colour.
PATTERNS = ("-", "-.", ":", (0, (6, 1)))
_TEXT, _GREY, _TOOL = "#dfe3ea", "#8a8f98", "#4da3ff"


def main(arguments: list[str]) -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plan", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    scene = open_plan(read_plan(chosen.plan), silent)
    if not scene.plan.trajectories:
        raise InputRefused("the plan has no trajectory: run `sightline plan propose` first")
    around = surroundings(scene, entry_of(scene))
    draw(scene, [around.assess(way) for way in scene.plan.trajectories[:MOST_WAYS]], chosen.out)


def draw(scene: PlanScene, ways: list[Assessment], out: Path) -> None:
    """The picture of assessed ways.

    Raises:
        EnvironmentLacks: no matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise EnvironmentLacks("matplotlib is not installed", "pip install 'sightline[dev]'") from error
    figure = Figure(figsize=(3.3 * len(ways), 6.9), facecolor="#16181d", layout="constrained")
    axes: Any = figure.subplots(2, len(ways), squeeze=False, height_ratios=(1.75, 1))
    deepest_mm = max(way.trajectory.length_mm for way in ways)
    shown: dict[str, Any] = {}
    for column, way in enumerate(ways):
        _slice(axes[0, column], scene, way, deepest_mm + BEYOND_MM)
        _profile(axes[1, column], scene, way, deepest_mm, first=column == 0)
        handles, labels = axes[1, column].get_legend_handles_labels()
        shown |= dict(zip(labels, handles, strict=True))
    figure.legend(
        shown.values(), shown.keys(), loc="outside lower center", ncols=6, frameon=False, labelcolor=_TEXT, fontsize=9
    )
    figure.savefig(out, dpi=110)


def _slice(axes: Any, scene: PlanScene, way: Assessment, down_to_mm: float) -> None:
    """The plane through a way and what is to its right, with the entry above."""
    path = way.trajectory
    view = Bullseye.of(path)
    right, down = np.arange(-ASIDE_MM, ASIDE_MM, STEP_MM), np.arange(-BEYOND_MM, down_to_mm, STEP_MM)
    places = path.entry_mm + down[:, None, None] * view.along + right[None, :, None] * view.right
    axes.imshow(_coloured(scene, places), extent=(-ASIDE_MM, ASIDE_MM, down[-1], down[0]), interpolation="nearest")
    axes.plot([0, 0], [0, path.length_mm], color=_TOOL, linewidth=2)
    axes.plot([0], [path.length_mm], "o", color=_TOOL, markersize=5)
    axes.plot([0], [0], "_", color=_TOOL, markersize=14, markeredgewidth=2)
    axes.plot([-ASIDE_MM + 5, -ASIDE_MM + 25], [down[-1] - 6] * 2, color="white", linewidth=2)
    axes.text(-ASIDE_MM + 15, down[-1] - 9, "20 mm", color="white", fontsize=8, ha="center")
    cost = f"cost {way.cost:.2f}" if way.allowed else "refused"
    facts = f"{path.length_mm:.0f} mm, {way.angle_deg:.0f}° from upright, {cost}"
    axes.set_title(f"From: {path.name.lower()}\n{facts}", color=_TEXT, fontsize=9)
    axes.set_axis_off()


def _coloured(scene: PlanScene, places: Float64) -> NDArray[np.uint8]:
    """(rows, columns, 3) of the scan in grey, the plan's structures over it."""
    volume, labels = scene.processed.volume, scene.processed.label_map
    voxels = volume.grid.patient_from_voxel.inverse.apply(places)
    samples = np.asarray(volume.samples)
    low, high = np.percentile(samples[::4, ::4, ::4], (2, 99.5))
    grey = map_coordinates(samples, np.moveaxis(voxels, -1, 0), np.float32, order=1, cval=float(low))
    plain = np.clip((grey - low) / (high - low), 0, 1)[..., None] * np.full(3, 255.0)
    nearest = np.rint(labels.grid.patient_from_voxel.inverse.apply(places)).astype(int)
    inside: NDArray[np.bool_] = np.all((nearest >= 0) & (nearest < labels.grid.shape), axis=-1)
    i, j, k = np.moveaxis(np.where(inside[..., None], nearest, 0), -1, 0)
    here = np.where(inside, np.asarray(labels.labels)[i, j, k], 0)
    for structure in _shown(scene):
        mask = np.isin(here, structure.labels)
        plain[mask] = (1 - SHARE_OF_COLOUR) * plain[mask] + SHARE_OF_COLOUR * np.array(structure.colour)
    return np.asarray(np.rint(plain), np.uint8)


def _shown(scene: PlanScene) -> list[Structure]:
    return [scene.processed.label_map.structure(key) for key in scene.plan.structures]


def _profile(axes: Any, scene: PlanScene, way: Assessment, down_to_mm: float, *, first: bool) -> None:
    errors = {one.key: one.error_mm for one in way.clearances}
    depths = np.linspace(0, way.trajectory.length_mm, way.profile_mm.shape[1])
    for n, (key, row) in enumerate(zip(way.keys, way.profile_mm, strict=True)):
        if row.min() - errors[key] > FAR_MM:
            continue
        colour = np.array(scene.processed.label_map.structure(key).colour) / 255
        axes.plot(
            depths, row - errors[key], color=colour, linewidth=1.8, linestyle=PATTERNS[n % 4], label=scene.names[key]
        )
    limit = scene.plan.limits.clearance_mm
    axes.axhline(limit, color=_TEXT, linewidth=1, linestyle="--", label=f"least that is allowed, {limit:g} mm")
    axes.axvline(way.trajectory.length_mm, color=_TOOL, linewidth=1, label="target")
    axes.set_xlim(0, down_to_mm)
    axes.set_ylim(0, FAR_MM)
    axes.set_facecolor("#16181d")
    axes.tick_params(colors=_GREY, labelsize=8)
    for side in axes.spines.values():
        side.set_color("#3a3f48")
    axes.set_xlabel("depth from the entry, mm", color=_GREY, fontsize=8)
    if first:
        axes.set_ylabel("from the tool to the structure, mm", color=_GREY, fontsize=8)


if __name__ == "__main__":
    main(sys.argv[1:])
