"""What DICOM wants to know of a structure beyond its code: what kind of thing it is, which side, how it was found."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from engine.core.structure import Code, Rgb, Structure
from engine.export.dicom.part10 import item

#: Segmentation property categories (PS3.16 CID 7150).
_ANATOMICAL = Code("123037004", "Anatomical Structure")
_TISSUE = Code("85756007", "Tissue")
_ABNORMAL = Code("49755003", "Morphologically Abnormal Structure")
_SPATIAL = Code("309825002", "Spatial and Relational Concept")
#: By code; whatever is not here is an anatomical structure.
_CATEGORY = {
    "108369006": _ABNORMAL, "52988006": _ABNORMAL, "27925004": _ABNORMAL, "79654002": _ABNORMAL,
    "55603005": _TISSUE, "87784001": _TISSUE, "68523003": _TISSUE, "389081007": _TISSUE,
}  # fmt: skip
#: A structure without a code is some region that somebody drew; a margin is a distance (CID 7151 is extensible).
_REGION = Code("113132", "Region of interest", "DCM")
SCHEME = "99SIGHTLINE"
_MARGIN = Code("MARGIN", "Margin round a structure", SCHEME)
#: Laterality (CID 244), said even where a code has the side in it: readers look here.
_LEFT, _RIGHT = Code("7771000", "Left"), Code("24028007", "Right")
_SIDE_OF_CODE = {"44029006": _LEFT, "18639004": _LEFT, "3341006": _RIGHT, "9846003": _RIGHT}
#: RT ROI Interpreted Type (PS3.3 C.8.8.8); what is not here is an organ. Oedema and margins are none of the terms.
_INTERPRETED = {"123037004": "EXTERNAL", "108369006": "GTV", "52988006": "GTV", "27925004": "GTV", "79654002": ""}
#: Words in a pipeline's name. A reader cannot tell how what it read was made, and nor can anybody else.
_HOW = (
    (("manual", "drawn"), "MANUAL"),
    (("edit", "interactive", "segmentation", "structure set", "label map", "unknown"), "SEMIAUTOMATIC"),
)


def coding_schemes() -> list[Dataset]:
    """Whose scheme `SCHEME` is (PS3.3 C.12.1.1.8)."""
    return [
        item(
            CodingSchemeDesignator=SCHEME, CodingSchemeName="Sightline", CodingSchemeResponsibleOrganization="Sightline"
        )
    ]


def category_of(structure: Structure) -> Code:
    """Segmentation property category."""
    if is_margin(structure):
        return _SPATIAL
    return _CATEGORY.get(structure.code.value, _ANATOMICAL) if structure.code is not None else _ANATOMICAL


def type_of(structure: Structure) -> Code:
    """Segmentation property type: the structure's own code where it has one."""
    return structure.code or (_MARGIN if is_margin(structure) else _REGION)


def side_of(structure: Structure) -> Code | None:
    """Left or right, None where that is not known or makes no sense."""
    if structure.code is not None and structure.code.value in _SIDE_OF_CODE:
        return _SIDE_OF_CODE[structure.code.value]
    words = structure.key.split("_")
    return _LEFT if "left" in words else _RIGHT if "right" in words else None


def is_margin(structure: Structure) -> bool:
    """Whether it is a distance round something and not a thing."""
    return "margin" in structure.key.split("_")


def is_lesion(structure: Structure) -> bool:
    """Whether it is what an operation is for."""
    return interpreted_type(structure) == "GTV"


def interpreted_type(structure: Structure) -> str:
    """RT ROI Interpreted Type, empty where none fits."""
    if structure.code is None or is_margin(structure):
        return ""
    return _INTERPRETED.get(structure.code.value, "ORGAN")


def algorithm_type(structure: Structure) -> str:
    """AUTOMATIC, SEMIAUTOMATIC or MANUAL; SEMIAUTOMATIC where nobody can tell."""
    pipeline = structure.provenance.pipeline.lower()
    return next((kind for words, kind in _HOW if any(word in pipeline for word in words)), "AUTOMATIC")


def made_by(structure: Structure) -> str:
    """How it was made, in a line."""
    made = structure.provenance
    values = ", ".join(f"{name} {value}" for name, value in made.parameters)
    line = f"{made.pipeline} {made.version}" + (f" ({values})" if values else "")
    return f"Simulated. {line}" if made.synthetic else line


def cielab(colour: Rgb) -> list[int]:
    """Recommended Display CIELab Value (PS3.3 C.10.7.1.1) of an sRGB colour, white D65."""
    encoded = np.array(colour) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    relative = xyz / (0.95047, 1.0, 1.08883)
    x, y, z = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29)
    lab = np.array([(116 * y - 16) / 100, (500 * (x - y) + 128) / 255, (200 * (y - z) + 128) / 255])
    return [int(value) for value in np.rint(np.clip(lab, 0, 1) * 65535)]
