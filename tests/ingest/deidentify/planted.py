"""Files that name their patient wherever DICOM lets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from tests.ingest.dicom_writer import image, save

NAME, NUMBER, BORN = "Quistorp^Wilhelmine", "Z4711234", "19371224"
#: What must be found nowhere: in any case, in one byte a character or two.
TRACES = ("quistorp", "wilhelmine", "z4711234", "4711234", "19371224", "24.12.1937", "1937-12-24")
TEXT = f"{NAME} {NUMBER} 24.12.1937"
_VALUES: dict[str, Any] = {
    **dict.fromkeys(("LO", "LT", "PN", "ST", "UC", "UT"), TEXT),
    **dict.fromkeys(("AE", "CS", "SH"), "QUISTORP"),
    "AS": "085Y", "DA": BORN, "DT": f"{BORN}101500", "TM": "101500", "UI": "1.2.3.4711234", "UR": f"http://x/{NUMBER}",
    "IS": 19371224, "DS": 19371224, "UL": 19371224, "SL": 19371224, "FD": 19371224.0, "SV": 19371224, "UV": 19371224,
    "OB": TEXT.encode() + b"\0", "UN": TEXT.encode(), "OW": TEXT.encode("utf-16-le"), "OF": b"wilhelmine  ",
    "OD": b"wilhelminewilhel", "OL": b"quistorpquistorp", "OV": b"quistorpquistorp",
}  # fmt: skip
#: What an image cannot do without, and what says how texts are stored.
_NEEDED = frozenset(
    "SOPClassUID SpecificCharacterSet Rows Columns NumberOfFrames SamplesPerPixel BitsAllocated BitsStored HighBit "  # noqa: SIM905
    "PixelData PixelRepresentation PlanarConfiguration PhotometricInterpretation PatientID PatientName "
    "PatientBirthDate FloatPixelData DoubleFloatPixelData".split()
)


def everything() -> Dataset:
    """Every attribute of the dictionary that a data set can have, with the patient in it."""
    found = Dataset()
    for tag, (vr, _, _, _, keyword) in sorted(DicomDictionary.items()):
        kind = vr.split(" or ")[0]
        if tag >> 16 in (0x0000, 0x0002, 0xFFFE) or not keyword or keyword in _NEEDED or kind not in _VALUES:
            continue
        found.add_new(tag, kind, _VALUES[kind])
    return found


def named(**tags: Any) -> Dataset:
    """An image of the patient."""
    found = image(np.arange(4096, dtype=np.int16).reshape(64, 64))
    found.PatientName, found.PatientID, found.PatientBirthDate = NAME, NUMBER, BORN
    found.StudyDate, found.SeriesDate, found.StudyTime = "20240229", "20240301", "101500"
    found.OtherPatientIDs = "4711234"
    for keyword, value in tags.items():
        setattr(found, keyword, value)
    return found


def planted() -> Dataset:
    """The patient in every attribute, in nested ones, in private ones, in overlays, curves, padding and the unknown."""
    found = named()
    for element in everything():
        if element.tag not in found:
            found.add(element)
    inner = everything()
    inner.ReferencedStudySequence = [everything()]
    found.RequestAttributesSequence = [inner]
    found.DerivationCodeSequence = [everything()]
    block = found.private_block(0x0011, "Quistorp private", create=True)
    for number, vr in enumerate(("LO", "UN", "SH", "UT", "PN", "OB"), 1):
        block.add_new(number, vr, _VALUES[vr])
    secret = Dataset()
    secret.PatientName = NAME
    block.add_new(0x20, "SQ", [secret])
    found.add_new(0x60000022, "LO", TEXT[:64])
    found.add_new(0x60003000, "OW", TEXT.encode("utf-16-le"))
    found.add_new(0x50003000, "OW", TEXT.encode("utf-16-le"))
    found.add_new(0x00080003, "LO", TEXT[:64])  # a tag that nobody knows
    found.add_new(0xFFFCFFFC, "OB", TEXT.encode() + b"\0")
    return found


def stored(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """The file, with the patient in its preamble and in its description too."""
    save(dataset, path, syntax)
    written = dcmread(path)
    written.preamble = TEXT.encode().ljust(128, b"\0")
    written.file_meta.SourceApplicationEntityTitle = "QUISTORP"
    written.file_meta.PrivateInformationCreatorUID = UID("1.2.3.4711234")
    written.file_meta.PrivateInformation = TEXT.encode() + b"\0"
    written.save_as(path)
    return path


def traces(data: bytes) -> list[str]:
    """What of the patient stands in `data`."""
    lowered = data.lower()
    return [t for t in TRACES for c in ("utf-8", "utf-16-le", "utf-16-be") if t.encode(c) in lowered]


def reread(path: Path) -> FileDataset:
    return dcmread(path)
