"""`bench page`: the page opened in Chromium, in a profile that has never seen it, until structures and slices stand.

The server has the full chest CT ready. Seconds count from the start of navigation, by the page's own clock.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from engine.app.bench.browser import PATIENCE_MS, VIEW, chromium, serving
from engine.app.bench.row import Row
from engine.app.bench.scans import chest_ct

REPEATS = 3

#: What a person waits for, and how the page says that it is there.
MOMENTS = {
    "first structure drawn": "state.drawn.ready >= 1",
    "every visible structure drawn": "state.drawn.total > 0 && state.drawn.ready >= state.drawn.total",
    "slices at full depth": "state.volume.state === 'ready'",
}


def run(shared_data: Path | None) -> list[Row]:
    """Measure a fresh visit, and how long after the command the first structure stands with the page open.

    Raises:
        InputRefused: the real scans are not given.
        EnvironmentLacks: there is no Chromium.
    """
    folder = chest_ct(shared_data, "page")
    started = time.perf_counter()
    with serving(folder) as address, chromium() as browser:
        served = time.perf_counter() - started
        while_it_works = _visit(browser, address)
        visits = [_visit(browser, address) for _ in range(REPEATS)]
    first = next(iter(MOMENTS))
    waited = served + while_it_works[first]
    rows = [Row("page", "full chest CT", f"command given to {first}, page open all along", "s", waited)]
    for moment in MOMENTS:
        rows.append(
            Row("page", "full chest CT", f"page opened to {moment}", "s", statistics.median(v[moment] for v in visits))
        )
    return rows


def _visit(browser: Browser, address: str) -> dict[str, float]:
    """Seconds to each of `MOMENTS`, in a profile of its own."""
    context = browser.new_context(viewport=VIEW)  # type: ignore[arg-type]  # a dict by another name
    try:
        page = context.new_page()
        page.goto(address, wait_until="commit")
        return {moment: _seconds_until(page, condition) for moment, condition in MOMENTS.items()}
    finally:
        context.close()


def _seconds_until(page: Page, condition: str) -> float:
    """The page's clock at its first frame for which `condition` on the store's state holds."""
    script = f"""() => {{
        const state = window.sightline?.store.get();
        return state !== undefined && {condition} && performance.now();
    }}"""
    return float(page.wait_for_function(script, timeout=PATIENCE_MS).json_value()) / 1000
