"""`sightline case preview`: a case as one picture, its findings outlined, and in a few lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation

from engine.app.training.volumes import made_volume, volume_ground
from engine.app.windows import window_presets
from engine.core.array import Float64
from engine.core.progress import Progress, part
from engine.core.volume import Volume
from scenarios.case.case import Case
from scenarios.case.task import AnyTask
from scenarios.case.truth import Distractor, Finding
from scenarios.score.ground import Place

#: Height of a slice, and of the line above it.
SIDE_PX, LINE_PX = 320, 26
#: Side of the part about a finding that is shown enlarged, at least.
_NEAR_MM = 60.0
#: Findings and distractors shown of a volume; a case with more is told to have them.
MOST_ROWS = 8
FINDING, DISTRACTOR = (232, 163, 61), (90, 180, 230)
_INK, _PAPER = (205, 208, 214), (16, 17, 20)


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """Samples along the patient's own axes: x to the left, y backwards, z up, as nearly as the slices lie.

    Attributes:
        samples: (x, y, z).
        spacing_mm: (3,).
    """

    samples: NDArray[np.generic]
    spacing_mm: Float64
    order: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    @classmethod
    def of(cls, volume: Volume) -> Upright:
        """Of a volume, without resampling."""
        matrix = volume.grid.patient_from_voxel.matrix[:3, :3]
        axes = _axes(np.abs(matrix) / np.linalg.norm(matrix, axis=0))
        flips = tuple(bool(matrix[patient, voxel] < 0) for patient, voxel in enumerate(axes))
        turned = cls(np.zeros((1, 1, 1)), volume.grid.spacing_mm[list(axes)], axes, (flips[0], flips[1], flips[2]))
        return replace(turned, samples=turned.turned(np.asarray(volume.samples)))

    def turned(self, ijk: NDArray[Any]) -> NDArray[Any]:
        """An array of the volume's grid, likewise."""
        moved = ijk.transpose(self.order)
        return moved[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)]


def _axes(lean: Float64) -> tuple[int, int, int]:
    """The voxel axis that runs along each axis of the patient: the best of all pairings."""
    best = max(
        permutations(range(3)), key=lambda order: sum(lean[patient, voxel] for patient, voxel in enumerate(order))
    )
    return best[0], best[1], best[2]


def previewed(case: Case, folder: Path | None, progress: Progress, *, shows_truth: bool = True) -> Image.Image:
    """The picture of a case: a row for each thing that is there, or the middle of each study where nothing is.

    Raises:
        SightlineError: its images cannot be made.
    """
    rows: list[Image.Image] = []
    for n, one in enumerate(case.volumes):
        made = made_volume(case, one.id, folder, part(progress, n / len(case.volumes), (n + 1) / len(case.volumes)))
        places = volume_ground(case, one.id, made, folder).places
        things: list[Finding | Distractor] = [*case.truth.findings, *case.truth.distractors]
        here = [thing for thing in things if thing.volume == one.id] if shows_truth else []
        window = _window(case, one.id, made.volume)
        upright = Upright.of(made.volume)
        for thing in here[:MOST_ROWS]:
            rows.append(_thing_row(one.title, upright, made.volume, thing, places[thing.id], window))
        if len(here) > MOST_ROWS:
            rows.append(_row(f"{one.title}: and {len(here) - MOST_ROWS} more", ()))
        if not here:
            words = f"{one.title}: nothing is to be found here" if shows_truth else one.title
            rows.append(_row(words, _middles(upright, window)))
    return _stacked(rows, f"{case.title}, {case.id} {case.version}")


def _window(case: Case, volume: str, made: Volume) -> tuple[float, float]:
    """What the volume's first pane shows it in."""
    presets = {one.name: (one.low, one.high) for one in case.display.presets}
    for pane in case.display.hanging:
        if pane.volume == volume and pane.preset in presets:
            return presets[pane.preset]
    if presets:
        return next(iter(presets.values()))
    usual = window_presets(np.asarray(made.samples)[::4, ::4, ::4], made.quantity)[0]
    return usual.low, usual.high


def _thing_row(
    title: str, upright: Upright, volume: Volume, thing: Finding | Distractor, place: Place, window: tuple[float, float]
) -> Image.Image:
    mask = upright.turned(_mask(volume, place))
    colour = FINDING if isinstance(thing, Finding) else DISTRACTOR
    at = tuple(int(mask.sum(axis=tuple(b for b in range(3) if b != axis)).argmax()) for axis in range(3))
    pictures = [_slice(upright, mask, axis, at[axis], window, colour) for axis in (2, 1, 0)]
    reach = max(_NEAR_MM / 2, 1.6 * place.radius_mm)
    near = [_slice(upright, mask if drawn else None, 2, at[2], window, colour, (at, reach)) for drawn in (False, True)]
    kind = "finding" if isinstance(thing, Finding) else "distractor"
    return _row(f"{title}: {kind} {thing.id}, {thing.name}: {_size(place)}", [*pictures, *near])


def _size(place: Place) -> str:
    if not len(place.voxels):
        return f"a point, {place.radius_mm:.0f} mm about it"
    mean = "" if place.mean_value is None else f", mean {place.mean_value:.0f}"
    return f"{place.diameter_mm:.0f} mm across, {place.volume_ml:.2g} ml{mean}"


def _mask(volume: Volume, place: Place) -> NDArray[np.bool_]:
    """Of a place; of a point, the ball about it, at least the voxel that it lies in."""
    mask = np.zeros(volume.grid.shape, bool)
    if len(place.voxels):
        mask[tuple(place.voxels.T)] = True
        return mask
    centre = np.asarray(volume.grid.patient_from_voxel.inverse.apply(place.centre_mm))
    reach = np.ceil(place.radius_mm / volume.grid.spacing_mm) + 1
    low = np.clip(np.floor(centre - reach), 0, np.array(volume.grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(centre + reach), 0, np.array(volume.grid.shape) - 1).astype(int) + 1
    box = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    inside = np.linalg.norm(volume.grid.patient_from_voxel.apply(box) - place.centre_mm, axis=-1) <= place.radius_mm
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = inside
    mask[tuple(np.clip(np.round(centre).astype(int), 0, np.array(volume.grid.shape) - 1))] = True
    return mask


def _middles(upright: Upright, window: tuple[float, float]) -> list[Image.Image]:
    return [_slice(upright, None, axis, upright.samples.shape[axis] // 2, window, FINDING) for axis in (2, 1, 0)]


def _slice(
    upright: Upright, mask: NDArray[np.bool_] | None, axis: int, at: int, window: tuple[float, float],
    colour: tuple[int, int, int], near: tuple[Sequence[int], float] | None = None,
) -> Image.Image:  # fmt: skip
    """A slice as radiology looks at it: from the feet, from in front, from the left; `near`: voxel and reach in mm."""
    across, down = [n for n in range(3) if n != axis]
    plain = np.take(upright.samples, at, axis=axis).T.astype(np.float64)
    inside = None if mask is None else np.take(mask, at, axis=axis).T
    spacing = upright.spacing_mm[[down, across]]
    if near is not None:
        middle, reach = near
        spans = [
            slice(max(0, middle[n] - int(reach / step)), middle[n] + int(reach / step) + 1)
            for n, step in ((down, spacing[0]), (across, spacing[1]))
        ]
        plain = plain[spans[0], spans[1]]
        inside = None if inside is None else inside[spans[0], spans[1]]
    if axis != 2:
        plain, inside = plain[::-1], None if inside is None else inside[::-1]
    low, high = window
    grey = Image.fromarray((np.clip((plain - low) / max(high - low, 1e-6), 0.0, 1.0) * 255).astype(np.uint8))
    width = max(1, round(SIDE_PX * plain.shape[1] * spacing[1] / (plain.shape[0] * spacing[0])))
    picture = np.array(grey.resize((width, SIDE_PX), Image.Resampling.BICUBIC).convert("RGB"))
    if inside is not None:
        large = np.array(Image.fromarray(inside).resize((width, SIDE_PX), Image.Resampling.NEAREST))
        picture[binary_dilation(large, iterations=2) & ~large] = colour
    return _named(Image.fromarray(picture), axis, is_near=near is not None)


#: Plane, and what lies at its left edge, by the axis that it is cut across.
_PLANES = {2: ("axial", "R"), 1: ("coronal", "R"), 0: ("sagittal", "A")}


def _named(picture: Image.Image, axis: int, *, is_near: bool) -> Image.Image:
    plane, left = _PLANES[axis]
    drawing, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    drawing.text(
        (6, SIDE_PX - 20),
        f"{plane}, enlarged" if is_near else plane,
        fill=_INK,
        font=font,
        stroke_width=2,
        stroke_fill=_PAPER,
    )
    drawing.text((6, SIDE_PX // 2 - 8), left, fill=_INK, font=font, stroke_width=2, stroke_fill=_PAPER)
    return picture


def _row(words: str, pictures: Sequence[Image.Image]) -> Image.Image:
    width = sum(one.width for one in pictures) + 4 * (len(pictures) - 1)
    row = Image.new("RGB", (max(width, 600), (SIDE_PX if pictures else 0) + LINE_PX), _PAPER)
    ImageDraw.Draw(row).text((8, 5), words, fill=_INK, font=ImageFont.load_default(14))
    x = 0
    for one in pictures:
        row.paste(one, (x, LINE_PX))
        x += one.width + 4
    return row


def _stacked(rows: Sequence[Image.Image], title: str) -> Image.Image:
    width = max(row.width for row in rows)
    whole = Image.new("RGB", (width, 34 + sum(row.height + 6 for row in rows)), _PAPER)
    ImageDraw.Draw(whole).text((8, 8), title, fill=(240, 240, 242), font=ImageFont.load_default(17))
    y = 34
    for row in rows:
        whole.paste(row, (0, y))
        y += row.height + 6
    return whole


# --- in words ---------------------------------------------------------------------------------------


def summary(case: Case) -> Iterator[tuple[str, str]]:
    """What stands in a case, as labels and words: for an educator, with all that is right."""
    yield "Case", f"{case.id} {case.version}, {case.licence}"
    yield "Title", case.title
    if case.history:
        yield "History", case.history
    prior = case.difficulty
    yield "About", f"{case.topic}, {case.concept}, {case.prevalence}"
    yield "Difficulty", f"{prior.logit:+.1f} ± {prior.sd:.1f}, {prior.says}"
    for volume in case.volumes:
        yield (
            f"Study {volume.id}",
            f"{volume.title}, {volume.role}, {volume.source.kind}"
            + (f", after {volume.after}" if volume.after else ""),
        )
    for finding in case.truth.findings:
        yield (
            f"Finding {finding.id}",
            f"{finding.name} in {finding.volume}" + ("" if finding.is_key else ", incidental"),
        )
    for distractor in case.truth.distractors:
        yield f"Distractor {distractor.id}", f"{distractor.name} in {distractor.volume}"
    for task in case.tasks:
        yield f"Task {task.id}", f"{task.kind}, {task.points:g} points: {task.prompt} [right: {right(task)}]"
    yield "Feedback", f"{len(case.feedback)} layers, {len(case.references)} references"


#: What is right of a task, in words, by its kind.
_RIGHT: dict[str, Any] = {
    "mark": lambda task: ", ".join(task.findings) or "every finding of the study",
    "segment": lambda task: f"the mask of {task.finding}",
    "box": lambda task: f"the box of {task.finding}",
    "measure": lambda task: f"{task.quantity} of {task.finding}" + ("" if task.value is None else f", {task.value:g}"),
    "classify": lambda task: f"{task.category} on {task.scheme}",
    "report": lambda task: "; ".join(f"{one.id}: {_right_options(one.options)}" for one in task.fields),
    "choice": lambda task: _right_options(task.options),
    "order": lambda task: ", ".join(one.text for one in task.items),
    "text": lambda task: ", ".join(one.text for one in task.checklist),
    "manage": lambda task: ", ".join(one.text for one in task.options if one.harm == 0),
    "guide": lambda task: f"the tip at {task.target}",
}  # fmt: skip


def right(task: AnyTask) -> str:
    """What is right of a task, in words."""
    return str(_RIGHT[task.kind](task))


def _right_options(options: Sequence[Any]) -> str:
    return ", ".join(one.text for one in options if one.is_right)
