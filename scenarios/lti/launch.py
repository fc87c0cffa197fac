"""Whether a launch may open what it asks for: checks of LTI 1.3 (its security framework, section 5.1.3) on values.

The signature was checked before, by whoever has the platform's keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scenarios.lti.claims import MEMBERSHIP, SCORE, Claims
from scenarios.lti.platform import Platform, Registered, may_be_asked
from scenarios.lti.refused import LaunchRefused

#: How far a platform's clock may be off.
SKEW_S = 60.0
#: From following a link to its opening: whoever must log in at the platform does so before its token is made.
LAUNCH_S = 600.0

MESSAGE = "LtiResourceLinkRequest"
VERSION = "1.3.0"
#: Names of the role that leads here; the short one stands for it (LTI 1.3, appendix A.2.3).
_LEADS = frozenset({"Instructor", f"{MEMBERSHIP}#Instructor"})
_MODES = ("practice", "exam")


@dataclass(frozen=True, slots=True)
class Opens:
    """What a link opens: a case, an exam, or the practice that goes on."""

    mode: Literal["practice", "exam"] = "practice"
    case: str | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch that is as it must be: who comes, and what for.

    Attributes:
        subject: who it is to the platform.
        name: what the platform calls them; None where it does not say.
        line_item: where a grade goes; None where the platform wants none, or none of this person.
        until_s: the token, and its nonce, are worth nothing from then on.
    """

    subject: str
    name: str | None
    is_educator: bool
    opens: Opens
    line_item: str | None
    until_s: float


def launched(claims: Claims, platform: Platform, ours: Registered, nonce: str, now_s: float) -> Launch:
    """What a launch asks for. `nonce`: of the login that this browser began.

    Raises:
        LaunchRefused: with every reason.
    """
    wrong = [why for is_wrong, why in _checks(claims, platform, ours, nonce, now_s) if is_wrong]
    if wrong:
        raise LaunchRefused(", ".join(wrong))
    is_educator = bool(_LEADS.intersection(claims.roles))
    return Launch(
        subject=claims.sub,
        name=claims.name,
        is_educator=is_educator,
        opens=_opens(claims),
        line_item=None if is_educator else _line_item(claims),
        until_s=claims.exp + SKEW_S,
    )


def _checks(
    claims: Claims, platform: Platform, ours: Registered, nonce: str, now_s: float
) -> Iterator[tuple[bool, str]]:
    audiences = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    yield claims.iss != platform.issuer, "the issuer is not the one that the login was begun for"
    yield platform.client_id not in audiences, "the token is for somebody else (aud)"
    yield bool(set(audiences) - {platform.client_id}), "the token is for others too, who are not known here (aud)"
    yield claims.azp not in (None, platform.client_id), "the token was given to somebody else (azp)"
    yield claims.exp <= now_s - SKEW_S, "the token is over (exp)"
    yield claims.iat > now_s + SKEW_S, "the token is from the future: a clock is wrong (iat)"
    yield claims.iat < now_s - LAUNCH_S - SKEW_S, "the token is old (iat)"
    yield claims.nonce != nonce, "the nonce is not the one of this login"
    yield claims.message_type != MESSAGE, f"the message is no {MESSAGE}"
    yield claims.version != VERSION, f"the version is not {VERSION}"
    yield claims.deployment_id not in platform.deployments, "the deployment_id is not registered here"
    yield not ours.is_ours(claims.target_link_uri), "the target_link_uri leads elsewhere"


def _opens(claims: Claims) -> Opens:
    custom = claims.custom or {}
    mode, case = str(custom.get("mode") or "practice"), str(custom.get("case") or "")
    if mode not in _MODES:
        raise LaunchRefused(f"the link's custom parameter mode is practice or exam, not {mode[:60]!r}")
    if mode == "exam" and case:
        raise LaunchRefused("the link's custom parameters name a case and an exam: it is to be one of them")
    return Opens("exam" if mode == "exam" else "practice", case or None)


def _line_item(claims: Claims) -> str | None:
    endpoint = claims.endpoint
    if endpoint is None or not endpoint.lineitem or SCORE not in endpoint.scope:
        return None
    if not may_be_asked(endpoint.lineitem):
        raise LaunchRefused("grades would go to an address that is not encrypted (lineitem)")
    return endpoint.lineitem
