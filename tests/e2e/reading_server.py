"""The training server with a case of two nodules on a phantom, for the reading room in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from engine.app.training.assess import events_of
from engine.app.training.catalogue import Shelved
from engine.app.training.tables import EventRow, ReadingRow
from engine.stream.roles import Role
from scenarios.case.case import Case
from scenarios.case.display import Display, Pane, WindowPreset
from scenarios.case.source import CaseVolume, LesionRecipe, LesionSource, PhantomSource
from scenarios.case.task import AnyTask, ManageOption, ManageTask, MarkTask
from scenarios.case.truth import Finding, LesionPlace, Truth
from scenarios.reading.event import AnyEvent
from tests.app.training.server import Server
from tests.e2e.chromium import PAGE

#: The larger one first.
NODULES_MM = ((-113.0, -1.0, -48.0), (-83.0, 63.0, -22.0))
SIZES_MM = (18.0, 14.0)

MARK = MarkTask(id="mark", prompt="Mark every lung nodule, each with how sure you are.", points=2.0, volume="ct")
MANAGE = ManageTask(
    id="manage",
    prompt="What should be done next?",
    options=(
        ManageOption(id="pet-ct", text="PET-CT", harm=0.0),
        ManageOption(id="follow-up", text="Follow-up CT in 3 months", harm=0.3, why="Two nodules of this size wait."),
        ManageOption(id="nothing", text="Nothing", harm=1.0, why="They may be cancer."),
    ),
)


def case_of(*tasks: AnyTask, name: str = "two-nodules") -> Case:
    """Two nodules in a small chest, and what is asked of them."""
    lesions = tuple(
        LesionRecipe(id=f"lesion-{n}", kind="solid-nodule", size_mm=size, at_mm=at, seed=n)
        for n, (size, at) in enumerate(zip(SIZES_MM, NODULES_MM, strict=True), start=1)
    )
    base = PhantomSource(body="thorax", size="small", seed=3, healthy=True)
    presets = (WindowPreset(name="Lung", low=-1350, high=150), WindowPreset(name="Soft tissue", low=-160, high=240))
    planes = ("axial", "coronal", "sagittal")
    findings = (("lesion-1", "Larger nodule"), ("lesion-2", "Smaller nodule"))
    return Case(
        id=name,
        version="1.0.0",
        title="A cough",
        licence="CC0-1.0",
        topic="chest",
        concept="lung-nodule",
        prevalence="common",
        volumes=(CaseVolume(id="ct", title="CT of the chest", source=LesionSource(base=base, lesions=lesions)),),
        truth=Truth(
            findings=tuple(
                Finding(id=one, name=says, volume="ct", place=LesionPlace(lesion=one), why="It is round in all planes.")
                for one, says in findings
            ),
            organ=("lung_left", "lung_right"),
            says="Two solid nodules, simulated.",
        ),
        display=Display(
            presets=presets,
            hanging=tuple(Pane.model_validate({"volume": "ct", "plane": one, "preset": "Lung"}) for one in planes),
        ),
        tasks=tasks or (MARK, MANAGE),
    )


class ReadingServer(Server):
    """A server whose newest reading can be looked at."""

    def events(self) -> tuple[AnyEvent, ...]:
        """What was kept of the reading that began last."""
        with self.store.reading() as session:
            last = session.scalars(select(ReadingRow.id).order_by(ReadingRow.began_s.desc())).first()
            bodies = session.scalars(select(EventRow.body).where(EventRow.reading == last).order_by(EventRow.n))
            return events_of(list(bodies))


@contextmanager
def reading_server(folder: Path, *shelf: Shelved) -> Iterator[ReadingServer]:
    """One that runs, for whoever sits at this machine: two nodules where no case is given."""
    shelf = shelf or (Shelved(case_of(), None),)
    server = ReadingServer(folder, shelf, Role.EDUCATOR, page=PAGE)
    server.start()
    try:
        yield server
    finally:
        server.stop()
