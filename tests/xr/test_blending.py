"""Which blending is chosen of what a headset offers."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from engine.xr.blending import Blending, BlendMode, choose_blending

SETS = [*chain.from_iterable(combinations(BlendMode, n) for n in range(4))]


@pytest.mark.parametrize("offered", SETS)
@pytest.mark.parametrize("offers_passthrough", [False, True])
def test_the_room_is_shown_by_the_best_means_there_is(offered: tuple[BlendMode, ...], offers_passthrough: bool) -> None:
    chosen = choose_blending(offered, offers_passthrough=offers_passthrough)
    if BlendMode.ALPHA_BLEND in offered:
        assert chosen == Blending(BlendMode.ALPHA_BLEND)
    elif BlendMode.ADDITIVE in offered:
        assert chosen == Blending(BlendMode.ADDITIVE)
    else:
        assert chosen == Blending(BlendMode.OPAQUE, has_passthrough=offers_passthrough)


def test_a_room_of_our_own_is_drawn_only_where_the_real_one_is_not_seen() -> None:
    assert not Blending(BlendMode.OPAQUE).shows_room
    assert all(each.shows_room for each in (
        Blending(BlendMode.ALPHA_BLEND), Blending(BlendMode.ADDITIVE), Blending(BlendMode.OPAQUE, has_passthrough=True)
    ))  # fmt: skip


def test_forms_are_told_by_outlines_only_where_black_cannot_be_seen() -> None:
    assert [Blending(mode).is_additive for mode in BlendMode] == [False, True, False]
