"""An educator makes a case in a real browser: from an empty page to a published version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from engine.core.array import Float64
from engine.core.volume import Volume
from engine.ingest.open import read_labels, read_volume, take_inventory
from scenarios.case.case import Case, flaws
from scenarios.case.fingerprint import fingerprint
from tests.e2e.author_server import AuthorServer, author_server

pytestmark = pytest.mark.browser

#: The issue's bound: fewer than so many interactions from an empty page to a published case.
MOST_INTERACTIONS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorServer]:
    with author_server(tmp_path_factory.mktemp("author")) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: AuthorServer) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


class Educator:
    """A person at the page, whose interactions are counted: a click, a choice, a scroll, a text typed."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def click(self, name: str, role: Any = "button") -> None:
        self.count += 1
        self.page.get_by_role(role, name=name, exact=True).first.click()

    def type(self, label: str, text: str) -> None:
        """Goes to a field and types: two interactions."""
        self.count += 2
        field = self.page.get_by_label(label, exact=True)
        field.click()
        field.fill(text)

    def choose(self, label: str, value: str) -> None:
        self.count += 1
        self.page.get_by_label(label, exact=True).select_option(value)

    def click_at(self, at_mm: Float64) -> None:
        """Clicks where a place of the patient is seen on the axial slice."""
        self.count += 1
        x, y = self._pixel(at_mm)
        self.page.mouse.click(x, y)

    def scroll(self, notches: int) -> None:
        """One scroll, whichever way it goes."""
        self.count += 1
        for _ in range(abs(notches)):
            self.page.mouse.wheel(0, -100 if notches > 0 else 100)

    def scroll_to(self, at_mm: Float64) -> None:
        """Scrolls through the axial slices until one shows a place."""
        self.count += 1
        self._rest_on_axial()
        steps = self.page.evaluate(
            "at => { const v = window.author.slices; const n = v.view.get().scene.nodes[0];"
            " return Math.round((at[2] - v.cursor[2]) / n.spacing_mm[2]); }",
            at_mm.tolist(),
        )
        for _ in range(abs(steps)):
            self.page.mouse.wheel(0, -100 if steps > 0 else 100)

    def settled(self) -> None:
        """Waits, which is no interaction."""
        expect(self.page.locator(".saving")).to_have_attribute("data-state", "saved", timeout=20_000)

    def _rest_on_axial(self) -> None:
        box = self.page.locator(".pane-axial .pane-body").bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def _pixel(self, at_mm: Float64) -> tuple[float, float]:
        box = self.page.locator(".pane-axial .pane-body").bounding_box()
        assert box is not None
        x, y = self.page.evaluate("at => window.author.slices.pictures.get('axial').toPixel(at)", at_mm.tolist())
        return box["x"] + x, box["y"] + y


def opened(page: Page) -> None:
    """Waits until every slice has come."""
    page.locator(".author-slices .with-picture").first.wait_for(timeout=40_000)
    expect(page.locator(".pane-axial .pane-note")).to_have_text("", timeout=20_000)


def lesions(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("() => window.author.store.get().lesions")
    return found


def draft(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("() => window.author.store.get().draft")
    return found


def nodule(server: AuthorServer, key: str) -> Float64:
    """The middle of a nodule of the phantom."""
    structure = server.phantom.label_map.structure(key)
    voxels = np.argwhere(np.asarray(server.phantom.label_map.labels) == structure.label)
    return np.asarray(server.phantom.volume.grid.patient_from_voxel.apply(voxels.mean(axis=0)), np.float64)


def painted_truth(server: AuthorServer, key: str) -> int:
    label = server.phantom.label_map.structure(key).label
    return int((np.asarray(server.phantom.label_map.labels) == label).sum())


def test_from_an_empty_page_to_a_published_case_in_under_forty_interactions(
    page: Page, server: AuthorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    educator = Educator(page)
    page.goto(f"{server.address}/author")
    page.locator(".start-open").first.wait_for()
    educator.count += 1
    page.locator(".start-open").first.click()
    opened(page)

    educator.type("Title", "Cough for six weeks")
    educator.type("Topic", "Chest")
    at = nodule(server, "nodule_1")
    educator.choose("Window", "Lung")
    educator.scroll_to(at)
    educator.click("Grow")
    educator.click_at(at)
    expect(page.locator(".outline-row .detail", has_text="mm")).to_be_visible(timeout=20_000)
    first = lesions(page)[0]["voxels"]
    educator.scroll(2)
    educator.settled()
    assert lesions(page)[0]["voxels"] > first, "a scroll on the lesion makes it larger"
    educator.scroll(-2)
    educator.settled()
    assert lesions(page)[0]["voxels"] == pytest.approx(painted_truth(server, "nodule_1"), rel=0.15)
    educator.type("What it is", "Lung nodule")
    educator.type("Why it is missed", "It lies behind the diaphragm on the frontal view.")

    educator.choose("Add a question", "choice")
    educator.type("Answer 1", "Primary lung cancer")
    educator.type("Answer 2", "Granuloma")
    educator.settled()

    # Half way, the page is loaded anew: nothing is lost.
    before = (draft(page), lesions(page))
    page.reload()
    opened(page)
    assert (draft(page), lesions(page)) == before

    # Then the server ends; what is typed meanwhile waits, and is there once another server answers.
    server.stop()
    educator.count += 1
    page.locator(".outline-row", has_text="Cough for six weeks").click()
    educator.type("The case in a few sentences", "A solid nodule in the right lower lobe.")
    expect(page.locator(".saving")).to_have_attribute("data-state", "offline", timeout=10_000)
    server.start()
    educator.settled()
    assert draft(page)["says"] == "A solid nodule in the right lower lobe."
    assert (draft(page)["tasks"], lesions(page)) == (before[0]["tasks"], before[1])

    with page.expect_popup() as tab:
        educator.click("Try it")
    expect(tab.value.locator(".bar .title")).to_have_text("Cough for six weeks · case 1", timeout=40_000)
    tab.value.wait_for_function(
        "() => Object.values(window.reading.store.get().studies).some(({ state }) => state === 'ready')", timeout=40_000
    )
    tab.value.close()
    assert all(one.case.title != "Cough for six weeks" for one in server.school.cases), "a trial is nobody else's"
    educator.click("Publish")
    expect(page.get_by_role("alert").filter(has_text="Version 1.0.0 is published")).to_be_visible(timeout=20_000)
    shown = page.evaluate("() => window.author.slices.loader.voxels.labels.reduce((n, label) => n + (label === 1), 0)")
    assert shown == lesions(page)[0]["voxels"], "what is painted stays in sight after publishing"
    with capsys.disabled():
        print(f"\n  from an empty page to a published case: {educator.count} interactions")  # noqa: T201
    assert educator.count < MOST_INTERACTIONS

    assert any(one.case.title == "Cough for six weeks" for one in server.school.cases)
    is_whole(server, server.cases / "cough-for-six-weeks" / "1.0.0")
    (trial,) = server.cases.glob("try-*")
    is_whole(server, trial / "1.0.0")


def is_whole(server: AuthorServer, folder: Path) -> None:
    """The folder holds a case whose images and mask are those of the phantom."""
    case = Case.model_validate(yaml.safe_load((folder / "case.yaml").read_text("utf-8")))
    assert list(flaws(case)) == []
    assert [task.kind for task in case.tasks] == ["mark", "choice"]
    (finding,) = case.truth.findings
    assert (finding.name, finding.place.kind) == ("Lung nodule", "mask")
    scan: Volume = read_volume(take_inventory((folder / "volume.nii.gz",)).series[0]).value
    assert scan.grid.close(scan.grid)
    np.testing.assert_array_equal(np.asarray(scan.samples), np.asarray(server.phantom.volume.samples))
    source = case.volumes[0].source
    assert source.kind == "file"
    assert source.sha256 == fingerprint(scan.grid, np.asarray(scan.samples))
    truth = read_labels(folder / "truth.nii.gz", scan).value
    label = server.phantom.label_map.structure("nodule_1").label
    true = np.asarray(server.phantom.label_map.labels) == label
    painted = np.asarray(truth.labels) == 1
    assert 2 * (true & painted).sum() / (true.sum() + painted.sum()) > 0.85


def test_what_is_missing_is_said_in_words_and_leads_to_its_field(page: Page, server: AuthorServer) -> None:
    page.goto(f"{server.address}/author")
    page.locator(".start-open").first.click()
    opened(page)
    page.get_by_role("button", name="Add a lesion", exact=True).click()
    page.get_by_label("Add a question", exact=True).select_option("measure")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_label("Title", exact=False).first).to_be_focused()
    expect(page.locator(".missing-row")).to_contain_text(
        ["Give the case a title", "Choose a topic", "Say what this is", "Nothing is painted yet"]
    )
    page.locator(".missing-row", has_text="Say what this is").click()
    expect(page.get_by_label("What it is", exact=False).first).to_be_focused()


@pytest.mark.slow
def test_brush_eraser_and_fill_are_taken_back_and_done_again_in_order(page: Page, server: AuthorServer) -> None:
    page.goto(f"{server.address}/author")
    page.locator(".start-open").first.click()
    opened(page)
    educator = Educator(page)
    page.keyboard.press("b")
    box = page.locator(".pane-axial .pane-body").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    counts = []

    def stroke() -> None:
        page.mouse.move(x - 20, y)
        page.mouse.down()
        page.mouse.move(x + 20, y, steps=4)
        page.mouse.up()
        page.wait_for_timeout(50)
        educator.settled()
        counts.append(lesions(page)[0]["voxels"])

    stroke()
    for _ in range(4):
        page.mouse.wheel(0, -100)
    stroke()
    page.get_by_role("button", name="Fill in between painted slices").click()
    educator.settled()
    counts.append(lesions(page)[0]["voxels"])
    assert counts[0] < counts[1] < counts[2], "painted, painted four slices on, and filled in between"
    assert lesions(page)[0]["slices"][1] - lesions(page)[0]["slices"][0] == 4
    page.locator(".form-head h2").click()
    for expected in (counts[1], counts[0]):
        page.keyboard.press("Control+z")
        page.wait_for_timeout(50)
        educator.settled()
        assert lesions(page)[0]["voxels"] == expected
    page.reload()
    opened(page)
    page.keyboard.press("Control+Shift+z")
    page.wait_for_timeout(50)
    educator.settled()
    assert lesions(page)[0]["voxels"] == counts[1], "what was undone is done again after a reload"
    assert json.dumps(draft(page)["lesions"][0]["label"]) == "1"
