"""DICOM exports from the command line and from a guidance session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID
from scipy.spatial.transform import Rotation

from engine.app.dicom_export import NO_FRAME, export_dicom, source_of
from engine.app.guide_export import export_guidance
from engine.app.pipeline import Options
from engine.app.segment_command import segment_to_folder
from engine.core.errors import FrameMismatch, InputRefused, InvalidValue
from engine.core.frame import Frame, FrameKind
from engine.core.progress import silent
from engine.core.structure import Structure
from engine.core.transform import Transform
from engine.core.volume import LabelMap, Volume
from engine.export.dicom.source import Source
from engine.ingest.dicom.segmentation_object import read_segmentation
from engine.ingest.dicom.structure_set import read_structure_set
from engine.ingest.nifti import write_nifti
from engine.ingest.open import read_volume, take_inventory
from engine.stream.audit_event import AuditEvent
from guidance.register.fiducial_error import FiducialError
from guidance.register.paired import Pair, register
from guidance.register.registration import Registration
from guidance.register.verification import CheckPoint, Verification, verify
from tests.export.scans import NOW, complaints, counting, dice, drawn, opened, scan, stamp

HEAD = Frame(FrameKind.REFERENCE, "head clamp")
FLE = FiducialError.isotropic(0.35)


# The command ------------------------------------------------------------------------------------


def test_segment_writes_the_objects_asked_for(tmp_path: Path) -> None:
    volume, _ = opened(scan(tmp_path / "scan"))
    label_map = drawn(volume.grid)
    write_nifti(tmp_path / "truth.nii.gz", volume.grid, np.asarray(label_map.labels), label_map.structures)
    options = Options(labels=tmp_path / "truth.nii.gz")
    wanted = ("seg", "rtstruct", "labelmap", "stl")
    report = segment_to_folder((tmp_path / "scan",), tmp_path / "out", options, None, silent, (), wanted)
    written = {path.name: path for path in (tmp_path / "out" / "dicom").iterdir()}
    assert {"segmentation.dcm", "structures.dcm", "labelmap.dcm", "tumour_stl.dcm"} <= set(written)
    tumour = np.asarray(label_map.labels) == 2
    for reading in (
        read_segmentation(written["segmentation.dcm"], volume, silent),
        read_segmentation(written["labelmap.dcm"], volume, silent),
        read_structure_set(written["structures.dcm"], volume, silent),
    ):
        label = reading.value.structure("tumour").label
        assert np.array_equal(np.asarray(reading.value.labels) == label, tumour)
    assert NO_FRAME not in report["warnings"]
    assert "dicom" in [stage["name"] for stage in report["stages"]]


def test_a_scan_that_is_not_dicom_is_refused_before_it_is_segmented(tmp_path: Path) -> None:
    volume, _ = opened(scan(tmp_path / "scan"))
    write_nifti(tmp_path / "ct.nii.gz", volume.grid, np.asarray(volume.samples))
    with pytest.raises(InputRefused, match="belong to a DICOM study"):
        segment_to_folder((tmp_path / "ct.nii.gz",), tmp_path / "out", Options(), None, silent, (), ("seg",))
    assert list((tmp_path / "out").iterdir()) == []


# A session --------------------------------------------------------------------------------------


class Session:
    """A patient registered by five landmarks and checked at two points."""

    def __init__(self, folder: Path) -> None:
        self.volume, self.source = opened(scan(folder))
        rotation = Rotation.from_euler("z", 40, degrees=True).as_matrix()
        tracked_from_patient = Transform.rigid(HEAD, self.volume.grid.frame, rotation, [5.0, 6.0, 7.0])
        rng = np.random.default_rng(2)

        def touched(point: Any) -> Any:
            return tracked_from_patient.apply(point) + rng.normal(0, 0.2, 3)

        marks = np.array([(0, 0, 0), (90, 0, 10), (0, 80, 20), (70, 70, 90), (20, 10, 100)], dtype=float)
        self.landmarks = [Pair(f"L{n}", mark, touched(mark)) for n, mark in enumerate(marks)]
        checks = np.array([(40, 40, 60), (80, 10, 50)], dtype=float)
        self.checks = [CheckPoint(f"C{n}", at, touched(at), 100.0 + n) for n, at in enumerate(checks)]
        self.registration: Registration = register(self.landmarks, self.volume.grid.frame, HEAD, FLE)
        self.verification: Verification = verify(self.registration, self.checks, FLE)
        self.label_map = drawn(self.volume.grid)
        band = np.where(np.asarray(self.label_map.labels) == 1, 1, 0).astype(np.uint8)
        self.margin = LabelMap(
            self.volume.grid, band, (Structure(1, "margin_5mm", "Margin of 5 mm", None, (200, 100, 0)),)
        )
        self.noted: list[tuple[AuditEvent, str, Mapping[str, Any]]] = []

    def export(self, folder: Path, **changes: Any) -> tuple[Path, ...]:
        options: dict[str, Any] = {
            "now_s": 160.0,
            "check_points": self.checks,
            "who": "surgeon a",
            "note": lambda *line: self.noted.append(line),
            "uids": counting(),
        }
        return export_guidance(
            folder, self.source, self.label_map, [self.margin], self.registration, self.landmarks,
            changes.pop("verification", self.verification), NOW, **{**options, **changes},
        )  # fmt: skip


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session(tmp_path_factory.mktemp("scan"))


def numbers(path: Path) -> dict[str, float]:
    """Every number of a report, by the name of its group and its own."""
    found = {}
    groups = pydicom.dcmread(path).ContentSequence[-1].ContentSequence
    for group in groups:
        for one in group.ContentSequence:
            if one.ValueType == "NUM":
                name = f"{group.ContentSequence[0].TextValue}: {one.ConceptNameCodeSequence[0].CodeValue}"
                found[name] = float(one.MeasuredValueSequence[0].NumericValue)
    return found


def test_a_session_leaves_five_valid_objects_in_the_study(session: Session, tmp_path: Path) -> None:
    session.noted.clear()
    written = session.export(tmp_path / "out")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "out").iterdir()}
    assert len(written) == 5
    for path in written:
        assert complaints(path) == []
        found = pydicom.dcmread(path)
        assert found.StudyInstanceUID == session.source.study.StudyInstanceUID
        assert found.PatientID == "4711"
    ((event, who, facts),) = session.noted
    assert (event, who, facts["holds"]) == (AuditEvent.EXPORTED, "surgeon a", True)
    assert "4711" not in str(facts)


def test_the_report_says_what_the_check_measured(session: Session, tmp_path: Path) -> None:
    session.export(tmp_path / "out")
    found = numbers(tmp_path / "out" / "verification.dcm")
    assert found["Registration: TRE_RMS"] == pytest.approx(session.verification.measured_mm, abs=1e-3)
    for one in session.verification.checked:
        assert found[f"{one.name}: TRE"] == pytest.approx(one.off_mm, abs=1e-3)
        assert found[f"{one.name}: TRE95"] == pytest.approx(one.expected_mm, abs=1e-3)
    middle = session.volume.grid.patient_from_voxel.apply(
        np.argwhere(np.asarray(session.label_map.labels) == 2).mean(axis=0)
    )
    expected = session.registration.expected_error(middle).radius_mm()
    assert found["Tumour: TRE95"] == pytest.approx(expected, abs=1e-3)
    assert session.registration.fre_mm not in found.values()
    text = (tmp_path / "out" / "verification.dcm").read_bytes()
    assert b"20261128122915" in text  # touched 60 s before


def test_the_margin_is_in_both_segmentation_and_structure_set(session: Session, tmp_path: Path) -> None:
    session.export(tmp_path / "out")
    names = [one.SegmentLabel for one in pydicom.dcmread(tmp_path / "out" / "segmentation.dcm").SegmentSequence]
    rois = [one.ROIName for one in pydicom.dcmread(tmp_path / "out" / "structures.dcm").StructureSetROISequence]
    assert names == ["Body", "Tumour", "Left lung", "Margin of 5 mm"]
    assert rois == [*names, "L0", "L1", "L2", "L3", "L4", "C0", "C1"]


def test_registration_and_fiducials_name_the_same_tracked_frame(session: Session, tmp_path: Path) -> None:
    session.export(tmp_path / "out")
    _, moves = pydicom.dcmread(tmp_path / "out" / "registration.dcm").RegistrationSequence
    sets = pydicom.dcmread(tmp_path / "out" / "fiducials.dcm").FiducialSetSequence
    assert {one.FrameOfReferenceUID for one in sets} == {
        moves.FrameOfReferenceUID,
        session.source.frame_of_reference_uid,
    }


def test_a_registration_that_was_not_checked_says_so(session: Session, tmp_path: Path) -> None:
    session.export(tmp_path / "out", verification=None, check_points=())
    assert "Registration: TRE_RMS" not in numbers(tmp_path / "out" / "verification.dcm")
    _, moves = pydicom.dcmread(tmp_path / "out" / "registration.dcm").RegistrationSequence
    assert "not checked" in moves.MatrixRegistrationSequence[0].FrameOfReferenceTransformationComment


def test_nothing_is_written_or_noted_where_something_is_wrong(session: Session, tmp_path: Path) -> None:
    session.noted.clear()
    with pytest.raises(InvalidValue, match="no place is known of the check point C0"):
        session.export(tmp_path / "out", check_points=())
    elsewhere = Session.__new__(Session)
    elsewhere.__dict__.update(session.__dict__)
    elsewhere.source = replace(session.source, frame_of_reference_uid="1.2.3")
    with pytest.raises(FrameMismatch):
        elsewhere.export(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert session.noted == []


def test_an_earlier_export_is_not_overwritten_unasked(session: Session, tmp_path: Path) -> None:
    written = session.export(tmp_path / "out")
    before = {path: path.read_bytes() for path in written}
    with pytest.raises(InvalidValue, match="not overwritten"):
        session.export(tmp_path / "out")
    session.export(tmp_path / "out", overwrite=True)
    assert {path: path.read_bytes() for path in written} == before


# Real scans -------------------------------------------------------------------------------------


def dense(volume: Volume, above: float, every: int = 1) -> LabelMap:
    """What is brighter than `above`, as one structure."""
    from engine.core.anatomy import structure
    from tests.export.scans import BY_PIPELINE

    samples = np.asarray(volume.samples)
    labels = np.asfortranarray((samples > above).astype(np.uint8))
    if every > 1:
        labels[:, :, np.arange(labels.shape[2]) % every != 0] = 0
    return LabelMap(volume.grid, labels, (structure("bone", 1, BY_PIPELINE),))


def real(folder: Path) -> tuple[Volume, Source]:
    info = take_inventory([folder]).choose()
    return read_volume(info).value, source_of(info, uids=lambda: "2.25.100000")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scan_name", "above", "every"),
    [("ct_head_ge_tilt_irregular", 300, 1), ("ct_chest_lidc0314_jpegls", 200, 8)],
)
def test_bone_of_a_real_scan_comes_back(
    shared_data: Path, scan_name: str, above: float, every: int, tmp_path: Path
) -> None:
    volume, source = real(shared_data / "dicom" / scan_name)
    label_map = dense(volume, above, every)
    wanted = np.asarray(label_map.labels) > 0
    segmented, contoured = export_dicom(label_map, [], source, stamp(), tmp_path / "dicom", ("seg", "rtstruct"), silent)
    for path in (segmented, contoured):
        assert complaints(path) == []
    assert np.array_equal(np.asarray(read_segmentation(segmented, volume, silent).value.labels) > 0, wanted)
    if every == 1:  # the reader fills gaps between planes where they look regular
        assert dice(np.asarray(read_structure_set(contoured, volume, silent).value.labels) > 0, wanted) >= 0.98


def test_an_enhanced_image_is_referred_to_by_frames(shared_data: Path, tmp_path: Path) -> None:
    volume, source = real(shared_data / "dicom" / "mr_enhanced_multiframe" / "philips_enhanced.dcm")
    label_map = dense(volume, float(np.quantile(np.asarray(volume.samples), 0.99)))
    (path,) = export_dicom(label_map, [], source, stamp(), tmp_path / "dicom", ("seg",), silent)
    assert complaints(path) == []
    place = {one.frame: one.position_mm for one in source.slices}
    found = pydicom.dcmread(path)
    for groups in found.PerFrameFunctionalGroupsSequence:
        (image,) = groups.DerivationImageSequence[0].SourceImageSequence
        position = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        assert np.abs(place[image.ReferencedFrameNumber] - position).max() < 0.02
    assert np.array_equal(
        np.asarray(read_segmentation(path, volume, silent).value.labels) > 0, np.asarray(label_map.labels) > 0
    )


def test_an_export_of_now_has_a_time_zone_and_uids_of_its_own() -> None:
    from engine.app.dicom_export import new_uid, stamp_of

    made = stamp_of()
    assert made.now.tzinfo is not None
    assert UID(new_uid()).is_valid
    assert new_uid() != new_uid()
