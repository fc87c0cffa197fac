"""What every part of a case file has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.stream.message import Message, Point, Sha256

__all__ = ["CodedConcept", "InFolder", "Key", "Line", "Name", "Part", "Point", "Sha256", "Text", "Thing"]

#: Names by which parts of a case refer to each other; they become names of files and pieces of addresses.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
#: Of a structure, as phantoms and the segmentation name them.
Key = Annotated[str, Field(pattern=r"^[0-9a-z]+(_[0-9a-z]+)*$", max_length=64)]
#: A finding by its name, or a structure by its key.
Thing = Annotated[str, Field(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Line = Annotated[str, Field(min_length=1, max_length=300)]
#: Within the folder of the case, and nowhere else.
InFolder = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]*(/[A-Za-z0-9_][A-Za-z0-9_. -]*)*$", max_length=300)
]


class Part(Message):
    """A part of a case, of a reading, or of what is told of either: frozen as every message, for both travel."""


class CodedConcept(Part):
    """A coded concept (DICOM PS3.3 section 8.1). SNOMED CT is licensed in many countries: RadLex is not."""

    scheme: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,16}$")] = "RADLEX"
    value: Line
    meaning: Line
