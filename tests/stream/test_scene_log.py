from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stream.messages import (
    EditScene,
    LabelBox,
    MovedPositions,
    MoveSurface,
    NumberedOp,
    Op,
    PatchedSurface,
    PutNode,
    RemoveNode,
    RenewedSurface,
    RenewScene,
    ReplaceScene,
    Slab,
    SurfaceLod,
    SurfaceNode,
    SurfacePatch,
    VolumeNode,
)
from engine.stream.scene_log import TAIL_CHARACTERS, TAIL_LENGTH, SceneLog
from tests.stream.scenes import scene, surface_node, volume_node


def filled(count: int) -> SceneLog:
    log = SceneLog("epoch")
    log.append(ReplaceScene(scene=scene()))
    for number in range(count):
        log.append(PutNode(node=surface_node(f"n{number}")))
    return log


def test_ops_are_numbered_from_one_without_gaps() -> None:
    log = SceneLog("epoch")
    numbers = [log.append(ReplaceScene(scene=scene())).seq for _ in range(5)]
    assert numbers == [1, 2, 3, 4, 5]


def test_a_node_is_replaced_in_place_and_a_new_one_goes_last() -> None:
    log = SceneLog("epoch")
    log.append(ReplaceScene(scene=scene("a", "b")))
    log.append(PutNode(node=surface_node("a", triangles=99)))
    log.append(PutNode(node=surface_node("c")))
    assert log.scene is not None
    assert [node.id for node in log.scene.nodes] == ["a", "b", "c"]
    assert log.scene.nodes[0].kind == "surface"
    assert log.scene.nodes[0].lods[0].triangles == 99


def test_removing_a_node_that_is_not_there_is_refused_and_changes_nothing() -> None:
    log = filled(1)
    with pytest.raises(KeyError):
        log.append(RemoveNode(id="other"))
    assert log.seq == 2


def test_a_node_before_any_scene_is_refused() -> None:
    with pytest.raises(KeyError):
        SceneLog("epoch").append(PutNode(node=surface_node()))


@given(behind=st.integers(0, 20))
def test_a_peer_that_missed_some_ops_gets_exactly_those(behind: int) -> None:
    log = filled(20)
    tail = log.since("epoch", log.seq - behind)
    assert tail is not None
    assert [op.seq for op in tail] == list(range(log.seq - behind + 1, log.seq + 1))


@pytest.mark.parametrize(("epoch", "last_seq"), [("other", 1), (None, 1), ("epoch", None), ("epoch", 999)])
def test_a_peer_of_another_epoch_or_from_the_future_needs_a_snapshot(epoch: str | None, last_seq: int | None) -> None:
    assert filled(3).since(epoch, last_seq) is None


def test_a_peer_further_behind_than_the_tail_needs_a_snapshot() -> None:
    log = filled(TAIL_LENGTH + 5)
    assert log.since("epoch", 1) is None
    assert log.since("epoch", log.seq - TAIL_LENGTH) is not None


NAMES = st.sampled_from("abcd")


@given(st.lists(st.one_of(NAMES.map(lambda n: PutNode(node=surface_node(n))), NAMES.map(lambda n: RemoveNode(id=n)))))
def test_replaying_the_tail_over_an_older_scene_gives_the_newer_one(ops: list[Op]) -> None:
    log = SceneLog("epoch")
    log.append(ReplaceScene(scene=scene("a")))
    start = log.scene
    for op in ops:
        if isinstance(op, RemoveNode) and log.scene and all(node.id != op.id for node in log.scene.nodes):
            continue
        log.append(op)
    copy = SceneLog("epoch")
    assert start is not None
    copy.append(ReplaceScene(scene=start))
    for numbered in log.since("epoch", 1) or ():
        copy.append(NumberedOp.model_validate_json(numbered.text).op)
    assert copy.scene == log.scene


def test_what_is_kept_for_who_comes_back_is_bounded_in_number_and_in_characters() -> None:
    log = SceneLog("epoch")
    log.append(ReplaceScene(scene=scene("a")))
    for _ in range(TAIL_LENGTH):
        log.append(PutNode(node=surface_node("b")))
    assert log.since("epoch", 1) is not None
    assert log.since("epoch", 0) is None
    wide = scene("a").model_copy(update={"warnings": ("w" * (TAIL_CHARACTERS // 4),)})
    for _ in range(8):
        log.append(ReplaceScene(scene=wide))
    kept = log.since("epoch", log.seq - 3)
    assert kept is not None
    assert sum(len(entry.text) for entry in kept) <= TAIL_CHARACTERS
    assert log.since("epoch", log.seq - 8) is None


def box(low: tuple[int, int, int], shape: tuple[int, int, int], name: str = "a") -> LabelBox:
    return LabelBox(low=low, shape=shape, blob=name * 64, start=0, bytes=1)


def patch(name: str, *blocks: tuple[int, int, int]) -> SurfacePatch:
    counts = tuple(1 for _ in blocks)
    return SurfacePatch(blocks=blocks, counts=counts, blob=name * 64, start=0, bytes=9, triangles=len(blocks))


def edited(*ops: EditScene) -> SceneLog:
    log = SceneLog("epoch")
    whole = scene("bone", "lung")
    log.append(ReplaceScene(scene=whole.model_copy(update={"nodes": (*whole.nodes, volume_node())})))
    for op in ops:
        log.append(op)
    return log


def test_a_patch_goes_when_later_ones_have_all_of_its_blocks() -> None:
    early = (patch("a", (0, 0, 0), (1, 0, 0)), patch("c", (2, 0, 0)))
    first = PatchedSurface(id="bone", volume_ml=2.0, patches=early)
    second = PatchedSurface(id="bone", volume_ml=3.0, patches=(patch("b", (1, 0, 0), (2, 0, 0)),))
    log = edited(*(EditScene(labels=box((0, 0, 0), (2, 2, 2)), surfaces=(each,)) for each in (first, second)))
    assert log.scene is not None
    bone, lung = (node for node in log.scene.nodes if isinstance(node, SurfaceNode))
    assert bone.volume_ml == 3.0
    assert [each.blob[0] for each in bone.patches] == ["a", "b"]
    assert lung.patches == ()


def test_boxes_of_labels_stay_in_order_and_those_that_are_covered_go() -> None:
    boxes = [box((0, 0, 0), (2, 2, 2)), box((4, 4, 4), (2, 2, 2), "b"), box((0, 0, 0), (3, 3, 3), "c")]
    log = edited(*(EditScene(labels=each, surfaces=()) for each in boxes))
    assert log.scene is not None
    (volume,) = (node for node in log.scene.nodes if isinstance(node, VolumeNode))
    assert [each.blob[0] for each in volume.label_boxes] == ["b", "c"]


def test_what_edits_brought_gives_way_to_the_whole_that_holds_them_and_later_edits_stay() -> None:
    strokes = [
        EditScene(
            labels=box((4 * n, 0, 0), (2, 2, 2), name),
            surfaces=(PatchedSurface(id="bone", volume_ml=2.0 + n, patches=(patch(name, (n, 0, 0)),)),),
            by="surgeon" if n else "trainee",
        )
        for n, name in enumerate("abc")
    ]
    log = edited(*strokes)
    lods = (SurfaceLod(blob="d" * 64, bytes=1, triangles=4, error_mm=0.5),)
    slabs = (Slab(blob="e" * 64, bytes=1, k_start=0, k_count=4),)
    surfaces = (RenewedSurface(id="bone", lods=lods, surface_area_mm2=7.0, closed=True),)
    log.append(RenewScene(surfaces=surfaces, label_slabs=slabs, edits=("a" * 64, "b" * 64)))
    assert log.scene is not None
    bone, _lung = (node for node in log.scene.nodes if isinstance(node, SurfaceNode))
    (volume,) = (node for node in log.scene.nodes if isinstance(node, VolumeNode))
    assert (bone.lods, bone.volume_ml, [each.blob[0] for each in bone.patches]) == (lods, 4.0, ["c"])
    assert (volume.label_slabs, [each.blob[0] for each in volume.label_boxes]) == (slabs, ["c"])
    assert bone.corrected_by == ("trainee", "surgeon")


def test_a_surface_that_moved_stays_where_it_is_until_it_moves_again_or_is_made_anew() -> None:
    log = edited()
    place = MovedPositions(blob="f" * 64, start=0, bytes=8, vertices=4, origin_mm=(0.0, 0.0, 0.0), step_mm=0.01)
    log.append(MoveSurface(id="bone", moved=(place,), volume_ml=9.0, surface_area_mm2=8.0))
    assert log.scene is not None
    bone, lung = (node for node in log.scene.nodes if isinstance(node, SurfaceNode))
    assert (bone.moved, bone.volume_ml, bone.surface_area_mm2, lung.moved) == ((place,), 9.0, 8.0, ())
    lods = (SurfaceLod(blob="d" * 64, bytes=1, triangles=4, error_mm=0.5),)
    anew = RenewedSurface(id="bone", lods=lods, surface_area_mm2=7.0, closed=True)
    log.append(RenewScene(surfaces=(anew,), label_slabs=(), edits=()))
    assert next(node for node in log.scene.nodes if isinstance(node, SurfaceNode)).moved == ()


@pytest.mark.parametrize("levels", [0, 2])
def test_positions_for_other_levels_than_a_surface_has_change_nothing(levels: int) -> None:
    log = edited()
    before = log.scene
    place = MovedPositions(blob="f" * 64, start=0, bytes=8, vertices=4, origin_mm=(0.0, 0.0, 0.0), step_mm=0.01)
    with pytest.raises(KeyError, match="levels of detail"):
        log.append(MoveSurface(id="bone", moved=(place,) * levels, volume_ml=9.0, surface_area_mm2=8.0))
    assert (log.scene, log.seq) == (before, 1)


def test_an_edit_of_a_node_that_is_not_there_changes_nothing() -> None:
    log = edited()
    before = log.scene
    op = EditScene(labels=box((0, 0, 0), (1, 1, 1)), surfaces=(PatchedSurface(id="gone", volume_ml=1.0, patches=()),))
    with pytest.raises(KeyError, match="gone"):
        log.append(op)
    assert (log.scene, log.seq) == (before, 1)
