"""Pages of markers to print, at true size, with a ruler that shows whether they were printed so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.devices.aruco.marker_set import DICTIONARIES, MarkedThing, Marker, MarkerSet
from guidance.devices.aruco.opencv import opencv

#: Width and height in mm.
PAPERS = {"a4": (210.0, 297.0), "a3": (297.0, 420.0), "letter": (215.9, 279.4)}
#: Printers leave so much white.
_EDGE_MM = 12.0
_GAP_MM = 8.0
_HEAD_MM, _FOOT_MM = 14.0, 30.0
_LABEL_MM = 5.0
RULER_MM = 100
_GREY = "#777"
_WORDS = (
    "Print at 100 % (“actual size”). Both rulers must measure 100.0 mm.",
    "If they do not, put the size that was printed into the file of markers, or print again.",
    "Cut along the grey lines, leave the white margin, glue to something flat and stiff. Up is as you read this.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """What is cut out in one piece.

    Attributes:
        label: printed below it.
        markers: with their (4, 2) corners in mm, from the card's upper left corner, y down.
        size_mm: (width, height), white margin included.
    """

    label: str
    markers: tuple[tuple[Marker, Float64], ...]
    size_mm: tuple[float, float]


def cards(markers: MarkerSet) -> tuple[Card, ...]:
    """A card for each flat thing, and one for each marker of the others."""
    cells = DICTIONARIES[markers.dictionary][0] + 2
    made = []
    for thing in markers.things:
        groups = [thing.markers] if _is_one_card(thing) else [(marker,) for marker in thing.markers]
        made += [_card(thing.name, group, cells) for group in groups]
    return tuple(made)


def _is_one_card(thing: MarkedThing) -> bool:
    normals = [np.cross(marker.right, marker.up) for marker in thing.markers]
    return thing.is_flat and all(float(normal @ normals[0]) > 0.99 for normal in normals)


def _card(name: str, group: tuple[Marker, ...], cells: int) -> Card:
    axes = np.array([group[0].right, -group[0].up])
    flat = [marker.corners_mm @ axes.T for marker in group]
    white_mm = max(marker.size_mm for marker in group) / cells
    low = np.min([corners.min(axis=0) for corners in flat], axis=0) - white_mm
    width, height = np.max([corners.max(axis=0) for corners in flat], axis=0) + white_mm - low
    numbers = ", ".join(str(marker.id) for marker in group)
    sizes = ", ".join(f"{size:g} mm" for size in sorted({marker.size_mm for marker in group}))
    placed = tuple((marker, corners - low) for marker, corners in zip(group, flat, strict=True))
    return Card(f"{name} · {numbers} · {sizes}", placed, (float(width), float(height)))


def sheets(markers: MarkerSet, paper: str = "a4") -> tuple[str, ...]:
    """Pages as SVG, in mm.

    Raises:
        InvalidValue: no such paper, or a card is larger than it.
        EnvironmentLacks: OpenCV, which knows the markers, is not installed.
    """
    if paper not in PAPERS:
        raise InvalidValue(f"{paper!r} is no paper; there are {', '.join(PAPERS)}")
    pages = list(_pages(cards(markers), PAPERS[paper]))
    return tuple(
        _svg(markers.dictionary, page, PAPERS[paper], f"{n} of {len(pages)}") for n, page in enumerate(pages, 1)
    )


Placed = tuple[Card, float, float]


def _pages(all_cards: tuple[Card, ...], paper_mm: tuple[float, float]) -> Iterator[list[Placed]]:
    """Cards in rows, from the upper left, as they come."""
    right, bottom = paper_mm[0] - _EDGE_MM, paper_mm[1] - _EDGE_MM - _FOOT_MM
    top = _EDGE_MM + _HEAD_MM
    page: list[Placed] = []
    x, y, row = _EDGE_MM, top, 0.0
    for card in all_cards:
        width, height = card.size_mm[0], card.size_mm[1] + _LABEL_MM
        if width > right - _EDGE_MM or height > bottom - top:
            raise InvalidValue(f"{card.label}: {width:.0f} x {height:.0f} mm do not fit on the paper")
        if x + width > right:
            x, y, row = _EDGE_MM, y + row + _GAP_MM, 0.0
        if y + height > bottom:
            yield page
            page, x, y, row = [], _EDGE_MM, top, 0.0
        page.append((card, x, y))
        x, row = x + width + _GAP_MM, max(row, height)
    yield page


def _svg(dictionary: str, page: list[Placed], paper_mm: tuple[float, float], number: str) -> str:
    width, height = paper_mm
    body = [_text(_EDGE_MM, _EDGE_MM + 4, f"Sightline markers {dictionary}, page {number}", 4.5)]
    body += [_text(_EDGE_MM, _EDGE_MM + 9, "Research use, not a medical device.", 3.0)]
    for card, x, y in page:
        body += _drawn(dictionary, card, x, y)
    body += _ruler(_EDGE_MM, height - _EDGE_MM - 16, is_upright=False)
    body += _ruler(width - 7.0, height - _EDGE_MM - 16, is_upright=True)
    body += [_text(_EDGE_MM, height - _EDGE_MM - 6 + 4.5 * n, words, 3.2) for n, words in enumerate(_WORDS)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm"'
            f' viewBox="0 0 {width:g} {height:g}" font-family="sans-serif">',
            f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _text(x: float, y: float, words: str, size_mm: float, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size_mm:g}" text-anchor="{anchor}">{escape(words)}</text>'


def _drawn(dictionary: str, card: Card, x: float, y: float) -> list[str]:
    width, height = card.size_mm
    lines = [
        f'<rect x="{x:.4f}" y="{y:.4f}" width="{width:.4f}" height="{height:.4f}"'
        f' fill="none" stroke="{_GREY}" stroke-width="0.15"/>'
    ]
    for marker, corners in card.markers:
        black, white = _shapes(bits(dictionary, marker.id), corners + np.array((x, y)))
        lines += [f'<path fill="#000" d="{black}"/>', f'<path fill="#fff" d="{white}"/>']
    return [*lines, _text(x, y + height + 3.6, card.label, 3.0)]


def bits(dictionary: str, number: int) -> NDArray[np.bool_]:
    """(n, n) what of a marker is white, its black border included."""
    aruco = opencv().aruco
    known = aruco.getPredefinedDictionary(getattr(aruco, f"DICT_{dictionary}"))
    return np.asarray(aruco.generateImageMarker(known, number, DICTIONARIES[dictionary][0] + 2)) > 127


def _shapes(white: NDArray[np.bool_], corners: Float64) -> tuple[str, str]:
    """The black square, and in it what is white, runs of cells in one piece."""
    n = len(white)
    start, right, down = corners[0], (corners[1] - corners[0]) / n, (corners[3] - corners[0]) / n

    def path(u0: int, v0: int, u1: int, v1: int) -> str:
        places = [start + u * right + v * down for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))]
        return "M" + "L".join(f"{x:.4f} {y:.4f}" for x, y in places) + "Z"

    runs = []
    for v, row in enumerate(white):
        turns = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
        runs += [path(int(u0), v, int(u1), v + 1) for u0, u1 in list(pairwise(turns))[::2]]
    return path(0, 0, n, n), "".join(runs)


def _ruler(x: float, y: float, *, is_upright: bool) -> list[str]:
    """A hundred millimetres from a place to the right, or upward: printers may stretch one way alone."""
    lengths = [2.5 if mm % 10 == 0 else 1.8 if mm % 5 == 0 else 1.0 for mm in range(RULER_MM + 1)]
    places = [(x, y - mm) if is_upright else (x + mm, y) for mm in range(RULER_MM + 1)]
    ticks = [
        f"M{u:g} {v:g}{'h' if is_upright else 'v'}{-length:g}" for (u, v), length in zip(places, lengths, strict=True)
    ]
    line = f"M{x:g} {y:g}{f'v{-RULER_MM}' if is_upright else f'h{RULER_MM}'}"
    numbers = [
        _text(u + 0.6, v + 0.8, f"{mm}", 2.2) if is_upright else _text(u, v + 3.0, f"{mm}", 2.8, "middle")
        for mm, (u, v) in list(enumerate(places))[::10]
    ]
    return [f'<path d="{line}{"".join(ticks)}" fill="none" stroke="#000" stroke-width="0.15"/>', *numbers]
