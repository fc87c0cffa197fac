"""One data set, nested ones in it, made nobody's: what `profile.py` says of each attribute is done to it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from engine.ingest.deidentify.dates import moved
from engine.ingest.deidentify.identity import Identity
from engine.ingest.deidentify.options import Options
from engine.ingest.deidentify.private import is_safe
from engine.ingest.deidentify.profile import Action, action_on, table
from engine.ingest.deidentify.secret import Secret
from engine.ingest.deidentify.vocabulary import known_words

DUMMY = "ANONYMIZED"
#: A value that is none, where the object demands one.
_DUMMIES: dict[str, Any] = {
    "DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "000Y", "IS": 0, "DS": 0, "UR": "urn:none",
    "FL": 0.0, "FD": 0.0, "SL": 0, "SS": 0, "SV": 0, "UL": 0, "US": 0, "UV": 0, "AT": 0,
    "OB": b"\0\0", "OW": b"\0\0", "UN": b"\0\0", "OF": b"\0" * 4, "OL": b"\0" * 4, "OD": b"\0" * 8, "OV": b"\0" * 8,
}  # fmt: skip
_TEXT = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_NUMERALS = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"})
_TEMPORAL = frozenset({"DA", "DT"})
#: How values look that are text in the file and none in meaning.
_FORMS = {
    "DS": re.compile(r"[-+0-9.eE]*"),
    "IS": re.compile(r"[-+0-9.]*"),
    "TM": re.compile(r"[0-9:.]*"),
    "AS": re.compile(r"(\d{1,3}[DWMY])?"),
}
#: Curves, and overlays: repeating groups of which every other one is in use.
_DRAWN = (0x5000, 0x6000)
#: Commands, the file's own description and directories: no part of what a data set says.
_NOT_CONTENT = frozenset({0x0000, 0x0002, 0x0004})
_OLDEST_YEARS = 89


@dataclass
class Tally:
    """How often what was done to which attribute: names of attributes, never values."""

    done: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, what: str, keyword: str) -> None:
        """One more."""
        self.done[what, keyword] += 1


@dataclass(frozen=True)
class Cleaner:
    """Cleans the data sets of one patient.

    Attributes:
        identity: what must not remain.
        days: by how much dates move, where they are kept.
        tally: counts what is done.
    """

    secret: Secret
    options: Options
    identity: Identity
    days: int
    tally: Tally

    def clean(self, dataset: Dataset) -> None:
        """Change `dataset` in place, and every item in it."""
        safe = self._safe_private(dataset)
        for tag in list(dataset.keys()):
            if tag in safe:
                self.tally.add("kept as safe", "private")
            elif reason := _never(tag):
                del dataset[tag]
                self.tally.add("removed", reason)
            else:
                self._treat(dataset, tag)
        self._clean_local_meaning(dataset)

    def _treat(self, dataset: Dataset, tag: BaseTag) -> None:
        keyword = dictionary_keyword(tag) or f"({tag.group:04X},{tag.element:04X})"
        try:
            element = dataset[tag]
            mistaken = _mistaken(element)
            action = action_on(int(tag), element.VR, keyword, self.options)
            self.tally.add(self._do(dataset, element, Action.REMOVE if mistaken else action), keyword)
        except Exception:  # whatever pydicom raises: a value that cannot be read cannot be judged
            dataset.pop(tag, None)
            self.tally.add("removed", "unreadable")

    def _do(self, dataset: Dataset, element: DataElement, action: Action) -> str:
        if action is Action.REMOVE:
            del dataset[element.tag]
            return "removed"
        if action is Action.EMPTY:
            element.value = [] if element.VR == "SQ" else None
            return "emptied"
        if action is Action.DUMMY:
            return self._replace(element)
        if element.VR == "SQ":
            for item in element.value:
                self.clean(item)
            return "searched"
        if action is Action.REPLACE_UID or (element.VR == "UI" and not self.options.keep_uids):
            return self._replace_uids(element)
        return self._clean_value(dataset, element) if action is Action.CLEAN else self._keep(element)

    def _replace(self, element: DataElement) -> str:
        if element.VR == "UI":
            return self._replace_uids(element)
        element.value = [Dataset()] if element.VR == "SQ" else _DUMMIES.get(element.VR, DUMMY)
        return "replaced by a dummy"

    def _replace_uids(self, element: DataElement) -> str:
        if element.VR != "UI":  # sequences of references, cleaned item by item, are no UIDs
            return self._keep(element)
        uids = _values(element)
        if all(str(uid) in UID_dictionary for uid in uids):
            return "kept"
        new = [str(uid) if str(uid) in UID_dictionary else self.secret.uid(str(uid)) for uid in uids]
        element.value = new if len(new) > 1 else new[0]
        return "UID replaced"

    def _clean_value(self, dataset: Dataset, element: DataElement) -> str:
        """Dates move, texts keep their known words; what nothing is left of is treated as the basic profile does."""
        if element.VR == "TM" or not _values(element):
            return "kept"
        if element.VR in _TEMPORAL:
            kept = [moved(str(value), self.days) for value in _values(element)]
            what = "moved in time"
        else:
            kept = [known_words(str(value)) for value in _values(element)]
            what = "words kept"
        if not all(kept) or any(self.identity.is_in(value) for value in kept):
            row = table().get(int(element.tag))
            basic = action_on(int(element.tag), element.VR, element.keyword, Options()) if row else Action.REMOVE
            return self._do(dataset, element, basic)
        element.value = kept if len(kept) > 1 else kept[0]
        return what

    def _keep(self, element: DataElement) -> str:
        if isinstance(element.value, bytes):
            return self._keep_bytes(element)
        values = [str(value) for value in _values(element)]
        if element.VR in _TEXT and any(self.identity.is_in(value) for value in values):
            element.value = None
            return "emptied: the patient was named"
        if element.VR in _NUMERALS and any(self.identity.is_number(value) for value in values):
            element.value = None
            return "emptied: the patient's number"
        if element.VR == "AS" and (old := re.fullmatch(r"(\d{3})Y", values[0] if values else "")):
            element.value = f"{_OLDEST_YEARS + 1:03d}Y" if int(old[1]) > _OLDEST_YEARS else element.value
        return "kept"

    def _keep_bytes(self, element: DataElement) -> str:
        """Tables and points that hold a text go; pixels that do are left to the search, which refuses the file."""
        if not element.keyword.endswith("PixelData") and self.identity.is_in_bytes(element.value):
            element.value = None
            return "emptied: the patient was named"
        return "kept"

    def _clean_local_meaning(self, dataset: Dataset) -> None:
        """The meaning of a code that is a hospital's own is free text; that of a published code is not."""
        scheme = str(dataset.get("CodingSchemeDesignator", ""))
        if "CodeMeaning" in dataset and scheme.startswith(("99", "L")) and scheme != "LN":
            dataset.CodeMeaning = known_words(str(dataset.CodeMeaning)) or DUMMY

    def _safe_private(self, dataset: Dataset) -> set[BaseTag]:
        """Tags of safe private attributes, and of the creators that their blocks belong to."""
        if not self.options.keep_private:
            return set()
        kept: set[BaseTag] = set()
        for tag in [tag for tag in dataset.keys() if tag.is_private and tag.element > 0xFF]:  # noqa: SIM118
            creator = BaseTag(tag.group << 16 | tag.element >> 8)
            if creator not in dataset:
                continue
            name = str(dataset[creator].value)
            element = dataset[tag]
            numbers = [str(value) for value in _values(element)]
            if is_safe(tag.group, name, tag.element, element.VR) and not any(map(self.identity.is_number, numbers)):
                kept |= {tag, creator}
        return kept


def _never(tag: BaseTag) -> str:
    """Why an attribute goes whatever it holds; empty where its content decides."""
    if tag.is_private:
        return "private"
    if tag.group in _NOT_CONTENT or tag.element == 0:
        return "group lengths and groups of files"
    if tag.group & 0xFF00 in _DRAWN:
        return "overlays and curves"
    return "" if dictionary_has_tag(tag) else "unknown"


def _mistaken(element: DataElement) -> bool:
    """Whether a number or a time turned out to be something else, which pydicom hands on as a text."""
    stated = set(dictionary_VR(element.tag).split(" or "))
    if element.VM and any(stated <= kind and element.VR not in kind for kind in (_NUMERALS, _TEMPORAL)):
        return True
    form = _FORMS.get(element.VR)
    return form is not None and not all(form.fullmatch(str(value).strip()) for value in _values(element))


def _values(element: DataElement) -> list[Any]:
    if element.value is None or element.value == "":
        return []
    return list(element.value) if element.VM > 1 else [element.value]
