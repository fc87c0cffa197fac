"""The main job whole: `sightline demo` and `serve` as commands, real Chromium, the real pipeline behind the page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.make import make_phantom
from tests.e2e.chromium import chromium
from tests.e2e.command import serving

pytestmark = pytest.mark.browser

SHOWN = ("Body", "Left lung", "Right lung", "Airways", "Bone")
#: In the list, and hidden until asked for.
LISTED = ("Fat", "Muscle and soft tissue")
#: The first run compiles every kernel, which takes a minute or two.
PATIENCE_MS = 280_000


@contextmanager
def serving_from(temporary: Path, command: str) -> Iterator[str]:
    """Address of a server that keeps what it must write in the folder `temporary`."""
    with serving(command, "--port", "0", environment={**os.environ, "TMPDIR": str(temporary)}) as address:
        yield address


@contextmanager
def visiting(address: str) -> Iterator[Page]:
    """A page at `address` that may complain of nothing and ask no other host for anything."""
    mistakes: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: mistakes.append(f"uncaught: {error}"))
        page.on("console", lambda m: mistakes.append(m.text) if m.type in ("error", "warning") else None)
        ours = (address, address.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(ours) else mistakes.append(r.url))
        page.goto(address)
        yield page
    assert mistakes == []


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one scan, as a person would choose it; its name must stay with them."""
    folder = tmp_path_factory.mktemp("studies") / "Doe^Jane"
    volume = make_phantom("thorax", size="small").volume
    folder.mkdir()
    write_nifti(folder / "Doe^Jane.nii.gz", volume.grid, np.asarray(volume.samples))
    return folder


def test_a_folder_sent_from_the_page_is_cancelled_then_opened_and_its_name_stays_out_of_urls(
    scan: Path, tmp_path: Path
) -> None:
    with (
        serving_from(tmp_path, "serve") as address,
        visiting(address) as page,
    ):
        urls: list[str] = []
        page.on("request", lambda request: urls.append(request.url))
        expect(page.get_by_role("heading", name="Open a study")).to_be_visible()
        page.get_by_label("Folder to open").set_input_files(scan)
        page.get_by_role("button", name="Cancel").click(timeout=PATIENCE_MS)
        expect(page.get_by_role("heading", name="Open a study")).to_be_visible()
        assert page.evaluate("() => window.sightline.store.get().drawn.ready") == 0

        page.get_by_label("Folder to open").set_input_files(scan)
        page.wait_for_function("() => window.sightline.store.get().drawn.ready >= 4", timeout=PATIENCE_MS)
        page.wait_for_function("() => window.sightline.store.get().volume.state === 'ready'", timeout=PATIENCE_MS)
        assert not [url for url in urls if "Doe" in url]
    assert [path.name for path in tmp_path.iterdir()] == []


def test_the_demo_shows_a_segmented_chest_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        serving_from(tmp_path, "demo") as address,
        visiting(address) as page,
    ):
        drawn = f"() => window.sightline.store.get().drawn.ready === {len(SHOWN)}"
        page.wait_for_function(drawn, timeout=PATIENCE_MS)
        page.wait_for_function("() => window.sightline.store.get().volume.state === 'ready'", timeout=PATIENCE_MS)
        for name in SHOWN + LISTED:
            assert page.get_by_text(name, exact=True).locator("visible=true").count(), name
    assert [path.name for path in tmp_path.iterdir()] == []
