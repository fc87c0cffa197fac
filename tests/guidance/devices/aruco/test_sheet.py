"""Pages of markers: read again from the page, they are the markers that were meant, at their true size."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.devices.aruco.marker_set import USUAL, MarkedThing, Marker, MarkerSet
from guidance.devices.aruco.sheet import PAPERS, sheets
from tests.guidance.devices.aruco.test_sighting import WITH_CUBE

cv2 = pytest.importorskip("cv2")

PX_MM = 8.0
SVG = "{http://www.w3.org/2000/svg}"


def polygons(path: str) -> list[Float64]:
    return [
        np.array([point.split() for point in part[1:].split("L")], float) for part in re.findall(r"M[^MZ]+(?=Z)", path)
    ]


def printed(svg: str, paper: str = "a4") -> NDArray[np.uint8]:
    """The page as a printer fills its shapes, black and white, 8 px a millimetre."""
    width, height = PAPERS[paper]
    page = np.full((round(height * PX_MM), round(width * PX_MM)), 255, np.uint8)
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if path.get("fill") in ("#000", "#fff"):
            for polygon in polygons(path.get("d", "")):
                corners = np.round((polygon * PX_MM - 0.5) * 16).astype(np.int32)
                cv2.fillPoly(page, [corners], 0 if path.get("fill") == "#000" else 255, shift=4)
    return page


def seen(page: NDArray[np.uint8], dictionary: str) -> dict[int, Float64]:
    """Corners in mm on the page, by number."""
    known = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{dictionary}"))
    corners, numbers, _ = cv2.aruco.ArucoDetector(known).detectMarkers(page)
    found = zip(np.ravel(numbers), corners, strict=True)
    return {int(number): np.asarray(four).reshape(4, 2) / PX_MM for number, four in found}


@pytest.mark.parametrize("dictionary", ["4X4_50", "5X5_100", "7X7_1000"])
def test_a_card_read_from_the_page_is_the_thing_that_was_meant(dictionary: str) -> None:
    known = MarkerSet(dictionary, USUAL.things)
    (page,) = sheets(known)
    found = seen(printed(page), dictionary)
    for thing in known.things:
        corners_mm = np.concatenate([marker.corners_mm[:, :2] * (1, -1) for marker in thing.markers])
        on_page = np.concatenate([found.pop(marker.id) for marker in thing.markers])
        np.testing.assert_allclose(on_page - on_page.mean(axis=0), corners_mm - corners_mm.mean(axis=0), atol=0.2)
    assert not found


def test_what_is_not_flat_is_cut_from_a_card_for_each_face() -> None:
    (page,) = sheets(WITH_CUBE)
    found = seen(printed(page), "4X4_50")
    assert found.keys() == {0, 1, 2, 3, 10, 11, 12}
    for number in (10, 11, 12):
        sides = np.linalg.norm(np.roll(found[number], -1, axis=0) - found[number], axis=1)
        np.testing.assert_allclose(sides, 40.0, atol=0.2)


def test_the_page_and_its_rulers_are_in_millimetres() -> None:
    for paper, (width, height) in PAPERS.items():
        (page,) = sheets(USUAL, paper)
        root = ElementTree.fromstring(page)
        assert (root.get("width"), root.get("height")) == (f"{width:g}mm", f"{height:g}mm")
        assert root.get("viewBox") == f"0 0 {width:g} {height:g}"
        lines = [path.get("d", "") for path in root.iter(f"{SVG}path") if path.get("fill") == "none"]
        assert [re.match(r"M\S+ [\d.]+([hv]-?\d+)", line)[1] for line in lines] == ["h100", "v-100"]  # type: ignore[index]


def test_many_markers_take_several_pages_and_one_that_is_too_large_takes_none() -> None:
    things = tuple(MarkedThing(f"T{n}", (Marker(n, 60.0),)) for n in range(20))
    pages = sheets(MarkerSet("4X4_50", things))
    assert len(pages) > 1
    found = [number for page in pages for number in seen(printed(page), "4X4_50")]
    assert sorted(found) == list(range(20))
    with pytest.raises(InvalidValue, match="do not fit"):
        sheets(MarkerSet("4X4_50", (MarkedThing("Board", (Marker(0, 300.0),)),)))
    with pytest.raises(InvalidValue, match="'a5' is no paper"):
        sheets(USUAL, "a5")


def test_a_name_cannot_break_the_page() -> None:
    (page,) = sheets(MarkerSet("4X4_50", (MarkedThing("<b> & co", (Marker(0, 30.0),)),)))
    assert any("<b> & co" in (text.text or "") for text in ElementTree.fromstring(page).iter(f"{SVG}text"))
