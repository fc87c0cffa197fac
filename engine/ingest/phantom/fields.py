"""Random fields that give phantoms texture and folds: periodic, smooth, from a seed."""

from __future__ import annotations

import numpy as np

from engine.core.array import Float32

#: Powers of two: the kernels wrap round with a mask.
_TEXTURE_NODES = 64
_FOLD_NODES = 64


def texture(rng: np.random.Generator) -> Float32:
    """White noise on a periodic lattice, unit variance after trilinear look-up, (n, n, n)."""
    # Trilinear averaging of white noise keeps (2/3)^3 of its variance, on average over a cell.
    lattice = rng.standard_normal((_TEXTURE_NODES,) * 3, dtype=np.float32)
    return lattice * np.float32((3 / 2) ** 1.5)


def folds(rng: np.random.Generator, period_mm: float, wavelength_mm: float, waves: int = 40) -> tuple[Float32, float]:
    """A field whose zero level is evenly folded sheets, as first-order distance in millimetres.

    A sum of plane waves of nearly one wavelength (Berry's random wave model): its zero level bends
    at that wavelength everywhere, as sulci do. Returned with the lattice step in millimetres.
    """
    cycles = period_mm / wavelength_mm
    phase = np.arange(_FOLD_NODES, dtype=np.float64) * (2 * np.pi / _FOLD_NODES)
    field = np.zeros((_FOLD_NODES,) * 3)
    slope = np.zeros((3, *field.shape))
    for _ in range(waves):
        direction = rng.normal(size=3)
        wave = np.rint(direction / np.linalg.norm(direction) * cycles)  # whole cycles: periodic
        terms = [np.exp(1j * n * phase) for n in wave]
        carrier = terms[0][:, None, None] * terms[1][:, None] * terms[2] * np.exp(2j * np.pi * rng.random())
        field += carrier.real
        for axis in range(3):
            slope[axis] -= wave[axis] * 2 * np.pi / period_mm * carrier.imag
    steepness = np.sqrt((slope**2).sum(axis=0))
    return (field / np.maximum(steepness, 0.3 * steepness.mean())).astype(np.float32), period_mm / _FOLD_NODES
