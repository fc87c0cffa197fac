"""Beyond this machine: the installed command serves with TLS, lets in by code, and writes down who came."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from engine.stream.messages import PROTOCOL
from tests.e2e.command import SIGHTLINE


@dataclass
class Served:
    """A server that runs, and what it said."""

    said: str
    home: Path
    environment: dict[str, str]

    @property
    def port(self) -> int:
        found = re.search(r"https://\S+:(\d+)/", self.said)
        assert found, self.said
        return int(found[1])

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.home / "tls" / "authority.pem"))

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}", verify=self.trust, trust_env=False)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SIGHTLINE, *arguments], capture_output=True, text=True, env=self.environment, check=False, timeout=60
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    environment = os.environ | {"SIGHTLINE_HOME": str(home), "COLUMNS": "200"}
    command = [str(SIGHTLINE), "serve", "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl+C" in line:
                break
        yield Served(said, home, environment)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert "Traceback" not in rest
    assert process.returncode == 0


def digits(said: str) -> str:
    found = re.search(r"type (\d{3}) (\d{3})", said)
    assert found, said
    return found[1] + found[2]


def test_the_printed_digits_let_one_surgeon_in_and_nobody_else(served: Served) -> None:
    with served.client() as client, served.client() as another:
        assert client.get("/api/library").status_code == 403
        response = client.post("/api/pair", json={"code": digits(served.said)})
        assert response.status_code == 204
        assert "Secure" in response.headers["set-cookie"]
        assert client.get("/api/me").json()["role"] == "surgeon"
        assert another.post("/api/pair", json={"code": digits(served.said)}).status_code == 403


def test_another_terminal_lets_in_a_trainee_whose_socket_opens(served: Served) -> None:
    invited = served.run("invite", "--role", "trainee", "--json")
    assert invited.returncode == 0, invited.stderr
    made = json.loads(invited.stdout)
    with served.client() as client:
        assert client.post("/api/pair", json={"code": made["address"].split("#pair=")[1]}).status_code == 204
        token = client.cookies["sightline_session"]
    with connect(f"wss://127.0.0.1:{served.port}/ws", ssl=served.trust, proxy=None) as socket:
        socket.send(json.dumps({"type": "hello", "protocol": PROTOCOL, "token": token}))
        assert json.loads(socket.recv(timeout=5))["role"] == "trainee"


def test_an_invitation_is_shown_with_digits_and_a_qr_code(served: Served) -> None:
    shown = served.run("invite")
    assert "One viewer may come in within 3 minutes" in shown.stdout
    assert "█" in shown.stdout
    assert len(digits(shown.stdout)) == 6


def test_the_audit_log_of_a_running_server_is_whole_and_names_no_secret(served: Served) -> None:
    (log,) = (served.home / "audit").glob("*.jsonl")
    verified = served.run("audit", "verify", "--json")
    assert verified.returncode == 0
    (result,) = json.loads(verified.stdout)
    assert result["broken"] is None
    assert result["lines"] >= 3
    text = log.read_text()
    assert digits(served.said) not in text
    assert "sightline_session" not in text


def test_a_changed_audit_log_is_found_and_said(served: Served, tmp_path: Path) -> None:
    (log,) = (served.home / "audit").glob("*.jsonl")
    copy = tmp_path / "copy.jsonl"
    copy.write_text(log.read_text().replace('"event":"started"', '"event":"overridden"', 1))
    (tmp_path / "copy.jsonl.head").write_text(log.with_name(log.name + ".head").read_text())
    verified = served.run("audit", "verify", str(copy))
    assert verified.returncode == 3
    assert "line 1 was changed" in verified.stdout


def test_without_a_server_an_invitation_says_what_to_do(tmp_path: Path) -> None:
    environment = os.environ | {"SIGHTLINE_HOME": str(tmp_path), "COLUMNS": "200"}
    said = subprocess.run(
        [SIGHTLINE, "invite"], capture_output=True, text=True, env=environment, check=False, timeout=60
    )
    assert said.returncode == 4
    assert "sightline serve --host 0.0.0.0" in said.stderr


def test_a_page_without_tls_hands_out_the_authority_and_the_fingerprint_that_the_server_printed(served: Served) -> None:
    found = re.search(r"its certificate: (http://\S+)", served.said)
    assert found, served.said
    port = httpx.URL(found[1]).port
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        page = client.get("/").text
        certificate = client.get("/sightline-authority.crt").content
        assert client.get("/server.key").status_code == 404
    digest = hashlib.sha256(certificate).hexdigest().upper()
    mark = ":".join(digest[n : n + 2] for n in range(0, 64, 2))
    assert mark in page
    assert mark.replace(":", "") in re.sub(r"[\s:]", "", served.said)
    assert f":{served.port}/" in page


def test_files_with_tokens_are_their_owners_alone(served: Served) -> None:
    for path in (*(served.home / "running").iterdir(), served.home / "tls" / "server.key"):
        assert path.stat().st_mode & 0o077 == 0
