"""Cases of every kind of part, consistent within themselves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy, composite

from scenarios.case.case import Case, Difficulty
from scenarios.case.display import Display, Pane, WindowPreset
from scenarios.case.feedback import FeedbackLayer, Reference
from scenarios.case.part import CodedConcept
from scenarios.case.source import CaseVolume, FileSource, LesionRecipe, LesionSource, PhantomSource
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
from scenarios.case.truth import Distractor, Finding, LesionPlace, MaskPlace, PointPlace, StructurePlace, Truth

NUMBERS = st.floats(-1e4, 1e4)
#: Anything that a person, or a program that went wrong, may have put there.
ODD = (
    "no", "3", "1e3", "~", "2026-01-02", "1:30", "- a", "a: b", "# x", "'", '"', "*a", "&a", "!!str", "<<", "=", " a ",
    "word " * 40, "Line one.\nLine two, which is longer than the first.\n\n  - indented\n", "\n", "a\n", "\ta",
    "a\r\nb", "\u2028", "\x85", "\x00", "a  b", " \n a", "Überlänge μ 10 µm ± 3 " * 6, "\ufeff", "\U0001f600",
    "x" * 200,
)  # fmt: skip
TEXTS = st.text(min_size=1, max_size=60) | st.sampled_from(ODD)
LINES = TEXTS.map(lambda text: text[:300])


def names(least: int, most: int) -> SearchStrategy[list[str]]:
    """Different names, some of which look like numbers or a yes."""
    pool = ["a", "b", "ct", "no", "on", "12", "1e3", "null", "0x1f", "lung-nodule", "y", "3-4", "true"]
    return st.lists(st.sampled_from(pool), min_size=least, max_size=most, unique=True)


@composite
def cases(draw: Any) -> Case:
    """Of every kind of volume, finding and task."""
    volumes = draw(names(1, 3))
    findings = draw(names(1, 3))
    placed = [
        Finding(
            id=name, name=draw(LINES), volume=volumes[0], place=draw(places() if n else painted()),
            weight=draw(st.floats(0.1, 100)),
            codes=draw(st.lists(st.builds(CodedConcept, value=LINES, meaning=LINES), max_size=2)),
            is_key=n == 0 or draw(st.booleans()), why=draw(st.none() | TEXTS),
        )
        for n, name in enumerate(findings)
    ]  # fmt: skip
    distractor = Distractor(id="distractor", name="Vessel", volume=volumes[0], place=draw(places()), why=draw(TEXTS))
    window = WindowPreset(name=draw(LINES), low=draw(NUMBERS), high=draw(NUMBERS))
    tasks = draw(st.lists(task_of(volumes[0], findings[0]), min_size=1, max_size=4))
    tasks = [task.model_copy(update={"id": f"task-{n}"}) for n, task in enumerate(tasks)]
    if len(tasks) > 1:
        tasks[1] = tasks[1].model_copy(
            update={"after": After(task="task-0", went=draw(st.sampled_from(["anyhow", "wrong"])))}
        )
    return Case(
        id="a-case", version="1.2.3", title=draw(LINES), history=draw(st.none() | TEXTS),
        authors=draw(st.lists(LINES, max_size=2)), licence=draw(LINES), topic="chest", concept="lung-nodule",
        prevalence=draw(st.sampled_from(["common", "rare"])),
        difficulty=draw(st.builds(Difficulty, logit=st.floats(-5, 5), sd=st.floats(0.1, 3), says=LINES)),
        volumes=tuple(CaseVolume(id=name, title=draw(LINES), source=draw(sources()), role=draw(st.sampled_from(["current", "prior"]))) for name in volumes),  # noqa: E501
        truth=Truth(findings=tuple(placed), distractors=(distractor,), organ=draw(st.lists(st.just("lung_left"), max_size=1)), says=draw(st.none() | TEXTS)),  # noqa: E501
        display=Display(presets=(window,), hanging=(Pane(volume=volumes[0], plane="coronal", preset=window.name, at=draw(st.floats(0, 1))),)),  # noqa: E501
        tasks=tuple(tasks),
        feedback=(FeedbackLayer(id="said", when="missed", of=findings[0], text=draw(TEXTS), shows=("distractor",)),),
        references=draw(st.lists(st.builds(Reference, title=LINES, doi=st.just("10.1000/182")), max_size=2)),
    )  # fmt: skip


def places() -> SearchStrategy[MaskPlace | PointPlace | LesionPlace | StructurePlace]:
    """Of every kind that names nothing else."""
    return painted() | st.builds(PointPlace, at_mm=st.tuples(NUMBERS, NUMBERS, NUMBERS), radius_mm=st.floats(0, 200))


def painted() -> SearchStrategy[MaskPlace | StructurePlace]:
    """Those that have a border."""
    return st.one_of(
        st.builds(MaskPlace, file=st.sampled_from(["truth.nii.gz", "masks/a b.nrrd"]), label=st.integers(1, 65535)),
        st.builds(StructurePlace, key=st.sampled_from(["lung_left", "3", "no"])),
    )


def sources() -> SearchStrategy[FileSource | PhantomSource | LesionSource]:
    """Of every kind."""
    phantoms = st.builds(PhantomSource, body=st.just("thorax"), seed=st.integers(0, 2**31 - 1), healthy=st.booleans())
    files = st.builds(
        FileSource, path=st.just("ct/series 1"), sha256=st.just("0e" + 62 * "1"), series_uid=st.none() | LINES
    )
    recipes = st.builds(
        LesionRecipe, id=st.just("lesion"), kind=st.just("solid-nodule"), size_mm=st.floats(0.1, 200),
        contrast=st.none() | NUMBERS, at_mm=st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS), seed=st.integers(0, 9),
        options=st.dictionaries(st.sampled_from(["no", "depth", "12"]), NUMBERS, max_size=2),
    )  # fmt: skip
    lesions = st.builds(LesionSource, base=phantoms | files, lesions=st.lists(recipes, min_size=1, max_size=1))
    return phantoms | files | lesions


def task_of(volume: str, finding: str) -> SearchStrategy[AnyTask]:
    """Of every kind, about one finding."""
    common: dict[str, Any] = {
        "id": st.just("t"), "prompt": TEXTS, "points": st.floats(0, 100), "asks_confidence": st.booleans(),
        "hints": st.lists(st.builds(Hint, text=TEXTS, cost=st.floats(0, 1)), max_size=2),
    }  # fmt: skip
    here, there = st.just(volume), st.just(finding)
    right = [RightOption(id="no", text="3", is_right=True), RightOption(id="y", text="no", why="- why\n- not")]
    options = st.builds(lambda text: (*right, RightOption(id="12", text=text)), LINES)
    items = st.builds(lambda text: (Option(id="a", text=text), Option(id="b", text="B")), LINES)
    manage = st.builds(
        lambda text, harm: (ManageOption(id="a", text=text, harm=0), ManageOption(id="b", text="B", harm=harm)),
        LINES,
        st.floats(0.1, 100),
    )
    fields = st.builds(lambda prompt, options: (ReportField(id="f", prompt=prompt, options=options),), LINES, options)
    checks = st.lists(
        st.builds(
            CheckItem,
            id=st.just("c"),
            text=LINES,
            any_of=st.lists(LINES, min_size=1, max_size=3),
            kind=st.sampled_from(["observation", "interpretation"]),
        ),
        min_size=1,
        max_size=1,
    )
    features = st.dictionaries(st.sampled_from(["no", "size"]), NUMBERS | TEXTS, max_size=2)
    return st.one_of(
        st.builds(MarkTask, volume=here, findings=st.just((finding,)), beyond_mm=st.floats(0, 199), **common),
        st.builds(SegmentTask, finding=there, within_mm=st.floats(0.1, 50), **common),
        st.builds(BoxTask, finding=there, **common),
        st.builds(MeasureTask, finding=there, value=st.none() | NUMBERS, **common),
        st.builds(ClassifyTask, scheme=st.just("lung-rads@1.1"), category=LINES, features=features, **common),
        st.builds(ReportTask, fields=fields, **common),
        st.builds(ChoiceTask, options=options, **common),
        st.builds(OrderTask, items=items, **common),
        st.builds(TextTask, checklist=checks, **common),
        st.builds(ManageTask, options=manage, **common),
        st.builds(
            GuideTask,
            volume=here,
            target=there,
            avoid=st.dictionaries(st.sampled_from(["skull", "vessel_left"]), st.floats(0, 9)),
            **common,
        ),
    )
