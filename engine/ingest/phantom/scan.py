"""What a scanner does to a phantom: point-spread blur, correlated noise, MR shading.

CT noise follows the attenuation it comes through: its variance at a point grows with the photons
lost along the ray in from each side (Beer's law with water at 70 keV), which makes shoulders and
pelvis noisier than lungs, with streaks along the long axis. Its texture is the white noise of the
detector after an apodised ramp: blurred, with the lowest frequencies taken out. MR noise is
Rician: the magnitude of a complex signal with Gaussian noise in both parts (H. Gudbjartsson,
S. Patz, Magn Reson Med 34, 1995).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from engine.core.array import Float32, Float64

#: Gaussian: full width at half maximum over standard deviation.
_FWHM_OVER_SIGMA = 2.3548

#: Slices that get their noise together.
_RUN = 16

#: Linear attenuation of water at 70 keV, 1/mm (NIST XCOM).
_WATER_PER_MM = 0.0193


def blur(values: Float32, fwhm_voxels: tuple[float, float, float]) -> None:
    """Gaussian blur of `values` (nk, nj, ni) in place; widths along k, j, i."""
    for axis, width in enumerate(fwhm_voxels):
        weights = _gaussian(width / _FWHM_OVER_SIGMA)
        if len(weights) > 1:
            lines = np.moveaxis(values, axis, -1)
            if axis == 0:
                _blur_far(values, weights)
            else:
                _blur_near(lines, weights)


def add_ct_noise(values: Float32, sd_hu: float, in_plane_mm: tuple[float, float], rng: np.random.Generator) -> None:
    """Add noise of standard deviation `sd_hu` (median over the body's interior) to HU (nk, nj, ni)."""
    if sd_hu <= 0:
        return
    for start in range(0, len(values), _RUN):  # runs of slices keep memory flat
        run = values[start : start + _RUN]
        grain = _ct_grain(rng.standard_normal(run.shape, dtype=np.float32))
        for slab, noise in zip(run, grain, strict=True):
            noise *= np.float32(sd_hu) * _noise_gain(slab, in_plane_mm)
            slab += noise


def _ct_grain(white: Float32) -> Float32:
    """White noise with the texture of a reconstructed slice, unit variance."""
    soft = white.copy()
    for image, sigma in ((white, 0.75), (soft, 2.2)):
        _blur_near(image, _gaussian(sigma))
        _blur_near(np.swapaxes(image, 1, 2), _gaussian(sigma))
    white -= np.float32(0.7) * soft
    white /= np.float32(max(float(white.std()), 1e-6))
    return white


def add_rician_noise(values: Float32, sd: float, rng: np.random.Generator) -> None:
    """Replace signal (nk, nj, ni) by the magnitude of signal plus complex Gaussian noise."""
    if sd <= 0:
        return
    for slab in values:
        real = slab + sd * rng.standard_normal(slab.shape, dtype=np.float32)
        imaginary = sd * rng.standard_normal(slab.shape, dtype=np.float32)
        np.hypot(real, imaginary, out=slab)


def shade(values: Float32, amplitude: float, rng: np.random.Generator) -> None:
    """Multiply by a smooth coil sensitivity that varies by `amplitude` over the field of view."""
    if amplitude <= 0:
        return
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in values.shape]
    curve = [np.float32(d) * a - np.float32(0.5) * a * a for d, a in zip(direction, axes, strict=True)]
    for k, slab in enumerate(values):
        slab *= np.float32(1) + np.float32(amplitude) * (curve[0][k] + curve[1][:, None] + curve[2][None, :])


def _gaussian(sigma_voxels: float) -> Float32:
    if sigma_voxels < 0.15:  # narrower than the voxel's own average
        return np.ones(1, dtype=np.float32)
    x = np.arange(-int(np.ceil(3 * sigma_voxels)), int(np.ceil(3 * sigma_voxels)) + 1)
    weights = np.exp(-0.5 * (x / sigma_voxels) ** 2)
    kernel: Float32 = (weights / weights.sum()).astype(np.float32)
    return kernel


def _noise_gain(hu: Float32, in_plane_mm: tuple[float, float]) -> Float32:
    """Noise of each pixel of a slice (nj, ni) relative to the middle of the body, smooth."""
    step_j, step_i = in_plane_mm
    water = np.clip(hu.astype(np.float64) / 1000 + 1, 0, 2.5) * _WATER_PER_MM
    along_i, along_j = water.sum(axis=1) * step_i, water.sum(axis=0) * step_j
    # Half the photons' loss shows in the noise: variance is one over the count.
    photons = 0.5 * (np.exp(_smoothed(along_i, step_j))[:, None] + np.exp(_smoothed(along_j, step_i))[None, :])
    gain = np.sqrt(photons)
    inside = hu > -300
    middle = np.median(gain[inside]) if inside.any() else 1.0
    return (gain / middle).astype(np.float32)


def _smoothed(profile: Float64, step_mm: float) -> Float64:
    kernel = _gaussian(12 / step_mm).astype(np.float64)
    half = len(kernel) // 2
    return np.convolve(np.pad(profile, half, mode="edge"), kernel, mode="valid")


@njit(parallel=True, cache=True)
def _blur_near(values: Any, weights: Any) -> None:
    """Convolve along the last axis in place, edges repeated."""
    planes, rows, length = values.shape
    half = weights.shape[0] // 2
    for p in prange(planes * rows):
        line = np.empty(length + 2 * half, np.float32)
        for n in range(length + 2 * half):
            line[n] = values[p // rows, p % rows, min(max(n - half, 0), length - 1)]
        for n in range(length):
            total = np.float32(0)
            for w in range(weights.shape[0]):
                total += weights[w] * line[n + w]
            values[p // rows, p % rows, n] = total


@njit(parallel=True, cache=True)
def _blur_far(values: Any, weights: Any) -> None:
    """Convolve along the first axis in place, a row at a time so that memory is walked in order."""
    planes, rows, length = values.shape
    half = weights.shape[0] // 2
    for row in prange(rows):
        stack = np.empty((planes, length), np.float32)
        for p in range(planes):
            stack[p] = values[p, row]
        for p in range(planes):
            total = np.zeros(length, np.float32)
            for w in range(weights.shape[0]):
                at = min(max(p + w - half, 0), planes - 1)
                for n in range(length):
                    total[n] += weights[w] * stack[at, n]
            values[p, row] = total
