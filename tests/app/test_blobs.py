from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app.blobs import KEPT_S, BlobFolder
from engine.stream.messages import LabelBox, SurfacePatch
from engine.stream.named_blobs import blobs_of
from tests.stream.scenes import scene, surface_node, volume_node


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.binary(max_size=1000))
def test_a_blob_is_found_by_the_hash_of_its_bytes(tmp_path: Path, data: bytes) -> None:
    blobs = BlobFolder(tmp_path)
    sha256 = blobs.put(data)
    path = blobs.path(sha256)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert path is not None
    assert path.read_bytes() == data


def test_the_same_bytes_are_stored_once(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path)
    assert blobs.put(b"x") == blobs.put(b"x")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["", "..", "../secret", "x" * 64, "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_nothing_but_a_hash_names_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("x")
    assert BlobFolder(tmp_path / "blobs").path(name) is None


def used(blobs: BlobFolder, data: bytes, at_s: float) -> str:
    """A blob that was last used at `at_s`."""
    sha256 = blobs.put(data)
    os.utime(blobs.folder / sha256, (at_s, at_s))
    return sha256


def test_over_budget_the_least_recently_used_go_first_and_no_more_than_needed(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path)
    names = [used(blobs, bytes([n]) * 100, at_s=float(n)) for n in (3, 1, 2, 4)]
    blobs.evict((), now_s=10_000.0, budget_bytes=250)
    assert [blobs.path(name) is not None for name in names] == [True, False, False, True]


def test_what_is_pinned_or_was_just_used_stays_whatever_it_takes(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path)
    pinned, old = used(blobs, b"a" * 100, 1.0), used(blobs, b"b" * 100, 2.0)
    fresh = used(blobs, b"c" * 100, 10_000.0 - KEPT_S)
    blobs.evict({pinned}, now_s=10_000.0, budget_bytes=0)
    assert [blobs.path(name) is not None for name in (pinned, old, fresh)] == [True, False, True]


@pytest.mark.parametrize("use", ["fetched", "made again"])
def test_a_blob_that_is_used_again_is_the_last_to_go(tmp_path: Path, use: str) -> None:
    blobs = BlobFolder(tmp_path)
    first, second = used(blobs, b"a" * 100, 1.0), used(blobs, b"b" * 100, 2.0)
    if use == "fetched":
        blobs.path(first)
    else:
        blobs.put(b"a" * 100)
    blobs.evict((), now_s=time.time() + 2 * KEPT_S, budget_bytes=100)
    assert (blobs.path(first) is not None, blobs.path(second) is not None) == (True, False)


def test_a_scene_names_all_that_it_refers_to() -> None:
    box = LabelBox(low=(0, 0, 0), shape=(1, 1, 1), blob="2" * 64, start=0, bytes=1)
    patch = SurfacePatch(blocks=((0, 0, 0),), counts=(1,), blob="3" * 64, start=0, bytes=1, triangles=1)
    volume = volume_node().model_copy(update={"label_boxes": (box,)})
    edited = surface_node("bone").model_copy(update={"patches": (patch,)})
    shown = scene("skin").model_copy(update={"nodes": (edited, volume)})
    assert set(blobs_of(shown)) == {"0" * 64, "2" * 64, "3" * 64}
