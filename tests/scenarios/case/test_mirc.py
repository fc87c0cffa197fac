"""A MIRC teaching file comes over as far as a case can take it; what it says of its patient never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from scenarios.case.mirc import Teaching, read_mirc

DOCUMENT = b"""<?xml version="1.0" encoding="UTF-8"?>
<MIRCdocument display="mstf">
  <title>Osteosarcoma of the femur</title>
  <alternative-title>Knee pain in a boy</alternative-title>
  <author><name>A. Author</name><affiliation>Hospital</affiliation><contact>a@hospital.example</contact></author>
  <abstract><p>A  classic
    case.</p></abstract>
  <rights>CC BY 4.0</rights>
  <language code="de"/>
  <section heading="History"><p>Pain for <b>three</b> weeks.</p><p>No fever.</p>
    <patient><pt-name>Nemo</pt-name></patient></section>
  <section heading="Findings"><ul><li>Lysis</li><li>Sunburst &amp; spicules</li></ul></section>
  <section heading="Diagnosis"><p>Osteosarcoma</p></section>
  <section heading="Discussion"/>
  <image-section heading="Images">
    <image href="a.jpg"><alternative-image role="original-dimensions" href="a_large.jpg"/></image>
    <image href="b.jpg"/>
  </image-section>
  <references><reference>Bone tumours, 2nd ed.</reference></references>
  <quiz><question><question-body>What is it?</question-body>
    <answer><answer-body>A</answer-body></answer></question></quiz>
  <phi><study><pt-id>4711</pt-id></study></phi>
  <authorization><owner>admin</owner></authorization>
</MIRCdocument>
"""


def test_words_come_over_and_what_gives_the_diagnosis_away_comes_afterwards() -> None:
    found = read_mirc(DOCUMENT)
    assert found.title == "Knee pain in a boy"
    assert found.authors == ("A. Author",)
    assert found.history == "Pain for three weeks.\nNo fever."
    assert found.says == (
        "Osteosarcoma of the femur\n\nA classic case.\n\n"
        "Findings: Lysis\nSunburst & spicules\n\nDiagnosis: Osteosarcoma"
    )
    assert found.licence == "CC BY 4.0"
    assert found.language == "de"
    assert [one.title for one in found.references] == ["Bone tumours, 2nd ed."]
    assert found.images == ("a.jpg", "a_large.jpg", "b.jpg")


def test_a_title_that_may_be_the_diagnosis_is_not_shown() -> None:
    text = DOCUMENT.replace(b"<alternative-title>Knee pain in a boy</alternative-title>", b"")
    assert read_mirc(text).title is None


def test_what_is_said_of_the_patient_and_of_reaching_the_authors_is_nowhere() -> None:
    told = repr(read_mirc(DOCUMENT))
    for words in ("Nemo", "4711", "hospital.example", "admin"):
        assert words not in told


def test_what_was_not_taken_is_said() -> None:
    left = read_mirc(DOCUMENT).left
    assert "what it says of its patient" in left
    assert "questions: a MIRC quiz does not say which answer is right" in left
    assert "how to reach its authors" in left
    assert "3 images: MIRC names pictures, a case reads volumes" in left


def test_sections_that_are_elements_of_their_own_are_read_likewise() -> None:
    found = read_mirc(
        b"<MIRCdocument><title>T</title><history>Pain.</history><findings>Lysis</findings></MIRCdocument>"
    )
    assert found.history == "Pain."
    assert found.says == "T\n\nFindings: Lysis"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]><MIRCdocument>&e;</MIRCdocument>', "document type"),
        (b'<!DOCTYPE MIRCdocument SYSTEM "http://localhost:9/x.dtd"><MIRCdocument/>', "document type"),
        (b"<html/>", "no MIRCdocument but html"),
        (b"<MIRCdocument>", "no XML"),
        (b"", "no XML"),
        (b" " * (8 * 2**20 + 1), "at most"),
    ],
)  # fmt: skip
def test_what_is_no_teaching_file_or_draws_in_others_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        read_mirc(data)


def test_entities_that_grow_to_gigabytes_are_refused() -> None:
    entities = b'<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
    )
    with pytest.raises(InvalidValue):
        read_mirc(b"<!DOCTYPE d [" + entities + b"]><MIRCdocument><title>&a11;</title></MIRCdocument>")


@given(cut=st.integers(0, len(DOCUMENT)), drop=st.integers(1, 60))
def test_a_damaged_document_is_read_or_refused_and_never_anything_else(cut: int, drop: int) -> None:
    try:
        found = read_mirc(DOCUMENT[:cut] + DOCUMENT[cut + drop :])
    except InvalidValue:
        return
    assert isinstance(found, Teaching)
