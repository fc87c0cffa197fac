"""Cases from the rows of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scenarios.case.case import Case, Difficulty
from scenarios.case.display import Display, Pane, PlaneName, WindowPreset
from scenarios.case.feedback import FeedbackLayer
from scenarios.case.part import CodedConcept
from scenarios.case.source import CaseVolume, LesionRecipe, LesionSource, PhantomSource
from scenarios.case.task import After, ChoiceTask, Hint, ManageOption, ManageTask, MarkTask, RightOption
from scenarios.case.truth import Finding, LesionPlace, Truth
from scenarios.catalog.rows import ROWS, Row
from scenarios.catalog.teaching import NORMAL_WHY, TEACHING, Answer, Teaching
from scenarios.lesion.kinds import KINDS

LICENCE = "CC0-1.0"
_VOLUME = "study"


@dataclass(frozen=True, slots=True)
class Study:
    """What studies of one body have in common.

    Attributes:
        title: the trainee's.
        topic: of normal ones.
        organ: structures that are to be searched.
        windows: name, low, high; the first comes first.
    """

    title: str
    topic: str
    organ: tuple[str, ...]
    windows: tuple[tuple[str, float, float], ...]


STUDIES: dict[str, Study] = {
    "thorax": Study("CT of the chest", "chest", ("lung_left", "lung_right", "bone"), (
        ("Lung", -1350, 150), ("Soft tissue", -160, 240), ("Bone", -500, 1300),
    )),
    "thorax_angiogram": Study("CT pulmonary angiogram", "chest", ("pulmonary_arteries",), (
        ("Angiogram", -100, 600), ("Lung", -1350, 150), ("Soft tissue", -160, 240),
    )),
    "abdomen": Study("CT of the abdomen, portal-venous phase", "abdomen", ("liver", "bone"), (
        ("Abdomen", -150, 250), ("Liver", 0, 200), ("Bone", -500, 1300),
    )),
    "head": Study("MR of the head, T1 after contrast", "neuro", ("grey_matter", "white_matter"), (("Brain", 0, 1000),)),
    "head_ct_plain": Study("CT of the head without contrast", "neuro", ("grey_matter", "white_matter", "csf"), (
        ("Brain", 0, 80), ("Blood", -20, 180), ("Bone", -500, 1800),
    )),
}  # fmt: skip


def catalogue() -> Iterator[Case]:
    """Every case, in the order of its rows."""
    yield from map(case_of, ROWS)


def source_of(row: Row) -> PhantomSource | LesionSource:
    """Where the images of a row come from."""
    base = PhantomSource(body=row.body, size="reading", seed=row.patient, healthy=True)
    if not row.kind:
        return base
    lesions = tuple(
        LesionRecipe(
            id=f"lesion-{n + 1}",
            kind=row.kind,
            size_mm=size,
            contrast=row.contrast,
            at_mm=row.at_mm if n == 0 else None,
            seed=row.seed + 1000 * n,
            options=row.options,
        )
        for n, size in enumerate(row.sizes_mm)
    )
    return LesionSource(base=base, lesions=lesions)


def case_of(row: Row) -> Case:
    """The case of a row."""
    study, teaching = STUDIES[row.body], TEACHING.get(row.kind)
    source = source_of(row)
    findings = _findings(source, teaching, row)
    return Case(
        id=f"catalog-{row.id}",
        version="1.0.0",
        title=f"{study.title}, {row.age}",
        history=f"{row.age[0].upper()}{row.age[1:]}. {row.asked}",
        licence=LICENCE,
        topic=study.topic if teaching is None else teaching.topic,
        concept=row.kind or f"normal-{row.body.replace('_', '-')}",
        prevalence="common" if row.kind else "normal",
        difficulty=_difficulty(row),
        volumes=(CaseVolume(id=_VOLUME, title=study.title, source=source),),
        truth=Truth(findings=findings, organ=study.organ, says=_says(row, teaching)),
        display=_display(study),
        tasks=(_mark(study), *(() if teaching is None else _questions(teaching))),
        feedback=_feedback(findings, teaching),
    )


def _difficulty(row: Row) -> Difficulty:
    if row.logit is None:
        return Difficulty()
    return Difficulty(logit=row.logit, sd=0.6, says="from the hardest of its lesions (scenarios.lesion.prior)")


def _findings(source: PhantomSource | LesionSource, teaching: Teaching | None, row: Row) -> tuple[Finding, ...]:
    if teaching is None or isinstance(source, PhantomSource):
        return ()
    codes = () if teaching.code is None else (CodedConcept(value=teaching.code[0], meaning=teaching.code[1]),)
    return tuple(
        Finding(
            id=one.id,
            name=f"{KINDS[row.kind].says[0].upper()}{KINDS[row.kind].says[1:]}",
            volume=_VOLUME,
            place=LesionPlace(lesion=one.id),
            codes=codes,
            why=teaching.why,
        )
        for one in source.lesions
    )


def _says(row: Row, teaching: Teaching | None) -> str:
    if teaching is None:
        return "A normal study. " + NORMAL_WHY
    sizes = ", ".join(f"{size:g} mm" for size in row.sizes_mm)
    kind = KINDS[row.kind]
    return f"{kind.says[0].upper()}{kind.says[1:]} ({kind.size_says}: {sizes}), simulated. {teaching.why}"


def _display(study: Study) -> Display:
    presets = tuple(WindowPreset(name=name, low=low, high=high) for name, low, high in study.windows)
    planes: tuple[PlaneName, ...] = ("axial", "coronal", "sagittal")
    return Display(
        presets=presets,
        hanging=tuple(Pane(volume=_VOLUME, plane=plane, preset=presets[0].name) for plane in planes),
    )


def _mark(study: Study) -> MarkTask:
    return MarkTask(
        id="mark",
        prompt="Mark everything that should be reported, each with how sure you are. There may be nothing.",
        points=2.0,
        volume=_VOLUME,
        hints=(Hint(text=f"Search again in every window: {', '.join(w[0].lower() for w in study.windows)}."),),
    )


def _questions(teaching: Teaching) -> tuple[ChoiceTask | ManageTask, ...]:
    prompt, look = teaching.look
    return (
        ChoiceTask(
            id="look", scale="characterisation", prompt=prompt, after=After(task="mark"), options=_options(look)
        ),
        ChoiceTask(
            id="diagnosis", prompt="What is it most likely?", after=After(task="look"),
            options=_options(teaching.diagnosis),
        ),
        ManageTask(
            id="manage", prompt="What should be done next?", after=After(task="diagnosis"),
            options=tuple(
                ManageOption(id=f"option-{n}", text=text, why=why or None, harm=harm)
                for n, (text, why, harm) in _shuffled(teaching.manage)
            ),
        ),
    )  # fmt: skip


def _options(answers: tuple[Answer, ...]) -> tuple[RightOption, ...]:
    """The first is right; options stand in alphabetical order, which gives nothing away."""
    right = answers[0][0]
    return tuple(
        RightOption(id=f"option-{n}", text=text, why=(why or None) if text != right else None, is_right=text == right)
        for n, (text, why, _) in _shuffled(answers)
    )


def _shuffled(answers: tuple[Answer, ...]) -> list[tuple[int, Answer]]:
    return list(enumerate(sorted(answers), start=1))


def _feedback(findings: tuple[Finding, ...], teaching: Teaching | None) -> tuple[FeedbackLayer, ...]:
    if teaching is None:
        return (FeedbackLayer(id="normal", text=NORMAL_WHY),)
    shown = tuple(one.id for one in findings)
    missed = tuple(
        FeedbackLayer(id=f"missed-{one.id}", when="missed", of=one.id, text=teaching.why, shows=(one.id,))
        for one in findings
    )
    best = next(text for text, _, harm in teaching.manage if harm == 0)
    told = FeedbackLayer(id="manage", when="wrong", of="manage", text=f"Best here: {best[0].lower()}{best[1:]}.")
    looked = FeedbackLayer(id="look", when="wrong", of="look", text=teaching.why, shows=shown)
    return (*missed, looked, told)
