"""Controllers and bare hands from OpenXR: one action set for every kind of controller, and tracked joints."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from engine.core.array import Float64
from engine.xr.hand import CONTROLLER_TIP_M, JOINTS, WRIST, Hand, bare_hand, live_stick
from engine.xr.openxr import bindings, told_plainly
from engine.xr.profiles import PROFILE_EXTENSIONS, PROFILES
from engine.xr.rigid import AHEAD
from engine.xr.session import Frame, Session, pose_matrix

SIDES = ("left", "right")
#: A tick that a hand feels when it takes hold of something; a pulse of an alarm.
_TICK, _PULSE = (0.02, 0.4), (0.1, 1.0)
_BUTTONS = ("select", "squeeze", "menu")


class Input:
    """Reads both hands, frame by frame."""

    def __init__(self, session: Session, actions: Mapping[str, Any], action_set: Any, closing: ExitStack) -> None:
        xr = bindings()
        self._session = session
        self._actions = actions
        self._set = action_set
        self._paths = {side: xr.string_to_path(session.runtime.instance, f"/user/hand/{side}") for side in SIDES}
        self._spaces: dict[tuple[str, str], Any] = {}
        for name in ("aim", "grip"):
            for side, path in self._paths.items():
                space = xr.create_action_space(
                    session.handle,
                    xr.ActionSpaceCreateInfo(
                        action=actions[name], subaction_path=path, pose_in_action_space=xr.Posef()
                    ),
                )
                closing.callback(xr.destroy_space, space)
                self._spaces[name, side] = space
        self._trackers = self._hand_trackers(closing) if session.runtime.tracks_hands else {}
        self._was_pinching = dict.fromkeys(SIDES, False)

    def hands(self, frame: Frame) -> tuple[Hand, ...]:
        """The hands that are tracked now; a controller goes before the hand that holds it. None while not focused."""
        if not self._session.is_focused:
            return ()
        xr = bindings()
        active = xr.ActiveActionSet(self._set, xr.NULL_PATH)
        xr.sync_actions(self._session.handle, xr.ActionsSyncInfo(active_action_sets=[active]))
        found = (self._controller(side, frame) or self._bare(side, frame) for side in SIDES)
        return tuple(hand for hand in found if hand is not None)

    def tick(self, side: str) -> None:
        """Let a controller be felt; nothing where it cannot be."""
        self._vibrate(side, *_TICK)

    def pulse(self) -> None:
        """A pulse of an alarm in both hands."""
        if self._session.is_focused:
            for side in SIDES:
                self._vibrate(side, *_PULSE)

    def _vibrate(self, side: str, seconds: float, strength: float) -> None:
        xr = bindings()
        pulse = xr.HapticVibration(
            duration=round(seconds * 1e9), frequency=xr.FREQUENCY_UNSPECIFIED, amplitude=strength
        )
        target = xr.HapticActionInfo(self._actions["tick"], self._paths[side])
        header = ctypes.cast(ctypes.pointer(pulse), ctypes.POINTER(xr.HapticBaseHeader)).contents
        xr.apply_haptic_feedback(self._session.handle, target, header)

    def _controller(self, side: str, frame: Frame) -> Hand | None:
        aim, grip = self._located("aim", side, frame), self._located("grip", side, frame)
        if aim is None:
            return None
        x, y = self._stick(side)
        grip = aim if grip is None else grip
        return Hand(
            side=side,
            world_from_aim=aim,
            world_from_hold=grip,
            tip_m=grip[:3, 3] + CONTROLLER_TIP_M * (aim[:3, :3] @ AHEAD),
            stick=live_stick(x, y),
            select=self._is_pressed("select", side),
            squeeze=self._is_pressed("squeeze", side),
            menu=self._is_pressed("menu", side),
        )

    def _located(self, name: str, side: str, frame: Frame) -> Float64 | None:
        xr = bindings()
        info = xr.ActionStateGetInfo(self._actions[name], self._paths[side])
        if not xr.get_action_state_pose(self._session.handle, info).is_active:
            return None
        place = xr.locate_space(self._spaces[name, side], self._session.space, frame.display_ns)
        needed = int(xr.SpaceLocationFlags.POSITION_VALID_BIT | xr.SpaceLocationFlags.ORIENTATION_VALID_BIT)
        return pose_matrix(place.pose) if int(place.location_flags) & needed == needed else None

    def _is_pressed(self, name: str, side: str) -> bool:
        xr = bindings()
        info = xr.ActionStateGetInfo(self._actions[name], self._paths[side])
        return bool(xr.get_action_state_boolean(self._session.handle, info).current_state)

    def _stick(self, side: str) -> tuple[float, float]:
        xr = bindings()
        info = xr.ActionStateGetInfo(self._actions["stick"], self._paths[side])
        place = xr.get_action_state_vector2f(self._session.handle, info).current_state
        return float(place.x), float(place.y)

    def _hand_trackers(self, closing: ExitStack) -> dict[str, Any]:
        xr = bindings()
        trackers = {}
        for side in SIDES:
            hand = xr.HandEXT.LEFT if side == "left" else xr.HandEXT.RIGHT
            info = xr.HandTrackerCreateInfoEXT(hand=hand, hand_joint_set=xr.HandJointSetEXT.DEFAULT)
            trackers[side] = xr.create_hand_tracker_ext(self._session.handle, info)
            closing.callback(xr.destroy_hand_tracker_ext, trackers[side])
        return trackers

    def _bare(self, side: str, frame: Frame) -> Hand | None:
        if side not in self._trackers:
            return None
        joints = _joints(self._trackers[side], self._session, frame.display_ns)
        if joints is None:
            self._was_pinching[side] = False
            return None
        places, wrist = joints
        hand = bare_hand(side, places, wrist, frame.world_from_head, was_pinching=self._was_pinching[side])
        self._was_pinching[side] = hand.select
        return hand


def _joints(tracker: Any, session: Session, display_ns: int) -> tuple[Float64, Float64] | None:
    """(26, 3) places and the wrist's (3, 3) rotation; None while the hand is not seen.

    The bindings' own call brings no room for joints.
    """
    xr = bindings()
    joints = (xr.HandJointLocationEXT * JOINTS)()
    locations = xr.HandJointLocationsEXT(joint_locations=joints)
    info = xr.HandJointsLocateInfoEXT(base_space=session.space, time=display_ns)
    function = ctypes.cast(
        xr.get_instance_proc_addr(session.runtime.instance, "xrLocateHandJointsEXT"), xr.PFN_xrLocateHandJointsEXT
    )
    result = xr.check_result(xr.Result(function(tracker, ctypes.byref(info), ctypes.byref(locations))))
    if result.is_exception():
        raise result
    if not locations.is_active:
        return None
    places = np.array([[j.pose.position.x, j.pose.position.y, j.pose.position.z] for j in joints])
    return places, pose_matrix(joints[WRIST].pose)[:3, :3]


@contextmanager
def open_input(session: Session) -> Iterator[Input]:
    """Actions bound for every known controller, until the block ends."""
    xr = bindings()
    runtime = session.runtime
    with ExitStack() as closing:
        with told_plainly("controllers"):
            action_set = xr.create_action_set(runtime.instance, xr.ActionSetCreateInfo("sightline", "Sightline", 0))
            closing.callback(xr.destroy_action_set, action_set)
            hands = [xr.string_to_path(runtime.instance, f"/user/hand/{side}") for side in SIDES]
            actions = {name: _action(action_set, name, kind, hands) for name, kind in _kinds(xr).items()}
            for profile, inputs in PROFILES.items():
                if PROFILE_EXTENSIONS.get(profile) in (None, *runtime.extensions):
                    with contextlib.suppress(xr.PathUnsupportedError):  # an older runtime may not know a kind
                        _suggest(runtime.instance, profile, inputs, actions)
            attached = xr.SessionActionSetsAttachInfo(action_sets=[action_set])
            xr.attach_session_action_sets(session.handle, attached)
        yield Input(session, actions, action_set, closing)


def _kinds(xr: Any) -> dict[str, Any]:
    buttons = dict.fromkeys(_BUTTONS, xr.ActionType.BOOLEAN_INPUT)
    poses = dict.fromkeys(("aim", "grip"), xr.ActionType.POSE_INPUT)
    return buttons | poses | {"stick": xr.ActionType.VECTOR2F_INPUT, "tick": xr.ActionType.VIBRATION_OUTPUT}


def _action(action_set: Any, name: str, kind: Any, hands: list[Any]) -> Any:
    xr = bindings()
    return xr.create_action(
        action_set,
        xr.ActionCreateInfo(
            action_name=name, action_type=kind, subaction_paths=hands, localized_action_name=name.capitalize()
        ),
    )


def _suggest(instance: Any, profile: str, inputs: Mapping[str, str], actions: Mapping[str, Any]) -> None:
    xr = bindings()
    places = {**inputs, "aim": "input/aim/pose", "grip": "input/grip/pose", "tick": "output/haptic"}
    bound = [
        xr.ActionSuggestedBinding(
            actions[name],
            xr.string_to_path(instance, f"/user/hand/{side}/{place.format(face='x' if side == 'left' else 'a')}"),
        )
        for name, place in places.items()
        for side in SIDES
    ]
    xr.suggest_interaction_profile_bindings(
        instance,
        xr.InteractionProfileSuggestedBinding(
            interaction_profile=xr.string_to_path(instance, f"/interaction_profiles/{profile}"),
            suggested_bindings=(xr.ActionSuggestedBinding * len(bound))(*bound),
        ),
    )
