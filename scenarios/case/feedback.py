"""What is told and shown once a case has been read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scenarios.case.part import Line, Name, Part, Text


class FeedbackLayer(Part):
    """A piece of feedback.

    Attributes:
        id: by which it is called up.
        when: always, or by what became of `of`: a finding that was found or missed, a task that went wrong or right.
        of: a finding or a task; not with "always".
        text: what is said.
        shows: findings and distractors that are drawn with it.
    """

    id: Name
    when: Literal["always", "found", "missed", "right", "wrong"] = "always"
    of: Name | None = None
    text: Text
    shows: tuple[Name, ...] = ()


class Reference(Part):
    """Where to read on. Nothing is fetched: it is shown as text."""

    title: Line
    doi: Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
