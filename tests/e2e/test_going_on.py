"""A server killed in the middle of a session, one that goes on from the recording, and the recording shown again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from engine.core.grid import Grid
from engine.ingest.nifti import write_nifti
from engine.ingest.phantom.bodies import label_map, sphere
from engine.stream.follower import Follower
from engine.stream.messages import Scene
from tests.e2e.chromium import chromium
from tests.e2e.command import SIGHTLINE

TURNED = [0.0, -1.0, 0.0, 10.0, 1.0, 0.0, 0.0, 20.0, 0.0, 0.0, 1.0, 30.0, 0.0, 0.0, 0.0, 1.0]


@contextmanager
def running(*arguments: str, at: int = 0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command that serves, and its port, a free one for 0; killed at the end if it has not ended."""
    with subprocess.Popen(
        [str(SIGHTLINE), *arguments, "--port", str(at)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl+C" in line:
                break
        found = re.search(r"http://127.0.0.1:(\d+)/", said)
        assert found, said
        yield process, int(found[1])
        process.kill()


class Looking:
    """Somebody who looks over a real socket."""

    def __init__(self, socket: ClientConnection, token: str | None = None) -> None:
        self.socket = socket
        self.knows = Follower()
        self.ops: list[str] = []
        socket.send(self.knows.hello(token, time.monotonic()))

    def until(self, condition: Any, within_s: float = 60.0) -> None:
        end_s = time.monotonic() + within_s
        while not condition(self.knows):
            assert time.monotonic() < end_s
            frame = self.socket.recv(timeout=within_s)
            if isinstance(frame, str):
                self.knows.receive_text(frame, time.monotonic())
                if json.loads(frame)["type"] == "op":
                    self.ops.append(frame)

    @property
    def scene(self) -> Scene:
        assert self.knows.scene is not None
        return self.knows.scene

    def ask(self, **request: Any) -> None:
        self.socket.send(json.dumps({"request": "r", "scene": self.scene.id} | request))


@contextmanager
def looking(port: int) -> Iterator[Looking]:
    with connect(f"ws://127.0.0.1:{port}/ws", proxy=None, max_size=None) as socket:
        yield Looking(socket)


def test_a_session_outlives_its_server_and_can_be_watched_again(tmp_path: Path) -> None:
    grid = Grid.centred((48, 48, 40), (1.0, 1.0, 1.2))
    labels = np.asarray(label_map([sphere(15.0)], grid).labels)
    write_nifti(tmp_path / "ball.nii.gz", grid, np.where(labels > 0, 40, -1000).astype(np.int16))
    session = str(tmp_path / "session")

    serving = running("serve", str(tmp_path / "ball.nii.gz"), "--session", session)
    with serving as (process, port), looking(port) as surgeon:
        surgeon.until(lambda knows: knows.scene is not None)
        first = surgeon.scene
        assert surgeon.knows.welcome is not None
        assert surgeon.knows.welcome.recording == "on"
        structure = next(node.structure.key for node in first.nodes if node.kind == "surface")
        surgeon.ask(type="stroke", tool="eraser", key=structure, points_mm=[[0, 0, 0]], radius_mm=8)
        surgeon.until(lambda knows: any(node.kind == "surface" and node.patches for node in knows.scene.nodes))
        surgeon.ask(type="register", patient_from_world=TURNED, method="points")
        surgeon.until(lambda knows: knows.scene.registration is not None)
        surgeon.ask(type="verify", epoch=1, error_mm=1.0)
        surgeon.until(lambda knows: knows.scene.registration.verified)
        known, edited, live = surgeon.knows, surgeon.scene, surgeon.ops
        time.sleep(1.0)  # what was said is on the disk: the recorder is behind by milliseconds
        process.send_signal(signal.SIGKILL)

    with running("serve", "--session", session) as (_process, port), looking(port) as again:
        again.until(lambda knows: knows.scene is not None)
        scene = again.scene
        assert again.knows.epoch != known.epoch
        assert scene.registration is not None
        assert not scene.registration.verified
        assert scene.registration.epoch == 2
        assert {node.registration_epoch for node in scene.nodes} == {2}
        surfaces = [node for node in scene.nodes if node.kind == "surface"]
        assert [node.patches for node in surfaces] == [node.patches for node in edited.nodes if node.kind == "surface"]
        blobs = {patch.blob for node in surfaces for patch in node.patches if patch.bytes}
        blobs |= {lod.blob for node in surfaces for lod in node.lods}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert {client.get(f"/blob/{blob}").status_code for blob in blobs} == {200}

    with running("replay", session, "--speed", "1000") as (_process, port), looking(port) as watching:
        watching.until(lambda knows: knows.scene is not None and knows.scene.registration_epoch == 2)
        assert watching.ops[: len(live)] == live


@pytest.mark.browser
def test_a_page_goes_on_with_the_server_that_takes_the_place_of_one_that_was_killed(tmp_path: Path) -> None:
    grid = Grid.centred((48, 48, 40), (1.0, 1.0, 1.2))
    labels = np.asarray(label_map([sphere(15.0)], grid).labels)
    write_nifti(tmp_path / "ball.nii.gz", grid, np.where(labels > 0, 40, -1000).astype(np.int16))
    session = str(tmp_path / "session")
    ready = """() => { const s = window.sightline?.store.get();
        return s?.scene && s.connection === 'live' && s.drawn.total > 0 && s.drawn.ready === s.drawn.total
            && s.volume.state === 'ready'; }"""

    with chromium() as browser:
        page = browser.new_page()
        serving = running("serve", str(tmp_path / "ball.nii.gz"), "--session", session)
        with serving as (process, port):
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_function(ready)
            with looking(port) as surgeon:
                surgeon.until(lambda knows: knows.scene is not None)
                surgeon.ask(type="register", patient_from_world=TURNED, method="points")
                surgeon.until(lambda knows: knows.scene.registration is not None)
                surgeon.ask(type="verify", epoch=1, error_mm=1.0)
            page.get_by_text("Registered (points)").wait_for()
            time.sleep(1.0)  # what was said is on the disk: the recorder is behind by milliseconds
            brought: list[str] = []
            page.on("request", lambda request: brought.append(request.url) if "/blob/" in request.url else None)
            process.send_signal(signal.SIGKILL)
            page.wait_for_function("() => window.sightline.store.get().connection === 'lost'")
        with running("serve", "--session", session, at=port):
            page.get_by_text("Registration not verified").wait_for()
            page.wait_for_function(ready)
        assert brought == []
