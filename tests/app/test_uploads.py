from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.app import uploads
from engine.app.uploads import MAX_UPLOAD_FILES, Uploads
from engine.core.errors import InputRefused
from engine.stream.server import NotFound


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def broken_off(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    raise ConnectionResetError


def put(store: Uploads, upload: str, number: int, stream: AsyncIterator[bytes]) -> None:
    asyncio.run(store.put(upload, number, stream))


def test_files_arrive_whole_in_a_folder_of_their_own(tmp_path: Path) -> None:
    store = Uploads(tmp_path)
    one, two = store.new(), store.new()
    put(store, one, 3, chunks(b"ab", b"c"))
    assert [(path.name, path.read_bytes()) for path in store.folder(one).iterdir()] == [("000003", b"abc")]
    assert list(store.folder(two).iterdir()) == []


def test_a_broken_connection_leaves_no_half_file(tmp_path: Path) -> None:
    store = Uploads(tmp_path)
    upload = store.new()
    with pytest.raises(ConnectionResetError):
        put(store, upload, 0, broken_off(b"half"))
    assert list(store.folder(upload).iterdir()) == []


@pytest.mark.parametrize("upload", ["", "..", "../..", "other"])
def test_an_unknown_upload_is_not_found(tmp_path: Path, upload: str) -> None:
    with pytest.raises(NotFound):
        put(Uploads(tmp_path), upload, 0, chunks(b"x"))


@pytest.mark.parametrize("number", [-1, MAX_UPLOAD_FILES])
def test_a_file_number_outside_the_limit_is_refused(tmp_path: Path, number: int) -> None:
    store = Uploads(tmp_path)
    with pytest.raises(InputRefused, match="at most"):
        put(store, store.new(), number, chunks(b"x"))


def test_an_upload_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 10)
    store = Uploads(tmp_path)
    upload = store.new()
    put(store, upload, 0, chunks(b"12345678"))
    with pytest.raises(InputRefused):
        put(store, upload, 1, chunks(b"123"))
    assert [path.name for path in store.folder(upload).iterdir()] == ["000000"]


def test_a_full_disk_is_said_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free)
    store = Uploads(tmp_path)
    with pytest.raises(InputRefused, match="disk"):
        put(store, store.new(), 0, chunks(b"x"))
