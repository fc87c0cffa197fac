"""`sightline accuracy`: from a device to page, data and history."""

from __future__ import annotations

import asyncio
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from engine.app.accuracy.artefact_file import artefact_solid, artefact_text, read_artefact
from engine.app.accuracy.command import AccuracyRequest, check_accuracy, tip_of
from engine.app.accuracy.history import add_to_history, read_history
from engine.app.accuracy.listening import Things, Virtual, heard_with_advice
from engine.app.accuracy.page import page
from engine.app.accuracy.report import AccuracyReport, chart_part
from engine.app.cli import main
from engine.core.errors import EnvironmentLacks, InputRefused, InvalidValue
from guidance.accuracy.artefact import POSTS, Artefact
from guidance.accuracy.control import chart
from guidance.accuracy.guiding import Advice, Plan
from guidance.accuracy.heard import Movement
from guidance.accuracy.operator import Operator, protocol
from guidance.devices.simulated import Scenario
from guidance.devices.simulator import simulated_device

PLAN = Plan(single=6, rounds=1)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The simulator, with a scenario of few samples a second."""
    folder = tmp_path_factory.mktemp("accuracy")
    (folder / "slow.toml").write_text("hz = 12\nseed = 3\n")
    request = AccuracyRequest(
        f"simulated:{folder / 'slow.toml'}", out=folder / "out", history=folder / "history.jsonl", plan=PLAN
    )
    report = check_accuracy(request, lambda _: None)
    return SimpleNamespace(report=report, out=folder / "out", history=folder / "history.jsonl")


def test_the_simulated_tracker_passes_its_gate(checked: SimpleNamespace) -> None:
    """What a change of the code must not make worse; the truth is a bias of nought."""
    report: AccuracyReport = checked.report
    assert abs(report.distances.bias.value) < 0.1
    assert report.distances.bias.low <= 0.0 <= (report.distances.bias.high or np.inf)
    assert report.everywhere.rms.value < 0.25
    assert report.again is not None
    assert report.again.rms.value < 0.25
    assert report.again.count == 7
    assert max(one.span.value for one in report.sweeps) < 0.8
    assert report.drift is not None
    assert not report.drift.is_real


def test_the_data_hold_every_digit_and_are_read_again(checked: SimpleNamespace) -> None:
    text = (checked.out / "report.json").read_text()
    assert AccuracyReport.model_validate_json(text) == checked.report
    assert json.loads(text)["distances"]["bias"]["value"] == checked.report.distances.bias.value


class _Page(HTMLParser):
    """What a page holds, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.drawings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.drawings += tag == "svg"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_fetches_nothing_and_says_that_it_is_simulated(checked: SimpleNamespace) -> None:
    text = (checked.out / "report.html").read_text()
    read = _Page()
    read.feed(text)
    assert not read.open
    assert not read.addresses
    assert read.drawings == 5
    assert "<script" not in text
    assert not re.search(r"url\(|@import", text)
    assert "Simulated: a hand and a tracker that do not exist" in text
    assert "Why this is not a full F2554 result" in text
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+", "", text.lower())


def test_the_page_names_no_file_and_no_address(checked: SimpleNamespace) -> None:
    both = (checked.out / "report.html").read_text() + (checked.out / "report.json").read_text()
    assert "slow.toml" not in both
    assert str(checked.out.parent) not in both


def test_the_history_grows_by_one_line_and_only_by_that(checked: SimpleNamespace, tmp_path: Path) -> None:
    (entry,) = read_history(checked.history, "simulated tracker", POSTS.name)
    assert entry.rms_mm == checked.report.everywhere.rms.value
    path = tmp_path / "h" / "history.jsonl"
    for k in range(3):
        before = path.read_bytes() if path.exists() else b""
        add_to_history(path, entry.model_copy(update={"time": f"2026-11-0{k + 1}T08:00:00Z"}))
        assert path.read_bytes().startswith(before)
    assert [e.time[:10] for e in read_history(path, entry.device, entry.artefact)] == [
        "2026-11-01",
        "2026-11-02",
        "2026-11-03",
    ]
    assert read_history(path, "another tracker", entry.artefact) == ()


def test_a_line_that_was_cut_short_costs_that_line_alone(checked: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    (entry,) = read_history(checked.history, "simulated tracker", POSTS.name)
    add_to_history(path, entry)
    path.write_bytes(path.read_bytes() + b'{"time":"2026-')
    assert read_history(path, entry.device, entry.artefact) == (entry,)
    path.write_bytes(b'{"time":"2026-\n' + path.read_bytes())
    with pytest.raises(InputRefused, match="line 1 is no check"):
        read_history(path, entry.device, entry.artefact)


def test_a_history_that_cannot_be_written_says_so(checked: SimpleNamespace, tmp_path: Path) -> None:
    (entry,) = read_history(checked.history, "simulated tracker", POSTS.name)
    with pytest.raises(EnvironmentLacks, match="--history"):
        add_to_history(tmp_path, entry)


def test_a_tracker_out_of_control_is_shown_on_the_page(checked: SimpleNamespace) -> None:
    """Ten earlier checks far better than this one."""
    values = [*(0.05 + np.random.default_rng(0).normal(size=10) * 0.002), checked.report.everywhere.rms.value]
    times = [f"2026-11-{k + 1:02d}T08:00:00Z" for k in range(11)]
    drawn = chart_part("Position error", chart(values), times)
    text = page(checked.report.model_copy(update={"control": (drawn,), "source": "device", "seed": None}))
    assert drawn.is_out
    assert "Out of control: beyond three deviations" in text
    assert 'class="out"' in text
    assert "Simulated" not in text.replace("Simulated tracker", "")


def test_a_listener_is_told_what_to_touch_and_hears_the_end() -> None:
    """The protocol, followed before a simulated tracker; every piece of advice is one that comes next."""
    kept = [0, 1, 4, 7, 11, 13, 16]
    few = Artefact("seven posts", tuple(POSTS.names[k] for k in kept), POSTS.divots_mm[kept], 0.03, 0.0)
    plan = Plan(single=2, rounds=1)
    operator = Operator(few, protocol(few, single=2, rounds=1), np.random.default_rng(0))
    clock = Virtual()
    told: list[Advice | str] = []
    device = simulated_device(Scenario(hz=10), operator, clock, sleep=clock.sleep)

    async def listen() -> Movement:
        return await heard_with_advice(device, Things(), few, plan, None, told.append)

    heard = asyncio.run(asyncio.wait_for(listen(), 250))
    advice = [one for one in told if isinstance(one, Advice)]
    assert advice[0].words.startswith("Hold the tip in M and turn the pointer")
    assert advice[-1].is_done
    assert [one.done for one in advice] == sorted(one.done for one in advice)
    words = [one.words for one in advice]
    assert any("about its shaft" in w for w in words)
    assert any("Touch A1 for two seconds (round 1 of 1)" in w for w in words)
    assert heard.is_relative


@pytest.mark.parametrize(
    ("things", "names", "chosen"),
    [
        (Things(), ["Reference", "Stylus"], Things("Stylus", "Reference")),
        (Things(), ["Probe"], Things("Probe", None)),
        (Things(), ["DRF_ref", "Pointer", "Saw"], Things("Pointer", "DRF_ref")),
        (Things("Saw"), ["Pointer", "Saw"], Things("Saw", None)),
        (Things("Reference", "Stylus"), ["Reference", "Stylus"], Things("Reference", "Stylus")),
    ],
)
def test_the_pointer_is_known_by_its_name(things: Things, names: list[str], chosen: Things) -> None:
    assert things.among(names) == chosen


@pytest.mark.parametrize(
    ("things", "names", "words"),
    [
        (Things(), ["A", "B"], "--tool"),
        (Things("C"), ["A", "B"], "C is not tracked; there are A, B"),
        (Things(), [], "no things"),
    ],
)
def test_a_pointer_that_cannot_be_told_is_asked_for(things: Things, names: list[str], words: str) -> None:
    with pytest.raises(InputRefused, match=words):
        things.among(names)


def test_an_artefact_goes_into_a_file_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(artefact_text(POSTS))
    read = read_artefact(tmp_path / "a.toml")
    assert (read.name, read.names, read.error_mm, read.scale_error) == (
        POSTS.name,
        POSTS.names,
        POSTS.error_mm,
        POSTS.scale_error,
    )
    assert np.array_equal(read.divots_mm, POSTS.divots_mm)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name = ", "Invalid value"),
        ('name = "a"', "divots, error_mm is missing"),
        (artefact_text(POSTS).replace("error_mm = 0.03", "error_cm = 0.03"), "error_cm is not known"),
        (artefact_text(POSTS).replace("[0, 0, 32]", "[0, 0]"), "inhomogeneous"),
        (artefact_text(POSTS).replace("error_mm = 0.03", "error_mm = -1"), "not negative"),
    ],
)
def test_an_artefact_file_that_cannot_be_used_says_why(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "a.toml").write_text(content)
    with pytest.raises(InputRefused, match=words):
        read_artefact(tmp_path / "a.toml")


def test_the_solid_has_its_divots_where_the_artefact_has_them() -> None:
    """Read by trimesh: closed bodies, whose cones end in the divots."""
    import io

    solid = trimesh.load(io.BytesIO(artefact_solid(POSTS)), file_type="stl")
    assert isinstance(solid, trimesh.Trimesh)
    bodies = solid.split()
    assert len(bodies) == 18
    assert all(body.is_watertight and body.volume > 0 for body in bodies)
    apart = np.linalg.norm(solid.vertices[:, None] - POSTS.divots_mm, axis=-1)
    assert apart.min(axis=0).max() < 1e-4


@pytest.mark.parametrize("text", ["1,2", "a,b,c", "1,2,3,4"])
def test_a_tip_is_three_numbers(text: str) -> None:
    with pytest.raises(InvalidValue, match="three numbers"):
        tip_of(text)
    assert tip_of("1,-2,3.5") == (1.0, -2.0, 3.5)


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_the_command_makes_the_artefact(tmp_path: Path) -> None:
    assert exit_code("accuracy", "--make", str(tmp_path / "made")) == 0
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["artefact.stl", "artefact.toml"]


def test_a_device_that_is_none_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("accuracy", "--device", "serial:1", "--history", str(tmp_path / "h.jsonl")) == 2
    assert "is no device" in capsys.readouterr().err


@pytest.fixture
def phantom(shared_data: Path, tmp_path: Path) -> SimpleNamespace:
    """PLUS's recording of eight divots, and an artefact file of their places."""
    folder = shared_data / "tracking" / "plus"
    text = (folder / "PhantomRegistrationLandmarkDetection.results.xml").read_text()
    places = re.findall(r'<Landmark Name="(#\d)" Position="([^"]*)"', text)
    lines = [f'"{name}" = [{", ".join(at.split())}]' for name, at in places]
    file = tmp_path / "fcal.toml"
    file.write_text("\n".join(['name = "fCal phantom"', "error_mm = 0.1", "[divots]", *lines]))
    recording = folder / "EightLandmarkPointsTrackedForPhantomRegistration.igs.mha"
    return SimpleNamespace(device=f"recording:{recording}", artefact=file, out=tmp_path / "out", history=tmp_path / "h")


@pytest.mark.data
def test_a_real_recording_of_eight_divots_is_reported(phantom: SimpleNamespace) -> None:
    """With the tip that was established for it: all eight divots in order, and half a millimetre at most."""
    request = AccuracyRequest(
        phantom.device, phantom.artefact, phantom.out, phantom.history, tip_mm=(108.48, 6.96, 3.38)
    )
    report = check_accuracy(request, lambda _: None)
    assert [touch.divot for touch in report.touches] == [f"#{k}" for k in range(1, 9)]
    assert report.elsewhere == 2
    assert abs(report.distances.bias.value) < 0.5
    assert report.everywhere.rms.value < 0.5
    text = (phantom.out / "report.html").read_text()
    assert "Eight" not in text
    assert "From a recording" in text
    assert any("touched once" in lack for lack in report.lacks)
    assert not phantom.history.exists()


@pytest.mark.data
@pytest.mark.slow
def test_a_tip_that_nobody_calibrated_shows_in_the_real_recording(phantom: SimpleNamespace) -> None:
    """Found from how the stylus was held: another millimetre along its shaft, and divots on either side far apart."""
    request = AccuracyRequest(phantom.device, phantom.artefact, history=phantom.history)
    report = check_accuracy(request, lambda _: None)
    assert report.everywhere.rms.value > 1.0
    assert any("from these very touches" in lack for lack in report.lacks)
