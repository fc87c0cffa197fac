"""`sightline guide`: a session by a plan, from connecting the tracker to guiding, on one port until interrupted."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from engine.app.dicom_export import source_of
from engine.app.guide_process import Guiding
from engine.app.library import StudyLibrary
from engine.app.plan_file import PlanFile, labels_changed, series_identity
from engine.app.serve import Behind, Listening, serve
from engine.core.errors import InputRefused
from engine.ingest.study import SeriesInfo, SeriesKind
from engine.stream.messages import OpenRequest, SeriesChoice
from guidance.devices.simulated import Scenario


def serve_guided(
    file: PlanFile,
    device: str,
    listening: Listening,
    console: Console,
    scenario: Scenario | None = None,
    *,
    pilot: bool = False,
    exports: Path | None = None,
    share_port: int | None = None,
) -> None:
    """Open the scan of a plan, and guide by it until interrupted; `exports` takes DICOM objects of each check.

    Other programs of this machine can follow over OpenIGTLink at `share_port`.

    Raises:
        InputRefused: the plan is not whole, its scan is not there or another, or its segmentation has changed.
        EnvironmentLacks: as `serve`.
    """
    lacks = file.plan.lacks()
    if lacks:
        raise InputRefused("the plan is not whole yet. It lacks " + "; ".join(lacks))
    if labels_changed(file):
        raise InputRefused("the segmentation has changed since the plan was made: see that it still fits, and save it")
    library = StudyLibrary()
    shelf = library.add(file.plan.name, (file.scan,))
    scan = _planned(file, shelf.inventory.series)
    labels = None
    if file.labels is not None:
        drawn = library.add(f"{file.plan.name}: structures", (file.labels,))
        labels = SeriesChoice(study=drawn.id, series=drawn.inventory.choose(_structures(drawn.inventory.series)).uid)
    first = OpenRequest(study=shelf.id, series=scan.uid, labels=labels, pipeline=file.pipeline)
    for note in file.plan.notes():
        console.print(f"  [yellow]Note[/yellow]: {note}", highlight=False)
    wanted = None if exports is None else (exports, source_of(scan))
    guiding = Guiding(file.plan, scan.uid, device, scenario, pilot, wanted, share_port)
    serve(library, listening, console, Behind(), first, guiding)


def _structures(series: tuple[SeriesInfo, ...]) -> str | None:
    """The segmentation among what was found; whatever can be chosen where none is told by its kind."""
    return next((one.uid for one in series if one.kind is not SeriesKind.VOLUME), None)


def _planned(file: PlanFile, series: tuple[SeriesInfo, ...]) -> SeriesInfo:
    for one in series:
        if series_identity(one) == file.plan.series_uid:
            return one
    raise InputRefused(
        f"{file.scan.name} does not hold the series that the plan was made on: open the scan that it was made on, "
        "or make a plan for this one with `sightline plan new`"
    )
