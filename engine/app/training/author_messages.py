"""What crosses between the server and the authoring page. All under `/api/training/author`.

| request | answer |
|---|---|
| `GET drafts` | `DraftListed`s, latest first |
| `POST drafts` `NewDraft` | `DraftNow`: a study is opened as a draft; its images follow |
| `GET drafts/{id}` | `DraftNow`: as it is on the disk |
| `PUT drafts/{id}` `ChangeAsk` | `Saved`; 409 where somebody else changed it meanwhile |
| `POST drafts/{id}/paint` `PaintAsk` | `Saved`, with the box of labels that changed |
| `POST drafts/{id}/undo`, `redo` | `Saved` |
| `POST drafts/{id}/reopen` | `DraftNow`: its images are made again after a fault |
| `GET drafts/{id}/flaws` | `FlawTold`s: everything that keeps it from being published |
| `POST drafts/{id}/trial`, `publish` | `Published`; 422 with the flaws in words |
| `GET drafts/{id}/statistics` | `ItemStatistics` (`educator_messages`) of what was published |
| `DELETE drafts/{id}` | |
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.app.training.draft import Draft
from engine.stream.message import Identifier, Message, Point
from engine.stream.messages import Failure, Scene

PaintTool = Literal["grow", "brush", "eraser", "fill"]
OpeningState = Literal["opening", "ready", "failed"]
FlawPlace = Literal["case", "lesion", "task", "feedback", "reference"]


class NewDraft(Message):
    """Open a series of a study as a draft; `series` None: its largest volume."""

    study: Identifier
    series: str | None = None
    phase: int = Field(default=0, ge=0)


class DraftListed(Message):
    """A draft in the list."""

    id: Identifier
    title: str
    study: str
    changed_s: float
    version: str
    opening: OpeningState


class MaskBox(Message):
    """Labels of a box of the volume, i fastest: runs of a label and how many voxels it holds."""

    low: tuple[int, int, int]
    shape: tuple[int, int, int]
    runs: tuple[tuple[int, int], ...]


class LesionMeasured(Message):
    """What was painted of a lesion.

    Attributes:
        middle_mm: of its voxels.
        slices: first and last along k.
        diameter_mm: largest extent within a slice.
    """

    id: Identifier
    voxels: int
    volume_ml: float
    diameter_mm: float
    middle_mm: Point
    slices: tuple[int, int]


class OpeningNow(Message):
    """How far the images of a draft are."""

    state: OpeningState
    stage: str = ""
    fraction: float = 0.0
    failure: Failure | None = None


class Saved(Message):
    """On the disk.

    Attributes:
        revision: rises by one with every change.
        box: labels that are others now; None where none are.
    """

    id: Identifier
    revision: int
    draft: Draft
    box: MaskBox | None
    lesions: tuple[LesionMeasured, ...]
    undo: str | None = Field(description="what would be taken back, in words")
    redo: str | None
    saved_s: float


class VersionListed(Message):
    """A version that was published."""

    version: str
    published_s: float


class DraftNow(Message):
    """A draft as it is on the disk. `scene` holds its images once they are made."""

    study: str
    opening: OpeningNow
    scene: Scene | None
    saved: Saved
    versions: tuple[VersionListed, ...]


class ChangeAsk(Message):
    """The draft as it shall be.

    Attributes:
        revision: that it was made from.
        what: in words, for undo: "title".
        movement: changes with the same name, one after another, are taken back together.
    """

    revision: int
    draft: Draft
    what: str = Field(default="change", max_length=60)
    movement: str = Field(default="", max_length=64)


class PaintAsk(Message):
    """A movement of a tool on a lesion.

    Attributes:
        tool: grow from a place; brush or erase along a way; fill in between painted slices.
        movement: parts of one movement are taken back together; of `grow` the latest part takes the others' place.
        notches: larger or smaller than what grows naturally.
        plane: a brush stays on the slice along this axis of the patient; None: it is a ball.
        keep_like: a brush paints only what is as bright as where it began.
    """

    lesion: Identifier
    tool: PaintTool
    movement: str = Field(min_length=1, max_length=64)
    points_mm: tuple[Point, ...] = Field(default=(), max_length=4096)
    radius_mm: float = Field(default=5.0, gt=0, le=100)
    notches: int = Field(default=0, ge=-100, le=100)
    plane: Literal[0, 1, 2] | None = None
    keep_like: bool = False


class FlawTold(Message):
    """Something that keeps a draft from being a case. `place` and `id` lead there; `field` of its form."""

    place: FlawPlace
    id: Identifier | None
    field: str
    says: str


class Published(Message):
    """A case folder was written. `case` opens it: `/read?case=…`."""

    case: Identifier
    version: str
    published_s: float
