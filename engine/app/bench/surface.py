"""`bench surface`: surfaces of whole label maps beside VTK, scikit-image and PyMCubes, in one run.

VTK is given as many threads as we use, the same labels and as many smoothing iterations, and writes quads, which is
its faster output; like ours, its vertices are shared. scikit-image and PyMCubes work label by label, on the whole
volume and on the box of the label, which is to their advantage. They smooth nothing, so neither do we there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mcubes
import numpy as np
import SimpleITK as sitk  # noqa: N813  the name all of its documentation uses
from numpy.typing import NDArray
from skimage.measure import marching_cubes
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkSMPTools
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D

from engine.app.bench.row import Row
from engine.app.bench.scan_peer import itk_labels, read_series
from engine.app.bench.scans import CHEST_CT
from engine.app.bench.timing import Work, interleaved
from engine.core.grid import Grid
from engine.core.volume import LabelMap
from engine.mesh.extract import extract
from engine.mesh.kernels_slabs import thread_count
from engine.mesh.normals import vertex_normals
from engine.mesh.smooth import NO_SMOOTHING, Smoothing

Labels = NDArray[np.uint8]

BRAIN_LABELS = Path("mri") / "t1_defaced_conformed256_meshnet18_output.nii.gz"
BONE_FROM_HU = 201
ITERATIONS = 16


@dataclass(frozen=True, slots=True)
class Case:
    """A label map [k, j, i], and how to call it."""

    name: str
    labels: Labels

    @property
    def label_map(self) -> LabelMap:
        return LabelMap(Grid.centred(self.labels.shape[::-1], 1.0), self.labels.T, ())

    @property
    def present(self) -> list[int]:
        return [int(label) for label in np.unique(self.labels) if label]


def run(shared_data: Path | None) -> list[Row]:
    """Every case there is data for; the synthetic one always."""
    vtkSMPTools.SetBackend("STDThread")
    vtkSMPTools.Initialize(thread_count())
    cases = [Case("256³, 20 labels", synthetic(256, 20))]
    if shared_data is not None and (shared_data / BRAIN_LABELS).exists():
        cases.append(Case("brain MR 256³, 17 labels", _brain(shared_data / BRAIN_LABELS)))
    if shared_data is not None and (shared_data / CHEST_CT).is_dir():
        cases.append(Case("chest CT 512×512×275, 4 labels", _chest(shared_data / CHEST_CT)))
    rows = [row for case in cases for row in (*_against_vtk(case), *_against_marching_cubes(case))]
    return [*rows, *_kernel_rows(), *_device_rows()]


def synthetic(size: int, count: int) -> Labels:
    """`count` overlapping ellipsoids, later ones in front; the same every time."""
    random = np.random.default_rng(0)
    labels = np.zeros((size,) * 3, dtype=np.uint8)
    axis = np.arange(size)
    for label in range(1, count + 1):
        centre, radius = random.uniform(0.2, 0.8, 3) * size, random.uniform(0.07, 0.17, 3) * size
        square = [((axis - c) / r) ** 2 for c, r in zip(centre, radius, strict=True)]
        labels[square[0][:, None, None] + square[1][:, None] + square[2] < 1] = label
    return labels


def _brain(path: Path) -> Labels:
    import nibabel

    image: Any = nibabel.load(path)
    return np.ascontiguousarray(np.asarray(image.dataobj).astype(np.uint8).T)


def _chest(folder: Path) -> Labels:
    """Body, lungs, bone and other air, as the peer of `bench scan` has them but for softer bone."""
    image = itk_labels(read_series(str(folder)), bone_from_hu=BONE_FROM_HU)
    return np.asarray(sitk.GetArrayFromImage(image), np.uint8)


def _against_vtk(case: Case) -> list[Row]:
    label_map, rows = case.label_map, []
    for iterations in (0, ITERATIONS):
        smoothing = Smoothing(iterations=iterations)
        peer = _surface_nets(case, iterations)
        ours_s, peer_s = interleaved(lambda s=smoothing: extract(label_map, smoothing=s), peer)  # type: ignore[misc]  # bound now
        what = f"shared net, {iterations or 'no'} smoothing iterations"
        peer_name = f"vtkSurfaceNets3D, {thread_count()} threads"
        rows.append(_row(case, what, ours_s.wall, peer_name, peer_s.wall))
        rows.append(_row(case, f"{what}, CPU time", ours_s.cpu, peer_name, peer_s.cpu))
    net = extract(label_map)
    rows.append(Row("surface", case.name, "triangles of the shared net", "", 2.0 * len(net.quads)))
    return rows


def _surface_nets(case: Case, iterations: int) -> Work:
    image = vtkImageData()
    image.SetDimensions(*case.labels.shape[::-1])
    to_vtk: Any = numpy_to_vtk
    image.GetPointData().SetScalars(to_vtk(case.labels.reshape(-1), deep=False))
    present = case.present

    def work() -> object:
        net = vtkSurfaceNets3D()
        net.SetInputData(image)
        for n, label in enumerate(present):
            net.SetValue(n, label)
        net.SetSmoothing(iterations > 0)
        net.SetNumberOfIterations(iterations)
        net.SetOutputMeshTypeToQuads()
        net.Update()
        return net.GetOutput()

    return work


def _against_marching_cubes(case: Case) -> list[Row]:
    label_map = case.label_map
    boxes = {label: _box(case.labels, label) for label in case.present}
    march: Any = marching_cubes

    def surfaces() -> object:
        return extract(label_map, smoothing=NO_SMOOTHING).surfaces()

    def with_normals() -> object:
        found = extract(label_map, smoothing=NO_SMOOTHING).surfaces()
        return [(surface, vertex_normals(surface)) for surface in found.values()]

    def scikit() -> object:
        return [march(case.labels == label, 0.5) for label in boxes]

    def scikit_boxed() -> object:
        return [march(box == label, 0.5) for label, box in boxes.items()]

    def pymcubes() -> object:
        return [mcubes.marching_cubes((box == label).astype(np.float32), 0.5) for label, box in boxes.items()]

    rows = []
    for what, ours, peer_name, peer in (
        ("closed surfaces with normals", with_normals, "scikit-image marching_cubes per label", scikit),
        ("closed surfaces with normals", with_normals, "scikit-image marching_cubes per label's box", scikit_boxed),
        ("closed surfaces", surfaces, "PyMCubes per label's box", pymcubes),
    ):
        ours_s, peer_s = interleaved(ours, peer)
        rows.append(_row(case, what, ours_s.wall, peer_name, peer_s.wall))
    return rows


def _box(labels: Labels, label: int) -> Labels:
    """The part of `labels` that holds a label, and one voxel round it."""
    there = labels == label
    spans = []
    for axis in range(3):
        other = tuple(n for n in range(3) if n != axis)
        places = np.flatnonzero(there.any(axis=other))
        spans.append(slice(places[0], places[-1] + 1))
    return np.pad(labels[tuple(spans)], 1)


def _row(case: Case, metric: str, ours_s: float, peer: str, peer_s: float) -> Row:
    return Row("surface", case.name, metric, "ms", ours_s * 1e3, peer, peer_s * 1e3)


#: Prints the processor seconds of the first extraction of a process.
FIRST_CALL = """
import time
from engine.mesh.extract import warm_up
start = time.process_time()
warm_up()
print(time.process_time() - start)
"""


def _kernel_rows() -> list[Row]:
    """What the first call costs: with an empty kernel cache, and in a later process."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        spent = [_first_call(environment) for _ in range(2)]
    return [
        Row("surface", "kernels", "compile, once a machine", "s", spent[0]),
        Row("surface", "kernels", "load from cache, once a process", "s", spent[1]),
    ]


def _first_call(environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", FIRST_CALL]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def _device_rows() -> list[Row]:
    """512³ with 100 labels on a CUDA device, label tensor to vertex buffers; nothing where there is none."""
    import torch

    from engine.mesh.torch_extract import net_tensors

    if not torch.cuda.is_available():
        return []
    case = Case("512³, 100 labels, CUDA", synthetic(512, 100))
    labels = torch.from_numpy(case.labels).cuda().permute(2, 1, 0)
    rows = []
    for iterations in (0, ITERATIONS):
        smoothing = Smoothing(iterations=iterations)

        def work(smoothing: Smoothing = smoothing) -> object:
            net = net_tensors(labels, case.label_map.grid, None, smoothing)
            torch.cuda.synchronize()
            return net

        (ours,) = interleaved(work)
        what = f"shared net, {iterations or 'no'} smoothing iterations"
        rows.append(Row("surface", case.name, what, "ms", ours.wall * 1e3))
    return [*rows, Row("surface", case.name, "copy bandwidth", "GB/s", _copy_gb_s(labels))]


def _copy_gb_s(tensor: Any) -> float:
    """Bytes read and written a second by a plain copy on the tensor's device."""
    import torch

    def copy() -> object:
        result = tensor.clone()
        torch.cuda.synchronize()
        return result

    (spent,) = interleaved(copy)
    return float(2 * tensor.numel() / spent.wall / 1e9)
