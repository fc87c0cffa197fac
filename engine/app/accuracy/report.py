"""What a check found, with all its digits: what `report.json` holds and the page is drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from engine.app.accuracy.history import Entry
from engine.core.array import Float64
from guidance.accuracy.assessment import Assessment
from guidance.accuracy.control import Chart, chart
from guidance.accuracy.estimate import Estimate

Vector = tuple[float, float, float]


class Part(BaseModel):
    """A part of a report: not changed, nothing unknown, nothing infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figure(Part):
    """A number and its 95 % interval; `high` is null where so few measurements set no upper limit."""

    value: float
    low: float
    high: float | None
    unit: str
    count: int
    words: str


class Largest(Part):
    """The largest that was seen, and the share of further ones that are smaller, with 95 % certainty."""

    value: float
    unit: str
    share: float
    words: str


class ArtefactPart(Part):
    """What was touched."""

    name: str
    words: str
    divots: dict[str, Vector]
    error_mm: float
    scale_error: float


class TipPart(Part):
    """The pointer's tip in the frame of its markers."""

    at_mm: Vector
    words: str
    rms_mm: float


class TouchPart(Part):
    """One touch: from where the other divots put its divot, in the artefact's axes."""

    divot: str
    off_mm: Vector
    start_s: float
    end_s: float
    jitter_mm: float


class AgainPart(Part):
    """One divot again and again."""

    divot: str
    count: int
    bias: Figure
    bias_mm: Vector
    along_x: Figure
    along_y: Figure
    along_z: Figure
    rms: Figure
    p95: Figure
    p99: Figure
    largest: Largest
    span_mm: float


class EverywherePart(Part):
    """All divots, each from where the others put it."""

    count: int
    divots: int
    mean: Figure
    deviation: Figure
    rms: Figure
    p95: Figure
    p99: Figure
    largest: Largest


class SweepPart(Part):
    """The pointer turned about its tip."""

    about: str
    turned_deg: float
    span: Figure
    is_independent: bool
    angles_deg: tuple[float, ...]
    path_mm: tuple[Vector, ...]


class PairPart(Part):
    """Two divots: the known distance, and what was measured less that."""

    one: str
    other: str
    known_mm: float
    off_mm: float


class DistancePart(Part):
    """Point to point, all pairs."""

    bias: Figure
    deviation: Figure
    rms: Figure
    p95: Figure
    p99: Figure
    largest: Largest
    scale: Figure
    pairs: tuple[PairPart, ...]


class DriftPart(Part):
    """Of the same divots from the first touch to the last."""

    over_mm: Vector
    length: Figure
    seconds: float
    is_real: bool


class LimitsPart(Part):
    """Of a control chart."""

    mean: float
    low: float
    high: float
    most_range: float
    count: int


class ChartPart(Part):
    """One quantity over the checks of this device with this artefact, the last one this check."""

    quantity: str
    times: tuple[str, ...]
    values: tuple[float, ...]
    limits: LimitsPart | None
    broken: tuple[tuple[str, ...], ...]
    is_out: bool
    words: str


class AccuracyReport(Part):
    """One check."""

    schema_name: Literal["sightline.accuracy.1"] = "sightline.accuracy.1"
    made_at: str
    sightline: str
    device: str
    source: Literal["device", "recording", "simulator"]
    seed: int | None
    artefact: ArtefactPart
    tip: TipPart
    again: AgainPart | None
    everywhere: EverywherePart
    sweeps: tuple[SweepPart, ...]
    distances: DistancePart
    drift: DriftPart | None
    jitter: Figure
    touches: tuple[TouchPart, ...]
    elsewhere: int
    touched_mm: Vector
    seconds: float
    lost: float
    control: tuple[ChartPart, ...]
    is_out_of_control: bool
    words: str
    lacks: tuple[str, ...]

    @property
    def largest_sweeps(self) -> tuple[SweepPart, ...]:
        """Of each axis the sweep with the largest span."""
        best: dict[str, SweepPart] = {}
        for one in self.sweeps:
            if one.about not in best or one.span.value > best[one.about].span.value:
                best[one.about] = one
        return tuple(best.values())

    def entry(self) -> Entry:
        """What the history keeps of it."""
        return Entry(
            time=self.made_at,
            device=self.device,
            artefact=self.artefact.name,
            bias_mm=self.distances.bias.value,
            rms_mm=self.everywhere.rms.value,
            touches=len(self.touches),
        )


Source = Literal["device", "recording", "simulator"]

#: What goes into the control chart, and how it is called.
CHARTED = (("rms_mm", "Position error over all divots (RMS)"), ("bias_mm", "Bias of distances"))


def report_of(
    found: Assessment,
    earlier: Sequence[Entry],
    *,
    made_at: str,
    version: str,
    device: str,
    source: Source,
    seed: int | None,
) -> AccuracyReport:
    """The report of a check, beside the earlier ones of the same device and artefact."""
    names, artefact = found.artefact.names, found.artefact
    now = {"rms_mm": found.everywhere.rms_mm.value, "bias_mm": found.distances.bias_mm.value}
    times = [*(entry.time for entry in earlier), made_at]
    control = tuple(
        chart_part(label, chart([*(getattr(entry, key) for entry in earlier), now[key]]), times)
        for key, label in CHARTED
    )
    return AccuracyReport(
        made_at=made_at,
        sightline=version,
        device=device,
        source=source,
        seed=seed,
        artefact=ArtefactPart(
            name=artefact.name,
            words=artefact.words,
            divots={name: _vector(at) for name, at in zip(names, artefact.divots_mm, strict=True)},
            error_mm=artefact.error_mm,
            scale_error=artefact.scale_error,
        ),
        tip=TipPart(at_mm=_vector(found.tip.tool.tip_mm), words=found.tip.words, rms_mm=found.tip.tool.rms_mm),
        again=_again(found),
        everywhere=_everywhere(found),
        sweeps=tuple(_sweeps(found)),
        distances=_distances(found),
        drift=_drift(found),
        jitter=_figure(found.jitter_mm),
        touches=tuple(_touches(found)),
        elsewhere=found.elsewhere,
        touched_mm=_vector(found.touched_mm),
        seconds=found.seconds,
        lost=found.lost,
        control=control,
        is_out_of_control=any(one.is_out for one in control),
        words=found.words,
        lacks=found.lacks,
    )


def _touches(found: Assessment) -> Iterator[TouchPart]:
    names, first_s = found.artefact.names, found.touches[0].start_s
    for one in found.touches:
        yield TouchPart(
            divot=names[one.divot],
            off_mm=_vector(one.off_mm),
            start_s=one.start_s - first_s,
            end_s=one.end_s - first_s,
            jitter_mm=one.jitter_mm,
        )


def _vector(values: Float64) -> Vector:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _figure(estimate: Estimate) -> Figure:
    return Figure(
        value=estimate.value,
        low=estimate.low,
        high=None if estimate.is_open else estimate.high,
        unit=estimate.unit,
        count=estimate.count,
        words=estimate.words,
    )


def _largest(value: float, share: float, unit: str = "mm") -> Largest:
    words = f"{value:.2f} {unit} (at least {100 * share:.0f} % of further ones are smaller)"
    return Largest(value=value, unit=unit, share=share, words=words)


def _again(found: Assessment) -> AgainPart | None:
    point = found.again
    if point is None:
        return None
    x, y, z = (_figure(axis) for axis in point.axes_mm)
    return AgainPart(
        divot=found.artefact.names[point.divot],
        count=point.count,
        bias=_figure(point.bias),
        bias_mm=_vector(point.bias_mm),
        along_x=x,
        along_y=y,
        along_z=z,
        rms=_figure(point.rms_mm),
        p95=_figure(point.p95_mm),
        p99=_figure(point.p99_mm),
        largest=_largest(point.most_mm, point.share),
        span_mm=point.span_mm,
    )


def _everywhere(found: Assessment) -> EverywherePart:
    places = found.everywhere
    return EverywherePart(
        count=places.count,
        divots=places.divots,
        mean=_figure(places.mean_mm),
        deviation=_figure(places.deviation_mm),
        rms=_figure(places.rms_mm),
        p95=_figure(places.p95_mm),
        p99=_figure(places.p99_mm),
        largest=_largest(places.most_mm, places.share),
    )


def _sweeps(found: Assessment) -> Iterator[SweepPart]:
    for one in found.sweeps:
        yield SweepPart(
            about=one.about.value,
            turned_deg=float(np.degrees(one.turned_rad)),
            span=_figure(one.span_mm),
            is_independent=one.is_independent,
            angles_deg=tuple(np.degrees(one.angles_rad).tolist()),
            path_mm=tuple(_vector(at) for at in one.path_mm),
        )


def _distances(found: Assessment) -> DistancePart:
    lengths, names = found.distances, found.artefact.names
    return DistancePart(
        bias=_figure(lengths.bias_mm),
        deviation=_figure(lengths.deviation_mm),
        rms=_figure(lengths.rms_mm),
        p95=_figure(lengths.p95_mm),
        p99=_figure(lengths.p99_mm),
        largest=_largest(lengths.most_mm, lengths.share),
        scale=_figure(lengths.scale_percent),
        pairs=tuple(
            PairPart(one=names[int(a)], other=names[int(b)], known_mm=float(known), off_mm=float(off))
            for (a, b), known, off in zip(lengths.pairs, lengths.known_mm, lengths.off_mm, strict=True)
        ),
    )


def _drift(found: Assessment) -> DriftPart | None:
    moved = found.drift
    if moved is None:
        return None
    return DriftPart(
        over_mm=_vector(moved.over_mm), length=_figure(moved.length), seconds=moved.seconds, is_real=moved.is_real
    )


def chart_part(quantity: str, drawn: Chart, times: Sequence[str]) -> ChartPart:
    """One control chart, its last value that of this check."""
    limits = drawn.limits
    return ChartPart(
        quantity=quantity,
        times=tuple(times),
        values=tuple(drawn.values.tolist()),
        limits=None
        if limits is None
        else LimitsPart(
            mean=limits.mean, low=limits.low, high=limits.high, most_range=limits.most_range, count=limits.count
        ),
        broken=tuple(tuple(rule.value for rule in rules) for rules in drawn.broken),
        is_out=drawn.is_out,
        words=drawn.words,
    )
