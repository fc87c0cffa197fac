"""PS3.15 table E.1-1: which attribute is treated how, by the basic profile and by the options that are offered.

`attributes.csv` is that table (2026c; options of attributes new since 2021 after their kind), a row an attribute:
the action of the basic profile, then those of Retain UIDs, Retain Device Identity, Retain Patient
Characteristics, Retain Longitudinal Temporal Information with Modified Dates, and Clean Descriptors. Repeating
groups (curves, overlays), private and unknown attributes are no rows: all of them go.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from engine.ingest.deidentify.options import Options


class Action(StrEnum):
    """What is done to one attribute. Its letter is the standard's."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    KEEP = "K"
    CLEAN = "C"
    REPLACE_UID = "U"


#: A combined action leaves the choice to what the object demands: removed where optional, empty where it may be, else
#: a dummy. The last is right for every object. Sequences are emptied instead where they may be: a dummy item is none.
_COMBINED: dict[str, tuple[Action, Action]] = {
    "X/Z": (Action.EMPTY, Action.EMPTY),
    "X/D": (Action.DUMMY, Action.REMOVE),
    "Z/D": (Action.DUMMY, Action.EMPTY),
    "X/Z/D": (Action.DUMMY, Action.EMPTY),
    "X/Z/U*": (Action.REPLACE_UID, Action.REPLACE_UID),
}

#: Free text that no row speaks of: nobody knows what is in it.
_FREE_TEXT = frozenset({"PN", "LT", "UT", "ST", "UR", "AE"})
_BINARY = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN"})
_TIMES = frozenset({"DA", "DT", "TM"})
#: Samples and numbers, and what is needed to show them.
_BULK = frozenset(
    [
        "PixelData",
        "FloatPixelData",
        "DoubleFloatPixelData",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
        "LUTData",
        "ICCProfile",
        "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableData",
        "BluePaletteColorLookupTableData",
        "AlphaPaletteColorLookupTableData",
        "SegmentedRedPaletteColorLookupTableData",
        "SegmentedGreenPaletteColorLookupTableData",
        "SegmentedBluePaletteColorLookupTableData",
        "SegmentedAlphaPaletteColorLookupTableData",
        "PointCoordinatesData",
        "VectorCoordinateData",
        "LongPrimitivePointIndexList",
        "LongTrianglePointIndexList",
    ]
)


@dataclass(frozen=True, slots=True)
class Row:
    """What table E.1-1 says of one attribute; empty where an option says nothing."""

    keyword: str
    basic: str
    uids: str
    device: str
    patient: str
    dates: str
    descriptors: str


@cache
def table() -> dict[int, Row]:
    """Rows by tag."""
    text = resources.files(__package__).joinpath("attributes.csv").read_text("ascii")
    rows = csv.DictReader(text.splitlines())
    return {int(row.pop("tag"), 16): Row(**row) for row in rows}


def action_on(tag: int, vr: str, keyword: str, options: Options) -> Action:
    """What is done to a standard attribute of this `tag`, value representation and keyword."""
    row = table().get(tag)
    if row is None:
        return _unlisted(vr, keyword, options)
    chosen = (
        (options.keep_uids, row.uids),
        (options.keep_device, row.device),
        (options.keep_patient, row.patient),
        (options.keep_dates, row.dates),
        (options.keep_descriptions, row.descriptors),
    )
    for taken, action in chosen:
        if taken and action:
            return Action(action)
    if row.basic in _COMBINED:
        return _COMBINED[row.basic][vr == "SQ"]
    return Action(row.basic)


def _unlisted(vr: str, keyword: str, options: Options) -> Action:
    if vr in _FREE_TEXT or (vr in _BINARY and keyword not in _BULK):
        return Action.REMOVE
    if vr in _TIMES:
        return Action.CLEAN if options.keep_dates else Action.REMOVE
    if vr == "UI" and not options.keep_uids:
        return Action.REPLACE_UID
    return Action.KEEP
