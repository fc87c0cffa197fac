"""The scene on the graphics card: brought there piece by piece, so that no frame waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.xr.drawn import Change, DrawnSurface, DrawnVolume, SceneBegins, Source, SurfaceGone, VolumeBox
from engine.xr.placement import Box

#: Bytes brought over in one frame: at 90 frames a second a large organ takes a fifth of one.
BYTES_A_FRAME = 4 * 2**20
#: Bytes brought over at once within a frame.
_PIECE = 2**19


@dataclass(slots=True, eq=False)
class GpuSurface:
    """One structure, ready to be drawn: what it is, its box, and its buffers."""

    surface: DrawnSurface
    box: Box | None
    buffers: tuple[moderngl.Buffer, ...]
    array: moderngl.VertexArray | None

    def release(self) -> None:
        """Give its memory back."""
        if self.array is not None:
            self.array.release()
        for buffer in self.buffers:
            buffer.release()


@dataclass(slots=True, eq=False)
class GpuVolume:
    """The voxels: what they are, and their textures."""

    volume: DrawnVolume
    samples: moderngl.Texture3D
    labels: moderngl.Texture3D

    def release(self) -> None:
        """Give its memory back."""
        self.samples.release()
        self.labels.release()


class GpuScene:
    """Takes changes and makes them drawable.

    Attributes:
        title: of the scene.
        surfaces: by identifier.
        volume: None until there is one.
        version: rises with every change of what is there.
        scene: rises with every new scene.
    """

    def __init__(self, gl: moderngl.Context, surface_program: moderngl.Program) -> None:
        self.title = ""
        self.surfaces: dict[str, GpuSurface] = {}
        self.volume: GpuVolume | None = None
        self.version = 0
        self.scene = 0
        self._gl = gl
        self._program = surface_program
        self._work: Iterator[int] | None = None

    def take(self, source: Source, budget: int = BYTES_A_FRAME) -> None:
        """Bring over what has changed, until `budget` bytes are spent; the rest waits for the next frame."""
        while budget > 0:
            if self._work is None:
                change = source.next_change()
                if change is None:
                    return
                self._work = self._steps(change)
            spent = next(self._work, None)
            if spent is None:
                self._work = None
                self.version += 1
            else:
                budget -= spent

    def bounds(self) -> Box | None:
        """Box round all that is shown unless somebody asks otherwise; None while nothing is there."""
        boxes = [each.box for each in self.surfaces.values() if each.box is not None and each.surface.is_shown]
        boxes = boxes or [each.box for each in self.surfaces.values() if each.box is not None]
        return Box.around(np.concatenate([box.corners for box in boxes])) if boxes else None

    def release(self) -> None:
        """Give all memory back."""
        for each in self.surfaces.values():
            each.release()
        self.surfaces.clear()
        if self.volume is not None:
            self.volume.release()
        self.volume = None

    def _steps(self, change: Change) -> Iterator[int]:
        """The change in pieces; yields the bytes of each."""
        if isinstance(change, SceneBegins):
            self.release()
            self.title = change.title
            self.scene += 1
        elif isinstance(change, DrawnSurface):
            yield from self._put_surface(change)
        elif isinstance(change, SurfaceGone):
            gone = self.surfaces.pop(change.id, None)
            if gone is not None:
                gone.release()
        elif isinstance(change, DrawnVolume):
            yield from self._begin_volume(change)
        else:
            yield from self._put_box(change)

    def _put_surface(self, surface: DrawnSurface) -> Iterator[int]:
        """The old one is drawn until the new one is whole."""
        made = GpuSurface(surface, None, (), None)
        if len(surface.triangles):
            buffers = []
            for values in (surface.positions_m, surface.normals, surface.triangles):
                data = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
                buffer = self._gl.buffer(reserve=len(data))
                buffers.append(buffer)
                for start in range(0, len(data), _PIECE):
                    piece = data[start : start + _PIECE]
                    buffer.write(piece.tobytes(), offset=start)
                    yield len(piece)
            positions, normals, triangles = buffers
            content = [(positions, "3f", "position"), (normals, "3f", "direction")]
            array = self._gl.vertex_array(self._program, content, triangles)
            made = GpuSurface(surface, Box.around(surface.positions_m), tuple(buffers), array)
        old = self.surfaces.get(surface.id)
        self.surfaces[surface.id] = made
        if old is not None:
            old.release()

    def _begin_volume(self, volume: DrawnVolume) -> Iterator[int]:
        """Black and unlabelled until slabs come."""
        samples = self._gl.texture3d(volume.shape, 1, alignment=1, dtype="nu2")
        samples.filter = (moderngl.LINEAR, moderngl.LINEAR)
        labels = self._gl.texture3d(volume.shape, 1, alignment=1, dtype="f1")
        labels.filter = (moderngl.NEAREST, moderngl.NEAREST)
        for texture in (samples, labels):
            texture.repeat_x = texture.repeat_y = texture.repeat_z = False
        made = GpuVolume(volume, samples, labels)
        ni, nj, nk = volume.shape
        rows = max(1, _PIECE // (2 * ni * nj))
        for k in range(0, nk, rows):
            shape = (min(rows, nk - k), nj, ni)
            yield _write(samples, (0, 0, k), np.zeros(shape, np.uint16))
            yield _write(labels, (0, 0, k), np.zeros(shape, np.uint8))
        if self.volume is not None:
            self.volume.release()
        self.volume = made

    def _put_box(self, box: VolumeBox) -> Iterator[int]:
        if self.volume is None:
            return
        is_samples = box.values.dtype == np.int16
        texture = self.volume.samples if is_samples else self.volume.labels
        nk, nj, ni = box.values.shape
        rows = max(1, _PIECE // (box.values.itemsize * ni * nj))
        i, j, k = box.low
        for row in range(0, nk, rows):
            values = box.values[row : row + rows]
            yield _write(texture, (i, j, k + row), _unsigned(values) if is_samples else values)


def _write(texture: moderngl.Texture3D, low: tuple[int, int, int], values: NDArray[np.generic]) -> int:
    nk, nj, ni = values.shape
    texture.write(np.ascontiguousarray(values).tobytes(), viewport=(*low, ni, nj, nk), alignment=1)
    return int(values.nbytes)


def _unsigned(samples: NDArray[np.generic]) -> NDArray[np.uint16]:
    """int16 shifted to 0 to 65535, which is what textures hold as 0 to 1."""
    return np.ascontiguousarray(samples).view(np.uint16) ^ np.uint16(0x8000)


def texture_value(sample: float) -> float:
    """An int16 sample as the texture tells it."""
    return (sample + 32768) / 65535


def linear_light(colour: tuple[int, int, int]) -> Float64:
    """(3,) light of an sRGB colour (IEC 61966-2-1)."""
    channels = np.asarray(colour) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
