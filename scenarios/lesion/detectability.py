"""How well a lesion can be told from what is there, by an observer who knows what it looks like.

The non-prewhitening observer takes the sum of the image weighted by the lesion's own profile s. Its d' is
sum s² over the standard deviation of that sum where no lesion is; in white noise sqrt(sum s²) / sigma. Taken over
places of the organ, the standard deviation holds anatomy as well as noise: from noise alone, lesions are predicted far
easier than readers find them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from engine.core.array import Float64
from engine.core.errors import InvalidValue

#: Places of the organ that the template is tried at, and fewest that tell a standard deviation.
_PLACES, _FEWEST = 200, 20


def white_noise_index(signal: Float64, sd: float) -> float:
    """d' of a known signal in white noise of standard deviation `sd` in each voxel."""
    if not sd > 0:
        raise InvalidValue(f"noise has a standard deviation above 0, got {sd}")
    return float(np.sqrt(np.sum(signal**2)) / sd)


def rose_index(contrast: float, sd: float, voxels: float) -> float:
    """Rose's signal-to-noise ratio of a uniform lesion: the same as `white_noise_index` for it."""
    return float(abs(contrast) / sd * voxels**0.5)


def index_in_noise(signal: Float64, power: Float64) -> float:
    """d' in stationary noise of power spectrum `power` (on the signal's own discrete frequencies; white: sigma²)."""
    spectrum = np.abs(np.fft.fftn(signal)) ** 2
    return float(spectrum.sum() / np.sqrt((spectrum * power).sum() * signal.size))


def proportion_correct(index: float) -> float:
    """Of two images, one with the lesion, the right one is chosen so often: the area under the ROC curve."""
    return float(ndtr(index / 2**0.5))


def index_in_place(
    signal: Float64, samples: NDArray[np.generic], organ: NDArray[np.bool_], rng: np.random.Generator
) -> float | None:
    """d' of a signal (a, b, c) among places of an organ without it; None where too few hold it.

    The signal's mean goes, as no reader knows absolute values.
    """
    template = signal - signal.mean()
    size = np.array(signal.shape)
    first = np.argwhere(organ) - size // 2
    fit = first[((first >= 0) & (first + size <= samples.shape)).all(axis=1)]
    if len(fit) < _FEWEST:
        return None
    sums = []
    for i, j, k in fit[rng.permutation(len(fit))[:_PLACES]]:
        patch = samples[i : i + size[0], j : j + size[1], k : k + size[2]]
        sums.append(float((template * patch).sum()))
    middle = np.median(sums)
    spread = float(1.4826 * np.median(np.abs(np.asarray(sums) - middle)))
    return float((template * signal).sum() / max(spread, 1e-9))
