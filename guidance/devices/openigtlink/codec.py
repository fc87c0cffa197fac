"""Messages to and from the contents of frames: one table, a line a type."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from guidance.devices.openigtlink.frame import UTF_8, Malformed, decoded, fixed, text_of
from guidance.devices.openigtlink.messages import (
    Asked,
    Attribute,
    AttributeKind,
    CapabilityMessage,
    Cells,
    CommandMessage,
    ImageMessage,
    ImageMetaElement,
    ImageMetaMessage,
    LabelMetaElement,
    LabelMetaMessage,
    Message,
    Point3,
    PointElement,
    PointMessage,
    PolyDataMessage,
    PositionMessage,
    QuaternionTrackingData,
    Query,
    Reply,
    Rgba,
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
from guidance.devices.openigtlink.rotation import matrix_of, quaternion_of

_TOOL = np.dtype([("name", "S20"), ("kind", "u1"), ("reserved", "u1"), ("matrix", ">f4", 12)])
_QUATERNION_TOOL = np.dtype(
    [("name", "S20"), ("kind", "u1"), ("reserved", "u1"), ("position", ">f4", 3), ("quaternion", ">f4", 4)]
)
_POINT = np.dtype(
    [("name", "S64"), ("group", "S32"), ("rgba", "u1", 4), ("at", ">f4", 3), ("radius", ">f4"), ("owner", "S20")]
)
_TRAJECTORY = np.dtype(
    [
        ("name", "S64"),
        ("group", "S32"),
        ("kind", "u1"),
        ("reserved", "u1"),
        ("rgba", "u1", 4),
        ("entry", ">f4", 3),
        ("target", ">f4", 3),
        ("diameter", ">f4"),
        ("owner", "S20"),
    ]
)
_LABEL = np.dtype(
    [
        ("name", "S64"),
        ("device", "S20"),
        ("label", "u1"),
        ("reserved", "u1"),
        ("rgba", "u1", 4),
        ("size", ">u2", 3),
        ("owner", "S20"),
    ]
)
_IMAGE_META = np.dtype(
    [
        ("name", "S64"),
        ("device", "S20"),
        ("modality", "S32"),
        ("patient_name", "S64"),
        ("patient_id", "S64"),
        ("time", ">u8"),
        ("size", ">u2", 3),
        ("scalar", "u1"),
        ("reserved", "u1"),
    ]
)
_STATUS = struct.Struct(">Hq20s")
_STRING = struct.Struct(">HH")
_COMMAND = struct.Struct(">I128sHI")
_SENSOR = struct.Struct(">BBQ")
_START = struct.Struct(">i32s")
_IMAGE = struct.Struct(">HBBBB3H12f3H3H")
_POLYDATA = struct.Struct(">10I")
_ATTRIBUTE = struct.Struct(">BBI")
_SCALARS = {2: "i1", 3: "u1", 4: "i2", 5: "u2", 6: "i4", 7: "u4", 10: "f4", 11: "f8"}
_BIG, _LITTLE = 1, 2
_TICKS = 1 << 32
_ENTRY, _TARGET = 1, 2

#: Every type that is understood here, in the order that CAPABILITY tells them.
TYPES: dict[str, tuple[type, Callable[[bytes], Any], Callable[[Any], bytes]]] = {}
#: Queries for these have a content: an interval, and a frame.
_STREAMED = ("TDATA", "QTDATA")
#: The protocol shortens prefix and type to twelve letters, and this one otherwise.
_SHORTER = {"CAPABILITY": "CAPABIL"}


def encode(message: Message) -> tuple[str, bytes]:
    """Type on the wire, and content.

    Raises:
        InvalidValue: something does not fit in the field that the protocol has for it.
    """
    match message:
        case Query(asked, kind, interval_ms, coordinates):
            is_streamed = asked is Asked.START and kind in _STREAMED
            content = _START.pack(interval_ms, fixed(coordinates, 32)) if is_streamed else b""
            return asked + _short(kind), content
        case Reply(kind, is_done):
            return "RTS_" + _short(kind), bytes([0 if is_done else 1])
        case CommandMessage():
            return ("RTS_COMMAND" if message.is_answer else "COMMAND"), _command_bytes(message)
    for name, (known, _, pack) in TYPES.items():
        if isinstance(message, known):
            return name, pack(message)
    raise InvalidValue(f"{type(message).__name__} is not a message of OpenIGTLink")


def decode(kind: str, content: bytes) -> Message | None:
    """The message; None for a type that is not known here.

    Raises:
        Malformed: the content is not what the type has.
    """
    try:
        if kind in ("COMMAND", "RTS_COMMAND"):
            return _command(content, is_answer=kind != "COMMAND")
        for asked in Asked:
            if kind.startswith(asked):
                return _query(asked, _whole(kind.removeprefix(asked)), content)
        if kind.startswith("RTS_"):
            return Reply(_whole(kind.removeprefix("RTS_")), is_done=not content or content[0] == 0)
        return TYPES[kind][1](content) if kind in TYPES else None
    except Malformed:
        raise
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise Malformed(f"a {kind} message is not what it says ({error})") from error


def _short(kind: str) -> str:
    return _SHORTER.get(kind, kind)[:8]


def _whole(short: str) -> str:
    """The type that a query was shortened from; as it is where that is not known."""
    return next((kind for kind in TYPES if short and kind.startswith(short)), short)


def _query(asked: Asked, kind: str, content: bytes) -> Query:
    if asked is Asked.START and len(content) >= _START.size:
        interval_ms, coordinates = _START.unpack_from(content)
        return Query(asked, kind, interval_ms, text_of(coordinates))
    return Query(asked, kind)


def _records(content: bytes, layout: np.dtype[Any]) -> NDArray[Any]:
    if len(content) % layout.itemsize:
        raise Malformed(f"{len(content)} bytes are no whole number of elements of {layout.itemsize}")
    return np.frombuffer(content, layout)


def _rows(layout: np.dtype[Any], rows: list[tuple[Any, ...]]) -> bytes:
    return np.array(rows, layout).tobytes()


def _three(values: Any) -> Point3:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _sizes(values: Any) -> tuple[int, int, int]:
    i, j, k = (int(v) for v in values)
    return i, j, k


def _rgba(values: Any) -> Rgba:
    r, g, b, a = (int(v) for v in values)
    return r, g, b, a


# --- transforms ---------------------------------------------------------------------------------


def _from_columns(twelve: Any) -> Float64:
    """(4, 4) from the wire's order: column after column, the place last."""
    made = np.eye(4)
    made[:3] = np.asarray(twelve, np.float64).reshape(4, 3).T
    return made


def _columns(matrix: Float64) -> NDArray[np.float32]:
    return np.asarray(matrix, np.float64)[:3].T.astype(np.float32).ravel()


def _transform(content: bytes) -> TransformMessage:
    if len(content) != 48:
        raise Malformed(f"a TRANSFORM is 48 bytes, got {len(content)}")
    return TransformMessage(_from_columns(np.frombuffer(content, ">f4")))


def _transform_bytes(message: TransformMessage) -> bytes:
    return _columns(message.matrix).astype(">f4").tobytes()


def _position(content: bytes) -> PositionMessage:
    """The quaternion, or its last, may be left out (igtlPositionMessage: 12, 24 or 28 bytes)."""
    if len(content) not in (12, 24, 28):
        raise Malformed(f"a POSITION is 12, 24 or 28 bytes, got {len(content)}")
    values = np.frombuffer(content, ">f4").astype(np.float64)
    quaternion = np.array([0.0, 0.0, 0.0, 1.0])
    quaternion[: len(values) - 3] = values[3:]
    if len(values) == 6:  # w is what makes its length one
        quaternion[3] = np.sqrt(max(1.0 - float(values[3:] @ values[3:]), 0.0))
    return PositionMessage(values[:3], quaternion)


def _position_bytes(message: PositionMessage) -> bytes:
    return np.concatenate([message.position_mm, message.quaternion]).astype(">f4").tobytes()


def _tracking(content: bytes) -> TrackingData:
    return TrackingData(
        tuple(
            TrackedTool(text_of(row["name"]), int(row["kind"]), _from_columns(row["matrix"]))
            for row in _records(content, _TOOL)
        )
    )


def _tracking_bytes(message: TrackingData) -> bytes:
    return _rows(_TOOL, [(fixed(t.name, 20), t.kind, 0, _columns(t.matrix)) for t in message.tools])


def _quaternion_tracking(content: bytes) -> QuaternionTrackingData:
    return QuaternionTrackingData(
        tuple(
            TrackedTool(text_of(row["name"]), int(row["kind"]), matrix_of(row["position"], row["quaternion"]))
            for row in _records(content, _QUATERNION_TOOL)
        )
    )


def _quaternion_tracking_bytes(message: QuaternionTrackingData) -> bytes:
    return _rows(
        _QUATERNION_TOOL,
        [(fixed(t.name, 20), t.kind, 0, t.matrix[:3, 3], quaternion_of(t.matrix[:3, :3])) for t in message.tools],
    )


# --- words --------------------------------------------------------------------------------------


def _status(content: bytes) -> StatusMessage:
    code, subcode, name = _STATUS.unpack_from(content)
    return StatusMessage(code, subcode, text_of(name), content[_STATUS.size :].rstrip(b"\0").decode("utf-8", "replace"))


def _status_bytes(message: StatusMessage) -> bytes:
    packed = _STATUS.pack(message.code, message.subcode, fixed(message.name, 20))
    return packed + message.text.encode() + b"\0"


def _string(content: bytes) -> StringMessage:
    encoding, length = _STRING.unpack_from(content)
    return StringMessage(decoded(_exactly(content, _STRING.size, length), encoding))


def _string_bytes(message: StringMessage) -> bytes:
    text = message.text.encode()
    if len(text) > 0xFFFF:
        raise InvalidValue("a STRING holds no more than 65,535 bytes")
    return _STRING.pack(UTF_8, len(text)) + text


def _exactly(content: bytes, start: int, length: int) -> bytes:
    if len(content) < start + length:
        raise Malformed(f"{len(content) - start} bytes of {length} are there")
    return content[start : start + length]


def _command(content: bytes, *, is_answer: bool) -> CommandMessage:
    number, name, encoding, length = _COMMAND.unpack_from(content)
    return CommandMessage(number, text_of(name), decoded(_exactly(content, _COMMAND.size, length), encoding), is_answer)


def _command_bytes(message: CommandMessage) -> bytes:
    text = message.text.encode()
    return _COMMAND.pack(message.number, fixed(message.name, 128), UTF_8, len(text)) + text


def _capability(content: bytes) -> CapabilityMessage:
    """Twelve bytes a type; some senders put their number first, as the protocol's older documents had it."""
    names = content[4:] if len(content) % 12 == 4 else content
    if len(names) % 12:
        raise Malformed(f"{len(content)} bytes are no whole number of types")
    return CapabilityMessage(tuple(text_of(names[n : n + 12]) for n in range(0, len(names), 12)))


def _capability_bytes(message: CapabilityMessage) -> bytes:
    return b"".join(fixed(name, 12) for name in message.types)


def _sensor(content: bytes) -> SensorMessage:
    count, status, unit = _SENSOR.unpack_from(content)
    values = np.frombuffer(_exactly(content, _SENSOR.size, 8 * count), ">f8")
    return SensorMessage(values.astype(np.float64), unit, status)


def _sensor_bytes(message: SensorMessage) -> bytes:
    if len(message.values) > 255:
        raise InvalidValue("a SENSOR message holds no more than 255 values")
    packed = _SENSOR.pack(len(message.values), message.status, message.unit)
    return packed + np.asarray(message.values, ">f8").tobytes()


# --- points and paths ---------------------------------------------------------------------------


def _points(content: bytes) -> PointMessage:
    return PointMessage(
        tuple(
            PointElement(
                text_of(row["name"]),
                text_of(row["group"]),
                _rgba(row["rgba"]),
                _three(row["at"]),
                float(row["radius"]),
                text_of(row["owner"]),
            )
            for row in _records(content, _POINT)
        )
    )


def _points_bytes(message: PointMessage) -> bytes:
    return _rows(
        _POINT,
        [
            (fixed(p.name, 64), fixed(p.group, 32), p.rgba, p.position_mm, p.radius_mm, fixed(p.owner, 20))
            for p in message.points
        ],
    )


def _trajectories(content: bytes) -> TrajectoryMessage:
    return TrajectoryMessage(
        tuple(
            TrajectoryElement(
                text_of(row["name"]),
                text_of(row["group"]),
                _rgba(row["rgba"]),
                _three(row["entry"]) if int(row["kind"]) & _ENTRY else None,
                _three(row["target"]) if int(row["kind"]) & _TARGET else None,
                float(row["diameter"]),
                text_of(row["owner"]),
            )
            for row in _records(content, _TRAJECTORY)
        )
    )


def _trajectories_bytes(message: TrajectoryMessage) -> bytes:
    nowhere = (0.0, 0.0, 0.0)
    return _rows(
        _TRAJECTORY,
        [
            (
                fixed(t.name, 64),
                fixed(t.group, 32),
                (_ENTRY if t.entry_mm is not None else 0) | (_TARGET if t.target_mm is not None else 0),
                0,
                t.rgba,
                t.entry_mm or nowhere,
                t.target_mm or nowhere,
                t.diameter_mm,
                fixed(t.owner, 20),
            )
            for t in message.trajectories
        ],
    )


# --- surfaces and images ------------------------------------------------------------------------


def _cells(content: bytes, at: int, count: int, size: int) -> Cells:
    values = np.frombuffer(_exactly(content, at, size), ">u4").tolist()
    cells, place = [], 0
    for _ in range(count):
        end = place + 1 + values[place]
        if end > len(values):
            raise Malformed("a cell is cut short")
        cells.append(tuple(values[place + 1 : end]))
        place = end
    return tuple(cells)


def _cell_bytes(cells: Cells | NDArray[np.uint32]) -> bytes:
    if isinstance(cells, np.ndarray):
        return np.insert(cells, 0, cells.shape[1], axis=1).astype(">u4").tobytes()
    return np.array([value for cell in cells for value in (len(cell), *cell)], ">u4").tobytes()


def _polydata(content: bytes) -> PolyDataMessage:
    points, *counted, attributes = _POLYDATA.unpack_from(content)
    at = _POLYDATA.size
    places = np.frombuffer(_exactly(content, at, 12 * points), ">f4").reshape(-1, 3).astype(np.float32)
    at += 12 * points
    cells = []
    for count, size in zip(counted[::2], counted[1::2], strict=True):
        cells.append(_cells(content, at, count, size))
        at += size
    for kind in cells:
        if any(index >= points for cell in kind for index in cell):
            raise Malformed("a cell names a point that is not there")
    vertices, lines, polygons, strips = cells
    return PolyDataMessage(places, vertices, lines, polygons, strips, _attributes(content, at, attributes))


def _attributes(content: bytes, at: int, count: int) -> tuple[Attribute, ...]:
    heads = [_ATTRIBUTE.unpack_from(content, at + n * _ATTRIBUTE.size) for n in range(count)]
    at += count * _ATTRIBUTE.size
    names, start = [], at
    for _ in range(count):
        end = content.index(b"\0", at)
        names.append(content[at:end].decode("ascii", "replace"))
        at = end + 1
    at += (at - start) % 2
    made = []
    for name, (kind, components, n) in zip(names, heads, strict=True):
        values = np.frombuffer(_exactly(content, at, 4 * n * components), ">f4")
        made.append(Attribute(name, AttributeKind(kind), values.reshape(n, components).astype(np.float32)))
        at += 4 * n * components
    return tuple(made)


def _polydata_bytes(message: PolyDataMessage) -> bytes:
    cells = [message.vertices, message.lines, message.polygons, message.strips]
    packed = [_cell_bytes(kind) for kind in cells]
    counted = [value for kind, data in zip(cells, packed, strict=True) for value in (len(kind), len(data))]
    heads = b"".join(_ATTRIBUTE.pack(a.kind, a.values.shape[1], len(a.values)) for a in message.attributes)
    names = b"".join(fixed(a.name, 255).rstrip(b"\0") + b"\0" for a in message.attributes)
    return b"".join(
        [
            _POLYDATA.pack(len(message.points_mm), *counted, len(message.attributes)),
            message.points_mm.astype(">f4").tobytes(),
            *packed,
            heads,
            names + b"\0" * (len(names) % 2),
            *(a.values.astype(">f4").tobytes() for a in message.attributes),
        ]
    )


def _image(content: bytes) -> ImageMessage:
    _, components, scalar, endian, space, *rest = _IMAGE.unpack_from(content)
    if scalar not in _SCALARS or endian not in (_BIG, _LITTLE) or components == 0:
        raise Malformed(f"an IMAGE of scalars {scalar}, byte order {endian}, {components} components")
    whole, start, size = _sizes(rest[:3]), _sizes(rest[15:18]), _sizes(rest[18:21])
    if any(first + length > all_ for first, length, all_ in zip(start, size, whole, strict=True)):
        raise Malformed("the box of an IMAGE reaches out of it")
    layout = np.dtype(_SCALARS[scalar]).newbyteorder(">" if endian == _BIG else "<")
    count = size[0] * size[1] * size[2] * components
    values = np.frombuffer(_exactly(content, _IMAGE.size, count * layout.itemsize), layout)
    shape = (*size[::-1], components) if components > 1 else size[::-1]
    return ImageMessage(
        values.astype(layout.newbyteorder("=")).reshape(shape),
        np.array(rest[3:15], np.float64).reshape(4, 3).T,
        whole,
        start,
        Space(space),
    )


def _image_bytes(message: ImageMessage) -> bytes:
    scalar = next((code for code, name in _SCALARS.items() if message.voxels.dtype == np.dtype(name)), None)
    if scalar is None:
        raise InvalidValue(f"an IMAGE cannot hold {message.voxels.dtype}")
    components = message.voxels.shape[3] if message.voxels.ndim == 4 else 1
    head = _IMAGE.pack(
        1,
        components,
        scalar,
        _LITTLE,
        message.space,
        *message.whole,
        *message.matrix.T.ravel().tolist(),
        *message.start,
        *message.voxels.shape[2::-1],
    )
    return head + message.voxels.astype(message.voxels.dtype.newbyteorder("<")).tobytes()


def _labels(content: bytes) -> LabelMetaMessage:
    return LabelMetaMessage(
        tuple(
            LabelMetaElement(
                text_of(row["name"]),
                text_of(row["device"]),
                int(row["label"]),
                _rgba(row["rgba"]),
                _sizes(row["size"]),
                text_of(row["owner"]),
            )
            for row in _records(content, _LABEL)
        )
    )


def _labels_bytes(message: LabelMetaMessage) -> bytes:
    return _rows(
        _LABEL,
        [
            (fixed(e.name, 64), fixed(e.device, 20), e.label, 0, e.rgba, e.size, fixed(e.owner, 20))
            for e in message.labels
        ],
    )


def _images(content: bytes) -> ImageMetaMessage:
    return ImageMetaMessage(
        tuple(
            ImageMetaElement(
                text_of(row["name"]),
                text_of(row["device"]),
                text_of(row["modality"]),
                text_of(row["patient_name"]),
                text_of(row["patient_id"]),
                int(row["time"]) / _TICKS if row["time"] else None,
                _sizes(row["size"]),
                int(row["scalar"]),
            )
            for row in _records(content, _IMAGE_META)
        )
    )


def _images_bytes(message: ImageMetaMessage) -> bytes:
    return _rows(
        _IMAGE_META,
        [
            (
                fixed(e.name, 64),
                fixed(e.device, 20),
                fixed(e.modality, 32),
                fixed(e.patient_name, 64),
                fixed(e.patient_id, 64),
                round((e.time_s or 0.0) * _TICKS),
                e.size,
                e.scalar_type,
                0,
            )
            for e in message.images
        ],
    )


TYPES |= {
    "TRANSFORM": (TransformMessage, _transform, _transform_bytes),
    "TDATA": (TrackingData, _tracking, _tracking_bytes),
    "QTDATA": (QuaternionTrackingData, _quaternion_tracking, _quaternion_tracking_bytes),
    "POSITION": (PositionMessage, _position, _position_bytes),
    "STATUS": (StatusMessage, _status, _status_bytes),
    "STRING": (StringMessage, _string, _string_bytes),
    "POINT": (PointMessage, _points, _points_bytes),
    "TRAJ": (TrajectoryMessage, _trajectories, _trajectories_bytes),
    "POLYDATA": (PolyDataMessage, _polydata, _polydata_bytes),
    "IMAGE": (ImageMessage, _image, _image_bytes),
    "LBMETA": (LabelMetaMessage, _labels, _labels_bytes),
    "IMGMETA": (ImageMetaMessage, _images, _images_bytes),
    "SENSOR": (SensorMessage, _sensor, _sensor_bytes),
    "CAPABILITY": (CapabilityMessage, _capability, _capability_bytes),
}
