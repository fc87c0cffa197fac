"""One message of every kind, with nothing left at its default, and what it takes to compare them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from engine.core.array import Float64
from guidance.devices.openigtlink.messages import (
    Asked,
    Attribute,
    AttributeKind,
    CapabilityMessage,
    CommandMessage,
    ImageMessage,
    ImageMetaElement,
    ImageMetaMessage,
    LabelMetaElement,
    LabelMetaMessage,
    Message,
    PointElement,
    PointMessage,
    PolyDataMessage,
    PositionMessage,
    QuaternionTrackingData,
    Query,
    Reply,
    SensorMessage,
    Space,
    StatusMessage,
    StringMessage,
    TrackedTool,
    TrackingData,
    TrajectoryElement,
    TrajectoryMessage,
    TransformMessage,
)
from guidance.register.rigid_fit import turn


def pose(*place_mm: float, about: tuple[float, float, float] = (0.3, -0.7, 1.1)) -> Float64:
    made = np.eye(4)
    made[:3, :3] = turn(np.array(about))
    made[:3, 3] = place_mm
    return made


TOOLS = (TrackedTool("Stylus", 2, pose(10, -20, 30.5)), TrackedTool("Reference", 1, pose(-4, 5, -600, about=(2, 1, 0))))
POINTS_MM = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0.5)], np.float32)

DATA: dict[str, Message] = {
    "TRANSFORM": TransformMessage(pose(1, 2, 3)),
    "POSITION": PositionMessage(np.array([1.5, -2.0, 3.0]), np.array([0.5, -0.5, 0.5, 0.5])),
    "TDATA": TrackingData(TOOLS),
    "QTDATA": QuaternionTrackingData(TOOLS),
    "STATUS": StatusMessage(13, -0x200, "Starting", "the camera warms up"),
    "STRING": StringMessage("needle in place"),
    "POINT": PointMessage(
        (
            PointElement("nasion", "Landmark", (255, 0, 10, 200), (1.0, 2.0, -3.5), 4.0, "CT"),
            PointElement("left ear", "Landmark", (0, 255, 10, 200), (-70.0, 12.0, 8.0), 0.0, ""),
        )
    ),
    "TRAJ": TrajectoryMessage(
        (TrajectoryElement("EVD", "plan", (1, 2, 3, 4), (10.0, 20.0, 30.0), (20.0, 20.0, 40.0), 2.5, "CT"),)
    ),
    "POLYDATA": PolyDataMessage(
        POINTS_MM,
        ((0,), (1,)),
        ((0, 1, 2),),
        ((0, 1, 2), (0, 2, 3)),
        ((0, 1, 2, 3),),
        (
            Attribute("thickness", AttributeKind.POINT_SCALAR, np.array([[1.0], [2.0], [3.0], [4.5]], np.float32)),
            Attribute("normals", AttributeKind.POINT_NORMAL, np.tile(np.array([0, 0, 1], np.float32), (4, 1))),
        ),
    ),
    "IMAGE": ImageMessage(
        np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        np.column_stack([np.diag([0.5, 0.75, 2.0]), (10.0, -20.0, 30.0)]),
        (8, 6, 5),
        (1, 2, 3),
        Space.RAS,
    ),
    "LBMETA": LabelMetaMessage((LabelMetaElement("liver", "labels", 5, (9, 8, 7, 255), (64, 65, 66), "CT"),)),
    "IMGMETA": ImageMetaMessage(
        (ImageMetaElement("chest", "CT", "CT", "Nobody^Anna", "P-1", 1_700_000_000.5, (512, 511, 275), 4),)
    ),
    "SENSOR": SensorMessage(np.array([0.1, -2.0, 3e9]), unit=0x02C0100000000000),
    "CAPABILITY": CapabilityMessage(("TRANSFORM", "GET_CAPABIL", "TDATA")),
}

TALK: dict[str, Message] = {
    "COMMAND": CommandMessage(7, "Start", "<Command Name='Start'/> déjà"),
    "RTS_COMMAND": CommandMessage(7, "Start", "<Result/>", is_answer=True),
    "GET_STATUS": Query(Asked.ONCE, "STATUS"),
    "GET_CAPABIL": Query(Asked.ONCE, "CAPABILITY"),
    "GET_TRANSFOR": Query(Asked.ONCE, "TRANSFORM"),
    "STT_TDATA": Query(Asked.START, "TDATA", 20, "Patient"),
    "STP_QTDATA": Query(Asked.STOP, "QTDATA"),
    "RTS_TDATA": Reply("TDATA", is_done=True),
    "RTS_QTDATA": Reply("QTDATA", is_done=False),
}

EVERYTHING = DATA | TALK


def assert_same(one: Any, other: Any) -> None:
    """Equal but for what single precision loses."""
    assert type(one) is type(other)
    if is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, np.ndarray):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, float):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    else:
        assert one == other
