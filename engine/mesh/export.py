"""Surfaces as files that other programs read, in patient millimetres: STL, PLY, OBJ, 3MF.

STL, PLY and OBJ have no field for a unit and are read as millimetres by convention; 3MF states it. OBJ and 3MF keep
each structure apart with its name; STL and PLY hold one mesh, so several structures become one, as separate closed
parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import EnvironmentLacks, InvalidValue
from engine.core.surface import Surface

FORMATS = (".stl", ".ply", ".obj", ".3mf")
#: Those that keep several structures apart by name.
NAMED_FORMATS = (".obj", ".3mf")
#: Must not begin with "solid", by which readers tell STL as text.
STL_HEADER = "Sightline, patient frame (DICOM LPS), units mm"


def export_surfaces(surfaces: Mapping[str, Surface], path: Path) -> None:
    """Write `surfaces`, by name, in the format that the end of `path` names.

    Raises:
        InvalidValue: no such format, nothing to write, or surfaces in different frames.
        EnvironmentLacks: 3MF without the packages it takes.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InvalidValue(f"cannot write {path.suffix or 'a file without an ending'}; there are {', '.join(FORMATS)}")
    drawn = {name: surface for name, surface in surfaces.items() if surface.triangle_count}
    if not drawn:
        raise InvalidValue("there is no surface to write")
    if len({surface.frame for surface in drawn.values()}) > 1:
        raise InvalidValue("surfaces of different frames of reference cannot share a file")
    path.write_bytes(writer(drawn))


def _mesh(surface: Surface) -> Any:
    import trimesh

    return trimesh.Trimesh(surface.vertices_mm, surface.faces, process=False)


def _one_mesh(surfaces: Mapping[str, Surface]) -> Any:
    import trimesh

    return trimesh.util.concatenate([_mesh(surface) for surface in surfaces.values()])


def _stl(surfaces: Mapping[str, Surface]) -> bytes:
    """Binary STL; the format has no field for a unit, so its free header says it."""
    return STL_HEADER.ljust(80).encode() + bytes(_one_mesh(surfaces).export(file_type="stl"))[80:]


def _ply(surfaces: Mapping[str, Surface]) -> bytes:
    return bytes(_one_mesh(surfaces).export(file_type="ply", vertex_normal=False))


def _obj(surfaces: Mapping[str, Surface]) -> bytes:
    """Wavefront OBJ, one `o` for each structure; nine digits give float32 back."""
    lines = ["# Sightline, patient frame (DICOM LPS), millimetres"]
    first = 1
    for name, surface in surfaces.items():
        lines.append(f"o {' '.join(name.split())}")
        lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in surface.vertices_mm.tolist()]
        lines += [f"f {a} {b} {c}" for a, b, c in (surface.faces.astype(np.int64) + first).tolist()]
        first += len(surface.vertices_mm)
    return "\n".join([*lines, ""]).encode()


def _3mf(surfaces: Mapping[str, Surface]) -> bytes:
    import trimesh

    scene: Any = trimesh.Scene()
    for name, surface in surfaces.items():
        mesh = _mesh(surface)
        mesh.units = "millimeter"
        scene.add_geometry(mesh, node_name=name, geom_name=name)
    scene.units = "millimeter"
    try:
        return bytes(scene.export(file_type="3mf"))
    except ImportError as error:
        raise EnvironmentLacks(
            f"3MF needs the package {error.name}", "Install it: .venv/bin/python -m pip install lxml networkx"
        ) from error


_WRITERS: dict[str, Callable[[Mapping[str, Surface]], bytes]] = {
    ".stl": _stl,
    ".ply": _ply,
    ".obj": _obj,
    ".3mf": _3mf,
}
