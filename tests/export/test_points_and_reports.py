"""Registrations, fiducials, reports and solids: what was put in is what readers find, and dciodvfy has no complaint."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from engine.core.anatomy import structure
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame, FrameKind, patient
from engine.core.surface import Surface
from engine.core.transform import Transform
from engine.core.volume import Volume
from engine.export.dicom.fiducials import Fiducial, Use, spatial_fiducials
from engine.export.dicom.part10 import save
from engine.export.dicom.registration import FoundBy, spatial_registration
from engine.export.dicom.report import verification_report
from engine.export.dicom.solid import encapsulated_stl
from engine.export.dicom.source import Source
from engine.export.verification_report import CheckedPoint, Closest, Target, VerificationReport
from tests.export.scans import BY_PIPELINE, NOW, OBLIQUE, complaints, opened, scan, stamp

TRACKED = "2.25.99"
HEAD = Frame(FrameKind.REFERENCE, "head clamp")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Volume, Source]:
    return opened(scan(tmp_path_factory.mktemp("scan"), OBLIQUE))


def place(volume: Volume) -> Transform:
    rotation = Rotation.from_euler("xyz", [10, 20, 130], degrees=True).as_matrix()
    return Transform.rigid(volume.grid.frame, HEAD, rotation, [12.5, -80.25, 1000.125])


# Registration -----------------------------------------------------------------------------------


def test_a_registration_moves_points_as_the_transform_does(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    made = spatial_registration(place(volume), TRACKED, source, stamp(), found_by=FoundBy.FIDUCIALS, comment="checked")
    path = save(made, tmp_path / "registration.dcm")
    assert complaints(path) == []
    found = pydicom.dcmread(path)
    stays, moves = found.RegistrationSequence
    assert found.FrameOfReferenceUID == stays.FrameOfReferenceUID == source.frame_of_reference_uid
    assert moves.FrameOfReferenceUID == TRACKED
    (rigid,) = moves.MatrixRegistrationSequence
    assert rigid.RegistrationTypeCodeSequence[0].CodeMeaning == "Fiducial Alignment"
    assert rigid.MatrixSequence[0].FrameOfReferenceTransformationMatrixType == "RIGID"
    matrix = np.array(rigid.MatrixSequence[0].FrameOfReferenceTransformationMatrix, dtype=float).reshape(4, 4)
    points = np.random.default_rng(1).uniform(-300, 300, (50, 3))
    assert points @ matrix[:3, :3].T + matrix[:3, 3] == pytest.approx(place(volume).apply(points), abs=1e-6)
    assert "Research use" in rigid.FrameOfReferenceTransformationComment


def test_a_registration_to_another_scan_or_of_a_frame_to_itself_is_refused(study: tuple[Volume, Source]) -> None:
    volume, source = study
    other = Transform(patient("1.2.3"), HEAD, place(volume).matrix)
    with pytest.raises(FrameMismatch):
        spatial_registration(other, TRACKED, source, stamp(), found_by=FoundBy.SURFACE)
    with pytest.raises(InvalidValue, match="two frames of reference"):
        spatial_registration(place(volume), source.frame_of_reference_uid, source, stamp(), found_by=FoundBy.SURFACE)


# Fiducials --------------------------------------------------------------------------------------

POINTS = (
    Fiducial("Nasion", Use.LANDMARK, np.array([1.5, 2.25, 3.125]), np.array([9.0, 8.0, 7.0])),
    Fiducial("Left tragus, the upper edge", Use.LANDMARK, np.array([1.0, 20.0, 3.0])),
    Fiducial("Nasion", Use.CHECK, np.array([1.0, 2.0, 50.0])),
)


def test_fiducials_keep_landmarks_and_check_points_apart(study: tuple[Volume, Source], tmp_path: Path) -> None:
    _, source = study
    path = save(spatial_fiducials(POINTS, source, stamp(), TRACKED), tmp_path / "fiducials.dcm")
    assert complaints(path) == []
    landmarks, touched, checks = pydicom.dcmread(path).FiducialSetSequence
    assert landmarks.FrameOfReferenceUID == checks.FrameOfReferenceUID == source.frame_of_reference_uid
    assert touched.FrameOfReferenceUID == TRACKED
    assert [len(each.FiducialSequence) for each in (landmarks, touched, checks)] == [2, 1, 1]
    first = landmarks.FiducialSequence[0]
    assert list(first.ContourData) == [1.5, 2.25, 3.125]
    assert first.FiducialUID == touched.FiducialSequence[0].FiducialUID
    assert "used to register" in first.FiducialDescription
    assert "not used to register" in checks.FiducialSequence[0].FiducialDescription


def test_no_points_and_names_used_twice_are_refused(study: tuple[Volume, Source]) -> None:
    _, source = study
    with pytest.raises(InvalidValue, match="no point"):
        spatial_fiducials((), source, stamp())
    with pytest.raises(InvalidValue, match="same name"):
        spatial_fiducials((POINTS[0], POINTS[0]), source, stamp())


# Report -----------------------------------------------------------------------------------------


def report(volume: Volume, **changes: Any) -> VerificationReport:
    values: dict[str, Any] = {
        "method": "paired points",
        "landmark_count": 4,
        "targets": (Target("Tumour", volume.grid.centre_mm, 1.4),),
        "checked": (CheckedPoint("Vertex", volume.grid.centre_mm + 5, 1.125, 1.6, NOW),),
        "measured_mm": 1.125,
        "limit_mm": 2.0,
        "holds": True,
        "left_out": ("Nasion: the patient moved while it was touched",),
        "closest": (Closest(structure("tumour", 1, BY_PIPELINE), -0.4, 1.2, NOW),),
    }
    return VerificationReport(**{**values, **changes})


def test_highdicom_reads_every_number_of_the_report(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    path = save(verification_report(report(volume), source, stamp()), tmp_path / "report.dcm")
    read: Any = highdicom.sr.srread(path)
    groups = {}
    for group in read.content.get_image_measurement_groups():
        numbers = {one.name.meaning: (one.value, one.unit.value) for one in group.get_measurements()}
        kind = group.finding_type.meaning
        groups[group.tracking_identifier, kind] = numbers
        for one in group.get_qualitative_evaluations():
            assert (one.name.meaning, one.value.meaning) == ("Registration holds at its check points", "Yes")
    expected = "Expected target registration error, not exceeded in 95 %"
    assert groups["Vertex", "Check point"] == {
        "Measured target registration error": (1.125, "mm"),
        expected: (1.6, "mm"),
    }
    assert groups["Tumour", "Target"] == {expected: (1.4, "mm")}
    assert list(groups["Tumour", "Watched structure"].values()) == [(-0.4, "mm"), (1.2, "mm")]
    registration = groups["Registration", "Registration of patient and tracked frame"]
    assert registration["Landmarks used to register"] == (4, "1")
    assert registration["Measured target registration error, root mean square"] == (1.125, "mm")


def test_the_report_is_valid_and_dcmtk_can_print_it(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    path = save(verification_report(report(volume), source, stamp()), tmp_path / "report.dcm")
    assert complaints(path) == []
    program = shutil.which("dsrdump")
    if program is None:
        pytest.skip("dsrdump is not installed (Debian: dcmtk)")
    text = subprocess.run([program, "+Pl", str(path)], capture_output=True, text=True, check=True).stdout
    assert "the patient moved while it was touched" in text
    assert "2026-11-28 12:30:15" in text
    assert "UNVERIFIED" in text


def test_what_was_not_checked_is_reported_as_not_checked(study: tuple[Volume, Source]) -> None:
    volume, source = study
    unchecked = report(volume, checked=(), measured_mm=None, holds=False)
    text = verification_report(unchecked, source, stamp()).to_json()
    assert "Not checked: no error was measured." in text
    assert "root mean square" not in text
    with pytest.raises(InvalidValue, match="nobody checked"):
        report(volume, checked=(), measured_mm=None, holds=True)
    with pytest.raises(InvalidValue, match="measured where points were checked"):
        report(volume, checked=())


# Solids -----------------------------------------------------------------------------------------


def test_a_solid_keeps_its_vertices_to_the_bit(study: tuple[Volume, Source], tmp_path: Path) -> None:
    volume, source = study
    ball = trimesh.creation.icosphere(2, 20.0)
    surface = Surface(volume.grid.frame, ball.vertices + volume.grid.centre_mm, ball.faces, error_mm=0.5)
    path = save(encapsulated_stl(structure("tumour", 1, BY_PIPELINE), surface, source, stamp()), tmp_path / "solid.dcm")
    assert complaints(path) == []
    found = pydicom.dcmread(path)
    data = found.EncapsulatedDocument[: found.EncapsulatedDocumentLength]
    read: Any = trimesh.load_mesh(io.BytesIO(data), file_type="stl")
    assert np.array_equal(np.float32(read.triangles), surface.vertices_mm[surface.faces])
    assert read.is_watertight
    assert found.MeasurementUnitsCodeSequence[0].CodeValue == "mm"


def test_a_surface_with_a_hole_is_no_solid(study: tuple[Volume, Source]) -> None:
    volume, source = study
    ball = trimesh.creation.icosphere(1, 20.0)
    surface = Surface(volume.grid.frame, ball.vertices, ball.faces[1:])
    with pytest.raises(InvalidValue, match="not closed"):
        encapsulated_stl(structure("tumour", 1, BY_PIPELINE), surface, source, stamp())
