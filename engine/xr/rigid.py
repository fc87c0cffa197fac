"""Rigid motions as the headset has them: (4, 4) float64, `target_from_source`, metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.core.array import Float64

UP = np.array([0.0, 1.0, 0.0])
#: Where a pose looks and points: its own -Z (OpenXR 1.1, 2.16 "Coordinate System").
AHEAD = np.array([0.0, 0.0, -1.0])


def rigid(rotation: ArrayLike, position_m: ArrayLike) -> Float64:
    """The (4, 4) motion of a (3, 3) rotation and a (3,) position."""
    motion = np.eye(4)
    motion[:3, :3] = rotation
    motion[:3, 3] = position_m
    return motion


def inverse(motion: Float64) -> Float64:
    """`source_from_target` of a rigid motion."""
    turned_back = motion[:3, :3].T
    return rigid(turned_back, -turned_back @ motion[:3, 3])


def rotation_from_quaternion(x: float, y: float, z: float, w: float) -> Float64:
    """The (3, 3) rotation of a quaternion of any length but 0."""
    x, y, z, w = np.array([x, y, z, w]) / np.linalg.norm([x, y, z, w])
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotation_about(axis: ArrayLike, angle_rad: float) -> Float64:
    """The rotation by an angle about a unit axis (Rodrigues)."""
    x, y, z = np.asarray(axis, dtype=np.float64)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * (cross @ cross))


def swing(from_direction: ArrayLike, to_direction: ArrayLike) -> Float64:
    """The shortest rotation that takes one unit vector to another."""
    a, b = np.asarray(from_direction, dtype=np.float64), np.asarray(to_direction, dtype=np.float64)
    axis = np.cross(a, b)
    sine = float(np.linalg.norm(axis))
    if sine > 1e-9:
        return rotation_about(axis / sine, float(np.arctan2(sine, a @ b)))
    if a @ b > 0:
        return np.eye(3)
    # Half a turn, about any axis across.
    across = np.cross(a, np.eye(3)[int(np.argmin(np.abs(a)))])
    return rotation_about(across / np.linalg.norm(across), np.pi)


def twist_rad(rotation: Float64, axis: ArrayLike) -> float:
    """The angle, -π to π, by which a rotation turns about a unit axis: what a swing leaves."""
    x, y, z = np.asarray(axis, dtype=np.float64)
    half = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    # The quaternion's vector along the axis and its scalar, both times 4w: its angle without dividing by w.
    along = float(half @ (x, y, z))
    scalar = 1 + float(np.trace(rotation))
    if abs(along) < 1e-9 and scalar < 1e-9:
        return float(np.pi)
    return float(2 * np.arctan2(along, scalar))


def turned_to(back: ArrayLike, up: ArrayLike = UP) -> Float64:
    """The rotation whose +Z is the unit vector `back` and whose +Y is as near to `up` as that allows."""
    z = np.asarray(back, dtype=np.float64)
    x = np.cross(np.asarray(up, dtype=np.float64), z)
    if float(np.linalg.norm(x)) < 1e-6:
        x = np.cross(np.eye(3)[int(np.argmin(np.abs(z)))], z)
    x = x / np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def apply(target_from_source: Float64, points: ArrayLike) -> Float64:
    """Points (…, 3) of the source in the target."""
    return np.asarray(points, dtype=np.float64) @ target_from_source[:3, :3].T + target_from_source[:3, 3]


def rotation_vector(rotation: Float64) -> Float64:
    """(3,) axis times angle, 0 to π, of a (3, 3) rotation."""
    skew = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine, cosine = float(np.linalg.norm(skew)) / 2, (float(np.trace(rotation)) - 1) / 2
    angle = float(np.arctan2(sine, cosine))
    if sine > 1e-6:
        return np.asarray(skew / (2 * sine) * angle)
    if cosine > 0:
        return np.asarray(skew / 2)
    # Half a turn: R = 2aaᵀ - 1, so the largest column of R + 1 lies along the axis.
    outer = rotation + np.eye(3)
    axis = outer[:, int(np.argmax(np.diag(outer)))]
    return np.asarray(axis / np.linalg.norm(axis) * angle)


def part_of_turn(rotation: Float64, fraction: float) -> Float64:
    """The rotation about the same axis by a fraction, or a multiple, of the angle."""
    vector = rotation_vector(rotation)
    angle = float(np.linalg.norm(vector))
    return np.eye(3) if angle < 1e-12 else rotation_about(vector / angle, fraction * angle)
