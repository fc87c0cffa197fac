"""What every part of a case file has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

#: Names by which parts of a case refer to each other; they become names of files and pieces of addresses.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Line = Annotated[str, Field(min_length=1, max_length=300)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Point = tuple[float, float, float]
#: Within the folder of the case, and nowhere else.
InFolder = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]*(/[A-Za-z0-9_][A-Za-z0-9_. -]*)*$", max_length=300)
]


class Part(BaseModel):
    """Frozen, nothing unknown, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CodedConcept(Part):
    """A coded concept (DICOM PS3.3 section 8.1). SNOMED CT is licensed in many countries: RadLex is not."""

    scheme: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,16}$")] = "RADLEX"
    value: Line
    meaning: Line
