"""One connection without its socket: bytes and time in, messages and bytes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from guidance.devices.openigtlink.codec import TYPES, decode, encode
from guidance.devices.openigtlink.frame import EXTENDED, PLAIN, Frame, Malformed, Reader, pack
from guidance.devices.openigtlink.messages import Asked, CapabilityMessage, Message, Query


@dataclass(frozen=True, slots=True)
class Heard:
    """A message with what its frame says."""

    message: Message
    device: str
    time_s: float | None
    metadata: dict[str, str]


@dataclass(slots=True)
class Link:
    """Not a value: it counts, and learns which version the other side speaks.

    Nobody is spoken to in headers of version 2 who has not used one: older peers stop reading at them.

    Attributes:
        version: of the headers that are sent.
        capabilities: what is told to who asks for them.
        unknown: how often each type came that is not known here.
        malformed: messages whose content could not be read.
    """

    version: int = PLAIN
    capabilities: tuple[str, ...] = tuple(TYPES)
    reader: Reader = field(default_factory=Reader)
    unknown: dict[str, int] = field(default_factory=dict)
    malformed: int = 0
    _sent: int = 0

    def hear(self, data: bytes) -> tuple[list[Heard], bytes]:
        """What was said, and what is to be answered at once: capabilities, which every peer may ask for.

        Raises:
            NotOpenIGTLink: the other side speaks something else.
        """
        heard, answers = [], []
        for frame in self.reader.feed(data):
            if frame.version >= EXTENDED:
                self.version = EXTENDED
            try:
                message = decode(frame.type, frame.content)
            except Malformed:
                self.malformed += 1
                continue
            if message is None:
                self.unknown[frame.type] = self.unknown.get(frame.type, 0) + 1
                continue
            if message == Query(Asked.ONCE, "CAPABILITY"):
                answers.append(self.say(CapabilityMessage(self.capabilities), frame.device, None))
            heard.append(Heard(message, frame.device, frame.time_s, frame.metadata))
        return heard, b"".join(answers)

    def say(self, message: Message, device: str, time_s: float | None, metadata: dict[str, str] | None = None) -> bytes:
        """The bytes of a message; metadata goes only to who can read it.

        Raises:
            InvalidValue: something does not fit its field.
        """
        kind, content = encode(message)
        self._sent += 1
        return pack(Frame(kind, device, time_s, content, self.version, self._sent, metadata or {}))
