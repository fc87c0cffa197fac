from __future__ import annotations

import datetime
import http.server
import ssl
import stat
import threading
import urllib.request
from pathlib import Path

from cryptography import x509

from engine.app.certificate import LEAF_DAYS, RENEW_DAYS, server_certificate

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
HOSTS = ("127.0.0.1", "localhost")


def leaf_of(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())


def test_a_client_that_trusts_the_authority_connects_and_checks_the_host(tmp_path: Path) -> None:
    files = server_certificate(tmp_path, HOSTS, datetime.datetime.now(datetime.UTC))
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    trusting = ssl.create_default_context(cafile=str(files.authority))
    url = f"https://127.0.0.1:{server.server_port}/"
    with urllib.request.urlopen(url, context=trusting, timeout=5) as response:
        assert response.status == 200
    thread.join()
    server.server_close()


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    server_certificate(tmp_path / "tls", HOSTS, NOW)
    for name in ("server.key", "authority.key"):
        assert stat.S_IMODE((tmp_path / "tls" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


def test_a_second_start_keeps_both_certificates(tmp_path: Path) -> None:
    server_certificate(tmp_path, HOSTS, NOW)
    before = leaf_of(tmp_path), (tmp_path / "authority.pem").read_bytes()
    server_certificate(tmp_path, HOSTS, NOW + datetime.timedelta(days=1))
    assert (leaf_of(tmp_path), (tmp_path / "authority.pem").read_bytes()) == before


def test_a_leaf_about_to_expire_is_renewed_under_the_same_authority(tmp_path: Path) -> None:
    server_certificate(tmp_path, HOSTS, NOW)
    before, authority = leaf_of(tmp_path), (tmp_path / "authority.pem").read_bytes()
    later = NOW + datetime.timedelta(days=LEAF_DAYS - RENEW_DAYS + 1)
    server_certificate(tmp_path, HOSTS, later)
    assert leaf_of(tmp_path).serial_number != before.serial_number
    assert leaf_of(tmp_path).not_valid_after_utc > later
    assert (tmp_path / "authority.pem").read_bytes() == authority


def test_a_new_address_gets_a_new_leaf(tmp_path: Path) -> None:
    server_certificate(tmp_path, HOSTS, NOW)
    server_certificate(tmp_path, (*HOSTS, "192.0.2.7"), NOW)
    names = leaf_of(tmp_path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "192.0.2.7" in {str(name.value) for name in names}


def test_a_leaf_of_another_authority_is_replaced(tmp_path: Path) -> None:
    server_certificate(tmp_path / "a", HOSTS, NOW)
    server_certificate(tmp_path / "b", HOSTS, NOW)
    stranger = leaf_of(tmp_path / "b")
    (tmp_path / "a" / "server.pem").write_bytes((tmp_path / "b" / "server.pem").read_bytes())
    server_certificate(tmp_path / "a", HOSTS, NOW)
    assert leaf_of(tmp_path / "a").serial_number != stranger.serial_number
