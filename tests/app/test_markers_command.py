"""Markers to print, from the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app.markers_command import write_markers
from engine.core.errors import EnvironmentLacks, InputRefused
from guidance.devices.aruco.marker_set import MarkedThing, Marker, MarkerSet, read_marker_set, toml_of

pytest.importorskip("cv2")


def test_the_command_writes_pages_and_the_file_that_names_what_is_on_them(tmp_path: Path) -> None:
    written = write_markers(tmp_path / "sheet.svg", None, "a4")
    assert [path.name for path in written] == ["sheet.svg", "sheet.toml"]
    assert [thing.name for thing in read_marker_set(written[1]).things] == ["Reference", "Pointer"]
    things = tuple(MarkedThing(f"T{n}", (Marker(n, 60.0),)) for n in range(20))
    (tmp_path / "own.toml").write_text(toml_of(MarkerSet("4X4_50", things)))
    written = write_markers(tmp_path / "own.svg", tmp_path / "own.toml", "a4")
    assert [path.name for path in written] == ["own.svg", *(f"own-{n}.svg" for n in range(2, len(written) + 1))]
    assert len(written) > 1
    assert read_marker_set(tmp_path / "own.toml").things[0].name == "T0"


def test_the_command_writes_nothing_where_it_cannot_write_all(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="named otherwise"):
        write_markers(tmp_path / "sheet.pdf", None, "a4")
    with pytest.raises(EnvironmentLacks, match="No such file"):
        write_markers(tmp_path / "nowhere" / "sheet.svg", None, "a4")
    assert list(tmp_path.iterdir()) == []
