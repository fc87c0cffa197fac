"""`bench segment`: the built-in pipelines beside thresholds and components of ITK, on phantoms with exact labels.

Times are on the full chest CT, medians of interleaved repeats. Errors are 1 - Dice against the truth of each phantom;
the peer labels body, lungs and bone, and has no answer for the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import cc3d
import numpy as np
import SimpleITK as sitk  # noqa: N813  the name all of its documentation uses
import torch
from numpy.typing import NDArray

from engine.app.bench.row import Row
from engine.app.bench.scan_peer import itk_labels
from engine.app.bench.scans import CHEST_CT, volume_of
from engine.app.bench.timing import interleaved
from engine.core.progress import silent
from engine.core.volume import LabelMap, Volume
from engine.ingest.open import read_labels
from engine.ingest.phantom.make import make_phantom
from engine.segment.ct_body import TISSUE_HU
from engine.segment.metrics import dice
from engine.segment.pipelines import choose
from engine.segment.steps.components import components
from engine.segment.tensors import as_tensor, on_device

T1 = Path("mri") / "t1_seg3d.nii.gz"
T1_BRAIN = Path("mri") / "t1_seg3d_brain.nii.gz"
PEER = "SimpleITK thresholds"

Mask = NDArray[np.bool_]

#: What is compared: name, the truth's keys, ours, and the peer's label (0 where it has none).
PARTS: dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...], int], ...]] = {
    "thorax": (
        ("body", ("body",), ("body",), 1),
        ("lungs", ("lung_left", "lung_right"), ("lung_left", "lung_right"), 2),
        ("left lung", ("lung_left",), ("lung_left",), 0),
        ("right lung", ("lung_right",), ("lung_right",), 0),
        ("airways", ("airways",), ("airways",), 0),
        ("bone", ("bone",), ("bone",), 3),
        ("fat", ("fat",), ("fat",), 0),
    ),
    "abdomen": (
        ("body", ("body",), ("body",), 1),
        ("bone", ("bone",), ("bone",), 3),
        ("fat", ("fat",), ("fat",), 0),
    ),
    "head": (
        ("head", ("head",), ("head",), 0),
        (
            "brain",
            ("white_matter", "grey_matter", "csf", "tumour", "oedema", "arteries", "veins"),
            ("brain", "white_matter", "grey_matter", "csf"),
            0,
        ),
        ("white matter", ("white_matter",), ("white_matter",), 0),
        ("grey matter", ("grey_matter",), ("grey_matter",), 0),
    ),
}


def run(shared_data: Path | None) -> list[Row]:
    """Measure errors on phantoms, and time and a real brain where the scans are."""
    rows = [row for name in PARTS for row in _on_phantom(name)]
    if shared_data is not None and (shared_data / CHEST_CT).exists():
        rows += _timed(volume_of(shared_data / CHEST_CT))
    if shared_data is not None and (shared_data / T1).exists():
        volume = volume_of(shared_data / T1)
        brain = np.asarray(read_labels(shared_data / T1_BRAIN, volume, silent).value.labels) > 0
        ours = mask_of(_segmented(volume), PARTS["head"][1][2])
        rows.append(Row("segment", "T1 head, Seg3D's brain mask", "error: brain", "1 - Dice", _error(ours, brain)))
    return rows


def mask_of(label_map: LabelMap, keys: tuple[str, ...]) -> Mask:
    """Voxels of all structures called one of `keys` or numbered after one ("nodule_2"), with what they include."""
    wanted = [s for s in label_map.structures if s.key in keys or s.key.rpartition("_")[0] in keys]
    labels = {label for structure in wanted for label in structure.labels}
    return np.isin(np.asarray(label_map.labels), list(labels))


def _segmented(volume: Volume) -> LabelMap:
    return choose(volume).segment(on_device(volume, torch.device("cpu")), progress=silent).label_map


def _on_phantom(name: str) -> list[Row]:
    phantom = make_phantom(name)
    ours, theirs = _segmented(phantom.volume), _peer_labels(phantom.volume) if name != "head" else None
    rows = []
    for part, true_keys, our_keys, peer_label in PARTS[name]:
        truth = mask_of(phantom.label_map, true_keys)
        peer_error = _error(_peer_mask(theirs, peer_label), truth) if theirs is not None and peer_label else None
        our_error = _error(mask_of(ours, our_keys), truth)
        peer = PEER if peer_error is not None else ""
        rows.append(Row("segment", f"phantom {name}", f"error: {part}", "1 - Dice", our_error, peer, peer_error))
    return rows


def _error(a: Mask, b: Mask) -> float:
    return 1 - dice(as_tensor(a), as_tensor(b))


def _peer_labels(volume: Volume) -> NDArray[np.uint8]:
    """(ni, nj, nk), as `scan_peer` labels: 1 body, 2 lungs, 3 bone, 4 other air."""
    return np.asarray(sitk.GetArrayFromImage(itk_labels(_itk_image(volume)))).T


def _peer_mask(labels: NDArray[np.uint8], label: int) -> Mask:
    return labels > 0 if label == 1 else labels == label


def _itk_image(volume: Volume) -> Any:
    image = sitk.GetImageFromArray(np.asarray(volume.samples).T)
    image.SetSpacing([float(s) for s in volume.grid.spacing_mm])
    return image


def _timed(volume: Volume) -> list[Row]:
    image = _itk_image(volume)
    ours, theirs = interleaved(lambda: _segmented(volume), lambda: itk_labels(image))
    rows = [Row("segment", "full chest CT", "time to labels", "s", ours.wall, PEER, theirs.wall)]
    mask = as_tensor(volume.samples) > TISSUE_HU
    return [*rows, _components(mask, 6), _components(mask, 26)]


def _components(mask: torch.Tensor, neighbours: Literal[6, 26]) -> Row:
    array = mask.numpy()
    ours, theirs = interleaved(
        lambda: components(mask, connectivity=neighbours),
        lambda: cc3d.connected_components(array, connectivity=neighbours),
    )
    return Row("segment", "full chest CT", f"components, {neighbours} neighbours", "s", ours.wall, "cc3d", theirs.wall)
