"""A case that asks everything that can be asked, of a ball and a tube whose every number is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.app.training.catalogue import Shelved
from engine.app.training.path_file import COLUMNS
from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from scenarios.case.case import Case, flaws
from scenarios.case.display import Display, Pane, WindowPreset
from scenarios.case.fingerprint import fingerprint
from scenarios.case.scheme import Category, Condition, SchemeFeature, SchemeOption, SchemeRow, SchemeTable
from scenarios.case.source import CaseVolume, FileSource
from scenarios.case.task import (
    After,
    AnyTask,
    BoxTask,
    CheckItem,
    ChoiceTask,
    ClassifyTask,
    GuideTask,
    Hint,
    ManageOption,
    ManageTask,
    MarkTask,
    MeasureTask,
    Option,
    OrderTask,
    ReportField,
    ReportTask,
    RightOption,
    SegmentTask,
    TextTask,
)
from scenarios.case.truth import Finding, MaskPlace, Truth

GRID = Grid.centred((64, 64, 48), (3.0, 3.0, 3.0))
#: Middle of the ball, on a voxel, and its radius; the tube stands along z.
BALL_MM = (31.5, -19.5, 1.5)
BALL_RADIUS_MM = 10.5
TUBE_MM, POST_MM = (-40.5, 10.5), (58.5, 10.5)
TUBE_RADIUS_MM, POST_RADIUS_MM = 7.0, 4.0
BALL_HU, TUBE_HU = 40.0, 180.0
PRESETS = (WindowPreset(name="Lung", low=-1350, high=350), WindowPreset(name="Soft tissue", low=-160, high=240))
SKIN_MM = (85.5, -19.5, 1.5)


def _yes(name: str, text: str, *, right: bool = False) -> RightOption:
    return RightOption(id=name, text=text, is_right=right, why="It is as it was made." if right else None)


SCHEME = SchemeTable(
    id="round-things",
    version="1",
    title="Round things",
    source="made for a test",
    features=(
        SchemeFeature(id="size", prompt="Size", unit="mm"),
        SchemeFeature(
            id="edge",
            prompt="Edge",
            options=(SchemeOption(id="sharp", text="Sharp edge"), SchemeOption(id="soft", text="Soft edge")),
        ),
    ),
    categories=(Category(name="2", text="leave it"), Category(name="3", text="see it again")),
    rows=(
        SchemeRow(when=(Condition(feature="size", least=10.0),), category="3"),
        SchemeRow(category="2"),
    ),
)
TASKS: tuple[AnyTask, ...] = (
    MarkTask(
        id="mark",
        prompt="Mark the ball and the tube.",
        points=2.0,
        volume="now",
        findings=("ball", "tube"),
        hints=(Hint(text="One of them is bright.", cost=0.1),),
    ),
    MeasureTask(id="diameter", prompt="How wide is the ball?", finding="ball"),
    MeasureTask(id="volume", prompt="How large is the ball?", finding="ball", quantity="volume_ml"),
    MeasureTask(id="mean", prompt="What is its mean value?", finding="ball", quantity="mean_value"),
    SegmentTask(id="segment", prompt="Paint the ball.", finding="ball"),
    BoxTask(id="box", prompt="Draw a box about the ball.", finding="ball"),
    ClassifyTask(
        id="classify", prompt="Which category?", scheme="unknown@1", category="3b", features={"size-mm": 21.0}
    ),
    ClassifyTask(
        id="scheme",
        prompt="Which category by its table?",
        scheme="round-things@1",
        category="3",
        features={"size": 21.0, "edge": "sharp"},
    ),
    ReportTask(
        id="report",
        prompt="Report the ball.",
        fields=(
            ReportField(id="shape", prompt="Shape", options=(_yes("round", "Round", right=True), _yes("flat", "Flat"))),
            ReportField(id="edge", prompt="Edge", options=(_yes("sharp", "Sharp", right=True), _yes("soft", "Soft"))),
        ),
    ),
    ChoiceTask(
        id="one", prompt="What is it?", options=(_yes("ball", "A ball", right=True), _yes("vessel", "A vessel"))
    ),
    ChoiceTask(
        id="several",
        prompt="Which are bright?",
        several=True,
        options=(_yes("ball-too", "Ball", right=True), _yes("tube-too", "Tube", right=True), _yes("air", "Air")),
    ),
    OrderTask(
        id="order",
        prompt="Put in order, the darkest first.",
        items=(
            Option(id="dark", text="Air"),
            Option(id="grey", text="Ball"),
            Option(id="bright", text="Tube"),
        ),
    ),
    TextTask(
        id="text",
        prompt="Describe it in words.",
        checklist=(
            CheckItem(id="what", text="A round mass is described", any_of=("round mass",)),
            CheckItem(id="side", text="The side is said", any_of=("left",), kind="interpretation"),
        ),
    ),
    ManageTask(
        id="manage",
        prompt="What should be done?",
        options=(
            ManageOption(id="wait", text="See it again in 6 weeks", harm=0.0),
            ManageOption(id="cut", text="Operate now", harm=1.0, why="It may go by itself."),
        ),
    ),
    GuideTask(
        id="guide",
        prompt="Lay a path from the skin to the ball.",
        volume="now",
        target="ball",
        avoid={"tube": 5.0},
        within_mm=5.0,
    ),
    GuideTask(
        id="judge",
        prompt="What did this path come nearest to?",
        volume="now",
        recording="tool.csv",
        target="ball",
        avoid={"tube": 5.0, "post": 5.0},
    ),
    ChoiceTask(
        id="why",
        prompt="Why is the tube no ball?",
        after=After(task="one", went="right"),
        options=(_yes("long", "It goes on in the next slices", right=True), _yes("bright-too", "It is bright")),
    ),
    ChoiceTask(
        id="again",
        prompt="Say once more what it is.",
        after=After(task="one", went="wrong"),
        options=(_yes("ball-after", "A ball", right=True), _yes("tube-after", "A tube")),
    ),
    MarkTask(id="grown", prompt="Mark what is new.", volume="later", after=After(task="manage")),
)


def kinds_case(folder: Path) -> Shelved:
    """The case, its scans and its truth written into `folder`."""
    folder.mkdir(parents=True)
    ball, tube, post = _ball(BALL_MM), _tube(TUBE_MM, TUBE_RADIUS_MM), _tube(POST_MM, POST_RADIUS_MM)
    new = _ball((*BALL_MM[:2], BALL_MM[2] + 40.5))
    rng = np.random.default_rng(1)
    air = rng.normal(-700.0, 30.0, GRID.shape).round().astype(np.int16)
    outside = np.hypot(*_places()[:2]) > 88.0
    air[outside] = -1000
    now = _with(air, (ball, BALL_HU), (tube, TUBE_HU), (post, TUBE_HU))
    scans = {"now": now, "before": _with(air, (tube, TUBE_HU), (post, TUBE_HU)), "later": _with(now, (new, BALL_HU))}
    for name, samples in scans.items():
        write_nifti(folder / f"{name}.nii.gz", GRID, samples)
    truth = ball.astype(np.uint8) + 2 * tube.astype(np.uint8) + 3 * post.astype(np.uint8)
    write_nifti(folder / "truth.nii.gz", GRID, truth)
    write_nifti(folder / "grown.nii.gz", GRID, new.astype(np.uint8))
    path = np.array([(0.0, *SKIN_MM), (4.0, *BALL_MM)])
    np.savetxt(folder / "tool.csv", path, delimiter=",", header=",".join(COLUMNS), comments="")
    case = Case(
        id="all-kinds",
        version="1.0.0",
        title="Everything that can be asked",
        history="A ball and a tube, made to be measured.",
        licence="CC0-1.0",
        topic="chest",
        concept="lung-nodule",
        volumes=(
            CaseVolume(id="now", title="Now", source=_source("now", now)),
            CaseVolume(id="before", title="A year ago", role="prior", source=_source("before", scans["before"])),
            CaseVolume(
                id="later",
                title="6 weeks later",
                role="follow-up",
                after="manage",
                source=_source("later", scans["later"]),
            ),
        ),
        truth=Truth(
            findings=(
                Finding(id="ball", name="Ball", volume="now", place=MaskPlace(file="truth.nii.gz", label=1)),
                Finding(id="tube", name="Tube", volume="now", place=MaskPlace(file="truth.nii.gz", label=2)),
                Finding(id="post", name="Post", volume="now", place=MaskPlace(file="truth.nii.gz", label=3)),
                Finding(id="new", name="New ball", volume="later", place=MaskPlace(file="grown.nii.gz", label=1)),
            ),
            says="A ball, a tube, and one that came.",
        ),
        schemes=(SCHEME,),
        display=Display(
            presets=PRESETS,
            hanging=(Pane(volume="now"), Pane(volume="now", plane="coronal"), Pane(volume="before")),
        ),
        tasks=TASKS,
    )
    assert list(flaws(case)) == []
    return Shelved(case, folder)


def _places() -> tuple[NDArray[np.float64], ...]:
    index = np.moveaxis(np.indices(GRID.shape), 0, -1).reshape(-1, 3)
    return tuple(np.asarray(GRID.patient_from_voxel.apply(index)).T.reshape(3, *GRID.shape))


def _ball(at_mm: tuple[float, ...]) -> NDArray[np.bool_]:
    off = [axis - at for axis, at in zip(_places(), at_mm, strict=True)]
    return np.asarray(np.sqrt(sum(one**2 for one in off)) <= BALL_RADIUS_MM)


def _tube(at_mm: tuple[float, float], radius_mm: float) -> NDArray[np.bool_]:
    x, y, _ = _places()
    return np.asarray(np.hypot(x - at_mm[0], y - at_mm[1]) <= radius_mm)


def _with(samples: NDArray[np.int16], *things: tuple[NDArray[np.bool_], float]) -> NDArray[np.int16]:
    made = samples.copy()
    for mask, value in things:
        made[mask] = int(value)
    return made


def _source(name: str, samples: NDArray[np.int16]) -> FileSource:
    return FileSource(path=f"{name}.nii.gz", sha256=fingerprint(GRID, samples))
