"""`sightline implant`: a part for a hole in a skull, as files for printing, with what is known of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.implant_preview import draw_preview, require_drawing
from engine.app.results import require_folder, whole_results
from engine.core.array import Float64
from engine.core.errors import InputRefused, InvalidValue
from engine.core.progress import Progress, part
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.ingest.open import read_labels, read_volume, take_inventory
from engine.ingest.study import SeriesInfo, SeriesKind
from engine.mesh.crossings import crossings
from engine.mesh.export import export_surfaces
from engine.mesh.extract import extract
from guidance.implant.bone import BONE_HU, BoneScan, bone_in_labels, bone_in_volume
from guidance.implant.design import Implant, Wish, design_implant
from guidance.implant.settle import settled

NOT_A_DEVICE = "Research use only, not a medical device: nothing made from these files may be put into a patient."
#: A vault's inner table is a millimetre thick.
THICK_SLICES_MM = 1.25
_UNCROSSINGS = 4
#: Structures of a segmentation that are the skull.
SKULL_KEYS = ("skull", "bone", "cranium")


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        wish: of the part.
        seed_mm: patient (LPS) millimetres, near the hole that is meant; the largest where None.
        bone_hu: what is denser is bone.
        series_uid: of several; the largest volume where None.
    """

    wish: Wish = field(default_factory=Wish)
    seed_mm: tuple[float, float, float] | None = None
    bone_hu: float = BONE_HU
    series_uid: str | None = None


def seed_of(text: str | None) -> tuple[float, float, float] | None:
    """A place from `x,y,z`.

    Raises:
        InvalidValue: three numbers it is not.
    """
    if text is None:
        return None
    try:
        x, y, z = (float(value) for value in text.split(","))
    except ValueError as error:
        raise InvalidValue(f"a seed is x,y,z in patient (LPS) millimetres, got {text!r}") from error
    return x, y, z


def implant_to_folder(scan: Path, out: Path, request: Request, progress: Progress) -> dict[str, Any]:
    """Write `implant.stl`, `implant.3mf`, `report.json` and `preview.png` into `out`; returns the report.

    Raises:
        InputRefused: nothing to read.
        ImplantRefused: no implant that could be stood behind, with the reason.
        EnvironmentLacks: the folder cannot be written, or Pillow is missing.
    """
    if not scan.exists():
        raise InputRefused(f"{scan} does not exist")
    require_drawing()
    require_folder(out)
    bone = read_bone(scan, request, part(progress, 0.0, 0.15))
    seed: Float64 | None = None if request.seed_mm is None else np.array(request.seed_mm)
    implant = design_implant(bone, request.wish, seed, part(progress, 0.15, 0.8))
    progress(0.8, "making the surface")
    surface = surface_of(implant)
    report = report_of(implant, surface, request, float(bone.grid.spacing_mm.max()))
    with whole_results(out) as folder:
        progress(0.9, "writing")
        named = {object_name(implant): surface}
        export_surfaces(named, folder / "implant.stl")
        export_surfaces(named, folder / "implant.3mf")
        draw_preview(implant, bone.coarse_field(), request.wish.least_wall_mm, folder / "preview.png")
        (folder / "report.json").write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")
    progress(1.0, "done")
    return report


def read_bone(scan: Path, request: Request, progress: Progress) -> BoneScan:
    """The bone of a CT, or of a segmentation that holds one.

    Raises:
        InputRefused: neither.
        ImplantRefused: no CT.
    """
    inventory = take_inventory((scan,), progress)
    info = _only_labels(inventory.series) if request.series_uid is None else None
    if info is None:
        info = inventory.choose(request.series_uid)
    if info.kind is SeriesKind.LABELS:
        label_map = read_labels(info).value
        return bone_in_labels(label_map, _skull(label_map))
    return bone_in_volume(read_volume(info, progress=progress).value, request.bone_hu)


def _only_labels(series: tuple[SeriesInfo, ...]) -> SeriesInfo | None:
    labels = [info for info in series if info.kind is SeriesKind.LABELS]
    return labels[0] if len(labels) == 1 and not any(info.kind is SeriesKind.VOLUME for info in series) else None


def _skull(label_map: LabelMap) -> tuple[int, ...]:
    if len(label_map.structures) == 1:
        return label_map.structures[0].labels
    for key in SKULL_KEYS:
        for structure in label_map.structures:
            if structure.key == key:
                return structure.labels
    names = ", ".join(structure.key for structure in label_map.structures)
    raise InputRefused(f"none of the segmentation's structures is a {' or '.join(SKULL_KEYS)}; there are {names}")


def surface_of(implant: Implant) -> Surface:
    """The closed surface of a part, to a fraction of a voxel.

    Where triangles would cross, at corners sharper than a voxel, vertices go back to where the labels put them.
    """
    coarse = extract(implant.label_map).surfaces()[1]
    surface = settled(coarse, implant.part)
    for _ in range(_UNCROSSINGS):
        crossed = np.unique(surface.faces[crossings(surface).ravel()])
        if not len(crossed):
            break
        vertices = surface.vertices_mm.copy()
        vertices[crossed] = coarse.vertices_mm[crossed]
        surface = Surface(surface.frame, vertices, surface.faces)
    return surface


def object_name(implant: Implant) -> str:
    """What a printing program shows: side, and what the engraved arrow points to."""
    marks = "unmarked" if implant.marks is None else f"arrow to {implant.marks.letters[1]}, engraved outside"
    return f"Implant {implant.side} ({marks})"


def report_of(implant: Implant, surface: Surface, request: Request, slice_mm: float) -> dict[str, Any]:
    """What is known of a part, with its errors, as `report.json` holds it."""
    plane, rim, wall = implant.plane, implant.rim, implant.wall
    half_voxel = request.wish.spacing_mm / 2
    vertices = surface.vertices_mm.astype(np.float64)
    checks = {"closed": surface.is_closed(), "self_crossings": len(crossings(surface)), "bodies": _bodies(surface)}
    return {
        "use": NOT_A_DEVICE,
        "unit": "mm",
        "frame": "patient, DICOM LPS",
        "frame_of_reference_uid": implant.part.grid.frame_of_reference_uid,
        "side": implant.side,
        "midplane": {
            "point_mm": _listed(plane.point_mm),
            "normal": _listed(plane.normal, 5),
            "angle_95_deg": round(plane.angle_deg, 2),
            "offset_95_mm": round(plane.offset_mm, 2),
            "asymmetry_mm": dict(zip(("p50", "p75", "p90"), _listed(plane.asymmetry_mm), strict=True)),
            "mirror_in_view": round(plane.seen, 3),
        },
        "defect": {
            "area_cm2": round(implant.defect.area_cm2, 1),
            "without_counterpart": round(implant.defect.missing, 3),
        },
        "alignment": {
            "turn_deg": round(float(np.rad2deg(np.linalg.norm(implant.alignment.turn_rad))), 2),
            "shift_mm": round(float(np.linalg.norm(implant.alignment.shift_mm)), 2),
            "elastic": implant.alignment.spline is not None,
        },
        "implant": {
            "volume_ml": round(surface.volume_mm3 / 1000, 2),
            "volume_error_ml": round(surface.area_mm2 * half_voxel / 2 / 1000, 2),
            "centre_mm": _listed(vertices.mean(axis=0)),
            "extent_mm": _listed(np.ptp(vertices, axis=0)),
            "triangles": surface.triangle_count,
        },
        "wall_mm": {
            "least": round(wall.least_mm, 2),
            "least_away_from_edge": round(wall.least_inside_mm, 2),
            "p5": round(wall.percentile_mm(5), 2),
            "p50": round(wall.percentile_mm(50), 2),
            "p95": round(wall.percentile_mm(95), 2),
            "error": half_voxel,
            "asked": request.wish.least_wall_mm,
            "share_thinner_than_asked": round(wall.thinner_than(request.wish.least_wall_mm), 4),
        },
        "rim_mm": {
            "step": _percentiles(np.abs(rim.step_mm)),
            "gap": _percentiles(rim.gap_mm),
            "least_gap": round(rim.least_gap_mm, 2),
            "clearance_asked": request.wish.clearance_mm,
        },
        "marks": None
        if implant.marks is None
        else {
            "letters": list(implant.marks.letters),
            "height_mm": round(implant.marks.letter_mm, 1),
            "middle_mm": _listed(implant.marks.middle_mm),
        },
        "checks": checks,
        "warnings": _warnings(implant, checks, request, slice_mm),
    }  # fmt: skip


def _warnings(implant: Implant, checks: dict[str, Any], request: Request, slice_mm: float) -> list[str]:
    thin = implant.wall.thinner_than(request.wish.least_wall_mm)
    step = float(np.percentile(np.abs(implant.rim.step_mm), 95)) if len(implant.rim.step_mm) else np.inf
    cases = (
        (
            slice_mm > THICK_SLICES_MM,
            f"slices of {slice_mm:.1f} mm: bone between them is a guess; take {THICK_SLICES_MM:g} mm or less",
        ),
        (
            thin > 0,
            f"{100 * thin:.1f} % of the wall is thinner than {request.wish.least_wall_mm:g} mm, the least "
            f"{implant.wall.least_inside_mm:.1f} mm away from the edge",
        ),
        (step > 1.0, f"a twentieth of the rim has a step of {step:.1f} mm and more"),
        (implant.marks is None and request.wish.marked, "no marks: no room, or the wall cannot spare them"),
        (not checks["closed"], "the surface is not closed: do not print it"),
        (checks["self_crossings"] > 0, f"{checks['self_crossings']} pairs of triangles run through each other"),
        (checks["bodies"] > 1, f"it is in {checks['bodies']} pieces"),
    )
    return [words for is_so, words in cases if is_so]


def _bodies(surface: Surface) -> int:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = surface.faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    count = len(surface.vertices_mm)
    graph = coo_matrix((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), (count, count))
    return int(connected_components(graph, directed=False)[0])


def _listed(values: Any, digits: int = 2) -> list[float]:
    return [round(float(value), digits) for value in values]


def _percentiles(values: Float64) -> dict[str, float] | None:
    if not len(values):
        return None
    p50, p95, most = np.percentile(values, (50, 95, 100))
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "max": round(float(most), 2)}
