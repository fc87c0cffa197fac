"""Artefacts as files: TOML for their divots, STL for a mill or a printer."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from trimesh.exchange.stl import export_stl

from engine.core.errors import FileProblem, InputRefused, InvalidValue
from guidance.accuracy.artefact import Artefact

_NAMES = {"name", "error_mm", "scale_error", "divots"}
#: A post, and the cone in its top that a ball-ended tip centres itself in.
POST_MM, CONE_MM, CONE_DEEP_MM = 7.0, 1.5, 1.5
PLATE_MM, MARGIN_MM = 8.0, 10.0
_ROUND = 48


def read_artefact(path: Path) -> Artefact:
    """An artefact file: `name`, `error_mm`, `scale_error`, and under `[divots]` a line `NAME = [x, y, z]` for each.

    Raises:
        InputRefused: not TOML, a name that is not known or is missing, or an artefact that cannot be.
    """
    try:
        content = tomllib.loads(path.read_text())
        return _artefact(content)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise InputRefused("the artefact cannot be used", [FileProblem(path, str(error))]) from error


def _artefact(content: dict[str, Any]) -> Artefact:
    if unknown := sorted(content.keys() - _NAMES):
        raise InvalidValue(f"{', '.join(unknown)} is not known; there are {', '.join(sorted(_NAMES))}")
    if missing := sorted(_NAMES - {"scale_error"} - content.keys()):
        raise InvalidValue(f"{', '.join(missing)} is missing")
    divots = content["divots"]
    return Artefact(
        str(content["name"]),
        tuple(divots),
        np.array(list(divots.values()), np.float64).reshape(len(divots), -1),
        float(content["error_mm"]),
        float(content.get("scale_error", 0.0)),
    )


def artefact_text(artefact: Artefact) -> str:
    """As `read_artefact` reads it."""
    lines = [
        "# Millimetres. error_mm: standard uncertainty of each coordinate; scale_error: of all lengths, relative.",
        "# Measure what was made, and write here what was measured.",
        f'name = "{artefact.name}"',
        f"error_mm = {artefact.error_mm}",
        f"scale_error = {artefact.scale_error}",
        "",
        "[divots]",
    ]
    for name, at in zip(artefact.names, artefact.divots_mm.tolist(), strict=True):
        lines.append(f'"{name}" = [{", ".join(f"{x:g}" for x in at)}]')
    return "\n".join(lines) + "\n"


def artefact_solid(artefact: Artefact) -> bytes:
    """Binary STL: a plate, and a post under every divot with a cone of 90° whose apex is the divot."""
    low, high = artefact.divots_mm.min(axis=0), artefact.divots_mm.max(axis=0)
    size = high - low + 2 * MARGIN_MM
    # The lowest divot's post still stands on the plate.
    top = low[2] - 2 * CONE_DEEP_MM - 2.0
    plate = trimesh.creation.box((size[0], size[1], PLATE_MM))
    plate.apply_translation([*((low + high) / 2)[:2], top - PLATE_MM / 2])
    solid = trimesh.util.concatenate([plate, *(_post(at, top - PLATE_MM / 2) for at in artefact.divots_mm)])
    return bytes(export_stl(solid))


def _post(divot_mm: Any, foot_mm: float) -> trimesh.Trimesh:
    """A turned profile: along the foot, up the side, over the rim and down into the cone."""
    apex = float(divot_mm[2]) - foot_mm
    rim = apex + CONE_DEEP_MM
    profile = [(0.0, 0.0), (POST_MM, 0.0), (POST_MM, rim), (CONE_MM, rim), (0.0, apex)]
    post = trimesh.creation.revolve(np.array(profile), sections=_ROUND)
    post.apply_translation([divot_mm[0], divot_mm[1], foot_mm])
    return post


def write_artefact(artefact: Artefact, folder: Path) -> None:
    """`artefact.toml` and `artefact.stl` into a folder."""
    (folder / "artefact.toml").write_text(artefact_text(artefact))
    (folder / "artefact.stl").write_bytes(artefact_solid(artefact))
