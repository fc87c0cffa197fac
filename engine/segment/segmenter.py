"""What every segmentation pipeline is: a volume in, a label map with coded structures out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.core.progress import Progress
from engine.core.volume import LabelMap, Volume


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A label map on the volume's own grid and device, and what the user should know about it."""

    label_map: LabelMap
    warnings: tuple[str, ...] = ()


class Segmenter(Protocol):
    """A pipeline. Same volume, same parameters, any device: same labels."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    def check(self, volume: Volume) -> None:
        """Return when the pipeline can work on `volume`.

        Raises:
            NotApplicable: it would return nonsense; the message says why and what would work.
        """
        ...

    def segment(self, volume: Volume, *, progress: Progress) -> Segmentation:
        """Segment on the device the samples are on.

        Raises:
            NotApplicable: as `check`.
            Cancelled: from `progress`.
        """
        ...
