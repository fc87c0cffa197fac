"""Statements of xAPI 1.0.3, as far as training makes them; names are the standard's, on the wire in camel case.

xAPI-Data.md of the specification; cmi5 sections 7 to 9 (Quartz). Nobody's name leaves: an actor is an account
of this installation. `contextAgents` and `contextGroups` are of xAPI 2.0 and refused by stores of 1.0.3.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

Iri = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*:\S+$")]
LanguageMap = dict[str, str]
#: Our own extensions; nothing is fetched from there.
OURS = "https://sightline.invalid/xapi/"
VERSION = "1.0.3"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Piece(BaseModel):
    """Frozen, nothing unknown, no NaN; absent where None."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, alias_generator=_camel, populate_by_name=True
    )


class Account(Piece):
    """Somebody in a system: its address, and a name that means nothing elsewhere."""

    home_page: Iri
    name: str = Field(min_length=1)


class Agent(Piece):
    """Who."""

    object_type: Literal["Agent"] = "Agent"
    account: Account


class Verb(Piece):
    """What they did."""

    id: Iri
    display: LanguageMap


class InteractionComponent(Piece):
    """An answer that may be given."""

    id: str = Field(min_length=1)
    description: LanguageMap


class Definition(Piece):
    """What an activity is."""

    name: LanguageMap | None = None
    description: LanguageMap | None = None
    type: Iri
    interaction_type: Literal["choice", "sequencing", "numeric", "long-fill-in", "other"] | None = None
    correct_responses_pattern: tuple[str, ...] | None = None
    choices: tuple[InteractionComponent, ...] | None = None


class Activity(Piece):
    """What it was done with."""

    object_type: Literal["Activity"] = "Activity"
    id: Iri
    definition: Definition | None = None


class Score(Piece):
    """A score. `raw` needs its ends; `scaled` is from -1 to 1, and no progress."""

    scaled: float = Field(ge=-1, le=1)
    raw: float | None = None
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _raw_has_ends(self) -> Score:
        if self.raw is None:
            return self
        if self.min is None or self.max is None or not self.min <= self.raw <= self.max or self.min == self.max:
            raise ValueError("a raw score lies between its min and max, which are given with it")
        return self


class Result(Piece):
    """What came of it."""

    score: Score | None = None
    success: bool | None = None
    completion: bool | None = None
    response: str | None = None
    duration: str | None = Field(default=None, pattern=r"^P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$")
    extensions: dict[Iri, float | str | int | None] | None = None


class Activities(Piece):
    """What else it belongs to."""

    parent: tuple[Activity, ...] | None = None
    grouping: tuple[Activity, ...] | None = None
    category: tuple[Activity, ...] | None = None


class Context(Piece):
    """In what it was done."""

    registration: uuid.UUID
    context_activities: Activities | None = None
    platform: str | None = None
    language: str | None = None
    extensions: dict[Iri, float | str] | None = None


class Statement(Piece):
    """One statement. Its id is made from what it says, so that it is one however often it is sent."""

    id: uuid.UUID
    actor: Agent
    verb: Verb
    object: Activity
    result: Result | None = None
    context: Context
    timestamp: AwareDatetime

    @field_validator("timestamp")
    @classmethod
    def _in_utc(cls, at: datetime.datetime) -> datetime.datetime:
        return at.astimezone(datetime.UTC)

    @field_serializer("timestamp")
    def _to_milliseconds(self, at: datetime.datetime) -> str:
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def as_json(self) -> str:
        """As it is sent."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


def duration(seconds: float) -> str:
    """ISO 8601, to a hundredth of a second (cmi5 section 9.5.4)."""
    return f"PT{max(seconds, 0.0):.2f}S"
