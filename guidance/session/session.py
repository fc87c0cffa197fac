"""One guidance session: samples and wishes in, distances and alerts out. No device, no clock, no socket.

The way is fixed: connect, calibrate, register, verify, guide. Whatever is lost leads back to where it is found again,
and nothing is said that rests on what is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from engine.core.array import Float64
from engine.core.errors import InvalidValue
from engine.core.frame import WORLD, Frame, FrameKind
from engine.core.transform import Transform
from engine.core.unknown import Unknown, Why
from guidance.alerts.alert import Ask
from guidance.alerts.level import Bands, Level
from guidance.margins.margin import Distance
from guidance.margins.proximity import Proximity
from guidance.margins.surface_tree import SurfaceTree
from guidance.plan.plan import Landmark, Plan, Use
from guidance.register.deformation import Deformation, deformation
from guidance.register.fiducial_error import FiducialError
from guidance.register.paired import Pair, register
from guidance.register.registration import Doubt, Registration, RegistrationRefused
from guidance.register.steady import refuse_motion
from guidance.register.touch import Touch
from guidance.register.verification import CHECK_AGAIN_S, CheckPoint, Trend, Verification, trend, verify, why_not
from guidance.session.alarms import Alarms, by_urgency
from guidance.session.instrument import Instrument
from guidance.session.look import Look, NamedAlert, ToolLook
from guidance.session.retouched import MOST_POINTS, Retouched, with_point
from guidance.session.touching import Touching
from guidance.session.tracing import Tracing
from guidance.track.placing import Placed, placed, tip_in_reference
from guidance.track.sample import Sample
from guidance.track.track import Track

#: How well a pointer finds a landmark, root mean square, where the plan says nothing: divots and screws are better,
#: skin is worse (the references give 0.3 to 1.5 mm).
USUAL_TOUCH = FiducialError.isotropic(1.0)
#: Whoever guides is asked to check again this long before the last check is too old.
ASK_BEFORE_S = 300.0
#: Without a tracked reference the tracker's own world stands for it: samples of it are made as often as of tools.
FIXED = "the tracker itself"
_NO_TRANSFORM = np.eye(4)


class Step(StrEnum):
    """Where a session stands."""

    CONNECT = "connect"
    CALIBRATE = "calibrate"
    REGISTER = "register"
    VERIFY = "verify"
    GUIDE = "guide"


class LandmarkState(StrEnum):
    """Where a landmark stands."""

    WAITING = "waiting"
    TOUCHING = "touching"
    TOUCHED = "touched"


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """A landmark that was touched, and the reference meanwhile."""

    touch: Touch
    reference: tuple[Sample, ...]


class Session:
    """Not a value: it learns. Nothing here fails on what a device sends.

    `revision` grows whenever something changes that is not a matter of every sample.
    """

    def __init__(self, plan: Plan, patient: Frame, touch_error: FiducialError = USUAL_TOUCH) -> None:
        self.plan = plan
        self.patient = patient
        self.touch_error = touch_error
        self.tracked = Frame(FrameKind.REFERENCE, plan.reference or FIXED)
        self.instruments = {tool.thing: Instrument(tool, Track(tool.thing), tool.tip) for tool in plan.tools}
        self.reference = Track(plan.reference or FIXED)
        self.block = None if plan.block is None else Track(plan.block.thing)
        self.device_why: Unknown | None = Unknown(Why.LINK_LOST, 0.0)
        self.device_words = ""
        self.registration: Registration | None = None
        self.verifications: list[Verification] = []
        self.words = ""
        self.revision = 0
        self.bands: dict[str, Bands] = {watched.key: watched.bands for watched in plan.watched}
        self._trees: dict[str, SurfaceTree | None] = dict.fromkeys(self.bands)
        self._proximity: dict[str, Proximity] = {}
        self._rests: dict[str, _Rest] = {}
        self._again: _Rest | None = None
        self._used: frozenset[str] = frozenset()
        #: What the registration in force was found from.
        self.pairs: tuple[Pair, ...] = ()
        self._checks: dict[str, CheckPoint] = {}
        self._touching: Touching | None = None
        self._tracing: Tracing | None = None
        #: Points of the scan that were touched again under the registration in force.
        self.retouched: tuple[Retouched, ...] = ()
        self._alarms = Alarms()
        self._is_armed = False
        self._names: dict[str, str] = {}
        #: Whether the device has said anything at all.
        self.has_heard = False

    # --- what there is ---------------------------------------------------------------------------

    def put_structure(self, key: str, name: str, tree: SurfaceTree | None) -> None:
        """The surface of a watched structure, or that it is not ready.

        Raises:
            InvalidValue: nobody watches it.
        """
        if key not in self._trees:
            raise InvalidValue(f"{key} is not watched in this plan")
        self._trees[key], self._names[key] = tree, name
        ready = {each: found for each, found in self._trees.items() if found is not None}
        self._proximity = {thing: Proximity(ready) for thing in self.instruments}
        self._changed()

    @property
    def structures(self) -> Mapping[str, SurfaceTree | None]:
        """Watched structures, in the order of the plan; None where one is not ready."""
        return self._trees

    def name_of(self, key: str) -> str:
        """What the clinic calls a watched structure."""
        return self._names.get(key, key.replace("_", " "))

    @property
    def step(self) -> Step:
        """Where the session stands."""
        if not self.has_heard:
            return Step.CONNECT
        if any(one.tip is None for one in self.instruments.values()):
            return Step.CALIBRATE
        if self.registration is None:
            return Step.REGISTER
        return Step.GUIDE if self._is_armed and self.verifications[-1].holds else Step.VERIFY

    def landmark_state(self, landmark: str) -> LandmarkState:
        """Where a landmark stands."""
        if self._touching is not None and self._touching.landmark == landmark:
            return LandmarkState.TOUCHING
        is_touched = landmark in self._rests or landmark in self._checks or (landmark in self._used and not self._rests)
        return LandmarkState.TOUCHED if is_touched else LandmarkState.WAITING

    @property
    def is_shown_still(self) -> bool:
        """Whether the first landmark was touched again after the others: the patient lay still."""
        return self._again is not None

    @property
    def traced(self) -> int | None:
        """How many points of a surface were traced so far; None while none is traced."""
        return None if self._tracing is None else len(self._tracing)

    def trend(self) -> Trend | None:
        """How the measured error goes, by the point that was touched for each verification."""
        return trend([Verification(one.checked[-1:], one.limit_mm) for one in self.verifications])

    # --- what the device says --------------------------------------------------------------------

    def hear(self, samples: Iterable[Sample], why: Why | None, words: str, now_s: float) -> bool:
        """Take what a device said at one moment; whether a tool that is planned was among it."""
        self.has_heard = self.has_heard or why is None
        self._hear_state(why, words, now_s)
        heard: set[str] = set()
        for sample in samples:
            if sample.thing == self.reference.thing:
                self.reference = self.reference.hear(sample)
                if self._touching is not None:
                    self._touching.reference.append(sample)
            elif self.block is not None and sample.thing == self.block.thing:
                self.block = self.block.hear(sample)
            elif (instrument := self.instruments.get(sample.thing)) is not None:
                instrument.track = instrument.track.hear(sample)
                heard.add(sample.thing)
                if self.plan.reference is None:
                    self._hear_fixed(sample.time_s)
        for thing in heard:
            self.instruments[thing].learn(self.block)
        self._touch(now_s, heard)
        self._trace(now_s, heard)
        return bool(heard)

    def _hear_state(self, why: Why | None, words: str, now_s: float) -> None:
        before = None if self.device_why is None else self.device_why.why
        if why != before or words != self.device_words:
            self.device_why = None if why is None else Unknown(why, now_s)
            self.device_words = words
            self._changed()

    def _hear_fixed(self, time_s: float) -> None:
        fixed = Transform(WORLD, Frame(FrameKind.TOOL, FIXED), _NO_TRANSFORM)
        self.reference = self.reference.hear(Sample(FIXED, fixed, time_s))

    def _touch(self, now_s: float, heard: set[str]) -> None:
        """Go on with the landmark that is being touched."""
        touching = self._touching
        if touching is None:
            return
        tip = self._tip(touching.thing, now_s) if touching.thing in heard else None
        if tip is not None:
            touching.add(*tip)
        try:
            found = touching.taken(now_s)
        except RegistrationRefused as error:
            self._touching, self.words = None, str(error)
            self._changed()
            return
        if found is None:
            return
        self._touching = None
        if touching.scan_mm is None:
            self._take(touching.landmark, _Rest(found, tuple(touching.reference)))
        else:
            self._take_again(touching.scan_mm, found)

    def _trace(self, now_s: float, heard: set[str]) -> None:
        """Go on with the surface that is being traced."""
        tracing = self._tracing
        if tracing is None or tracing.thing not in heard:
            return
        tip = self._tip(tracing.thing, now_s)
        if tip is not None and tracing.add(tip[1]):
            self._changed()

    def _tip(self, thing: str, now_s: float) -> tuple[float, Float64] | None:
        """When and where (3,) a tip was seen last against the reference; None where that is not known."""
        instrument = self.instruments[thing]
        if instrument.tip is None:
            return None
        tip = tip_in_reference(instrument.track, self.reference, instrument.tip, now_s)
        return None if isinstance(tip, Unknown) else tip

    def _take_again(self, scan_mm: Float64, touch: Touch) -> None:
        registration = self.registration
        assert registration is not None  # asked before it was touched
        point = Retouched(scan_mm, registration.patient_from_tracked.apply(touch.at_mm))
        self.retouched = with_point(self.retouched, point)
        self.words = f"Touched again: {point.moved_mm:.1f} mm from where the scan has it"
        self._changed()

    def _take(self, landmark: str, rest: _Rest) -> None:
        known = self._landmark(landmark)
        if known.use is Use.CHECK:
            self._check(known, rest)
        elif landmark == self._first and all(one.id in self._rests for one in self._of(Use.REGISTER)):
            self._again = rest
            self.words = f"{known.name} touched again"
        else:
            self._rests[landmark], self._again = rest, None
            self.words = f"{known.name} touched"
        self._changed()

    # --- what people ask -------------------------------------------------------------------------

    def collect(self, landmark: str, now_s: float) -> None:
        """The tip rests on this landmark: take its place.

        Raises:
            InvalidValue: no such landmark, no calibrated tool, or a check before there is anything to check.
        """
        known = self._landmark(landmark)
        if known.use is Use.CHECK and self.registration is None:
            raise InvalidValue("there is no registration to check yet: touch the landmarks first")
        self._touching, self._tracing = Touching(landmark, self._pointer(), now_s), None
        self.words = f"Hold the tip on {known.name}"
        self._changed()

    def leave(self, landmark: str) -> None:
        """Forget where a landmark was touched.

        Raises:
            InvalidValue: no such landmark.
        """
        self._landmark(landmark)
        self._rests.pop(landmark, None)
        self._checks.pop(landmark, None)
        self._again = None
        if self._touching is not None and self._touching.landmark == landmark:
            self._touching = None
        self._changed()

    def solve(self) -> Registration:
        """Register from what was touched. What was known before is replaced, and must be checked anew.

        Raises:
            RegistrationRefused: with the doubt and what to do; an earlier registration stays.
        """
        chosen = [one for one in self._of(Use.REGISTER) if one.id in self._rests]
        rests = [self._rests[one.id] for one in chosen]
        pairs = [Pair(one.name, one.patient_mm, rest.touch.at_mm) for one, rest in zip(chosen, rests, strict=True)]
        if rests and self._again is None:
            raise RegistrationRefused(
                Doubt.MOVED, f"touch {chosen[0].name} once more: it shows that the patient has not moved meanwhile"
            )
        found = register(pairs, self.patient, self.tracked, self.touch_error)
        if self._again is not None and self.plan.reference is not None:
            reference = [sample for rest in (*rests, self._again) for sample in rest.reference]
            refuse_motion([rest.touch for rest in rests], self._again.touch, reference, self.touch_error)
        self.take_registration(found)
        self.pairs = tuple(pairs)
        self._used, self._again = frozenset(self._rests), None  # who registers anew touches anew
        self._rests.clear()
        self.words = f"Registered at {len(pairs)} landmarks: now check it at points that were not used"
        self._changed()
        return found

    def trace(self) -> None:
        """The tip is drawn over the skin from now on.

        Raises:
            InvalidValue: no calibrated tool.
        """
        self._tracing, self._touching = Tracing(self._pointer()), None
        self.words = "Draw the tip over the skin: brow, nose, cheeks; lightly, and to all sides"
        self._changed()

    def end_trace(self) -> Float64:
        """What was traced, (n, 3) in the tracked frame; tracing ends.

        Raises:
            RegistrationRefused: nothing was being traced.
        """
        tracing, self._tracing = self._tracing, None
        self._changed()
        if tracing is None:
            raise RegistrationRefused(
                Doubt.TOO_FEW, "no surface is being traced: begin, and draw the tip over the skin"
            )
        return tracing.points_mm

    def rough(self) -> Transform | None:
        """The patient in the tracked frame, as far as it is known before a surface is fitted; None where it is not."""
        chosen = [one for one in self._of(Use.REGISTER) if one.id in self._rests]
        pairs = [Pair(one.name, one.patient_mm, self._rests[one.id].touch.at_mm) for one in chosen]
        try:
            return register(pairs, self.patient, self.tracked, self.touch_error).patient_from_tracked
        except RegistrationRefused:
            return None if self.registration is None else self.registration.patient_from_tracked

    def take_registration(self, registration: Registration) -> None:
        """A registration that was found by other means; it must be checked like any."""
        self.registration, self.pairs = registration, ()
        self.retouched = ()
        if self._touching is not None and self._touching.scan_mm is not None:
            self._touching = None  # begun under another registration
        self.verifications, self._is_armed = [], False
        self._checks.clear()
        self._changed()

    def retouch(self, scan_mm: Float64, now_s: float) -> None:
        """The tip rests on what the scan has at this (3,) patient point: take where it is now.

        Raises:
            InvalidValue: the registration was not checked, so that it and not the tissue may be off; too many points.
        """
        if len(with_point(self.retouched, Retouched(scan_mm, scan_mm))) > MOST_POINTS:
            raise InvalidValue(f"{MOST_POINTS} points were touched again: that is enough")
        if self.step is not Step.GUIDE:
            raise InvalidValue("check the registration first: until then nobody knows whether it or the tissue is off")
        self._touching, self._tracing = Touching("", self._pointer(), now_s, scan_mm=scan_mm), None
        self.words = "Hold the tip on that point"
        self._changed()

    def forget_retouched(self) -> None:
        """Soft tissue is taken to be where the scan has it."""
        self.retouched = ()
        self._changed()

    def deformation(self) -> Deformation:
        """Where soft tissue is now, as far as the points tell that were touched again.

        Raises:
            RegistrationRefused: with the doubt and what to do.
        """
        scan_mm = [point.scan_mm for point in self.retouched]
        variance = np.trace(self.touch_error.covariance_mm2)
        if self.registration is not None and scan_mm:
            variance += self.registration.expected_error(np.mean(scan_mm, axis=0)).rms_mm ** 2
        return deformation(scan_mm, [point.now_mm for point in self.retouched], float(np.sqrt(variance / 3)))

    def calibrate(self, thing: str, *, start: bool, in_block: bool = False) -> None:
        """Begin or end to find a tool's tip: by turning it about it, or in the divot of the plan's block.

        Raises:
            InvalidValue: no such tool, or no block.
            CalibrationRefused: with the doubt and what to do.
        """
        instrument = self.instruments.get(thing)
        if instrument is None:
            raise InvalidValue(f"{thing} is no tool of this plan")
        block = self.plan.block
        if in_block and block is None:
            raise InvalidValue("the plan names no block with a divot: turn the tool about its tip")
        self._changed()
        name = instrument.planned.name
        match start, block if in_block else None:
            case True, None:
                instrument.start_turning()
                self.words = f"Turn {name} about its tip, to all sides"
                return
            case True, _:
                instrument.start_resting()
                self.words = f"Hold the tip of {name} in the divot of the block"
                return
            case False, None:
                instrument.stop_turning()
            case False, held:
                instrument.stop_resting(held)
        assert instrument.tip is not None
        self.words = f"{instrument.planned.name}: tip known to ±{instrument.tip.error.radius_mm():.1f} mm (95 %)"

    def set_bands(self, key: str, bands: Bands) -> None:
        """Other distances for a structure's alerts.

        Raises:
            InvalidValue: nobody watches it.
        """
        if key not in self.bands:
            raise InvalidValue(f"{key} is not watched in this plan")
        self.bands[key] = bands
        self._changed()

    def quiet(self, alert: str | None, wish: Ask, now_s: float) -> None:
        """Silence or put aside.

        Raises:
            InvalidValue: it must not be (`NotAllowed`), or nothing is said under that name.
        """
        self._alarms.quiet(alert, wish, now_s)

    # --- what is said ----------------------------------------------------------------------------

    def look(self, now_s: float) -> Look:
        """Everything at this moment."""
        reference = self.reference.trusted(now_s)
        tools, alerts = [], []
        doubt = why_not(self.verifications, now_s) if self.registration is not None else None
        for thing, instrument in self.instruments.items():
            found, said = self._tool(thing, instrument, doubt, now_s)
            tools.append(found)
            alerts += said
        of_reference = reference if isinstance(reference, Unknown) else None
        if of_reference is not None and of_reference.why is Why.NO_TOOL:
            of_reference = replace(of_reference, why=Why.NO_REFERENCE)
        return Look(now_s, self.device_why or of_reference, tuple(tools), by_urgency(alerts))

    def _tool(
        self, thing: str, instrument: Instrument, doubt: Unknown | None, now_s: float
    ) -> tuple[ToolLook, list[NamedAlert]]:
        place: Placed | Unknown
        if self.device_why is not None:
            place = self.device_why
        else:
            place = placed(instrument.track, self.reference, instrument.tip, self.registration, now_s)
        if isinstance(place, Placed):
            instrument.was_believed = True
        lacking = place if isinstance(place, Unknown) else doubt
        distances = self._distances(thing, instrument, place, lacking, now_s)
        shown = doubt if isinstance(place, Placed) else None
        if not (self._is_armed and instrument.was_believed):
            return ToolLook(thing, place, shown, distances, dict.fromkeys(distances, Level.CLEAR)), []
        names = {key: self.name_of(key) for key in distances}
        said, levels = self._alarms.heed(thing, instrument.planned.name, distances, names, self.bands, now_s)
        return ToolLook(thing, place, shown, distances, levels), said

    def _distances(
        self, thing: str, instrument: Instrument, place: Placed | Unknown, lacking: Unknown | None, now_s: float
    ) -> dict[str, Distance]:
        if lacking is not None or isinstance(place, Unknown):
            return dict.fromkeys(self._trees, lacking or Unknown(Why.NO_TOOL, now_s))
        proximity = self._proximity.get(thing)
        measured = {} if proximity is None else proximity.measure(instrument.planned.shape, place.place, now_s)
        return {
            key: measured[key].nearest if key in measured else Unknown(Why.NO_STRUCTURE, now_s) for key in self._trees
        }

    # --- inside ----------------------------------------------------------------------------------

    def _check(self, known: Landmark, rest: _Rest) -> None:
        """A check point was touched: the registration is judged by all that were touched since the last judgement."""
        registration = self.registration
        assert registration is not None  # asked before it was collected
        point = CheckPoint(known.name, known.patient_mm, rest.touch.at_mm, rest.touch.end_s)
        try:
            verification = verify(registration, [*self._fresh(known.id, point.time_s), point], self.touch_error)
        except RegistrationRefused as error:
            self.words = str(error)
            return
        self._checks[known.id] = point
        self.verifications.append(verification)
        self._is_armed = self._is_armed or verification.holds
        self.words = verification.words

    def _fresh(self, but: str, now_s: float) -> Sequence[CheckPoint]:
        """Other check points of this round: touched within as long as a check takes."""
        return [point for id_, point in self._checks.items() if id_ != but and now_s - point.time_s < ASK_BEFORE_S]

    @property
    def check_points(self) -> tuple[CheckPoint, ...]:
        """Points that the registration in force was checked at, where they were touched last."""
        return tuple(self._checks.values())

    def checked(self, landmark: str) -> tuple[float, float] | None:
        """How far a check point was off at its last touch, and how far was to be expected (95 %); mm."""
        name = self._landmark(landmark).name
        for verification in reversed(self.verifications):
            for one in verification.checked:
                if one.name == name:
                    return one.off_mm, one.expected_mm
        return None

    @property
    def due_s(self) -> float | None:
        """When the registration must be checked again; None while nothing was checked."""
        return self.verifications[-1].time_s + CHECK_AGAIN_S if self.verifications else None

    def _pointer(self) -> str:
        pointer = next((thing for thing, one in self.instruments.items() if one.tip is not None), None)
        if pointer is None:
            raise InvalidValue("no tool has a calibrated tip: turn one about its tip first")
        return pointer

    def _landmark(self, landmark: str) -> Landmark:
        known = next((one for one in self.plan.landmarks if one.id == landmark), None)
        if known is None:
            raise InvalidValue(f"{landmark} is no landmark of this plan")
        return known

    def _of(self, use: Use) -> list[Landmark]:
        return [one for one in self.plan.landmarks if one.use is use]

    @property
    def _first(self) -> str:
        return self._of(Use.REGISTER)[0].id

    def _changed(self) -> None:
        self.revision += 1

    def expected_mm(self, point_mm: Float64) -> float | None:
        """Radius that holds the true place of a (3,) patient point in 95 % of cases; None while not registered."""
        return None if self.registration is None else self.registration.expected_error(point_mm).radius_mm()

    def next_words(self, now_s: float) -> str:
        """What whoever guides should do now."""
        if self.words and (self._touching is not None or self._tracing is not None):
            return self.words
        due_s = self.due_s
        if self.step is Step.GUIDE and due_s is not None and now_s > due_s - ASK_BEFORE_S:
            return "Check the registration again: touch a check point"
        return _NEXT[self.step](self)


def _to_calibrate(session: Session) -> str:
    lacking = next(one for one in session.instruments.values() if one.tip is None)
    if lacking.is_calibrating:
        return f"{session.words}; then stop"
    return f"Put the tip of {lacking.planned.name} into a divot and turn it about its tip"


def _to_register(session: Session) -> str:
    landmarks = [one for one in session.plan.landmarks if one.use is Use.REGISTER]
    left = [one for one in landmarks if session.landmark_state(one.id) is LandmarkState.WAITING]
    if left:
        return f"Touch {left[0].name} ({len(landmarks) - len(left) + 1} of {len(landmarks)})"
    if not session.is_shown_still:
        return f"Touch {landmarks[0].name} once more: it shows that the patient has not moved"
    return "Register"


def _to_verify(session: Session) -> str:
    checks = [one for one in session.plan.landmarks if one.use is Use.CHECK]
    if session.verifications and not session.verifications[-1].holds:
        return session.verifications[-1].words
    left = [one for one in checks if session.landmark_state(one.id) is LandmarkState.WAITING]
    return f"Check: touch {(left or checks)[0].name}"


_NEXT: dict[Step, Callable[[Session], str]] = {
    Step.CONNECT: lambda _: "Waiting for the tracker",
    Step.CALIBRATE: _to_calibrate,
    Step.REGISTER: _to_register,
    Step.VERIFY: _to_verify,
    Step.GUIDE: lambda _: "Guiding",
}
