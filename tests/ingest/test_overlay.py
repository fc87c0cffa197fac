"""Structures over each other: the smaller wins, and what is lost is said."""

from __future__ import annotations

import numpy as np

from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.structure import Structure
from engine.ingest.overlay import Part, composed

GRID = Grid.centred((4, 4, 4), 1.0)
WHOLE = (slice(0, 4), slice(0, 4), slice(0, 4))


def part(label: int, name: str, mask: np.ndarray) -> Part:
    structure = Structure(label, name.lower(), name, None, (1, 2, 3))
    return Part(structure, float(mask.sum()), lambda: [(WHOLE, mask)])


def test_a_structure_that_smaller_ones_cover_wholly_is_named() -> None:
    lower, upper, all_of_it = np.zeros((3, 4, 4, 4), bool)
    lower[:2], upper[2:], all_of_it[:] = True, True, True
    label_map, notes = composed(
        GRID, [part(1, "Lower", lower), part(2, "Both", all_of_it), part(3, "Upper", upper)], silent
    )
    assert set(np.asarray(label_map.labels).ravel().tolist()) == {1, 3}
    assert "'Both' lies wholly under smaller structures and is not shown" in notes


def test_one_of_which_a_voxel_is_left_is_not() -> None:
    small, large = np.zeros((2, 4, 4, 4), bool)
    large[:], small[:] = True, True
    small[0, 0, 0] = False
    label_map, notes = composed(GRID, [part(1, "Small", small), part(2, "Large", large)], silent)
    assert int((np.asarray(label_map.labels) == 2).sum()) == 1
    assert notes == ["'Large' and 'Small' share 63 voxels: given to 'Small', the smaller"]
