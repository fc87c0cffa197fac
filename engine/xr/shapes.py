"""Small closed shapes that tools, hands and rays are made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.core.array import Float32, Float64
from engine.xr.drawn import UInt32
from engine.xr.rigid import AHEAD, swing


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One ball or cylinder as it is drawn.

    Attributes:
        kind: "ball" or "cylinder".
        world_from_shape: (4, 4).
        colour: sRGB, 0 to 255.
        opacity: 0 to 1.
        pattern: "plain", or "dashes" or "dots" of what may not be believed.
    """

    kind: str
    world_from_shape: Float64
    colour: tuple[int, int, int]
    opacity: float = 1.0
    pattern: str = "plain"


def ball_at(centre_m: Float64, radius_m: float, colour: tuple[int, int, int], opacity: float = 1.0) -> Shape:
    """A ball in the world."""
    matrix = np.diag([radius_m, radius_m, radius_m, 1.0])
    matrix[:3, 3] = centre_m
    return Shape("ball", matrix, colour, opacity)


def rod(start_m: Float64, end_m: Float64, radius_m: float, colour: tuple[int, int, int], opacity: float = 1.0) -> Shape:
    """A cylinder from one place of the world to another."""
    along = end_m - start_m
    length = max(float(np.linalg.norm(along)), 1e-6)
    matrix = np.eye(4)
    matrix[:3, :3] = swing(-AHEAD, along / length) * (radius_m, radius_m, length)
    matrix[:3, 3] = start_m
    return Shape("cylinder", matrix, colour, opacity)


def cylinder(sides: int = 20) -> tuple[Float32, Float32, UInt32]:
    """Radius 1 about Z from 0 to 1: positions and normals (v, 3), triangles (t, 3); open at both ends."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides)], axis=1)
    positions = np.concatenate([ring, ring - AHEAD]).astype(np.float32)
    normals = np.concatenate([ring, ring]).astype(np.float32)
    here, after = np.arange(sides), (np.arange(sides) + 1) % sides
    lower = np.stack([here, after, after + sides], axis=1)
    upper = np.stack([here, after + sides, here + sides], axis=1)
    return positions, normals, np.concatenate([lower, upper]).astype(np.uint32)


def ball(rings: int = 10, sides: int = 16) -> tuple[Float32, Float32, UInt32]:
    """Radius 1 about the origin, as `cylinder`."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, sides + 1), indexing="ij")
    points = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1).reshape(
        -1, 3
    )
    ring, side = np.meshgrid(np.arange(rings), np.arange(sides), indexing="ij")
    a = (ring * (sides + 1) + side).ravel()
    b = a + sides + 1
    triangles = np.concatenate([np.stack([a, b, b + 1], axis=1), np.stack([a, b + 1, a + 1], axis=1)])
    vertices = points.astype(np.float32)
    return vertices, vertices.copy(), triangles.astype(np.uint32)
