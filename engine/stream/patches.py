"""Which blocks of a surface's patches show: a later patch takes the place of its blocks in earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.stream.messages import SurfacePatch

Block = tuple[int, int, int]


def latest_first(patches: Sequence[SurfacePatch]) -> Iterator[tuple[SurfacePatch, set[Block]]]:
    """Each patch, the latest first, with the blocks that lie over it; to be read before the next is taken."""
    over: set[Block] = set()
    for patch in reversed(patches):
        yield patch, over
        over.update(patch.blocks)


def shown_blocks(patches: Sequence[SurfacePatch]) -> list[list[bool]]:
    """Which blocks of each patch show, in the order of the patches."""
    return [[block not in over for block in patch.blocks] for patch, over in latest_first(patches)][::-1]
