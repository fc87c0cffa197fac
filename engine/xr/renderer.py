"""Draws one eye: the room, solid structures, the slice, shells from the inside out, tools, hands, the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.xr import shaders
from engine.xr.blending import Blending
from engine.xr.drawn import UInt8, Window
from engine.xr.eye import Eye
from engine.xr.gpu_scene import GpuScene, GpuSurface, linear_light, texture_value
from engine.xr.label import Label
from engine.xr.panel import HEIGHT_MM, WIDTH_MM
from engine.xr.panel_picture import CAP_PX
from engine.xr.shapes import Shape, ball, cylinder

#: From here on a structure is drawn solid.
SOLID = 0.995
#: Samples a pixel: edges in a headset move with the head, and crawl without.
SAMPLES = 4
#: The dark reading room: overhead, at the horizon, underfoot.
_ROOM = {"above": (9, 12, 16), "horizon": (26, 34, 42), "below": (13, 17, 21)}
_FRAMEBUFFER_SRGB = 0x8DB9
_CLIP_DISTANCE = 0x3000
#: Corners of the largest section of a box, as a fan.
_FAN = np.array([[0, n, n + 1] for n in range(1, 5)], np.uint32)
_NO_CUT = (0.0, 0.0, 0.0, 1.0)
#: A shape's place, colour and pattern, and their bytes.
_SHAPE_FORMAT, _SHAPE_BYTES = "16f 4f 1f /i", 84
#: As the shaders number them.
PATTERNS = {"plain": 0.0, "lines": 1.0, "dashes": 2.0, "dots": 3.0}
#: What a surface keeps of its opacity between its marks. Below 0: nothing is there (tools that may not be believed).
_BETWEEN, _NOTHING = 0.3, -1.0
#: Tips near which anatomy thins out.
MOST_TIPS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What both eyes see in one frame.

    Attributes:
        world_from_anatomy: (4, 4).
        shown: identifiers of the structures that are drawn.
        cut: (4,) plane whose negative side is cut away, or None.
        section_m: (n, 3) corners of the slice in the world; none where there is none.
        window: how the slice's samples are shown.
        shapes: tools, hands, rays.
        world_from_panel: (4, 4), or None where it is put away.
        floor_m: height of the floor, None where unknown.
        strength: share of its opacity that the anatomy is drawn with; 0: it is not.
        labels: words in the room, with their pictures.
        pattern: of all anatomy while it may not be believed, in place of each structure's own; plain otherwise.
        tips_m: places of the world near which anatomy thins out, and within which radius.
        world_from_readout: (4, 4) of the numbers beside the anatomy, or None where there are none.
        alarms: signs over everything, with their pictures.
    """

    world_from_anatomy: Float64
    shown: frozenset[str]
    cut: Float64 | None
    section_m: Float64
    window: Window | None
    shapes: Sequence[Shape]
    world_from_panel: Float64 | None
    floor_m: float | None
    strength: float = 1.0
    labels: Sequence[tuple[Label, UInt8]] = ()
    pattern: str = "plain"
    tips_m: Sequence[tuple[Float64, float]] = ()
    world_from_readout: Float64 | None = None
    alarms: Sequence[tuple[Label, UInt8]] = ()


class Renderer:
    """Owns programs and buffers; draws into framebuffers of one size each."""

    def __init__(self, gl: moderngl.Context, blending: Blending) -> None:
        self._gl = gl
        self._blending = blending
        fragment = shaders.SURFACE_FRAGMENT
        self.surface_program = gl.program(shaders.SURFACE_VERTEX, fragment_shader=fragment)
        self._shape_program = gl.program(shaders.SHAPE_VERTEX, fragment_shader=fragment)
        self._slice_program = gl.program(shaders.SLICE_VERTEX, fragment_shader=shaders.SLICE_FRAGMENT)
        self._picture_program = gl.program(shaders.PICTURE_VERTEX, fragment_shader=shaders.PICTURE_FRAGMENT)
        self._room_program = gl.program(shaders.ROOM_VERTEX, fragment_shader=shaders.ROOM_FRAGMENT)
        self._resolve_program = gl.program(shaders.RESOLVE_VERTEX, fragment_shader=shaders.RESOLVE_FRAGMENT)
        self._section = gl.buffer(reserve=6 * 12, dynamic=True)
        fan = gl.buffer(_FAN.tobytes())
        self._slice_array = gl.vertex_array(self._slice_program, [(self._section, "3f", "position")], fan)
        self._picture_array = gl.vertex_array(self._picture_program, [])
        self._room_array = gl.vertex_array(self._room_program, [])
        self._resolve_array = gl.vertex_array(self._resolve_program, [])
        self._shapes = {"ball": _Instances(gl, self._shape_program, *ball()),
                        "cylinder": _Instances(gl, self._shape_program, *cylinder())}  # fmt: skip
        self._palette = gl.texture((256, 1), 4, dtype="f1")
        self._palette.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._plates: dict[str, moderngl.Texture] = {}
        self._words: dict[str, moderngl.Texture] = {}
        self._targets: dict[tuple[int, int], _Target] = {}
        for name, colour in _ROOM.items():
            self._room_program[name] = tuple(linear_light(colour))
        for unit, name in enumerate(("samples", "labels", "palette")):
            self._slice_program[name] = unit
        for program in (self.surface_program, self._shape_program):
            program["outlined"] = 1.0 if blending.is_additive else 0.0
        gl.enable_direct(_FRAMEBUFFER_SRGB)

    def set_panel(self, pixels: UInt8) -> None:
        """What the panel shows from now on: (height, width, 4)."""
        self._set_plate("panel", pixels)

    def set_readout(self, pixels: UInt8) -> None:
        """What the numbers beside the anatomy show from now on: (height, width, 4)."""
        self._set_plate("readout", pixels)

    def _set_plate(self, name: str, pixels: UInt8) -> None:
        height, width, _ = pixels.shape
        plate = self._plates.get(name)
        if plate is None:
            plate = self._plates[name] = self._gl.texture((width, height), 4, dtype="f1")
            plate.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
            plate.anisotropy = 8.0
        plate.write(np.ascontiguousarray(pixels).tobytes())
        plate.build_mipmaps()

    def set_labels(self, scene: GpuScene, shown: frozenset[str]) -> None:
        """Tint the slice with the colours of what is shown."""
        palette = np.zeros((256, 4), np.uint8)
        for each in scene.surfaces.values():
            if each.surface.id in shown and each.surface.label:
                palette[each.surface.label] = (*each.surface.colour, 255)
        self._palette.write(palette.tobytes())

    def paint(self, into: moderngl.Framebuffer, eye: Eye, scene: GpuScene, picture: Picture) -> None:
        """Draw one eye."""
        gl = self._gl
        target = self._target(into.size)
        target.samples.use()
        target.samples.clear(0.0, 0.0, 0.0, 0.0 if self._blending.shows_room else 1.0)
        gl.disable(moderngl.DEPTH_TEST | moderngl.BLEND | moderngl.CULL_FACE)
        clip_from_world = eye.clip_from_world
        if not self._blending.shows_room:
            self._draw_room(clip_from_world, picture.floor_m)
        gl.enable(moderngl.DEPTH_TEST)
        for program in (self.surface_program, self._shape_program, self._slice_program, self._picture_program):
            program["clip_from_world"] = _matrix(clip_from_world)
        for program in (self.surface_program, self._shape_program):
            program["eye"] = tuple(eye.position_m)
        self.surface_program["tips"] = _tips(picture.tips_m)
        drawn = [each for name, each in scene.surfaces.items() if name in picture.shown and each.array is not None]
        opacity = {each.surface.id: picture.strength * each.surface.opacity for each in drawn}
        self._draw_solid([each for each in drawn if opacity[each.surface.id] >= SOLID], picture)
        self._draw_shapes([shape for shape in picture.shapes if shape.opacity >= SOLID])
        self._draw_slice(scene, picture)
        gl.enable(moderngl.BLEND)
        gl.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        shells = [each for each in drawn if 0 < opacity[each.surface.id] < SOLID]
        self._draw_shells(sorted(shells, key=lambda each: each.surface.volume_ml), target.samples, picture)
        self._draw_shapes([shape for shape in picture.shapes if shape.opacity < SOLID])
        self._draw_plate("panel", picture.world_from_panel)
        self._draw_plate("readout", picture.world_from_readout)
        self._draw_labels((*picture.labels, *picture.alarms))
        gl.disable(moderngl.BLEND | moderngl.DEPTH_TEST)
        gl.copy_framebuffer(target.resolved, target.samples)
        into.use()
        target.texture.use(0)
        self._resolve_array.render(moderngl.TRIANGLES, 3)

    def _target(self, size: tuple[int, int]) -> _Target:
        if size not in self._targets:
            self._targets[size] = _Target.of(self._gl, size)
        return self._targets[size]

    def _draw_room(self, clip_from_world: Float64, floor_m: float | None) -> None:
        program = self._room_program
        program["world_from_clip"] = _matrix(np.linalg.inv(clip_from_world))
        program["has_floor"] = 0.0 if floor_m is None else 1.0
        program["floor_height"] = floor_m or 0.0
        self._room_array.render(moderngl.TRIANGLES, 3)

    def _draw_solid(self, surfaces: Sequence[GpuSurface], picture: Picture) -> None:
        """With their insides, which a cut or a hole opens."""
        self._begin_surfaces(picture, is_shell=False)
        for each in surfaces:
            self._draw_surface(each, picture)
        self._gl.disable_direct(_CLIP_DISTANCE)

    def _draw_shells(self, shells: Sequence[GpuSurface], into: moderngl.Framebuffer, picture: Picture) -> None:
        """Depth before colour, so that only a shell's nearest side is blended over what it holds."""
        self._begin_surfaces(picture, is_shell=True)
        self._gl.enable(moderngl.CULL_FACE)
        for each in shells:
            into.color_mask = False, False, False, False
            self._draw_surface(each, picture)
            into.color_mask = True, True, True, True
            self._gl.depth_func = "<="
            self._draw_surface(each, picture)
            self._gl.depth_func = "<"
        self._gl.disable(moderngl.CULL_FACE)
        self._gl.disable_direct(_CLIP_DISTANCE)

    def _begin_surfaces(self, picture: Picture, *, is_shell: bool) -> None:
        program = self.surface_program
        program["world_from_model"] = _matrix(picture.world_from_anatomy)
        program["cut"] = _NO_CUT if picture.cut is None else tuple(picture.cut)
        program["shell"] = 1.0 if is_shell else 0.0
        program["between"] = _BETWEEN
        self._gl.enable_direct(_CLIP_DISTANCE)

    def _draw_surface(self, each: GpuSurface, picture: Picture) -> None:
        if each.array is not None:
            opacity = picture.strength * each.surface.opacity
            pattern = each.surface.pattern if picture.pattern == "plain" else picture.pattern
            self.surface_program["paint"] = (*linear_light(each.surface.colour), opacity)
            self.surface_program["pattern"] = PATTERNS[pattern]
            each.array.render(moderngl.TRIANGLES)

    def _draw_shapes(self, shapes: Sequence[Shape]) -> None:
        self._shape_program["shell"] = 0.0
        self._shape_program["between"] = _NOTHING
        for kind, instances in self._shapes.items():
            instances.render([shape for shape in shapes if shape.kind == kind])

    def _draw_slice(self, scene: GpuScene, picture: Picture) -> None:
        corners = picture.section_m
        if scene.volume is None or picture.window is None or len(corners) < 3:
            return
        # Spare corners repeat the last: their triangles have no area.
        fan = corners[np.minimum(np.arange(6), len(corners) - 1)]
        self._section.write(fan.astype(np.float32).tobytes())
        box_from_world = np.linalg.inv(picture.world_from_anatomy @ scene.volume.volume.anatomy_from_box)
        self._slice_program["box_from_world"] = _matrix(box_from_world)
        self._slice_program["window"] = (texture_value(picture.window.low), texture_value(picture.window.high))
        scene.volume.samples.use(0)
        scene.volume.labels.use(1)
        self._palette.use(2)
        self._slice_array.render(moderngl.TRIANGLES)

    def _draw_plate(self, name: str, world_from_plate: Float64 | None) -> None:
        if world_from_plate is not None and name in self._plates:
            self._draw_picture(self._plates[name], world_from_plate, (WIDTH_MM / 1e3, HEIGHT_MM / 1e3))

    def _draw_labels(self, labels: Sequence[tuple[Label, UInt8]]) -> None:
        """Over everything: what they say must not be hidden by what they say it of."""
        self._gl.disable(moderngl.DEPTH_TEST)
        known, self._words = self._words, {}
        for label, pixels in labels:
            height, width, _ = pixels.shape
            texture = self._words.get(label.text) or known.pop(label.text, None)
            if texture is None:
                texture = self._gl.texture((width, height), 4, np.ascontiguousarray(pixels).tobytes(), dtype="f1")
            self._words[label.text] = texture
            metres = label.cap_m / CAP_PX
            self._draw_picture(texture, label.world_from_label, (metres * width, metres * height))
        for gone in known.values():
            gone.release()
        self._gl.enable(moderngl.DEPTH_TEST)

    def _draw_picture(
        self, texture: moderngl.Texture, world_from_picture: Float64, size_m: tuple[float, float]
    ) -> None:
        self._picture_program["world_from_picture"] = _matrix(world_from_picture)
        self._picture_program["size"] = size_m
        texture.use(0)
        self._picture_array.render(moderngl.TRIANGLE_STRIP, 4)


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """What an eye is drawn into: linear light, several samples a pixel, and the same resolved to one."""

    samples: moderngl.Framebuffer
    resolved: moderngl.Framebuffer
    texture: moderngl.Texture

    @classmethod
    def of(cls, gl: moderngl.Context, size: tuple[int, int]) -> _Target:
        count = min(SAMPLES, gl.max_samples)
        colour = gl.renderbuffer(size, 4, samples=count, dtype="f2")
        depth = gl.depth_renderbuffer(size, samples=count)
        texture = gl.texture(size, 4, dtype="f2")
        return cls(gl.framebuffer(colour, depth), gl.framebuffer(texture), texture)


class _Instances:
    """One shape, drawn many times at once."""

    def __init__(
        self, gl: moderngl.Context, program: moderngl.Program, positions: object, normals: object, triangles: object
    ) -> None:
        self._gl = gl
        self._program = program
        self._content = [
            (gl.buffer(np.asarray(positions).tobytes()), "3f", "position"),
            (gl.buffer(np.asarray(normals).tobytes()), "3f", "direction"),
        ]
        self._triangles = gl.buffer(np.asarray(triangles).tobytes())
        self._room = 0
        self._make(64)

    def render(self, shapes: Sequence[Shape]) -> None:
        """Draw them."""
        if not shapes:
            return
        if len(shapes) > self._room:
            self._make(2 * len(shapes))
        rows = [
            np.concatenate(
                [
                    each.world_from_shape.T.ravel(),
                    linear_light(each.colour),
                    [each.opacity, PATTERNS[each.pattern]],
                ]
            )
            for each in shapes
        ]
        self._buffer.write(np.array(rows, np.float32).tobytes())
        self._array.render(moderngl.TRIANGLES, instances=len(shapes))

    def _make(self, room: int) -> None:
        self._room = room
        self._buffer = self._gl.buffer(reserve=room * _SHAPE_BYTES, dynamic=True)
        content = [*self._content, (self._buffer, _SHAPE_FORMAT, "world_from_shape", "paint", "pattern")]
        self._array = self._gl.vertex_array(self._program, content, self._triangles)


def _tips(tips_m: Sequence[tuple[Float64, float]]) -> list[tuple[float, ...]]:
    """As the shader takes them: places and radii, a radius of 0 for none."""
    told = [(*map(float, at_m), radius_m) for at_m, radius_m in tips_m[:MOST_TIPS]]
    return told + [(0.0, 0.0, 0.0, 0.0)] * (MOST_TIPS - len(told))


def _matrix(matrix: NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """As OpenGL takes it: column after column."""
    return tuple(matrix.T.ravel().tolist())
