"""A platform, and a training server that it launches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import pytest

pytest.importorskip("jwt", reason="the extra lti is not installed")

from engine.app.training import sending
from tests.app.training.cases import SHELF
from tests.app.training.lti.platform import FakePlatform, Follower
from tests.app.training.server import Server

#: A browser that follows links of the platform.
Meet = Callable[[], Follower]


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    with FakePlatform().serving() as made:
        yield made


@pytest.fixture
def server(tmp_path: Path, images: Path, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(sending, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(sending, "LONGEST_S", 0.1)
    with Server(tmp_path, SHELF, images=images, platforms=platform.registered).serving() as made:
        yield made


@pytest.fixture
def meet(server: Server, platform: FakePlatform) -> Meet:
    return lambda: follower(server, platform)


def follower(server: Server, platform: FakePlatform) -> Follower:
    """A browser: it trusts this machine as it trusts TLS, so that `Secure` cookies come along."""
    jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
    return Follower(server.browser(None, cookies=jar), platform)
