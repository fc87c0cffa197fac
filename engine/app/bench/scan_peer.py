"""The peer of `bench scan`: what a careful engineer writes with the field's best tools.

SimpleITK's GDCM reader, ITK thresholds and connected components, vtkSurfaceNets3D on four
structures (body, lungs, bone, other air). Nothing is written and imports are not counted, both
to its advantage. Run as a process of its own: `python -m engine.app.bench.scan_peer FOLDER`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  the name all of its documentation uses
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import VTK_UNSIGNED_CHAR
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D

from engine.app.stopwatch import peak_memory_bytes

AIR_BELOW_HU = -400
BONE_FROM_HU = 226
SMOOTHING_ITERATIONS = 16


def read_series(folder: str) -> Any:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return reader.Execute()


def _largest(mask: Any) -> Any:
    return sitk.RelabelComponent(sitk.ConnectedComponent(mask), sortByObjectSize=True) == 1


def itk_labels(image: Any, bone_from_hu: int = BONE_FROM_HU) -> Any:
    """1 body, 2 lungs, 3 bone, 4 other air inside the body."""
    air = image <= AIR_BELOW_HU
    body = _largest(sitk.Not(air))
    components = sitk.RelabelComponent(sitk.ConnectedComponent(air), sortByObjectSize=True)
    inside_air = components > 1  # 1 is the air around the patient
    bone = body & (image >= bone_from_hu)
    labels = sitk.Maximum(body * 1, bone * 3)
    return sitk.Maximum(labels, sitk.Maximum((components == 2) * 2, (inside_air & (components != 2)) * 4))


def _surfaces(labels: Any) -> int:
    array = sitk.GetArrayViewFromImage(labels)
    image = vtkImageData()
    image.SetDimensions(labels.GetSize())
    image.SetSpacing(labels.GetSpacing())
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array).ravel(), False, VTK_UNSIGNED_CHAR))
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image)
    for index, label in enumerate((1, 2, 3, 4)):
        nets.SetValue(index, label)
    nets.SetNumberOfIterations(SMOOTHING_ITERATIONS)
    nets.SetOutputMeshTypeToTriangles()
    nets.Update()
    return int(nets.GetOutput().GetNumberOfPolys())


def main(folder: str) -> None:
    """Print the stages in seconds, the triangles and the peak memory as JSON."""
    start = time.perf_counter()
    image = read_series(folder)
    read = time.perf_counter()
    labels = itk_labels(image)
    labelled = time.perf_counter()
    triangles = _surfaces(labels)
    done = time.perf_counter()
    result = {
        "read": read - start,
        "segment": labelled - read,
        "surfaces": done - labelled,
        "total": done - start,
        "triangles": triangles,
        "peak_memory_bytes": peak_memory_bytes(),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
