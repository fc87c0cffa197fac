from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.app.blobs import BlobFolder


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
