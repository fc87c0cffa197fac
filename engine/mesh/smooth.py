"""Constrained smoothing of a surface net that keeps volumes.

Every vertex moves part of the way to the mean of its neighbours in the net, and never leaves a box
round the centre of its own cell (Gibson, Constrained Elastic Surface Nets, MICCAI 1998). Steps
alternate between shrinking and swelling so that the low frequencies, and with them the volume, stay
(Taubin, A Signal Processing Approach to Fair Surface Design, SIGGRAPH 1995).

It works in voxel coordinates. Steps of a voxel are what has to be smoothed, they are one voxel high
along every axis whatever the spacing, and the mean of neighbours commutes with the affine map to
the patient: anisotropic, oblique and sheared grids get the same result as smoothing in place.

All vertices move at once from where they were, a fixed number of times. So a vertex depends on the
labels within `iterations` + 1 cells and on nothing else: a part of the volume smoothed on its own
agrees with the whole, bit for bit, beyond that distance from its border.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32
from engine.core.errors import InvalidValue
from engine.mesh.kernels_memory import fresh
from engine.mesh.kernels_slabs import Slabs
from engine.mesh.kernels_smooth import DIRECTIONS, PARTS_PER_VOXEL, relax_tile


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How a net is smoothed.

    Attributes:
        iterations: moves of every vertex; even, since a shrinking one is undone by a swelling one; 0 leaves blocks.
        reach_voxels: how far a vertex may go from its cell's centre along each axis, at most 0.5.
        step: part of the way to the neighbours' mean in a shrinking move, between 0 and 1.
        pass_band: frequency below which features are kept, 0 (plane) to 2 (single voxel), Taubin's k_PB.
    """

    iterations: int = 16
    reach_voxels: float = 0.5
    step: float = 0.67
    pass_band: float = 0.03

    def __post_init__(self) -> None:
        if self.iterations < 0 or self.iterations % 2:
            raise InvalidValue(f"smoothing takes an even number of iterations, got {self.iterations}")
        if not 0.0 < self.reach_voxels <= 0.5:
            raise InvalidValue(f"a vertex stays within half a voxel of its cell's centre, got {self.reach_voxels}")
        if not 0.0 < self.step < 1.0:
            raise InvalidValue(f"a smoothing step is between 0 and 1, got {self.step}")
        if not 0.0 < self.pass_band < 1.0:
            raise InvalidValue(f"a pass band is between 0 and 1, got {self.pass_band}")

        if (2 * self.step - 1) * (1 - 2 * self.swell) > 1:
            raise InvalidValue(f"smoothing by {self.step} and {self.swell:.3f} in turn makes ripples grow")

    @property
    def swell(self) -> float:
        """The step that undoes a shrinking one at the pass band; negative."""
        return 1.0 / (self.pass_band - 1.0 / self.step)

    @property
    def steps(self) -> tuple[float, ...]:
        """The step of every iteration: shrinking, then swelling."""
        return (self.step, self.swell) * (self.iterations // 2)


DEFAULT_SMOOTHING = Smoothing()

#: Leaves every vertex at the centre of its cell: volumes are exactly those of the voxels.
NO_SMOOTHING = Smoothing(iterations=0)


def step_table(step: float) -> tuple[Float32, Float32]:
    """Gain (64,) and drift (64, 4) by link mask: an offset becomes (1 - step) offset + gain Σ offsets + drift."""
    present = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(np.float32)
    gain = np.float32(step) / np.maximum(present.sum(axis=1), 1)
    drift = np.zeros((64, 4), dtype=np.float32)
    drift[:, :3] = gain[:, None] * (present @ DIRECTIONS)
    return gain.astype(np.float32), drift


def smooth(
    heads: NDArray[np.int64], links: NDArray[np.uint32], masks: NDArray[np.uint8], smoothing: Smoothing, slabs: Slabs
) -> NDArray[np.int16]:
    """Offsets (v + 1, 4) of the vertices from their cells' centres, in parts of a voxel; the last row is 0.

    Tiles of slices make several moves at once, each move one slice narrower on either side so that no tile reads what
    another writes; then the gaps between them are filled, each move one slice wider. (Split tiling: Grosser et al.,
    Split Tiling for GPUs, GPGPU-6 2013.) The result is that of one move after the other.

    Args:
        heads: (slices + 1,) first vertex of each slice of cells, and the number of vertices.
        links, masks: as `engine.mesh.kernels_smooth.link` writes them.
    """
    offsets = fresh((2, len(masks) + 1, 4), np.int16)
    offsets[:, -1] = 0
    slices, moves = len(heads) - 1, smoothing.iterations
    tables = [step_table(step) for step in smoothing.steps]
    holds = np.array([1.0 - step for step in smoothing.steps], dtype=np.float32)
    gains, drifts = (
        np.stack([gain for gain, _ in tables]),
        np.stack([drift for _, drift in tables]) * np.float32(PARTS_PER_VOXEL),
    )
    limit = smoothing.reach_voxels * PARTS_PER_VOXEL
    batch = max(1, min(moves, slices // (2 * slabs.threads)))
    seams = _seams(heads, 2 * batch, slabs.threads)
    tiles = [(low, high, int(low > 0), -int(high < slices)) for low, high in pairwise([0, *seams, slices])]
    gaps = [(seam, seam, -1, 1) for seam in seams]

    def move(tile: tuple[int, int, int, int], first: int, last: int) -> None:
        relax_tile(*tile, first, last, heads, links, masks, holds, gains, drifts, limit, offsets)

    for first in range(0, moves, batch):
        for part in (tiles, gaps):
            slabs.each(part, partial(move, first=first, last=min(first + batch, moves)))
    smoothed: NDArray[np.int16] = offsets[moves & 1]
    return smoothed


def _seams(heads: NDArray[np.int64], least: int, tiles: int) -> list[int]:
    """Slices that part the vertices into at most `tiles` nearly equal tiles of at least `least` slices."""
    slices = len(heads) - 1
    wanted = np.searchsorted(heads, heads[-1] * np.arange(1, tiles) / tiles)
    seams: list[int] = []
    for n, seam in enumerate(wanted):
        earliest = (seams[-1] if seams else 0) + least
        latest = slices - least * (len(wanted) - n)
        if earliest <= latest:
            seams.append(min(max(int(seam), earliest), latest))
    return seams
