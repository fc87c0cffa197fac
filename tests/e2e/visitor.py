"""A page of the console in a browser, and what must not happen on it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e.console_server import Console

SIZE = {"width": 1440, "height": 900}


class Visitor:
    """A page, and what must not happen on it."""

    def __init__(self, browser: Browser, console: Console) -> None:
        self.page: Page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]  # a dict by another name
        self.console = console
        self.mistakes: list[str] = []
        #: What the browser itself reports of a failure that the test brings about.
        self.expected: str | None = None
        self.page.on("pageerror", lambda error: self.mistakes.append(f"uncaught: {error}"))
        self.page.on("console", lambda m: self.mistakes.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("request", lambda request: self._watch(request.url))

    def _watch(self, url: str) -> None:
        local = (self.console.address, self.console.address.replace("http", "ws"), "data:", "blob:")
        if not url.startswith(local):
            self.mistakes.append(f"foreign request: {url}")

    def arrive(self) -> Page:
        self.page.goto(self.console.address)
        return self.page

    def state(self, path: str) -> Any:
        return self.page.evaluate(f"() => window.sightline.store.get().{path}")

    def check(self) -> None:
        assert [m for m in self.mistakes if self.expected is None or self.expected not in m] == []

    def frame(self) -> None:
        """Lets what was done be drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def until(self, condition: str) -> None:
        """Waits for a JavaScript condition on the state `s`."""
        self.page.wait_for_function(f"() => {{ const s = window.sightline.store.get(); return {condition}; }}")
