"""How well a lesion can be told from what is there, by an observer who knows what it looks like.

The non-prewhitening observer takes the sum of the image weighted by the lesion's own profile s. Its d' is
sum s² over the standard deviation of that sum where no lesion is; in white noise sqrt(sum s²) / sigma. Taken over
places of the organ, the standard deviation holds anatomy as well as noise: from noise alone, lesions are predicted far
easier than readers find them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from engine.core.array import Float64
from engine.core.errors import InvalidValue

#: Places of the organ that tell, how many are tried for them, and fewest that tell a standard deviation.
_PLACES, _TRIED, _FEWEST = 200, 1500, 20


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
    signal: Float64,
    samples: NDArray[np.generic],
    organ: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    band_voxels: Float64,
    least_share: float = 0.0,
) -> float | None:
    """d' of a signal (a, b, c) among places of an organ without it; None where too few hold it.

    Args:
        signal: what the lesion adds, with room about it.
        samples: of the volume without the lesion.
        organ: in which other places are tried.
        rng: which of them.
        band_voxels: (3,) standard deviation beyond which the eye takes no notice: what changes more slowly is no edge.
        least_share: of a place's box that the organ fills at least, as about the lesion.
    """
    template = signal - gaussian_filter(signal, band_voxels, mode="constant")
    template -= template.mean()
    size = np.array(signal.shape)
    first = np.argwhere(organ) - size // 2
    fit = first[((first >= 0) & (first + size <= samples.shape)).all(axis=1)]
    sums = []
    for i, j, k in fit[rng.permutation(len(fit))[:_TRIED]]:
        box = slice(i, i + size[0]), slice(j, j + size[1]), slice(k, k + size[2])
        if organ[box].mean() >= least_share:
            sums.append(float((template * samples[box]).sum()))
        if len(sums) == _PLACES:
            break
    if len(sums) < _FEWEST:
        return None
    spread = float(1.4826 * np.median(np.abs(np.asarray(sums) - np.median(sums))))
    return float((template * signal).sum() / max(spread, 1e-9))
