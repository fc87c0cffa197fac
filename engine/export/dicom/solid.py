"""One surface for a printer or another program: Encapsulated STL (PS3.3 A.85.1, C.35).

Vertices are those of the surface, in LPS millimetres of the frame of the series, as binary STL: float32, so the bytes
say the same numbers. STL keeps triangles apart; who reads it joins equal vertices.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from engine.core.errors import InvalidValue
from engine.core.structure import Code, Structure
from engine.core.surface import Surface
from engine.export.dicom.meaning import SCHEME, coding_schemes, made_by, type_of
from engine.export.dicom.part10 import (
    RESEARCH,
    Stamp,
    concept,
    date_of,
    item,
    new_object,
    refer_to_series,
    text,
    time_of,
)
from engine.export.dicom.source import Source

ENCAPSULATED_STL = "1.2.840.10008.5.1.4.1.1.104.3"
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")])
_MODEL = Code("129015", "Anatomical model", "DCM")
_MILLIMETRE = Code("mm", "mm", "UCUM")
_SOURCE = Code("121324", "Source image", "DCM")


def encapsulated_stl(structure: Structure, surface: Surface, source: Source, stamp: Stamp) -> Dataset:
    """`surface` of `structure` in an object of the study.

    Raises:
        InvalidValue: a surface without triangles, or one that is not closed.
        FrameMismatch: it does not lie in the frame of the series.
    """
    source.refuse_other_frame(surface.frame)
    if not surface.is_closed():
        raise InvalidValue(f"the surface of {structure.name!r} is not closed, and encloses nothing")
    found = new_object(source, stamp, ENCAPSULATED_STL, "M3D", f"{structure.name}. {RESEARCH}")
    refer_to_series(found, source)
    now = stamp.local(source)
    found.FrameOfReferenceUID = source.frame_of_reference_uid
    found.PositionReferenceIndicator = source.position_reference
    found.ContentDate, found.ContentTime, found.AcquisitionDateTime = date_of(now), time_of(now), ""
    found.ContentDescription = text(
        f"{made_by(structure)}; within {surface.error_mm:.2g} mm of the labels' surface", 64
    )
    found.BurnedInAnnotation = "NO"
    found.DocumentTitle = text(structure.name, 64)
    found.ConceptNameCodeSequence = [concept(_MODEL)]
    found.SourceInstanceSequence = [
        item(
            ReferencedSOPClassUID=kind,
            ReferencedSOPInstanceUID=uid,
            PurposeOfReferenceCodeSequence=[concept(_SOURCE)],
        )
        for uid, kind in source.instances.items()
    ]
    found.MIMETypeOfEncapsulatedDocument = "model/stl"
    data = stl_bytes(surface)
    found.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    found.EncapsulatedDocumentLength = len(data)
    found.MeasurementUnitsCodeSequence = [concept(_MILLIMETRE)]
    found.ModelModification, found.ModelMirroring = "NO", "NO"
    if type_of(structure).scheme == SCHEME:
        found.CodingSchemeIdentificationSequence = coding_schemes()
    return found


def stl_bytes(surface: Surface) -> bytes:
    """Binary STL."""
    corners = surface.vertices_mm[surface.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    triangles = np.zeros(len(corners), dtype=_TRIANGLE)
    triangles["corners"] = corners
    triangles["normal"] = np.divide(across, lengths, out=np.zeros_like(across), where=lengths > 0)
    head = b"Sightline, DICOM LPS, millimetres. Research use.".ljust(80)
    return head + np.uint32(len(corners)).tobytes() + triangles.tobytes()
