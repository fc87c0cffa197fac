"""Full-resolution passes of the CT pipeline: tissue by density, then labels by density and place.

Each pass is a numba kernel over walked arrays on the CPU and torch operations elsewhere, with
equal results.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

from engine.segment.steps.layout import host_array, indexed, on_host, walked
from engine.segment.steps.resample import between_cells

#: Tissue by density.
#: `BLOOD` is bone that turned out to be contrast in a vessel.
AIR, FAT, SOFT, BONE, BLOOD = range(5)

#: Air and lung end midway to tissue.
AIR_HU = -400
#: Fat and water-like tissue part here (fat -110 to -60, muscle 40 to 60).
FAT_HU = -30
#: Bone by the local mean, so that noise in a shoulder is not bone, and by the voxel itself, so
#: that bright cortex does not thicken.
BONE_MEAN_HU = 150
BONE_VOXEL_HU = 110
#: The mean sees at most this range: lung air beside muscle does not look like fat, and metal does
#: not widen.
MEAN_RANGE_HU = (-150, 400)


def tissue(hu: torch.Tensor, reach: tuple[int, int, int]) -> torch.Tensor:
    """Tissue of each voxel by its density and that of its neighbours.

    Args:
        hu: (ni, nj, nk) int16.
        reach: neighbours to average along i, j, k: 0 or 1 to either side.

    Returns:
        (ni, nj, nk) uint8: `AIR`, `FAT`, `SOFT` or `BONE`.
    """
    walk = walked(hu)
    rk, rj, ri = reversed(reach)
    if on_host(hu):
        return indexed(torch.from_numpy(_tissue(host_array(walk), rk, rj, ri)))
    total = walk.clamp(*MEAN_RANGE_HU).to(torch.int16)
    count = 1
    for axis, r in enumerate((rk, rj, ri)):
        if r:
            count *= 3
            first, last = total.narrow(axis, 0, 1), total.narrow(axis, total.shape[axis] - 1, 1)
            edged = torch.cat([first, total, last], axis)
            n = total.shape[axis]
            total = edged.narrow(axis, 0, n) + edged.narrow(axis, 1, n) + edged.narrow(axis, 2, n)
    out = torch.full(walk.shape, SOFT, dtype=torch.uint8, device=hu.device)
    out[total < FAT_HU * count] = FAT
    out[(total >= BONE_MEAN_HU * count) & (walk >= BONE_VOXEL_HU)] = BONE
    out[walk < AIR_HU] = AIR
    return indexed(out)


@njit(parallel=True, cache=True)
def _tissue(walk: NDArray[np.int16], rk: int, rj: int, ri: int) -> NDArray[np.uint8]:
    nk, nj, ni = walk.shape
    low, high = np.int16(MEAN_RANGE_HU[0]), np.int16(MEAN_RANGE_HU[1])
    count = (1 + 2 * rk) * (1 + 2 * rj) * (1 + 2 * ri)
    fat, bone = np.int16(FAT_HU * count), np.int16(BONE_MEAN_HU * count)
    out = np.empty(walk.shape, np.uint8)
    for k in prange(nk):
        column = np.zeros((nj, ni), np.int16)
        for dk in range(-rk, rk + 1):
            source = walk[min(max(k + dk, 0), nk - 1)]
            for j in range(nj):
                line, into = source[j], column[j]
                for i in range(ni):
                    into[i] += min(max(line[i], low), high)
        row = np.empty(ni + 2, np.int16)
        for j in range(nj):
            above, here, below = column[max(j - 1, 0)], column[j], column[min(j + 1, nj - 1)]
            if rj:
                for i in range(ni):
                    row[i + 1] = above[i] + here[i] + below[i]
            else:
                row[1 : ni + 1] = here
            row[0], row[ni + 1] = row[1], row[ni]
            line, into = walk[k, j], out[k, j]
            for i in range(ni):
                total = row[i + 1]
                if ri:
                    total += row[i] + row[i + 2]
                code = np.uint8(SOFT)
                if total < fat:
                    code = np.uint8(FAT)
                if (total >= bone) & (line[i] >= BONE_VOXEL_HU):
                    code = np.uint8(BONE)
                if line[i] < AIR_HU:
                    code = np.uint8(AIR)
                into[i] = code
    return out


#: Labels of the pipeline; `body` is what nothing else claims, and the skin.
BODY_LABEL, LEFT_LABEL, RIGHT_LABEL, AIRWAY_LABEL, BONE_LABEL, FAT_LABEL, SOFT_LABEL, VESSEL_LABEL = range(1, 9)

#: What may be in a coarse cell, as flags.
NEAR_BODY, IN_BODY, NEAR_LEFT, NEAR_RIGHT, NEAR_AIRWAY, NEAR_BONE = (1 << n for n in range(6))

#: A voxel that is no air belongs to lung, bone or vessel where the smooth coarse field passes this.
LUNG_FIELD, BONE_FIELD = 190, 165
#: Marks in the airway map: lumen, and the ring around it where walls are thin.
LUMEN, RING = 1, 2


@dataclass(frozen=True, slots=True)
class Places:
    """Where structures are, coarsely: all (ci, cj, ck) uint8 in voxel order.

    Attributes:
        factors: voxels per coarse cell.
        flags: what may be in a cell.
        lung: 255 in lungs with their vessels, 0 outside.
        bone: 255 in bone with its marrow, the share of bone at its edge, 0 outside.
        airway_factors: voxels per cell of `airway`.
        airway_start: the first of those cells that `airway` holds.
        airway: `LUMEN` or `RING`; nothing beyond it.
        airway_hu: the threshold the lumen was grown at.
    """

    factors: tuple[int, int, int]
    flags: torch.Tensor
    lung: torch.Tensor
    bone: torch.Tensor
    airway_factors: tuple[int, int, int]
    airway_start: tuple[int, int, int]
    airway: torch.Tensor
    airway_hu: int


def labels(hu: torch.Tensor, codes: torch.Tensor, places: Places) -> torch.Tensor:
    """Labels of every voxel from its tissue and its place; `codes` is used up.

    Args:
        hu: (ni, nj, nk) int16.
        codes: what `tissue` gave, bone that is none taken out.
        places: the coarse decisions.

    Returns:
        (ni, nj, nk) uint8.
    """
    walks = [walked(t) for t in (hu, codes, places.flags, places.lung, places.bone, places.airway)]
    fk, fj, fi = reversed(places.factors)
    ak, aj, ai = reversed(places.airway_factors)
    if on_host(hu):
        density, tissues, flags, lung, bone, airway = (host_array(walk) for walk in walks)
        steps = np.asarray([fk, fj, fi, ak, aj, ai, *reversed(places.airway_start)], np.int64)
        _labels(density, tissues, flags, lung, bone, airway, steps, places.airway_hu)
        return indexed(walks[1])
    return indexed(_labels_anywhere(walks, places))


def _labels_anywhere(walks: list[torch.Tensor], places: Places) -> torch.Tensor:
    hu, codes, flags, lung, bone, airway = walks
    fi, fj, fk = places.factors
    f = (fk, fj, fi)
    airway_hu = places.airway_hu
    flag = _at(flags, f, (0, 0, 0), hu.shape)
    ai, aj, ak = places.airway_factors
    si, sj, sk = places.airway_start
    tube = _at(airway, (ak, aj, ai), (sk, sj, si), hu.shape)
    tube = torch.where((flag & NEAR_AIRWAY) > 0, tube, torch.zeros_like(tube))
    near_left, near_right = (flag & NEAR_LEFT) > 0, (flag & NEAR_RIGHT) > 0
    side = torch.where(near_left, LEFT_LABEL, RIGHT_LABEL)
    near_lung = near_left | near_right
    out = torch.where(codes == FAT, FAT_LABEL, SOFT_LABEL)
    in_bone = ((flag & NEAR_BONE) > 0) & (between_cells(bone, f, hu.shape) >= BONE_FIELD)
    out = torch.where((codes == BONE) | in_bone, BONE_LABEL, out)
    out = torch.where(codes == BLOOD, VESSEL_LABEL, out)
    in_lung = near_lung & (codes != BONE) & (between_cells(lung, f, hu.shape) >= LUNG_FIELD)
    out = torch.where(in_lung, side, out)
    gas = torch.where((flag & IN_BODY) > 0, BODY_LABEL, 0)
    gas = torch.where(tube == RING, AIRWAY_LABEL, gas)
    gas = torch.where(near_lung, side, gas)
    gas = torch.where((tube == LUMEN) | ((tube == RING) & (hu <= airway_hu)), AIRWAY_LABEL, gas)
    out = torch.where(codes == AIR, gas, out)
    return torch.where((flag & NEAR_BODY) > 0, out, 0).to(torch.uint8)


def _at(cells: torch.Tensor, f: tuple[int, int, int], start: tuple[int, int, int], shape: torch.Size) -> torch.Tensor:
    """Each voxel's cell value; 0 before `start` and past the last cell."""
    for axis in range(3):
        index = torch.arange(shape[axis], device=cells.device) // f[axis] - start[axis]
        within = (index >= 0) & (index < cells.shape[axis])
        picked = cells.index_select(axis, index.clamp(0, cells.shape[axis] - 1))
        cells = picked * within.reshape([-1 if a == axis else 1 for a in range(3)])
    return cells


@njit(cache=True, inline="always")
def _cell(voxel: int, factor: int, size: int) -> tuple[int, int, int]:
    past = 2 * (voxel % factor) + 1 + factor
    cell = voxel // factor - (1 if past < 2 * factor else 0)
    return min(max(cell, 0), size - 1), min(max(cell + 1, 0), size - 1), past % (2 * factor)


@njit(cache=True)
def _interpolated(cells: NDArray[np.uint8], k: int, j: int, i: int, f: NDArray[np.int64]) -> int:
    k0, k1, wk = _cell(k, f[0], cells.shape[0])
    j0, j1, wj = _cell(j, f[1], cells.shape[1])
    i0, i1, wi = _cell(i, f[2], cells.shape[2])
    vk, vj, vi = 2 * f[0] - wk, 2 * f[1] - wj, 2 * f[2] - wi
    low = (cells[k0, j0, i0] * vk + cells[k1, j0, i0] * wk) * vj + (
        cells[k0, j1, i0] * vk + cells[k1, j1, i0] * wk
    ) * wj
    high = (cells[k0, j0, i1] * vk + cells[k1, j0, i1] * wk) * vj + (
        cells[k0, j1, i1] * vk + cells[k1, j1, i1] * wk
    ) * wj
    value: int = (low * vi + high * wi) // (8 * f[0] * f[1] * f[2])
    return value


@njit(parallel=True, cache=True)
def _labels(
    hu: NDArray[np.int16],
    codes: NDArray[np.uint8],
    flags: NDArray[np.uint8],
    lung: NDArray[np.uint8],
    bone: NDArray[np.uint8],
    airway: NDArray[np.uint8],
    steps: NDArray[np.int64],
    airway_hu: int,
) -> None:
    """Writes the labels over `codes`."""
    nk, nj, ni = hu.shape
    f = steps[:3]
    for k in prange(nk):
        ck, ak = k // f[0], k // steps[3] - steps[6]
        for j in range(nj):
            cj, aj = j // f[1], j // steps[4] - steps[7]
            tubed = 0 <= ak < airway.shape[0] and 0 <= aj < airway.shape[1]
            line, code = hu[k, j], codes[k, j]
            for ci in range(flags.shape[2]):
                flag = flags[ck, cj, ci]
                start, stop = ci * f[2], min(ci * f[2] + f[2], ni)
                if not flag & NEAR_BODY:
                    code[start:stop] = 0
                    continue
                near_lung = flag & (NEAR_LEFT | NEAR_RIGHT)
                side = LEFT_LABEL if flag & NEAR_LEFT else RIGHT_LABEL
                for i in range(start, stop):
                    if code[i] == AIR:
                        ai = i // steps[5] - steps[8]
                        tube = 0
                        if flag & NEAR_AIRWAY and tubed and 0 <= ai < airway.shape[2]:
                            tube = airway[ak, aj, ai]
                        if tube == LUMEN or (tube == RING and line[i] <= airway_hu):
                            code[i] = AIRWAY_LABEL
                        elif near_lung:
                            code[i] = side
                        elif tube == RING:
                            code[i] = AIRWAY_LABEL
                        else:
                            code[i] = BODY_LABEL if flag & IN_BODY else 0
                    elif near_lung and code[i] != BONE and _interpolated(lung, k, j, i, f) >= LUNG_FIELD:
                        code[i] = side
                    elif code[i] == BLOOD:
                        code[i] = VESSEL_LABEL
                    elif code[i] == BONE or (flag & NEAR_BONE and _interpolated(bone, k, j, i, f) >= BONE_FIELD):
                        code[i] = BONE_LABEL
                    else:
                        code[i] = FAT_LABEL if code[i] == FAT else SOFT_LABEL
