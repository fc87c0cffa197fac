"""A pack holds a case whole and the same; one that is damaged, or made to harm, leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from engine.app import case_pack
from engine.app.case_check import checked
from engine.app.case_pack import MANIFEST, _bad_name, imported, packed
from engine.app.cli import app
from engine.app.training.catalogue import cases
from engine.core.errors import Cancelled, EnvironmentLacks, InputRefused
from engine.core.progress import silent
from tests.app.case_folders import CASE, write_case_folder

HARMLESS = b"nothing"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    write_case_folder(folder / "case")
    packed(folder / "case", folder / "ball.case", silent, quick=True)
    return folder / "ball.case"


def entries(pack: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rebuilt(out: Path, files: dict[str, bytes], *, lists: bool = True, mode: int = stat.S_IFREG) -> Path:
    """A pack of these files whose list names them all, as one who means harm would make it."""
    listed = [
        {"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
        if name != MANIFEST
    ]
    manifest = json.loads(files[MANIFEST])
    manifest["files"] = listed if lists else manifest["files"]
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))
        for name, data in files.items():
            if name != MANIFEST:
                info = zipfile.ZipInfo(name)
                info.external_attr = (mode | 0o644) << 16
                archive.writestr(info, data)
    return out


def refused(pack: Path, tmp_path: Path) -> str:
    with pytest.raises(InputRefused) as caught:
        imported(pack, tmp_path / "cases", silent)
    left = list((tmp_path / "cases").rglob("*")) if (tmp_path / "cases").exists() else []
    assert [one for one in left if one.is_file()] == []
    assert not list(tmp_path.rglob("evil*"))
    return str(caught.value)


def test_a_case_is_packed_and_unpacked_as_it_was(good: Path, tmp_path: Path) -> None:
    told = imported(good, tmp_path / "cases", silent)
    folder = tmp_path / "cases" / "ball" / "1.0.0"
    assert told == {"folder": str(folder), "case": "ball", "version": "1.0.0", "was_there": False}
    for name, data in entries(good).items():
        assert name == MANIFEST or (folder / name).read_bytes() == data
    assert checked(folder / "case.yaml").flaws == ()
    assert [one.case.id for one in cases(tmp_path / "cases")] == ["ball"]


def test_the_same_case_gives_the_same_bytes_whenever_and_wherever_it_is_packed(good: Path, tmp_path: Path) -> None:
    write_case_folder(tmp_path / "elsewhere")
    packed(tmp_path / "elsewhere", tmp_path / "again.case", silent, quick=True)
    assert (tmp_path / "again.case").read_bytes() == good.read_bytes()


def test_what_a_case_does_not_name_stays_at_home(tmp_path: Path) -> None:
    write_case_folder(tmp_path / "case")
    (tmp_path / "case" / "letter of the patient.txt").write_text("secret")
    packed(tmp_path / "case", tmp_path / "ball.case", silent, quick=True)
    assert sorted(entries(tmp_path / "ball.case")) == ["case.yaml", "manifest.json", "scan.nii.gz", "truth.nii.gz"]


def test_a_scan_that_stays_elsewhere_is_told_to_be_needed(tmp_path: Path) -> None:
    write_case_folder(tmp_path / "case", CASE.replace("path: scan.nii.gz", "scan: scan.nii.gz"))
    told = packed(tmp_path / "case", tmp_path / "ball.case", silent, quick=True)
    assert "needs the scan itself" in told["needs"][0]
    assert "scan.nii.gz" not in entries(tmp_path / "ball.case")


def test_a_case_that_is_not_sound_is_not_packed(tmp_path: Path) -> None:
    write_case_folder(tmp_path / "case", CASE.replace("label: 1", "label: 9"))
    with pytest.raises(InputRefused, match="has no voxel of label 9"):
        packed(tmp_path / "case", tmp_path / "ball.case", silent)
    assert [one.name for one in tmp_path.iterdir()] == ["case"]


def test_a_version_that_is_there_already_is_left_and_one_with_other_content_refused(good: Path, tmp_path: Path) -> None:
    imported(good, tmp_path / "cases", silent)
    assert imported(good, tmp_path / "cases", silent)["was_there"]
    write_case_folder(tmp_path / "other", CASE.replace("Something round", "Something else"))
    packed(tmp_path / "other", tmp_path / "other.case", silent, quick=True)
    with pytest.raises(InputRefused, match="is there already with other content"):
        imported(tmp_path / "other.case", tmp_path / "cases", silent)
    assert "Something round" in (tmp_path / "cases" / "ball" / "1.0.0" / "case.yaml").read_text()


@pytest.mark.parametrize("name", ["case.yaml", "scan.nii.gz", "truth.nii.gz"])
def test_one_changed_byte_is_refused(good: Path, tmp_path: Path, name: str) -> None:
    files = entries(good)
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    assert "is not the file that the list names" in refused(rebuilt(tmp_path / "p", files, lists=False), tmp_path)


BAD_NAMES = [
    "../evil", "/evil", "a/../../evil", "C:/evil", "a\\evil", ".evil", "a/.evil", "evil.", "evil ", "a /evil", "con",
    "NUL.txt", "a//evil", "évil", "evil\n", "CASE.yaml", "x" * 301, "scan.nii.gz/evil", "a/", "",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leads_elsewhere_or_that_a_system_mistakes_is_refused(
    good: Path, tmp_path: Path, name: str
) -> None:
    assert "pack" in refused(rebuilt(tmp_path / "p", {**entries(good), name: HARMLESS}), tmp_path)


def test_folders_that_differ_in_capitals_alone_are_refused(good: Path, tmp_path: Path) -> None:
    files = {**entries(good), "masks/a": HARMLESS, "Masks/b": HARMLESS}
    assert "where capitals do not count" in refused(rebuilt(tmp_path / "p", files), tmp_path)


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(good: Path, tmp_path: Path, mode: int) -> None:
    assert "a link or a device" in refused(rebuilt(tmp_path / "p", entries(good), mode=mode), tmp_path)


def test_a_file_that_the_case_does_not_name_is_refused(good: Path, tmp_path: Path) -> None:
    files = {**entries(good), "evil.exe": HARMLESS}
    assert "its case does not name it" in refused(rebuilt(tmp_path / "p", files), tmp_path)


def test_a_file_that_is_missing_or_too_many_is_refused(good: Path, tmp_path: Path) -> None:
    files = entries(good)
    del files["truth.nii.gz"]
    assert "does not hold the files" in refused(rebuilt(tmp_path / "p", files, lists=False), tmp_path)
    assert "is not sound" in refused(rebuilt(tmp_path / "p", files), tmp_path)


def changed_manifest(good: Path, out: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    files = entries(good)
    manifest = json.loads(files[MANIFEST])
    change(manifest)
    files[MANIFEST] = json.dumps(manifest).encode()
    return rebuilt(out, files, lists=False)


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", "../../evil"), ("case", "../evil"), ("format", "sightline-pack/9"), ("files", []), ("case", "other")],
)
def test_a_list_that_says_otherwise_is_refused(good: Path, tmp_path: Path, field: str, value: Any) -> None:
    refused(changed_manifest(good, tmp_path / "p", lambda manifest: manifest.update({field: value})), tmp_path)


def test_what_unpacks_to_more_than_it_says_is_stopped(good: Path, tmp_path: Path) -> None:
    """The directory of the ZIP says 10 bytes, and so does the list; what is packed there are 4 MiB."""
    bomb = bytes(4 * 2**20)
    files = entries(good)
    pack = tmp_path / "bomb"
    manifest = json.loads(files[MANIFEST])
    manifest["files"] = [{"path": "case.yaml", "bytes": 10, "sha256": hashlib.sha256(bomb).hexdigest()}]
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))
        archive.writestr("case.yaml", bomb)
        archive.infolist()[1].file_size = 10
    assert "damaged" in refused(pack, tmp_path)


def test_more_than_a_pack_holds_is_refused_before_anything_is_unpacked(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_pack, "MOST_BYTES", 100)
    assert "unpacks to at most" in refused(good, tmp_path)
    monkeypatch.setattr(case_pack, "MOST_FILES", 2)
    assert "at most 2 files" in refused(good, tmp_path)


def test_a_disk_without_room_is_told_before_anything_is_unpacked(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(EnvironmentLacks, match="10 are free"):
        imported(good, tmp_path / "cases", silent)


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"PK\x03\x04 and no more")
    assert "is no pack, or is damaged" in refused(tmp_path / "p", tmp_path)


@settings(max_examples=50)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing(
    good: Path, tmp_path_factory: Any, at: int, bit: int
) -> None:
    place = tmp_path_factory.mktemp("flip")
    data = bytearray(good.read_bytes())
    data[at % len(data)] ^= 1 << bit
    (place / "p").write_bytes(bytes(data))
    try:
        imported(place / "p", place / "cases", silent)
    except InputRefused:
        assert [one for one in place.rglob("*") if one.is_file()] == [place / "p"]
    else:
        folder = place / "cases" / "ball" / "1.0.0"
        assert all(name == MANIFEST or (folder / name).read_bytes() == was for name, was in entries(good).items())


def test_an_import_that_is_cancelled_leaves_nothing(good: Path, tmp_path: Path) -> None:
    def cancel(fraction: float, _stage: str) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        imported(good, tmp_path / "cases", cancel)
    assert list((tmp_path / "cases").iterdir()) == []


def test_what_was_left_by_a_killed_import_is_no_case(good: Path, tmp_path: Path) -> None:
    imported(good, tmp_path / "cases", silent)
    (tmp_path / "cases" / "ball").rename(tmp_path / "cases" / ".ball.0a1b2c3d")
    with pytest.raises(InputRefused, match="holds no case"):
        cases(tmp_path / "cases")


@given(name=st.text(min_size=1, max_size=40))
def test_a_good_name_stays_within_the_folder_on_every_system(name: str) -> None:
    if _bad_name(name) is None:
        assert not name.startswith(("/", "."))
        assert ".." not in name.split("/")
        assert "\\" not in name
        assert ":" not in name


def test_the_commands_pack_and_import(tmp_path: Path) -> None:
    file = write_case_folder(tmp_path / "case")
    ran = CliRunner().invoke(app, ["case", "pack", str(file.parent), "--out", str(tmp_path / "ball.case")])
    assert ran.exit_code == 0, ran.output
    ran = CliRunner().invoke(
        app, ["case", "import", str(tmp_path / "ball.case"), "--into", str(tmp_path / "c"), "--json"]
    )
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["version"] == "1.0.0"
