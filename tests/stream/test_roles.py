"""Who may do what: the table as it was agreed, and words for those who may not."""

from __future__ import annotations

import pytest

from engine.stream.roles import Action, Role, may, refusal


def test_everyone_may_look_and_nobody_but_a_device_sends_tools() -> None:
    assert all(may(role, Action.LOOK) for role in Role)
    assert [role for role in Role if may(role, Action.TRACK)] == [Role.DEVICE]


def test_a_margin_is_the_surgeons_alone() -> None:
    assert [role for role in Role if may(role, Action.SET_MARGIN)] == [Role.SURGEON]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TRAINEE, Role.DEVICE])
@pytest.mark.parametrize(
    "action", [Action.OPEN, Action.UPLOAD, Action.REMOVE, Action.EDIT, Action.REGISTER, Action.EXPORT, Action.INVITE]
)
def test_those_who_only_look_or_learn_change_nothing(role: Role, action: Action) -> None:
    assert not may(role, action)


def test_whoever_is_refused_is_told_who_could() -> None:
    assert refusal(Role.VIEWER, Action.SET_MARGIN) == "a viewer may not set a margin; a surgeon may"
