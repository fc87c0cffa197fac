"""What OpenIGTLink can say, as values. Coordinates stay as they came: whether they are RAS or LPS is agreed outside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float32, Float64

Rgba = tuple[int, int, int, int]
Point3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class TransformMessage:
    """TRANSFORM: (4, 4)."""

    matrix: Float64


@dataclass(frozen=True, slots=True, eq=False)
class PositionMessage:
    """POSITION: a place and a unit quaternion x, y, z, w; the quaternion may be left out on the wire."""

    position_mm: Float64
    quaternion: Float64


class ToolKind(IntEnum):
    """What a tracked thing tells of itself."""

    TRACKER = 1
    FULL = 2
    TIP_ONLY = 3
    TIP_AND_HANDLE = 4


@dataclass(frozen=True, slots=True, eq=False)
class TrackedTool:
    """One thing of a TDATA or QTDATA message."""

    name: str
    kind: int
    matrix: Float64


@dataclass(frozen=True, slots=True)
class TrackingData:
    """TDATA: everything that was seen in one frame of a tracker. What is not in it was not seen."""

    tools: tuple[TrackedTool, ...]


@dataclass(frozen=True, slots=True)
class QuaternionTrackingData:
    """QTDATA: the same, with quaternions on the wire."""

    tools: tuple[TrackedTool, ...]


class StatusCode(IntEnum):
    """STATUS codes."""

    INVALID = 0
    OK = 1
    UNKNOWN_ERROR = 2
    PANIC = 3
    NOT_FOUND = 4
    ACCESS_DENIED = 5
    BUSY = 6
    TIME_OUT = 7
    OVERFLOW = 8
    CHECKSUM = 9
    CONFIGURATION = 10
    NO_RESOURCE = 11
    UNKNOWN_INSTRUCTION = 12
    NOT_READY = 13
    MANUAL = 14
    DISABLED = 15
    NOT_PRESENT = 16
    UNKNOWN_VERSION = 17
    HARDWARE_FAILURE = 18
    SHUT_DOWN = 19


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """STATUS; `code` as it came, for codes that are not known here too."""

    code: int
    subcode: int = 0
    name: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class StringMessage:
    """STRING."""

    text: str


@dataclass(frozen=True, slots=True)
class PointElement:
    """One point of a POINT message."""

    name: str
    group: str
    rgba: Rgba
    position_mm: Point3
    radius_mm: float
    owner: str


@dataclass(frozen=True, slots=True)
class PointMessage:
    """POINT."""

    points: tuple[PointElement, ...]


@dataclass(frozen=True, slots=True)
class TrajectoryElement:
    """One path of a TRAJ message; entry or target is None where it has none.

    `diameter_mm` is what the protocol calls it. The reference library calls the same field a radius: ask the sender.
    """

    name: str
    group: str
    rgba: Rgba
    entry_mm: Point3 | None
    target_mm: Point3 | None
    diameter_mm: float
    owner: str


@dataclass(frozen=True, slots=True)
class TrajectoryMessage:
    """TRAJ."""

    trajectories: tuple[TrajectoryElement, ...]


class AttributeKind(IntEnum):
    """What an attribute of a POLYDATA message is, and of what: below 0x10 of points, else of cells."""

    POINT_SCALAR = 0x00
    POINT_VECTOR = 0x01
    POINT_NORMAL = 0x02
    POINT_TENSOR = 0x03
    POINT_RGBA = 0x04
    CELL_SCALAR = 0x10
    CELL_VECTOR = 0x11
    CELL_NORMAL = 0x12
    CELL_TENSOR = 0x13
    CELL_RGBA = 0x14


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """(n, components) float32 values under a name."""

    name: str
    kind: AttributeKind
    values: Float32


Cells = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class PolyDataMessage:
    """POLYDATA: (n, 3) float32 points and cells of indices into them."""

    points_mm: Float32
    vertices: Cells = ()
    lines: Cells = ()
    polygons: Cells | NDArray[np.uint32] = ()
    strips: Cells = ()
    attributes: tuple[Attribute, ...] = ()


class Space(IntEnum):
    """What the axes of an IMAGE point to."""

    RAS = 1
    LPS = 2


@dataclass(frozen=True, slots=True, eq=False)
class ImageMessage:
    """IMAGE: voxels [k, j, i] or [k, j, i, component], of all of an image or of a box in it.

    Attributes:
        voxels: of the box.
        matrix: (3, 4): columns are the directions of i, j, k with the voxels' sizes as lengths, and the place of the
            middle of the whole image, as the reference library has it.
        whole: (i, j, k) size of the whole image.
        start: (i, j, k) first voxel of the box.
    """

    voxels: NDArray[Any]
    matrix: Float64
    whole: tuple[int, int, int]
    start: tuple[int, int, int] = (0, 0, 0)
    space: Space = Space.LPS

    @property
    def space_from_voxel(self) -> Float64:
        """(4, 4) from indices i, j, k of the whole image to millimetres."""
        made = np.eye(4)
        made[:3] = self.matrix
        made[:3, 3] -= self.matrix[:, :3] @ ((np.array(self.whole) - 1) / 2)
        return made


@dataclass(frozen=True, slots=True)
class LabelMetaElement:
    """One label of a LBMETA message."""

    name: str
    device: str
    label: int
    rgba: Rgba
    size: tuple[int, int, int]
    owner: str


@dataclass(frozen=True, slots=True)
class LabelMetaMessage:
    """LBMETA: what the labels of an IMAGE are."""

    labels: tuple[LabelMetaElement, ...]


@dataclass(frozen=True, slots=True, repr=False)
class ImageMetaElement:
    """One image of an IMGMETA message. Holds a patient's name: never printed."""

    name: str
    device: str
    modality: str
    patient_name: str
    patient_id: str
    time_s: float | None
    size: tuple[int, int, int]
    scalar_type: int


@dataclass(frozen=True, slots=True)
class ImageMetaMessage:
    """IMGMETA: which images there are."""

    images: tuple[ImageMetaElement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SensorMessage:
    """SENSOR: up to 255 numbers in the unit that 64 bits tell (protocol, unit.md)."""

    values: Float64
    unit: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class CapabilityMessage:
    """CAPABILITY: the types that the sender understands."""

    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """COMMAND, or its answer RTS_COMMAND."""

    number: int
    name: str
    text: str
    is_answer: bool = False


class Asked(StrEnum):
    """Prefixes of queries."""

    ONCE = "GET_"
    START = "STT_"
    STOP = "STP_"


@dataclass(frozen=True, slots=True)
class Query:
    """GET_, STT_ or STP_ of a type.

    Attributes:
        interval_ms: shortest time between messages, 0 for as fast as there are; said for TDATA and QTDATA.
        coordinates: the name of the frame that is wanted, empty for the usual.
    """

    asked: Asked
    type: str
    interval_ms: int = 0
    coordinates: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """RTS_ of a type."""

    type: str
    is_done: bool


Message = (
    TransformMessage
    | PositionMessage
    | TrackingData
    | QuaternionTrackingData
    | StatusMessage
    | StringMessage
    | PointMessage
    | TrajectoryMessage
    | PolyDataMessage
    | ImageMessage
    | LabelMetaMessage
    | ImageMetaMessage
    | SensorMessage
    | CapabilityMessage
    | CommandMessage
    | Query
    | Reply
)
