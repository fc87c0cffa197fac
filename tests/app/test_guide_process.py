"""The guidance loop beside the hub: a real process, a simulated hand."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.app.guide_process import GuideRunner, Guiding
from engine.core.unknown import Why
from engine.stream.audit_event import AuditEvent
from engine.stream.messages import GuideRequest, OpenRequest, ReplaceScene, Scene
from engine.stream.roles import Role
from guidance.devices.simulated import Scenario
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import Landmark, Plan, PlannedTool, Use, Watched
from tests.guidance.register.places import HEAD_MM
from tests.stream.hubs import NotedHub
from tests.stream.scenes import scene

SERIES = "1.2.3"


def opened(frame_of_reference_uid: str = "1.2.840.1") -> Scene:
    made = scene("bone").model_copy(update={"frame_of_reference_uid": frame_of_reference_uid})
    return made.model_copy(update={"opened": OpenRequest(study="study", series=SERIES)})


PLAN = Plan(
    name="A plan",
    series_uid=SERIES,
    frame_of_reference_uid="1.2.840.1",
    watched=(Watched("bone"),),
    landmarks=(
        *(Landmark(f"l{k}", f"Landmark {k}", place, Use.REGISTER) for k, place in enumerate(HEAD_MM)),
        Landmark("c", "Check", np.array([40.0, -60.0, 60.0]), Use.CHECK),
    ),
    tools=(PlannedTool("Pointer", "Pointer", ToolShape(np.zeros((1, 3)), 1.0)),),
    reference="Reference",
)


class Stage:
    """A hub with guidance beside it."""

    def __init__(self, folder: Path) -> None:
        self.hub = NotedHub(Role.SURGEON)
        self.said: list[str] = []
        guiding = Guiding(PLAN, SERIES, "simulated:", Scenario(), pilot=True)
        self.runner = GuideRunner(guiding, self.hub, folder, time.time, self.said.append)

    @property
    def process(self) -> int | None:
        running = self.runner._running
        return None if running is None else running.process.pid

    async def until(self, is_so: Callable[[], bool], at_most_s: float = 120.0) -> None:
        async with asyncio.timeout(at_most_s):
            while not is_so():
                await asyncio.sleep(0.02)

    def step(self) -> str | None:
        now = self.hub.log.scene
        return None if now is None or now.guidance is None else now.guidance.step


def test_a_plan_of_another_scan_guides_nothing(tmp_path: Path) -> None:
    async def played() -> None:
        stage = Stage(tmp_path)
        stage.runner.start()
        stage.hub.publish(ReplaceScene(scene=opened("1.2.840.2")))
        await asyncio.sleep(0.1)
        assert stage.process is None
        assert "another patient space" in stage.said[0]
        refused: list[str] = []
        ask = GuideRequest.model_validate({"request": "r", "scene": "s", "ask": {"kind": "solve"}})
        stage.hub.guide(ask, refused.append)
        assert refused == ["guidance does not run on this scan"]
        told = {"kind": "shown", "on_s": 50.0, "of_s": 60.0, "unreadable": 1}
        shown = GuideRequest.model_validate({"request": "r", "scene": "s", "ask": told, "by": "surgeon"})
        stage.hub.guide(shown, refused.append)
        assert len(refused) == 1
        assert stage.hub.noted[-1] == (
            AuditEvent.OVERLAY_SHOWN,
            "surgeon",
            {"on s": 50.0, "of s": 60.0, "unreadable": 1},
        )
        stage.runner.close()

    asyncio.run(played())


def test_a_loop_that_is_killed_takes_every_number_with_it_and_begins_anew(tmp_path: Path) -> None:
    async def played() -> None:
        stage = Stage(tmp_path)
        stage.runner.start()
        stage.hub.publish(ReplaceScene(scene=opened()))
        await stage.until(lambda: stage.step() == "calibrate")
        (entity,) = stage.hub.tracked_entities()
        reading = stage.hub.readings.latest(entity)
        assert reading is not None
        assert reading.why is not None
        assert all(row.why is not None for row in reading.rows)
        first = stage.process
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await stage.until(lambda: stage.step() is None)
        assert stage.hub.readings.latest(entity) is None
        assert stage.hub.board.latest(entity) is None
        assert "started again" in stage.said[-1]
        await stage.until(lambda: stage.step() == "calibrate")
        assert stage.process != first
        refused: list[str] = []
        now = stage.hub.log.scene
        assert now is not None
        ask = {"request": "r", "scene": now.id, "ask": {"kind": "collect", "landmark": "l0"}}
        stage.hub.guide(GuideRequest.model_validate(ask), refused.append)
        await stage.until(lambda: bool(refused))
        assert "calibrated tip" in refused[0]
        stage.runner.close()
        assert stage.step() is None
        assert reading.why in (Why.NOT_CALIBRATED, Why.NO_TOOL, Why.NO_REFERENCE, Why.LINK_LOST, Why.STALE)

    asyncio.run(played())
