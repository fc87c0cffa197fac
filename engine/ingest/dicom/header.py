"""The header of one DICOM file as readers use it: identity, pixel format and planes.

Checks that need one file alone are made here, before anything is allocated: sizes that the file
could not hold, colour, pixel data that ends early.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from engine.ingest.dicom.codestream import is_decodable
from engine.ingest.dicom.elements import UNDEFINED, Elements, Malformed
from engine.ingest.dicom.extent import Extent, extent_of
from engine.ingest.dicom.file import WANTED, DicomFile, Unreadable, open_file
from engine.ingest.dicom.plane import Plane, planes
from engine.ingest.study import MAX_INFLATION, MAX_VOXELS, SeriesKind

DICOMDIR = "1.2.840.10008.1.3.10"
_STORAGE = "1.2.840.10008.5.1.4.1.1."

#: SOP classes that are not images in the patient (PS3.4 annex B.5).
_KIND_OF_CLASS = {
    _STORAGE + "7": SeriesKind.SECONDARY,
    _STORAGE + "7.1": SeriesKind.SECONDARY,
    _STORAGE + "7.2": SeriesKind.SECONDARY,
    _STORAGE + "7.3": SeriesKind.SECONDARY,
    _STORAGE + "7.4": SeriesKind.SECONDARY,
    _STORAGE + "66.4": SeriesKind.LABELS,
    _STORAGE + "66.7": SeriesKind.LABELS,
    _STORAGE + "481.3": SeriesKind.CONTOURS,
}
_KIND_OF_IMAGE_TYPE = {
    "LOCALIZER": SeriesKind.LOCALIZER,
    "SCOUT": SeriesKind.LOCALIZER,
    "SCREEN SAVE": SeriesKind.SECONDARY,
    "DOSE_INFO": SeriesKind.SECONDARY,
}
#: Why some objects with pixels never become a volume.
_UNREAD_CLASS = {
    _STORAGE + "481.2": "a dose grid, which is not read",
    _STORAGE + "6.1": "an ultrasound image without a place in the patient",
    _STORAGE + "3.1": "an ultrasound clip without a place in the patient",
    _STORAGE + "20": "a nuclear medicine image, which is not read",
}
_GREY = ("MONOCHROME1", "MONOCHROME2", "")
#: Text encodings of Specific Character Set that a series description is likely to use (PS3.3 C.12.1.1.2).
_ENCODINGS = {
    "ISO_IR 192": "utf-8",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 148": "iso8859-9",
    "GB18030": "gb18030",
    "GBK": "gbk",
}


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the samples of a file are stored (PS3.5 section 8).

    Attributes:
        kind: "integer", or "float" for Float and Double Float Pixel Data.
        padding: stored values, lowest and highest, that stand for "no measurement"; None when not stated.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    kind: str
    inverted: bool  # MONOCHROME1
    padding: tuple[int, int] | None
    big_endian: bool
    byte_swapped: bool  # 8-bit samples in big-endian words

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        return self.rows * self.columns * self.bits_allocated // 8


@dataclass(frozen=True, slots=True)
class Header:
    """One file.

    Attributes:
        unusable: why it cannot become a volume, empty when it can (labels and contours included).
        lack: what of its pixel data is missing though the rest can be used, empty when nothing is.
        description: Series Description, else Protocol Name.
        date: Series Date, else Study Date.
        frames: as stated.
        pixels: None when the file has no pixel data.
        planes: those of the frames that are there.
    """

    path: Path
    size: int
    kind: SeriesKind
    unusable: str
    lack: str
    transfer_syntax: str
    sop_class: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    modality: str
    description: str
    series_number: int | None
    date: datetime.date | None
    units: str
    frames: int
    pixels: PixelFormat | None
    planes: tuple[Plane, ...]
    pixel_start: int
    pixel_length: int
    deflated_start: int | None


def read_header(path: Path) -> Header:
    """Read one file's header.

    Raises:
        Unreadable: not an image, label or contour file that could be used, and why.
    """
    file = open_file(path, WANTED)
    elements = file.data_set.elements
    sop_class = elements.text(0x00080016) or file.media_class
    if DICOMDIR in (sop_class, file.media_class):
        raise Unreadable("an index of other files (DICOMDIR)")
    kind = _KIND_OF_CLASS.get(sop_class, SeriesKind.VOLUME)
    if file.data_set.pixel_tag is None:
        if kind is SeriesKind.CONTOURS:
            return _header(file, sop_class, kind, 0, None, "", Extent(0))
        is_image = 0x00280010 in file.data_set.elements
        raise Unreadable("has no pixel data" + (": the file may be cut short" if is_image else ""))
    frames = _frames(elements)
    pixels = _pixel_format(file, frames)
    unusable = "" if kind is SeriesKind.LABELS else _unusable(file, sop_class, pixels)
    extent = Extent(frames) if unusable else _extent(file, frames, pixels)
    if not extent.frames or (kind is SeriesKind.LABELS and extent.frames < frames):
        unusable = extent.lack  # part of a segmentation would be a smaller one
    return _header(file, sop_class, kind, frames, pixels, unusable, extent)


def _extent(file: DicomFile, frames: int, pixels: PixelFormat) -> Extent:
    try:
        return extent_of(file, frames, pixels.rows * pixels.columns * pixels.bits_allocated)
    except Malformed as error:
        return Extent(0, str(error))
    except OSError as error:
        return Extent(0, f"cannot be read ({error.strerror})")


def _header(
    file: DicomFile,
    sop_class: str,
    kind: SeriesKind,
    frames: int,
    pixels: PixelFormat | None,
    unusable: str,
    extent: Extent,
) -> Header:
    elements, found = file.data_set.elements, file.data_set
    encoding = _ENCODINGS.get(elements.text(0x00080005), "latin-1")
    number = elements.decimal(0x00200011)
    parts = planes(elements, frames)[: extent.frames] if kind is SeriesKind.VOLUME and not unusable else ()
    types = parts[0].image_type if parts else elements.texts(0x00080008)
    if kind is SeriesKind.VOLUME:
        kind = next((k for word, k in _KIND_OF_IMAGE_TYPE.items() if word in types), kind)
    return Header(
        path=file.path,
        size=file.size,
        kind=SeriesKind.UNUSABLE if unusable and kind in (SeriesKind.VOLUME, SeriesKind.LABELS) else kind,
        unusable=unusable,
        lack=extent.lack,
        transfer_syntax=file.transfer_syntax,
        sop_class=sop_class,
        sop_instance_uid=elements.text(0x00080018),
        study_uid=elements.text(0x0020000D),
        series_uid=elements.text(0x0020000E),
        frame_of_reference_uid=elements.text(0x00200052),
        modality=elements.text(0x00080060) or _MODALITY_OF_CLASS.get(sop_class, ""),
        description=elements.text(0x0008103E, encoding) or elements.text(0x00181030, encoding),
        series_number=int(number) if number is not None and number.is_integer() else None,
        date=_date(elements.text(0x00080021)) or _date(elements.text(0x00080020)),
        units=elements.text(0x00541001),
        frames=frames,
        pixels=pixels,
        planes=parts,
        pixel_start=found.pixel_start,
        pixel_length=found.pixel_length,
        deflated_start=file.deflated_start,
    )


#: Modality where the file leaves it out but its SOP class implies it.
_MODALITY_OF_CLASS = {
    _STORAGE + "2": "CT",
    _STORAGE + "2.1": "CT",
    _STORAGE + "2.2": "CT",
    _STORAGE + "4": "MR",
    _STORAGE + "4.1": "MR",
    _STORAGE + "4.4": "MR",
    _STORAGE + "128": "PT",
    _STORAGE + "130": "PT",
    _STORAGE + "128.1": "PT",
}


def _date(text: str) -> datetime.date | None:
    """A date (DA, PS3.5 section 6.2; dots between its parts were ACR-NEMA's), None where it is none."""
    digits = text.replace(".", "")
    try:
        return datetime.date.fromisoformat(digits) if len(digits) == 8 and digits.isdecimal() else None
    except ValueError:
        return None


def _frames(elements: Elements) -> int:
    if 0x00280008 not in elements or not elements.text(0x00280008):
        return 1
    count = elements.decimal(0x00280008)
    if count is None or not 1 <= count < 2**31 or not count.is_integer():
        raise Unreadable("states no usable number of frames")
    return int(count)


def _pixel_format(file: DicomFile, frames: int) -> PixelFormat:
    """The pixel format, with the sizes it claims checked against what the file could hold."""
    elements, found = file.data_set.elements, file.data_set
    rows, columns = elements.short(0x00280010) or 0, elements.short(0x00280011) or 0
    is_float = found.pixel_tag in (0x7FE00008, 0x7FE00009)
    allocated = (32 if found.pixel_tag == 0x7FE00008 else 64) if is_float else elements.short(0x00280100) or 0
    if not rows or not columns:
        raise Unreadable("states no image size")
    if allocated not in (1, 8, 16, 32, 64):
        raise Unreadable(f"stores {allocated} bits a sample")
    samples = elements.short(0x00280002) or 1
    if rows * columns * frames > MAX_VOXELS:
        raise Unreadable(f"claims {columns} x {rows} x {frames} pixels, beyond any scan")
    if rows * columns * frames * samples * allocated // 8 > max(file.size, 512) * MAX_INFLATION:
        raise Unreadable(f"claims {columns} x {rows} x {frames} pixels, more than its {file.size} bytes could hold")
    stored = min(elements.short(0x00280101) or allocated, allocated)
    signed = elements.short(0x00280103) == 1
    big_endian = elements.syntax.big_endian
    return PixelFormat(
        rows=rows,
        columns=columns,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_high_bit(elements, stored, allocated),
        signed=signed,
        kind="float" if is_float else "integer",
        inverted=elements.text(0x00280004) == "MONOCHROME1",
        padding=_padding(elements, signed=signed),
        big_endian=big_endian,
        byte_swapped=big_endian and allocated == 8 and found.pixel_vr == "OW",
    )


def _high_bit(elements: Elements, stored: int, allocated: int) -> int:
    high = elements.short(0x00280102)
    return high if high is not None and stored - 1 <= high < allocated else stored - 1


def _padding(elements: Elements, *, signed: bool) -> tuple[int, int] | None:
    value = elements.short(0x00280120, signed=signed)
    if value is None:
        return None
    limit = elements.short(0x00280121, signed=signed)
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)


def _unusable(file: DicomFile, sop_class: str, pixels: PixelFormat) -> str:
    """Why an image with pixels still cannot be part of a volume; empty when it can."""
    elements, found = file.data_set.elements, file.data_set
    photometric = elements.text(0x00280004)
    if sop_class in _UNREAD_CLASS:
        return _UNREAD_CLASS[sop_class]
    if (elements.short(0x00280002) or 1) != 1 or photometric not in _GREY:
        return "a colour image"
    if "MOSAIC" in elements.texts(0x00080008):
        return "a mosaic of slices in one image; export it as enhanced MR or as single slices"
    if 0x00283000 in elements and 0x00281053 not in elements:
        return "a lookup table in place of a rescale slope"
    if pixels.bits_allocated not in (8, 16, 32) and pixels.kind == "integer":
        return f"{pixels.bits_allocated} bits a sample"
    if found.pixel_length == UNDEFINED and not is_decodable(file.transfer_syntax):
        return f"transfer syntax {file.transfer_syntax or 'not stated'} is not read"
    return ""
