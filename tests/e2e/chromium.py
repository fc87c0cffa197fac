"""Real Chromium, and the built client that it opens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CLIENT = Path(__file__).resolve().parents[2] / "assets" / "client"
PAGE = CLIENT / "dist"
IWER = CLIENT / "node_modules" / "iwer" / "build" / "iwer.min.js"

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--autoplay-policy=no-user-gesture-required",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names; skips the test where it or the client is missing."""
    path = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
    if not all(each.exists() for each in (PAGE / "index.html", IWER, path)):
        pytest.skip("needs Chromium and the built client: run `make setup`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()
