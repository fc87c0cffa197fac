"""Three small cases on a phantom, and a reader who reads them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.app.training.catalogue import Shelved
from engine.core.grid import Grid
from scenarios.case.case import Case, Difficulty
from scenarios.case.source import CaseVolume, PhantomSource
from scenarios.case.task import ChoiceTask, Hint, MarkTask, RightOption
from scenarios.case.truth import Distractor, Finding, PointPlace, Truth
from scenarios.reading.answer import ChoiceAnswer
from scenarios.reading.event import Answered, AnyEvent, Began, Committed, Marked, Revealed
from scenarios.score.ground import Ground, Place

AT_MM = (40.0, 10.0, -20.0)
VESSEL_MM = (-30.0, 0.0, 10.0)


def case(name: str, logit: float = 0.0, *, is_normal: bool = False, topic: str = "chest") -> Case:
    """One nodule, or none, to be marked and named."""
    nodule = Finding(
        id="nodule",
        name="Nodule",
        volume="ct",
        place=PointPlace(at_mm=AT_MM, radius_mm=6.0),
        why="It stands out from the vessels as you scroll.",
    )
    vessel = Distractor(
        id="vessel",
        name="Vessel",
        volume="ct",
        place=PointPlace(at_mm=VESSEL_MM, radius_mm=5.0),
        why="A vessel seen end on: it goes on in the next slices.",
    )
    right = "normal" if is_normal else "solid"
    return Case(
        id=name,
        version="1.0.0",
        title=f"Chest {name}",
        licence="CC0-1.0",
        topic=topic,
        concept="normal-chest" if is_normal else "lung-nodule",
        prevalence="normal" if is_normal else "common",
        difficulty=Difficulty(logit=logit),
        volumes=(CaseVolume(id="ct", title="Chest CT", source=PhantomSource(body="thorax", seed=1)),),
        truth=Truth(findings=() if is_normal else (nodule,), distractors=(vessel,), says="As simulated."),
        tasks=(
            MarkTask(id="mark", prompt="Mark every nodule.", volume="ct", hints=(Hint(text="Look left."),)),
            ChoiceTask(
                id="what",
                prompt="What is it?",
                options=tuple(
                    RightOption(id=one, text=one.capitalize(), is_right=one == right, why=f"It is {right}.")
                    for one in ("solid", "cyst", "normal")
                ),
            ),
        ),
    )


CASES = (case("one", -1.0), case("two"), case("three", is_normal=True))
SHELF = tuple(Shelved(one, None) for one in CASES)


GRID = Grid.centred((100, 100, 100), (2.0, 2.0, 2.0))


def ground(one: Case) -> Ground:
    """What is there in a case, as if its images were made."""

    def placed(things: Iterable[Finding | Distractor]) -> dict[str, Place]:
        found = {}
        for thing in things:
            assert isinstance(thing.place, PointPlace)
            found[thing.id] = Place("ct", np.array(thing.place.at_mm), thing.place.radius_mm, GRID)
        return found

    return Ground(placed(one.truth.findings), placed(one.truth.distractors))


def read(one: Case, *, rightly: bool = True, start: int = 0) -> tuple[AnyEvent, ...]:
    """The events of reading it to the end."""
    is_normal = one.prevalence == "normal"
    right = "normal" if is_normal else "solid"
    marked = () if is_normal == rightly else (("m", AT_MM if rightly else VESSEL_MM),)
    events: list[AnyEvent] = [Began(n=0, t_s=0.0, where="flat")]
    for name, at_mm in marked:
        events.append(Marked(n=len(events), t_s=3.0, task="mark", mark=name, at_mm=at_mm, confidence=0.9))
    events.append(Committed(n=len(events), t_s=5.0, task="mark"))
    answer = ChoiceAnswer(chosen=(right if rightly else "cyst",))
    events.append(Answered(n=len(events), t_s=8.0, task="what", answer=answer, confidence=0.8))
    events.append(Committed(n=len(events), t_s=9.0, task="what"))
    events.append(Revealed(n=len(events), t_s=10.0))
    return tuple(events[start:])
