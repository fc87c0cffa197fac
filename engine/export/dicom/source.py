"""The series that an export belongs to: whose it is, and where each of its slices lies.

Everything that is written says which series it was made on. What it carries of the patient is what the headers of that
series carry (PS3.3 C.7.1.1, C.7.2.1), in their own words, and nothing else: no name there, no name in an export.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.valuerep import DA, TM

from engine.core.array import Float64, owned
from engine.core.errors import FileProblem, FrameMismatch, InputRefused, InvalidValue
from engine.core.frame import Frame, patient

#: Patient, Clinical Trial Subject, General Study and Patient Study (PS3.3 C.7.1.1, C.7.1.3, C.7.2.1, C.7.2.2).
COPIED = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientIdentityRemoved",
    "DeidentificationMethod", "DeidentificationMethodCodeSequence", "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID", "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID", "ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
    "StudyDescription", "PatientAge", "PatientSize", "PatientWeight", "TimezoneOffsetFromUTC",
)  # fmt: skip
#: Of those, what must be there, empty where it is not known (type 2).
_NEVER_ABSENT = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_READ = (
    *COPIED, "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID",
    "PositionReferenceIndicator", "Modality", "Rows", "Columns", "PixelSpacing", "SliceThickness",
    "ImagePositionPatient", "ImageOrientationPatient", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "NumberOfFrames", "LossyImageCompression", "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)  # fmt: skip
#: Offset along the normal within which a plane is that of a slice.
SAME_PLANE_MM = 0.02
_SAME_DIRECTION = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One plane of the series.

    Attributes:
        frame: number within its instance, from 1; 0 for an instance of one plane.
        position_mm: (3,) centre of the first pixel.
    """

    sop_class_uid: str
    sop_instance_uid: str
    frame: int
    position_mm: Float64

    def __post_init__(self) -> None:
        object.__setattr__(self, "position_mm", owned(self.position_mm, np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A series of parallel slices of one size.

    Attributes:
        study: the attributes that exports take over from it, `COPIED`, readable and none missing that must be there.
        is_frame_stated: whether its headers name one frame of reference; where they name none, or one for each slice as
            some anonymisers leave it, exports have one of their own.
        slices: at least one; in no particular order.
        orientation: (6,) unit vectors along a row and down a column.
        spacing_mm: (2,) along a row and down a column.
        thickness_mm: of a slice, 0 where not stated.
        compression: what is said of lossy compression, which exports repeat.
    """

    study: Dataset
    modality: str
    series_uid: str
    frame_of_reference_uid: str
    is_frame_stated: bool
    position_reference: str
    rows: int
    columns: int
    orientation: Float64
    spacing_mm: Float64
    thickness_mm: float
    slices: tuple[Slice, ...]
    compression: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "orientation", owned(self.orientation, np.float64))
        object.__setattr__(self, "spacing_mm", owned(self.spacing_mm, np.float64))
        if not self.slices:
            raise InvalidValue("a series has at least one slice")

    @property
    def frame(self) -> Frame:
        """The patient frame that its slices lie in."""
        return patient(self.frame_of_reference_uid)

    def refuse_other_frame(self, frame: Frame) -> None:
        """Refuse what does not lie in the patient frame of the series.

        Raises:
            FrameMismatch: another frame of reference.
        """
        if frame != self.frame and (frame.uid or self.is_frame_stated):
            raise FrameMismatch(f"cannot be exported with a series in {self.frame}: it lies in {frame}")

    @property
    def normal(self) -> Float64:
        """(3,) unit vector across the slices."""
        normal: Float64 = np.cross(self.orientation[:3], self.orientation[3:])
        return normal / float(np.linalg.norm(normal))

    @property
    def instances(self) -> dict[str, str]:
        """SOP class by SOP instance, each once, in the order of the slices."""
        return {one.sop_instance_uid: one.sop_class_uid for one in self.slices}

    def slice_at(self, point_mm: Float64, normal: Float64) -> Slice | None:
        """The slice in whose plane (3,) `point_mm` lies, where the plane across `normal` is that of the slices."""
        across = self.normal
        if abs(float(normal @ across)) < 1 - _SAME_DIRECTION:
            return None
        off = np.abs((np.array([one.position_mm for one in self.slices]) - point_mm) @ across)
        nearest = int(off.argmin())
        return self.slices[nearest] if off[nearest] <= SAME_PLANE_MM else None


def read_source(
    files: Sequence[Path], new_uid: Callable[[], str], frames: Mapping[Path, Collection[int]] | None = None
) -> Source:
    """The series that `files` hold, from their headers.

    Args:
        files: images of one series.
        new_uid: makes a frame of reference where the images do not agree on one.
        frames: of files with several frames, those (from 0) that belong to it; every frame where not given.

    Raises:
        InputRefused: no images of one series with a place in the patient.
    """
    problems: list[FileProblem] = []
    found: list[tuple[Dataset, list[tuple[Slice, _Plane]]]] = []
    for path in files:
        try:
            chosen = frames.get(path) if frames is not None else None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydicom warns of values that strict readers would refuse
                read = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_READ))
                found.append((read, list(_slices(read, chosen))))
        except (OSError, InvalidDicomError, AttributeError, KeyError, ValueError, TypeError, IndexError) as error:
            problems.append(FileProblem(path, f"has no place that an export could refer to ({type(error).__name__})"))
    planes = [one for _, own in found for one in own]
    if not planes:
        raise InputRefused("an export needs the images that it was made on", problems)
    first = planes[0][1]
    headers = [header for header, own in found if own]
    _refuse_mixture(headers, planes)
    places = {str(header.get("FrameOfReferenceUID", "") or "") for header in headers}
    header = headers[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = _study(header)
    is_frame_stated = len(places) == 1 and "" not in places
    return Source(
        study=study,
        modality=str(header.get("Modality", "")) or "OT",
        series_uid=str(header.SeriesInstanceUID),
        frame_of_reference_uid=places.pop() if is_frame_stated else new_uid(),
        is_frame_stated=is_frame_stated,
        position_reference=str(header.get("PositionReferenceIndicator", "") or ""),
        rows=int(header.Rows),
        columns=int(header.Columns),
        orientation=first.orientation,
        spacing_mm=first.spacing_mm,
        thickness_mm=first.thickness_mm,
        slices=tuple(one for one, _ in planes),
        compression={name: header[name].value for name in _READ[-3:] if name in header},
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    orientation: Float64
    spacing_mm: Float64
    thickness_mm: float


def _slices(header: Dataset, chosen: Collection[int] | None) -> Iterator[tuple[Slice, _Plane]]:
    """The planes of a file, from its functional groups where it has any (PS3.3 C.7.6.16)."""
    own = list(header.get("PerFrameFunctionalGroupsSequence") or [])
    shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for number, groups in enumerate(own or [header]):
        if chosen is not None and number not in chosen:
            continue
        position = _group(groups, shared, "PlanePositionSequence") or header
        direction = _group(groups, shared, "PlaneOrientationSequence") or header
        measures = _group(groups, shared, "PixelMeasuresSequence") or header
        place = np.array([float(value) for value in position.ImagePositionPatient])
        axes = np.array([float(value) for value in direction.ImageOrientationPatient]).reshape(2, 3)
        spacing = np.array([float(value) for value in measures.PixelSpacing])[::-1]
        if place.shape != (3,) or not np.isfinite([*place, *axes.ravel(), *spacing]).all() or not (spacing > 0).all():
            raise ValueError("not a place")
        axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
        thickness = float(measures.get("SliceThickness") or 0.0)
        yield (
            Slice(str(header.SOPClassUID), str(header.SOPInstanceUID), number + 1 if own else 0, place),
            _Plane(axes.ravel(), spacing, thickness if np.isfinite(thickness) and thickness > 0 else 0.0),
        )


def _group(own: Dataset, shared: Dataset, keyword: str) -> Dataset | None:
    """The frame's own item of a functional group, or the one shared by all."""
    return next((item[0] for group in (own, shared) if (item := group.get(keyword))), None)


def _refuse_mixture(headers: Sequence[Dataset], planes: Sequence[tuple[Slice, _Plane]]) -> None:
    for keyword, what in (("StudyInstanceUID", "study"), ("SeriesInstanceUID", "series")):
        values = {str(header.get(keyword, "") or "") for header in headers}
        if "" in values:
            raise InputRefused(f"the images state no {what}, and an export must name it")
        if len(values) > 1:
            raise InputRefused(f"the images are of {len(values)} {what} UIDs, and an export belongs to one")
    if len({(int(header.Rows), int(header.Columns)) for header in headers}) > 1:
        raise InputRefused("the images are of several sizes: choose one stack of the series")
    first = planes[0][1]
    for _, plane in planes:
        if np.abs(plane.orientation - first.orientation).max() > _SAME_DIRECTION:
            raise InputRefused("the images lie in several directions: choose one stack of the series")


def _study(header: Dataset) -> Dataset:
    """What exports take over, in UTF-8, with what a strict reader would refuse left empty."""
    study = Dataset()
    study.SpecificCharacterSet = "ISO_IR 192"
    for keyword in COPIED:
        value = _readable(keyword, header.get(keyword))
        if value not in ("", None) or keyword in _NEVER_ABSENT:
            setattr(study, keyword, value)
    if study.get("PatientIdentityRemoved") == "YES" and not any(k.startswith("Deidentification") for k in study.dir()):
        study.DeidentificationMethod = "not stated"  # must be there, and only the source could know
    return study


_SEXES = ("M", "F", "O")
_AGE = re.compile(r"\d{3}[DWMY]")


def _readable(keyword: str, value: Any) -> Any:
    if value is None or str(value) == "":
        return ""
    if keyword == "PatientSex":
        return value if value in _SEXES else ""
    if keyword == "PatientAge":
        return value if _AGE.fullmatch(str(value)) else ""
    try:
        if keyword.endswith("Date"):
            return str(DA(str(value)))
        if keyword.endswith("Time"):
            return str(TM(str(value)))
    except ValueError:
        return ""
    return str(value) if keyword.endswith("Name") else value if keyword.endswith("Sequence") else _joined(value)


def _joined(value: Any) -> Any:
    """An attribute of one value, of which some writers made several."""
    return "/".join(str(each) for each in value) if isinstance(value, MultiValue) else value
