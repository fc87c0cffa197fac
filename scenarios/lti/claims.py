"""What a platform's token of a launch says: the claims of LTI 1.3 that count here; others are not looked at."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scenarios.lti.refused import LaunchRefused

#: What a token must allow that posts scores.
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"

Text = Annotated[str, Field(min_length=1)]


class Piece(BaseModel):
    """Strictly of its types; what is not named here is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class ResourceLink(Piece):
    """The link in a course that was followed."""

    id: Text


class Endpoint(Piece):
    """Where grades of the link go, and what is allowed there. `lineitem` is empty where there is not just one."""

    scope: tuple[str, ...] = ()
    lineitem: str | None = None


class Claims(Piece):
    """Of OpenID Connect and of LTI."""

    iss: Text
    sub: Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,255}$")]
    aud: Text | tuple[str, ...]
    azp: str | None = None
    exp: float
    iat: float
    nonce: Text
    name: str | None = None
    message_type: str = Field(alias="https://purl.imsglobal.org/spec/lti/claim/message_type")
    version: str = Field(alias="https://purl.imsglobal.org/spec/lti/claim/version")
    deployment_id: Text = Field(alias="https://purl.imsglobal.org/spec/lti/claim/deployment_id")
    target_link_uri: Text = Field(alias="https://purl.imsglobal.org/spec/lti/claim/target_link_uri")
    roles: tuple[str, ...] = Field(alias="https://purl.imsglobal.org/spec/lti/claim/roles")
    resource_link: ResourceLink = Field(alias="https://purl.imsglobal.org/spec/lti/claim/resource_link")
    custom: dict[str, object] | None = Field(default=None, alias="https://purl.imsglobal.org/spec/lti/claim/custom")
    endpoint: Endpoint | None = Field(default=None, alias="https://purl.imsglobal.org/spec/lti-ags/claim/endpoint")


#: What a mistake is called where the library's words would not help.
_KINDS = {"missing": "is missing", "string_too_short": "is empty"}


def claims_of(payload: bytes) -> Claims:
    """What a token says, once its signature was checked.

    Raises:
        LaunchRefused: claims that must be there are missing or of another kind.
    """
    try:
        return Claims.model_validate_json(payload)
    except ValidationError as error:
        told = sorted(
            {f"{_name(one['loc'])} {_KINDS.get(one['type'], 'is not as it must be')}" for one in error.errors()}
        )
        raise LaunchRefused(f"of the token, {', '.join(told)}") from None


def _name(place: tuple[int | str, ...]) -> str:
    """A claim without the beginning that they all share."""
    return str(place[0]).rsplit("/", 1)[-1] if place else "its JSON"
