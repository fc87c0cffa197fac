"""What crosses the wire of a guidance session (`sightline.v1`, docs/guidance.md): how it stands, what may be asked.

What changes with every sample of the tracker is not here: it comes as readings, in binary frames
(engine.stream.reading).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.stream.message import Identifier, Matrix, Message, Point

GuidanceStep = Literal["connect", "calibrate", "register", "verify", "guide"]
DeviceState = Literal["connecting", "live", "silent", "faulty", "ended"]
PriorityName = Literal["high", "medium", "low"]
Label = Annotated[str, Field(max_length=128)]


class GuidedDevice(Message):
    """What tracks: a name without any address, how it is, and its own words where it reports a fault."""

    name: Label
    state: DeviceState
    words: Annotated[str, Field(max_length=512)] = ""
    simulated: bool = False


class GuidedTool(Message):
    """A tool that distances are measured from. `tip_error_mm` holds its tip in 95 % of cases; None: not calibrated."""

    node: Identifier
    name: Label
    tip_error_mm: float | None = Field(default=None, ge=0)


LandmarkState = Literal["waiting", "touching", "touched", "left out"]


class GuidedLandmark(Message):
    """A point to touch: to register with, or to check with, never both.

    `off_mm` and `expected_mm` (95 %) are told of check points alone: what is left over at a landmark that was
    registered with says nothing of accuracy.
    """

    id: Identifier
    name: Label
    patient_mm: Point
    use: Literal["register", "check"]
    state: LandmarkState = "waiting"
    off_mm: float | None = Field(default=None, ge=0)
    expected_mm: float | None = Field(default=None, ge=0)
    words: str = ""


class ExpectedError(Message):
    """What a registration is expected to be off at a point, in 95 % of cases."""

    name: Label
    patient_mm: Point
    error_mm: float = Field(ge=0)


class Accuracy(Message):
    """How well a registration is known: what is expected at targets, and what check points measured. No residuals.

    `due_s` is when it must be checked again, seconds since 1970. `growth_mm_h` is the trend of the measured error,
    `grows` whether that is more than chance.
    """

    epoch: int = Field(ge=0)
    method: Label
    expected: tuple[ExpectedError, ...]
    measured_mm: float | None = Field(default=None, ge=0)
    checked_s: float | None = None
    due_s: float | None = None
    growth_mm_h: float | None = None
    grows: bool = False
    words: str = ""


class GuidedBands(Message):
    """At which distances, after their error, what is said gets more urgent (guidance.alerts.level)."""

    near_mm: float = Field(gt=0, le=100.0)
    risk_mm: float = Field(ge=-50.0, le=100.0)
    breach_mm: float = Field(ge=-50.0, le=100.0)


class GuidedStructure(Message):
    """What a tool is held against; the rows of readings count these. `error_mm` is the bound of its surface."""

    node: Identifier
    name: Label
    bands: GuidedBands
    error_mm: float = Field(ge=0)
    ready: bool = True


class Clearance(Message):
    """How near a trajectory comes to a structure, and how deep that is along it."""

    name: Label
    least_mm: float
    depth_mm: float


class Trajectory(Message):
    """A straight way from an entry to a target. `refused` says why it must not be taken; empty where it may."""

    id: Identifier
    name: Label
    entry_mm: Point
    target_mm: Point
    radius_mm: float = Field(ge=0, le=50.0)
    cost: float | None = None
    angle_deg: float | None = None
    clearances: tuple[Clearance, ...] = ()
    profile_mm: tuple[float, ...] = ()
    refused: str = ""


class MarginBand(Message):
    """A margin around (positive) or within (negative) its target; `node` is the surface that shows it.

    `toward_mm` are distances to left, right, posterior, anterior, superior, inferior where they differ.
    """

    id: Identifier
    name: Label
    distance_mm: float = Field(ge=-50.0, le=50.0)
    toward_mm: tuple[float, float, float, float, float, float] | None = None
    node: Identifier | None = None
    volume_ml: float | None = Field(default=None, ge=0)


class Resection(Message):
    """What a tracked cutting tool has taken away so far. Volumes and the least margin with 95 % bounds."""

    target: Identifier
    cutting: bool
    removed_ml: float = Field(ge=0)
    remaining_ml: float = Field(ge=0)
    remaining_least_ml: float = Field(ge=0)
    remaining_most_ml: float = Field(ge=0)
    margin_mm: float | None = None
    margin_error_mm: float | None = Field(default=None, ge=0)
    where_mm: Point | None = None
    unseen_s: float = Field(default=0.0, ge=0)
    undo_count: int = Field(default=0, ge=0)


class Retouched(Message):
    """A point of the scan that was touched again: where the scan has it, and where it was found."""

    scan_mm: Point
    now_mm: Point


class MovedTissue(Message):
    """Soft tissue that moved since the scan, by points that were touched again: between them, a guess.

    While it is `applied` every structure but bone and skin is drawn and measured where the guess puts it, and marked.
    """

    points: Annotated[tuple[Retouched, ...], Field(max_length=64)]
    applied: bool
    words: Annotated[str, Field(max_length=512)] = ""


class HeadsetPlace(Message):
    """Where the patient lies in one headset's own world, found by touching landmarks with its controller or finger."""

    member: Identifier
    patient_from_world: Matrix
    error_mm: float = Field(ge=0)
    verified: bool


class Guidance(Message):
    """How a guidance session stands: everything but what changes with every sample of the tracker.

    `revision` grows with each change; readings name the one that their rows count. `next` says in words what to do.
    `traced` counts the points of a surface that is being traced; None while none is.
    """

    revision: int = Field(ge=0, le=0xFFFF)
    step: GuidanceStep
    next: Annotated[str, Field(max_length=512)]
    plan: Label
    device: GuidedDevice
    tools: tuple[GuidedTool, ...]
    reference: Identifier | None = None
    landmarks: Annotated[tuple[GuidedLandmark, ...], Field(max_length=64)] = ()
    accuracy: Accuracy | None = None
    structures: Annotated[tuple[GuidedStructure, ...], Field(max_length=32)] = ()
    target: Identifier | None = None
    trajectories: Annotated[tuple[Trajectory, ...], Field(max_length=32)] = ()
    chosen: Identifier | None = None
    margins: Annotated[tuple[MarginBand, ...], Field(max_length=8)] = ()
    resection: Resection | None = None
    headsets: Annotated[tuple[HeadsetPlace, ...], Field(max_length=32)] = ()
    traced: int | None = Field(default=None, ge=0)
    moved: MovedTissue | None = None


class Alert(Message):
    """What is said of one structure now. Shape, word and sound say as much as colour (IEC 60601-1-8)."""

    id: Identifier
    priority: PriorityName
    text: str
    shape: Label
    colour: Label
    flashes_hz: float = Field(ge=0)
    pulses: int = Field(ge=0)
    between_s: float = Field(ge=0)
    sounds: bool
    may_be_quiet: bool
    since_s: float


# --- what may be asked ---------------------------------------------------------------------------


class CollectAsk(Message):
    """The tracked pointer rests on this landmark: take its place now, and for the next second or so."""

    kind: Literal["collect"] = "collect"
    landmark: Identifier


class TouchAsk(Message):
    """A headset's own controller or fingertip rested on this landmark: its places in that headset's world."""

    kind: Literal["touch"] = "touch"
    landmark: Identifier
    points_mm: Annotated[tuple[Point, ...], Field(min_length=8, max_length=512)]
    with_hand: bool = False


class LeaveAsk(Message):
    """Forget where this landmark was touched."""

    kind: Literal["leave"] = "leave"
    landmark: Identifier


class SolveAsk(Message):
    """Register from what was touched; `headset` for the asker's own headset."""

    kind: Literal["solve"] = "solve"
    headset: bool = False


class TraceAsk(Message):
    """The tracked pointer is drawn over the skin, or has been: register by that surface."""

    kind: Literal["trace"] = "trace"
    state: Literal["start", "stop"]


class CalibrateAsk(Message):
    """Begin or end to find a tool's tip: it is turned about it, or held in the divot of a tracked block."""

    kind: Literal["calibrate"] = "calibrate"
    tool: Identifier
    state: Literal["start", "stop"]
    how: Literal["pivot", "template"] = "pivot"


class RetouchAsk(Message):
    """The tracked pointer rests on what the scan has at `scan_mm`: soft tissue may have moved."""

    kind: Literal["retouch"] = "retouch"
    scan_mm: Point


class DeformAsk(Message):
    """Move soft tissue by what was touched again; or put it back, and forget what was touched."""

    kind: Literal["deform"] = "deform"
    state: Literal["apply", "forget"]


class BandsAsk(Message):
    """Other distances for a structure's alerts."""

    kind: Literal["bands"] = "bands"
    node: Identifier
    bands: GuidedBands


class MarginAsk(Message):
    """Another distance for a margin of the target: a slider moves."""

    kind: Literal["margin"] = "margin"
    margin: Identifier
    distance_mm: float = Field(ge=-50.0, le=50.0)
    toward_mm: tuple[float, float, float, float, float, float] | None = None


class TrajectoryAsk(Message):
    """Other ends for a trajectory, or a new one where nobody knows `id`."""

    kind: Literal["trajectory"] = "trajectory"
    id: Identifier
    entry_mm: Point
    target_mm: Point


class ChooseAsk(Message):
    """Guide along this trajectory; along none where None."""

    kind: Literal["choose"] = "choose"
    id: Identifier | None = None


class CutAsk(Message):
    """The tool begins to cut, stops, or its last cut is taken back."""

    kind: Literal["cut"] = "cut"
    state: Literal["start", "stop", "undo"]


class QuietAsk(Message):
    """No sound for a while, or seen and put aside; of one alert, or of all where None."""

    kind: Literal["quiet"] = "quiet"
    alert: Identifier | None = None
    how: Literal["silence", "acknowledge"]


class ShownAsk(Message):
    """A headset or page tells for how long it drew over the patient or the picture, since it told last.

    `of_s` is how long that is in all; `unreadable` counts numbers that it drew, read back and took away again.
    """

    kind: Literal["shown"] = "shown"
    on_s: float = Field(ge=0, le=3600)
    of_s: float = Field(ge=0, le=3600)
    unreadable: int = Field(default=0, ge=0)


GuideAsk = Annotated[
    CollectAsk
    | TouchAsk
    | LeaveAsk
    | SolveAsk
    | CalibrateAsk
    | BandsAsk
    | MarginAsk
    | TrajectoryAsk
    | ChooseAsk
    | CutAsk
    | QuietAsk
    | TraceAsk
    | RetouchAsk
    | DeformAsk
    | ShownAsk,
    Field(discriminator="kind"),
]
