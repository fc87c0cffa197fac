"""One draft on the disk: its document, its mask, and every step that led there.

`draft.json` is the only thing that says how a draft stands; it names the mask it belongs to, and takes its place in one
step after everything that it names was written. Whenever the machine stops, what stands there is whole.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.app.training.author_messages import VersionListed
from engine.app.training.draft import Draft
from engine.segment.interactive import Change, Index
from engine.stream.message import Message
from engine.stream.messages import Failure, OpenRequest

#: Steps that can be taken back; the oldest are forgotten beyond.
MOST_STEPS = 500

STATE_FILE = "draft.json"
SCENE_FILE = "scene.json"
SCAN_FILE = "volume.nii.gz"
BLOBS = "blobs"
_STEPS = "steps"


class DraftState(Message):
    """How a draft stands.

    Attributes:
        first, done, last: steps `first` to `done` can be taken back, those up to `last` done again.
        mask: file of its labels; None while nothing is painted.
        request: what was opened, as long as the study lasts.
        is_opened: its images lie beside it.
    """

    id: str
    study: str
    revision: int = 0
    changed_s: float
    first: int = 1
    done: int = 0
    last: int = 0
    draft: Draft
    mask: str | None = None
    is_opened: bool = False
    failure: Failure | None = None
    request: OpenRequest | None = None
    versions: tuple[VersionListed, ...] = ()


class PackedChange(Message):
    """A change of labels (`engine.segment.interactive.Change`), packed for a file."""

    low: Index
    high: Index
    before: str
    after: str

    @classmethod
    def of(cls, change: Change) -> PackedChange:
        """Packed."""
        before, after = (base64.b64encode(part).decode("ascii") for part in (change.before, change.after))
        return cls(low=change.low, high=change.high, before=before, after=after)

    def change(self) -> Change:
        """Unpacked."""
        return Change(self.low, self.high, base64.b64decode(self.before), base64.b64decode(self.after))


class Step(Message):
    """What is taken back at once: a change of the document or of labels, or both."""

    kind: Literal["step"] = "step"
    what: str
    movement: str
    before: Draft | None = None
    after: Draft | None = None
    changes: tuple[PackedChange, ...] = Field(default=())


class DraftFiles:
    """The folder of one draft."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Make the folder."""
        (self.folder / _STEPS).mkdir(mode=0o700, parents=True)
        (self.folder / BLOBS).mkdir(mode=0o700)

    def state(self) -> DraftState:
        """How it stands.

        Raises:
            OSError, ValueError: the folder holds no draft.
        """
        return DraftState.model_validate_json((self.folder / STATE_FILE).read_text("utf-8"))

    def commit(self, state: DraftState, labels: NDArray[np.uint8] | None = None) -> DraftState:
        """Make `state` how the draft stands, with `labels` as its mask where given.

        Raises:
            OSError: it could not be written; the draft stands as before.
        """
        before = state.mask
        if labels is not None:
            state = state.model_copy(update={"mask": f"mask-{state.revision}.npz"})
            assert state.mask is not None
            write_whole_file(self.folder / state.mask, packed_runs(labels))
        write_whole_file(self.folder / STATE_FILE, state.model_dump_json().encode())
        if before is not None and before != state.mask:
            (self.folder / before).unlink(missing_ok=True)
        for forgotten in (state.first - 1, state.last + 1):
            self._step(forgotten).unlink(missing_ok=True)
        return state

    def labels(self, state: DraftState, shape: Index) -> NDArray[np.uint8]:
        """(i, j, k) labels of its mask."""
        labels = np.zeros(shape, np.uint8, order="F")
        if state.mask is not None:
            unpack_runs((self.folder / state.mask).read_bytes(), labels)
        return labels

    def write_step(self, number: int, step: Step) -> None:
        """Keep a step; it counts once a state that knows its number is committed."""
        write_whole_file(self._step(number), step.model_dump_json().encode())

    def step(self, number: int) -> Step:
        """A step that was kept."""
        return Step.model_validate_json(self._step(number).read_text("utf-8"))

    def _step(self, number: int) -> Path:
        return self.folder / _STEPS / f"{number:06d}.json"


def write_whole_file(path: Path, data: bytes) -> None:
    """Write a file so that after any fault it is the old one or the new one, whole.

    Raises:
        OSError: it stays the old one.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    with _folder_descriptor(path.parent) as descriptor:
        os.fsync(descriptor)


@contextlib.contextmanager
def _folder_descriptor(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def box_of(labels: NDArray[Any]) -> tuple[Index, Index] | None:
    """The box low..high - 1 of everything that is labelled; None where nothing is."""
    ks = np.flatnonzero(labels.any(axis=(0, 1)))  # slices first: most of a scan's hold no lesion
    if not len(ks):
        return None
    slab = labels[:, :, ks[0] : ks[-1] + 1]
    spans = [np.flatnonzero(slab.any(axis=axes)) for axes in ((1, 2), (0, 2))]
    (i0, i1), (j0, j1), (k0, k1) = ((int(span[0]), int(span[-1]) + 1) for span in (*spans, ks))
    return (i0, j0, k0), (i1, j1, k1)


def runs_of(labels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Labels of a box, i fastest, as runs: the label of each, and how many voxels it holds."""
    flat = labels.ravel(order="F")
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    return flat[starts], np.diff(np.append(starts, flat.size))


def packed_runs(labels: NDArray[np.uint8]) -> bytes:
    """Labels as a file: the box that holds any, in runs."""
    low, high = box_of(labels) or ((0, 0, 0), (0, 0, 0))
    part = labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    values, counts = runs_of(part) if part.size else (np.zeros(0, np.uint8), np.zeros(0, np.int64))
    file = io.BytesIO()
    np.savez_compressed(file, low=np.array(low), high=np.array(high), values=values, counts=counts)
    return file.getvalue()


def unpack_runs(data: bytes, labels: NDArray[np.uint8]) -> None:
    """Put labels from a file into an array of nothing."""
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        low, high = held["low"], held["high"]
        flat = np.repeat(held["values"], held["counts"])
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    labels[box] = flat.reshape([int(b - a) for a, b in zip(low, high, strict=True)], order="F")
