"""DICOM objects that are not images, read whole with pydicom: segmentations and structure sets.

Damaged values surface in pydicom only when they are looked at, as almost any exception; `reading`
turns them all into a refusal of the file.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as ConceptCode

from engine.core.anatomy import ANATOMY
from engine.core.array import Float64
from engine.core.errors import SightlineError
from engine.core.structure import Code, Rgb
from engine.ingest.content import refused
from engine.ingest.dicom.file import DEFLATED, Unreadable, inflate

#: No segmentation or structure set in the field comes near: 512 x 512 x 1000 x 60 segments as bits.
MAX_OBJECT_BYTES = 2 << 30


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Whatever goes wrong inside becomes a refusal of `path`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of values that strict readers would refuse
            yield
    except SightlineError:
        raise
    except Unreadable as error:
        raise refused(path, str(error)) from None
    except OSError as error:
        raise refused(path, f"cannot be read ({error.strerror or 'damaged'})") from error
    except Exception as error:
        raise refused(path, f"damaged: not a readable {what} ({type(error).__name__})") from error


def data_set(path: Path) -> Dataset:
    """The whole object; call inside `reading`.

    Raises:
        Unreadable: larger than any such object.
    """
    if path.stat().st_size > MAX_OBJECT_BYTES:
        raise Unreadable(f"larger than {MAX_OBJECT_BYTES >> 30} GiB")
    with _Clipped(path) as stream:
        head = stream.read(1024)
        if head[128:136] == b"DICM\x02\x00\x00\x00" and DEFLATED.encode() in head:
            return _inflated(path, 144 + int.from_bytes(head[140:144], "little"))  # group 2 tells its own length
        stream.seek(0)
        return pydicom.dcmread(stream, force=True)


class _Clipped(io.BufferedReader):
    """A file that never sets memory aside for more than it holds, whatever length an element claims."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self._size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left))


def _inflated(path: Path, start: int) -> Dataset:
    """pydicom inflates without a limit; this does not."""
    body, complete = inflate(path, start, MAX_OBJECT_BYTES)
    if not complete:
        raise Unreadable(f"inflates to more than {MAX_OBJECT_BYTES >> 30} GiB")
    return pydicom.dcmread(io.BytesIO(body), force=True)


def items(holder: Dataset | None, keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is absent or empty."""
    return list(holder.get(keyword) or []) if holder is not None else []


def first(*holders: Dataset | None, keyword: str) -> Dataset | None:
    """The first item of a sequence in the first of `holders` that has one."""
    return next((found[0] for holder in holders if (found := items(holder, keyword))), None)


def numbers(holder: Dataset | None, keyword: str, count: int) -> Float64 | None:
    """`count` finite numbers, None where there are not that many."""
    value = holder.get(keyword) if holder is not None else None
    if value is None or value == "":
        return None
    values = np.array([float(number) for number in (value if np.iterable(value) else [value])])
    return values if values.size == count and bool(np.isfinite(values).all()) else None


def code(item: Dataset | None) -> Code | None:
    """A coded concept; retired SNOMED RT codes become SNOMED CT where the anatomy table knows the concept."""
    if item is None:
        return None
    value = next((str(item.get(k)) for k in ("CodeValue", "LongCodeValue", "URNCodeValue") if item.get(k)), "")
    scheme, meaning = str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeMeaning", ""))
    if not value:
        return None
    if scheme in ("SRT", "SNM3", "99SDM"):
        retired = ConceptCode(value, "SRT", meaning)
        for row in ANATOMY.values():
            if retired == ConceptCode(row.code.value, "SCT", row.code.meaning):
                return row.code
    return Code(value, meaning, scheme)


def colour_of_cielab(value: Any) -> Rgb | None:
    """sRGB of a Recommended Display CIELab Value (PS3.3 C.10.7.1.1): CIELab, 16 bits each.

    White is D65, that of sRGB itself: so it is written by dcmqi, highdicom and 3D Slicer.
    """
    if value is None or not np.iterable(value) or len(list(value)) != 3:
        return None
    lightness, a, b = (float(channel) / 65535 for channel in value)
    y = (lightness * 100 + 16) / 116
    steps = np.array([y + (a * 255 - 128) / 500, y, y - (b * 255 - 128) / 200])
    relative = np.where(steps > 6 / 29, steps**3, 3 * (6 / 29) ** 2 * (steps - 4 / 29))
    xyz = relative * (0.95047, 1.0, 1.08883)
    linear = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]) @ xyz
    linear = np.clip(linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = np.rint(np.clip(encoded, 0, 1) * 255).astype(int).tolist()
    return (red, green, blue)
