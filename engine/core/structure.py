"""Coded structures: what a label means, how it is drawn, and where it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.core.errors import InvalidValue

Rgb = tuple[int, int, int]

#: Keys become names of files and parts of addresses, so nothing else may be in them.
LONGEST_KEY = 64
_KEY = re.compile(r"[0-9a-z]+(_[0-9a-z]+)*")


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept (DICOM PS3.3 section 8.1: value, scheme, meaning)."""

    value: str
    meaning: str
    scheme: str = "SCT"  # SNOMED CT, as DICOM names it (PS3.16 section 8)


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a structure was made, so that it can be made again.

    Attributes:
        pipeline: name of the pipeline, reader or tool.
        version: version of that pipeline.
        parameters: the values that shaped the result, as name and text.
        synthetic: whether it is simulated rather than measured.
    """

    pipeline: str
    version: str
    parameters: tuple[tuple[str, str], ...] = ()
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """One labelled structure of a label map.

    Attributes:
        label: value in the label map, 1 to 65535; 0 is background.
        key: stable identifier in lower_snake_case (a-z, 0-9, _), unique in its label map.
        name: what the clinic calls it.
        code: coded concept, or None where none is known.
        colour: sRGB, 0 to 255.
        opacity: default when drawn, 0 to 1.
        provenance: how it was made.
        includes: other labels that belong to it too: a body includes its organs, which a voxel's one
            label cannot say. Its volume and surface are those of the union.
    """

    label: int
    key: str
    name: str
    code: Code | None
    colour: Rgb
    opacity: float = 1.0
    provenance: Provenance = field(default=Provenance("unknown", "0"))
    includes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.label <= 0xFFFF:
            raise InvalidValue(f"a label is 1 to 65535, got {self.label} for {self.name!r}")
        if not _KEY.fullmatch(self.key) or len(self.key) > LONGEST_KEY:
            wanted = f"lower_snake_case of at most {LONGEST_KEY} characters"
            raise InvalidValue(f"the key of structure {self.label} is {wanted}, got {self.key!r}")
        if not self.name:
            raise InvalidValue(f"structure {self.label} needs a name")
        if any(not 0 <= channel <= 255 for channel in self.colour):
            raise InvalidValue(f"colour channels are 0 to 255, got {self.colour} for {self.name!r}")
        if not 0.0 <= self.opacity <= 1.0:
            raise InvalidValue(f"opacity is 0 to 1, got {self.opacity} for {self.name!r}")

    @property
    def labels(self) -> tuple[int, ...]:
        """Every label whose voxels belong to it: its own, then those it includes."""
        return (self.label, *self.includes)
