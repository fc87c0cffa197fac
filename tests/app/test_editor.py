"""A scene being corrected: what everyone is told after a stroke is what a new scene of the same labels would show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.app.editor import Edit, Editor
from engine.core.anatomy import structure
from engine.core.errors import InvalidValue
from engine.core.grid import Grid
from engine.core.structure import Provenance
from engine.core.volume import LabelMap
from engine.segment.interactive import Stroke, Tool

GRID = Grid.centred((120, 110, 90), (0.8, 0.8, 1.2), "2.25.4")
MADE = Provenance("test", "1", ())


def label_map() -> LabelMap:
    """A body with a lung, a bone and fat in it."""
    at = GRID.patient_from_voxel.apply(np.indices(GRID.shape).transpose(1, 2, 3, 0))
    labels = np.zeros(GRID.shape, dtype=np.uint8, order="F")
    for label, centre, radius in ((1, (0, 0, 0), 42), (2, (15, 0, 0), 18), (3, (-20, 5, 0), 9), (4, (0, 25, 10), 10)):
        labels[np.linalg.norm(at - centre, axis=-1) < radius] = label
    keys = ("body", "lung_left", "bone", "fat")
    structures = [structure(key, n, MADE) for n, key in enumerate(keys, 1)]
    structures[0] = replace(structures[0], includes=(2, 3, 4))
    return LabelMap(GRID, labels, tuple(structures))


def brush(label: int, at_mm: tuple[float, float, float], radius_mm: float = 8.0, tool: Tool = Tool.BRUSH) -> Stroke:
    return Stroke(tool, label, np.array([at_mm]), radius_mm, under=1 if tool is Tool.ERASER else 0)


def told(copy: NDArray[np.uint8], edit: Edit | None) -> None:
    """Do to a copy of the labels what everyone is told."""
    assert edit is not None
    box = tuple(slice(a, a + n) for a, n in zip(edit.low, edit.labels.shape, strict=True))
    copy[box] = edit.labels


def test_whoever_follows_what_is_told_has_the_same_labels_and_counts() -> None:
    editor = Editor(label_map())
    copy = np.array(label_map().labels)
    strokes = [brush(2, (0, 0, 0)), brush(3, (10, 5, 5)), brush(2, (15, 0, 0), tool=Tool.ERASER)]
    for stroke in strokes:
        told(copy, editor.stroke(stroke))
    for place in ((0, 12, 0), (0, 12, 6), (0, -9, 6)):
        told(copy, editor.stroke(brush(4, place), "one movement"))
    for _ in range(3):
        told(copy, editor.undo())
    edit = editor.redo()
    told(copy, edit)
    np.testing.assert_array_equal(copy, editor.labels)
    assert edit is not None
    assert edit.voxels["lung_left"] == np.count_nonzero(copy == 2)
    assert edit.voxels["body"] == np.count_nonzero(copy)
    assert (edit.undo_count, edit.redo_count) == (2, 2)


def test_patches_are_glbs_of_the_structures_that_look_different_and_of_no_context() -> None:
    editor = Editor(label_map())
    edit = editor.stroke(brush(2, (-12, 5, 0)))
    assert edit is not None
    assert {patch.key for patch in edit.patches} == {"lung_left", "bone"}
    for patch in edit.patches:
        assert patch.glb.startswith(b"glTF")
        assert patch.counts.sum() > 0
        assert len(patch.counts) == len(patch.blocks)


def test_a_structure_erased_whole_leaves_empty_patches() -> None:
    editor = Editor(label_map())
    edit = editor.stroke(brush(3, (-20, 5, 0), radius_mm=12.0, tool=Tool.ERASER))
    assert edit is not None
    assert edit.voxels["bone"] == 0
    assert all(patch.glb == b"" for patch in edit.patches if patch.key == "bone")


def test_context_that_is_corrected_after_all_gets_its_surface() -> None:
    editor = Editor(label_map())
    edit = editor.stroke(brush(4, (0, 10, 10)))
    assert edit is not None
    assert "fat" in {patch.key for patch in edit.patches}


def test_erased_voxels_become_the_whole_that_they_belong_to() -> None:
    editor = Editor(label_map())
    assert editor.under(2) == 1
    assert editor.under(1) == 0


def test_a_stroke_of_no_structure_is_refused_and_changes_nothing() -> None:
    editor = Editor(label_map())
    with pytest.raises(InvalidValue, match="no structure"):
        editor.stroke(brush(9, (0, 0, 0)))
    with pytest.raises(InvalidValue, match="no structure"):
        editor.label_of("spleen")
    np.testing.assert_array_equal(editor.labels, label_map().labels)
    assert editor.undo() is None
    assert editor.redo() is None


def test_a_stroke_that_changes_nothing_tells_nobody() -> None:
    assert Editor(label_map()).stroke(brush(2, (15, 0, 0), radius_mm=3.0)) is None
