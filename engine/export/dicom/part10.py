"""What every exported object shares: whose it is, who made it and when, and how it becomes a file.

Identifiers and the time are arguments, so that the same call gives the same bytes. Nothing that is written holds a
path, the name of a machine or of a user.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from engine.core.errors import EnvironmentLacks, InvalidValue
from engine.core.structure import Code
from engine.export.dicom.source import Source

MAKER = "Sightline"
RESEARCH = "Research use, not a medical device"
#: PS3.5 annex B.2: a UID from a UUID, which this implementation owns for good.
IMPLEMENTATION = "2.25.27249271301351158287265482930961630747"
#: Device Serial Number must not be empty in enhanced objects; software has none, and a machine's is nobody's business.
_NO_SERIAL_NUMBER = "none"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one export from the next.

    Attributes:
        new_uid: a new UID at each call.
        now: when it is made; with a time zone where it is known.
        version: of the software.
    """

    new_uid: Callable[[], str]
    now: datetime.datetime
    version: str

    def local(self, source: Source) -> datetime.datetime:
        """`now` by the clock that the study's own times are told by: one offset holds for all times of an object."""
        offset = str(source.study.get("TimezoneOffsetFromUTC", ""))
        if not offset or self.now.tzinfo is None:
            return self.now
        return self.now.astimezone(datetime.datetime.strptime(offset, "%z").tzinfo)


def date_of(time: datetime.datetime) -> str:
    """DA."""
    return time.strftime("%Y%m%d")


def time_of(time: datetime.datetime) -> str:
    """TM, to the millisecond."""
    return f"{time:%H%M%S}.{time.microsecond // 1000:03d}"


def new_object(source: Source, stamp: Stamp, sop_class: str, modality: str, description: str) -> Dataset:
    """An object of the study of `source`, in a series of its own: Patient to General Equipment, and SOP Common."""
    found = Dataset()
    found.update(source.study)
    found.SOPClassUID, found.SOPInstanceUID = sop_class, stamp.new_uid()
    found.SeriesInstanceUID, found.Modality = stamp.new_uid(), modality
    found.SeriesDescription = text(description, 64)
    found.SeriesNumber, found.InstanceNumber = 1, 1
    sign(found, source, stamp)
    return found


def sign(found: Dataset, source: Source, stamp: Stamp) -> None:
    """Say who made it, and when."""
    now = stamp.local(source)
    found.Manufacturer = found.ManufacturerModelName = MAKER
    found.SoftwareVersions, found.DeviceSerialNumber = stamp.version, _NO_SERIAL_NUMBER
    found.InstanceCreationDate, found.InstanceCreationTime = date_of(now), time_of(now)
    found.SeriesDate, found.SeriesTime = date_of(now), time_of(now)


def say_content(found: Dataset, source: Source, stamp: Stamp, label: str, description: str) -> None:
    """Content Identification (PS3.3 table 10-12), with its date."""
    now = stamp.local(source)
    found.ContentDate, found.ContentTime = date_of(now), time_of(now)
    found.ContentLabel, found.ContentDescription = label, text(description, 64)
    found.ContentCreatorName = ""


def item(**attributes: object) -> Dataset:
    """An item of a sequence."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def concept(code: Code) -> Dataset:
    """A coded concept as an item (PS3.3 section 8)."""
    return item(CodeValue=code.value, CodingSchemeDesignator=code.scheme, CodeMeaning=text(code.meaning, 64))


def referenced(instances: Iterable[tuple[str, str]]) -> list[Dataset]:
    """References to SOP instances, given with their SOP classes."""
    return [item(ReferencedSOPClassUID=kind, ReferencedSOPInstanceUID=uid) for uid, kind in instances]


def refer_to_series(found: Dataset, source: Source) -> None:
    """Common Instance Reference (PS3.3 C.12.2): every instance of the series."""
    found.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=source.series_uid, ReferencedInstanceSequence=referenced(source.instances.items()))
    ]


def decimals(values: Iterable[float]) -> list[str]:
    """Numbers as decimal strings (DS) of at most 16 characters, as exact as those allow."""
    return [format_number_as_ds(round(float(value), 9) + 0.0) for value in values]


def text(words: str, longest: int) -> str:
    """`words` as a text attribute takes them: one line, no backslash, no control characters, cut where too long.

    The standard counts characters and many readers count bytes; in UTF-8 the latter are more.
    """
    line = " ".join("".join(c if c.isprintable() and c != "\\" else " " for c in words).split())
    data = line.encode()
    return line if len(data) <= longest else data[: longest - 3].decode(errors="ignore").rstrip() + "..."


def save(found: Dataset, path: Path, *, overwrite: bool = False, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write `found` to `path`, whole or not at all.

    Raises:
        InvalidValue: `path` is there already, and nobody said to overwrite it.
        EnvironmentLacks: it cannot be written.
    """
    if path.exists() and not overwrite:
        raise InvalidValue(f"{path.name} is there already, and is not overwritten unasked")
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = UID(syntax)
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.file_meta.ImplementationClassUID = UID(IMPLEMENTATION)
    found.file_meta.ImplementationVersionName = MAKER.upper()
    partial = path.with_name(f".{path.name}.partial")
    try:
        found.save_as(partial, enforce_file_format=True, implicit_vr=None, little_endian=None)
        partial.replace(path)
    except OSError as error:
        raise EnvironmentLacks(f"cannot write {path.name} ({error.strerror})", "Choose another folder.") from error
    finally:
        partial.unlink(missing_ok=True)
    return path
