"""The loop of a session without its process: what is asked of it, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.app.guide_loop import GuideLoop, SceneNow, Setup, Told
from engine.app.guide_structures import is_marked, surface_nodes
from engine.core.unknown import Unknown
from engine.stream.guiding import Guidance
from engine.stream.messages import GuideRequest, MoveSurface, Op, Scene, SetGuidance, SetRegistration
from engine.stream.scene_log import folded
from guidance.devices.device import Said
from guidance.margins.margin import Margin
from guidance.plan.plan import Watched
from guidance.session.retouched import Retouched
from guidance.session.session import Session
from tests.app.test_guide_tissue import PLAN as TISSUE_PLAN
from tests.app.test_guide_tissue import SANK_MM, Desk
from tests.guidance.session.theatre import CALIBRATED, CORTEX_MM, TOOL, Theatre, hand

PLAN = replace(CALIBRATED, target="lesion", watched=(Watched("lesion"),), trajectories=TISSUE_PLAN.trajectories)


class Silence:
    """A device that says nothing: its session is fed by hand."""

    name = "by hand"
    is_simulated = True

    async def said(self) -> AsyncIterator[Said]:
        await asyncio.Event().wait()
        yield Said(0.0, (), None, "")  # pragma: no cover

    async def close(self) -> None:
        pass


class Room:
    """A loop, the scene as everyone has it, and a session that guides."""

    def __init__(self, folder: Path, theatre: Theatre) -> None:
        self.scene: Scene = Desk(folder).scene
        self.ops: list[Op] = []
        self.refused: list[str] = []
        self.theatre = theatre
        setup = Setup(
            PLAN, self.scene, folder, "simulated:", 0.0, {TOOL: 1}, {TOOL: "tool/pointer"}, {"lesion": np.zeros(3)}
        )
        self.loop = GuideLoop(setup, Silence(), lambda: theatre.now_s, self._say)
        theatre.session.put_structure("lesion", "Lesion", None)
        self.loop.session = theatre.session

    def _say(self, told: Told) -> None:
        self.refused += [words for _, words in told.refused]
        for op, _ in told.ops:
            self.ops.append(op)
            self.scene = folded(self.scene, op)
            self.loop.hear(SceneNow(self.scene))

    def ask(self, **ask: Any) -> None:
        self.loop.hear(GuideRequest.model_validate({"request": "r", "scene": "scene", "ask": ask, "by": "surgeon"}))

    async def rest(self) -> None:
        """Until all that goes on beside the loop is done, and told."""
        while self.loop._tasks:
            await asyncio.gather(*self.loop._tasks)
        await self.loop._surfaces.ready()
        self.theatre.step()
        self.theatre.now_s += 0.2
        self.loop._look(self.theatre.now_s, heard=True)

    @property
    def guidance(self) -> Guidance:
        return next(op.guidance for op in reversed(self.ops) if isinstance(op, SetGuidance) and op.guidance is not None)


@pytest.fixture(scope="module")
def theatre() -> Theatre:
    made = Theatre(hand=hand(6))
    made.session = Session(PLAN, PLAN.frame)  # which watches other structures than the theatre's own
    made.play(0.3)
    made.register()
    made.verify()
    return made


def played(folder: Path, theatre: Theatre, act: Any) -> None:
    async def all_of_it() -> None:
        room = Room(folder, theatre)
        room.loop._surfaces.follow(room.scene)
        await room.rest()
        await act(room)
        room.loop._surfaces.close()

    asyncio.run(all_of_it())


def distance(room: Room) -> Margin | Unknown:
    room.theatre.play(0.2)
    return room.theatre.looks[-1].tools[0].distances["lesion"]


def test_tissue_that_was_touched_again_moves_for_all_and_comes_back_whole(tmp_path: Path, theatre: Theatre) -> None:
    async def act(room: Room) -> None:
        theatre.go(np.array([0.0, 0.0, 30.0]), exactly=True)
        before = distance(room)
        room.ask(kind="deform", state="apply")
        assert "it takes 5" in room.refused[-1]
        theatre.session.retouched = tuple(Retouched(place, place + SANK_MM) for place in CORTEX_MM)
        planned = surface_nodes(room.scene)["lesion"]
        room.ask(kind="deform", state="apply")
        await room.rest()
        assert room.guidance.moved is not None
        assert room.guidance.moved.applied
        assert "a guess" in room.guidance.moved.words
        assert len(room.guidance.moved.points) == len(CORTEX_MM)
        moved = surface_nodes(room.scene)
        assert is_marked(moved["lesion"])
        assert moved["lesion"].moved
        assert not moved["skull"].moved
        after = distance(room)
        assert isinstance(before, Margin)
        assert isinstance(after, Margin)
        assert after.distance_mm == pytest.approx(before.distance_mm + 6.0, abs=1.0)
        assert after.error_mm > before.error_mm + 1.0
        assert room.guidance.accuracy is not None
        (expected,) = room.guidance.accuracy.expected
        assert expected.patient_mm[2] == pytest.approx(-6.0, abs=1.0)
        assert room.guidance.trajectories[0].target_mm[2] == pytest.approx(2.0 - 6.0, abs=1.0)
        room.ask(kind="deform", state="forget")
        await room.rest()
        assert room.guidance.moved is None
        assert surface_nodes(room.scene)["lesion"] == planned
        back = distance(room)
        assert isinstance(back, Margin)
        assert back.distance_mm == pytest.approx(before.distance_mm, abs=0.5)

    played(tmp_path, theatre, act)


def test_another_registration_puts_tissue_back_that_was_moved_under_the_last(tmp_path: Path, theatre: Theatre) -> None:
    async def act(room: Room) -> None:
        theatre.session.retouched = tuple(Retouched(place, place + SANK_MM) for place in CORTEX_MM)
        room.ask(kind="deform", state="apply")
        await room.rest()
        assert surface_nodes(room.scene)["lesion"].moved
        theatre.register()
        room.loop._say_registration("surgeon")
        await room.rest()
        assert not surface_nodes(room.scene)["lesion"].moved
        kinds = [type(op) for op in room.ops]
        assert SetRegistration in kinds
        assert MoveSurface in kinds
        theatre.verify()

    played(tmp_path, theatre, act)


def test_a_trace_is_told_as_it_grows_and_without_a_skin_or_points_it_is_refused(
    tmp_path: Path, theatre: Theatre
) -> None:
    async def act(room: Room) -> None:
        room.ask(kind="trace", state="start")
        theatre.go(np.array([0.0, -40.0, 30.0]))
        theatre.go(np.array([0.0, -20.0, 30.0]))
        await room.rest()
        assert room.guidance.traced is not None
        assert room.guidance.traced >= 10
        room.ask(kind="trace", state="stop")
        await room.rest()
        assert "no skin" in room.refused[-1]
        assert room.guidance.traced is None
        room.ask(kind="trace", state="stop")
        assert "no surface is being traced" in room.refused[-1]

    played(tmp_path, theatre, act)


def test_a_tip_is_not_sought_in_a_block_that_the_plan_does_not_name(tmp_path: Path, theatre: Theatre) -> None:
    async def act(room: Room) -> None:
        room.ask(kind="calibrate", tool="tool/pointer", state="start", how="template")
        assert "no block" in room.refused[-1]

    played(tmp_path, theatre, act)
