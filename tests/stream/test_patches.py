"""Which blocks of patches show: one rule for what is kept and what is drawn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.stream.messages import SurfacePatch
from engine.stream.patches import latest_first, shown_blocks

blocks = st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=6, unique=True)


@given(st.lists(blocks, max_size=8))
def test_each_block_shows_in_the_latest_patch_that_has_it_and_nowhere_else(
    made: list[list[tuple[int, int, int]]],
) -> None:
    patches = [
        SurfacePatch(blocks=tuple(each), counts=(1,) * len(each), blob="0" * 64, start=0, bytes=1, triangles=len(each))
        for each in made
    ]
    shown = [
        (block, n)
        for n, (patch, shows) in enumerate(zip(patches, shown_blocks(patches), strict=True))
        for block, is_shown in zip(patch.blocks, shows, strict=True)
        if is_shown
    ]
    assert dict(shown) == {block: n for n, each in enumerate(made) for block in each}
    assert len(shown) == len({block for block, _ in shown})
    kept = [patch for patch, over in latest_first(patches) if not over.issuperset(patch.blocks)]
    assert len(kept) == len({n for _, n in shown})
