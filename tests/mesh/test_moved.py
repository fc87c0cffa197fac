"""Surfaces that move and keep their triangles: positions alone say where they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.anatomy import structure
from engine.core.errors import InvalidValue
from engine.core.structure import Provenance
from engine.core.surface import Surface
from engine.mesh.gltf import single_surface_glb
from engine.mesh.gltf_read import read_glb
from engine.mesh.moved import packed_positions, unpacked_positions
from engine.mesh.quantize import QuantizationFrame
from tests.mesh.organs import ball

MADE = structure("liver", 3, Provenance("test", "1", (), synthetic=True))


def swollen(surface: Surface, by_mm: float) -> Surface:
    middle = surface.vertices_mm.mean(axis=0)
    out = surface.vertices_mm - middle
    grown = surface.vertices_mm + by_mm * out / np.linalg.norm(out, axis=1, keepdims=True)
    return Surface(surface.frame, grown.astype(np.float32), surface.faces)


@given(st.floats(-5.0, 20.0))
def test_positions_take_the_place_of_those_in_the_glb_vertex_for_vertex(by_mm: float) -> None:
    surface = ball()
    moved = swollen(surface, by_mm)
    frame = QuantizationFrame.around([surface, moved])
    (was,) = read_glb(single_surface_glb(surface, MADE, np.eye(4), frame=frame))
    now = unpacked_positions(packed_positions(moved, frame), len(was.positions_m), frame)
    # Every vertex went by_mm straight away from the middle: none was taken for another.
    middle = surface.vertices_mm.mean(axis=0)
    expected = was.positions_m + by_mm * (was.positions_m - middle) / np.linalg.norm(
        was.positions_m - middle, axis=1, keepdims=True
    )
    assert np.abs(now - expected).max() < 4 * frame.step_mm


def test_positions_alone_are_a_fraction_of_the_surface() -> None:
    surface = ball()
    frame = QuantizationFrame.around([surface], margin_mm=10.0)
    whole = single_surface_glb(surface, MADE, np.eye(4))
    assert len(packed_positions(swollen(surface, 3.0), frame)) < 0.75 * len(whole)


def test_what_leaves_its_frame_is_refused() -> None:
    surface = ball()
    with pytest.raises(InvalidValue, match="outside"):
        packed_positions(swollen(surface, 5.0), QuantizationFrame.around([surface]))
