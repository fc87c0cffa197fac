"""What a launch must be: every claim, at its limits."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.lti.claims import Claims, claims_of
from scenarios.lti.launch import LAUNCH_S, SKEW_S, Launch, Opens, launched
from scenarios.lti.platform import Platform, Registered
from scenarios.lti.refused import LaunchRefused

NOW_S = 1_700_000_000.0
PLATFORM = Platform(
    issuer="https://lms.example.org",
    client_id="c",
    deployments=frozenset({"1", "2"}),
    login="https://lms.example.org/auth",
    token="https://lms.example.org/token",
    jwks="https://lms.example.org/jwks",
    audience="https://lms.example.org/token",
)
OURS = Registered("https://ours.example.org:8443", (PLATFORM,))
LTI = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/"

#: After the example of a message in LTI 1.3, appendix E.1: what a platform sends, also what is not looked at.
MESSAGE: dict[str, Any] = {
    "iss": "https://lms.example.org",
    "sub": "a6d5c443-1f51-4783-ba1a-7686ffe3b54a",
    "aud": ["c"],
    "exp": NOW_S + 3600,
    "iat": NOW_S,
    "azp": "c",
    "nonce": "n",
    "name": "Ms Jane Marie Doe",
    "given_name": "Jane",
    "email": "jane@example.org",
    f"{LTI}deployment_id": "2",
    f"{LTI}message_type": "LtiResourceLinkRequest",
    f"{LTI}version": "1.3.0",
    f"{LTI}roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
    f"{LTI}context": {"id": "c1", "label": "ECON 1010", "type": ["CourseOffering"]},
    f"{LTI}resource_link": {"id": "200d101f-2c14-434a-a0f3-57c2a42369fd", "title": "Introduction"},
    f"{LTI}target_link_uri": "https://ours.example.org:8443/read/",
    f"{LTI}tool_platform": {"guid": "ex", "name": "Platform"},
    f"{LTI}launch_presentation": {"document_target": "window", "return_url": "https://lms.example.org/back"},
    f"{LTI}custom": {"case": "one", "xstart": "2017-04-21T01:00:00Z", "n": 1},
    f"{AGS}claim/endpoint": {
        "scope": [f"{AGS}scope/lineitem", f"{AGS}scope/result.readonly", f"{AGS}scope/score"],
        "lineitems": "https://lms.example.org/2344/lineitems/",
        "lineitem": "https://lms.example.org/2344/lineitems/1234/lineitem",
    },
    "https://www.example.com/extension": {"color": "violet"},
}


def read(changes: dict[str, Any] | None = None, **more: Any) -> Launch:
    long = {name: f"{LTI}{name}" for name in ("version", "custom", "roles", "deployment_id", "target_link_uri")}
    said = MESSAGE | {long.get(name, name): value for name, value in ((changes or {}) | more).items()}
    claims = claims_of(json.dumps({name: value for name, value in said.items() if value is not ...}).encode())
    return launched(claims, PLATFORM, OURS, "n", NOW_S)


def test_the_message_of_the_standard_is_a_launch() -> None:
    assert read() == Launch(
        subject="a6d5c443-1f51-4783-ba1a-7686ffe3b54a",
        name="Ms Jane Marie Doe",
        is_educator=False,
        opens=Opens(case="one"),
        line_item="https://lms.example.org/2344/lineitems/1234/lineitem",
        until_s=NOW_S + 3600 + SKEW_S,
    )


@pytest.mark.parametrize(
    "changes", [{"name": ...}, {"azp": ...}, {"aud": "c"}, {"custom": ...}, {"custom": None}, {"name": None}]
)
def test_what_may_be_left_out_may_be_left_out(changes: dict[str, Any]) -> None:
    read(changes)


@pytest.mark.parametrize(
    ("change", "edge_s"),
    [("exp", NOW_S - SKEW_S + 1), ("iat", NOW_S + SKEW_S), ("iat", NOW_S - LAUNCH_S - SKEW_S)],
)
def test_clocks_may_be_off_by_a_minute_and_no_more(change: str, edge_s: float) -> None:
    read({change: edge_s})
    beyond = -1 if edge_s < NOW_S else 1
    with pytest.raises(LaunchRefused, match=rf"\({change}\)"):
        read({change: edge_s + beyond})


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(LaunchRefused) as refused:
        read(aud="other", version="1.1", exp=0)
    for word in ("(aud)", "version", "(exp)"):
        assert word in str(refused.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        ...,
        {"scope": [f"{AGS}scope/lineitem"], "lineitem": "https://lms.example.org/1"},
        {"scope": [f"{AGS}scope/score"], "lineitems": "https://lms.example.org/"},
        {"scope": [f"{AGS}scope/score"], "lineitem": ""},
    ],
)
def test_no_grade_goes_where_none_is_wanted(endpoint: Any) -> None:
    assert read({f"{AGS}claim/endpoint": endpoint}).line_item is None


@pytest.mark.parametrize(
    "address", ["http://lms.example.org/1", "ftp://x/1", "https://user:p@x/1", "https://ü.example/1"]
)
def test_no_grade_goes_where_it_must_not(address: str) -> None:
    with pytest.raises(LaunchRefused, match="lineitem"):
        read({f"{AGS}claim/endpoint": {"scope": [f"{AGS}scope/score"], "lineitem": address}})


@pytest.mark.parametrize("subject", ["", "x" * 256, "ü", "a\u0000", 7, None, ...])
def test_a_subject_is_up_to_255_letters_of_ascii(subject: Any) -> None:
    with pytest.raises(LaunchRefused, match="sub"):
        read(sub=subject)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60)
@given(st.sampled_from(sorted(MESSAGE)), junk)
def test_no_claim_of_another_kind_is_more_than_refused(name: str, value: Any) -> None:
    told = ""
    try:
        read(changes={name: value})
    except LaunchRefused as why:
        told = str(why)
    assert "Jane" not in told


@given(st.binary(max_size=50))
def test_no_token_that_says_anything_else_is_more_than_refused(payload: bytes) -> None:
    with pytest.raises(LaunchRefused):
        claims_of(payload)


@given(
    st.sampled_from(["iss", "aud", "azp", "nonce", f"{LTI}version", f"{LTI}message_type", f"{LTI}deployment_id"]),
    st.text(),
)
def test_a_claim_that_is_checked_holds_what_it_must(name: str, value: str) -> None:
    if value != (MESSAGE[name] if name != "aud" else "c") and (name, value) != (f"{LTI}deployment_id", "1"):
        with pytest.raises(LaunchRefused):
            read({name: value})


def test_a_platform_with_several_registrations_says_which() -> None:
    other = replace(PLATFORM, client_id="d")
    both = Registered(OURS.address, (PLATFORM, other))
    assert both.asked(PLATFORM.issuer, "d") == other
    with pytest.raises(LaunchRefused, match="more than once"):
        both.asked(PLATFORM.issuer, None)


def test_only_this_server_is_ours() -> None:
    assert OURS.is_ours("https://OURS.example.org:8443/read/?case=one")
    for address in (
        "http://ours.example.org:8443/read/", "https://ours.example.org/read/", "https://ours.example.org:8443.evil/",
        "https://ours.example.org:8443@evil/", "//ours.example.org:8443/", "", "https://ours.example.org:99999999/",
    ):  # fmt: skip
        assert not OURS.is_ours(address)


def test_claims_are_named_as_the_standard_has_them() -> None:
    names = {field.alias or name for name, field in Claims.model_fields.items()}
    assert names <= set(MESSAGE)
