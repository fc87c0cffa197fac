"""A plan, as a value: what a guidance session needs to know before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from engine.core.array import Float64, owned
from engine.core.errors import FrameMismatch, InvalidValue
from engine.core.frame import Frame, patient
from guidance.alerts.level import Bands
from guidance.calibrate.block import Block
from guidance.calibrate.tool_tip import ToolTip
from guidance.margins.tool_place import ToolShape
from guidance.trajectory.trajectory import Limits, Trajectory

#: As many as a tool is held against (`guidance.margins.proximity.MOST_STRUCTURES`), and as a session tells of.
MOST_WATCHED = 32
MOST_LANDMARKS = 64
MOST_TRAJECTORIES = 32
MOST_MARGINS = 8
MOST_TOOLS = 16
#: What a registration takes; with three landmarks nobody can tell how well they were touched.
LEAST_REGISTER, LEAST_CHECK, ENOUGH_REGISTER = 3, 1, 4
#: A check point nearer to a landmark than this would check what was already used.
APART_MM = 10.0
#: Of identifiers and names, as long as the wire takes them.
LONGEST = 128
#: How far a margin reaches, at most, inside or out.
WIDEST_MARGIN_MM = 50.0


class Use(StrEnum):
    """What a landmark is touched for."""

    REGISTER = "register"
    CHECK = "check"


@dataclass(frozen=True, slots=True, eq=False)
class Landmark:
    """A point that is marked in the scan and touched on the patient.

    Attributes:
        patient_mm: (3,) in the plan's patient frame.
        use: to register with, or to check the registration with; never both.
    """

    id: str
    name: str
    patient_mm: Float64
    use: Use

    def __post_init__(self) -> None:
        place = owned(self.patient_mm, np.float64)
        if place.shape != (3,) or not np.isfinite(place).all():
            raise InvalidValue("the place of a landmark is three finite numbers, in patient millimetres (LPS)")
        object.__setattr__(self, "patient_mm", place)
        object.__setattr__(self, "use", Use(self.use))


@dataclass(frozen=True, slots=True)
class Watched:
    """A structure that must not be touched, and how near is near."""

    key: str
    bands: Bands = field(default=Bands())


@dataclass(frozen=True, slots=True, eq=False)
class PlannedTool:
    """A tool that will be tracked.

    Attributes:
        thing: what the device calls it.
        name: as it is shown.
        shape: its line begins at the tip, which is the origin; its axes are those of the tool's markers.
        tip: where the tip is in the frame of the markers; None: found by pivot calibration before it is used.
        cuts: whether it takes tissue away, so that what is left can be followed.
    """

    thing: str
    name: str
    shape: ToolShape
    tip: ToolTip | None = None
    cuts: bool = False

    def __post_init__(self) -> None:
        if float(np.linalg.norm(self.shape.line_mm[0])) > 1e-6:
            raise InvalidValue("the line of a tool begins at its tip, which is its origin: (0, 0, 0)")


@dataclass(frozen=True, slots=True)
class PlannedMargin:
    """A margin around (positive) or within (negative) the target.

    Attributes:
        distance_mm: in every direction that `toward_mm` does not name.
        toward_mm: to the left, right, posterior, anterior, superior and inferior, where they differ.
    """

    id: str
    name: str
    distance_mm: float
    toward_mm: tuple[float, float, float, float, float, float] | None = None

    def __post_init__(self) -> None:
        distances = (self.distance_mm, *(self.toward_mm or ()))
        if self.toward_mm is not None and len(self.toward_mm) != 6:
            raise InvalidValue("a margin has six directions: left, right, posterior, anterior, superior, inferior")
        if not all(abs(distance) <= WIDEST_MARGIN_MM for distance in distances):
            raise InvalidValue(f"a margin is -{WIDEST_MARGIN_MM:g} to {WIDEST_MARGIN_MM:g} mm, got {distances}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a plan: where, as its file names it, and what to do about it."""

    where: str
    words: str

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


class PlanRefused(InvalidValue):
    """A plan that cannot be meant. Holds every flaw, not the first alone."""

    def __init__(self, flaws: Iterable[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("; ".join(map(str, self.flaws)))

    def __reduce__(self) -> tuple[type[PlanRefused], tuple[tuple[Flaw, ...]]]:
        return PlanRefused, (self.flaws,)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a session is to do. Valid once made; `lacks` tells whether it is whole enough to begin.

    Attributes:
        name: as it is shown. No patient's name: it goes to every screen.
        series_uid: the series that it was made on; of a format that has no UID, "sha256:" and the hash of its file.
        frame_of_reference_uid: of that series; empty where its format has none.
        target: key of the structure to be reached or removed; None where there is none.
        watched: structures that must not be touched, at most 32.
        forbidden: keys of structures that no trajectory may go through, whatever it gains.
        landmarks: to register and to check with.
        tools: what is tracked and measured from.
        reference: what the device calls the thing fixed to the patient; None where nothing is (`notes`).
        block: that tips can be found in; None where tools are turned about their tips alone.
        margins: of the target.
        margins_within: key of the organ that margins stay in; None where they go anywhere.
        margins_clear_of: keys of what margins stay out of, and how far in millimetres.
        trajectories: ways to take.
        limits: of trajectories.

    Raises:
        PlanRefused: with every flaw.
    """

    name: str
    series_uid: str
    frame_of_reference_uid: str
    target: str | None = None
    watched: tuple[Watched, ...] = ()
    forbidden: tuple[str, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    tools: tuple[PlannedTool, ...] = ()
    reference: str | None = None
    margins: tuple[PlannedMargin, ...] = ()
    trajectories: tuple[Trajectory, ...] = ()
    limits: Limits = field(default=Limits())
    block: Block | None = None
    margins_within: str | None = None
    margins_clear_of: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        flaws = tuple(_flaws(self))
        if flaws:
            raise PlanRefused(flaws)

    @property
    def frame(self) -> Frame:
        """The patient frame that all its places are in."""
        return patient(self.frame_of_reference_uid)

    @property
    def structures(self) -> tuple[str, ...]:
        """Every structure that it names, each once, the target first."""
        named = (
            *((self.target,) if self.target else ()),
            *(one.key for one in self.watched),
            *self.forbidden,
            *((self.margins_within,) if self.margins_within else ()),
            *(key for key, _ in self.margins_clear_of),
        )
        return tuple(dict.fromkeys(named))

    def of_use(self, use: Use) -> tuple[Landmark, ...]:
        """Landmarks of one use, in order."""
        return tuple(landmark for landmark in self.landmarks if landmark.use is use)

    def lacks(self) -> tuple[str, ...]:
        """What must be decided before a session can begin with it, in words; nothing where it is whole."""
        register, check = len(self.of_use(Use.REGISTER)), len(self.of_use(Use.CHECK))
        lacks = []
        if register < LEAST_REGISTER:
            lacks.append(
                f"landmarks to register with: {register} of at least {LEAST_REGISTER}; mark points in the scan that "
                'can be found on the patient, with "use": "register"'
            )
        if check < LEAST_CHECK:
            lacks.append(
                f"a landmark to check with: mark one near the target, {APART_MM:g} mm or more from the others, "
                'with "use": "check"'
            )
        if not self.tools:
            lacks.append("a tool: name what the device tracks")
        if not self.watched and self.target is None:
            lacks.append("a target, or structures to be watched: there is nothing to measure to")
        return tuple(lacks)

    def notes(self) -> tuple[str, ...]:
        """What whoever uses it should know, though it may be used so."""
        notes = []
        if self.reference is None:
            notes.append(
                "nothing is fixed to the patient as a reference: when the patient or the tracker moves, every place "
                "is wrong and nothing shows it but a check of landmarks"
            )
        if len(self.of_use(Use.REGISTER)) == LEAST_REGISTER:
            notes.append(
                "three landmarks register only where the error of a touch is known; "
                f"with {ENOUGH_REGISTER} or more it is measured"
            )
        if self.target is None:
            notes.append("no target: nothing is proposed, and no margin is drawn")
        return tuple(notes)


def refuse_other(plan: Plan, frame_of_reference_uid: str, series_uid: str) -> None:
    """Refuse a plan that was made on another scan than the one that is open.

    Raises:
        FrameMismatch: says what differs and what to do.
    """
    if plan.frame_of_reference_uid != frame_of_reference_uid:
        what = "was made in another patient space (frame of reference)"
    elif plan.series_uid != series_uid:
        what = "was made on another series"
    else:
        return
    raise FrameMismatch(
        f"the plan {plan.name!r} {what}: open the scan that it was made on, or make a plan for this one "
        "with `sightline plan new`"
    )


# --- what cannot be meant ------------------------------------------------------------------------


def _flaws(plan: Plan) -> Iterator[Flaw]:
    yield from _named("name", plan.name, "the plan")
    if not plan.series_uid:
        yield Flaw("scan.series_uid", "a plan belongs to one series: give its UID, or the hash of its file")
    for many, what, most in (
        (plan.watched, "watched", MOST_WATCHED),
        (plan.landmarks, "landmarks", MOST_LANDMARKS),
        (plan.tools, "tools", MOST_TOOLS),
        (plan.margins, "margins", MOST_MARGINS),
        (plan.trajectories, "trajectories", MOST_TRAJECTORIES),
    ):
        if len(many) > most:
            yield Flaw(what, f"{len(many)} of at most {most}: leave out what matters least")
    for group in ("landmarks", "margins", "trajectories"):
        for n, one in enumerate(getattr(plan, group)):
            yield from _named(f"{group}[{n}].id", one.id, "it")
            yield from _named(f"{group}[{n}].name", one.name, "it")
        yield from _twice(group, "id", [one.id for one in getattr(plan, group)])
    for n, tool in enumerate(plan.tools):
        yield from _named(f"tools[{n}].thing", tool.thing, "what the device calls it")
        yield from _named(f"tools[{n}].name", tool.name, "the tool")
    yield from _twice("tools", "thing", [tool.thing for tool in plan.tools])
    yield from _twice("watched", "key", [one.key for one in plan.watched])
    for n, key in enumerate(plan.forbidden):
        if key == plan.target:
            yield Flaw(f"forbidden[{n}]", f"{key!r} is the target: no way to it could be allowed")
    if plan.reference is not None:
        yield from _named("reference", plan.reference, "what the device calls it")
        if plan.reference in {tool.thing for tool in plan.tools}:
            yield Flaw("reference", f"{plan.reference!r} is a tool too: the reference is another thing, on the patient")
    if plan.block is not None:
        yield from _named("block.thing", plan.block.thing, "what the device calls it")
        if plan.block.thing in {plan.reference, *(tool.thing for tool in plan.tools)}:
            yield Flaw("block.thing", f"{plan.block.thing!r} is a tool or the reference too: the block is neither")
    if plan.margins and plan.target is None:
        yield Flaw("margins", "a margin is one of the target: name a target")
    for n, (key, away_mm) in enumerate(plan.margins_clear_of):
        if not 0.0 <= away_mm <= WIDEST_MARGIN_MM:
            yield Flaw(f"margins_clear_of[{n}].away_mm", f"is 0 to {WIDEST_MARGIN_MM:g} mm, got {away_mm}")
        if key == plan.target:
            yield Flaw(f"margins_clear_of[{n}].key", f"{key!r} is the target: its margins cannot stay out of it")
    yield from _close_landmarks(plan)


def _named(where: str, text: str, what: str) -> Iterator[Flaw]:
    if not 0 < len(text) <= LONGEST or not text.isprintable():
        yield Flaw(where, f"{what} needs a name of 1 to {LONGEST} printable characters")


def _twice(group: str, what: str, values: list[str]) -> Iterator[Flaw]:
    for value, count in Counter(values).items():
        if count > 1:
            yield Flaw(f"{group}[{values.index(value)}].{what}", f"{value!r} is there {count} times: each has its own")


def _close_landmarks(plan: Plan) -> Iterator[Flaw]:
    """Landmarks in one place, and check points where a landmark is registered with."""
    for n, one in enumerate(plan.landmarks):
        for m, other in enumerate(plan.landmarks[:n]):
            apart_mm = float(np.linalg.norm(one.patient_mm - other.patient_mm))
            if one.use is not other.use and apart_mm < APART_MM:
                yield Flaw(
                    f"landmarks[{n}].patient_mm",
                    f"{apart_mm:.1f} mm from landmarks[{m}], which has the other use: check points lie at least "
                    f"{APART_MM:g} mm from what is registered with, else they check nothing",
                )
            elif one.use is other.use and apart_mm < 1.0:
                yield Flaw(f"landmarks[{n}].patient_mm", f"in the place of landmarks[{m}]: leave one out")
