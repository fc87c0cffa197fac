"""Monado's `remote` driver from the other end: a head, two controllers and the curl of their fingers, over TCP.

The packet is Monado 25's `r_remote_data`; both ends run on the same machine.
"""

from __future__ import annotations

import ctypes
import socket
import time
from collections.abc import Sequence

PORT = 4242
_HEADER = int.from_bytes(b"mndrmt3\0", "little")


class Pose(ctypes.Structure):
    """Quaternion (x, y, z, w) and metres."""

    _fields_ = (("orientation", ctypes.c_float * 4), ("position", ctypes.c_float * 3))


class Controller(ctypes.Structure):
    """An Index controller, and the hand that holds it."""

    _fields_ = (
        ("pose", Pose),
        ("linear_velocity", ctypes.c_float * 3),
        ("angular_velocity", ctypes.c_float * 3),
        ("hand_curl", ctypes.c_float * 5),
        ("trigger_value", ctypes.c_float),
        ("squeeze_value", ctypes.c_float),
        ("squeeze_force", ctypes.c_float),
        ("thumbstick", ctypes.c_float * 2),
        ("trackpad_force", ctypes.c_float),
        ("trackpad", ctypes.c_float * 2),
        ("hand_tracking_active", ctypes.c_bool),
        ("active", ctypes.c_bool),
        ("system_click", ctypes.c_bool),
        ("system_touch", ctypes.c_bool),
        ("a_click", ctypes.c_bool),
        ("a_touch", ctypes.c_bool),
        ("b_click", ctypes.c_bool),
        ("b_touch", ctypes.c_bool),
        ("trigger_click", ctypes.c_bool),
        ("trigger_touch", ctypes.c_bool),
        ("thumbstick_click", ctypes.c_bool),
        ("thumbstick_touch", ctypes.c_bool),
        ("trackpad_touch", ctypes.c_bool),
        ("padding", ctypes.c_uint8 * 3),
    )


class View(ctypes.Structure):
    """One eye: left, right, up, down in radians, and where it is."""

    _fields_ = (("fov", ctypes.c_float * 4), ("pose", Pose), ("padding", ctypes.c_uint32))


class Head(ctypes.Structure):
    """The head, with eyes of its own where told so."""

    _fields_ = (
        ("views", View * 2),
        ("center", Pose),
        ("per_view_data_valid", ctypes.c_bool),
        ("padding", ctypes.c_uint8 * 3),
    )


class State(ctypes.Structure):
    """All that the driver is told at once."""

    _fields_ = (("header", ctypes.c_uint64), ("head", Head), ("left", Controller), ("right", Controller))


class Remote:
    """A connection to the driver. Change `state`, then `send`."""

    def __init__(self, patience_s: float = 20.0) -> None:
        until_s = time.monotonic() + patience_s
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", PORT), timeout=5)
                break
            except OSError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.02)
        greeting = b""
        size = ctypes.sizeof(State)
        while len(greeting) < 2 * size:  # the state that it resets to, then the one it has
            greeting += self._socket.recv(2 * size - len(greeting))
        self.state = State.from_buffer_copy(greeting[size:])
        self.state.header = _HEADER

    def look(self, position_m: Sequence[float], orientation: Sequence[float] = (0.0, 0.0, 0.0, 1.0)) -> None:
        """Put the head there."""
        put(self.state.head.center, position_m, orientation)
        self.send()

    def send(self) -> None:
        """Tell the driver; it takes effect with the next frame."""
        self._socket.sendall(bytes(self.state))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def put(pose: Pose, position_m: Sequence[float], orientation: Sequence[float] = (0.0, 0.0, 0.0, 1.0)) -> None:
    """Set a pose."""
    pose.position[:] = [float(x) for x in position_m]
    pose.orientation[:] = [float(x) for x in orientation]
