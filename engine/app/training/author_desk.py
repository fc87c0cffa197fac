"""Every draft of this machine: opened, changed, painted, taken back, published; each answer is on the disk.

A draft has a lock of its own: what comes in is done one after another, whichever thread brings it.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.app.library import StudyLibrary
from engine.app.training.author_messages import (
    ChangeAsk,
    DraftListed,
    DraftNow,
    FlawTold,
    NewDraft,
    OpeningNow,
    PaintAsk,
    Published,
    Saved,
    VersionListed,
)
from engine.app.training.author_opening import OpenForDraft
from engine.app.training.author_publish import Volumes, study_of, write_case
from engine.app.training.complete import complete, draft_flaws, slug
from engine.app.training.draft import Draft, new_draft
from engine.app.training.draft_files import (
    BLOBS,
    MOST_STEPS,
    SCAN_FILE,
    SCENE_FILE,
    DraftFiles,
    DraftState,
    PackedChange,
    Step,
    box_of,
)
from engine.app.training.draft_paint import mask_box, measured, paint
from engine.app.workers import Handle, Workers
from engine.core.errors import Cancelled, InputRefused, InvalidValue, SightlineError
from engine.core.grid import Grid
from engine.ingest.open import read_volume, take_inventory
from engine.segment.interactive import Change, Index, around, change_to, put_back
from engine.segment.lesion import Growth, grow
from engine.stream.messages import Failure, OpenRequest, Scene, VolumeNode
from engine.stream.server import NotFound, failure_of

_ID = re.compile(r"[A-Za-z0-9_-]{8,40}")
_HASH = re.compile(r"[0-9a-f]{64}")

#: Told of each case folder that was written: where, and whether only to be tried.
OnCase = Callable[[Path, bool], None]

INTERRUPTED = Failure(
    summary="The images were still being made when the server stopped.", remedy="Make them again: nothing else is lost."
)


class Outdated(SightlineError):
    """A change was made from an older state than the one on the disk."""


@dataclass(slots=True)
class _Opening:
    """The images of a draft while they are made."""

    handle: Handle[str]
    stage: str = "waiting"
    fraction: float = 0.0


@dataclass(slots=True)
class _Open:
    """A draft in memory: what is on the disk, and what painting needs."""

    files: DraftFiles
    state: DraftState
    lock: threading.RLock = field(default_factory=threading.RLock)
    scene: Scene | None = None
    labels: NDArray[np.uint8] | None = None
    samples: NDArray[Any] | None = None
    growth: tuple[tuple[float, ...], Growth] | None = None
    is_warm: bool = False

    @property
    def node(self) -> VolumeNode:
        """Its volume.

        Raises:
            InvalidValue: its images are not there.
        """
        if self.scene is None and self.state.is_opened:
            self.scene = Scene.model_validate_json((self.files.folder / SCENE_FILE).read_text("utf-8"))
        if self.scene is None:
            raise InvalidValue("the images of this draft are not there yet")
        return next(node for node in self.scene.nodes if isinstance(node, VolumeNode))

    @property
    def grid(self) -> Grid:
        """Of its volume."""
        node = self.node
        return Grid.from_matrix(node.shape, np.reshape(node.patient_from_voxel, (4, 4)), node.frame_of_reference_uid)

    def mask(self) -> NDArray[np.uint8]:
        """Its labels."""
        if self.labels is None:
            self.labels = self.files.labels(self.state, self.node.shape)
        return self.labels

    def voxels(self) -> NDArray[Any]:
        """Samples of its volume, read when first needed."""
        if self.samples is None:
            (series,) = take_inventory((self.files.folder / SCAN_FILE,)).series
            self.samples = np.asarray(read_volume(series).value.samples)
        return self.samples


class DraftDesk:
    """All drafts under `folder`; cases go to `cases`."""

    def __init__(
        self, folder: Path, cases: Path, library: StudyLibrary, workers: Workers, on_case: OnCase | None = None
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._cases = cases
        self._library = library
        self._workers = workers
        self._on_case = on_case or (lambda _path, _trial: None)
        self._lock = threading.Lock()
        self._drafts: dict[str, _Open] = {}
        self._openings: dict[str, _Opening] = {}
        for path in sorted(folder.iterdir()):
            with suppress(OSError, ValueError):  # what is no draft is left alone
                files = DraftFiles(path)
                self._drafts[path.name] = _Open(files, files.state())

    def listed(self) -> tuple[DraftListed, ...]:
        """Every draft, the latest first."""
        with self._lock:
            drafts = list(self._drafts.values())
        states = sorted((draft.state for draft in drafts), key=lambda state: -state.changed_s)
        return tuple(
            DraftListed(
                id=state.id,
                title=state.draft.title,
                study=state.study,
                changed_s=state.changed_s,
                version=state.draft.version,
                opening=self._opening(state).state,
            )
            for state in states
        )

    def open(self, ask: NewDraft) -> DraftNow:
        """A study as a new draft; its images follow.

        Raises:
            NotFound, InputRefused: no such study or series.
        """
        work = self._library.work(OpenRequest(study=ask.study, series=ask.series, phase=ask.phase))
        name = secrets.token_urlsafe(9)
        files = DraftFiles(self._folder / name)
        files.create()
        state = DraftState(id=name, study=work.title, changed_s=time.time(), draft=new_draft(), request=work.request)
        draft = _Open(files, files.commit(state))
        with self._lock:
            self._drafts[name] = draft
        self._start(draft)
        return self.now(name)

    def reopen(self, name: str) -> DraftNow:
        """Make the images again after a fault.

        Raises:
            NotFound: no such draft, or its study is gone.
        """
        draft = self._draft(name)
        with draft.lock:
            if self._opening(draft.state).state == "failed":
                self._start(draft)
        return self.now(name)

    def now(self, name: str) -> DraftNow:
        """A draft as it is on the disk.

        Raises:
            NotFound: no such draft.
        """
        draft = self._draft(name)
        with draft.lock:
            opening = self._opening(draft.state)
            is_ready = opening.state == "ready"
            if is_ready and not draft.is_warm:
                draft.is_warm = True
                threading.Thread(target=self._warm, args=(draft,), daemon=True).start()
            box = box_of(draft.mask()) if is_ready else None
            saved = self._saved(draft, box)  # reads the scene
            return DraftNow(
                study=draft.state.study,
                opening=opening,
                scene=draft.scene if is_ready else None,
                saved=saved,
                versions=draft.state.versions,
            )

    def change(self, name: str, ask: ChangeAsk) -> Saved:
        """Keep another document.

        Raises:
            NotFound: no such draft.
            Outdated: it was changed meanwhile.
        """
        draft = self._draft(name)
        with draft.lock:
            state = draft.state
            if ask.revision != state.revision:
                raise Outdated("this draft was changed in another window")
            kept = {"case": state.draft.case, "version": state.draft.version}  # the server's own
            after = ask.draft.model_copy(update=kept)
            if after == state.draft:
                return self._saved(draft, None)
            erased = self._erased(draft, after)
            packed = tuple(PackedChange.of(one) for one in erased)
            step = Step(what=ask.what, movement=ask.movement, before=state.draft, after=after, changes=packed)
            self._keep(draft, step, after, painted=bool(erased))
            return self._saved(draft, around(erased) if erased else None)

    def paint(self, name: str, ask: PaintAsk) -> Saved:
        """Paint.

        Raises:
            NotFound: no such draft or lesion.
            InvalidValue: its images are not there, or the place is outside.
        """
        draft = self._draft(name)
        with draft.lock:
            lesion = next((one for one in draft.state.draft.lesions if one.id == ask.lesion), None)
            if lesion is None:
                raise NotFound("no such lesion")
            labels = draft.mask()
            earlier = self._taken_back(draft, ask) if ask.tool == "grow" else ()
            hu = draft.node.quantity == "HU"
            growth = self._growth(draft, ask, is_hu=hu) if ask.tool == "grow" else None
            change = paint(labels, draft.grid, draft.voxels(), ask, lesion.label, is_hu=hu, growth=growth)
            made = () if change is None else (change,)
            if made or earlier:
                what = f"{_TOOL_WORDS[ask.tool]} {lesion.name.strip() or 'lesion'}"
                packed = tuple(PackedChange.of(one) for one in made)
                self._keep(
                    draft, Step(what=what, movement=ask.movement, changes=packed), painted=True, replaces=earlier
                )
            touched = (*earlier, *made)
            return self._saved(draft, around(touched) if touched else None)

    def undo(self, name: str) -> Saved:
        """Take the latest step back; nothing where there is none."""
        return self._walk(name, is_forward=False)

    def redo(self, name: str) -> Saved:
        """Do the latest undone step again; nothing where there is none."""
        return self._walk(name, is_forward=True)

    def flaws(self, name: str) -> tuple[FlawTold, ...]:
        """Everything that keeps a draft from being published."""
        draft = self._draft(name)
        with draft.lock:
            return draft_flaws(draft.state.draft, study_of(draft.state.draft, draft.node, self._voxels(draft), None))

    def publish(self, name: str, *, is_trial: bool) -> Published:
        """Write the draft as a case folder: a version for good, or one to be tried that the next takes the place of.

        Raises:
            InputRefused: it has flaws.
            OSError: it could not be written; nothing is left of it.
        """
        draft = self._draft(name)
        with draft.lock:
            found = self.flaws(name)
            if found:
                raise InputRefused(f"This is not a case yet. {found[0].says}")
            state = draft.state
            case = f"try-{slug(name)}" if is_trial else state.draft.case or self._free_name(state.draft.title)
            version = _next_version(state.draft.version)
            volumes = Volumes(draft.files.folder / SCAN_FILE, draft.grid, draft.voxels(), draft.mask())
            study = study_of(state.draft, draft.node, self._voxels(draft), volumes)
            made = complete(state.draft, case, version, study)
            names = {one.label: one.name.strip() for one in state.draft.lesions}
            folder = write_case(self._cases, made, volumes, names, is_trial=is_trial)
            now_s = time.time()
            if not is_trial:
                published = state.draft.model_copy(update={"case": case, "version": version})
                listed = (*state.versions, VersionListed(version=version, published_s=now_s))
                self._commit(draft, {"draft": published, "versions": listed})
        self._on_case(folder, is_trial)
        return Published(case=case, version=version, published_s=now_s)

    def case_of(self, name: str) -> str | None:
        """The case that a draft was published as; None where it never was."""
        return self._draft(name).state.draft.case

    def delete(self, name: str) -> None:
        """Delete a draft; what was published stays.

        Raises:
            NotFound: no such draft.
        """
        draft = self._draft(name)
        with draft.lock:
            with self._lock:
                del self._drafts[name]
                opening = self._openings.pop(name, None)
            if opening is not None:
                opening.handle.cancel()
            shutil.rmtree(draft.files.folder)

    def blob_path(self, sha256: str) -> Path | None:
        """The file of a blob of any draft."""
        if not _HASH.fullmatch(sha256):
            return None
        with self._lock:
            folders = [draft.files.folder / BLOBS / sha256 for draft in self._drafts.values()]
        return next((path for path in folders if path.is_file()), None)

    # --- images

    def _warm(self, draft: _Open) -> None:
        """Read the samples and load the kernel before the first click waits for them."""
        with suppress(OSError, SightlineError):  # told to whoever paints
            samples = draft.voxels()
            node = draft.node
            middle = draft.grid.patient_from_voxel.apply((np.array(node.shape) - 1) // 2)
            grow(samples, draft.grid, middle, is_hu=node.quantity == "HU")

    def _start(self, draft: _Open) -> None:
        state = draft.state
        if state.request is None:
            raise NotFound("nobody knows any more what this draft was opened from")
        work = self._library.work(state.request)
        opening = _Opening(Handle(Future(), lambda: None))

        def report(fraction: float, stage: str) -> None:
            opening.fraction, opening.stage = fraction, stage

        with self._lock:
            self._openings[state.id] = opening
        opening.handle = self._workers.submit(OpenForDraft(work, draft.files.folder), report)
        opening.handle.future.add_done_callback(lambda done: self._opened(draft, done))

    def _opened(self, draft: _Open, done: Future[str]) -> None:
        end: dict[str, object]
        try:
            draft.scene = Scene.model_validate_json(done.result())
            end = {"is_opened": True, "failure": None}
        except (CancelledError, Cancelled):
            end = {"failure": INTERRUPTED}
        except Exception as error:
            end = {"failure": failure_of(error)}
        with draft.lock, suppress(OSError):  # deleted meanwhile, or the server ends
            if draft.files.folder.is_dir():
                self._commit(draft, end)
        with self._lock:
            self._openings.pop(draft.state.id, None)

    def _opening(self, state: DraftState) -> OpeningNow:
        if state.is_opened:
            return OpeningNow(state="ready", fraction=1.0)
        with self._lock:
            opening = self._openings.get(state.id)
        if opening is not None:
            return OpeningNow(state="opening", stage=opening.stage, fraction=opening.fraction)
        return OpeningNow(state="failed", failure=state.failure or INTERRUPTED)

    # --- steps

    def _draft(self, name: str) -> _Open:
        with self._lock:
            draft = self._drafts.get(name) if _ID.fullmatch(name) else None
        if draft is None:
            raise NotFound("no such draft; it may have been deleted")
        return draft

    def _erased(self, draft: _Open, after: Draft) -> tuple[Change, ...]:
        """Voxels of lesions that are there no more are taken away."""
        gone = {one.label for one in draft.state.draft.lesions} - {one.label for one in after.lesions}
        if not gone or not draft.state.is_opened:
            return ()
        box = box_of(draft.mask())
        if box is None:
            return ()
        low, high = box
        here = draft.mask()[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        change = change_to(draft.mask(), low, np.where(np.isin(here, list(gone)), 0, here))
        return () if change is None else (change,)

    def _growth(self, draft: _Open, ask: PaintAsk, *, is_hu: bool) -> Growth:
        """What grows from the place, which stays in hand while it is made larger and smaller."""
        if not ask.points_mm:
            raise InvalidValue("a tool needs a place")
        place = ask.points_mm[0]
        if draft.growth is None or draft.growth[0] != place:
            draft.growth = (place, grow(draft.voxels(), draft.grid, np.array(place), is_hu=is_hu))
        return draft.growth[1]

    def _taken_back(self, draft: _Open, ask: PaintAsk) -> tuple[Change, ...]:
        """What the same movement did before, taken back in the labels: the next part takes its place."""
        state = draft.state
        if state.done < state.first:
            return ()
        step = draft.files.step(state.done)
        if step.movement != ask.movement:
            return ()
        changes = tuple(packed.change() for packed in step.changes)
        for change in reversed(changes):
            put_back(draft.mask(), change, is_forward=False)
        return changes

    def _keep(
        self,
        draft: _Open,
        step: Step,
        document: Draft | None = None,
        *,
        painted: bool = False,
        replaces: tuple[Change, ...] = (),
    ) -> None:
        """Commit a new step, as part of the one before where both are one movement."""
        state = draft.state
        number = state.done + 1
        if state.done >= state.first and step.movement:
            before = draft.files.step(state.done)
            if before.movement == step.movement:
                number = state.done
                kept = () if replaces else before.changes
                step = step.model_copy(update={"before": before.before, "changes": (*kept, *step.changes)})
        draft.files.write_step(number, step)
        first = max(state.first, number - MOST_STEPS + 1)
        steps = {"first": first, "done": number, "last": number}
        self._commit(draft, {**steps, **({"draft": document} if document else {})}, painted=painted)

    def _walk(self, name: str, *, is_forward: bool) -> Saved:
        draft = self._draft(name)
        with draft.lock:
            state = draft.state
            number = state.done + 1 if is_forward else state.done
            if not state.first <= number <= state.last:
                return self._saved(draft, None)
            step = draft.files.step(number)
            changes = [packed.change() for packed in step.changes]
            for change in changes if is_forward else reversed(changes):
                put_back(draft.mask(), change, is_forward=is_forward)
            document = step.after if is_forward else step.before
            what: dict[str, object] = {"done": number if is_forward else number - 1}
            if document is not None:
                what["draft"] = document.model_copy(update={"case": state.draft.case, "version": state.draft.version})
            self._commit(draft, what, painted=bool(changes))
            return self._saved(draft, around(changes) if changes else None)

    def _commit(self, draft: _Open, what: dict[str, object], *, painted: bool = False) -> None:
        """Make it so on the disk; where the disk refuses, memory is what the disk holds."""
        revision = draft.state.revision + 1
        state = draft.state.model_copy(update={**what, "revision": revision, "changed_s": time.time()})
        try:
            draft.state = draft.files.commit(state, draft.mask() if painted else None)
        except OSError:
            draft.labels = None
            raise

    def _saved(self, draft: _Open, box: tuple[Index, Index] | None) -> Saved:
        state = draft.state
        return Saved(
            id=state.id,
            revision=state.revision,
            draft=state.draft,
            box=mask_box(draft.mask(), *box) if box else None,
            lesions=self._measured(draft) if state.is_opened else (),
            undo=draft.files.step(state.done).what if state.done >= state.first else None,
            redo=draft.files.step(state.done + 1).what if state.done < state.last else None,
            saved_s=state.changed_s,
        )

    def _measured(self, draft: _Open) -> Any:
        return measured(draft.mask(), draft.grid, {one.id: one.label for one in draft.state.draft.lesions})

    def _voxels(self, draft: _Open) -> dict[str, int]:
        return {one.id: one.voxels for one in self._measured(draft)}

    def _free_name(self, title: str) -> str:
        """A name that no case has."""
        wanted = slug(title)[:56] or "case"
        taken = {path.name for path in self._cases.iterdir()} if self._cases.is_dir() else set()
        numbered = (wanted if n == 1 else f"{wanted}-{n}" for n in range(1, 10_000))
        return next(name for name in numbered if name not in taken)


_TOOL_WORDS = {"grow": "grow", "brush": "paint", "eraser": "erase", "fill": "fill in"}


def _next_version(version: str) -> str:
    """What comes after a version: 1.0.0 after none, then a minor one."""
    if not version:
        return "1.0.0"
    major, minor, _ = version.split(".")
    return f"{major}.{int(minor) + 1}.0"
