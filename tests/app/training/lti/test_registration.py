"""The file of platforms, and what their administrators enter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.app.cli import app
from engine.app.training.command import _launches
from engine.app.training.lti.registration import TEMPLATE, read_registered, to_enter
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from engine.stream.access import Access
from engine.stream.hub import Hub
from engine.stream.pairing import PairingDesk
from engine.stream.scene_log import SceneLog
from scenarios.lti.platform import Registered

GOOD = """
address = "https://ours.example.org:8443"

[[platform]]
issuer = "https://moodle.example.org"
client_id = "abc"
deployments = ["1", "2"]
login = "https://moodle.example.org/mod/lti/auth.php"
token = "https://moodle.example.org/mod/lti/token.php"
jwks = "https://moodle.example.org/mod/lti/certs.php"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "platforms.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_file_that_is_right_is_taken(tmp_path: Path) -> None:
    made = read_registered(written(tmp_path, GOOD))
    (one,) = made.platforms
    assert made.address == "https://ours.example.org:8443"
    assert (one.issuer, one.client_id, sorted(one.deployments)) == ("https://moodle.example.org", "abc", ["1", "2"])
    assert one.audience == one.token


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    wrong = """
address = "http://ours.example.org/path"
colour = "red"
[[platform]]
issuer = " https://a "
client_id = 7
deployments = []
login = "http://a.example.org/auth"
token = "nowhere"
key = "x"
[[platform]]
issuer = "https://b"
client_id = "b"
deployments = ["1", 2]
login = "https://b/auth"
token = "https://b/token#part"
jwks = "https://b:port/"
audience = ""
[[platform]]
issuer = "https://b"
client_id = "b"
deployments = ["1"]
login = "https://b/auth"
token = "https://b/token"
jwks = "https://b/jwks"
"""
    with pytest.raises(InputRefused) as refused:
        read_registered(written(tmp_path, wrong))
    said = "\n".join(problem.reason for problem in refused.value.problems)
    assert "address: " in said
    assert "colour: " in said
    for one in ("issuer", "client_id", "deployments", "login", "token", "jwks", "key"):
        assert f"platform 1: {one}: " in said
    for one in ("deployments", "token", "jwks", "audience"):
        assert f"platform 2: {one}: " in said
    assert "platform 3: its issuer and client_id stand there twice" in said
    assert len(refused.value.problems) == 14


@pytest.mark.parametrize("text", ["", "[platform]", "no toml", 'address = "https://a"\nplatform = 1'])
def test_what_registers_nobody_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputRefused):
        read_registered(written(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        read_registered(tmp_path / "none.toml")


def test_the_template_is_refused_until_it_is_filled_in(tmp_path: Path) -> None:
    with pytest.raises(InputRefused) as refused:
        read_registered(written(tmp_path, TEMPLATE.format(address="https://ours.example.org")))
    assert {problem.reason.split(": ")[1] for problem in refused.value.problems} == {"login", "token", "jwks"}


def test_an_administrator_is_told_what_to_enter() -> None:
    shown = CliRunner().invoke(app, ["lti", "show", "https://ours.example.org:8443/", "--json"])
    told = json.loads(shown.stdout)
    assert told["oidc_initiation_url"] == "https://ours.example.org:8443/api/lti/login"
    assert told["redirect_uris"] == ["https://ours.example.org:8443/api/lti/launch"]
    assert told["public_jwk_url"] == "https://ours.example.org:8443/api/lti/jwks"
    words = CliRunner().invoke(app, ["lti", "show", "https://ours.example.org:8443"]).stdout
    assert 'address = "https://ours.example.org:8443"' in words
    assert '# audience = "https://…"     # only where the platform says that tokens are asked of another name' in words


@pytest.mark.parametrize("address", ["ours", "http://ours.example.org", "https://ours.example.org/read"])
def test_an_address_that_browsers_cannot_be_sent_to_is_refused(address: str) -> None:
    with pytest.raises(InvalidValue):
        to_enter(address)


def test_a_server_that_does_not_answer_to_the_address_of_the_file_does_not_start(tmp_path: Path) -> None:
    hub = Hub(SceneLog("e"), Access(frozenset({"10.0.0.1"}), PairingDesk(bytes)), lambda *_: None)
    with pytest.raises(EnvironmentLacks, match=r"--host ours\.example\.org"):
        _launches(Registered("https://ours.example.org", ()), tmp_path, hub, lambda: 0.0)
