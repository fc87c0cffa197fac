"""A device of which everything is kept that it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from engine.core.errors import EnvironmentLacks
from guidance.devices.said import Device, Said
from guidance.devices.sequence_writer import SequenceWriter


@dataclass(slots=True)
class Recorded:
    """Not a value: it writes. A recording that cannot go on ends; the device does not.

    Attributes:
        problem: why nothing is kept any more; empty while everything is.
    """

    device: Device
    writer: SequenceWriter
    problem: str = ""

    @property
    def name(self) -> str:
        """The device's."""
        return self.device.name

    @property
    def is_simulated(self) -> bool:
        """As the device is."""
        return self.device.is_simulated

    async def said(self) -> AsyncIterator[Said]:
        """What the device says, written before it is passed on."""
        async for said in self.device.said():
            if not self.problem:
                try:
                    self.writer.append(said)
                except EnvironmentLacks as error:
                    self.problem = error.what
            yield said

    async def close(self) -> None:
        """Close both."""
        await self.device.close()
        self.writer.close()
