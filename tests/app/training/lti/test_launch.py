"""Whoever follows a link of a course comes in as themselves; whoever forges one does not come in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from sqlalchemy import func, select

from engine.app.training.lti.asking import Answer, Question
from engine.app.training.lti.key import OwnKey, thumbprint
from engine.app.training.lti.logins import Logins
from engine.app.training.lti.platform_keys import AGAIN_S, KEYS_S, PlatformKeys
from engine.app.training.tables import GradeRow, LaunchedFrom, Trainee
from engine.core.errors import EnvironmentLacks
from scenarios.lti.launch import LAUNCH_S
from scenarios.lti.refused import LaunchRefused
from tests.app.training.cases import SHELF
from tests.app.training.lti.conftest import Meet, follower
from tests.app.training.lti.platform import (
    INSTRUCTOR,
    LEARNER,
    FakePlatform,
    Forge,
    Link,
    by_hand,
    forged,
    rsa,
)
from tests.app.training.server import Server

COUNT = itertools.count()


@pytest.fixture(scope="module")
def platform() -> Iterator[FakePlatform]:
    with FakePlatform().serving() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, platform: FakePlatform) -> Iterator[Server]:
    """One for all that come as somebody new."""
    with Server(tmp_path_factory.mktemp("launch"), SHELF, platforms=platform.registered).serving() as made:
        yield made


@pytest.fixture(autouse=True)
def anew(platform: FakePlatform) -> None:
    platform.forge, platform.kid, platform.link = FakePlatform.signed, "key-1", somebody()


def somebody(**more: Any) -> Link:
    """Whom nobody followed a link as before."""
    return Link(subject=f"new-{next(COUNT)}", **more)


def me(client: httpx.Client) -> dict[str, Any]:
    told: dict[str, Any] = client.get("/api/training/me").json()
    return told


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_learner_comes_in_as_a_trainee_with_the_name_that_the_platform_says(meet: Meet, method: str) -> None:
    one = meet()
    answer = one.follow(somebody(), method)
    assert (answer.status_code, answer.headers["location"]) == (303, "/read/")
    told = me(one.client)
    assert (told["name"], told["role"]) == ("Ada Example", "trainee")
    assert one.client.get("/api/training/educator/cases").status_code == 403


def test_an_instructor_comes_in_as_an_educator_who_is_graded_nowhere(meet: Meet, server: Server) -> None:
    one = meet()
    one.follow(somebody(roles=(INSTRUCTOR, LEARNER)))
    assert me(one.client)["role"] == "educator"
    assert one.client.get("/api/training/educator/cases").status_code == 200
    with server.store.reading() as session:
        mine = select(func.count()).select_from(GradeRow).where(GradeRow.trainee == me(one.client)["id"])
        assert session.scalar(mine) == 0


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (("Instructor",), "educator"),
        ((), "trainee"),
        (("http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator",), "trainee"),
        (("http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor",), "trainee"),
        (("http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant",), "trainee"),
    ],
)
def test_only_who_leads_the_course_leads_here(meet: Meet, roles: tuple[str, ...], role: str) -> None:
    one = meet()
    one.follow(somebody(roles=roles))
    assert me(one.client)["role"] == role


def test_the_same_subject_is_the_same_trainee_next_time_under_the_name_that_they_chose(meet: Meet) -> None:
    one, other, who = meet(), meet(), somebody()
    one.follow(who)
    one.client.put("/api/training/me", json={"name": "A."})
    other.follow(who)
    assert me(other.client) == me(one.client)
    assert me(one.client)["name"] == "A."


def test_whoever_comes_next_by_the_same_browser_is_somebody_else(meet: Meet) -> None:
    one = meet()
    one.follow()
    first = me(one.client)["id"]
    one.follow(somebody(name=None))
    assert me(one.client)["id"] != first
    assert me(one.client)["name"].startswith("Trainee ")


@pytest.mark.parametrize(
    ("name", "shown"), [("  A \n\u202e B\x00 ", "A B"), ("x" * 500, "x" * 60), ("\u200b", "Trainee ")]
)
def test_a_name_is_shown_as_a_name_whatever_the_platform_says(meet: Meet, name: str, shown: str) -> None:
    one = meet()
    one.follow(somebody(name=name))
    assert me(one.client)["name"].rstrip("0123456789") == shown


@pytest.mark.parametrize(
    ("custom", "where"),
    [({"case": "two"}, "/read/?case=two"), ({"mode": "exam"}, "/read/?mode=exam"), ({"mode": "practice"}, "/read/")],
)
def test_a_link_opens_what_it_is_for(meet: Meet, custom: dict[str, str], where: str) -> None:
    assert meet().follow(Link(custom=custom)).headers["location"] == where


@pytest.mark.parametrize(
    ("custom", "why"),
    [
        ({"case": "none"}, "not on this server"),
        ({"mode": "race"}, "practice or exam"),
        ({"mode": "exam", "case": "one"}, "one of them"),
    ],
)
def test_a_link_for_what_is_not_there_says_so(meet: Meet, custom: dict[str, str], why: str) -> None:
    answer = meet().follow(Link(custom=custom))
    assert answer.status_code == 403
    assert why in answer.text


def test_cookies_say_where_they_may_go(meet: Meet) -> None:
    one = meet()
    login = one.log_in()
    for word in ("HttpOnly", "Secure", "SameSite=none", "Path=/api/lti", "Max-Age=600"):
        assert word in login.headers["set-cookie"]
    launch = one.post(one.authorized(login))
    kept = launch.headers.get_list("set-cookie")
    assert len(kept) == 2
    assert all("SameSite=strict" in cookie and "HttpOnly" in cookie for cookie in kept)


def test_two_links_may_be_followed_at_once(meet: Meet) -> None:
    one = meet()
    first = one.authorized(one.log_in())
    second = one.authorized(one.log_in())
    assert one.post(first).status_code == 303
    assert one.post(second).status_code == 303


def test_nothing_is_kept_of_a_person_but_subject_and_name(meet: Meet, server: Server) -> None:
    meet().follow()
    server.stop()
    kept = b"".join(path.read_bytes() for path in server.folder.glob("training.sqlite*"))
    server.start()
    assert b"user-1" in kept
    assert b"Ada Example" in kept
    assert not any(word in kept for word in (b"ada@example.org", b"course-1", b"RAD 1", b"link-1"))


def test_erased_is_erased_and_whoever_comes_again_is_new(meet: Meet, server: Server) -> None:
    one = meet()
    who = somebody()
    one.follow(who)
    first = me(one.client)["id"]
    assert one.client.post("/api/training/me/erase", json={"name": "Ada Example"}).status_code == 204
    with server.store.reading() as session:
        for table in (LaunchedFrom, GradeRow):
            assert session.scalar(select(func.count()).select_from(table).where(table.subject == who.subject)) == 0
    one.follow(who)
    assert me(one.client)["id"] != first


# --- forged ------------------------------------------------------------------------------------


def none(_platform: FakePlatform, claims: dict[str, Any]) -> str:
    return by_hand({"alg": "none", "kid": "key-1"}, claims, lambda _: b"")


def by_the_public_key(_platform: FakePlatform, claims: dict[str, Any]) -> str:
    """What is public taken for a shared secret."""
    pem = (
        rsa("platform")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return by_hand({"alg": "HS256", "kid": "key-1"}, claims, lambda head: hmac.digest(pem, head, hashlib.sha256))


def signed_by(key: str, **header: Any) -> Forge:
    return lambda _platform, claims: jwt.encode(claims, rsa(key), "RS256", header)


def changed_afterwards(platform: FakePlatform, claims: dict[str, Any]) -> str:
    head, _, signature = platform.signed(claims).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "user-2"}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def in_time(**shift_s: float) -> Forge:
    def forge(platform: FakePlatform, claims: dict[str, Any]) -> str:
        return platform.signed(claims | {name: claims["iat"] + shift for name, shift in shift_s.items()})

    return forge


FORGED: dict[str, tuple[Forge, str]] = {
    "alg none": (none, "not signed by RS256"),
    "HS256 with the public key": (by_the_public_key, "not signed by RS256"),
    "RS512": (lambda _p, claims: jwt.encode(claims, rsa("platform"), "RS512", {"kid": "key-1"}), "not signed by RS256"),
    "another's key": (signed_by("forger", kid="key-1"), "signature is not the platform"),
    "unknown kid": (signed_by("forger", kid="key-9"), "not among those that the platform publishes"),
    "key that is for encrypting": (signed_by("other", kid="enc"), "not among those that the platform publishes"),
    "no kid": (signed_by("platform"), "does not name its key"),
    "key of its own": (
        lambda _p, claims: jwt.encode(claims, rsa("forger"), "RS256", {"jku": "https://evil.example", "kid": "key-1"}),
        "signature is not the platform",
    ),
    "changed afterwards": (changed_afterwards, "signature is not the platform"),
    "no token": (lambda _platform, _claims: "no token", "is no token"),
    "another issuer": (forged(iss="https://evil.example"), "issuer is not the one"),
    "for somebody else": (forged(aud="other"), "for somebody else (aud)"),
    "for others too": (forged(aud=["sightline-client", "other"]), "for others too"),
    "given to somebody else": (forged(azp="other"), "(azp)"),
    "over": (in_time(iat=-400, exp=-61), "is over (exp)"),
    "from the future": (in_time(iat=61, exp=300), "(iat)"),
    "old": (in_time(iat=-700, exp=300), "is old (iat)"),
    "another nonce": (forged(nonce="other"), "nonce is not the one"),
    "no nonce": (forged(nonce=None), "nonce is missing"),
    "another deployment": (forged(deployment_id="other"), "deployment_id is not registered"),
    "no deployment": (forged(deployment_id=None), "deployment_id is missing"),
    "another message": (forged(message_type="LtiDeepLinkingRequest"), "no LtiResourceLinkRequest"),
    "another version": (forged(version="1.1"), "version is not 1.3.0"),
    "leads elsewhere": (forged(target_link_uri="https://evil.example/read/"), "leads elsewhere"),
    "nobody": (forged(sub=None), "sub is missing"),
    "without roles": (forged(roles=None), "roles is missing"),
    "exp in words": (forged(exp="never"), "exp is not as it must be"),
    "exp without end": (forged(exp=float("inf")), "not as it must be"),
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One platform and server for all that comes to nothing."""
    platform = FakePlatform()
    server = Server(tmp_path_factory.mktemp("forged"), (), platforms=platform.registered)
    with platform.serving(), server.serving():
        yield platform, server


def nobody_came(server: Server, answer: httpx.Response, why: str) -> None:
    assert answer.status_code == 403
    assert why in answer.text.replace("&#x27;", "'")
    assert "text/html" in answer.headers["content-type"]
    assert "set-cookie" not in answer.headers
    with server.store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Trainee)) == 0


@pytest.mark.parametrize("name", FORGED)
def test_what_is_forged_opens_nothing_and_says_why(served: Any, name: str) -> None:
    platform, server = served
    platform.forge, why = FORGED[name]
    nobody_came(server, follower(served[1], served[0]).follow(), why)


def test_the_state_of_another_browser_opens_nothing(served: Any) -> None:
    platform, server = served
    platform.forge = FakePlatform.signed
    one, other = follower(served[1], served[0]), follower(served[1], served[0])
    form = one.authorized(one.log_in())
    nobody_came(server, other.post(form), "does not show the cookie")
    other.log_in()
    nobody_came(server, other.post(form), "begun by another browser")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "none"}, "not begun here"),
        ({"state": ""}, "does not say its state"),
        ({"id_token": None, "error": "login_required"}, "sends no token: login_required"),
        ({"id_token": None, "error": "<b>"}, "sends no token."),
    ],
)
def test_a_form_without_what_it_must_hold_opens_nothing(served: Any, change: dict[str, str | None], why: str) -> None:
    platform, server = served
    platform.forge = FakePlatform.signed
    one = follower(served[1], served[0])
    form = {n: v for n, v in (one.authorized(one.log_in()) | change).items() if v is not None}
    nobody_came(server, one.post(form), why)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://<evil>"}, "o platform is registered here as issuer 'https://&lt;evil&gt;'"),
        ({"client_id": "other"}, "not registered here with client_id"),
        ({"lti_deployment_id": "other"}, "deployment_id is not registered"),
        ({"target_link_uri": "https://evil.example/read/"}, "leads elsewhere"),
        ({"login_hint": None}, "does not say its login_hint"),
    ],
)
def test_a_login_that_no_platform_of_ours_begins_goes_nowhere(
    served: Any, change: dict[str, str | None], why: str
) -> None:
    nobody_came(served[1], follower(served[1], served[0]).log_in(changed=change), why)


def test_a_login_without_client_id_is_that_of_the_issuers_only_registration(served: Any) -> None:
    assert (
        follower(served[1], served[0]).log_in(changed={"client_id": None, "lti_deployment_id": None}).status_code == 302
    )


def test_what_is_no_form_is_refused(served: Any) -> None:
    client = served[1].browser(None)
    nobody_came(served[1], client.post("/api/lti/launch", json={}), "no form")
    nobody_came(served[1], client.post("/api/lti/launch", data={"state": "x" * 200_000}), "too long")
    twice = client.get("/api/lti/login?iss=a&iss=b")
    nobody_came(served[1], twice, "something twice")


def test_a_launch_opens_once(meet: Meet) -> None:
    one = meet()
    form = one.authorized(one.log_in())
    assert one.post(form).status_code == 303
    again = one.post(form)
    assert again.status_code == 403
    assert "opened before (nonce)" in again.text


@pytest.mark.slow
def test_a_launch_opens_once_even_when_the_server_starts_anew(meet: Meet, server: Server) -> None:
    """Then its state is not known any more either."""
    one = meet()
    form = one.authorized(one.log_in())
    server.stop()
    server.start()
    later = meet()
    later.log_in()
    assert "before the server was started anew" in later.post(form).text


def test_a_state_does_not_outlast_its_login() -> None:
    now_s = 1000.0
    logins = Logins(lambda: now_s)
    state = logins.state(FakePlatform().platform(), "nonce", "browser")
    now_s += LAUNCH_S - 1
    assert logins.login(state, "browser").nonce == "nonce"
    now_s += 1
    with pytest.raises(LaunchRefused, match="longer than 10 minutes"):
        logins.login(state, "browser")


def test_keys_are_fetched_once_and_again_for_one_that_is_new_but_not_at_will() -> None:
    now_s, platform = [0.0], FakePlatform()
    asked: list[float] = []

    def ask(_question: Question) -> Answer:
        asked.append(now_s[0])
        return Answer(200, json.dumps(platform._keys()).encode())

    keys, token = PlatformKeys(ask, lambda: now_s[0]), platform.signed({})
    for _ in range(3):
        assert keys.payload(token, platform.platform()) == b"{}"
    platform.kid = "key-2"
    new = platform.signed({})
    for now_s[0] in (1.0, AGAIN_S - 1):
        with pytest.raises(LaunchRefused, match="not among those"):
            keys.payload(new, platform.platform())
    now_s[0] = AGAIN_S
    assert keys.payload(new, platform.platform()) == b"{}"
    now_s[0] += KEYS_S
    assert keys.payload(new, platform.platform()) == b"{}"
    assert asked == [0.0, AGAIN_S, AGAIN_S + KEYS_S]
    with pytest.raises(LaunchRefused, match="not among those"):
        keys.payload(token, platform.platform())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": 1}', b'{"keys": [1]}', b"\xff"])
def test_what_is_no_set_of_keys_is_refused(body: bytes) -> None:
    platform = FakePlatform()
    keys = PlatformKeys(lambda _question: Answer(200, body), lambda: 0.0)
    with pytest.raises(LaunchRefused, match="no set of keys"):
        keys.payload(platform.signed({}), platform.platform())
    with pytest.raises(LaunchRefused, match="a moment ago"):
        keys.payload(platform.signed({}), platform.platform())


@pytest.mark.slow
def test_a_platform_whose_keys_cannot_be_fetched_is_named_by_its_host_alone(
    meet: Meet, platform: FakePlatform, server: Server
) -> None:
    server.stop()
    server.start()  # it has fetched none yet
    one = meet()
    form = one.authorized(one.log_in())
    platform.stop()
    refused = one.post(form)
    platform.start()
    assert "keys cannot be fetched: localhost" in refused.text
    assert form["id_token"] not in refused.text


# --- our own key -------------------------------------------------------------------------------


def test_our_key_is_its_owners_alone_and_its_public_half_everybodys(served: Any) -> None:
    _, server = served
    (one,) = server.browser(None).get("/api/lti/jwks").json()["keys"]
    assert set(one) == {"kty", "n", "e", "kid", "alg", "use"}
    assert one["kid"] == thumbprint(one)
    assert (server.folder / "lti-key.pem").stat().st_mode & 0o777 == 0o600


def test_our_key_is_the_same_next_time(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert OwnKey.in_file(path).jwks() == OwnKey.in_file(path).jwks()
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_key_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("none")
    with pytest.raises(EnvironmentLacks, match="Remove it"):
        OwnKey.in_file(tmp_path / "key.pem")


def test_a_key_is_named_as_rfc_7638_has_it() -> None:
    """The example of its section 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qM"
        "QvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJz"
        "KnqDKgw"
    )
    assert (
        thumbprint({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )
