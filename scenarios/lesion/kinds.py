"""The kinds of lesions: what each is made by, where it may lie, how it usually stands out, and what is mistaken for it.

Contrasts are means of radiology texts, in HU; of MR, of the phantom's signal (white matter 560).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from scenarios.lesion import bleed, embolus, fracture, metastasis, nodule, tumour
from scenarios.lesion.form import Form
from scenarios.lesion.place import Where, place
from scenarios.lesion.setting import Setting

Maker = Callable[[Setting, Float64, float, float, np.random.Generator], Form]
Placer = Callable[[Setting, float, np.random.Generator], Float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind.

    Attributes:
        says: what it is.
        size_says: what `size_mm` of a recipe means.
        make: its shape, from setting, place, size, contrast and chance.
        where: its places: a rule, or a function where no rule tells.
        among: structures whose tissue it stands out of.
        contrast: from them, usually.
        sizes_mm: that are usual.
        unlike: structures of the body that look like it, in a few words.
        hard: where it lies as a rule makes it so much harder to find (standard deviations of learners).
        compared: its organ has other places like its own, so that a detectability tells how hard it is.
    """

    says: str
    size_says: str
    make: Maker
    where: Where | Placer
    among: tuple[str, ...]
    contrast: float
    sizes_mm: tuple[float, float]
    unlike: tuple[str, ...]
    hard: float = 0.0
    compared: bool = True

    def place(
        self, setting: Setting, size_mm: float, options: Mapping[str, float], rng: np.random.Generator
    ) -> Float64:
        """A place (3,) in patient millimetres. Options of a rule: `margin-mm`, `deepest-mm`.

        Raises:
            InvalidValue: there is none, or an option that the kind does not know.
        """
        known = {"margin-mm", "deepest-mm"} if isinstance(self.where, Where) else set[str]()
        if unknown := set(options) - known:
            raise InvalidValue(f"unknown option {sorted(unknown)}; known are {sorted(known) or 'none'}")
        if not isinstance(self.where, Where):
            return self.where(setting, size_mm / 2, rng)
        rule = self.where
        where = Where(
            rule.inside,
            rule.depth,
            options.get("margin-mm", rule.margin_mm),
            options.get("deepest-mm", rule.deepest_mm),
            rule.clear,
            rule.even,
        )
        return place(setting, where, size_mm / 2, rng)


_LUNG = ("lung", "lung_left", "lung_right")
_BRAIN = ("brain", "grey_matter", "white_matter")
_IN_LUNG = Where(_LUNG, depth=1.1, margin_mm=2.0, clear=("airways",))
_DIAMETER = "largest diameter"
_THICK = "greatest thickness"

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "solid-nodule": Kind(
            "solid lung nodule", _DIAMETER, nodule.solid, _IN_LUNG, _LUNG, nodule.SOLID, (4, 20),
            ("vessels cut across", "fissures"),
        ),
        "spiculated-nodule": Kind(
            "spiculated lung nodule", "largest diameter of its body, without strands", nodule.spiculated,
            Where(_LUNG, depth=1.6, margin_mm=2.0, clear=("airways",)), _LUNG, nodule.SOLID, (8, 25),
            ("scars", "vessels that meet"),
        ),
        "ground-glass-nodule": Kind(
            "ground-glass lung nodule", _DIAMETER, nodule.ground_glass,
            Where(_LUNG, depth=1.1, margin_mm=2.0, clear=("airways",), even=False), _LUNG, nodule.GROUND_GLASS,
            (6, 25), ("partial volume of the diaphragm", "lung that is poorly aired at the back"), 0.4,
        ),
        "part-solid-nodule": Kind(
            "part-solid lung nodule", "largest diameter with its haze", nodule.part_solid,
            Where(_LUNG, depth=1.1, margin_mm=2.0, clear=("airways",), even=False), _LUNG, nodule.SOLID, (8, 25),
            ("vessels within haze",),
        ),
        "liver-metastasis": Kind(
            "liver metastasis", _DIAMETER, metastasis.metastasis, Where(("liver",), 1.0, 2.0, even=True), ("liver",),
            -55.0, (6, 40), ("hepatic veins before they fill", "cysts", "fat by the falciform ligament"),
        ),
        "parenchymal-haemorrhage": Kind(
            "haemorrhage within the brain", _DIAMETER, bleed.parenchymal, Where(_BRAIN, 0.75, 1.0, even=False), _BRAIN,
            34.0, (6, 50), ("calcified choroid plexus", "vessels"),
        ),
        "subdural-haematoma": Kind(
            "subdural haematoma", _THICK, bleed.subdural, bleed.convexity, _BRAIN, 32.0, (2, 20),
            ("beam hardening under the skull", "venous sinus"), 0.2, False,
        ),
        "epidural-haematoma": Kind(
            "epidural haematoma", _THICK, bleed.epidural, bleed.convexity, _BRAIN, 36.0, (4, 35),
            ("beam hardening under the skull",), 0.0, False,
        ),
        "subarachnoid-haemorrhage": Kind(
            "subarachnoid haemorrhage", "diameter of the region of fluid that is filled", bleed.subarachnoid,
            bleed.cistern, ("csf",), 56.0, (15, 90), ("dura along the falx", "vessels at the base"), 0.4, False,
        ),
        "brain-tumour": Kind(
            "brain tumour that enhances", "largest diameter, without its oedema", tumour.tumour,
            Where(_BRAIN, 0.8, 4.0, even=False), ("white_matter", "brain"), 250.0, (6, 50),
            ("vessels that enhance", "choroid plexus"),
        ),
        "compression-fracture": Kind(
            "compression fracture of a vertebra", "height lost in front", fracture.fracture, fracture.vertebra,
            ("bone", "vertebra*", "vertebral_body*"), 160.0, (3, 16),
            ("a wedge that has always been there", "a Schmorl node"), 0.5, False,
        ),
        "pulmonary-embolus": Kind(
            "pulmonary embolus", "length along the artery", embolus.embolus,
            Where(("pulmonary_arteries",), 0.0, 3.0, even=False), ("pulmonary_arteries",), -295.0, (6, 60),
            ("blood that mixes late", "lymph nodes at the hilum", "mucus in a bronchus"), 0.0, False,
        ),
    }
)  # fmt: skip


def kind_of(name: str) -> Kind:
    """By its name.

    Raises:
        InvalidValue: there is none.
    """
    if name not in KINDS:
        raise InvalidValue(f"unknown kind of lesion {name!r}; known are {', '.join(KINDS)}")
    return KINDS[name]
