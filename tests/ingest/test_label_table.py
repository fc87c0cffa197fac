"""Label tables of other tools, and what their names become."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.anatomy import ANATOMY, fallback_colour
from engine.core.structure import Code, Provenance, Structure
from engine.ingest.label_table import (
    LabelEntry,
    from_caret_xml,
    from_slicer_fields,
    from_text,
    from_text_file,
    sidecar_table,
    structures,
    to_caret_xml,
)

MADE = Provenance("test", "1")

TOTALSEGMENTATOR = b"""<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>
   <Date><![CDATA[2013-07-14T05:45:09]]></Date>   <VolumeInformation Index="0">   <LabelTable>
<Label Key="5" Red="1.0" Green="0.5" Blue="0.0" Alpha="1"><![CDATA[liver]]></Label>
<Label Key="30" Red="0.5" Green="0.5" Blue="0.5" Alpha="1"><![CDATA[vertebrae_L2]]></Label>
  </LabelTable>  <StudyMetaDataLinkSet>  </StudyMetaDataLinkSet>  <VolumeType><![CDATA[Label]]></VolumeType>
   </VolumeInformation></CaretExtension>
              \x00\x00"""


def test_totalsegmentators_extension_names_labels() -> None:
    assert from_caret_xml(TOTALSEGMENTATOR) == {
        5: LabelEntry("liver", (255, 128, 0), None, 1.0),
        30: LabelEntry("vertebrae_L2", (128, 128, 128), None, 1.0),
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<LabelTable>",
        b"\xff\xfe<LabelTable",
        b'<!DOCTYPE a [<!ENTITY b "c">]><x><LabelTable><Label Key="1">&b;</Label></LabelTable></x>',
        b"<x>" * 100_000 + b"<LabelTable/>",
    ],
)
def test_other_and_hostile_xml_is_no_table(text: bytes) -> None:
    assert from_caret_xml(text) == {}


@given(
    name=st.text(min_size=1, max_size=30).filter(lambda text: text.strip()),
    meaning=st.text(max_size=20),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
    label=st.integers(1, 0xFFFF),
)
def test_any_name_survives_being_written(name: str, meaning: str, colour: tuple[int, int, int], label: int) -> None:
    row = Structure(label, "key", name, Code("1", meaning), colour, 0.5, MADE)
    found = from_caret_xml(to_caret_xml([row]))
    assert set(found) <= {label}  # a name of control characters alone cannot be held by XML
    if label in found:
        assert (found[label].colour, found[label].opacity, found[label].key) == (colour, 0.5, "key")


@pytest.mark.parametrize(
    ("text", "label", "entry"),
    [
        ('# ITK-SNAP\n  0   0 0 0   0 0 0  "Clear Label"\n    1   255    0    9        0.5  1  1    "Label A"\n',
         1, LabelEntry("Label A", (255, 0, 9), None, 0.5)),
        ("#No. Label Name: R G B A\n0 Unknown 0 0 0 0\n2 Left-Cerebral-White-Matter 245 245 245 0\n",
         2, LabelEntry("Left-Cerebral-White-Matter", (245, 245, 245))),
        ("index,name\n7,spleen\n", 7, LabelEntry("spleen")),
        ("Label\tName\tRed\tGreen\tBlue\n7\tspleen\t1\t2\t3\n", 7, LabelEntry("spleen", (1, 2, 3))),
        ('{"1": "aorta"}', 1, LabelEntry("aorta")),
        ('{"labels": {"background": 0, "aorta": 3}}', 3, LabelEntry("aorta")),
    ],
)  # fmt: skip
def test_text_tables_of_other_tools_are_read(text: str, label: int, entry: LabelEntry) -> None:
    assert from_text(text) == {label: entry}


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert all(1 <= label <= 0xFFFF and entry.name for label, entry in from_text(text).items())


@pytest.mark.parametrize(
    "text", ['{"EchoTime": 0.03, "FlipAngle": 9}', '{"1": "a", "b": "c"}', "[1]", "{", "a b c", "1 2 3"]
)
def test_text_that_is_no_table_names_nothing(text: str) -> None:
    assert from_text(text) == {}


def test_only_the_table_of_the_same_stem_counts(tmp_path: Path) -> None:
    (tmp_path / "scan.json").write_text('{"1": "aorta"}')
    assert sidecar_table(tmp_path / "scan.nii.gz") == {1: LabelEntry("aorta")}
    assert sidecar_table(tmp_path / "scan.seg.nrrd") == {1: LabelEntry("aorta")}
    assert sidecar_table(tmp_path / "other.nii.gz") == {}
    (tmp_path / "raw.json").write_bytes(b"\xff\xfe\x00")
    assert from_text_file(tmp_path / "raw.json") == {}


@pytest.mark.parametrize(
    ("name", "key"), [("liver", "liver"), ("Left Lung", "lung_left"), ("LT LUNG", "lung_left"), ("Tumor", "tumour")]
)
def test_names_that_the_anatomy_table_knows_get_its_code_and_colour(name: str, key: str) -> None:
    (found,) = structures([4], {4: LabelEntry(name)}, MADE)
    assert (found.key, found.code, found.colour) == (key, ANATOMY[key].code, ANATOMY[key].colour)


def test_a_code_outranks_a_name_and_the_files_own_colour_the_tables() -> None:
    entry = LabelEntry("Liver thing", (1, 2, 3), Code("52988006", "Lesion"))
    (found,) = structures([1], {1: entry}, MADE)
    assert (found.key, found.name, found.colour) == ("lesion", "Liver thing", (1, 2, 3))
    stranger = LabelEntry("Liver", None, Code("999", "Something else"))
    assert structures([1], {1: stranger}, MADE)[0].colour == fallback_colour(1)


def test_unnamed_labels_are_numbered_and_keys_stay_unique() -> None:
    found = structures([1, 2, 3, 8], {1: LabelEntry("liver"), 2: LabelEntry("Liver"), 3: LabelEntry("†")}, MADE)
    assert [row.key for row in found] == ["liver", "liver_2", "label_3", "label_8"]
    assert found[3].name == "Label 8"


def test_slicer_fields_without_terminology_have_no_code() -> None:
    (found,) = from_slicer_fields({"Segment0_ID": "x", "Segment0_LabelValue": "2", "Segment0_Color": "2 0 0"})
    assert (found.value, found.entry) == (2, LabelEntry("x"))
