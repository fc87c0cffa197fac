"""A registration and what check points say of it, as a structured report (Comprehensive 3D SR, TID 1500).

A group for the registration (method, landmarks, what was measured, whether it holds, what was left out), one for each
check point and each target with its place in the patient, one for each watched structure. Millimetres are UCUM's.
DICOM has no codes for the error at a target; `99SIGHTLINE` has, and the report says whose scheme that is.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import numpy as np
from pydicom.dataset import Dataset

from engine.core.array import Float64
from engine.core.structure import Code
from engine.export.dicom.meaning import SCHEME, coding_schemes, type_of
from engine.export.dicom.part10 import (
    MAKER,
    RESEARCH,
    Stamp,
    concept,
    date_of,
    decimals,
    item,
    new_object,
    referenced,
    text,
    time_of,
)
from engine.export.dicom.source import Source
from engine.export.verification_report import CheckedPoint, Closest, Target, VerificationReport

COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"

MILLIMETRE, COUNT = Code("mm", "mm", "UCUM"), Code("1", "no units", "UCUM")
EXPECTED = Code("TRE95", "Expected target registration error, not exceeded in 95 %", SCHEME)
MEASURED = Code("TRE", "Measured target registration error", SCHEME)
MEASURED_RMS = Code("TRE_RMS", "Measured target registration error, root mean square", SCHEME)
LIMIT = Code("TRE_LIMIT", "Largest target registration error accepted", SCHEME)
LANDMARKS = Code("LANDMARKS", "Landmarks used to register", SCHEME)
CHECK_POINTS = Code("CHECK_POINTS", "Check points, not used to register", SCHEME)
HOLDS = Code("HOLDS", "Registration holds at its check points", SCHEME)
CLOSEST = Code("CLOSEST", "Closest approach of the tool, negative inside", SCHEME)
CLOSEST_ERROR = Code("CLOSEST95", "Error of the closest approach, not exceeded in 95 %", SCHEME)
_REGISTRATION = Code("REGISTRATION", "Registration of patient and tracked frame", SCHEME)
_CHECK_POINT, _TARGET = Code("CHECK_POINT", "Check point", SCHEME), Code("TARGET", "Target", SCHEME)
_WATCHED = Code("WATCHED", "Watched structure", SCHEME)
_PROCEDURE = Code("GUIDANCE", "Image guidance, research", SCHEME)
_YES, _NO = Code("373066001", "Yes"), Code("373067005", "No")

_REPORT = Code("126000", "Imaging Measurement Report", "DCM")
_LANGUAGE, _ENGLISH = (
    Code("121049", "Language of Content Item and Descendants", "DCM"),
    Code("en", "English", "RFC5646"),
)
_OBSERVER, _DEVICE = Code("121005", "Observer Type", "DCM"), Code("121007", "Device", "DCM")
_DEVICE_UID, _DEVICE_NAME = Code("121012", "Device Observer UID", "DCM"), Code("121013", "Device Observer Name", "DCM")
_DEVICE_MAKER = Code("121014", "Device Observer Manufacturer", "DCM")
_DEVICE_MODEL = Code("121015", "Device Observer Model Name", "DCM")
_REPORTED = Code("121058", "Procedure reported", "DCM")
_MEASUREMENTS, _GROUP = Code("126010", "Imaging Measurements", "DCM"), Code("125007", "Measurement Group", "DCM")
_TRACKING, _TRACKING_UID = (
    Code("112039", "Tracking Identifier", "DCM"),
    Code("112040", "Tracking Unique Identifier", "DCM"),
)
_FINDING, _SITE = Code("121071", "Finding", "DCM"), Code("363698007", "Finding Site")
_COMMENT, _PLACE = Code("121106", "Comment", "DCM"), Code("121112", "Source of Measurement", "DCM")


def verification_report(report: VerificationReport, source: Source, stamp: Stamp) -> Dataset:
    """`report` as a document on the series that the patient was registered to."""
    found = new_object(source, stamp, COMPREHENSIVE_3D_SR, "SR", f"Registration verification. {RESEARCH}")
    now = stamp.local(source)
    found.ContentDate, found.ContentTime = date_of(now), time_of(now)
    found.CompletionFlag, found.VerificationFlag, found.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "FINAL"
    found.ReferencedPerformedProcedureStepSequence, found.PerformedProcedureCodeSequence = [], []
    found.CodingSchemeIdentificationSequence = coding_schemes()
    found.CurrentRequestedProcedureEvidenceSequence = [_evidence(source)]
    found.ConceptNameCodeSequence = [concept(_REPORT)]
    found.ValueType, found.ContinuityOfContent = "CONTAINER", "SEPARATE"
    found.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="1500")]
    groups = [
        _registration(report, stamp),
        *(_checked(one, source, stamp) for one in report.checked),
        *(_target(one, source, stamp) for one in report.targets),
        *(_closest(one, source, stamp) for one in report.closest),
    ]
    found.ContentSequence = [
        _coded("HAS CONCEPT MOD", _LANGUAGE, _ENGLISH),
        _coded("HAS OBS CONTEXT", _OBSERVER, _DEVICE),
        _uid("HAS OBS CONTEXT", _DEVICE_UID, stamp.new_uid()),
        _words("HAS OBS CONTEXT", _DEVICE_NAME, MAKER),
        _words("HAS OBS CONTEXT", _DEVICE_MAKER, MAKER),
        _words("HAS OBS CONTEXT", _DEVICE_MODEL, f"{MAKER} {stamp.version}"),
        _coded("HAS CONCEPT MOD", _REPORTED, _PROCEDURE),
        _container(_MEASUREMENTS, groups),
    ]
    return found


def _evidence(source: Source) -> Dataset:
    images = referenced(source.instances.items())
    series = item(SeriesInstanceUID=source.series_uid, ReferencedSOPSequence=images)
    return item(StudyInstanceUID=source.study.StudyInstanceUID, ReferencedSeriesSequence=[series])


# Groups -----------------------------------------------------------------------------------------


def _registration(report: VerificationReport, stamp: Stamp) -> Dataset:
    content = [
        _number(LANDMARKS, report.landmark_count, COUNT),
        _number(CHECK_POINTS, len(report.checked), COUNT),
        _number(LIMIT, report.limit_mm, MILLIMETRE),
        _coded("CONTAINS", HOLDS, _YES if report.holds else _NO),
        _words("CONTAINS", _COMMENT, f"Method: {report.method}"),
    ]
    if report.measured_mm is not None:
        content.insert(3, _number(MEASURED_RMS, report.measured_mm, MILLIMETRE))
    else:
        content.append(_words("CONTAINS", _COMMENT, "Not checked: no error was measured."))
    content += [_words("CONTAINS", _COMMENT, f"Left out: {words}") for words in report.left_out]
    residual = "Residuals of the landmarks (FRE) are not an error at a target, and not reported."
    content.append(_words("CONTAINS", _COMMENT, f"{RESEARCH}. {residual}"))
    return _group("Registration", _REGISTRATION, content, stamp)


def _checked(one: CheckedPoint, source: Source, stamp: Stamp) -> Dataset:
    content = [
        _number(MEASURED, one.off_mm, MILLIMETRE, _place(one.place_mm, source)),
        _number(EXPECTED, one.expected_mm, MILLIMETRE),
    ]
    return _group(one.name, _CHECK_POINT, [_observed(each, one.time, source, stamp) for each in content], stamp)


def _target(one: Target, source: Source, stamp: Stamp) -> Dataset:
    place = _place(one.place_mm, source)
    return _group(one.name, _TARGET, [_number(EXPECTED, one.expected_mm, MILLIMETRE, place)], stamp)


def _closest(one: Closest, source: Source, stamp: Stamp) -> Dataset:
    content = [_coded("CONTAINS", _SITE, type_of(one.structure))] if one.structure.code is not None else []
    content += [
        _observed(_number(CLOSEST, one.distance_mm, MILLIMETRE), one.time, source, stamp),
        _observed(_number(CLOSEST_ERROR, one.error_mm, MILLIMETRE), one.time, source, stamp),
    ]
    return _group(one.structure.name, _WATCHED, content, stamp)


def _group(name: str, finding: Code, content: Iterable[Dataset], stamp: Stamp) -> Dataset:
    made = _container(
        _GROUP,
        [
            _words("HAS OBS CONTEXT", _TRACKING, text(name, 64)),
            _uid("HAS OBS CONTEXT", _TRACKING_UID, stamp.new_uid()),
            _coded("CONTAINS", _FINDING, finding),
            *content,
        ],
    )
    made.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="1501")]
    return made


# Content items (PS3.3 C.17.3) -------------------------------------------------------------------


def _content(relation: str, kind: str, name: Code) -> Dataset:
    return item(RelationshipType=relation, ValueType=kind, ConceptNameCodeSequence=[concept(name)])


def _container(name: Code, content: list[Dataset]) -> Dataset:
    made = _content("CONTAINS", "CONTAINER", name)
    made.ContinuityOfContent, made.ContentSequence = "SEPARATE", content
    return made


def _coded(relation: str, name: Code, value: Code) -> Dataset:
    made = _content(relation, "CODE", name)
    made.ConceptCodeSequence = [concept(value)]
    return made


def _words(relation: str, name: Code, value: str) -> Dataset:
    made = _content(relation, "TEXT", name)
    made.TextValue = text(value, 1024)
    return made


def _uid(relation: str, name: Code, value: str) -> Dataset:
    made = _content(relation, "UIDREF", name)
    made.UID = value
    return made


def _number(name: Code, value: float, unit: Code, *inferred_from: Dataset) -> Dataset:
    made = _content("CONTAINS", "NUM", name)
    (decimal,) = decimals([round(value, 3)])
    made.MeasuredValueSequence = [item(NumericValue=decimal, MeasurementUnitsCodeSequence=[concept(unit)])]
    if inferred_from:
        made.ContentSequence = list(inferred_from)
    return made


def _place(point_mm: Float64, source: Source) -> Dataset:
    made = _content("INFERRED FROM", "SCOORD3D", _PLACE)
    made.GraphicType, made.GraphicData = "POINT", np.asarray(point_mm, np.float32).tolist()
    made.ReferencedFrameOfReferenceUID = source.frame_of_reference_uid
    return made


def _observed(made: Dataset, time: datetime.datetime, source: Source, stamp: Stamp) -> Dataset:
    local = Stamp(stamp.new_uid, time, stamp.version).local(source)
    made.ObservationDateTime = date_of(local) + time_of(local)
    return made
