"""Contrast-filled vessels in a CT: whether there is contrast, and where the large vessels lie.

Blood is brightest inside and even; bone is brightest at its shell. That tells a heart or an aorta
from a vertebra of the same density, which a threshold cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.segment.overview import Overview
from engine.segment.steps.components import kept
from engine.segment.steps.morphology import dilated, eroded

#: Blood without contrast stays under 70, bone marrow mostly under 130.
BRIGHT_HU = 130
MEAN_HU = 160
#: Vessels narrower than twice this show no core; they are found by what they hang on.
CORE_MM = 5.0
CORE_ML = 2.0
#: Blood is even: standard deviation over 3 mm cells in a core.
EVEN_HU = 60.0
#: Brighter surroundings by this much are cortex.
SHELL_HU = 100
#: A core with cortex near more of it than this is bone.
SHELL_SHARE = 0.4
#: How far cortex is looked for.
SHELL_MM = 8.0


@dataclass(frozen=True, slots=True)
class Contrast:
    """Where contrast fills large vessels, (x, y, z) in patient order, and how dense it is."""

    zone: torch.Tensor
    mean_hu: int

    @property
    def cortex_hu(self) -> int:
        """Denser than this is bone and not contrast."""
        return round(self.mean_hu * 1.25) + 100


def find_contrast(hu: torch.Tensor, tissue: torch.Tensor, view: Overview) -> Contrast | None:
    """Find large vessels that contrast fills.

    Args:
        hu: coarse HU, (x, y, z) in patient order.
        tissue: the body without its gas, lungs left out.
        view: the geometry.

    Returns:
        None where there is none.
    """
    cores = eroded(tissue & (hu >= BRIGHT_HU), CORE_MM, view.spacing_mm)
    if not bool(cores.any()):
        return None
    values = hu.to(torch.int32)
    shelled = (_brightest_near(hu, view) - hu >= SHELL_HU) & cores

    def blood(n: torch.Tensor, total: torch.Tensor, squares: torch.Tensor, shell: torch.Tensor) -> torch.Tensor:
        mean = total.to(torch.float64) / n
        variance = squares.to(torch.float64) / n - mean * mean
        even = variance <= EVEN_HU**2
        return (n >= view.voxels(CORE_ML)) & (mean >= MEAN_HU) & even & (shell <= SHELL_SHARE * n)

    cores = kept(cores, blood, [values, values * values, shelled])
    count = int(cores.sum())
    if count == 0:
        return None
    zone = dilated(cores, CORE_MM + view.spacing_mm[0] / 2, view.spacing_mm) & tissue & (hu >= BRIGHT_HU)
    return Contrast(zone, round(float(values[cores].sum()) / count))


def _brightest_near(hu: torch.Tensor, view: Overview) -> torch.Tensor:
    """The greatest HU within a box of `SHELL_MM` to either side."""
    out = hu
    for axis, spacing in enumerate(view.spacing_mm):
        for _ in range(round(SHELL_MM / spacing)):
            n = out.shape[axis]
            wider = out.clone()
            wider.narrow(axis, 1, n - 1).copy_(torch.maximum(out.narrow(axis, 1, n - 1), out.narrow(axis, 0, n - 1)))
            low = wider.narrow(axis, 0, n - 1)
            low.copy_(torch.maximum(low, out.narrow(axis, 1, n - 1)))
            out = wider
    return out
