"""What the shaders make of patterns and of a tip nearby, in a context without a window or a headset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.xr.blending import Blending, BlendMode
from engine.xr.drawn import Change, DrawnSurface
from engine.xr.eye import Eye, FieldOfView
from engine.xr.rigid import rigid
from engine.xr.shapes import ball, rod
from tests.xr.expected import light

moderngl = pytest.importorskip("moderngl")
pytest.importorskip("PIL")

SIZE = (240, 240)
#: A ball of 40 mm half a metre ahead fills two thirds of the picture.
BALL_M, AWAY_M, HALF_RAD = 0.04, 0.5, 0.12
EYE = Eye(np.eye(4), FieldOfView(-HALF_RAD, HALF_RAD, HALF_RAD, -HALF_RAD))
PLACE = rigid(np.eye(3), (0, 0, -AWAY_M))
RED, GREEN = (230, 60, 50), (60, 220, 90)
#: On the ball's front, and far from it.
TIP_M, ASIDE_M = np.array([0.0, 0.0, BALL_M - AWAY_M]), np.array([0.2, 0.0, 0.0])


@pytest.fixture(scope="module")
def gl() -> Iterator[Any]:
    try:
        context = moderngl.create_context(standalone=True, backend="egl")
    except Exception as error:  # whatever the driver says
        pytest.skip(f"no OpenGL without a window here: {error}")
    yield context
    _RENDERERS.clear()
    context.release()


_RENDERERS: dict[BlendMode, Any] = {}


class Once:
    """A source of one surface."""

    def __init__(self, pattern: str, opacity: float) -> None:
        positions, normals, triangles = ball(40, 80)
        scaled = (BALL_M * positions).astype(np.float32)
        self._left: list[Change] = [
            DrawnSurface("a", "A", 1, RED, opacity, True, 0, 1.0, scaled, normals, triangles, pattern)
        ]

    def next_change(self) -> Change | None:
        return self._left.pop() if self._left else None


def seen(
    gl: Any,
    pattern: str = "plain",
    opacity: float = 0.6,
    mode: BlendMode = BlendMode.ALPHA_BLEND,
    pattern_of_all: str = "plain",
    **picture: Any,
) -> NDArray[np.uint8]:
    """(height, width, 4) first row at the top."""
    from engine.xr.gpu_scene import GpuScene
    from engine.xr.renderer import Picture, Renderer

    renderer = _RENDERERS.get(mode) or _RENDERERS.setdefault(mode, Renderer(gl, Blending(mode)))
    scene = GpuScene(gl, renderer.surface_program)
    scene.take(Once(pattern, opacity))  # type: ignore[arg-type]
    into = gl.framebuffer(gl.texture(SIZE, 4, dtype="f1"))
    fields: dict[str, Any] = {
        "world_from_anatomy": PLACE,
        "shown": frozenset("a"),
        "cut": None,
        "section_m": np.empty((0, 3)),
        "window": None,
        "shapes": (),
        "world_from_panel": None,
        "floor_m": None,
    }
    renderer.paint(into, EYE, scene, Picture(**fields | picture, pattern=pattern_of_all))
    pixels = np.frombuffer(into.read(components=4, alignment=1), np.uint8).reshape(*SIZE[::-1], 4)[::-1].copy()
    scene.release()
    into.release()
    return pixels


def middle(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Alpha of the middle of the ball, where it faces the eye."""
    return np.asarray(pixels[80:160, 80:160, 3] / 255)


@pytest.mark.parametrize("mode", [BlendMode.ALPHA_BLEND, BlendMode.ADDITIVE, BlendMode.OPAQUE])
def test_margins_are_told_apart_by_their_marks_without_colour(gl: Any, mode: BlendMode) -> None:
    pictures = {name: seen(gl, name, mode=mode) for name in ("plain", "lines", "dashes", "dots")}
    for name, pixels in pictures.items():
        for other, others in pictures.items():
            if name < other:
                apart = np.abs(light(pixels) - light(others)).max(axis=-1)
                assert (apart > 0.003).mean() > 0.02, (name, other)


def test_marks_are_as_large_as_they_say_on_the_patient(gl: Any) -> None:
    alpha = seen(gl, "lines")[:, :, 3].astype(float)
    column = alpha[:, 120] > 100  # marked rows down the middle
    edges = np.flatnonzero(np.diff(column.astype(int)) == 1)
    # 5 mm apart on the ball's front, as large as the eye sees them there.
    px_per_mm = SIZE[1] / 2 / np.tan(HALF_RAD) / (AWAY_M - BALL_M) / 1e3
    inner = edges[(edges > 70) & (edges < 170)]
    assert np.diff(inner).mean() == pytest.approx(5.0 * px_per_mm, rel=0.1)


def test_what_may_not_be_believed_has_marks_of_its_own_in_place_of_a_structures(gl: Any) -> None:
    np.testing.assert_array_equal(seen(gl, "lines", pattern_of_all="dots"), seen(gl, "dots"))


def test_a_shell_thins_out_near_a_tip_and_nowhere_else(gl: Any) -> None:
    whole, near, far = seen(gl), seen(gl, tips_m=[(TIP_M, 0.02)]), seen(gl, tips_m=[(TIP_M + ASIDE_M, 0.02)])
    np.testing.assert_array_equal(whole, far)
    here = slice(115, 125)
    assert near[here, here, 3].mean() < 0.6 * whole[here, here, 3].mean()
    beside = np.hypot(*(np.mgrid[:240, :240] - 120)) > 60
    np.testing.assert_array_equal(near[beside], whole[beside])


def test_what_lies_in_a_solid_is_seen_near_a_tip(gl: Any) -> None:
    inside = rod(np.array([-0.02, 0, -AWAY_M]), np.array([0.02, 0, -AWAY_M]), 0.004, GREEN)
    row = {
        name: seen(gl, opacity=1.0, shapes=[inside], tips_m=tips)[118:122, 110:130]
        for name, tips in (("whole", []), ("near", [(TIP_M, 0.02)]))
    }
    green = {name: (pixels[..., 1] > pixels[..., 0]).mean() for name, pixels in row.items()}
    assert green["whole"] == 0
    assert 0.3 < green["near"] < 1


def test_a_tool_that_is_dots_shows_what_lies_behind_between_them(gl: Any) -> None:
    tool = rod(np.array([-0.05, 0, -0.4]), np.array([0.05, 0, -0.4]), 0.003, GREEN)
    rows = {
        name: seen(gl, "plain", 1.0, shapes=[replace(tool, pattern=name)])[120, 30:210] for name in ("plain", "dots")
    }
    green = {name: row[:, 1] > row[:, 0] for name, row in rows.items()}
    assert green["plain"].all()
    assert 0.2 < green["dots"].mean() < 0.8
    assert np.count_nonzero(np.diff(green["dots"])) > 10


def test_where_nothing_may_be_shown_nothing_is(gl: Any) -> None:
    assert seen(gl, "dots", strength=0.0)[..., 3].max() == 0
    assert middle(seen(gl)).min() > 0
