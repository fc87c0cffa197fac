"""`sightline accuracy`: listen, assess, write the page and the data, and add to the history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np

from engine.app.accuracy.artefact_file import read_artefact, write_artefact
from engine.app.accuracy.history import add_to_history, read_history, usual_history
from engine.app.accuracy.listening import Things, Virtual, heard_to_the_end, heard_with_advice
from engine.app.accuracy.page import page
from engine.app.accuracy.report import AccuracyReport, Source, report_of
from engine.app.results import require_folder, whole_results
from engine.core.errors import InputRefused, InvalidValue
from guidance.accuracy.artefact import POSTS, Artefact
from guidance.accuracy.assessment import Assessment, assess
from guidance.accuracy.guiding import Advice, Plan
from guidance.accuracy.heard import Movement, Tip
from guidance.accuracy.operator import Operator, protocol
from guidance.accuracy.refused import AccuracyRefused
from guidance.devices.device import open_device
from guidance.devices.simulated import Scenario, read_scenario
from guidance.devices.simulator import simulated_device

SIMULATOR = "simulated"
#: A check needs no more, and simulating more takes time.
_SIMULATED_HZ = 30.0

Tell = Callable[[Advice | str], None]


@dataclass(frozen=True, slots=True)
class AccuracyRequest:
    """What is checked, with what, and where it goes.

    Attributes:
        device: address; the simulator where it is "simulated:" with or without a scenario file.
        artefact: file; the shipped one where none.
        out: folder for `report.html` and `report.json`; none for neither.
        history: file; the usual one where none.
        name: of the tracker, for page and history; the device's own where none.
        tip_mm: of a pointer that was calibrated before.
        seed: of the simulator.
    """

    device: str = SIMULATOR + ":"
    artefact: Path | None = None
    out: Path | None = None
    history: Path | None = None
    name: str | None = None
    things: Things = field(default_factory=Things)
    tip_mm: tuple[float, float, float] | None = None
    plan: Plan = field(default_factory=Plan)
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """What was heard, and from what."""

    movement: Movement
    device: str
    source: Source
    seed: int | None


def check_accuracy(request: AccuracyRequest, tell: Tell) -> AccuracyReport:
    """One check, from listening to the history.

    Raises:
        InputRefused: a file that cannot be used, or touches that say nothing; with what to do.
        InvalidValue: no such device. EnvironmentLacks: nobody answers, or the folder cannot be written.
    """
    if request.out is not None:
        require_folder(request.out)
    artefact = POSTS if request.artefact is None else read_artefact(request.artefact)
    history = request.history or usual_history()
    tip = None if request.tip_mm is None else Tip.given(np.array(request.tip_mm))
    heard = asyncio.run(_heard(request, artefact, tip, tell))
    found = _assessed(heard.movement, artefact, tip)
    device = request.name or heard.device
    is_kept = heard.source != "recording"  # it says today what it said before
    earlier = read_history(history, device, artefact.name) if is_kept else ()
    report = report_of(
        found,
        earlier,
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        version=metadata.version("sightline"),
        device=device,
        source=heard.source,
        seed=heard.seed,
    )
    if request.out is not None:
        with whole_results(request.out) as folder:
            (folder / "report.json").write_text(report.model_dump_json(indent=2) + "\n")
            (folder / "report.html").write_text(page(report))
    if is_kept:
        add_to_history(history, report.entry())
    return report


def _assessed(movement: Movement, artefact: Artefact, tip: Tip | None) -> Assessment:
    if len(movement.places) < 2:
        raise InputRefused("the pointer was not seen")
    try:
        return assess(movement, artefact, tip)
    except AccuracyRefused as error:
        raise InputRefused(f"no accuracy can be told: {error}") from error


async def _heard(request: AccuracyRequest, artefact: Artefact, tip: Tip | None, tell: Tell) -> _Source:
    kind, _, what = request.device.partition(":")
    if kind == SIMULATOR:
        return await _simulated(request, artefact, Path(what) if what else None)
    if kind == "recording":
        clock = Virtual()
        device = await open_device(request.device, clock, sleep=clock.sleep)
        return _Source(await heard_to_the_end(device, request.things), device.name, "recording", None)
    device = await open_device(request.device, time.monotonic)
    tell(f"Listening to {device.name}. {artefact.words}.")
    heard = await heard_with_advice(device, request.things, artefact, request.plan, tip, tell)
    return _Source(heard, device.name, "device", None)


async def _simulated(request: AccuracyRequest, artefact: Artefact, file: Path | None) -> _Source:
    """A hand that follows the protocol before a simulated tracker."""
    scenario = read_scenario(file) if file is not None else Scenario(hz=_SIMULATED_HZ, seed=request.seed)
    visits = protocol(artefact, single=request.plan.single, rounds=request.plan.rounds)
    operator = Operator(artefact, visits, np.random.default_rng(scenario.seed))
    clock = Virtual()
    device = simulated_device(scenario, operator, clock, sleep=clock.sleep)
    heard = await heard_to_the_end(device, request.things, operator.until_s)
    return _Source(heard, device.name, "simulator", scenario.seed)


def write_shipped(folder: Path) -> Artefact:
    """The shipped artefact, to be made: `artefact.toml` and `artefact.stl`."""
    require_folder(folder)
    write_artefact(POSTS, folder)
    return POSTS


def tip_of(text: str | None) -> tuple[float, float, float] | None:
    """Three numbers with commas.

    Raises:
        InvalidValue: anything else.
    """
    if text is None:
        return None
    try:
        x, y, z = (float(word) for word in text.split(","))
    except ValueError as error:
        raise InvalidValue(f"a tip is three numbers with commas, in millimetres; got {text!r}") from error
    return x, y, z
