"""`bench edit`: from a stroke that leaves one page to its surfaces standing ready in another.

Two pages of one Chromium on the full chest CT; one paints with a brush of 20 mm, the other watches. Pages stamp by the
machine's clock and nothing asks them anything meanwhile. Where there is no graphics card Chromium draws in software, on
the very cores that everything else needs: measured with nothing drawn, and with everything, and the time of a frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from engine.app.bench.browser import PATIENCE_MS, VIEW, chromium, serving
from engine.app.bench.row import Row
from engine.app.bench.scans import chest_ct
from engine.core.errors import SightlineError

#: Strokes of each run, and the pause after each and after it is taken back.
STROKES, EVERY_MS = 200, 250
DRAWN_STROKES, DRAWN_EVERY_MS = 30, 1000
#: The editor and its surfaces are made ready before the first stroke is.
FIRST_MS = 10_000
FRAMES = 5
RADIUS_MM = 10.0
#: How far from the middle of the scan strokes may go.
SPREAD_MM = (70.0, 60.0, 60.0)
PAINTED = "bone"

READY = """() => {
    const state = window.sightline?.store.get();
    return state?.scene && !state.job && state.volume.state === 'ready'
        && state.drawn.total > 0 && state.drawn.ready >= state.drawn.total;
}"""

#: Stamps of what the watching page does about each edit: when it had it, when its surfaces stood ready.
WATCH = """() => {
    const now = () => performance.timeOrigin + performance.now();
    const {store, stage} = window.sightline;
    const {anatomy} = stage;
    const latest = () => store.get().scene.nodes.find(({kind}) => kind === 'volume').label_boxes.at(-1)?.blob;
    window.told = [];
    let seen = latest();
    const apply = anatomy.applyPatches.bind(anatomy);
    anatomy.applyPatches = async () => {
        const edit = latest(), times = [now()];
        if (edit !== undefined && edit !== seen) window.told.push(times);
        seen = edit;
        await apply();
        times.push(now());
    };
}"""

#: Each stroke is taken back before the next: the scan stays as it is, and every stroke changes something.
PAINT = """async ({strokes, every}) => {
    const {actions} = window.sightline;
    const pause = (ms) => new Promise((done) => setTimeout(done, ms));
    const sent = [];
    for (const point of strokes) {
        sent.push(performance.timeOrigin + performance.now());
        actions.paint([point], crypto.randomUUID());
        await pause(every);
        actions.step('undo');
        await pause(every);
    }
    await pause(3000);
    return sent;
}"""

#: The tool in hand. Asking for it has the server make its editor ready.
TAKE_BRUSH = """({key, radius}) => window.sightline.store.update((state) => ({
    ...state, selection: {kind: 'structure', key}, view: {...state.view, tool: 'brush', radius_mm: radius},
}))"""

#: Nothing is drawn: no frame is asked for and nothing is there to be painted. All else goes on.
BLIND = """() => {
    window.sightline.stage.renderer.setAnimationLoop(null);
    window.requestAnimationFrame = () => 0;
    document.body.style.contentVisibility = 'hidden';
    document.body.style.visibility = 'hidden';
}"""

FRAME_MS = """() => {
    const {renderer, scene, camera} = window.sightline.stage;
    const gl = renderer.getContext(), pixel = new Uint8Array(4), began = performance.now();
    renderer.render(scene, camera);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);  // waits until it is drawn
    return performance.now() - began;
}"""


def run(shared_data: Path | None) -> list[Row]:
    """Measure both ways.

    Raises:
        InputRefused: the real scans are not given.
        EnvironmentLacks: there is no Chromium.
    """
    folder = chest_ct(shared_data, "edit")
    rows = []
    with serving(folder) as address, chromium() as browser:
        strokes = _strokes(STROKES + DRAWN_STROKES)
        ours, theirs = _page(browser, address), _page(browser, address)
        theirs.evaluate(WATCH)
        ours.evaluate(TAKE_BRUSH, {"key": PAINTED, "radius": RADIUS_MM})
        _times(ours, theirs, strokes[:1], FIRST_MS)
        drawn = _times(ours, theirs, strokes[:DRAWN_STROKES], DRAWN_EVERY_MS)
        frame_ms = float(np.median([theirs.evaluate(FRAME_MS) for _ in range(FRAMES)]))
        for page in (ours, theirs):
            page.evaluate(BLIND)
        blind = _times(ours, theirs, strokes[DRAWN_STROKES:], EVERY_MS)
    rows += _rows("20 mm brush, full chest CT", blind)
    rows += _rows("20 mm brush, full chest CT, both pages drawn in software", drawn)
    rows.append(Row("edit", "one frame of the page, 1440 × 900, drawn in software", "time p50", "ms", frame_ms))
    return rows


def _page(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport=VIEW).new_page()  # type: ignore[arg-type]  # a dict by another name
    page.goto(address)
    page.wait_for_function(READY, timeout=PATIENCE_MS)
    return page


def _strokes(count: int) -> np.ndarray:
    """Places from the middle of the scan, in millimetres."""
    return np.random.default_rng(20).uniform(-1, 1, (count, 3)) * SPREAD_MM


def _times(ours: Page, theirs: Page, strokes: np.ndarray, every_ms: int) -> dict[str, np.ndarray]:
    """Milliseconds from each stroke to each moment in the other page: ops come in the order of strokes."""
    middle = ours.evaluate("() => window.sightline.store.get().view.cursor_mm")
    theirs.evaluate("() => { window.told.length = 0; }")
    sent: list[float] = ours.evaluate(PAINT, {"strokes": (strokes + middle).tolist(), "every": every_ms})
    told: list[list[float]] = theirs.evaluate("() => window.told")
    if len(told) != 2 * len(sent):
        raise SightlineError(f"{len(sent)} strokes were made and taken back, and {len(told)} ops came of them")
    came, ready = (np.array(told)[::2] - np.array(sent)[:, None]).T
    return {"op received": came, "surfaces ready": ready}


def _rows(case: str, times: dict[str, Any]) -> list[Row]:
    return [
        Row("edit", case, f"{moment} p{percent}", "ms", float(np.percentile(ms, percent)))
        for moment, ms in times.items()
        for percent in (50, 95, 99)
    ]
