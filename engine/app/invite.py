"""`sightline invite`: asks a server that runs on this machine, as its user, to let one more in."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from engine.app.running import running_server
from engine.core.errors import EnvironmentLacks
from engine.stream.messages import Invitation
from engine.stream.server import SESSION_COOKIE

#: A server on this machine answers at once or is not well.
TIMEOUT_S = 5.0


def invite_to(port: int | None, role: str) -> Invitation:
    """An invitation from the server on `port`, or from the only one.

    Raises:
        EnvironmentLacks: no such server, or it does not answer.
    """
    server = running_server(port)
    request = urllib.request.Request(  # noqa: S310  the address is our own server's
        f"{server.address}api/invitations",
        data=json.dumps({"role": role}).encode(),
        headers={"content-type": "application/json", "cookie": f"{SESSION_COOKIE}={server.token}"},
    )
    # Only this machine is asked: no proxy of the environment stands between.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_context(server.certificate))
    )
    try:
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return Invitation.model_validate_json(response.read())
    except (urllib.error.URLError, TimeoutError) as error:
        host = urlsplit(server.address).netloc
        raise EnvironmentLacks(f"the server at {host} does not answer", "Start it again.") from error


def _context(certificate: str | None) -> ssl.SSLContext:
    """Trusts the very certificate that the server shows, whatever name it was made out to, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if certificate is not None:
        context.load_verify_locations(certificate)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = False
    return context
