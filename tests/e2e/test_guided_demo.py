"""`sightline demo guidance` as a command: a simulated hand calibrates and goes on to register, seen in Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.e2e.command import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

#: The phantom is made, its structures are meshed, and where kernels are new they are compiled.
PATIENCE_MS = 600_000


def test_the_demonstration_goes_through_a_session_by_itself(browser: Browser) -> None:
    with serving("demo", "guidance", "--port", "0") as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_function(
            "() => window.sightline?.store.get().scene?.guidance?.step === 'register'", timeout=PATIENCE_MS
        )
        assert page.locator(".hud").is_visible()
        assert "not registered" in (page.locator(".hud").inner_text() or "").lower()
        page.close()
