"""One DICOM file made nobody's: read, cleaned, said so in, written to bytes, and searched for what may have stayed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom._uid_dict import UID_dictionary
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from engine.core.errors import SightlineError
from engine.ingest.deidentify.clean import Cleaner, Tally
from engine.ingest.deidentify.identity import Identity
from engine.ingest.deidentify.options import FACES_CLEANED, Faces, Options, methods
from engine.ingest.deidentify.secret import Secret

MAKER = "SIGHTLINE"
#: PS3.5 annex B.2, as exports have it.
IMPLEMENTATION = "2.25.27249271301351158287265482930961630747"

#: Objects that are text or drawings or what nobody knows: what is in them cannot be judged by rules.
_REFUSED = {
    "1.2.840.10008.1.3.10": "a directory of a medium",
    "1.2.840.10008.5.1.4.1.1.88.": "a report",
    "1.2.840.10008.5.1.4.1.1.104.": "a document",
    "1.2.840.10008.5.1.4.1.1.11.": "a presentation state",
    "1.2.840.10008.5.1.4.1.1.9.": "a waveform",
    "1.2.840.10008.5.1.4.1.1.77.1.4.1": "a video",
    "1.2.840.10008.5.1.4.1.1.77.1.1.1": "a video",
    "1.2.840.10008.5.1.4.1.1.77.1.2.1": "a video",
    "1.2.840.10008.5.1.4.1.1.66": "raw data",
}
_EXACT = frozenset({"1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.1.3.10"})

_NAMES = frozenset({"PN"})
#: Attributes whose values lead to the patient, wherever they stand.
_NUMBERS = frozenset(
    [
        "PatientID",
        "OtherPatientIDs",
        "AccessionNumber",
        "PatientAddress",
        "PatientTelephoneNumbers",
        "MedicalRecordLocator",
        "AdmissionID",
        "IssuerOfPatientID",
        "InsurancePlanIdentification",
        "ServiceEpisodeID",
        "PatientTelecomInformation",
        "FillerOrderNumberImagingServiceRequest",
        "PlacerOrderNumberImagingServiceRequest",
        "RequestedProcedureID",
    ]
)
_BYTES = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN"})
_NUMERALS = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"})


class SetAside(Exception):
    """A file that is left out, and why; holds no value of it."""


class Leak(SightlineError):
    """Something of the patient would have stayed. `places` are names of attributes."""

    def __init__(self, places: tuple[str, ...]) -> None:
        super().__init__(f"the patient would still be found in {', '.join(places)}")
        self.places = places


@dataclass(frozen=True, slots=True)
class Whose:
    """What the headers of one file say of the patient, and of everybody named in it."""

    patient: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class Said:
    """What was found in the pixels, to be said in the headers; None where nothing is known."""

    burned_in: bool | None = None
    face: bool | None = None


def read(path: Path, *, pixels: bool = True) -> FileDataset:
    """A DICOM file that this package can treat.

    Raises:
        SetAside: it is no DICOM object, or of a kind that rules cannot clean.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = dcmread(path, force=True, stop_before_pixels=not pixels)
            sop_class = str(found.get("SOPClassUID", "") or found.file_meta.get("MediaStorageSOPClassUID", ""))
        except Exception as error:  # pydicom raises whatever a broken file provokes
            raise SetAside("cannot be read as DICOM") from error
    if not sop_class or not found.get("SOPInstanceUID"):
        raise SetAside("no DICOM object")
    if sop_class not in UID_dictionary:
        raise SetAside("a kind of object of a maker's own")
    for kind, what in _REFUSED.items():
        if sop_class == kind if kind in _EXACT else sop_class.startswith(kind):
            raise SetAside(f"{what}: rules cannot clean it")
    return found


def whose(dataset: Dataset) -> Whose:
    """Whom a file is about. Files of the same ID are of one patient; without one, of the same name and birth date."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names, numbers, births = [], [], []
        for keyword, vr, value in _leaves(dataset):
            if vr in _NAMES:
                names.append(value)
            elif keyword in _NUMBERS:
                numbers.append(value)
            elif keyword == "PatientBirthDate":
                births.append(value)
        patient = str(dataset.get("PatientID", "") or "").strip()
        if not patient:
            name, birth = str(dataset.get("PatientName", "") or ""), str(dataset.get("PatientBirthDate", "") or "")
            patient = f"{name}\0{birth}" if name else f"\0{dataset.get('StudyInstanceUID', '')}"
        return Whose(patient, Identity.of(names, numbers, births))


def deidentified_bytes(
    dataset: FileDataset,
    patient: str,
    identity: Identity,
    secret: Secret,
    options: Options,
    tally: Tally,
    said: Said | None = None,
) -> bytes:
    """A file's bytes after cleaning `dataset`, which is changed.

    Raises:
        SetAside: it cannot be written, or drawings in its pixels cannot be reached.
        Leak: something of `identity` would have stayed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        codecs = _codecs(dataset)
        try:
            dataset.decode()
        except Exception as error:
            raise SetAside("its texts cannot be decoded") from error
        _clear_drawn_bits(dataset)
        Cleaner(secret, options, identity, secret.days(patient), tally).clean(dataset)
        _say(dataset, secret.patient(patient), options, said or Said())
        data = _written(dataset)
        places = leaks(data, identity, codecs)
    if places:
        raise Leak(places)
    return data


def leaks(data: bytes, identity: Identity, codecs: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of attributes in a written file in which something of `identity` is to be found."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dcmread(BytesIO(data))
        places = {keyword for keyword, vr, value in _leaves(found) if _holds(vr, value, identity)}
        places |= {keyword for keyword, vr, value in _leaves(found.file_meta) if _holds(vr, value, identity)}
        for keyword, stored in _binary(found):
            if identity.is_in_bytes(stored, codecs):
                places.add(keyword)
    if not places and identity.is_in_bytes(data, codecs):
        places.add("bytes of the file")
    return tuple(sorted(places))


def _holds(vr: str, value: str, identity: Identity) -> bool:
    if vr == "UI":
        return False  # replaced, registered, or kept on request
    return identity.is_number(value) if vr in _NUMERALS else identity.is_in(value)


def _leaves(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """Keyword, value representation and value of every attribute that is no bytes, at any depth."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            values = element.value if element.VM > 1 else [element.value]
            if element.VR == "SQ":
                for item in element.value:
                    yield from _leaves(item)
            elif element.VR not in _BYTES and values is not None:
                yield from ((element.keyword or "private", element.VR, str(value)) for value in values if value)
        except Exception:  # noqa: S112  what cannot be read here is removed, and the bytes are searched too
            continue


def _binary(dataset: Dataset) -> Iterator[tuple[str, bytes]]:
    for element in dataset.iterall():
        if element.VR in _BYTES and isinstance(element.value, bytes):
            yield element.keyword or "private", element.value


def _codecs(dataset: Dataset) -> tuple[str, ...]:
    names = dataset.get("SpecificCharacterSet", "") or []
    names = [names] if isinstance(names, str) else list(names)
    return tuple(python_encoding[name] for name in names if name in python_encoding)


def _clear_drawn_bits(dataset: Dataset) -> None:
    """Old overlays lie in bits of the pixels that the image does not use.

    Raises:
        SetAside: they are compressed with the image.
    """
    drawn = any(
        tag.group & 0xFF01 == 0x6000 and tag.element == 0x0102 and dataset[tag].value for tag in list(dataset.keys())
    )
    stored, allocated = int(dataset.get("BitsStored", 0) or 0), int(dataset.get("BitsAllocated", 0) or 0)
    if not drawn or "PixelData" not in dataset or not 0 < stored < allocated:
        return
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or (syntax.is_compressed and syntax != DeflatedExplicitVRLittleEndian):
        raise SetAside("drawings are compressed with its pixels")
    if allocated != 16:
        raise SetAside("drawings lie in its pixels")
    order = "<u2" if syntax.is_little_endian else ">u2"
    high = int(dataset.get("HighBit", stored - 1))
    mask = np.array(((1 << stored) - 1) << (high + 1 - stored), order)
    dataset.PixelData = (np.frombuffer(dataset.PixelData, order) & mask).tobytes()


def _say(dataset: Dataset, name: str, options: Options, said: Said) -> None:
    """Who the patient is now, and how that came about."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = dataset.PatientID = name
    for keyword in ("PatientBirthDate", "PatientSex"):  # Type 2: present, whoever left them out
        if keyword not in dataset:
            setattr(dataset, keyword, "")
    dataset.PatientIdentityRemoved = "YES"
    codes = methods(options)
    cleaned = options.faces is Faces.REMOVE and said.face is not None
    if cleaned:
        codes.append(FACES_CLEANED)
    dataset.DeidentificationMethod = "DICOM PS3.15 Annex E"
    dataset.DeidentificationMethodCodeSequence = [_code(*code) for code in codes]
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if options.keep_dates else "REMOVED"
    if said.burned_in is not None:
        dataset.BurnedInAnnotation = "YES" if said.burned_in else "NO"
    if said.face is not None:
        dataset.RecognizableVisualFeatures = "YES" if said.face else "NO"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _written(dataset: FileDataset) -> bytes:
    """A file with a preamble and a description of its own."""
    syntax = dataset.file_meta.get("TransferSyntaxUID", None)
    if syntax is None:
        syntax = ExplicitVRLittleEndian if not dataset.original_encoding[0] else UID("1.2.840.10008.1.2")
    meta = FileMetaDataset()
    # Inflated: what is deflated cannot be searched.
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == DeflatedExplicitVRLittleEndian else syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.ImplementationClassUID, meta.ImplementationVersionName = UID(IMPLEMENTATION), MAKER
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    out = BytesIO()
    try:
        dataset.save_as(out, enforce_file_format=True)
    except Exception as error:
        raise SetAside("cannot be written as DICOM") from error
    return out.getvalue()
