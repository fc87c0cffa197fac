"""Classification schemes (RADS and the like) as versioned tables: from what is seen to the category that it implies.

A table is the educator's: it stands in the case, so that a reading keeps the one that it was of, or comes with
Sightline (`scenarios.case.schemes`). Rows are read from the top, and the first that fits counts, as in print.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from scenarios.case.part import Line, Name, Part, Text

#: Combinations of features that a table is tried on; one of more is several tables.
MOST_CELLS = 20_000


class SchemeOption(Part):
    """What a feature may be."""

    id: Name
    text: Line


class SchemeFeature(Part):
    """Something that is seen: one of several options, or a number where there are none.

    Attributes:
        id: by which rows and tasks name it.
        prompt: what the trainee is asked.
        options: what it may be; none: it is a number.
        unit: of a number.
        least, most: between which a number lies, both ends within.
    """

    id: Name
    prompt: Line
    options: tuple[SchemeOption, ...] = Field(default=(), max_length=30)
    unit: str = Field(default="", max_length=20)
    least: float = 0.0
    most: float = 1000.0


class Condition(Part):
    """What a row wants of one feature.

    Attributes:
        feature: which.
        least: a number that is no less.
        below: a number that is less.
        any_of: one of these options.
    """

    feature: Name
    least: float | None = None
    below: float | None = None
    any_of: tuple[Name, ...] = ()

    def holds(self, value: float | str) -> bool:
        """Whether a value of the feature is such a one."""
        if isinstance(value, str):
            return value in self.any_of
        return (self.least is None or value >= self.least) and (self.below is None or value < self.below)


class SchemeRow(Part):
    """A row of the table. `when`: all of these; none: in every other case."""

    when: tuple[Condition, ...] = ()
    category: Line


class Category(Part):
    """A category. `text`: what it means, or what is done."""

    name: Line
    text: Line | None = None


class SchemeTable(Part):
    """A scheme in one version.

    Attributes:
        id: with the version, by which tasks name it: `lung-rads@1.1`.
        title: as it is shown.
        covers: to what it applies: a table that is a part of a scheme says which.
        source: where the table is from.
        features: what is seen.
        categories: in the order in which they are offered.
        rows: the rule.
    """

    format: Literal["sightline-scheme/1"] = "sightline-scheme/1"
    id: Name
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,32}$")]
    title: Line
    covers: Text | None = None
    source: Line
    features: tuple[SchemeFeature, ...] = Field(min_length=1, max_length=20)
    categories: tuple[Category, ...] = Field(min_length=2, max_length=30)
    rows: tuple[SchemeRow, ...] = Field(min_length=1, max_length=200)

    @property
    def name(self) -> str:
        """By which tasks name it."""
        return f"{self.id}@{self.version}"

    def implied(self, features: Mapping[str, float | str], /) -> str | None:
        """The category that features imply; None where they do not suffice, or are none of the scheme's."""
        known = {
            one.id: features[one.id] for one in self.features if one.id in features and is_value(one, features[one.id])
        }
        for row in self.rows:
            if any(one.feature in known and not one.holds(known[one.feature]) for one in row.when):
                continue
            return row.category if all(one.feature in known for one in row.when) else None
        return None


def is_value(feature: SchemeFeature, value: float | str) -> bool:
    """Whether a feature may have a value."""
    if feature.options or isinstance(value, str):
        return value in {one.id for one in feature.options}
    return feature.least <= value <= feature.most


# --- what is wrong with a table ---------------------------------------------------------------------

#: Where in the table, and what to do.
Flaw = tuple[tuple[str | int, ...], str]


def scheme_flaws(scheme: SchemeTable) -> Iterator[Flaw]:
    """Names that lead nowhere, rows that nothing reaches, and features for which no row is."""
    found = list(_name_flaws(scheme))
    yield from found
    if not found:
        yield from _table_flaws(scheme)


def _name_flaws(scheme: SchemeTable) -> Iterator[Flaw]:
    features = {one.id: one for one in scheme.features}
    categories = [one.name for one in scheme.categories]
    yield from _twice(("features",), [one.id for one in scheme.features])
    yield from _twice(("categories",), categories)
    for n, feature in enumerate(scheme.features):
        yield from _twice(("features", n, "options"), [one.id for one in feature.options])
        if not feature.least < feature.most:
            yield ("features", n, "most"), f"more than {feature.least:g} is wanted"
    for n, row in enumerate(scheme.rows):
        if row.category not in categories:
            yield ("rows", n, "category"), f"there is no category {row.category!r}; there is {', '.join(categories)}"
        for m, condition in enumerate(row.when):
            at = ("rows", n, "when", m)
            if condition.feature not in features:
                yield (*at, "feature"), f"there is no feature {condition.feature!r}; there is {', '.join(features)}"
            else:
                yield from _condition_flaws(at, condition, features[condition.feature])


def _condition_flaws(at: tuple[str | int, ...], condition: Condition, feature: SchemeFeature) -> Iterator[Flaw]:
    ends = [end for end in (condition.least, condition.below) if end is not None]
    if feature.options:
        options = [one.id for one in feature.options]
        if ends or not condition.any_of:
            yield at, f"{feature.id} is one of {', '.join(options)}: say which (any_of)"
        for one in condition.any_of:
            if one not in options:
                yield (*at, "any_of"), f"{feature.id} has no option {one!r}; it has {', '.join(options)}"
    elif condition.any_of or not ends:
        yield at, f"{feature.id} is a number: say from where on (least), below what (below), or both"
    elif len(ends) == 2 and not ends[0] < ends[1]:
        yield (*at, "below"), f"more than {ends[0]:g} is wanted"


def _twice(at: tuple[str | int, ...], names: Sequence[str]) -> Iterator[Flaw]:
    for name in sorted({name for name in names if list(names).count(name) > 1}):
        yield at, f"{name!r} is there twice: give each a name of its own"


def _table_flaws(scheme: SchemeTable) -> Iterator[Flaw]:
    """Tried on a value of every stretch between two ends of rows, and on every option."""
    values = [_stretches(scheme, one) for one in scheme.features]
    count = 1
    for some in values:
        count *= len(some)
    if count > MOST_CELLS:
        yield (
            ("features",),
            f"these combine in {count:,} ways, and at most {MOST_CELLS:,} are tried: make several tables",
        )
        return
    reached: set[int] = set()
    gap: dict[str, float | str] | None = None
    for cell in product(*values):
        features = dict(zip((one.id for one in scheme.features), cell, strict=True))
        row = next(
            (n for n, one in enumerate(scheme.rows) if all(c.holds(features[c.feature]) for c in one.when)), None
        )
        if row is None:
            gap = gap or features
        else:
            reached.add(row)
    if gap is not None:
        told = ", ".join(f"{name} {value}" for name, value in gap.items())
        yield ("rows",), f"no row is for {told}: add one, or narrow the feature"
    for n in sorted(set(range(len(scheme.rows))) - reached):
        yield ("rows", n), "nothing reaches this row: the rows above take all of it"


def _stretches(scheme: SchemeTable, feature: SchemeFeature) -> list[float | str]:
    if feature.options:
        return [one.id for one in feature.options]
    ends = {feature.least, feature.most}
    for row in scheme.rows:
        for one in row.when:
            if one.feature == feature.id:
                ends |= {end for end in (one.least, one.below) if end is not None}
    return [end for end in sorted(ends) if feature.least <= end <= feature.most]
