"""One file: nothing of the patient is left in its bytes, and what was not his is as it was."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from engine.ingest.deidentify.clean import Tally
from engine.ingest.deidentify.identity import Identity
from engine.ingest.deidentify.instance import Leak, Said, SetAside, deidentified_bytes, leaks, read, whose
from engine.ingest.deidentify.options import Options
from engine.ingest.deidentify.profile import Action, action_on, table
from engine.ingest.deidentify.secret import Secret
from tests.ingest.deidentify.planted import BORN, NAME, NUMBER, named, planted, stored, traces
from tests.ingest.dicom_writer import NATIVE

SECRET = Secret(bytes(range(32)))
FLAGS = ("keep_dates", "keep_patient", "keep_device", "keep_descriptions", "keep_private")


def with_flags(*flags: str) -> Options:
    chosen: dict[str, Any] = dict.fromkeys(flags, True)
    return Options(**chosen)


def treated(path: Path, options: Options | None = None, said: Said | None = None) -> bytes:
    dataset = read(path)
    who = whose(dataset)
    return deidentified_bytes(dataset, who.patient, who.identity, SECRET, options or Options(), Tally(), said)


def cleaned(dataset: Dataset, tmp_path: Path, options: Options | None = None, said: Said | None = None) -> FileDataset:
    return dcmread(BytesIO(treated(stored(dataset, tmp_path / "one.dcm"), options, said)))


@pytest.mark.parametrize(
    "syntax", [NATIVE[0], *(pytest.param(syntax, marks=pytest.mark.slow) for syntax in NATIVE[1:])]
)
def test_a_patient_named_in_every_attribute_is_found_in_no_byte(tmp_path: Path, syntax: str) -> None:
    path = stored(planted(), tmp_path / "one.dcm", syntax)
    if syntax != DeflatedExplicitVRLittleEndian:
        assert set(traces(path.read_bytes())) >= {"quistorp", "wilhelmine", "z4711234", "19371224"}
    assert traces(treated(path)) == []


@pytest.mark.parametrize("flags", [FLAGS, *(pytest.param((flag,), marks=pytest.mark.slow) for flag in FLAGS)])
def test_no_option_brings_the_patient_back(tmp_path: Path, flags: tuple[str, ...]) -> None:
    path = stored(planted(), tmp_path / "one.dcm")
    assert traces(treated(path, with_flags(*flags))) == []


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Bäcker^Jürgen"),
        ("ISO_IR 144", "Люкceмбypг^Роза"),
        ("ISO_IR 192", "王^小東"),
        (["ISO 2022 IR 6", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_names_in_other_scripts_go_wherever_they_stand(tmp_path: Path, charset: str, name: str) -> None:
    dataset = named(SpecificCharacterSet=charset, PatientName=name, ContrastBolusAgent="iodine")
    dataset.FilterType = max(str(dataset.PatientName).split("=")[-1].split("^"), key=len)
    found = cleaned(dataset, tmp_path)
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert not found.FilterType
    assert str(found.PatientName).startswith("SL-")


def test_pixels_and_geometry_stay_as_they_are(tmp_path: Path) -> None:
    dataset = named()
    found = cleaned(dataset, tmp_path)
    assert found.PixelData == dataset.PixelData
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "RescaleIntercept"):
        assert found[keyword].value == dataset[keyword].value
    assert found.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"]


def test_uids_are_replaced_alike_wherever_they_stand_and_registered_ones_stay(tmp_path: Path) -> None:
    dataset = named()
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    dataset.SourceImageSequence = [reference]
    found = cleaned(dataset, tmp_path)
    assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == found.SOPInstanceUID != dataset.SOPInstanceUID
    assert found.SourceImageSequence[0].ReferencedSOPClassUID == found.SOPClassUID == dataset.SOPClassUID
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID
    assert found.SOPInstanceUID == SECRET.uid(dataset.SOPInstanceUID)
    assert found.SOPInstanceUID.is_valid


def test_uids_are_kept_on_request(tmp_path: Path) -> None:
    dataset = named()
    assert cleaned(dataset, tmp_path, Options(keep_uids=True)).SOPInstanceUID == dataset.SOPInstanceUID


def test_dates_of_a_patient_move_by_one_number_of_days_and_times_stay(tmp_path: Path) -> None:
    found = cleaned(named(), tmp_path, Options(keep_dates=True))
    days = {
        np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") - np.datetime64(o)
        for d, o in ((found.StudyDate, "2024-02-29"), (found.SeriesDate, "2024-03-01"))
    }
    assert days == {np.timedelta64(SECRET.days(NUMBER), "D")}
    assert found.StudyTime == "101500"
    assert found.LongitudinalTemporalInformationModified == "MODIFIED"
    assert not found.PatientBirthDate


def test_dates_and_times_go_where_nobody_asked_to_keep_them(tmp_path: Path) -> None:
    found = cleaned(named(), tmp_path)
    assert not found.StudyDate
    assert not found.StudyTime
    assert found.SeriesDate == "19000101"
    assert found.LongitudinalTemporalInformationModified == "REMOVED"


def test_the_very_old_have_one_age(tmp_path: Path) -> None:
    keep = Options(keep_patient=True)
    assert cleaned(named(PatientAge="097Y"), tmp_path, keep).PatientAge == "090Y"
    assert cleaned(named(PatientAge="063Y"), tmp_path, keep).PatientAge == "063Y"
    assert "PatientAge" not in cleaned(named(PatientAge="063Y"), tmp_path)


def test_of_descriptions_only_known_words_stay(tmp_path: Path) -> None:
    dataset = named(
        SeriesDescription="Chest 1.25mm B30f for Dr Mabuse, 555-1234", StudyDescription="Frau Holle", ImageComments="T2"
    )
    found = cleaned(dataset, tmp_path, Options(keep_descriptions=True))
    assert found.SeriesDescription == "Chest 1.25mm B30f"
    assert "StudyDescription" not in found
    assert "SeriesDescription" not in cleaned(dataset, tmp_path)


def test_the_meaning_of_a_hospitals_own_code_is_free_text(tmp_path: Path) -> None:
    own, published = Dataset(), Dataset()
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "7", "99HOME", "liver of Mabuse"
    published.CodeValue, published.CodingSchemeDesignator, published.CodeMeaning = "10200004", "SCT", "Liver"
    found = cleaned(named(AnatomicRegionSequence=[own, published]), tmp_path)
    assert [item.CodeMeaning for item in found.AnatomicRegionSequence] == ["liver of", "Liver"]


def test_private_numbers_known_as_safe_stay_on_request_and_nothing_else_of_their_block(tmp_path: Path) -> None:
    dataset = named()
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "800")
    block.add_new(0x0D, "LO", "whatever")
    kept = cleaned(dataset, tmp_path, Options(keep_private=True))
    assert [(e.tag.element, e.value) for e in kept if e.tag.is_private] == [(0x10, "SIEMENS MR HEADER"), (0x100C, 800)]
    assert not any(element.tag.is_private for element in cleaned(dataset, tmp_path))


def test_bits_that_old_overlays_lie_in_are_cleared(tmp_path: Path) -> None:
    samples = np.full((64, 64), 0x1234, np.uint16)
    samples[3:9, 3:9] |= 0x8000
    dataset = named(PixelData=samples.tobytes(), BitsStored=12, HighBit=11, PixelRepresentation=0)
    dataset.add_new(0x60000102, "US", 15)
    samples &= 0x0FFF
    assert cleaned(dataset, tmp_path).PixelData == samples.tobytes()


def test_a_file_says_how_it_was_cleaned(tmp_path: Path) -> None:
    found = cleaned(named(), tmp_path, Options(keep_dates=True, keep_device=True), Said(burned_in=True, face=True))
    assert found.PatientIdentityRemoved == "YES"
    codes = [item.CodeValue for item in found.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113109"]
    assert found.BurnedInAnnotation == found.RecognizableVisualFeatures == "YES"
    assert found.preamble == b"\0" * 128
    assert "SourceApplicationEntityTitle" not in found.file_meta


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.104.1", "1.3.12.2.7"])
def test_what_rules_cannot_clean_is_left_out(tmp_path: Path, sop_class: str) -> None:
    with pytest.raises(SetAside):
        read(stored(named(SOPClassUID=sop_class), tmp_path / "one.dcm"))


def test_what_is_no_dicom_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"To whom it may concern" * 30)
    with pytest.raises(SetAside):
        read(tmp_path / "text")


def test_a_leak_refuses_the_file_and_names_the_place_but_no_value(tmp_path: Path) -> None:
    dataset = named()
    text = NAME.encode()
    dataset.PixelData = text + dataset.PixelData[len(text) :]  # where no rule reaches
    with pytest.raises(Leak) as refused:
        cleaned(dataset, tmp_path)
    assert refused.value.places == ("PixelData",)
    assert traces(str(refused.value).encode()) == []


@pytest.mark.parametrize("keyword", ["FilterType", "ConvolutionKernel", "SeriesDescription", "StationName"])
def test_the_search_at_the_end_finds_what_cleaning_would_have_missed(tmp_path: Path, keyword: str) -> None:
    path = stored(named(PatientName="x", PatientID="y", OtherPatientIDs="", **{keyword: "Ms QUISTORP"}), tmp_path / "a")
    dataset = dcmread(path)
    dataset.PatientBirthDate = ""
    dataset.preamble, dataset.file_meta.SourceApplicationEntityTitle = b"\0" * 128, "X"
    del dataset.file_meta.PrivateInformationCreatorUID, dataset.file_meta.PrivateInformation
    out = BytesIO()
    dataset.save_as(out)
    assert leaks(out.getvalue(), Identity.of([NAME], [NUMBER], [BORN])) == (keyword,)


def test_values_that_cannot_be_read_are_removed(tmp_path: Path) -> None:
    path = stored(named(), tmp_path / "one.dcm")
    data = path.read_bytes()
    at = data.index(b"\x28\x00\x53\x10DS")  # Rescale Slope
    path.write_bytes(data[: at + 8] + b"X" * data[at + 6] + data[at + 8 + data[at + 6] :])
    assert b"XX" not in treated(path)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_transfer_syntax_stays(tmp_path: Path, syntax: str) -> None:
    found = dcmread(BytesIO(treated(stored(named(), tmp_path / "one.dcm", syntax))))
    assert found.file_meta.TransferSyntaxUID == syntax


@given(st.text(min_size=1), st.text(min_size=1))
def test_stand_ins_differ_where_originals_do_and_depend_on_the_key(one: str, other: str) -> None:
    another = Secret(bytes(32))
    for make in (SECRET.uid, SECRET.patient):
        assert (make(one) == make(other)) == (one == other)
    assert SECRET.uid(one) != another.uid(one)
    assert len(SECRET.uid(one)) <= 64
    assert -3652 <= SECRET.days(one) <= -366


def test_every_row_has_an_action_under_every_option() -> None:
    every = [Options(), *(with_flags(flag) for flag in (*FLAGS, "keep_uids"))]
    actions = {action_on(tag, vr, row.keyword, o) for tag, row in table().items() for o in every for vr in ("LO", "SQ")}
    assert actions == set(Action)


@pytest.mark.parametrize(
    ("keyword", "basic"),
    [("PatientName", "Z"), ("PatientBirthDate", "Z"), ("PatientAddress", "X"), ("SOPInstanceUID", "U"),
     ("StudyDate", "Z"), ("SeriesDate", "X/D"), ("InstitutionName", "X/Z/D"), ("SourceImageSequence", "X/Z/U*")],
)  # fmt: skip
def test_the_table_is_the_standards(keyword: str, basic: str) -> None:
    (row,) = [row for row in table().values() if row.keyword == keyword]
    assert row.basic == basic
