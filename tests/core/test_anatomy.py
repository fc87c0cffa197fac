"""The anatomy table holds for every row: coded, named, and told apart by every reader."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from pydicom.sr.codedict import codes
from skimage.color import deltaE_ciede2000, rgb2lab

from engine.core.anatomy import ANATOMY, FALLBACK_COLOURS, fallback_colour, structure
from engine.core.errors import InvalidValue
from engine.core.structure import Provenance, Rgb

#: Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
COLOUR_BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}

#: What a surgeon must never take for its neighbour, whatever eyes they have.
TOLD_APART = [
    ("arteries", "veins"),
    ("tumour", "brain"),
    ("tumour", "white_matter"),
    ("tumour", "grey_matter"),
    ("tumour", "vessels"),
    ("nodule", "lung_right"),
    ("nodule", "vessels"),
    ("lesion", "liver"),
    ("airways", "lung_left"),
    ("airways", "vessels"),
    ("bone", "vessels"),
    ("bone", "soft_tissue"),
]


def seen(colour: Rgb, matrix: list[list[float]]) -> np.ndarray:
    """CIELAB of `colour` as seen with a colour vision deficiency."""
    srgb = np.array(colour) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(matrix) @ linear, 0, 1)
    return np.asarray(rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)))


@pytest.mark.parametrize("kind", COLOUR_BLINDNESS)
@pytest.mark.parametrize(("one", "other"), TOLD_APART)
def test_neighbours_stay_apart_for_every_form_of_colour_blindness(one: str, other: str, kind: str) -> None:
    first, second = (seen(ANATOMY[key].colour, COLOUR_BLINDNESS[kind]) for key in (one, other))
    difference: float = deltaE_ciede2000(first, second)  # type: ignore[no-untyped-call]  # scikit-image has no types
    assert difference > 10  # about four times what is just noticeable side by side


@pytest.mark.parametrize("key", ANATOMY)
def test_every_row_makes_a_structure(key: str) -> None:
    made = structure(key, 7, Provenance("test", "1"))
    assert (made.label, made.key, made.name) == (7, key, ANATOMY[key].name)
    assert made.code is not None
    assert made.code.scheme == "SCT"
    assert made.code.value.isdigit()


def test_codes_that_dicom_lists_too_carry_its_meaning() -> None:
    """PS3.16 lists some codes under several meanings; one of them must be ours, word for word."""
    listed: dict[str, set[str]] = {}
    for name in codes.SCT.dir():
        code = getattr(codes.SCT, name)
        listed.setdefault(str(code.value), set()).add(str(code.meaning).lower().removesuffix(" (body structure)"))
    checked = [row.code for row in ANATOMY.values() if row.code.value in listed]
    assert len(checked) > 20
    for code in checked:
        assert code.meaning.lower() in listed[code.value], f"{code.value} is {listed[code.value]} in PS3.16"


def test_no_two_rows_share_a_code() -> None:
    values = [row.code.value for row in ANATOMY.values()]
    assert len(values) == len(set(values))


def test_no_two_rows_share_a_name() -> None:
    names = [row.name for row in ANATOMY.values()]
    assert len(names) == len(set(names))


def test_an_unknown_structure_is_refused_with_those_known() -> None:
    with pytest.raises(InvalidValue, match="known are airways"):
        structure("spleeen", 1, Provenance("test", "1"))


def test_fallback_colours_repeat_only_after_all_were_used() -> None:
    first = [fallback_colour(label) for label in range(1, len(FALLBACK_COLOURS) + 1)]
    assert all(a != b for a, b in combinations(first, 2))
    assert fallback_colour(len(FALLBACK_COLOURS) + 1) == first[0]
