"""Who may do what in a session. One table; the hub asks it before anything is done."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody, or a device, is in a session."""

    SURGEON = "surgeon"
    ASSISTANT = "assistant"
    EDUCATOR = "educator"
    TRAINEE = "trainee"
    VIEWER = "viewer"
    DEVICE = "device"


class Action(StrEnum):
    """What can be asked of the hub."""

    LOOK = "look at the scene"
    MOVE_SELF = "show where their head and hands are"
    OPEN = "open a study"
    UPLOAD = "send files"
    REMOVE = "take a study off the list"
    EDIT = "correct a segmentation"
    SET_MARGIN = "set a margin"
    REGISTER = "register the patient"
    TRACK = "send poses of tracked tools"
    MARK = "mark findings"
    EXPORT = "take results away"
    INVITE = "let others in"
    REVOKE = "send others out"
    QUIET = "silence an alarm"


_EVERYONE = frozenset(Role)
_PEOPLE = _EVERYONE - {Role.DEVICE}
_CLINICAL = frozenset({Role.SURGEON, Role.ASSISTANT})
_LEADING = frozenset({Role.SURGEON, Role.EDUCATOR})

#: A margin belongs to the one who answers for it; a registration is done with both hands full.
_MAY: dict[Action, frozenset[Role]] = {
    Action.LOOK: _EVERYONE,
    Action.MOVE_SELF: _PEOPLE,
    Action.OPEN: _CLINICAL | _LEADING,
    Action.UPLOAD: _CLINICAL | _LEADING,
    Action.REMOVE: _LEADING,
    Action.EDIT: _CLINICAL | _LEADING,
    Action.SET_MARGIN: frozenset({Role.SURGEON}),
    Action.REGISTER: _CLINICAL,
    Action.TRACK: frozenset({Role.DEVICE}),
    Action.MARK: frozenset({Role.TRAINEE, Role.EDUCATOR}),
    Action.EXPORT: _LEADING,
    Action.INVITE: _LEADING,
    Action.REVOKE: _LEADING,
    Action.QUIET: _CLINICAL,
}


def may(role: Role, action: Action) -> bool:
    """Whether `role` may do `action`."""
    return role in _MAY[action]


def refusal(role: Role, action: Action) -> str:
    """Why not, and who could: words for the person."""
    others = sorted(str(each) for each in _MAY[action])
    return f"a {role} may not {action}; a {' or '.join(others)} may"
