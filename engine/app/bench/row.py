"""One measured figure, beside its peer's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A line of `sightline bench`.

    Attributes:
        bench: name of the benchmark.
        case: what was measured on.
        metric: what was measured.
        unit: of `ours` and `peer_value`.
        ours: our figure (a median of interleaved repeats unless the metric says otherwise).
        peer: who it is compared with, empty where there is none.
        peer_value: their figure in the same run, None where there is none.
    """

    bench: str
    case: str
    metric: str
    unit: str
    ours: float
    peer: str = ""
    peer_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """Peer over ours: above 1 we use less of the unit."""
        return self.peer_value / self.ours if self.peer_value is not None and self.ours else None

    def as_json(self) -> dict[str, str | float | None]:
        """The row as scripts read it."""
        return {
            "bench": self.bench,
            "case": self.case,
            "metric": self.metric,
            "unit": self.unit,
            "ours": self.ours,
            "peer": self.peer,
            "peer_value": self.peer_value,
            "ratio": self.ratio,
        }
