"""Stored samples to intensities: scaling, NaN repair, the smallest type that holds them, what they measure.

Volumes leave the readers as int16 where the values allow it and float32 otherwise: two types that
numpy, torch on any device and the wire all share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.volume import Quantity
from engine.ingest.content import refused

_SLAB_BYTES = 1 << 24  # temporaries of scaling stay this small
_INT16 = np.iinfo(np.int16)
#: The lowest that a scanner pads with is -3072.
_LOWEST_HU = -3100


@dataclass(frozen=True, slots=True)
class Intensities:
    """Samples ready for a `Volume`, with what was done to them."""

    samples: NDArray[Any]
    quantity: Quantity
    notes: tuple[str, ...] = field(default=())


def intensities(
    path: Path, stored: NDArray[Any], slope: float = 1.0, intercept: float = 0.0, modality: str = ""
) -> Intensities:
    """`stored * slope + intercept` as int16 or float32, of the same memory order, without a copy where none is needed.

    Args:
        path: file the samples came from, for the refusal.
        stored: (ni, nj, nk) real samples, i fastest.
        slope, intercept: finite; the caller has judged them.
        modality: DICOM modality where the file states one; what the samples measure is guessed otherwise.

    Raises:
        InputRefused: no finite sample.
    """
    flat = stored.reshape(-1, order="F")
    notes: list[str] = []
    native = stored.dtype.newbyteorder("=")
    if flat.dtype != native:
        flat = flat.astype(native)
    if (slope, intercept) != (1.0, 0.0):
        flat = _scaled(flat, slope, intercept)
    if flat.dtype.kind == "f":
        flat, notes = _finite(path, flat)
    flat, more = _narrowed(flat)
    quantity = Quantity.HOUNSFIELD if modality == "CT" else Quantity.ARBITRARY if modality else _quantity(flat)
    notes += more
    if quantity is Quantity.HOUNSFIELD:
        flat = _whole_as_int16(flat)
    if quantity is Quantity.HOUNSFIELD and not modality:
        notes.append("the file names no modality; air and soft tissue lie where CT has them: taken as Hounsfield units")
        if flat.min() < _LOWEST_HU:
            notes.append(f"values of {float(flat.min()):g} lie below all that a CT measures: padding, not the patient")
    return Intensities(flat.reshape(stored.shape, order="F"), quantity, tuple(notes))


def _scaled(flat: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Exact int32 where slope and intercept are whole and stay in range, float32 from float64 otherwise."""
    whole = slope.is_integer() and intercept.is_integer() and flat.dtype.kind in "iu"
    if whole:
        ends = [int(flat.min()) * int(slope) + int(intercept), int(flat.max()) * int(slope) + int(intercept)]
        if max(map(abs, ends)) < 2**31:
            kind = np.int16 if _INT16.min <= min(ends) and max(ends) <= _INT16.max else np.int32
            return _by_slab(flat, np.int64, slope, intercept, kind)
    return _by_slab(flat, np.float64, slope, intercept, np.float32)


def _by_slab(flat: NDArray[Any], working: Any, slope: float, intercept: float, kind: Any) -> NDArray[Any]:
    result = np.empty(flat.shape, dtype=kind)
    step = _SLAB_BYTES // 8
    a, b = working(slope), working(intercept)
    with np.errstate(over="ignore", invalid="ignore"):  # overflow becomes infinity, which is repaired and counted
        for start in range(0, flat.size, step):
            part = slice(start, start + step)
            result[part] = flat[part].astype(working) * a + b
    return result


def _finite(path: Path, flat: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """Non-finite samples replaced by the least finite one, and how many there were."""
    if np.isfinite(flat.min()) and np.isfinite(flat.max()):  # NaN and infinity show in one of the two
        return flat, []
    bad = ~np.isfinite(flat)
    count = int(np.count_nonzero(bad))
    if count == flat.size:
        raise refused(path, "every sample is NaN or infinite")
    flat = flat if flat.flags.writeable else flat.copy()
    flat[bad] = least = flat[~bad].min()
    return flat, [f"{count} NaN or infinite samples replaced by the least value, {float(least):g}"]


def _narrowed(flat: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """int16 where an integer type allows it without loss, float32 otherwise."""
    if flat.dtype in (np.int16, np.float32):
        return flat, []
    if flat.dtype.kind in "iub":
        low, high = int(flat.min()), int(flat.max())
        if low >= _INT16.min and high <= _INT16.max:
            return (flat.view(np.int16) if flat.dtype == np.uint16 else flat.astype(np.int16)), []
        lossy = max(abs(low), abs(high)) > 2**24
        return flat.astype(np.float32), ["integers beyond 2^24 rounded to float32"] if lossy else []
    with np.errstate(over="ignore"):
        single = flat.astype(np.float32)
    if not np.isfinite(single).all():
        limit = np.finfo(np.float32).max
        return np.clip(flat, -limit, limit).astype(np.float32), ["samples beyond the range of float32 clipped to it"]
    rounded = bool((single != flat).any())
    return single, [f"{flat.dtype} samples rounded to float32"] if rounded else []


def _quantity(flat: NDArray[Any]) -> Quantity:
    """Hounsfield units when both the air and the soft tissue of a CT are there, arbitrary otherwise.

    Without a modality tag this is all there is: CT alone has a large population near -1000 and
    another between -200 and 300, and nothing below the -3072 of the lowest padding that scanners
    use, but for one value that other programs pad with.
    """
    if not (float(flat.min()) <= -900 and 0 <= float(flat.max()) <= 70000):
        return Quantity.ARBITRARY
    some = flat[:: max(flat.size // 1_000_000, 1)]
    below = some[some < _LOWEST_HU]
    if below.size and below.min() != below.max():
        return Quantity.ARBITRARY
    air = np.count_nonzero((some >= -1100) & (some <= -850)) / some.size
    tissue = np.count_nonzero((some >= -200) & (some <= 300)) / some.size
    return Quantity.HOUNSFIELD if air > 0.002 and tissue > 0.01 else Quantity.ARBITRARY


def _whole_as_int16(flat: NDArray[Any]) -> NDArray[Any]:
    """float32 CT whose values are all whole numbers as int16."""
    if flat.dtype == np.int16 or flat.max() > _INT16.max or flat.min() < _INT16.min:
        return flat
    for start in range(0, flat.size, _SLAB_BYTES // 4):
        part = flat[start : start + _SLAB_BYTES // 4]
        if not np.array_equal(part, np.rint(part)):
            return flat
    return flat.astype(np.int16)


def looks_like_labels(window: NDArray[Any]) -> bool:
    """Whether stored samples look like a label map: whole numbers, neighbours along i mostly equal.

    In an image two neighbouring samples that are not background are rarely equal; in a label map
    they differ only at boundaries. All-zero samples count as an image, which can be shown.
    """
    flat = window.reshape(-1)
    if flat.size < 2 or not flat.min() >= 0 or not flat.max() <= 0xFFFF:  # NaN compares false
        return False
    if flat.dtype.kind == "f" and not np.array_equal(flat, np.rint(flat)):
        return False
    both = (flat[:-1] != 0) & (flat[1:] != 0)
    pairs = int(np.count_nonzero(both))
    return bool(pairs and np.count_nonzero(both & (flat[:-1] == flat[1:])) > 0.7 * pairs)
