"""A small case on the disk: a scan, a mask with one ball, and a file that names them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.core.grid import Grid
from engine.core.structure import Provenance, Structure
from engine.ingest.nifti import write_nifti
from scenarios.case.fingerprint import fingerprint

GRID = Grid.centred((40, 36, 24), (1.5, 1.5, 2.5))
RADIUS_MM = 8.0
CASE = """\
format: sightline-case/1
id: ball
version: 1.0.0
title: Something round
licence: CC0-1.0
topic: chest
concept: ball
volumes:
  - id: ct
    title: CT
    source: {{kind: file, path: scan.nii.gz, sha256: {sha256}}}
truth:
  findings:
    - id: ball
      name: Ball
      volume: ct
      place: {{kind: mask, file: truth.nii.gz, label: 1}}
      why: It is round.
  distractors:
    - id: spot
      name: Spot
      volume: ct
      place: {{kind: point, at_mm: [20, 0, 0], radius_mm: 3}}
      why: Noise.
display:
  presets: [{{name: Lung, low: -1000, high: 200}}]
tasks:
  - kind: mark
    id: find
    prompt: Mark it.
    volume: ct
  - kind: measure
    id: size
    prompt: How large is it?
    finding: ball
    value: 16
  - kind: choice
    id: what
    prompt: What is it?
    options:
      - {{id: ball, text: A ball, is_right: true}}
      - {{id: cube, text: A cube, why: It has no corners.}}
"""


def samples() -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """A bright ball in something darker, with noise."""
    noise = np.random.default_rng(1).normal(0, 10, GRID.shape)
    return np.where(ball(), 40.0, -800.0).__add__(noise).astype(np.int16)


def ball() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where it is."""
    places = GRID.patient_from_voxel.apply(np.moveaxis(np.indices(GRID.shape), 0, -1).reshape(-1, 3))
    inside = np.linalg.norm(np.asarray(places) - (-10.0, 5.0, 0.0), axis=1) < RADIUS_MM
    return np.asarray(inside.reshape(GRID.shape))


def write_case_folder(folder: Path, text: str = CASE) -> Path:
    """Write it; returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    scan = samples()
    write_nifti(folder / "scan.nii.gz", GRID, scan)
    one = Structure(1, "ball", "Ball", None, (232, 163, 61), provenance=Provenance("test", "1"))
    write_nifti(folder / "truth.nii.gz", GRID, ball().astype(np.uint8), (one,))
    (folder / "case.yaml").write_text(text.format(sha256=fingerprint(GRID, scan)))
    return folder / "case.yaml"
