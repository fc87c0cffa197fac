"""The main job: one series to labels, surfaces and their levels of detail."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.app.stopwatch import Stopwatch
from engine.core.errors import EnvironmentLacks, FileProblem, InputRefused
from engine.core.progress import Progress, part
from engine.core.structure import Structure
from engine.core.surface import Surface
from engine.core.volume import LabelMap, Volume
from engine.ingest.open import read_labels, read_volume
from engine.ingest.study import SeriesInfo

#: Distance bounds of the levels of detail, finest first. Half a millimetre is under the voxel of a
#: clinical CT; the coarser ones are for small on a screen and for headsets.
LOD_BOUNDS_MM = (0.5, 1.5)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose."""

    phase: int = 0
    pipeline: str | None = None
    labels: Path | None = None
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class StructureSurface:
    """One structure with its surfaces, finest first, and its measures."""

    structure: Structure
    lods: tuple[Surface, ...]
    voxels: int
    volume_ml: float
    surface_area_mm2: float
    closed: bool


@dataclass(frozen=True, slots=True)
class Processed:
    """All that the main job made of a series."""

    volume: Volume
    label_map: LabelMap
    surfaces: tuple[StructureSurface, ...]
    pipeline: str
    device: str
    warnings: tuple[str, ...]
    problems: tuple[FileProblem, ...]
