"""The complete list of what crosses the wire (`sightline.v1`, docs/wire.md).

Frozen pydantic models: a message that breaks a rule is refused with the path of the bad value.
The client's TypeScript types are generated from these (`engine.app.typescript`); a test fails
when the two differ.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.stream.guiding import Alert, Guidance, GuideAsk
from engine.stream.message import Identifier, Matrix, Message, Point, Sha256

PROTOCOL = "sightline.v1"

# --- what is drawn -----------------------------------------------------------------------------


RoleName = Literal["surgeon", "assistant", "educator", "trainee", "viewer", "device"]
PatternName = Literal["plain", "lines", "dashes", "dots"]


class CodeMessage(Message):
    """A coded concept (DICOM PS3.3 section 8.1)."""

    value: str
    scheme: str
    meaning: str


class ProvenanceMessage(Message):
    """How a structure was made."""

    pipeline: str
    version: str
    parameters: dict[str, str]
    synthetic: bool


class StructureMessage(Message):
    """What a label means and how it is drawn. `label` is its value in the label slabs, 0 when not in them.

    `parts` are the keys of structures that belong to it: a brain's matter, a body's organs. `pattern` is drawn on its
    surface, so that margins are told apart without colour.
    """

    label: int = Field(ge=0, le=255)
    key: Identifier
    name: str
    code: CodeMessage | None
    colour: tuple[int, int, int]
    opacity: float = Field(ge=0, le=1)
    provenance: ProvenanceMessage
    parts: tuple[Identifier, ...] = ()
    pattern: PatternName = "plain"


class SurfaceLod(Message):
    """One level of detail: a GLB in headset metres, and its distance bound from the finest."""

    blob: Sha256
    bytes: int = Field(ge=0)
    triangles: int = Field(ge=0)
    error_mm: float = Field(ge=0)


class MovedPositions(Message):
    """Where the vertices of a level of detail are now: its triangles are those of its GLB.

    `bytes` of `blob` from `start` are uint16 x, y, z, 0 of each vertex in the order of the GLB, packed as its own
    (EXT_meshopt_compression, ATTRIBUTES); patient millimetres are `origin_mm` + `step_mm` times these.
    """

    blob: Sha256
    start: int = Field(ge=0)
    bytes: int = Field(ge=0)
    vertices: int = Field(ge=0)
    origin_mm: tuple[float, float, float]
    step_mm: float = Field(gt=0)


class SurfacePatch(Message):
    """What stands in some blocks of 8³ cells instead of the levels of detail, and of earlier patches, after an edit.

    `bytes` of `blob` from `start` are a GLB in headset metres, its triangles in the order of `blocks`, `counts` of
    each; no bytes: nothing stands there any more.
    """

    blocks: tuple[tuple[int, int, int], ...]
    counts: tuple[int, ...]
    blob: Sha256
    start: int = Field(ge=0)
    bytes: int = Field(ge=0)
    triangles: int = Field(ge=0)


class LabelBox(Message):
    """Labels of a box of voxels, after an edit: `bytes` of `blob` from `start` are zstd of uint8, i fastest."""

    low: tuple[int, int, int]
    shape: tuple[int, int, int]
    blob: Sha256
    start: int = Field(ge=0)
    bytes: int = Field(ge=0)


class SurfaceNode(Message):
    """A structure's surface; `lods` runs from finest to coarsest, `patches` take their place block by block.

    `moved`, where it has as many levels as `lods`, says where their vertices are now; empty: where they came.
    `made_s` is when it was computed, seconds since 1970. `corrected_by` are the roles of those who corrected it by hand
    since; their strokes are no part of `structure.provenance`.
    """

    kind: Literal["surface"] = "surface"
    id: Identifier
    structure: StructureMessage
    lods: tuple[SurfaceLod, ...]
    volume_ml: float = Field(ge=0)
    surface_area_mm2: float = Field(ge=0)
    closed: bool
    source: str
    frame_of_reference_uid: str
    registration_epoch: int = Field(ge=0)
    patches: tuple[SurfacePatch, ...] = ()
    made_s: float = 0.0
    corrected_by: tuple[RoleName, ...] = ()
    moved: tuple[MovedPositions, ...] = ()


class Slab(Message):
    """Slices `k_start` to `k_start + k_count` of a volume: zstd, little endian, i fastest."""

    blob: Sha256
    bytes: int = Field(ge=0)
    k_start: int = Field(ge=0)
    k_count: int = Field(ge=1)


class WindowPreset(Message):
    """A display window, in the volume's own unit."""

    name: str
    low: float
    high: float


class VolumeNode(Message):
    """The voxels behind the surfaces. int16 -32768 and 32767 stand for `value_range`.

    `label_boxes` lie over `label_slabs`, each over those before it.
    """

    kind: Literal["volume"] = "volume"
    id: Identifier
    title: str
    modality: str
    quantity: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    patient_from_voxel: Matrix
    value_range: tuple[float, float]
    presets: tuple[WindowPreset, ...] = Field(min_length=1)
    slabs: tuple[Slab, ...]
    label_slabs: tuple[Slab, ...]
    frame_of_reference_uid: str
    label_boxes: tuple[LabelBox, ...] = ()
    source: str = ""
    registration_epoch: int = Field(default=0, ge=0)
    made_s: float = 0.0


class TrackedNode(Message):
    """A thing that moves: its places come as poses of `entity`, in binary frames.

    `shaft_mm` are points of a tool from its tip on, in its own axes. A place older than `fades_after_ms` is drawn
    faded and with its age, one older than `hides_after_ms` not at all.
    """

    kind: Literal["tracked"] = "tracked"
    id: Identifier
    name: Annotated[str, Field(max_length=128)]
    entity: int = Field(ge=0, le=0xFFFF)
    thing: Literal["tool", "head", "pointer", "reference"]
    shaft_mm: Annotated[tuple[Point, ...], Field(min_length=1, max_length=64)] = ((0.0, 0.0, 0.0),)
    radius_mm: float = Field(default=1.5, gt=0, le=100.0)
    source: str
    frame_of_reference_uid: str
    registration_epoch: int = Field(ge=0)
    fades_after_ms: float = Field(default=150.0, gt=0)
    hides_after_ms: float = Field(default=1000.0, gt=0)


SceneNode = Annotated[SurfaceNode | VolumeNode | TrackedNode, Field(discriminator="kind")]


class Registration(Message):
    """How the patient lies in the world that devices measure in; None while nobody has registered.

    `verified` only after a landmark check since the server started: until then nothing that depends on it is shown
    as true. `patient_from_world` is rigid, in millimetres.
    """

    epoch: int = Field(ge=0)
    patient_from_world: Matrix
    frame_of_reference_uid: str
    method: Annotated[str, Field(max_length=128)]
    verified: bool


class SeriesChoice(Message):
    """One series of one study."""

    study: Identifier
    series: str


class OpenRequest(Message):
    """Show one series, segmented by `pipeline`, or with an existing segmentation where `labels` names one.

    `series` None takes the volume that the labels were drawn on, or the largest.
    """

    study: Identifier
    series: str | None = None
    phase: int = Field(default=0, ge=0)
    pipeline: str | None = None
    labels: SeriesChoice | None = None


class Scene(Message):
    """Everything a client draws. Positions are patient millimetres; the matrix makes them metres.

    `opened` is the request that it answers, with the series that was taken.
    """

    id: Identifier
    title: str
    frame_of_reference_uid: str
    registration_epoch: int = Field(ge=0)
    headset_from_patient: Matrix
    nodes: tuple[SceneNode, ...]
    warnings: tuple[str, ...] = ()
    opened: OpenRequest | None = None
    registration: Registration | None = None
    guidance: Guidance | None = None
    alerts: tuple[Alert, ...] = ()


# --- jobs and the library ----------------------------------------------------------------------


class ProblemMessage(Message):
    """Why one file was set aside."""

    file: str
    reason: str


class Failure(Message):
    """An error for the user: what, why by file, and what to do."""

    summary: str
    problems: tuple[ProblemMessage, ...] = ()
    remedy: str | None = None


JobState = Literal["queued", "running", "done", "failed", "cancelled"]


class Job(Message):
    """Long work: where it stands and when it should end."""

    id: Identifier
    state: JobState
    stage: str
    fraction: float = Field(ge=0, le=1)
    eta_s: float | None
    study: Identifier
    series: str | None
    error: Failure | None = None


class SeriesMessage(Message):
    """One series of a study, from its headers; `date` (ISO 8601) and `orientation` are empty where unknown."""

    uid: str
    kind: str
    modality: str
    description: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    phases: int
    phase_names: tuple[str, ...] = ()
    files: int
    date: str = ""
    orientation: str = ""


class Study(Message):
    """One folder or upload. What was dropped lies in numbered files, whose names the page alone knows."""

    id: Identifier
    name: str
    dropped: bool = False
    series: tuple[SeriesMessage, ...]
    problems: tuple[ProblemMessage, ...] = ()


class Library(Message):
    """What can be opened."""

    studies: tuple[Study, ...]
    pipelines: tuple[str, ...]


# --- who is let in (engine.stream.roles, engine.stream.pairing) ----------------------------------


ActionName = Literal[
    "look", "move_self", "open", "upload", "remove", "edit", "set_margin", "register", "track", "mark", "export",
    "invite", "revoke", "quiet",
]  # fmt: skip
RecordingState = Literal["off", "on", "failed"]
HubsState = Literal["alone", "together", "cut off"]


class PairRequest(Message):
    """Six digits typed, or the secret of a QR code, in exchange for a session cookie."""

    code: str = Field(min_length=1, max_length=256)


class Me(Message):
    """Whom the server takes this browser for; nobody while it has not been let in."""

    member: Identifier | None
    role: RoleName | None
    may: tuple[ActionName, ...] = ()


class InviteRequest(Message):
    """Make a code by which one more is let in."""

    role: RoleName


class Invitation(Message):
    """Digits to type, an address with its secret in the fragment, a QR code of it (a data URI), and for how long."""

    code: str
    address: str
    qr: str
    role: RoleName
    seconds: float


class Member(Message):
    """Somebody who was let in, and how many connections they hold."""

    id: Identifier
    role: RoleName
    connections: int
    is_you: bool = False


class RoleRequest(Message):
    """Give a member another role."""

    role: RoleName


# --- the socket --------------------------------------------------------------------------------


class Hello(Message):
    """A client's first message."""

    type: Literal["hello"] = "hello"
    protocol: str
    token: str | None = None
    epoch: str | None = None
    last_seq: int | None = None
    have: tuple[Sha256, ...] = ()


#: Of one stroke: a hand that draws longer sends several.
MAX_POINTS = 2048


class StrokeRequest(Message):
    """Correct the segmentation of a scene: a movement of a tool or a part of one, in patient millimetres.

    Strokes with the same `movement` are taken back together. `over` names structures that may be painted over, any when
    empty; a threshold has two corners of a box and the `values` between which samples are taken, in the volume's own
    unit. `by` is the hub's to say.
    """

    type: Literal["stroke"] = "stroke"
    request: Identifier
    scene: Identifier
    tool: Literal["brush", "eraser", "threshold"]
    key: Identifier
    points_mm: Annotated[tuple[Point, ...], Field(min_length=1, max_length=MAX_POINTS)]
    radius_mm: float = Field(default=0.0, ge=0.0, le=100.0)
    over: Annotated[tuple[Identifier, ...], Field(max_length=255)] = ()
    values: tuple[float, float] | None = None
    movement: Identifier | None = None
    by: RoleName | None = None


class StepRequest(Message):
    """Take the latest movement back, or do it again. `by` is the hub's to say."""

    type: Literal["step"] = "step"
    request: Identifier
    scene: Identifier
    direction: Literal["undo", "redo"]
    by: RoleName | None = None


class PrepareRequest(Message):
    """Somebody is about to correct this scene: make ready, so that the first stroke need not wait."""

    type: Literal["prepare"] = "prepare"
    request: Identifier
    scene: Identifier


class TrackedThing(Message):
    """What a device, or a person's headset, is about to send poses of."""

    id: Identifier
    name: Annotated[str, Field(max_length=128)]
    thing: Literal["tool", "head", "pointer"]
    shaft_mm: Annotated[tuple[Point, ...], Field(min_length=1, max_length=64)] = ((0.0, 0.0, 0.0),)
    radius_mm: float = Field(default=1.5, gt=0, le=100.0)


class TrackRequest(Message):
    """Give these things numbers to send poses under; the scene then says which (`TrackedNode.entity`)."""

    type: Literal["track"] = "track"
    request: Identifier
    things: Annotated[tuple[TrackedThing, ...], Field(min_length=1, max_length=32)]


class RegisterRequest(Message):
    """The patient has been registered: `patient_from_world`, rigid, millimetres."""

    type: Literal["register"] = "register"
    request: Identifier
    scene: Identifier
    patient_from_world: Matrix
    method: Annotated[str, Field(max_length=128)]


class VerifyRequest(Message):
    """Landmarks were touched and lie where registration `epoch` says, within `error_mm`."""

    type: Literal["verify"] = "verify"
    request: Identifier
    scene: Identifier
    epoch: int = Field(ge=0)
    error_mm: float = Field(ge=0, le=100.0)


class GuideRequest(Message):
    """Something that a person asks of the guidance session. `by` is the hub's to say: who asked."""

    type: Literal["guide"] = "guide"
    request: Identifier
    scene: Identifier
    ask: GuideAsk
    by: Identifier | None = None


EditRequest = StrokeRequest | StepRequest | PrepareRequest
Request = EditRequest | TrackRequest | RegisterRequest | VerifyRequest | GuideRequest


class ReplaceScene(Message):
    """Another scene altogether."""

    kind: Literal["replace_scene"] = "replace_scene"
    scene: Scene


class PutNode(Message):
    """Add a node, or replace the one with its id."""

    kind: Literal["put_node"] = "put_node"
    node: SceneNode


class RemoveNode(Message):
    """Take a node away."""

    kind: Literal["remove_node"] = "remove_node"
    id: Identifier


class PatchedSurface(Message):
    """What an edit did to one surface node."""

    id: Identifier
    volume_ml: float = Field(ge=0)
    patches: tuple[SurfacePatch, ...]


class EditScene(Message):
    """A correction of the segmentation: labels of a box, and the surfaces that look different; one op, so one truth.

    `by` is the role of whose hand it was. `undo_count` and `redo_count` are how many movements can be taken back, and
    done again.
    """

    kind: Literal["edit_scene"] = "edit_scene"
    labels: LabelBox
    surfaces: tuple[PatchedSurface, ...]
    by: RoleName | None = None
    undo_count: int = Field(default=0, ge=0)
    redo_count: int = Field(default=0, ge=0)


class RenewedSurface(Message):
    """A structure's whole surface with its levels of detail, made again after corrections."""

    id: Identifier
    lods: tuple[SurfaceLod, ...]
    surface_area_mm2: float = Field(ge=0)
    closed: bool


class RenewScene(Message):
    """Whole surfaces and labels that hold earlier edits take the place of what those brought: patches and boxes.

    `edits` are the blobs of those edits. What later ones brought stays where it is. Nothing looks different.
    """

    kind: Literal["renew_scene"] = "renew_scene"
    surfaces: tuple[RenewedSurface, ...]
    label_slabs: tuple[Slab, ...]
    edits: tuple[Sha256, ...]


class MoveSurface(Message):
    """A margin or a deformation: every level's vertices have new places, and the triangles stay."""

    kind: Literal["move_surface"] = "move_surface"
    id: Identifier
    moved: tuple[MovedPositions, ...]
    volume_ml: float = Field(ge=0)
    surface_area_mm2: float = Field(ge=0)


class SetRegistration(Message):
    """A registration, new or verified, and every node that depends on it, in one op: nobody sees half of it."""

    kind: Literal["set_registration"] = "set_registration"
    registration: Registration


class SetGuidance(Message):
    """How the guidance session stands now; None where it has ended. Its alerts end with it."""

    kind: Literal["set_guidance"] = "set_guidance"
    guidance: Guidance | None


class SetAlerts(Message):
    """Everything that is said now, the most urgent first; takes the place of what was said before."""

    kind: Literal["set_alerts"] = "set_alerts"
    alerts: Annotated[tuple[Alert, ...], Field(max_length=64)]


Op = Annotated[
    ReplaceScene
    | PutNode
    | RemoveNode
    | EditScene
    | RenewScene
    | MoveSurface
    | SetRegistration
    | SetGuidance
    | SetAlerts,
    Field(discriminator="kind"),
]


class Welcome(Message):
    """Whom the server takes this client for, and what it may do."""

    type: Literal["welcome"] = "welcome"
    member: Identifier
    role: RoleName
    may: tuple[ActionName, ...]
    recording: RecordingState = "off"
    hubs: HubsState = "alone"


class SessionUpdate(Message):
    """How the session stands.

    `recording` failed: what follows is not recorded. `hubs` cut off: this server is one of several of the session and
    does not hear the others, so what is shown here may not be what is shown there.
    """

    type: Literal["session"] = "session"
    recording: RecordingState = "off"
    hubs: HubsState = "alone"


class Snapshot(Message):
    """The whole state as of `seq`; replaces all the client knew."""

    type: Literal["snapshot"] = "snapshot"
    epoch: str
    seq: int
    scene: Scene | None
    jobs: tuple[Job, ...]


class NumberedOp(Message):
    """One change, in order."""

    type: Literal["op"] = "op"
    seq: int
    op: Op


class JobUpdate(Message):
    """Progress; the latest replaces earlier ones of the same job."""

    type: Literal["job"] = "job"
    job: Job


class RefusedMessage(Message):
    """Why what one client asked for was not done; nothing changed, and nobody else is told."""

    type: Literal["refused"] = "refused"
    request: Identifier
    summary: str


class ErrorMessage(Message):
    """Why the server is about to close, or refused a message."""

    type: Literal["error"] = "error"
    code: str
    summary: str


ServerMessage = Annotated[
    Welcome | Snapshot | NumberedOp | JobUpdate | SessionUpdate | RefusedMessage | ErrorMessage,
    Field(discriminator="type"),
]
ClientMessage = Annotated[
    Hello
    | StrokeRequest
    | StepRequest
    | PrepareRequest
    | TrackRequest
    | RegisterRequest
    | VerifyRequest
    | GuideRequest,
    Field(discriminator="type"),
]
