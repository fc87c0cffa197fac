"""One session in the headset, from its first frame to its last: the only place that knows all the others here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import moderngl
import numpy as np

from engine.core.array import Float64
from engine.core.overlay import Overlay, Shown
from engine.core.unknown import Why
from engine.xr.alarm import is_felt, is_lit
from engine.xr.belief import of_anatomy, of_number, of_tool
from engine.xr.blending import Blending, choose_blending
from engine.xr.drawn import Source, UInt8
from engine.xr.eye import Eye
from engine.xr.frame_timing import FrameTiming, TimingReport
from engine.xr.freshness import scene_strength
from engine.xr.gpu_scene import GpuScene
from engine.xr.graphics import open_graphics
from engine.xr.guided import Aim, Guided, ToolReading, most_urgent
from engine.xr.hand import Hand
from engine.xr.input import Input, open_input
from engine.xr.label import Label, age_of, before_eyes, label_at
from engine.xr.overlay_log import OverlayLog
from engine.xr.panel import PanelView
from engine.xr.panel_picture import BRIGHT, DARK
from engine.xr.passthrough import open_passthrough
from engine.xr.readout import ReadoutView, readout
from engine.xr.readout_picture import Painted, ReadoutPainter
from engine.xr.renderer import Picture, Renderer
from engine.xr.room import Room, Structure
from engine.xr.room_shapes import (
    ball_shapes,
    hand_shapes,
    landmark_shapes,
    ray_shapes,
    ruler_shapes,
    slice_shapes,
    tool_shapes,
    way_shapes,
)
from engine.xr.runtime import Runtime, open_runtime
from engine.xr.session import Frame, Session, open_session
from engine.xr.slice_plane import cross_section
from engine.xr.tool import DrawnTool, ToolTrack

#: A longer gap is a pause, not motion: the headset was off.
LONGEST_STEP_S = 0.1
#: Detail is asked for again when a millimetre is seen this much larger or smaller.
_DETAIL_STEP = 0.3
_NEAREST_M = 0.2
#: Digits that change faster cannot be read; that a number is gone is seen with the next frame.
_DIGITS_EVERY_S = 1 / 15
#: Structures that are named in the room, beside a tool.
MOST_NAMES = 3
#: Anatomy this near a tip thins out.
NEAR_TIP_M = 0.02


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """How a session is run.

    Attributes:
        frames: how many to show; until the person leaves where None.
        keep_eyes: whether the last frame's eyes are read back.
        font_file: type of the panel.
    """

    frames: int | None = None
    keep_eyes: bool = False
    font_file: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What a frame showed, for those who watch: tests and support.

    Attributes:
        number: of the frame, from 1.
        room: its state; to be read, not changed.
        hands: those that were there.
        eyes: as they were drawn.
        tools: as they were drawn, by entity.
        strength: share of its opacity that the anatomy was drawn with.
        labels: words in the room.
        display_s: when it is seen, on the clock of `time.monotonic`.
        overlay: how what stands on the patient is shown; None without guidance.
        readout: what stands beside the anatomy; None without guidance.
        read: its numbers as they were read back from its picture; None for a dash.
        alarms: signs before the eyes, and whether they are lit.
        pulses: how many a hand was given so far.
    """

    number: int
    room: Room
    hands: tuple[Hand, ...]
    eyes: tuple[Eye, ...]
    tools: Mapping[int, DrawnTool]
    display_s: float
    strength: float = 1.0
    labels: tuple[str, ...] = ()
    overlay: Overlay | None = None
    readout: ReadoutView | None = None
    read: tuple[str | None, ...] = ()
    alarms: tuple[tuple[str, bool], ...] = ()
    pulses: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ViewReport:
    """What became of a session.

    Attributes:
        runtime, headset: their names.
        blending: what was asked for.
        timing: of its frames.
        overlay_s: seconds that what stands on the patient was drawn, by how; empty where nobody was guided.
        faults: numbers that did not read as they should, and were taken back.
        eyes: pixels (height, width, 4) sRGB of the last frame, first row at the top; none where not asked for.
        drawn: the last frame.
    """

    runtime: str
    headset: str
    blending: Blending
    timing: TimingReport
    overlay_s: Mapping[str, float]
    faults: int
    eyes: tuple[UInt8, ...]
    drawn: Watched | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        told: dict[str, Any] = {
            "runtime": self.runtime,
            "headset": self.headset,
            "blend_mode": self.blending.mode.name,
            "passthrough": self.blending.has_passthrough,
            "timing": self.timing.as_json(),
        }
        if self.overlay_s:
            told |= {"overlay_s": dict(self.overlay_s), "display_faults": self.faults}
        if self.drawn is not None:
            told["world_from_anatomy"] = self.drawn.room.placement.world_from_anatomy.tolist()
            told["eyes"] = [
                {
                    "world_from_eye": eye.world_from_eye.tolist(),
                    "fov_rad": {name: getattr(eye.field_of_view, name) for name in ("left", "right", "up", "down")},
                }
                for eye in self.drawn.eyes
            ]
        return told


def view(
    source: Source,
    options: ViewOptions,
    is_over: Callable[[], bool],
    watch: Callable[[Watched], None] | None = None,
) -> ViewReport:
    """Show what `source` brings until the person leaves, `is_over` says so, or the frames are spent.

    Raises:
        EnvironmentLacks: what is missing on this machine, and how to get it.
    """
    with ExitStack() as closing:
        runtime = closing.enter_context(open_runtime())
        gl, binding = closing.enter_context(open_graphics(runtime))
        session = closing.enter_context(open_session(runtime, gl, binding))
        blending = choose_blending(runtime.blend_modes, offers_passthrough=runtime.offers_passthrough)
        under = closing.enter_context(open_passthrough(session)) if blending.has_passthrough else ()
        inputs = closing.enter_context(open_input(session))
        viewing = _Viewing(runtime, gl, session, inputs, blending, under, source, options)
        closing.callback(viewing.scene.release)
        return viewing.run(is_over, watch)


class _Viewing:
    """The loop and what it needs from one frame to the next."""

    def __init__(
        self,
        runtime: Runtime,
        gl: moderngl.Context,
        session: Session,
        inputs: Input,
        blending: Blending,
        under: Sequence[Any],
        source: Source,
        options: ViewOptions,
    ) -> None:
        self._runtime, self._session, self._inputs = runtime, session, inputs
        self._blending, self._under, self._source, self._options = blending, under, source, options
        self._renderer = Renderer(gl, blending)
        self.scene = GpuScene(gl, self._renderer.surface_program)
        self._floor_m = 0.0 if session.has_floor else None
        self._room = Room(self._floor_m)
        self._painter = ReadoutPainter(BRIGHT if blending.is_additive else DARK, options.font_file)
        self._log: OverlayLog | None = None
        self._readout: ReadoutView | None = None
        self._painted_readout: Painted | None = None
        self._readout_s = 0.0
        self._faults = self._pulses = 0
        self._signs: dict[tuple[object, ...], UInt8] = {}
        self._felt_s: float | None = None
        self._tracks: dict[int, ToolTrack] = {}
        self._timing = FrameTiming()
        self._eyes: list[UInt8] = []
        self._drawn: Watched | None = None
        self._panel_view: PanelView | None = None
        self._seen = (-1, -1)
        self._painted: frozenset[str] | None = None
        self._detail: tuple[float, frozenset[str] | None] = (1.0, None)
        self._last_s: float | None = None
        self._words: dict[str, UInt8] = {}

    def run(self, is_over: Callable[[], bool], watch: Callable[[Watched], None] | None) -> ViewReport:
        number = 0
        is_ending = False
        for frame in self._session.frames(is_over):
            is_last = is_over()
            if is_ending or not frame.eyes:
                self._session.skip(frame, self._blending)
            else:
                number += 1
                is_last = is_last or number == self._options.frames
                drawn = self._show(frame, number, keep=is_last and self._options.keep_eyes)
                if watch is not None:
                    watch(drawn)
            if is_last and not is_ending:
                is_ending = True
                self._session.request_end()
        return ViewReport(
            runtime=self._runtime.name,
            headset=self._runtime.headset,
            blending=self._blending,
            timing=self._timing.report(),
            overlay_s={} if self._log is None else self._log.report(),
            faults=self._faults,
            eyes=tuple(self._eyes),
            drawn=self._drawn,
        )

    def _show(self, frame: Frame, number: int, *, keep: bool) -> Watched:
        self.scene.take(self._source)
        self._keep_room_up()
        guided, readings = self._source.guided()
        self._room.guide(guided, shows_room=self._blending.shows_room)
        hands = self._inputs.hands(frame)
        if not self._session.is_focused:
            self._room.let_go()
        passed_s = 0.0 if self._last_s is None else frame.display_s - self._last_s
        dt_s = min(LONGEST_STEP_S, passed_s)
        self._last_s = frame.display_s
        for side in self._room.step(frame.world_from_head, hands, frame.display_s, dt_s):
            self._inputs.tick(side)
        for correction in self._room.brush.told():
            self._source.correct(correction)
        for asked in self._room.asked():
            self._source.ask(asked)
        tools, seen_s = self._tools(frame.display_s)
        belief = self._believed(guided, readings, tools, seen_s)
        picture = self._picture(hands, belief, frame.world_from_head)
        self._paint_panel()
        if guided is not None and belief.overlay is not None:
            self._log = self._log or OverlayLog()
            self._log.add(passed_s, belief.overlay.shown, is_on=self._room.overlay_is_on)
            self._paint_readout(guided, belief)
            self._let_feel(guided, seen_s)
        for index, eye in enumerate(frame.eyes):
            self._session.draw(index, partial(self._paint, eye, picture, keep))
        self._session.submit(frame, self._blending, self._under)
        self._timing.add(
            frame.display_ns, frame.period_ns, frame.display_s - frame.woken_s, time.monotonic() - frame.woken_s
        )
        is_guided = guided is not None and self._painted_readout is not None
        self._drawn = Watched(
            number,
            self._room,
            hands,
            frame.eyes,
            belief.tools,
            frame.display_s,
            picture.strength,
            tuple(label.text for label, _ in picture.labels),
            belief.overlay,
            self._readout if is_guided else None,
            self._painted_readout.read if is_guided and self._painted_readout is not None else (),
            () if guided is None else tuple((alarm.text, is_lit(alarm, seen_s)) for alarm in guided.alarms[:1]),
            self._pulses,
        )
        self._ask_for_detail(frame)
        return self._drawn

    def _paint(self, eye: Eye, picture: Picture, keep: bool, into: moderngl.Framebuffer) -> None:
        self._renderer.paint(into, eye, self.scene, picture)
        if keep:
            self._eyes.append(_pixels(into, is_srgb=self._session.is_srgb))

    def _keep_room_up(self) -> None:
        """Tell the room what has come."""
        self._room.may_correct = self._source.may_correct()
        if self._session.was_recentred:
            self._session.was_recentred = False
            self._room.place_anew()
        seen = (self.scene.scene, self.scene.version)
        if seen == self._seen:
            return
        if seen[0] != self._seen[0]:
            self._room.new_scene(self.scene.title)
        self._seen = seen
        structures = [
            Structure(each.surface.id, each.surface.name, each.surface.colour, each.surface.is_shown)
            for each in sorted(self.scene.surfaces.values(), key=lambda each: each.surface.order)
        ]
        self._room.set_structures(structures, self.scene.bounds())
        volume = self.scene.volume
        self._room.ruler.voxel_error_m = volume.volume.voxel_error_m if volume else 0.0
        self._room.set_windows(volume.volume.windows if volume else ())
        self._painted = None

    def _tools(self, display_s: float) -> tuple[dict[int, DrawnTool], float]:
        """Every tool where it will be when this frame is seen, and when that is on the source's clock."""
        samples, source_from_monotonic_s = self._source.tools()
        self._tracks = {each.entity: self._tracks.get(each.entity, ToolTrack()) for each in samples}
        for sample in samples:
            self._tracks[sample.entity].add(sample)
        seen_s = display_s + source_from_monotonic_s
        drawn = {entity: track.at(seen_s) for entity, track in self._tracks.items()}
        return {entity: tool for entity, tool in drawn.items() if tool is not None}, seen_s

    def _believed(
        self,
        guided: Guided | None,
        readings: Sequence[ToolReading],
        tools: Mapping[int, DrawnTool],
        seen_s: float,
    ) -> _Belief:
        """How much of everything may be believed when this frame is seen."""
        shows_room, silence_s = self._blending.shows_room, self._source.silence_s()
        if guided is None:
            return _Belief(None, scene_strength(silence_s, over_patient=shows_room), tools)
        overlay = of_anatomy(guided, readings, seen_s, silence_s, shows_room=shows_room)
        told = {reading.entity: reading for reading in readings}
        looks = {
            entity: of_tool(tool, told.get(entity), shows_room=shows_room)
            for entity, tool in tools.items()
            if entity in guided.tools
        }
        is_on = self._room.overlay_is_on
        believed = {
            entity: tool
            if entity not in looks
            else replace(tool, opacity=looks[entity].look.opacity, pattern=looks[entity].look.pattern)
            for entity, tool in tools.items()
            if is_on and (entity not in looks or looks[entity].shown is not Shown.HIDDEN)
        }
        aims = [
            (told[entity], aim, look)
            for entity, look in looks.items()
            if entity in told and (aim := self._source.aim(tools[entity].sample)) is not None
        ]
        strength = overlay.look.opacity if is_on else 0.0
        return _Belief(overlay, strength, believed, looks, tuple(readings), tuple(aims), seen_s, guided)

    def _picture(self, hands: Sequence[Hand], belief: _Belief, world_from_head: Float64) -> Picture:
        room, volume, tools, strength = self._room, self.scene.volume, belief.tools, belief.strength
        world_from_anatomy = room.placement.world_from_anatomy
        section, window = np.empty((0, 3)), None
        if room.slice.is_on and volume is not None and strength > 0:
            box = world_from_anatomy @ volume.volume.anatomy_from_box
            section = cross_section(room.slice.position_m, room.slice.normal, box)
            window = volume.volume.windows[room.window]
        if room.shown != self._painted:
            self._painted = room.shown
            self._renderer.set_labels(self.scene, room.shown)
        shapes = [*ray_shapes(hands, room.rays()), *slice_shapes(room, section)]
        if not self._blending.shows_room:  # else the person sees her own
            shapes += hand_shapes(hands)
        if strength > 0:
            shapes += [*ball_shapes(room, hands), *ruler_shapes(room)]
        shapes += [shape for tool in tools.values() for shape in tool_shapes(tool, room)]
        guided = belief.guided
        if guided is not None and belief.overlay is not None and strength > 0:
            pattern = belief.overlay.look.pattern
            shapes += [*way_shapes(guided.way, room, pattern), *landmark_shapes(room)]
        tips = [tools[entity] for entity in belief.looks if entity in tools]
        return Picture(
            world_from_anatomy=world_from_anatomy,
            shown=room.shown,
            cut=room.cut() if volume is not None else None,
            section_m=section,
            window=window,
            shapes=shapes,
            world_from_panel=room.world_from_panel,
            floor_m=self._floor_m,
            strength=strength,
            labels=self._labels(belief, world_from_head[:3, 3]),
            pattern="plain" if belief.overlay is None or strength == 0 else belief.overlay.look.pattern,
            tips_m=[(room.placement.apply(tip.sample.position_m), NEAR_TIP_M * room.placement.scale) for tip in tips],
            world_from_readout=room.world_from_readout,
            alarms=self._alarms(belief, world_from_head),
        )

    def _labels(self, belief: _Belief, eyes_m: Float64) -> list[tuple[Label, UInt8]]:
        """What may not be believed of a tool, over its tip; names of what is nearest; lengths, over their middle."""
        place = self._room.placement.apply
        common = None if belief.overlay is None else belief.overlay.why
        labels = [
            label_at(said, place(tool.sample.position_m), eyes_m)
            for entity, tool in belief.tools.items()
            if (said := _words_of(tool, belief.looks.get(entity), common)) is not None
        ]
        if belief.guided is not None and belief.strength > 0:
            labels += [label_at(said, at_m, eyes_m) for said, at_m in self._names(belief, belief.guided)]
        labels += [
            label_at(each.text, place((each.start.at_m + each.end.at_m) / 2), eyes_m)
            for each in self._room.ruler.shown
            if each.length_m > 0 and belief.strength > 0
        ]
        known, self._words = self._words, {}
        for each in labels:
            at_hand = known.get(each.text)
            self._words[each.text] = self._painter.label(each.text) if at_hand is None else at_hand
        return [(each, self._words[each.text]) for each in labels]

    def _names(self, belief: _Belief, guided: Guided) -> list[tuple[str, Float64]]:
        """Of the few structures that matter most now, and what is wrong with all of them, with their places."""
        room = self._room
        known = [
            distance
            for reading in belief.readings
            for distance in reading.distances
            if of_number(guided, reading, distance, belief.seen_s).look.has_number and distance.structure in room.shown
        ]
        names = [(each.name, room.placement.apply(each.surface_m)) for each in most_urgent(known, MOST_NAMES)]
        bounds = room.world_bounds
        over_m = np.array([bounds.centre[0], bounds.high[1], bounds.centre[2]])
        if room.is_on_patient and guided.place is not None:
            checked = "checked" if guided.place.is_verified else "not verified"
            names.append((f"On the patient, placed by touch, {checked}", over_m))
        elif (
            belief.overlay is not None and belief.overlay.why is not None and belief.overlay.shown is not Shown.VERIFIED
        ):
            names.append((f"{belief.overlay.look.word}: {belief.overlay.why}", over_m))
        wanted = room.touching.wanted
        if wanted is not None:
            names.append((wanted.name, room.placement.apply(wanted.at_m)))
        return names

    def _alarms(self, belief: _Belief, world_from_head: Float64) -> list[tuple[Label, UInt8]]:
        """The most urgent sign before the eyes, whatever they look at: the one thing that hangs on the head."""
        alarms = () if belief.guided is None else belief.guided.alarms
        if not alarms:
            self._signs.clear()
            return []
        first, lit, more = alarms[0], is_lit(alarms[0], belief.seen_s), len(alarms) - 1
        key = (first.text, first.shape, first.colour, lit, more)
        if key not in self._signs:
            self._signs[key] = self._painter.sign(first, is_lit=lit, more=more)
        return [(before_eyes(f"{key}", world_from_head), self._signs[key])]

    def _let_feel(self, guided: Guided, seen_s: float) -> None:
        """The bursts of the most urgent alarm, in both hands."""
        if self._felt_s is not None and is_felt(guided.alarms, self._felt_s, seen_s):
            self._inputs.pulse()
            self._pulses += 1
        self._felt_s = seen_s

    def _paint_readout(self, guided: Guided, belief: _Belief) -> None:
        """Anew when it would look different; what only counts waits for a moment."""
        room = self._room
        assert belief.overlay is not None
        now = readout(
            guided,
            belief.readings,
            belief.overlay,
            belief.seen_s,
            belief.aims,
            room.readout_controls,
            room.hovered,
            room.touching.prompt if room.touching.is_on else "",
        )
        before = self._readout
        waits = before is not None and before.states == now.states and belief.seen_s - self._readout_s < _DIGITS_EVERY_S
        if now == before or waits:
            return
        self._readout, self._readout_s = now, belief.seen_s
        painted = self._painted_readout = self._painter.paint_readout(now)
        self._faults += painted.faults
        self._renderer.set_readout(painted.pixels)

    def _paint_panel(self) -> None:
        """Anew when it would look different."""
        now = self._room.panel_view(self._source.status())
        if now != self._panel_view and self._room.world_from_panel is not None:
            self._panel_view = now
            self._renderer.set_panel(self._painter.paint(now))

    def _ask_for_detail(self, frame: Frame) -> None:
        box, eye = self._room.world_bounds, frame.eyes[0]
        away = np.maximum(np.maximum(box.low - eye.position_m, eye.position_m - box.high), 0)
        away_m = max(_NEAREST_M, float(np.linalg.norm(away)))
        pixels = eye.pixels_per_rad(self._session.images[0].size_px[1])
        pixels_per_mm = pixels / away_m / 1e3 * self._room.placement.scale
        asked, shown = self._detail
        if shown != self._room.shown or abs(np.log2(pixels_per_mm / asked)) > _DETAIL_STEP:
            self._detail = pixels_per_mm, self._room.shown
            self._source.want_detail(pixels_per_mm, self._room.shown)


@dataclass(frozen=True, slots=True, eq=False)
class _Belief:
    """What of a frame may be believed.

    Attributes:
        overlay: of what stands on the patient; None without guidance.
        strength: share of its opacity that it is drawn with.
        tools: those that are drawn.
        looks: of the tools that distances are measured from, by entity.
        seen_s: when the frame is seen, on the source's clock.
    """

    overlay: Overlay | None
    strength: float
    tools: Mapping[int, DrawnTool]
    looks: Mapping[int, Overlay] = field(default_factory=dict)
    readings: tuple[ToolReading, ...] = ()
    aims: tuple[tuple[ToolReading, Aim, Overlay], ...] = ()
    seen_s: float = 0.0
    guided: Guided | None = None


def _words_of(tool: DrawnTool, look: Overlay | None, anatomy: Why | None) -> str | None:
    """What is wrong with a tool's place, nothing where nothing is; what is wrong with all is said there."""
    if look is None:
        return age_of(tool)
    if look.shown is Shown.VERIFIED:
        return None
    is_own = look.why is not None and look.why is not anatomy
    return f"{tool.sample.name}: {look.look.word}" + (f", {look.why}" if is_own else "")


def _pixels(framebuffer: moderngl.Framebuffer, *, is_srgb: bool) -> UInt8:
    """What a framebuffer holds, as sRGB with the first row at the top."""
    width, height = framebuffer.size
    read = np.frombuffer(framebuffer.read(components=4, alignment=1), np.uint8).reshape(height, width, 4)[::-1]
    if is_srgb:
        return read.copy()
    light = read[..., :3] / 255
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.concatenate([np.rint(255 * encoded).astype(np.uint8), read[..., 3:]], axis=-1)
