"""The numbers beside the anatomy: what they say and where it stands, in millimetres from the upper left. Pure.

A number stands there only while it may be believed; else a dash and the reason. Its digits keep their places, and a bar
says the same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.core.overlay import Overlay, Shown
from engine.xr.belief import of_number
from engine.xr.guided import Aim, Distance, Guided, ToolReading
from engine.xr.panel import WIDTH_MM, Control
from engine.xr.ruler import with_error

#: How many structures are told of: the most urgent; fewer where the bullseye stands below.
MOST_LINES, LINES_BESIDE_BULLSEYE = 6, 4
PAD_MM, LINES_FROM_MM, LINE_MM = 12.0, 54.0, 40.0
BULLSEYE_FROM_MM, BULLSEYE_MM = 214.0, 92.0
CONTROLS_FROM_MM = 318.0
#: Places of digits before " ±", and between it and the unit.
VALUE_PLACES, ERROR_PLACES = 5, 3
#: Rings of the bullseye are this far apart, and there are so many.
RING_MM, RINGS = 2.5, 4
#: No distance is told better than this.
LEAST_ERROR_MM = 0.1
_BAR_STEPS = 200
UNKNOWN = "—"


@dataclass(frozen=True, slots=True)
class Bar:
    """A distance as shares, 0 to 1, of twice the distance at which its structure is near.

    Attributes:
        least, most: what it may be, with its error.
        near, risk: where it becomes so.
    """

    least: float
    most: float
    near: float
    risk: float


@dataclass(frozen=True, slots=True)
class Line:
    """One number. `number` is None where there is none, and `words` then say why."""

    name: str
    number: str | None
    words: str = ""
    colour: tuple[int, int, int] | None = None
    level: int = 0
    bar: Bar | None = None
    is_ageing: bool = False


@dataclass(frozen=True, slots=True)
class Bullseye:
    """A tool along the way, seen from outside. Places are shares of the outermost ring.

    Attributes:
        tip: None while the tool may not be believed.
        aim: where its axis goes on to at the target; None where it points elsewhere.
        depth: the share of the way that is behind it.
    """

    tip: tuple[float, float] | None
    aim: tuple[float, float] | None
    depth: float
    to_target: Line
    angle: Line


@dataclass(frozen=True, slots=True)
class ReadoutView:
    """All that the readout says; equal views look the same.

    Attributes:
        title: of the tools.
        words: what to do next, or what is wrong with what is drawn.
        is_wrong: whether it is the latter.
        more: structures that are not told of.
    """

    title: str
    words: str
    is_wrong: bool
    lines: tuple[Line, ...]
    more: int = 0
    bullseye: Bullseye | None = None
    controls: tuple[Control, ...] = ()
    hovered: str | None = None

    @property
    def states(self) -> tuple[object, ...]:
        """What must be seen with the next frame; digits and bars may wait a moment."""
        told = tuple((line.name, line.number is None, line.words, line.level) for line in self.numbered)
        return self.title, self.words, told, self.controls, self.hovered, self.bullseye is None

    @property
    def still(self) -> ReadoutView:
        """The same without what counts: what of its picture stays while only numbers change."""
        lines = tuple(_still(line) for line in self.lines)
        eye = self.bullseye
        if eye is not None:
            eye = Bullseye(None, None, 0.0, _still(eye.to_target), _still(eye.angle))
        return replace(self, lines=lines, bullseye=eye)

    @property
    def numbered(self) -> tuple[Line, ...]:
        """Everything that has, or would have, a number."""
        more = () if self.bullseye is None else (self.bullseye.to_target, self.bullseye.angle)
        return (*self.lines, *more)


def _still(line: Line) -> Line:
    return replace(line, number=None if line.number is None else "", bar=None)


def number_text(value: float, error: float, unit: str = "mm") -> str | None:
    """Value and error in fixed places, no digit that the error does not bear: " 12.3 ±0.4 mm". None: no room."""
    # Errors come as 32 bits: 0.8 must not become 0.9.
    told, _, rest = with_error(value, max(round(error, 4), LEAST_ERROR_MM)).partition(" ± ")
    borne = rest.removesuffix(" mm")
    if len(told) > VALUE_PLACES or len(borne) > ERROR_PLACES:
        return None
    return f"{told:>{VALUE_PLACES}} ±{borne:>{ERROR_PLACES}} {unit}"


def readout(
    guided: Guided,
    readings: Sequence[ToolReading],
    anatomy: Overlay,
    now_s: float,
    aims: Sequence[tuple[ToolReading, Aim, Overlay]] = (),
    controls: tuple[Control, ...] = (),
    hovered: str | None = None,
    prompt: str = "",
) -> ReadoutView:
    """What is said when the frame is seen.

    Args:
        anatomy: how what stands on the patient is shown.
        now_s: on the source's clock.
        aims: of the tools that lie to the chosen way, with how each is shown.
        prompt: what a gesture waits for.
    """
    bullseye = _bullseye(guided, aims)
    room = MOST_LINES if bullseye is None else LINES_BESIDE_BULLSEYE
    pairs = sorted(
        ((reading, distance) for reading in readings for distance in reading.distances),
        key=lambda pair: pair[1].urgency,
    )
    place = () if guided.place is None else (_of_place(guided),)
    kept = pairs[: room - len(place)]
    several = len(readings) > 1
    lines = (*place, *(_line(guided, reading, distance, now_s, several=several) for reading, distance in kept))
    wrong = _wrong(anatomy)
    return ReadoutView(
        title=_title(readings),
        words=prompt or wrong or guided.next,
        is_wrong=bool(wrong) and not prompt,
        lines=lines,
        more=len(pairs) - len(kept),
        bullseye=bullseye,
        controls=controls,
        hovered=hovered,
    )


def _title(readings: Sequence[ToolReading]) -> str:
    if not readings:
        return "No tool is heard"
    lost = [reading for reading in readings if reading.why is not None]
    return f"{lost[0].name}: {lost[0].why}" if lost else " · ".join(reading.name for reading in readings)


def _wrong(anatomy: Overlay) -> str:
    """What is wrong with what is drawn, in words; nothing where nothing is."""
    if anatomy.shown is Shown.VERIFIED:
        return ""
    word = anatomy.look.word.capitalize()
    return f"{word}: {anatomy.why}" if anatomy.why is not None else word


def _of_place(guided: Guided) -> Line:
    """How well the patient's place in this headset is known."""
    assert guided.place is not None
    number = number_text(0.0, guided.place.error_mm)
    said = None if number is None else f"±{number.partition('±')[2]}"
    checked = guided.place.is_verified
    words = "checked" if checked else "not verified: touch a check point"
    return Line("Placed by touch", said, words, is_ageing=not checked)


def _line(guided: Guided, reading: ToolReading, distance: Distance, now_s: float, *, several: bool) -> Line:
    overlay = of_number(guided, reading, distance, now_s)
    name = f"{distance.name} ({reading.name})" if several else distance.name
    if not overlay.look.has_number:
        return Line(name, None, str(overlay.why), distance.colour, distance.level)
    number = number_text(distance.distance_mm, distance.error_mm)
    words = "" if number is not None else "farther than is told here"
    ageing = overlay.shown is Shown.AGEING
    return Line(name, number, words, distance.colour, distance.level, _bar(distance), ageing)


def _bar(distance: Distance) -> Bar:
    whole = 2.0 * distance.near_mm

    def share(mm: float) -> float:
        return round(_BAR_STEPS * min(1.0, max(0.0, mm / whole))) / _BAR_STEPS

    least, most = distance.distance_mm - distance.error_mm, distance.distance_mm + distance.error_mm
    return Bar(share(least), share(most), share(distance.near_mm), share(distance.risk_mm))


def _bullseye(guided: Guided, aims: Sequence[tuple[ToolReading, Aim, Overlay]]) -> Bullseye | None:
    if guided.way is None:
        return None
    if not aims:
        nothing = Line(f"To {guided.way.name}", None, "no tool is at it")
        return Bullseye(None, None, 0.0, nothing, Line("Angle", None, ""))
    reading, aim, overlay = min(aims, key=lambda each: abs(each[1].left_mm))
    if not overlay.look.has_number:
        why = str(overlay.why)
        return Bullseye(None, None, 0.0, Line(f"To {guided.way.name}", None, why), Line("Angle", None, ""))
    outer = RING_MM * RINGS
    depth = 1.0 - aim.left_mm / aim.length_mm if aim.length_mm > 0 else 1.0
    ageing = overlay.shown is Shown.AGEING
    number = number_text(aim.left_mm, reading.tip_error_mm)
    return Bullseye(
        tip=_shares(aim.tip_mm, outer),
        aim=None if aim.aim_mm is None else _shares(aim.aim_mm, outer),
        depth=round(100 * min(1.0, max(0.0, depth))) / 100,
        to_target=Line(f"To {guided.way.name}", number, "" if number else "far", is_ageing=ageing),
        angle=Line("Angle", None if aim.angle_deg is None else f"{aim.angle_deg:.0f}°", is_ageing=ageing),
    )


def _shares(at_mm: tuple[float, float], outer_mm: float) -> tuple[float, float]:
    """A place in the rings; what lies beyond them stands at their rim."""
    x, y = at_mm[0] / outer_mm, at_mm[1] / outer_mm
    beyond = max(1.0, (x * x + y * y) ** 0.5)
    return round(x / beyond, 2), round(y / beyond, 2)


def bar_mm() -> float:
    """How long a bar is."""
    return WIDTH_MM - 2 * PAD_MM
