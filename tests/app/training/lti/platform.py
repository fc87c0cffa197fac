"""A learning platform on this machine: keys, authorization, tokens and scores as LTI 1.3 and AGS 2.0 have them.

It believes a tool no more than it must: what is asked of it is checked, and what fails a check is an error of the test.
"""

from __future__ import annotations

import base64
import datetime
import html
import json
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from scenarios.lti.platform import Platform, Registered

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/"
LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
INSTRUCTOR = "http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"
CLIENT, DEPLOYMENT = "sightline-client", "deployment-7"
TOKEN = "s3cret-bearer-token"
ACTIVITY = {"Initialized", "Started", "InProgress", "Submitted", "Completed"}
GRADING = {"FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"}
SCORE_KIND = "application/vnd.ims.lis.v1.score+json"


@cache
def rsa(name: str) -> RSAPrivateKey:
    """A key pair: made once, it takes its time."""
    return generate_private_key(65537, 2048)


@dataclass(frozen=True)
class Link:
    """A link of a course, as somebody follows it."""

    subject: str = "user-1"
    name: str | None = "Ada Example"
    roles: tuple[str, ...] = (LEARNER,)
    custom: dict[str, str] = field(default_factory=dict)
    item: str | None = "quiz"


#: Makes a token of claims, as a forger would.
Forge = Callable[["FakePlatform", dict[str, Any]], str]


class FakePlatform:
    """Not a value. `answers` are statuses that the next scores are answered with, whatever they say."""

    def __init__(self) -> None:
        self.kid = "key-1"
        self.tool = ""
        self.link = Link()
        self.forge: Forge = FakePlatform.signed
        self.answers: list[int] = []
        self.scores: list[tuple[str, dict[str, Any]]] = []
        self.faults: list[str] = []
        self.tokens = 0
        self.keys_fetched = 0
        self.token = TOKEN
        self.port = 0
        self._jti: set[str] = set()
        self._last: dict[tuple[str, str], float] = {}
        self._server: ThreadingHTTPServer | None = None

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def platform(self) -> Platform:
        """As its administrator tells us."""
        return Platform(
            issuer="https://lms.example.org",
            client_id=CLIENT,
            deployments=frozenset({DEPLOYMENT}),
            login=f"{self.address}/auth?tenant=1",
            token=f"{self.address}/token",
            jwks=f"{self.address}/jwks",
            audience=f"{self.address}/token",
        )

    def registered(self, tool: str) -> Registered:
        self.tool = tool
        return Registered(tool, (self.platform(),))

    # --- as a browser meets it ------------------------------------------------------------------

    def initiation(self) -> dict[str, str]:
        """What its page sends the browser to our login with."""
        return {
            "iss": "https://lms.example.org",
            "login_hint": "hint-1",
            "target_link_uri": f"{self.tool}/read/",
            "lti_message_hint": "message 1",
            "client_id": CLIENT,
            "lti_deployment_id": DEPLOYMENT,
        }

    def claims(self, nonce: str) -> dict[str, Any]:
        link, now = self.link, int(time.time())
        claims: dict[str, Any] = {
            "iss": "https://lms.example.org",
            "sub": link.subject,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "email": "ada@example.org",
            f"{LTI}message_type": "LtiResourceLinkRequest",
            f"{LTI}version": "1.3.0",
            f"{LTI}deployment_id": DEPLOYMENT,
            f"{LTI}target_link_uri": f"{self.tool}/read/",
            f"{LTI}resource_link": {"id": "link-1", "title": "Chest"},
            f"{LTI}roles": list(link.roles),
            f"{LTI}context": {"id": "course-1", "label": "RAD 1"},
            f"{LTI}custom": link.custom,
        }
        if link.name is not None:
            claims["name"] = link.name
        if link.item is not None:
            claims[f"{AGS}claim/endpoint"] = {
                "scope": [f"{AGS}scope/score", f"{AGS}scope/lineitem"],
                "lineitem": f"{self.address}/items/{link.item}?type_id=1",
                "lineitems": f"{self.address}/items",
            }
        return claims

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, rsa("platform"), "RS256", {"kid": self.kid})

    def _authorize(self, asked: dict[str, str]) -> str:
        """A page that posts itself to the tool."""
        expected = {
            "scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none",
            "client_id": CLIENT, "redirect_uri": f"{self.tool}/api/lti/launch", "login_hint": "hint-1",
            "lti_message_hint": "message 1", "tenant": "1",
        }  # fmt: skip
        for name, value in expected.items():
            self._want(asked.get(name) == value, f"authorization: {name} is {asked.get(name)!r}")
        self._want(len(asked.get("nonce", "")) >= 16 and bool(asked.get("state")), "authorization: nonce and state")
        fields = {"id_token": self.forge(self, self.claims(asked["nonce"])), "state": asked["state"]}
        inputs = "".join(f'<input type="hidden" name="{n}" value="{html.escape(v)}">' for n, v in fields.items())
        post = "<script>document.forms[0].submit()</script>"
        return f'<form method="post" action="{html.escape(asked["redirect_uri"])}">{inputs}</form>{post}'

    # --- as a tool meets it ---------------------------------------------------------------------

    def _keys(self) -> dict[str, Any]:
        self.keys_fetched += 1
        public = json.loads(RSAAlgorithm.to_jwk(rsa("platform").public_key()))
        encrypting = json.loads(RSAAlgorithm.to_jwk(rsa("other").public_key())) | {"kid": "enc", "use": "enc"}
        return {
            "keys": [{"kty": "EC", "kid": "no"}, encrypting, public | {"kid": self.kid, "use": "sig", "alg": "RS256"}]
        }

    def _let_in(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """RFC 6749 section 4.4 with RFC 7523: the assertion is checked with the keys that the tool publishes."""
        self._want(form.get("grant_type") == "client_credentials", "token: grant_type")
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        self._want(form.get("client_assertion_type") == kind, "token: client_assertion_type")
        self._want(form.get("scope") == f"{AGS}scope/score", "token: scope")
        with urllib.request.urlopen(f"{self.tool}/api/lti/jwks") as answer:
            keys = jwt.PyJWKSet.from_dict(json.loads(answer.read()))
        assertion = form["client_assertion"]
        key = keys[jwt.get_unverified_header(assertion)["kid"]]
        told = jwt.decode(
            assertion, key, algorithms=["RS256"], audience=f"{self.address}/token", issuer=CLIENT, subject=CLIENT,
            options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
        )  # fmt: skip
        self._want(told["jti"] not in self._jti and told["exp"] - told["iat"] <= 3600, "token: jti, exp")
        self._jti.add(told["jti"])
        self.tokens += 1
        return 200, {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600, "scope": form["scope"]}

    def _score(self, path: str, headers: Any, body: bytes) -> int:
        if headers.get("authorization") != f"Bearer {self.token}":
            return 401
        if self.answers and (status := self.answers.pop(0)) != 200:
            return status
        said = json.loads(body)
        self._want(headers.get("content-type") == SCORE_KIND, "score: content type")
        self._want(path.endswith("/scores?type_id=1"), f"score: {path}")
        known = {"userId", "scoreGiven", "scoreMaximum", "activityProgress", "gradingProgress", "timestamp", "comment"}
        self._want(set(said) <= known, f"score: {set(said) - known}")
        self._want(isinstance(said["userId"], str), "score: userId")
        self._want(said["activityProgress"] in ACTIVITY and said["gradingProgress"] in GRADING, "score: progress")
        self._want(said["scoreMaximum"] > 0 and said["scoreGiven"] >= 0, "score: points")
        at = datetime.datetime.fromisoformat(said["timestamp"])
        self._want(
            at.tzinfo is not None and "." in said["timestamp"], "score: timestamp with zone and part of a second"
        )
        item = urlsplit(path).path.removesuffix("/scores").rsplit("/", 1)[1]
        if int(at.timestamp()) <= self._last.get((item, said["userId"]), -1):  # whole seconds, as Moodle compares
            return 409
        self._last[item, said["userId"]] = int(at.timestamp())
        self.scores.append((item, said))
        return 200

    def _want(self, is_so: bool, what: str) -> None:
        if not is_so:
            self.faults.append(what)

    # --- its server ----------------------------------------------------------------------------

    def start(self) -> None:
        """On the port that it had."""
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                if url.path == "/jwks":
                    self._say(200, json.dumps(ours._keys()))
                elif url.path == "/auth":
                    self._say(200, ours._authorize(dict(parse_qsl(url.query))), "text/html")
                elif url.path == "/course":
                    fields = urlencode(ours.initiation())
                    self._say(
                        200,
                        f'<a id="link" href="{html.escape(ours.tool)}/api/lti/login?{html.escape(fields)}">Go</a>',
                        "text/html",
                    )
                else:
                    self._say(404, "")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    if self.path == "/token":
                        status, told = ours._let_in({name: value[0] for name, value in parse_qs(body.decode()).items()})
                        self._say(status, json.dumps(told))
                    else:
                        status = ours._score(self.path, self.headers, body)
                        self._say(status, "" if status == 200 else f"no, {ours.token}, says the platform")
                except Exception as error:
                    ours.faults.append(repr(error))
                    self._say(500, "")

            def _say(self, status: int, body: str, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def serving(self) -> Iterator[FakePlatform]:
        self.start()
        try:
            yield self
            assert self.faults == []
        finally:
            self.stop()


class Follower:
    """A browser that follows a link: cookies go to another site only where they say `SameSite=None`."""

    def __init__(self, client: httpx.Client, platform: FakePlatform) -> None:
        self.client = client
        self.platform = platform

    def log_in(self, method: str = "POST", changed: Mapping[str, str | None] | None = None) -> httpx.Response:
        """As far as our answer to the platform's page."""
        said = self.platform.initiation() | dict(changed or {})
        said = {name: value for name, value in said.items() if value is not None}
        there = {"data": said} if method == "POST" else {"params": said}
        return self._from_elsewhere(method, "/api/lti/login", **there)

    def authorized(self, login: httpx.Response) -> dict[str, str]:
        """What the platform's page would post."""
        assert login.status_code == 302, login.text
        page = httpx.get(login.headers["location"], trust_env=False, verify=False).text
        return dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))

    def post(self, form: dict[str, str]) -> httpx.Response:
        return self._from_elsewhere("POST", "/api/lti/launch", data=form)

    def follow(self, link: Link | None = None, method: str = "POST") -> httpx.Response:
        """From the course to where our launch sends the browser."""
        self.platform.link = link or Link()
        return self.post(self.authorized(self.log_in(method)))

    def _from_elsewhere(self, method: str, path: str, **there: Any) -> httpx.Response:
        request = self.client.build_request(
            method, path, headers={"origin": self.platform.address, "sec-fetch-site": "cross-site"}, **there
        )
        mine = [one for one in self.client.cookies.jar if one.get_nonstandard_attr("SameSite") == "none"]
        request.headers.pop("cookie", None)
        shown = "; ".join(f"{one.name}={one.value}" for one in mine if path.startswith(one.path))
        if shown:
            request.headers["cookie"] = shown
        return self.client.send(request)


def forged(**changes: Any) -> Forge:
    """Signed by the platform, with claims changed, or taken out where None."""

    def forge(platform: FakePlatform, claims: dict[str, Any]) -> str:
        long = {
            name: f"{LTI}{name}" for name in ("message_type", "version", "deployment_id", "target_link_uri", "roles")
        }
        changed = claims | {long.get(name, name): value for name, value in changes.items()}
        return platform.signed({name: value for name, value in changed.items() if value is not None})

    return forge


def by_hand(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would make."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{head}.{part(sign(head.encode()))}"
