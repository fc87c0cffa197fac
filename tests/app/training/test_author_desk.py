"""Drafts: kept after every step, taken back in order, whole after any fault, published as a case."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from engine.app.library import StudyLibrary
from engine.app.training import draft_files
from engine.app.training.author_desk import DraftDesk, Outdated
from engine.app.training.author_messages import ChangeAsk, NewDraft, PaintAsk, Saved
from engine.app.training.draft import Draft, DraftFeedback, DraftLesion, DraftOption, DraftTask
from engine.app.workers import Handle, Task
from engine.core.errors import InputRefused
from engine.core.grid import Grid
from engine.core.progress import Progress, silent
from engine.ingest.nifti import write_nifti
from engine.ingest.open import read_labels, read_volume, take_inventory
from engine.stream.server import NotFound
from scenarios.case.case import Case, flaws
from scenarios.case.fingerprint import fingerprint

GRID = Grid.centred((48, 44, 30), (1.5, 1.5, 2.0))
#: A bright ball in something darker: HU, its middle and radius in mm.
BALL_HU, AROUND_HU, RADIUS_MM = 40, -800, 9.0


class Here:
    """Workers of this thread."""

    def submit(self, task: Task[Any], report: Progress = silent) -> Handle[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(task(report))
        except Exception as error:
            done.set_exception(error)
        return Handle(done, lambda: None)

    def close(self) -> None:
        pass


def ball() -> np.ndarray[Any, Any]:
    at = np.stack(np.meshgrid(*[np.arange(n) for n in GRID.shape], indexing="ij"), axis=-1)
    away = np.linalg.norm(GRID.patient_from_voxel.apply(at.reshape(-1, 3)), axis=1).reshape(GRID.shape)
    share = np.clip((RADIUS_MM - away) / 1.5 + 0.5, 0, 1)
    return np.asarray(AROUND_HU + share * (BALL_HU - AROUND_HU), np.float64).round().astype(np.int16)


class Author:
    """A desk whose server can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scan = folder / "scan.nii.gz"
        write_nifti(self.scan, GRID, ball())
        self.begin()

    def begin(self) -> None:
        library = StudyLibrary()
        self.study = library.add("Ball", (self.scan,)).id
        self.told: list[tuple[Path, bool]] = []
        self.desk = DraftDesk(
            self.folder / "drafts", self.folder / "cases", library, Here(), lambda *told: self.told.append(told)
        )

    def open(self) -> Saved:
        return self.desk.open(NewDraft(study=self.study)).saved

    def put(self, saved: Saved, what: str = "change", movement: str = "", **fields: object) -> Saved:
        changed = Draft.model_validate(saved.draft.model_dump() | fields)
        return self.desk.change(
            saved.id, ChangeAsk(revision=saved.revision, draft=changed, what=what, movement=movement)
        )

    def paint(self, saved: Saved, tool: str, movement: str = "m", **fields: Any) -> Saved:
        at = {} if tool == "fill" else {"points_mm": ((0.0, 0.0, 0.0),)}
        ask = PaintAsk.model_validate({"lesion": "lesion-1", "tool": tool, "movement": movement, **at, **fields})
        return self.desk.paint(saved.id, ask)


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


def with_lesion(author: Author) -> Saved:
    return author.put(author.open(), lesions=[DraftLesion(id="lesion-1", label=1)])


def test_a_ball_is_grown_to_half_its_contrast(author: Author) -> None:
    saved = author.paint(with_lesion(author), "grow")
    (lesion,) = saved.lesions
    assert lesion.volume_ml == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.06)
    assert lesion.diameter_mm == pytest.approx(2 * RADIUS_MM, abs=2)
    np.testing.assert_allclose(lesion.middle_mm, 0, atol=0.2)


def test_notches_of_one_movement_take_each_others_place_and_are_one_step(author: Author) -> None:
    saved = with_lesion(author)
    sizes = [author.paint(saved, "grow", notches=n).lesions[0].voxels for n in (0, 1, 2, 1, 0, -1)]
    assert sizes[0] == sizes[4]
    assert sizes[1] == sizes[3]
    assert sizes[5] < sizes[0] < sizes[1] < sizes[2]
    assert author.desk.undo(saved.id).lesions == ()


def test_everything_is_there_after_a_restart_and_can_still_be_taken_back(author: Author) -> None:
    saved = author.put(with_lesion(author), "title", title="Cough")
    saved = author.paint(saved, "grow")
    author.begin()
    again = author.desk.now(saved.id)
    assert (again.saved.draft, again.saved.lesions, again.saved.revision) == (
        saved.draft,
        saved.lesions,
        saved.revision,
    )
    assert again.scene is not None
    assert again.saved.undo == "grow lesion"
    assert author.desk.undo(saved.id).lesions == ()
    assert author.desk.undo(saved.id).draft.title == ""
    author.begin()
    assert author.desk.redo(saved.id).draft.title == "Cough"
    assert author.desk.redo(saved.id).lesions == saved.lesions
    assert author.desk.now(saved.id).saved.redo is None


def test_letters_of_one_visit_to_a_field_are_one_step(author: Author) -> None:
    saved = author.open()
    for title in ("C", "Co", "Cough"):
        saved = author.put(saved, "title", "visit-1", title=title)
    assert author.desk.undo(saved.id).draft.title == ""
    assert author.desk.redo(saved.id).draft.title == "Cough"


def test_a_change_made_from_an_older_state_is_refused(author: Author) -> None:
    saved = author.open()
    author.put(saved, title="One")
    with pytest.raises(Outdated):
        author.put(saved, title="Other")
    assert author.desk.now(saved.id).saved.draft.title == "One"


def test_a_disk_that_refuses_leaves_the_draft_as_it_stood(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = author.paint(with_lesion(author), "grow")

    whole = draft_files.write_whole_file

    def full(path: Path, data: bytes) -> None:
        if path.name == draft_files.STATE_FILE:
            raise OSError(28, "No space left on device")
        whole(path, data)

    monkeypatch.setattr(draft_files, "write_whole_file", full)
    with pytest.raises(OSError, match="No space"):
        author.paint(saved, "eraser", radius_mm=20)
    with pytest.raises(OSError, match="No space"):
        author.put(saved, title="Lost")
    assert author.desk.now(saved.id).saved.lesions == saved.lesions
    monkeypatch.setattr(draft_files, "write_whole_file", whole)
    author.begin()
    again = author.desk.now(saved.id).saved
    assert (again.draft, again.lesions, again.revision) == (saved.draft, saved.lesions, saved.revision)


def test_a_brush_paints_one_slice_a_ball_or_only_what_is_alike(author: Author) -> None:
    saved = with_lesion(author)
    flat = author.paint(saved, "brush", "a", radius_mm=6, plane=2).lesions[0]
    assert flat.slices[0] == flat.slices[1]
    deep = author.paint(saved, "brush", "b", radius_mm=6).lesions[0]
    assert deep.slices[1] - deep.slices[0] >= 4
    alike = author.paint(saved, "brush", "c", radius_mm=20, keep_like=True).lesions[0]
    assert alike.volume_ml <= 4 / 3 * np.pi * RADIUS_MM**3 / 1000
    assert author.paint(saved, "eraser", "d", radius_mm=30).lesions == ()


def test_slices_between_painted_ones_are_filled_in(author: Author) -> None:
    saved = with_lesion(author)
    for n, z in enumerate((-10.0, 10.0)):
        author.paint(saved, "brush", f"s{n}", points_mm=((0.0, 0.0, z),), radius_mm=8, plane=2)
    before = author.desk.now(saved.id).saved.lesions[0]
    after = author.paint(saved, "fill", "f").lesions[0]
    count = after.slices[1] - after.slices[0] + 1
    assert after.voxels == pytest.approx(before.voxels / 2 * count, rel=0.1)


def test_a_deleted_lesion_takes_its_voxels_with_it_and_brings_them_back(author: Author) -> None:
    saved = author.paint(with_lesion(author), "grow")
    gone = author.put(saved, lesions=[])
    assert gone.box is not None
    assert {label for label, _ in gone.box.runs} == {0}
    assert author.desk.undo(saved.id).lesions == saved.lesions


def filled(author: Author) -> Saved:
    saved = author.paint(with_lesion(author), "grow")
    options = (
        DraftOption(id="a", text="Cancer", is_right=True),
        DraftOption(id="b", text="Scar", why="No retraction."),
    )
    return author.put(
        saved,
        title="A cough",
        topic="Chest",
        lesions=[
            DraftLesion(id="lesion-1", label=1, name="Lung nodule", why="Dense.", code="RID50149 pulmonary nodule"),
            DraftLesion(id="lesion-2", label=2, name="Vessel", role="distractor", at_mm=(20, 0, 0), why="It goes on."),
        ],
        tasks=[
            DraftTask(id="t1", kind="mark", prompt="Mark."),
            DraftTask(id="t2", kind="choice", prompt="What is it?", options=options, after="t1"),
            DraftTask(id="t3", kind="measure", prompt="How large?", finding="lesion-1"),
            DraftTask(id="t4", kind="order", prompt="Order.", options=options),
            DraftTask(id="t5", kind="classify", prompt="Say.", scheme="lung-rads@1.1", category="4A"),
        ],
        feedback=[DraftFeedback(id="f1", when="missed", of="lesion-1", text="Look again.")],
    )


def test_a_published_version_is_a_case_with_its_images_and_mask_and_never_changes(author: Author) -> None:
    saved = filled(author)
    assert author.desk.flaws(saved.id) == ()
    made = author.desk.publish(saved.id, is_trial=False)
    assert (made.case, made.version) == ("a-cough", "1.0.0")
    folder = author.folder / "cases" / "a-cough" / "1.0.0"
    assert author.told == [(folder, False)]
    text = (folder / "case.yaml").read_text("utf-8")
    case = Case.model_validate(yaml.safe_load(text))
    assert list(flaws(case)) == []
    assert (case.topic, case.concept, case.prevalence) == ("chest", "lung-nodule", "common")
    assert [d.place.kind for d in case.truth.distractors] == ["point"]
    scan = read_volume(take_inventory((folder / "volume.nii.gz",)).series[0]).value
    source = case.volumes[0].source
    assert source.kind == "file"
    assert source.sha256 == fingerprint(scan.grid, np.asarray(scan.samples))
    truth = read_labels(folder / "truth.nii.gz", scan).value
    assert int((np.asarray(truth.labels) == 1).sum()) == saved.lesions[0].voxels
    author.put(author.desk.now(saved.id).saved, title="A longer cough")
    assert author.desk.publish(saved.id, is_trial=False).version == "1.1.0"
    assert (folder / "case.yaml").read_text("utf-8") == text


def test_a_trial_takes_the_place_of_the_one_before_and_publishes_nothing(author: Author) -> None:
    saved = filled(author)
    author.desk.publish(saved.id, is_trial=True)
    made = author.desk.publish(saved.id, is_trial=True)
    assert made.case.startswith("try-")
    assert author.desk.now(saved.id).versions == ()
    assert len(list((author.folder / "cases").iterdir())) == 1


def test_undo_after_publishing_does_not_forget_what_was_published(author: Author) -> None:
    saved = filled(author)
    author.desk.publish(saved.id, is_trial=False)
    assert author.desk.undo(saved.id).draft.version == "1.0.0"
    author.desk.redo(saved.id)
    assert author.desk.publish(saved.id, is_trial=False).version == "1.1.0"


def test_flaws_are_all_told_at_once_with_where_to_mend_them(author: Author) -> None:
    saved = with_lesion(author)
    saved = author.put(
        saved,
        tasks=[
            DraftTask(id="t1", kind="choice", prompt="", options=(DraftOption(id="a", text="One"),)),
            DraftTask(id="t2", kind="measure", prompt="How large?"),
            DraftTask(id="t3", kind="text", prompt="Describe."),
        ],
        feedback=[DraftFeedback(id="f", when="missed", text="")],
    )
    told = {(flaw.place, flaw.id, flaw.field) for flaw in author.desk.flaws(saved.id)}
    assert told >= {
        ("case", None, "title"),
        ("case", None, "topic"),
        ("lesion", "lesion-1", "name"),
        ("lesion", "lesion-1", "place"),
        ("task", "t1", "prompt"),
        ("task", "t1", "options"),
        ("task", "t2", "finding"),
        ("task", "t3", "checklist"),
        ("feedback", "f", "text"),
        ("feedback", "f", "of"),
    }
    with pytest.raises(InputRefused, match="not a case yet"):
        author.desk.publish(saved.id, is_trial=False)


def test_a_study_that_cannot_be_read_leaves_a_draft_that_says_so_and_can_be_tried_again(author: Author) -> None:
    whole = author.scan.read_bytes()
    author.scan.write_bytes(whole[: len(whole) // 2])
    saved = author.open()
    assert author.desk.now(saved.id).opening.state == "failed"
    author.scan.write_bytes(whole)
    assert author.desk.reopen(saved.id).opening.state == "ready"


def test_a_deleted_draft_is_gone_for_good_and_names_lead_nowhere_else(author: Author) -> None:
    saved = author.open()
    author.desk.delete(saved.id)
    author.begin()
    assert author.desk.listed() == ()
    for name in (saved.id, "../drafts", "a" * 12):
        with pytest.raises(NotFound):
            author.desk.now(name)
