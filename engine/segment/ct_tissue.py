"""CT tissue by density and anatomy, without a network.

Global decisions (body, lungs, trachea, marrow, contrast) are taken on a coarse copy of about 3 mm
in patient order; boundaries are drawn at full resolution from Hounsfield units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from engine.core.anatomy import ANATOMY, structure
from engine.core.errors import NotApplicable
from engine.core.grid import Grid
from engine.core.progress import Progress
from engine.core.structure import Provenance, Structure
from engine.core.volume import LabelMap, Quantity, Volume
from engine.segment import ct_voxels
from engine.segment.ct_airways import find_trachea, grow_airways
from engine.segment.ct_body import AIR_HU, TISSUE_HU, Body, find_body
from engine.segment.ct_bone import marrow, part_contrast, without_specks
from engine.segment.ct_lungs import LUNG_HU, Lungs, lung_air, split_lungs
from engine.segment.ct_padding import without_padding
from engine.segment.ct_shift import SHIFTED, is_shifted
from engine.segment.ct_vessels import CORE_MM, Contrast, cortex_hu, find_contrast
from engine.segment.ct_voxels import Places
from engine.segment.overview import Overview, overview_of
from engine.segment.segmenter import Segmentation
from engine.segment.steps.histogram import label_counts
from engine.segment.steps.layout import indexed, walked
from engine.segment.steps.morphology import dilated, eroded
from engine.segment.steps.resample import Box, Factors, block_fraction, block_mean, enlarged
from engine.segment.steps.threshold import count_above
from engine.segment.tensors import as_tensor
from engine.segment.thresholds import thinned

COARSE_MM = 3.0
AIRWAY_MM = 1.6
#: Averaging over neighbours removes noise where voxels are smaller, and detail where not.
AVERAGED_BELOW_MM = 2.0

MIN_SLICES = 5
MIN_EXTENT_MM = 30.0
#: Metal is denser than any bone or contrast.
METAL_HU = 2800
METAL_ML = 0.2

#: key of each label, in the order of the labels.
KEYS = {
    ct_voxels.BODY_LABEL: "body",
    ct_voxels.LEFT_LABEL: "lung_left",
    ct_voxels.RIGHT_LABEL: "lung_right",
    ct_voxels.AIRWAY_LABEL: "airways",
    ct_voxels.BONE_LABEL: "bone",
    ct_voxels.FAT_LABEL: "fat",
    ct_voxels.SOFT_LABEL: "soft_tissue",
    ct_voxels.VESSEL_LABEL: "vessels",
}

CHEST_KEYS = ("lung_left", "lung_right", "airways")

PARAMETERS = (
    ("tissue_hu", str(TISSUE_HU)),
    ("lung_hu", str(LUNG_HU)),
    ("air_hu", str(AIR_HU)),
    ("fat_hu", str(ct_voxels.FAT_HU)),
    ("bone_hu", str(ct_voxels.BONE_MEAN_HU)),
    ("coarse_mm", f"{COARSE_MM:g}"),
)


class CtTissue:
    """Body, lungs, airways, bone, fat, soft tissue, and vessels where contrast fills them."""

    name = "ct-tissue"
    version = "1"

    def check(self, volume: Volume) -> None:
        """As `Segmenter.check`: Hounsfield units, enough slices, neither windowed nor masked."""
        if volume.quantity is not Quantity.HOUNSFIELD:
            raise NotApplicable(SHIFTED if is_shifted(volume.samples) else _not_hounsfield(volume.quantity))
        _check_extent(volume.grid)
        _check_range(as_tensor(volume.samples))

    def segment(self, volume: Volume, *, progress: Progress) -> Segmentation:
        """As `Segmenter.segment`; labels are uint8 on the device of the samples."""
        progress(0.0, "checking values")
        self.check(volume)
        hu = hounsfield(as_tensor(volume.samples))
        view = overview_of(volume.grid, COARSE_MM)
        hu, padding = without_padding(hu, view)
        progress(0.05, "finding the body")
        coarse = view.coarse(hu)
        body = find_body(coarse, view)
        progress(0.25, "finding the lungs")
        air = lung_air(coarse, body, view)
        airways = _airways(hu, coarse, body, air, volume.grid, view)
        lungs = split_lungs(coarse, air, airways.coarse, body, view)
        gas = body.hull & (coarse < LUNG_HU) & ~air & ~airways.coarse
        contrast = find_contrast(coarse, body.tissue & ~lungs.both, gas, lungs.both, view)
        progress(0.5, "telling tissues apart")
        codes = ct_voxels.tissue(hu, _reach(volume.grid))
        progress(0.6, "finding bone")
        codes = _bone_told(codes, hu, coarse, contrast, volume.grid, view)
        places = _places(codes, coarse, body, lungs, airways, contrast, view)
        progress(0.8, "writing labels")
        labels = ct_voxels.labels(hu, codes, places)
        counts = label_counts(labels)
        progress(1.0, "writing labels")
        return Segmentation(
            LabelMap(volume.grid, labels, self._structures(counts, lungs.sided)),
            (
                *_padded(padding),
                *_lacks(counts, lungs.sided),
                *_contrasted(contrast, lungs, view),
                *_doubts(hu, volume.grid, lungs, view),
            ),
        )

    def _structures(self, counts: torch.Tensor, sided: bool) -> tuple[Structure, ...]:
        made_by = Provenance(self.name, self.version, PARAMETERS)
        keys = KEYS if sided else KEYS | {ct_voxels.LEFT_LABEL: "lung"}
        present = [label for label in KEYS if label != ct_voxels.BODY_LABEL and int(counts[label]) > 0]
        body = replace(structure("body", ct_voxels.BODY_LABEL, made_by), includes=tuple(present))
        return (body, *(structure(keys[label], label, made_by) for label in present))


def _not_hounsfield(quantity: Quantity) -> str:
    return (
        f"the samples are {quantity}, not Hounsfield units (air -1000, water 0): a CT that is stored otherwise "
        "must be converted first; 'threshold' works on any volume"
    )


def hounsfield(samples: torch.Tensor) -> torch.Tensor:
    """Samples as int16 HU; rounded where they are fractions, without a copy where they are int16."""
    if samples.dtype == torch.int16:
        return samples
    if samples.is_floating_point():
        samples = torch.nan_to_num(samples, nan=-1024.0).round()
    limits = torch.iinfo(torch.int16)
    return indexed(walked(samples).clamp(limits.min, limits.max).to(torch.int16))


def _check_extent(grid: Grid) -> None:
    if min(grid.shape) < MIN_SLICES:
        raise NotApplicable(
            f"{min(grid.shape)} slices are too few to tell organs apart; at least {MIN_SLICES} are needed"
        )
    extent_mm = float((grid.spacing_mm * grid.shape).min())
    if extent_mm < MIN_EXTENT_MM:
        raise NotApplicable(f"{extent_mm:.0f} mm of the patient are too few; at least {MIN_EXTENT_MM:g} mm are needed")


def _check_range(samples: torch.Tensor) -> None:
    """Refuse what was windowed, masked or scaled before it came here, by a thinned-out sample."""
    thin = thinned(samples, 2**18)
    thin = thin[torch.isfinite(thin)] if thin.is_floating_point() else thin
    if thin.numel() == 0:
        raise NotApplicable("no sample is a number")
    thin = thin.to(torch.float32)
    low, high = float(thin.min()), float(thin.max())
    if low > -300 and is_shifted(samples):
        raise NotApplicable(SHIFTED)
    if high < 150 or low > -300:
        raise NotApplicable(
            f"the samples span {low:g} to {high:g}: they were windowed or rescaled and are not whole Hounsfield units; "
            "air (-1000) to bone (over 150) is needed"
        )
    common = float(thin.mode().values)
    share = float((thin == common).to(torch.float32).mean())
    if share > 0.25 and common > -300:
        raise NotApplicable(
            f"{share:.0%} of the samples are exactly {common:g}: the volume was masked; the unmasked scan is needed"
        )


def _reach(grid: Grid) -> tuple[int, int, int]:
    si, sj, sk = (1 if spacing < AVERAGED_BELOW_MM else 0 for spacing in grid.spacing_mm)
    return si, sj, sk


@dataclass(frozen=True, slots=True)
class _Airways:
    """The airway tree: map and factors for `Places`, its threshold, and the cells it passes (patient order)."""

    factors: Factors
    box: Box
    fine: torch.Tensor
    hu: int
    coarse: torch.Tensor


def _airways(
    hu: torch.Tensor, coarse: torch.Tensor, body: Body, air: torch.Tensor, grid: Grid, view: Overview
) -> _Airways:
    trachea = find_trachea(coarse, body.hull, air, view)
    finer = overview_of(grid, AIRWAY_MM)
    grown = None
    box: Box = ((0, 1), (0, 1), (0, 1))
    if bool(trachea.any()):
        box = _box(view.in_voxel_order(dilated(trachea | air, COARSE_MM, view.spacing_mm)), view, finer, grid)
        # Where the scan goes on above the head or shoulders, a trachea that is cut opens into the room.
        inside = _blocks(view.in_voxel_order(body.hull), box, view, finer)
        medium = indexed(torch.where(walked(inside), walked(block_mean(hu, finer.factors, box)), 0))
        grown = grow_airways(medium, _centres(trachea, view, finer, box, medium), finer.voxel_ml)
    if grown is None:
        nothing = torch.zeros((1, 1, 1), dtype=torch.uint8, device=hu.device)
        return _Airways(grid.shape, box, nothing, 0, torch.zeros_like(body.hull))
    lumen, level_hu = grown
    spacing = tuple(float(s * f) for s, f in zip(grid.spacing_mm, finer.factors, strict=True))
    wide = dilated(lumen, max(spacing), spacing)
    fine = indexed(walked(wide).to(torch.uint8) * ct_voxels.RING - walked(lumen).to(torch.uint8))
    return _Airways(finer.factors, box, fine, level_hu, view.in_patient_order(_cells(wide, box, view, finer)))


def _box(cells: torch.Tensor, view: Overview, finer: Overview, grid: Grid) -> Box:
    """The blocks of a finer grid that cover the set coarse cells, both in voxel order."""
    box = []
    for axis in range(3):
        held = cells.any(dim=(axis + 1) % 3, keepdim=True).any(dim=(axis + 2) % 3, keepdim=True).reshape(-1).nonzero()
        first, last = int(held[0]) * view.factors[axis], (int(held[-1]) + 1) * view.factors[axis]
        blocks = -(-grid.shape[axis] // finer.factors[axis])
        box.append((first // finer.factors[axis], min(-(-last // finer.factors[axis]), blocks)))
    return tuple(box)


def _centres(cells: torch.Tensor, view: Overview, finer: Overview, box: Box, medium: torch.Tensor) -> torch.Tensor:
    """The blocks of a finer grid at the centres of set coarse cells (patient order)."""
    at = view.in_voxel_order(cells).nonzero()
    coarse, fine, start = (
        torch.tensor(values, device=cells.device) for values in (view.factors, finer.factors, [b[0] for b in box])
    )
    at = torch.div(at * coarse + coarse // 2, fine, rounding_mode="floor") - start
    at = torch.minimum(at, torch.tensor(medium.shape, device=cells.device) - 1)
    seeds = torch.zeros(medium.shape[::-1], dtype=torch.bool, device=cells.device)
    seeds[at[:, 2], at[:, 1], at[:, 0]] = True
    return indexed(seeds)


def _blocks(cells: torch.Tensor, box: Box, view: Overview, finer: Overview) -> torch.Tensor:
    """The blocks of a finer grid, within `box`, whose coarse cell is set; both in voxel order."""
    for axis in range(3):
        at = torch.arange(*box[axis], device=cells.device) * finer.factors[axis] // view.factors[axis]
        cells = cells.index_select(axis, at)
    return cells


def _cells(blocks: torch.Tensor, box: Box, view: Overview, finer: Overview) -> torch.Tensor:
    """The coarse cells, in voxel order, that hold a set block of a finer grid."""
    shape = [view.shape[view.axes.index(axis)] for axis in range(3)]
    out = blocks
    for axis in range(3):
        at = torch.arange(*box[axis], device=blocks.device) * finer.factors[axis] // view.factors[axis]
        gathered = torch.zeros([shape[a] if a == axis else n for a, n in enumerate(out.shape)], dtype=torch.uint8)
        out = gathered.to(blocks.device).index_add_(axis, at, out.to(torch.uint8)) > 0
    return out


def _bone_told(
    codes: torch.Tensor, hu: torch.Tensor, coarse: torch.Tensor, contrast: Contrast | None, grid: Grid, view: Overview
) -> torch.Tensor:
    """`codes` with bone that is noise made soft tissue, and bone that is contrast made blood, in place."""
    if contrast is not None:
        cell_mm = max(view.spacing_mm)
        dense = eroded(coarse >= ct_voxels.BONE_MEAN_HU, CORE_MM, view.spacing_mm)
        for place, code, most_hu, held in (
            (contrast.others, ct_voxels.SOFT, contrast.most_hu, 0.5),
            (contrast.vessels, ct_voxels.BLOOD, contrast.mean_hu, 0.0),
        ):
            zone, near, thick = (
                enlarged(view.in_voxel_order(cells), view.factors, grid.shape)
                for cells in (place, dilated(place, cell_mm, view.spacing_mm), dense & ~place)
            )
            told = part_contrast(codes, hu, zone, near, thick, (contrast.edge_hu, cortex_hu(most_hu)), held)
            codes = torch.where(told, code, codes).to(torch.uint8)
    return without_specks(codes, hu, grid.voxel_volume_mm3 / 1000)


def _places(
    codes: torch.Tensor,
    coarse: torch.Tensor,
    body: Body,
    lungs: Lungs,
    airways: _Airways,
    contrast: Contrast | None,
    view: Overview,
) -> Places:
    cell_mm = max(view.spacing_mm)
    share = view.in_patient_order(block_fraction(codes, view.factors, ct_voxels.BONE))
    share = torch.where(body.hull, share, 0)
    blocked = lungs.both | airways.coarse | ~body.hull
    if contrast is not None:
        blocked |= contrast.vessels | contrast.others
    inside = marrow(share, coarse, blocked, view)
    flags = torch.zeros_like(share)
    for flag, where in (
        (ct_voxels.NEAR_BODY, dilated(body.hull, cell_mm, view.spacing_mm)),
        (ct_voxels.IN_BODY, eroded(body.hull, cell_mm, view.spacing_mm)),
        (ct_voxels.NEAR_LEFT, _beside(lungs.left, lungs.right, view)),
        (ct_voxels.NEAR_RIGHT, _beside(lungs.right, lungs.left, view)),
        (ct_voxels.NEAR_AIRWAY, airways.coarse),
        (ct_voxels.NEAR_BONE, dilated(inside, cell_mm, view.spacing_mm)),
    ):
        flags |= where.to(torch.uint8) * flag
    field = torch.where(inside, 255, share).to(torch.uint8)
    return Places(
        factors=view.factors,
        flags=view.in_voxel_order(flags),
        lung=view.in_voxel_order(lungs.both.to(torch.uint8) * 255),
        bone=view.in_voxel_order(field),
        airway_factors=airways.factors,
        airway_start=(airways.box[0][0], airways.box[1][0], airways.box[2][0]),
        airway=airways.fine,
        airway_hu=airways.hu,
    )


def _beside(mine: torch.Tensor, other: torch.Tensor, view: Overview) -> torch.Tensor:
    """A lung and the cells beside it that are not the other's."""
    return dilated(mine, max(view.spacing_mm), view.spacing_mm) & ~other


def _padded(value: int | None) -> list[str]:
    return [] if value is None else [f"all samples at the edge are exactly {value} HU: taken for padding, not tissue"]


def _lacks(counts: torch.Tensor, sided: bool) -> list[str]:
    unexpected = ("body", "vessels") if sided else ("body", "vessels", "lung_left", "lung_right")
    expected = {label: key for label, key in KEYS.items() if key not in unexpected}
    missing = [key for label, key in expected.items() if int(counts[label]) == 0]
    said = [f"not found: {', '.join(ANATOMY[key].name.lower() for key in missing)}"] if missing else []
    if missing == [*CHEST_KEYS]:
        said = ["no lungs in view"]  # a head, a pelvis, a leg: nothing is amiss
    return said


def _contrasted(contrast: Contrast | None, lungs: Lungs, view: Overview) -> list[str]:
    if contrast is None:
        return []
    said = []
    if bool(contrast.vessels.any()):
        unsure = "" if bool(lungs.both.any()) else "; no heart is in view, so that bowel may be among the vessels"
        said.append(
            f"contrast of about {contrast.mean_hu} HU: vessels that touch bone, and organs that take up "
            f"as much contrast, may be told apart wrongly{unsure}"
        )
    for cells, doubt in (
        (contrast.bowel, "of dense, even material lie against gas: oral contrast in the bowel, it seems"),
        (contrast.organs, "as dense and even as contrast lead to no heart: kidneys, bladder, liver, or filled bowel"),
    ):
        millilitres = float(cells.sum()) * view.voxel_ml
        if millilitres > 0:
            said.append(f"{millilitres:.0f} ml {doubt}; taken for soft tissue, not for vessels")
    return said


def _doubts(hu: torch.Tensor, grid: Grid, lungs: Lungs, view: Overview) -> list[str]:
    said = []
    metal_ml = count_above(hu, METAL_HU) * grid.voxel_volume_mm3 / 1000
    if metal_ml >= METAL_ML:
        said.append(f"{metal_ml:.1f} ml of metal are labelled as bone; streaks around it blur bone and soft tissue")
    if not lungs.sided:
        said.append("one lung is in view and a side of the body is not: whether it is the left or the right is unknown")
    for name, lung in (("left " if lungs.sided else "", lungs.left), ("right ", lungs.right)):
        if bool(lung[:, :, 0].any() | lung[:, :, -1].any()) and float(lung.sum()) * view.voxel_ml > 0:
            said.append(f"the {name}lung reaches the end of the scan: its volume is that of the part scanned")
    return said
