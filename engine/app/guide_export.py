"""What a guidance session leaves in the study: structures and margins, the registration, its points, what checks said.

Taking results away is written down (`AuditEvent.EXPORTED`), by whom and what, never whose.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.app.dicom_export import new_uid, stamp_of
from engine.app.results import require_folder, whole_results
from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.volume import LabelMap
from engine.export.dicom.fiducials import Fiducial, Use, spatial_fiducials
from engine.export.dicom.meaning import is_lesion
from engine.export.dicom.part10 import save
from engine.export.dicom.registration import FoundBy, spatial_registration
from engine.export.dicom.report import verification_report
from engine.export.dicom.segmentation import segmentation
from engine.export.dicom.source import Source
from engine.export.dicom.structure_set import SYNTAX, Marker, structure_set
from engine.export.verification_report import CheckedPoint, Closest, Target, VerificationReport
from engine.stream.audit_event import AuditEvent, Note
from guidance.register.paired import Pair
from guidance.register.registration import Method, Registration
from guidance.register.verification import LIMIT_MM, CheckPoint, Verification

SEGMENTATION, STRUCTURES = "segmentation.dcm", "structures.dcm"
REGISTRATION, FIDUCIALS, VERIFICATION = "registration.dcm", "fiducials.dcm", "verification.dcm"
_FOUND_BY = {
    Method.PAIRED_POINTS: FoundBy.FIDUCIALS,
    Method.WEIGHTED_POINTS: FoundBy.FIDUCIALS,
    Method.SURFACE: FoundBy.SURFACE,
}
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


def export_guidance(
    folder: Path,
    source: Source,
    label_map: LabelMap,
    margins: Sequence[LabelMap],
    registration: Registration,
    landmarks: Sequence[Pair],
    verification: Verification | None,
    now: datetime.datetime,
    *,
    now_s: float,
    check_points: Sequence[CheckPoint] = (),
    targets: Mapping[str, Float64] | None = None,
    left_out: Sequence[str] = (),
    closest: Sequence[Closest] = (),
    who: str = "server",
    note: Note | None = None,
    uids: Callable[[], str] = new_uid,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write everything that the session found into `folder`, all of it or nothing; returns the files.

    Args:
        source: the series that the session was planned on (`engine.app.dicom_export.source_of`).
        margins: bands round structures, on the grid of `label_map`; their keys name them as margins (`margin_5mm`).
        landmarks: what the registration was found from; none where it was a surface.
        verification: the last check; None where there was none, which the report then says.
        now: with a time zone.
        now_s: the same moment by the session's clock, which tells the times of touches.
        check_points: those of `verification`, for their places.
        targets: (3,) places whose expected error is reported; the middles of lesions where not given.
        left_out: what was measured and not used, and why; without names of people.
        note: the audit log.

    Raises:
        InvalidValue: files of an earlier export are there and are not to be overwritten, or a check without its place.
        FrameMismatch: something lies in another frame of reference than the series.
        EnvironmentLacks: the folder cannot be written.
    """
    names = (SEGMENTATION, STRUCTURES, REGISTRATION, FIDUCIALS, VERIFICATION)
    require_folder(folder)
    if there := [name for name in names if (folder / name).exists() and not overwrite]:
        raise InvalidValue(f"{', '.join(there)} of an earlier export are not overwritten unasked")
    stamp = stamp_of(now, uids)
    places = _middles(label_map) if targets is None else targets
    report = report_of(registration, verification, check_points, places, now, now_s, left_out, closest)
    fiducials = _fiducials(landmarks, check_points)
    tracked = registration.patient_from_tracked.source.uid
    tracked_uid = tracked if _UID.fullmatch(tracked) else stamp.new_uid()
    markers = [Marker(one.name, one.place_mm) for one in fiducials]
    maps = [label_map, *margins]
    objects = {
        SEGMENTATION: segmentation(maps, source, stamp),
        STRUCTURES: structure_set(maps, source, stamp, markers),
        REGISTRATION: spatial_registration(
            registration.patient_from_tracked,
            tracked_uid,
            source,
            stamp,
            found_by=_FOUND_BY[registration.method],
            comment=_in_a_line(report),
        ),
        VERIFICATION: verification_report(report, source, stamp),
    }
    if fiducials:
        objects[FIDUCIALS] = spatial_fiducials(fiducials, source, stamp, tracked_uid)
    with whole_results(folder) as whole:
        for name, found in objects.items():
            if name == STRUCTURES:
                save(found, whole / name, syntax=SYNTAX)
            else:
                save(found, whole / name)
    if note is not None:
        note(AuditEvent.EXPORTED, who, {"objects": sorted(objects), "holds": report.holds})
    return tuple(folder / name for name in objects)


def report_of(
    registration: Registration,
    verification: Verification | None,
    check_points: Sequence[CheckPoint],
    targets: Mapping[str, Float64],
    now: datetime.datetime,
    now_s: float,
    left_out: Sequence[str] = (),
    closest: Sequence[Closest] = (),
) -> VerificationReport:
    """What is known of a registration, as it is reported.

    Raises:
        InvalidValue: a check whose place is not among `check_points`.
    """
    place = {point.name: point.patient_mm for point in check_points}
    checked = verification.checked if verification is not None else ()
    if missing := [one.name for one in checked if one.name not in place]:
        raise InvalidValue(f"no place is known of the check point {', '.join(missing)}")
    return VerificationReport(
        method=str(registration.method),
        landmark_count=len(registration.landmarks_mm),
        targets=tuple(
            Target(name, at, registration.expected_error(np.asarray(at)).radius_mm()) for name, at in targets.items()
        ),
        checked=tuple(
            CheckedPoint(
                one.name,
                place[one.name],
                one.off_mm,
                one.expected_mm,
                now - datetime.timedelta(seconds=now_s - one.time_s),
            )
            for one in checked
        ),
        measured_mm=verification.measured_mm if verification is not None and checked else None,
        limit_mm=verification.limit_mm if verification is not None else LIMIT_MM,
        holds=bool(checked) and verification is not None and verification.holds,
        left_out=tuple(left_out),
        closest=tuple(closest),
    )


def _fiducials(landmarks: Sequence[Pair], check_points: Sequence[CheckPoint]) -> tuple[Fiducial, ...]:
    used = [Fiducial(one.name, Use.LANDMARK, one.patient_mm, one.touched_mm) for one in landmarks]
    # Of a point that was checked several times, the last.
    checked = {
        one.name: Fiducial(one.name, Use.CHECK, one.patient_mm, one.touched_mm)
        for one in sorted(check_points, key=lambda one: one.time_s)
    }
    return (*used, *checked.values())


def _middles(label_map: LabelMap) -> dict[str, Float64]:
    """The middle of every lesion."""
    labels = np.asarray(label_map.labels)
    found = {}
    for structure in label_map.structures:
        voxels = np.argwhere(np.isin(labels, structure.labels)) if is_lesion(structure) else ()
        if len(voxels):
            found[structure.name] = label_map.grid.patient_from_voxel.apply(np.mean(voxels, axis=0))
    return found


def _in_a_line(report: VerificationReport) -> str:
    said = "checked" if report.holds else "does not hold" if report.checked else "not checked"
    if not report.targets:
        return said
    return f"{said}; at most {max(one.expected_mm for one in report.targets):.1f} mm expected (95 %)"
