"""Margins of a target while a slider moves: an ask in, a surface and its place in the list of margins out.

The distance fields of the target, of the organ that margins stay in and of what they stay out of are computed once, on
a grid around the target; a step of the slider reads them. `docs/margins.md` says what a margin is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from engine.app.blobs import BlobFolder
from engine.app.pipeline import StructureSurface
from engine.app.publish import lone_node
from engine.app.scene_labels import label_map_of, volume_node
from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.field import DistanceField
from engine.core.grid import Grid
from engine.core.structure import Provenance, Rgb, Structure
from engine.core.surface import Surface
from engine.core.volume import LabelMap
from engine.mesh.field import distance_field, structure_surface
from engine.mesh.isosurface import enclosed_ml, region_surface
from engine.mesh.measure import area_mm2
from engine.stream.guiding import MarginAsk, MarginBand
from engine.stream.messages import PatternName, Scene, SurfaceNode
from guidance.margins.banded import DEFAULT_MM, Band, Toward, margin, margin_grid, thinned

#: A grid reaches this much farther than the margins asked for so far, in such steps.
REACH_STEP_MM = 20.0
#: Voxels of a margin that differs by side, at most: it takes nine passes instead of none.
MOST_UNEVEN_VOXELS = 160_000
#: How far the flat triangles of a margin may lie within the round surface that they stand for.
SAGITTA_MM = 0.05


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a margin is told from the others, with and without colour."""

    name: str
    colour: Rgb
    opacity: float
    pattern: PatternName


DRAWN: dict[Band, Drawn] = {
    Band.RESECTION: Drawn("Resection margin", (255, 196, 64), 0.4, "lines"),
    Band.SAFETY: Drawn("Safety margin", (110, 200, 255), 0.3, "dashes"),
    Band.RISK: Drawn("Risk margin", (226, 130, 255), 0.25, "dots"),
}


@dataclass(frozen=True, slots=True)
class MarginStep:
    """What one ask made; `node` is None where nothing is left of the margin, and the one before must go."""

    node: SurfaceNode | None
    band: MarginBand


class MarginDesk:
    """The margins of one target. Not a value: it keeps the fields, and grows them when an ask reaches farther."""

    def __init__(
        self,
        label_map: LabelMap,
        target: str,
        blobs: BlobFolder,
        headset_from_patient: NDArray[np.float64],
        *,
        within: str | None = None,
        without: Iterable[tuple[str, float]] = (),
        registration_epoch: int = 0,
    ) -> None:
        """Take the surfaces of what bears on the margins.

        Args:
            target, within: keys of the target, and of the organ that its margins stay in.
            without: keys of what they stay out of, and how far in millimetres.
            headset_from_patient: of the scene, patient millimetres to headset metres.

        Raises:
            InvalidValue: no such structure, or one without a voxel.
        """
        self.target = label_map.structure(target)
        self.registration_epoch = registration_epoch
        self.surface = structure_surface(label_map, self.target)
        self._label_map, self._blobs, self._matrix = label_map, blobs, headset_from_patient
        # An organ is measured with what lies in it: a margin goes through the tumour and through what is next to it.
        organ = None if within is None else _with_target(label_map.structure(within), self.target)
        self._within = None if organ is None else structure_surface(label_map, organ)
        self._without = tuple(
            (structure_surface(label_map, label_map.structure(key)), away_mm) for key, away_mm in without
        )
        without = tuple(without)
        self._words = {"within": within or "", "without": ", ".join(key for key, _ in without)}
        self._low, self._high = self.surface.vertices_mm.min(axis=0), self.surface.vertices_mm.max(axis=0)
        self._reach_mm = 0.0
        self._fields = _Fields.none()
        self._thinner: dict[int, _Fields] = {}
        self._grow(REACH_STEP_MM)

    @classmethod
    def of_scene(
        cls,
        scene: Scene,
        target: str,
        blobs: BlobFolder,
        *,
        within: str | None = None,
        without: Iterable[tuple[str, float]] = (),
    ) -> MarginDesk:
        """From what a scene shows, edits included.

        Raises:
            InvalidValue: the scene has no volume; and as the constructor.
        """
        volume = volume_node(scene)
        if volume is None:
            raise InvalidValue("a scene without a volume has no labels to measure margins from")
        return cls(
            label_map_of(scene, volume, blobs.folder),
            target,
            blobs,
            np.reshape(scene.headset_from_patient, (4, 4)),
            within=within,
            without=without,
            registration_epoch=scene.registration_epoch,
        )

    @property
    def field(self) -> DistanceField:
        """Distances to the target, as far as margins have been asked for."""
        return self._fields.target

    def first(self) -> tuple[MarginStep, ...]:
        """The margins as they are before anyone moves a slider, from within outwards."""
        return tuple(self.answer(MarginAsk(margin=band, distance_mm=DEFAULT_MM[band])) for band in Band)

    def answer(self, ask: MarginAsk) -> MarginStep:
        """The surface of the margin that is asked for, and what the list of margins says of it.

        Raises:
            InvalidValue: no such margin; sides that mix out and in.
        """
        band = _band(ask.margin)
        toward = Toward.evenly(ask.distance_mm) if ask.toward_mm is None else Toward(*ask.toward_mm)
        self._grow(max(toward.in_order))
        surface = self._surface(toward)
        node = None if surface is None else self._node(band, toward, surface)
        return MarginStep(
            node,
            MarginBand(
                id=ask.margin,
                name=DRAWN[band].name,
                distance_mm=ask.distance_mm,
                toward_mm=ask.toward_mm,
                node=None if node is None else node.id,
                volume_ml=0.0 if node is None else node.volume_ml,
            ),
        )

    def _grow(self, reach_mm: float) -> None:
        if reach_mm <= self._reach_mm:
            return
        self._reach_mm = REACH_STEP_MM * ceil(reach_mm / REACH_STEP_MM)
        finest = float(self._label_map.grid.spacing_mm.min())
        grid = margin_grid(self._low, self._high, self.surface.frame, self._reach_mm, finest)
        self._fields = _Fields(
            distance_field(self.surface, grid),
            None if self._within is None else distance_field(self._within, grid),
            tuple((distance_field(bound, grid), away_mm) for bound, away_mm in self._without),
        )
        self._thinner = {1: self._fields}

    def _surface(self, toward: Toward) -> Surface | None:
        every = self._every(toward)
        if every not in self._thinner:
            self._thinner[every] = self._fields.thinned(every)
        part = self._thinner[every].around(self._low, self._high, max(*toward.in_order, 0.0))
        surface = region_surface(margin(part.target, toward, part.within, part.without))
        flat_mm = SAGITTA_MM if every > 1 and toward.is_even else 0.0
        return surface and replace(surface, error_mm=surface.error_mm + flat_mm)

    def _every(self, toward: Toward) -> int:
        """Which samples of the fields a margin needs: nothing far out is more curved than a ball of its distance."""
        grid = self.field.grid
        if not toward.is_even:
            return ceil(float(np.cbrt(grid.voxel_count / MOST_UNEVEN_VOXELS)))
        is_bounded = self._within is not None or bool(self._without)
        enough_mm = sqrt(8 * SAGITTA_MM * max(toward.in_order[0], 0.0))
        return 1 if is_bounded else max(1, int(enough_mm / float(grid.spacing_mm[0])))

    def _node(self, band: Band, toward: Toward, surface: Surface) -> SurfaceNode:
        drawn, (volume_ml, error_ml) = DRAWN[band], enclosed_ml(surface)
        structure = Structure(
            label=self.target.label,
            key=f"margin_{band}",
            name=drawn.name,
            code=None,
            colour=drawn.colour,
            opacity=drawn.opacity,
            provenance=Provenance(
                "margin",
                "1",
                (
                    ("target", self.target.key),
                    ("toward_mm", " ".join(f"{mm:g}" for mm in toward.in_order)),
                    ("error_mm", f"{surface.error_mm:.2f}"),
                    ("volume_error_ml", f"{error_ml:.2f}"),
                    *self._words.items(),
                ),
                self.target.provenance.synthetic,
            ),
        )
        measured = StructureSurface(structure, (surface,), 0, volume_ml, area_mm2(surface), closed=True)
        return lone_node(
            f"margin/{band}",
            measured,
            self._matrix,
            self._blobs,
            source="margin",
            registration_epoch=self.registration_epoch,
            pattern=drawn.pattern,
        )


@dataclass(frozen=True, slots=True)
class _Fields:
    """Distances to the target and to what bounds its margins, on one grid."""

    target: DistanceField
    within: DistanceField | None
    without: tuple[tuple[DistanceField, float], ...]

    @classmethod
    def none(cls) -> _Fields:
        return cls(DistanceField(_NOWHERE, np.zeros((1, 1, 1), np.float32)), None, ())

    def thinned(self, every: int) -> _Fields:
        return self._each(lambda field: thinned(field, every))

    def around(self, low_mm: Float64, high_mm: Float64, reach_mm: float) -> _Fields:
        """The part that a margin of this reach needs, and three voxels more."""
        grid = self.target.grid
        inverse, room = grid.patient_from_voxel.inverse, reach_mm / grid.spacing_mm + 3
        last = np.array(grid.shape)
        low = np.clip(np.floor(inverse.apply(low_mm) - room), 0, last - 1).astype(int)
        high = np.clip(np.ceil(inverse.apply(high_mm) + room) + 1, 1, last).astype(int)
        start, shape = (int(low[0]), int(low[1]), int(low[2])), tuple(int(n) for n in high - low)
        cropped = grid.cropped(start, (shape[0], shape[1], shape[2]))
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        return self._each(lambda field: replace(field, grid=cropped, samples_mm=field.samples_mm[box]))

    def _each(self, change: Callable[[DistanceField], DistanceField]) -> _Fields:
        return _Fields(
            change(self.target),
            None if self.within is None else change(self.within),
            tuple((change(field), away_mm) for field, away_mm in self.without),
        )


_NOWHERE = Grid.centred((1, 1, 1), 1.0)


def _band(name: str) -> Band:
    if name not in tuple(map(str, Band)):
        raise InvalidValue(f"no margin {name!r}; there are {', '.join(Band)}")
    return Band(name)


def _with_target(organ: Structure, target: Structure) -> Structure:
    parts = (*organ.labels, *target.labels)
    return replace(organ, includes=tuple(dict.fromkeys(label for label in parts if label != organ.label)))
