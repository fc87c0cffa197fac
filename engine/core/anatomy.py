"""The structures Sightline knows by name: code, colour and default opacity, in one table.

Codes are SNOMED CT as used in DICOM PS3.16 (CID 7150 segmentation property types, CID 4031 body
parts). Hues follow anatomical convention (bone ivory, artery red, vein blue, lung rose, airway
cyan, tumour deep amber) and keep apart in lightness too, so that no form of colour blindness merges
a lesion with what it lies in (a lighter amber is lung rose to tritanopes).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.errors import InvalidValue
from engine.core.structure import Code, Provenance, Rgb, Structure


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One row: what a structure is called, coded as, and how it is drawn."""

    name: str
    code: Code
    colour: Rgb
    opacity: float = 1.0

    def as_structure(self, key: str, label: int, provenance: Provenance) -> Structure:
        """This row as structure `key` with `label` in some label map."""
        return Structure(label, key, self.name, self.code, self.colour, self.opacity, provenance)


def _row(name: str, code: str, meaning: str, colour: Rgb, opacity: float = 1.0) -> Anatomy:
    return Anatomy(name, Code(code, meaning), colour, opacity)


ANATOMY: dict[str, Anatomy] = {
    "body": _row("Body", "123037004", "Body structure", (222, 184, 160), 0.18),
    "head": _row("Head", "69536005", "Head", (222, 184, 160), 0.18),
    "lung_left": _row("Left lung", "44029006", "Left lung", (232, 152, 160), 0.55),
    "lung_right": _row("Right lung", "3341006", "Right lung", (240, 172, 178), 0.55),
    "lung": _row("Lung", "39607008", "Lung structure", (236, 162, 169), 0.55),
    "airways": _row("Airways", "89187006", "Airway structure", (86, 198, 214)),
    "bone": _row("Bone", "272673000", "Bone", (240, 230, 204)),
    "skull": _row("Skull", "89546000", "Skull", (240, 230, 204)),
    "fat": _row("Fat", "55603005", "Fat", (232, 204, 112), 0.25),
    "soft_tissue": _row("Muscle and soft tissue", "87784001", "Soft tissue", (176, 92, 80), 0.35),
    "vessels": _row("Contrast-filled vessels", "59820001", "Blood vessel", (204, 48, 56)),
    "brain": _row("Brain", "12738006", "Brain", (216, 172, 168)),
    "white_matter": _row("White matter", "68523003", "Cerebral white matter", (238, 226, 214)),
    "grey_matter": _row("Grey matter", "389081007", "Gray matter", (158, 146, 158)),
    "csf": _row("Cerebrospinal fluid", "65216001", "Cerebrospinal fluid", (96, 150, 220), 0.5),
    "liver": _row("Liver", "10200004", "Liver", (148, 72, 58), 0.6),
    "spleen": _row("Spleen", "78961009", "Spleen", (120, 68, 104), 0.8),
    "kidney_left": _row("Left kidney", "18639004", "Left kidney", (168, 84, 72)),
    "kidney_right": _row("Right kidney", "9846003", "Right kidney", (184, 96, 82)),
    "aorta": _row("Aorta", "15825003", "Aorta", (204, 48, 56)),
    "heart": _row("Heart", "80891009", "Heart", (190, 64, 66), 0.8),
    "arteries": _row("Arteries", "51114001", "Artery", (204, 48, 56)),
    "pulmonary_arteries": _row("Pulmonary arteries", "81040000", "Pulmonary artery", (96, 110, 206)),
    "veins": _row("Veins", "29092000", "Vein", (66, 98, 196)),
    "lesion": _row("Lesion", "52988006", "Lesion", (250, 122, 0)),
    "nodule": _row("Nodule", "27925004", "Nodule", (250, 122, 0)),
    "tumour": _row("Tumour", "108369006", "Neoplasm", (250, 122, 0)),
    "oedema": _row("Oedema", "79654002", "Edema", (250, 214, 140), 0.5),
    "vertebra": _row("Vertebra", "51282000", "Vertebra", (228, 214, 184)),
    "spinal_cord": _row("Spinal cord", "2748008", "Spinal cord", (250, 230, 120)),
}


def structure(key: str, label: int, provenance: Provenance) -> Structure:
    """Structure `key` of the table with `label` in some label map.

    Raises:
        InvalidValue: `key` is not in the table.
    """
    if key not in ANATOMY:
        raise InvalidValue(f"unknown structure {key!r}; known are {', '.join(sorted(ANATOMY))}")
    return ANATOMY[key].as_structure(key, label, provenance)


#: What tools go in through, and pointers are drawn over: the first that a scan has.
OUTER: tuple[str, ...] = ("head", "body", "skin", "scalp")
#: Words in the keys of what does not follow soft tissue when that moves: the outside and bones.
_STIFF = frozenset({
    "head", "body", "skin", "scalp",
    "bone", "bones", "skull", "cranium", "mandible", "maxilla", "teeth", "tooth",
    "vertebra", "vertebrae", "spine", "rib", "ribs", "sternum", "scapula", "clavicle", "clavicula",
    "humerus", "radius", "ulna", "pelvis", "hip", "sacrum", "femur", "patella", "tibia", "fibula",
})  # fmt: skip


def is_stiff(key: str) -> bool:
    """Whether a structure stays where it is when soft tissue moves; by the words of its key."""
    return not _STIFF.isdisjoint(key.split("_"))


#: Colours for structures that have none: Okabe and Ito's palette, distinct for all common forms of
#: colour blindness (https://jfly.uni-koeln.de/color/).
FALLBACK_COLOURS: tuple[Rgb, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


def fallback_colour(label: int) -> Rgb:
    """A stable colour for a label that no table names."""
    return FALLBACK_COLOURS[(label - 1) % len(FALLBACK_COLOURS)]
