"""What the headset is given to draw: plain frozen values, in the anatomy's own metres.

The anatomy's frame is right-handed with +Y up (superior), +Z towards the eyes (anterior), +X the patient's left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64, frozen, owned
from engine.core.errors import InvalidValue
from engine.xr.brush import Correction
from engine.xr.guided import Aim, Asked, Guided, ToolReading
from engine.xr.tool import ToolSample

UInt8 = NDArray[np.uint8]
Int16 = NDArray[np.int16]
UInt32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnSurface:
    """One structure.

    Attributes:
        id: of its node.
        name: for the person.
        label: its value in the labels, 0 when not in them.
        colour: sRGB, 0 to 255.
        opacity: 0 to 1.
        is_shown: whether it is drawn until somebody asks otherwise.
        order: its place in lists.
        volume_ml: what shells are ordered by: the innermost is drawn first.
        positions_m: (v, 3) float32.
        normals: (v, 3) float32, unit.
        triangles: (t, 3) uint32, counter-clockwise seen from outside.
        pattern: plain, lines, dashes or dots, so that margins are told apart without colour.

    Raises:
        InvalidValue: shapes that do not belong together, or a corner that is no vertex.
    """

    id: str
    name: str
    label: int
    colour: tuple[int, int, int]
    opacity: float
    is_shown: bool
    order: int
    volume_ml: float
    positions_m: Float32
    normals: Float32
    triangles: UInt32
    pattern: str = "plain"

    def __post_init__(self) -> None:
        if self.positions_m.ndim != 2 or self.positions_m.shape != self.normals.shape or self.triangles.ndim != 2:
            raise InvalidValue("a surface has (v, 3) positions, as many normals, and (t, 3) triangles")
        if self.triangles.size and int(self.triangles.max()) >= len(self.positions_m):
            raise InvalidValue("a triangle names a vertex that is not there")
        for name in ("positions_m", "normals", "triangles"):
            object.__setattr__(self, name, frozen(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Window:
    """A display window by name, in samples as they lie in the slabs; `values` are the same in the volume's own unit."""

    name: str
    low: float
    high: float
    values: tuple[float, float] = (0.0, 0.0)
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnVolume:
    """The voxels behind the surfaces; their samples follow slab by slab.

    Attributes:
        shape: (ni, nj, nk).
        anatomy_from_voxel: (4, 4), voxel centres at integers.
        windows: the first is the default.
    """

    shape: tuple[int, int, int]
    anatomy_from_voxel: Float64
    windows: tuple[Window, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "anatomy_from_voxel", owned(self.anatomy_from_voxel, np.float64))

    @property
    def voxel_error_m(self) -> float:
        """Standard uncertainty of a place that lies somewhere in a voxel: its diagonal by the root of 12."""
        return float(np.linalg.norm(self.anatomy_from_voxel[:3, :3]) / np.sqrt(12))

    @property
    def anatomy_from_box(self) -> Float64:
        """(4, 4) from the unit cube that the voxels fill, which is also what a texture is asked with."""
        voxel_from_box = np.diag([*map(float, self.shape), 1.0])
        voxel_from_box[:3, 3] = -0.5
        return np.asarray(self.anatomy_from_voxel @ voxel_from_box)


@dataclass(frozen=True, slots=True, eq=False)
class VolumeBox:
    """Samples or labels of a box of voxels: `[k, j, i]`, int16 or uint8, the first of them at `low` (i, j, k)."""

    low: tuple[int, int, int]
    values: Int16 | UInt8


@dataclass(frozen=True, slots=True)
class SceneBegins:
    """Another scene: what was drawn before is gone."""

    title: str


@dataclass(frozen=True, slots=True)
class SurfaceGone:
    """A structure is there no more."""

    id: str


#: One thing that changes what is drawn, in the order it happened.
Change = SceneBegins | DrawnSurface | SurfaceGone | DrawnVolume | VolumeBox


class Source(Protocol):
    """Where a session gets what it draws. Nothing here ever waits."""

    def next_change(self) -> Change | None:
        """The next change, or None when there is none yet."""

    def tools(self) -> tuple[tuple[ToolSample, ...], float]:
        """The newest sample of each tool, and what to add to a time of `time.monotonic` to have it on their clock."""

    def status(self) -> str:
        """How the connection stands, in the person's words."""

    def silence_s(self) -> float:
        """Since the source itself was last heard; 0 before it ever was."""

    def may_correct(self) -> bool:
        """Whether this person may correct the scene."""

    def correct(self, correction: Correction) -> None:
        """What a hand did to the segmentation, or asks of it."""

    def guided(self) -> tuple[Guided | None, tuple[ToolReading, ...]]:
        """How the guidance session stands, None where there is none; and the newest reading of each tool."""

    def aim(self, tool: ToolSample) -> Aim | None:
        """How a tool lies to the way that was chosen; None where none was."""

    def ask(self, asked: Asked) -> None:
        """What a person asks of the guidance session."""

    def want_detail(self, pixels_per_mm: float, shown: frozenset[str]) -> None:
        """How large a millimetre of the patient is seen now, and the identifiers of the structures that are."""
