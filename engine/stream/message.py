"""What all messages of the wire have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Identifier = Annotated[str, Field(min_length=1, max_length=128)]
Matrix = Annotated[tuple[float, ...], Field(min_length=16, max_length=16)]
Point = tuple[float, float, float]


class Message(BaseModel):
    """Base of everything on the wire: frozen, nothing unknown, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
