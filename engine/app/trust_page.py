"""The page by which a headset comes to trust this server: its certificate authority, and how to install it.

Served without TLS, on a port of its own, since whoever needs it does not trust the server yet. It holds nothing but
the authority's public certificate. A false one could be slipped in on the way, so the page shows the fingerprint, to
be compared with what the server printed.
"""

from __future__ import annotations

import hashlib
import html
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

CERTIFICATE_NAME = "sightline-authority.crt"

#: How a certificate authority is installed, by device; what the makers' menus call it.
_STEPS: tuple[tuple[str, str], ...] = (
    (
        "Meta Quest",
        "Not every version of its browser takes an authority. Where it does not: open the server's address, choose "
        "<em>Advanced</em>, then <em>Proceed</em>; or connect the headset by cable and run "
        "<code>adb reverse tcp:PORT tcp:PORT</code> on the computer that serves, then open "
        "<code>http://localhost:PORT</code> in the headset, having started the server without <code>--host</code>.",
    ),
    (
        "Pico and other Android",
        "Download the certificate, then Settings, Security, Encryption and credentials, "
        "Install a certificate, CA certificate.",
    ),
    (
        "Apple Vision Pro, iPad, iPhone",
        "Download the certificate in Safari, then Settings, General, VPN and Device Management, install it; then "
        "Settings, General, About, Certificate Trust Settings, switch it on.",
    ),
    ("Windows", "Open the certificate, Install Certificate, Local Machine, Trusted Root Certification Authorities."),
    ("macOS", "Open the certificate in Keychain Access, choose it, Trust, Always Trust."),
    (
        "Linux",
        "Copy it to <code>/usr/local/share/ca-certificates</code> and run <code>update-ca-certificates</code>; "
        "Chromium and Firefox: Settings, Certificates, Authorities, Import.",
    ),
)


def fingerprint(authority: Path) -> str:
    """SHA-256 of the certificate, as browsers show it."""
    digest = hashlib.sha256(_der(authority)).hexdigest().upper()
    return ":".join(digest[n : n + 2] for n in range(0, len(digest), 2))


@contextmanager
def trust_page(authority: Path, host: str, port: int, server_address: str) -> Iterator[int]:
    """Serve the page while the block runs; yields the port that it is on.

    Raises:
        OSError: the port is taken.
    """
    page = _page(authority, server_address).encode()
    certificate = _der(authority)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self._answer(page, "text/html; charset=utf-8")
            elif self.path == f"/{CERTIFICATE_NAME}":
                self._answer(certificate, "application/x-x509-ca-cert")
            else:
                self.send_error(404)

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Who asks is nobody's business."""

    with ThreadingHTTPServer((host, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="trust-page", daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def _der(authority: Path) -> bytes:
    return x509.load_pem_x509_certificate(authority.read_bytes()).public_bytes(Encoding.DER)


def _page(authority: Path, server_address: str) -> str:
    address = html.escape(server_address)
    port = html.escape(server_address.rstrip("/").rsplit(":", 1)[-1])
    steps = "".join(f"<dt>{name}</dt><dd>{text.replace('PORT', port)}</dd>" for name, text in _STEPS)
    lines = fingerprint(authority)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trust this Sightline server</title>
<style>
  body {{ margin: 0; background: #0b0e11; color: #e8eef2; font: 17px/1.5 system-ui, sans-serif; }}
  main {{ max-width: 44rem; margin: 0 auto; padding: 3rem 1.5rem; }}
  h1 {{ font-size: 1.7rem; letter-spacing: -0.01em; }}
  a.button {{ display: inline-block; padding: 0.9rem 1.5rem; border-radius: 10px; background: #5fd0e0; color: #04242a;
    font-weight: 620; text-decoration: none; }}
  code {{ background: #1a2127; padding: 0.1em 0.35em; border-radius: 5px; overflow-wrap: anywhere; }}
  .print {{ display: block; padding: 1rem; letter-spacing: 0.04em; }}
  dt {{ font-weight: 620; margin-top: 1.1rem; }} dd {{ margin: 0.2rem 0 0; color: #9fb0bc; }}
  footer {{ margin-top: 2.5rem; color: #9fb0bc; }}
</style>
<main>
<h1>Trust this Sightline server</h1>
<p>Headsets open AR and VR only on pages they trust. Install this server's certificate authority once; every later
visit is trusted too. Its key never leaves the computer that serves.</p>
<p><a class="button" href="/{CERTIFICATE_NAME}" download>Download the certificate</a></p>
<p>Before you install it, compare this with what the server printed:</p>
<code class="print">{lines}</code>
<dl>{steps}</dl>
<p>Then open <a href="{address}" style="color:#5fd0e0">{address}</a>.</p>
<footer>Research use — not a medical device.</footer>
</main></html>
"""
