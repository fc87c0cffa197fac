"""Into the reading room with an emulated headset on."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.e2e.headset import Wearer

#: The headset's driver speaks of the console's page; here the reading room stands in its place.
AS_CONSOLE = "() => { const { store, stage, xr } = window.reading; window.sightline = { store, stage, xr }; }"


def put_on(page: Page) -> Wearer:
    """From a page whose images are there: the wall of slices stands, hands at rest."""
    page.evaluate(AS_CONSOLE)
    page.get_by_role("button", name="Enter VR").click()
    wearer = Wearer(page)
    wearer.until("r !== null && r.panes.length > 0")
    wearer.rest()
    return wearer
