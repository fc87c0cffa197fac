"""The file in which platforms are registered, and what their administrators enter of ours."""

from __future__ import annotations

import tomllib
from pathlib import Path

from engine.core.errors import FileProblem, InputRefused, InvalidValue
from scenarios.lti.claims import SCORE
from scenarios.lti.platform import Mistakes, Registered, not_our_address, registered

LOGIN = "/api/lti/login"
LAUNCH = "/api/lti/launch"
JWKS = "/api/lti/jwks"
#: What links lead to.
TARGET = "/read/"

TEMPLATE = """\
address = "{address}"

[[platform]]
issuer = "https://…"         # the platform's name: "Platform ID", "issuer"
client_id = "…"              # what it calls this server
deployments = ["…"]          # "Deployment ID": one or more
login = "https://…"          # "Authentication request URL"
token = "https://…"          # "Access token URL"
jwks = "https://…"           # "Public keyset URL"
# audience = "https://…"     # only where the platform says that tokens are asked of another name
"""


def read_registered(path: Path) -> Registered:
    """The platforms of a file.

    Raises:
        InputRefused: it is no such file, with every mistake.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputRefused(f"{path} is no TOML: {error}") from error
    try:
        return registered(table)
    except Mistakes as mistakes:
        problems = [FileProblem(path, told) for told in mistakes.told]
        raise InputRefused("platforms cannot launch with this registration", problems) from None


def to_enter(address: str) -> dict[str, str | list[str]]:
    """What a platform is told of a server, under the names that platforms read in files.

    Raises:
        InvalidValue: no address by which browsers reach it.
    """
    address = address.rstrip("/")
    if why := not_our_address(address):
        raise InvalidValue(f"{why}: for example https://sightline.example.org:8443")
    return {
        "title": "Sightline",
        "description": "Radiology cases: read, marked, scored, explained. Research use, not a medical device.",
        "oidc_initiation_url": f"{address}{LOGIN}",
        "redirect_uris": [f"{address}{LAUNCH}"],
        "target_link_uri": f"{address}{TARGET}",
        "public_jwk_url": f"{address}{JWKS}",
        "scopes": [SCORE],
    }
