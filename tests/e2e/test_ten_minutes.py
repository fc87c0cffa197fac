"""Ten minutes of guidance with two headsets in browsers and thirty faults: what each does, how soon, and no number
while nothing is known. `pytest -m slow tests/e2e/test_ten_minutes.py -s` prints the table."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from engine.app.bench.guided_room import REFERENCE, TOOL
from engine.app.recording import Kind, records_of
from engine.stream.binary import records
from engine.stream.reading import Reading
from guidance.devices.openigtlink.messages import StatusCode
from tests.e2e.chromium import IWER
from tests.e2e.guided_room import HIDE, Line, Room, guided_room
from tests.e2e.headset import INSTALL, Wearer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

#: What a page knows of the server's silence and its own drawing is added to the 150 ms of the law.
WITHIN_S = 0.15
#: Of a page that draws in software beside another and a server on two cores: its own frame, told apart in the table.
DRAWING_S = 0.35
MINUTES = 10.0

RECORD = """
() => {
  const known = () => window.sightline.sights.get()?.tools[0]?.distances.some((one) => one.known !== null) ?? false;
  const hasDigits = () => [...document.querySelectorAll(".hud .figure-view")].some(
    (one) => one.offsetParent !== null && /[0-9]/.test(one.textContent));
  window.rows = [];
  window.sightline.sights.watch((sight) => sight, () => {
    window.rows.push({ at_s: (performance.timeOrigin + performance.now()) / 1000, known: known() });
  });
  window.digits = [];
  window.setInterval(() => {
    if (!known()) requestAnimationFrame(() => { if (!known()) window.digits.push(hasDigits()); });
  }, 100);
}
"""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong for a while, and whether the pages must lose their numbers for it."""

    name: str
    begin: Callable[[Room], None]
    end: Callable[[Room], None]
    seconds: float
    loses: bool = True
    within_s: float = WITHIN_S


def hide(what: str) -> tuple[Callable[[Room], None], Callable[[Room], None]]:
    return lambda room: room.hand.hidden.update(HIDE[what]), lambda room: room.hand.hidden.clear()


def spoil(
    thing: str, how: Callable[[np.ndarray, int], np.ndarray]
) -> tuple[Callable[[Room], None], Callable[[Room], None]]:
    return lambda room: room.line.spoilt.update({thing: how}), lambda room: room.line.spoilt.clear()


def put(**changes: Any) -> tuple[Callable[[Room], None], Callable[[Room], None]]:
    usual = {name: getattr(Line(), name) for name in changes}

    def apply(values: dict[str, Any]) -> Callable[[Room], None]:
        def set_all(room: Room) -> None:
            for name, value in values.items():
                setattr(room.line, name, value)

        return set_all

    return apply(changes), apply(usual)


def on_loop(act: Callable[[Line], None]) -> Callable[[Room], None]:
    async def done(room: Room) -> None:
        act(room.line)

    return lambda room: room.run(done(room))


def cut(room: Room) -> None:
    on_loop(lambda line: line.cut())(room)


def cut_for_long(room: Room) -> None:
    room.line.is_down = True
    cut(room)


def nan(matrix: np.ndarray, _n: int) -> np.ndarray:
    return np.full((4, 4), np.nan)


def large(matrix: np.ndarray, _n: int) -> np.ndarray:
    made = np.array(matrix)
    made[:3, :3] *= 1.3
    return made


def identity(_matrix: np.ndarray, _n: int) -> np.ndarray:
    return np.eye(4)


def jumping(matrix: np.ndarray, n: int) -> np.ndarray:
    made = np.array(matrix)
    made[0, 3] += 70.0 * (n % 2)
    return made


def mirrored(matrix: np.ndarray, _n: int) -> np.ndarray:
    made = np.array(matrix)
    made[:3, 0] *= -1
    return made


def far(matrix: np.ndarray, _n: int) -> np.ndarray:
    made = np.array(matrix)
    made[2, 3] -= 1e6
    return made


def nothing(_room: Room) -> None:
    """It ends by itself."""


FAULTS: tuple[Fault, ...] = (
    *(Fault(f"tool hidden {s} s", *hide("tool"), s) for s in (0.3, 1.0, 3.0, 8.0)),
    *(Fault(f"reference hidden {s} s", *hide("reference"), s) for s in (0.3, 1.0, 3.0, 8.0)),
    *(Fault(f"camera covered {s} s", *hide("both"), s) for s in (0.5, 2.0)),
    *(Fault(f"tracker silent {s} s", *put(silent=True), s) for s in (0.5, 2.0, 6.0)),
    Fault("cable pulled and put back", cut, nothing, 1.0),
    Fault("tracker down for 5 s", cut_for_long, put(is_down=False)[0], 5.0),
    Fault("tool is not a number", *spoil(TOOL, nan), 2.0),
    Fault("reference is not a number", *spoil(REFERENCE, nan), 2.0),
    Fault("tool not rigid", *spoil(TOOL, large), 2.0),
    Fault("reference not rigid", *spoil(REFERENCE, large), 2.0),
    Fault("tool mirrored", *spoil(TOOL, mirrored), 2.0),
    Fault("tool at identity", *spoil(TOOL, identity), 2.0),
    Fault("reference out of reach", *spoil(REFERENCE, far), 2.0),
    Fault("another marker taken for the tool", *spoil(TOOL, jumping), 3.0),
    Fault("everything 0.6 s late", *put(late_s=0.6), 3.0),
    Fault("tracker's clock 5 s back", *put(clock_s=-5.0), 3.0),
    Fault("wrong checksums", *put(wrong_checksum=True), 2.0),
    Fault("hardware failure reported", on_loop(lambda line: line.status(StatusCode.HARDWARE_FAILURE)),
          on_loop(lambda line: line.status(StatusCode.OK)), 2.0),
    Fault("two hundred messages nobody knows", on_loop(lambda line: line.strange()), nothing, 2.0, loses=False),
    Fault("half of all frames lost", *put(dropped=0.5), 4.0, loses=False),
    Fault("loop killed", lambda room: room.kill_loop(), nothing, 6.0),
)  # fmt: skip


def rows(page: Page) -> list[dict[str, Any]]:
    return list(page.evaluate("() => window.rows.splice(0)"))


def first_lost(page: Page, since_s: float) -> float | None:
    """How long after a moment a page had no number any more."""
    return next((row["at_s"] - since_s for row in rows(page) if row["at_s"] > since_s and not row["known"]), None)


def wait_known(page: Page) -> None:
    page.wait_for_function(
        "() => window.sightline.sights.get()?.tools[0]?.distances.some(({ known }) => known !== null)", timeout=60_000
    )


def test_every_fault_of_thirty_is_answered_in_time_and_nothing_unknown_has_a_number(
    browser: Browser, tmp_path: Path
) -> None:
    assert len(FAULTS) == 30
    with guided_room(tmp_path) as room:
        pages = [browser.new_page(viewport={"width": 1000, "height": 640}) for _ in range(2)]
        pages[1].add_init_script(IWER.read_text() + INSTALL)
        for page in pages:
            page.goto(room.address)
        room.register()
        room.rest()
        wearer = Wearer(pages[1])
        wearer.enter("vr")
        for page in pages:
            page.evaluate(RECORD)
        wait_known(pages[0])
        started_s, table = time.time(), []
        for n, fault in enumerate(FAULTS):
            _pause_until(started_s + n * MINUTES * 60 / len(FAULTS))
            wait_known(pages[0])
            for page in pages:
                rows(page)
            began_s = time.time()
            fault.begin(room)
            time.sleep(fault.seconds)
            fault.end(room)
            lost_s = [first_lost(page, began_s) for page in pages]
            table.append((fault, lost_s))
            if fault.name == "loop killed":
                room.register()
                room.rest()
        digits = [page.evaluate("() => window.digits") for page in pages]
        wearer.leave()
        for page in pages:
            page.close()
    for fault, lost_s in table:
        told = ", ".join("stayed" if one is None else f"{1000 * one:.0f} ms" for one in lost_s)
        sys.stdout.write(f"{fault.name:40s} {told}\n")
    for fault, lost_s in table:
        if (
            fault.loses
        ):  # of the others it is enough that numbers come back: a page that draws in software loses some itself
            assert lost_s[0] is not None, fault.name
            assert lost_s[0] <= fault.within_s + DRAWING_S, fault.name
            assert lost_s[1] is not None, fault.name
    for seen in digits:
        assert len(seen) > 20
        assert not any(seen)
    _recording_is_whole(room.recording)


def _pause_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.time()))


def _recording_is_whole(path: Path) -> None:
    """The recording has every op in order, and readings that are never both known and unknown."""
    seqs, known, unknown = [], 0, 0
    for record in records_of(path):
        if record.kind is Kind.POSES:
            for one in records(record.payload):
                if isinstance(one, Reading):
                    known, unknown = known + (one.why is None), unknown + (one.why is not None)
        elif record.kind is Kind.OP:
            seqs.append(int(record.payload.split(b'"seq":')[1].split(b",")[0]))
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert known > 5000
    assert unknown > 500
