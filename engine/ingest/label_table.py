"""What the labels of a file mean: its own table, a table beside it, or plain "Label 7".

Read are: the Caret XML that TotalSegmentator puts in a NIfTI extension; the `SegmentN_…` fields of
3D Slicer's .seg.nrrd; and, beside the file, an ITK-SNAP label description, a FreeSurfer colour
table, a CSV or TSV with a header line, or a JSON object. Names that match `engine.core.anatomy`
take its code and colour where the table has none.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from engine.core.anatomy import ANATOMY, Anatomy, fallback_colour
from engine.core.structure import LONGEST_KEY, Code, Provenance, Rgb, Structure

#: A table of 65535 names is about 8 MB; anything larger is not a table.
MAX_TABLE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """One row of a table: what it says, None where it is silent."""

    name: str
    colour: Rgb | None = None
    code: Code | None = None
    opacity: float | None = None
    key: str | None = None


LabelTable = dict[int, LabelEntry]


def structures(labels: Iterable[int], table: Mapping[int, LabelEntry], provenance: Provenance) -> tuple[Structure, ...]:
    """A structure for every label that occurs, named by `table` where it can."""
    taken: set[str] = set()
    result = []
    for label in sorted(labels):
        structure = _structure(label, table.get(label, LabelEntry(f"Label {label}")), taken, provenance)
        taken.add(structure.key)
        result.append(structure)
    return tuple(result)


def _structure(label: int, entry: LabelEntry, taken: set[str], provenance: Provenance) -> Structure:
    row_key = anatomy_key(entry)
    row = ANATOMY.get(row_key, Anatomy(entry.name, Code("", ""), fallback_colour(label)))
    key = snake_case(entry.key or "") or row_key or snake_case(entry.name) or f"label_{label}"
    while key in taken:
        key = f"{key}_{label}"
    return Structure(
        label=label,
        key=key,
        name=_display_name(entry),
        code=entry.code or (row.code if row_key else None),
        colour=entry.colour or row.colour,
        opacity=row.opacity if entry.opacity is None else entry.opacity,
        provenance=provenance,
    )


# --- names ----------------------------------------------------------------------------------------

#: Other tools' names for rows of `ANATOMY`: TotalSegmentator, FreeSurfer, 3D Slicer, DICOM meanings.
_SYNONYMS = {
    "left_lung": "lung_left",
    "right_lung": "lung_right",
    "lung_l": "lung_left",
    "lung_r": "lung_right",
    "lt_lung": "lung_left",
    "rt_lung": "lung_right",
    "lung_lt": "lung_left",
    "lung_rt": "lung_right",
    "left_kidney": "kidney_left",
    "right_kidney": "kidney_right",
    "kidney_l": "kidney_left",
    "kidney_r": "kidney_right",
    "lt_kidney": "kidney_left",
    "rt_kidney": "kidney_right",
    "airway": "airways",
    "bones": "bone",
    "adipose_tissue": "fat",
    "external": "body",
    "skin": "body",
    "white_matter_of_brain": "white_matter",
    "gray_matter": "grey_matter",
    "cerebrospinal_fluid": "csf",
    "artery": "arteries",
    "vein": "veins",
    "blood_vessel": "vessels",
    "vessel": "vessels",
    "tumor": "tumour",
    "neoplasm": "tumour",
    "edema": "oedema",
    "spinalcord": "spinal_cord",
    "vertebrae": "vertebra",
}
_KEY_OF_CODE = {row.code.value: key for key, row in ANATOMY.items()}


#: Keys are cut here: their label can be added where another structure's begins alike.
_LONGEST_STEM = LONGEST_KEY - 16


def snake_case(name: str) -> str:
    """`name` as a key: lower case, words joined by underscores."""
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")[:_LONGEST_STEM].rstrip("_")


def _display_name(entry: LabelEntry) -> str:
    """The clinic's words: the anatomy table's for an identifier it knows, spaces for other identifiers."""
    if entry.key is not None or not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", entry.name):
        return entry.name
    identifier = _SYNONYMS.get(entry.name, entry.name)
    return ANATOMY[identifier].name if identifier in ANATOMY else entry.name.replace("_", " ").capitalize()


def anatomy_key(entry: LabelEntry) -> str:
    """The row of `ANATOMY` that an entry names, by its key, its SNOMED CT code or its name; empty when none."""
    if entry.key in ANATOMY:
        return str(entry.key)
    if entry.code is not None and entry.code.scheme == "SCT":
        # A code is more exact than a name: "Liver" coded as a lesion is a lesion. One that is not in
        # the table names something else, whatever the name.
        return _KEY_OF_CODE.get(entry.code.value, "")
    name = snake_case(entry.name)
    name = _SYNONYMS.get(name, name)
    return name if name in ANATOMY else ""


# --- Caret XML ------------------------------------------------------------------------------------


def from_caret_xml(text: bytes) -> LabelTable:
    """The `LabelTable` of a Caret extension; empty when it is something else or damaged."""
    text = text.rstrip(b"\x00 \r\n\t")
    if len(text) > MAX_TABLE_BYTES or b"<LabelTable" not in text or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        return {}
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - documents with entities are turned away above
    except (ElementTree.ParseError, ValueError, LookupError):
        return {}
    rows = (_caret_row(element.attrib, element.text or "") for element in root.iter("Label"))
    return {label: entry for label, entry in rows if 1 <= label <= 0xFFFF and entry.name}


def _caret_row(fields: Mapping[str, str], name: str) -> tuple[int, LabelEntry]:
    code = None
    if fields.get("CodeValue"):
        code = Code(fields["CodeValue"], fields.get("CodeMeaning", ""), fields.get("CodeScheme", "SCT"))
    colour = _colour([fields.get(channel, "") for channel in ("Red", "Green", "Blue")], scale=255.0)
    opacity = _fraction(fields.get("Alpha", ""))
    return _label(fields.get("Key", "")), LabelEntry(name.strip(), colour, code, opacity, fields.get("StructureKey"))


def to_caret_xml(rows: Iterable[Structure]) -> bytes:
    """The Caret extension for `rows`, in the form TotalSegmentator writes and reads.

    Codes and keys are further attributes, which readers of the plain form pass over. The date, which
    the form asks for, is the one that all its writers copy: the same rows give the same bytes.
    """
    body = "\n".join(_caret_element(row) for row in rows)
    return (
        '<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>'
        "<Date><![CDATA[2013-07-14T05:45:09]]></Date>"
        f'<VolumeInformation Index="0"><LabelTable>\n{body}\n</LabelTable>'
        "<StudyMetaDataLinkSet></StudyMetaDataLinkSet><VolumeType><![CDATA[Label]]></VolumeType>"
        "</VolumeInformation></CaretExtension>"
    ).encode()


def _caret_element(row: Structure) -> str:
    fields = {"Key": str(row.label)}
    fields |= {name: f"{value / 255:.6g}" for name, value in zip(("Red", "Green", "Blue"), row.colour, strict=True)}
    fields |= {"Alpha": f"{row.opacity:g}", "StructureKey": row.key}
    if row.code is not None:
        fields |= {"CodeValue": row.code.value, "CodeScheme": row.code.scheme, "CodeMeaning": row.code.meaning}
    attributes = " ".join(f'{name}="{_xml_attribute(value)}"' for name, value in fields.items())
    name = _xml_text(row.name).replace("]]>", "]]]]><![CDATA[>")
    return f"<Label {attributes}><![CDATA[{name}]]></Label>"


def _xml_text(text: str) -> str:
    """`text` without the control characters that XML 1.0 has no way to hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", " ", text)


def _xml_attribute(text: str) -> str:
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(plain, escaped)
    return _xml_text(text)


# --- 3D Slicer segmentation fields -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SlicerSegment:
    """One segment of a .seg.nrrd: which value on which layer, and what it is."""

    layer: int
    value: int
    entry: LabelEntry


def from_slicer_fields(fields: Mapping[str, str]) -> tuple[SlicerSegment, ...]:
    """The segments that `SegmentN_…` key/value pairs of a NRRD header describe, in their order."""
    numbers = sorted({int(found[1]) for key in fields if (found := re.fullmatch(r"Segment(\d{1,5})_ID", key))})
    segments = []
    for number in numbers:
        row = {key.split("_", 1)[1]: value for key, value in fields.items() if key.startswith(f"Segment{number}_")}
        value = _label(row.get("LabelValue", str(number + 1)))
        if value:
            colour = _colour(row.get("Color", "").split(), scale=255.0)
            name = row.get("Name", "").strip() or row.get("ID", "").strip() or f"Label {value}"
            entry = LabelEntry(name, colour, _terminology_code(row.get("Tags", "")))
            segments.append(SlicerSegment(_label(row.get("Layer", "0")), value, entry))
    return tuple(segments)


def _terminology_code(tags: str) -> Code | None:
    """The type of Slicer's terminology entry: context~category~type~modifier~…, each scheme^value^meaning."""
    found = re.search(r"TerminologyEntry:([^|]*)", tags)
    parts = found[1].split("~") if found else []
    fields = parts[2].split("^") if len(parts) > 2 else []
    if len(fields) != 3 or not fields[1] or fields[1] == "85756007":  # "Tissue": Slicer's "not stated"
        return None
    return Code(fields[1], fields[2], fields[0])


# --- tables beside the file ------------------------------------------------------------------------


def sidecar_table(path: Path) -> LabelTable:
    """The table that lies beside a label file under its stem, or of which the folder has only one."""
    stem = re.sub(r"\.(nii\.gz|nii|nrrd|nhdr|mha|mhd|seg\.nrrd)$", "", path.name, flags=re.IGNORECASE)
    for suffix in (".json", ".csv", ".tsv", ".txt", ".ctbl", ".label", ".lut"):
        table = from_text_file(path.with_name(stem + suffix))
        if table:
            return table
    return {}


def from_text_file(path: Path) -> LabelTable:
    """The table in a text file; empty when it is absent, too large or none of the known forms."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_TABLE_BYTES:
            return {}
        return from_text(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return {}


def from_text(text: str) -> LabelTable:
    """A JSON, CSV, TSV, ITK-SNAP or FreeSurfer table; empty when it is none of them."""
    if text.lstrip().startswith(("{", "[")):
        return _from_json(text)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "//"))]
    if not lines:
        return {}
    if re.match(r"\s*\d+\s", lines[0]) and "," not in lines[0]:
        return _from_columns(lines)
    return _from_csv(lines)


def _from_json(text: str) -> LabelTable:
    """`{"1": "liver"}`, `{"liver": 1}`, or either under "labels" (nnU-Net, BIDS)."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, dict):
        value = value.get("labels", value)
    if not isinstance(value, dict):
        return {}
    pairs = [(str(key).strip(), str(item).strip()) for key, item in value.items()]
    if all(item.isdigit() for _, item in pairs):
        pairs = [(item, key) for key, item in pairs]
    # A table through and through, or none at all: a BIDS sidecar of scan parameters holds numbers too.
    if not all(key.isdigit() and name for key, name in pairs):
        return {}
    return {_label(key): LabelEntry(name) for key, name in pairs if _label(key)}


def _from_columns(lines: list[str]) -> LabelTable:
    """ITK-SNAP (`1 255 0 0 1 1 1 "name"`) and FreeSurfer (`2 Left-Cerebral-White-Matter 245 245 245 0`)."""
    table = {}
    for line in lines:
        snap = re.fullmatch(r'\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+([\d.]+)\s+\d\s+\d\s+"(.*)"\s*', line)
        free = re.fullmatch(r"\s*(\d+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(\d+)(?:\s+\d+)?\s*", line)
        if snap:
            entry = LabelEntry(snap[6].strip(), _colour(snap.group(2, 3, 4)), None, _fraction(snap[5]))
            label = _label(snap[1])
        elif free:
            entry, label = LabelEntry(free[2], _colour(free.group(3, 4, 5))), _label(free[1])
        else:
            continue
        if label and entry.name:
            table[label] = entry
    return table


_LABEL_COLUMNS = ("label", "index", "id", "value", "key", "labelvalue", "label_id")
_NAME_COLUMNS = ("name", "structure", "region", "labelname", "label_name", "anatomy")


def _from_csv(lines: list[str]) -> LabelTable:
    """A header line that names a number and a name column; red, green, blue (or r, g, b) if there."""
    try:
        rows = list(csv.DictReader(lines, delimiter="\t" if "\t" in lines[0] else ","))
    except csv.Error:
        return {}
    table: LabelTable = {}
    for row in rows:
        fields = {str(key).strip().lower(): str(value or "").strip() for key, value in row.items() if key}
        label = next((found for column in _LABEL_COLUMNS if (found := _label(fields.get(column, "")))), 0)
        name = next((fields[column] for column in _NAME_COLUMNS if fields.get(column)), "")
        channels = [fields.get(channel) or fields.get(channel[0], "") for channel in ("red", "green", "blue")]
        if label and name:
            table[label] = LabelEntry(name, _colour(channels))
    return table


# --- values ----------------------------------------------------------------------------------------


def _label(text: str) -> int:
    """A label from 1 to 65535, 0 for anything else."""
    text = text.strip()
    return int(text) if re.fullmatch(r"\d{1,5}", text) and int(text) <= 0xFFFF else 0


def _fraction(text: str) -> float | None:
    """A number from 0 to 1, None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None


def _colour(channels: Iterable[str], scale: float = 1.0) -> Rgb | None:
    """Three channels times `scale`, None unless all three are numbers in range."""
    try:
        values = [round(float(channel) * scale) for channel in channels]
    except (ValueError, OverflowError):
        return None
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        return None
    return (values[0], values[1], values[2])
