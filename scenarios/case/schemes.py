"""Tables of schemes that come with Sightline: what is public and known with certainty; others are educators' own."""

from __future__ import annotations

from scenarios.case.scheme import Category, Condition, SchemeFeature, SchemeRow, SchemeTable

_SIZE = "diameter-mm"


def _by_size(*rows: tuple[str, float | None, float | None]) -> tuple[SchemeRow, ...]:
    return tuple(
        SchemeRow(when=(Condition(feature=_SIZE, least=least, below=below),), category=name)
        for name, least, below in rows
    )


#: A part of Lung-RADS 1.1, and no more: other nodules, growth and follow-up are not in it.
LUNG_RADS_SOLID_BASELINE = SchemeTable(
    id="lung-rads-solid-baseline",
    version="1.1",
    title="Lung-RADS 1.1, solid nodule at baseline",
    covers="A solid nodule on a first screening CT, by its mean diameter alone.",
    source="NCBI Bookshelf NBK568579",
    features=(SchemeFeature(id=_SIZE, prompt="Mean diameter", unit="mm", least=0, most=100),),
    categories=(Category(name="2"), Category(name="3"), Category(name="4A"), Category(name="4B")),
    rows=_by_size(("2", None, 6), ("3", 6, 8), ("4A", 8, 15), ("4B", 15, None)),
)

EMBEDDED: dict[str, SchemeTable] = {one.name: one for one in (LUNG_RADS_SOLID_BASELINE,)}
