"""Pictures of what the pipelines make of scans: `python -m engine.app.bench.montage SCAN… --out DIR`.

Five slices of the patient from the feet up, each as the scan shows it and with its structures over it, in their own
colours. Prints a row of Markdown for each scan: pipeline, seconds, volumes.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from engine.app.bench.scans import volume_of
from engine.core.errors import SightlineError
from engine.core.progress import silent
from engine.core.structure import Structure
from engine.core.volume import LabelMap, Quantity, Volume
from engine.segment.metrics import volume_ml
from engine.segment.overview import overview_of
from engine.segment.pipelines import choose
from engine.segment.tensors import as_tensor, on_device

SLICES = 5
SHARE_OF_COLOUR = 0.55
#: Abdomen window of the usual presets: centre 40, width 400, widened so that lung and bone show too.
WINDOW_HU = (-700.0, 500.0)
TILE_PIXELS = 180


def main(arguments: list[str]) -> None:
    """Write a picture for every scan, and the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    for path in chosen.scans:
        sys.stdout.write(f"| {path.name.removesuffix('.gz').removesuffix('.nii')} | {_row(path, chosen.out)} |\n")
        sys.stdout.flush()


def _row(path: Path, out: Path) -> str:
    try:
        volume = volume_of(path)
        segmenter = choose(volume)
        start = time.perf_counter()
        made = segmenter.segment(on_device(volume, torch.device("cpu")), progress=silent)
    except SightlineError as error:
        return f"refused: {error}"
    seconds = time.perf_counter() - start
    name = path.name.split(".")[0]
    montage(volume, made.label_map).save(out / f"{name}.jpg", quality=72)
    volumes = ", ".join(f"{s.name} {ml:,.0f}" for s, ml in volumes_ml(made.label_map))
    warnings = "; ".join(made.warnings)
    return f"{segmenter.name} | {seconds:.2f} | {volumes} | {warnings}"


def volumes_ml(label_map: LabelMap) -> list[tuple[Structure, float]]:
    """Each structure with its volume, what it includes counted."""
    labels = np.asarray(label_map.labels)
    voxel_mm3 = label_map.grid.voxel_volume_mm3
    return [(s, volume_ml(as_tensor(np.isin(labels, s.labels)), voxel_mm3)) for s in label_map.structures]


def montage(volume: Volume, label_map: LabelMap) -> Image.Image:
    """The slices side by side: the scan above, its structures below."""
    fine = overview_of(volume.grid, spacing_mm=0.0)  # every voxel, in patient order
    samples = fine.in_patient_order(as_tensor(volume.samples)).numpy().astype(np.float32)
    labels = fine.in_patient_order(as_tensor(label_map.labels)).numpy()
    low, high = WINDOW_HU if volume.quantity is Quantity.HOUNSFIELD else np.percentile(samples, (1, 99.5))
    grey = (np.clip((samples - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
    colours = np.zeros((int(labels.max()) + 1, 3))
    shown = np.zeros(len(colours))
    for structure in label_map.structures:
        if structure.label < len(colours):
            colours[structure.label], shown[structure.label] = structure.colour, SHARE_OF_COLOUR
    tiles = []
    for z in np.linspace(0, samples.shape[2] - 1, SLICES + 2).astype(int)[1:-1]:
        plain = np.repeat(grey[:, :, z, None], 3, axis=2).astype(np.float32)
        share = shown[labels[:, :, z]][..., None]
        over = plain * (1 - share) + colours[labels[:, :, z]] * share
        tiles.append(np.concatenate([_tile(plain, fine.spacing_mm), _tile(over, fine.spacing_mm)]))
    return Image.fromarray(np.concatenate(tiles, axis=1))


def _tile(slice_xy: NDArray[np.float32], spacing_mm: tuple[float, float, float]) -> NDArray[np.uint8]:
    """A slice (x, y, 3), anterior up, in a square of `TILE_PIXELS` with true proportions."""
    size = np.array(slice_xy.shape[:2]) * np.array(spacing_mm[:2])
    width, height = np.maximum(1, np.rint(size / size.max() * TILE_PIXELS)).astype(int)
    small = Image.fromarray(slice_xy.transpose(1, 0, 2).astype(np.uint8)).resize((int(width), int(height)))
    tile = Image.new("RGB", (TILE_PIXELS, TILE_PIXELS))
    tile.paste(small, ((TILE_PIXELS - int(width)) // 2, (TILE_PIXELS - int(height)) // 2))
    return np.asarray(tile)


if __name__ == "__main__":
    main(sys.argv[1:])
