"""The main job whole: `sightline demo` and `serve` as commands, real Chromium, the real pipeline behind the page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from engine.ingest.nifti import write_nifti
from engine.ingest.phantom import make_phantom
from tests.e2e.console_server import PAGE
from tests.e2e.headset import CHROMIUM_FLAGS, chromium_path

pytestmark = pytest.mark.browser

SIGHTLINE = Path(sys.executable).parent / "sightline"
SHOWN = ("Body", "Left lung", "Right lung", "Airways", "Bone")
#: In the list, and hidden until asked for.
LISTED = ("Fat", "Muscle and soft tissue")
#: The first run compiles every kernel, which takes a minute or two.
PATIENCE_MS = 280_000


@contextmanager
def serving(*arguments: str, temporary: Path) -> Iterator[str]:
    """Address that a command announces; the command is interrupted at the end and must end well."""
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [SIGHTLINE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        said = ""
        try:
            assert process.stdout is not None
            for line in process.stdout:
                said += line
                if found := re.search(r"is ready: (http://\S+)", line):
                    yield found.group(1)
                    break
            else:
                pytest.fail(f"nothing was announced:\n{said}")
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            said += process.stdout.read()
    assert "not a medical device" in said
    assert "█" in said  # the address as a QR code
    assert "Traceback" not in said
    assert process.returncode == 0


@contextmanager
def visiting(address: str) -> Iterator[Page]:
    """A page at `address` that may complain of nothing and ask no other host for anything."""
    mistakes: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM_FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: mistakes.append(f"uncaught: {error}"))
        page.on("console", lambda m: mistakes.append(m.text) if m.type in ("error", "warning") else None)
        ours = (address, address.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(ours) else mistakes.append(r.url))
        page.goto(address)
        yield page
        browser.close()
    assert mistakes == []


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one scan, as a person would choose it; its name must stay with them."""
    folder = tmp_path_factory.mktemp("studies") / "Doe^Jane"
    volume = make_phantom("thorax", size="small").volume
    folder.mkdir()
    write_nifti(folder / "Doe^Jane.nii.gz", volume.grid, np.asarray(volume.samples))
    return folder


def needs_a_browser() -> None:
    if not (PAGE / "index.html").exists() or not Path(chromium_path()).exists():
        pytest.skip("needs Chromium and the built client: run `make setup`")


def test_a_folder_sent_from_the_page_is_cancelled_then_opened_and_its_name_stays_out_of_urls(
    scan: Path, tmp_path: Path
) -> None:
    needs_a_browser()
    with serving("serve", "--port", "0", temporary=tmp_path) as address, visiting(address) as page:
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
    needs_a_browser()
    with serving("demo", "--port", "0", temporary=tmp_path) as address, visiting(address) as page:
        drawn = f"() => window.sightline.store.get().drawn.ready === {len(SHOWN)}"
        page.wait_for_function(drawn, timeout=PATIENCE_MS)
        page.wait_for_function("() => window.sightline.store.get().volume.state === 'ready'", timeout=PATIENCE_MS)
        for name in SHOWN + LISTED:
            assert page.get_by_text(name, exact=True).locator("visible=true").count(), name
    assert [path.name for path in tmp_path.iterdir()] == []
