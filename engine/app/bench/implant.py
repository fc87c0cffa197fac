"""`bench implant`: holes cut in real skulls, filled from the other side, against the bone that was cut out.

The plain way of the field, the whole head mirrored in its midplane and the rest cut away, is the peer: the same plane,
the same hole and gap, without the alignment to the rim. Skulls: a patient's (CT, slices of 4 mm), one of plastic (CT,
2.4 mm), one segmented in MR (1 mm), and the phantom, which is symmetric but for what painting and blurring left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.app.bench.row import Row
from engine.app.bench.scans import volume_of
from engine.app.implant_command import surface_of
from engine.core.array import Float64
from engine.ingest.open import read_labels
from engine.ingest.phantom.make import make_phantom
from engine.mesh.crossings import crossings
from guidance.implant.bone import BoneScan, Field, bone_in_labels, bone_in_volume
from guidance.implant.design import Implant, Wish, design_implant, implant_for
from guidance.implant.midplane import find_midplane
from guidance.implant.vault import Vault, vault_of

PATIENT_CT = Path("dicom") / "ct_head_ge_tilt_irregular"
PLASTIC_CT = Path("dicom") / "ct_skullphantom_philips_tilt_jpegls"
MR_SKULL = Path("mri") / "t1_seg3d_skull.nii.gz"

#: Name, and the ball that is cut out: towards (anterior, left, superior) from the middle of the vault, and its radius.
HOLES = (
    ("left parietal, 6 cm", (0.1, 0.8, 0.6), 30.0),
    ("right frontal, 8 cm", (0.75, -0.75, 0.6), 40.0),
)
#: How far from the middle of the vault the ball's middle is.
OUT_MM = 78.0
#: What fills a hole: brain, in Hounsfield units, or nothing in a mask.
_BRAIN_HU = 40.0
#: Points that are measured on each surface, about.
_PROBES = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A skull with a hole whose bone is known."""

    scan: BoneScan
    whole: BoneScan
    middle_mm: Float64
    radius_mm: float

    def removed(self, whole: Field) -> Field:
        """What was cut out of the whole bone."""
        axes = [
            whole.origin_mm[a] + whole.spacing_mm * np.arange(n) - self.middle_mm[a]
            for a, n in enumerate(whole.grid.shape)
        ]
        away2 = axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2
        ball = np.sqrt(away2).astype(np.float32) - np.float32(self.radius_mm)
        return replace(whole, signed_mm=np.maximum(whole.signed_mm, ball))


def run(shared_data: Path | None) -> list[Row]:
    """Dice and distances of the implant from the removed bone, and its step at the rim, ours and plainly mirrored."""
    return [row for name, skull in _skulls(shared_data) for row in _measured(name, skull)]


def cut_out(scan: BoneScan, vault: Vault, way: tuple[float, float, float], radius_mm: float) -> Simulated:
    """`scan` with a ball of bone taken out of its vault."""
    direction = np.array(way) / np.linalg.norm(way)
    axes = np.array([vault.anterior, vault.left, vault.superior])
    middle = vault.middle_mm + OUT_MM * direction @ axes
    samples = scan.samples.copy()
    voxels = np.indices(scan.grid.shape).reshape(3, -1).T
    near = np.linalg.norm(scan.grid.patient_from_voxel.apply(voxels) - middle, axis=1) < radius_mm
    near = near.reshape(scan.grid.shape)
    samples[near] = np.minimum(samples[near], _BRAIN_HU if scan.level > _BRAIN_HU else 0.0)
    return Simulated(replace(scan, samples=samples), scan, middle, radius_mm)


def _skulls(shared_data: Path | None) -> Iterator[tuple[str, BoneScan]]:
    yield "phantom", bone_in_volume(make_phantom("head_ct", size="demo", seed=0).volume)
    if shared_data is None:
        return
    for name, path in (("patient CT", PATIENT_CT), ("plastic CT", PLASTIC_CT)):
        if (shared_data / path).is_dir():
            yield name, bone_in_volume(volume_of(shared_data / path))
    if (shared_data / MR_SKULL).exists():
        yield "MR mask", bone_in_labels(read_labels(shared_data / MR_SKULL).value, (1,))


def _measured(name: str, skull: BoneScan) -> Iterator[Row]:
    coarse = skull.coarse_field()
    plane = find_midplane(skull, coarse)
    vault = vault_of(coarse, plane)
    yield Row("implant", name, "midplane, 95 %", "°", plane.angle_deg)
    yield Row("implant", name, "midplane, 95 %", "mm", plane.offset_mm)
    yield Row("implant", name, "sides differ, 75 % of bone under", "mm", plane.asymmetry_mm[1])
    for where, way, radius_mm in HOLES:
        case = cut_out(skull, vault, way, radius_mm)
        yield from _compared(f"{name}, {where}", case, design_implant(case.scan), plane.normal)


def _compared(name: str, case: Simulated, implant: Implant, normal: Float64) -> Iterator[Row]:
    plain = implant_for(
        case.scan, implant.plane, implant.vault, implant.defect, Wish(aligned=False, marked=False), implant.part.grid
    )
    whole = case.whole.field(implant.part.grid)
    removed = case.removed(whole)
    ours, theirs = (_errors(whole, removed, made) for made in (implant, plain))
    for n, (metric, unit) in enumerate(_METRICS):
        yield Row("implant", name, metric, unit, ours[n], "mirrored, not aligned", theirs[n])
    turned = float(np.rad2deg(np.arccos(np.clip(implant.plane.normal @ normal, -1.0, 1.0))))
    yield Row("implant", name, "midplane turned by the hole", "°", turned)
    yield Row("implant", name, "triangles that cross", "", float(len(crossings(surface_of(implant)))))


_METRICS = (
    ("Dice with the removed bone", ""),
    ("surface distance, mean", "mm"),
    ("surface distance, 95 % under", "mm"),
    ("surface distance, most", "mm"),
    ("outer face from the removed bone's, mean", "mm"),
    ("outer face from the removed bone's, 95 % under", "mm"),
    ("step at the rim, 95 % under", "mm"),
)


def _errors(whole: Field, removed: Field, implant: Implant) -> tuple[float, ...]:
    true, mine = removed.signed_mm < 0, implant.part.signed_mm < 0
    dice = 2.0 * float((true & mine).sum()) / float(true.sum() + mine.sum())
    there, back = implant.part.surface_points()[0], removed.surface_points()[0]
    both = np.abs(np.concatenate([_some(removed, there), _some(implant.part, back)]))
    outer = np.abs(_some(whole, implant.wall.points_mm))
    step = np.abs(implant.rim.step_mm)
    return (
        dice,
        float(both.mean()),
        float(np.percentile(both, 95)),
        float(both.max()),
        float(outer.mean()),
        float(np.percentile(outer, 95)),
        float(np.percentile(step, 95)),
    )


def _some(field: Field, points: Float64) -> Float64:
    values = field.at(points[:: max(1, len(points) // _PROBES)])[0]
    return np.asarray(values[np.isfinite(values)])
