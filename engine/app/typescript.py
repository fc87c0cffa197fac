"""TypeScript types of the wire, generated from the pydantic models.

    python -m engine.app.typescript > assets/client/src/wire/messages.ts
    python -m engine.app.typescript training > assets/client/src/wire/training_messages.ts

A test fails when a file and the models differ.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from engine.app.training import messages as training
from engine.stream import guiding, messages
from engine.stream.message import Message
from scenarios.case import display
from scenarios.case.part import Part
from scenarios.case.task import Scale
from scenarios.reading import answer, event, view

_PRIMITIVES: dict[Any, str] = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}

#: Unions that get a name of their own, in the order they are declared after their last member.
_NAMED_UNIONS = (
    "GuidanceStep",
    "DeviceState",
    "PriorityName",
    "LandmarkState",
    "GuideAsk",
    "JobState",
    "RoleName",
    "ActionName",
    "RecordingState",
    "HubsState",
    "PatternName",
    "SceneNode",
    "Op",
    "ServerMessage",
    "ClientMessage",
)


def generate() -> str:
    """The whole file."""
    parts = [
        "// Generated from engine/stream/messages.py by `python -m engine.app.typescript`. Do not edit.",
        f'export const PROTOCOL = "{messages.PROTOCOL}";',
    ]
    names = {name: _strip(getattr(messages, name, None) or getattr(guiding, name)) for name in _NAMED_UNIONS}
    written: set[str] = set()
    for model in _models():
        parts += _due_unions(names, written, before=model)
        parts.append(_interface(model, names))
        written.add(model.__name__)
    parts += _due_unions(names, written, before=None)
    return "\n\n".join(parts) + "\n"


#: Where what a reading says is declared, in the order in which it is written.
_TRAINING = (display, answer, event, view, training)

_TRAINING_UNIONS: dict[str, Any] = {"Scale": Scale, "TaskKind": view.Kind}


def generate_training() -> str:
    """Types of a reading: its events, the case as it may be read, and what the training server says."""
    unions = {"Answer": answer.Answer, "AnyEvent": event.AnyEvent}
    names = {name: _strip(union) for name, union in (_TRAINING_UNIONS | unions).items()}
    parts = ["// Generated from the models of a reading by `python -m engine.app.typescript training`. Do not edit."]
    parts += [_union(name, union) for name, union in _TRAINING_UNIONS.items()]
    parts += [_interface(model, names) for module in _TRAINING for model in _declared(module)]
    parts += [_union(name, _strip(union)) for name, union in unions.items()]
    return "\n\n".join(parts) + "\n"


def _union(name: str, union: Any) -> str:
    return f"export type {name} = {' | '.join(_type(member, {}) for member in get_args(union))};"


def _declared(module: types.ModuleType) -> list[type[BaseModel]]:
    """Models of a module, as they stand there; bases of others only where they are used themselves."""
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Message | Part)
        and value.__module__ == module.__name__
        and value is not event.Event
    ]


def _models() -> list[type[Message]]:
    found = {
        value
        for value in (*vars(guiding).values(), *vars(messages).values())
        if inspect.isclass(value) and issubclass(value, Message) and value is not Message
    }
    return sorted(found, key=lambda model: (model.__module__ != guiding.__name__, inspect.getsourcelines(model)[1]))


def _due_unions(names: dict[str, Any], written: set[str], before: type[Message] | None) -> list[str]:
    """Named unions whose members are all written, before the first model that needs them."""
    due = []
    for name, union in names.items():
        members = {_strip(m).__name__ for m in get_args(union) if inspect.isclass(_strip(m))}
        needed_now = before is None or get_origin(union) is not Literal or _uses(before, union)
        if name not in written and members <= written and needed_now:
            written.add(name)
            due.append(_union(name, union))
    return due


def _uses(model: type[Message], union: Any) -> bool:
    return any(_strip(hint) == union for hint in typing.get_type_hints(model).values())


def _interface(model: type[BaseModel], names: dict[str, Any]) -> str:
    comment = (model.__doc__ or "").strip().replace("\n", " ")
    hints = typing.get_type_hints(model, include_extras=False)
    lines = [f"  {field}: {_type(hints[field], names)};" for field in model.model_fields]
    return "\n".join([f"/** {comment} */", f"export interface {model.__name__} {{", *lines, "}"])


def _type(hint: Any, names: dict[str, Any]) -> str:
    hint = _strip(hint)
    for name, union in names.items():
        if hint == union:
            return name
    if hint in _PRIMITIVES:
        return _PRIMITIVES[hint]
    if inspect.isclass(hint) and issubclass(hint, BaseModel):
        return hint.__name__
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in arguments or (hint,))
    if origin in (Union, types.UnionType):
        return " | ".join(_type(argument, names) for argument in arguments)
    if origin is tuple:
        return _tuple(arguments, names)
    if origin is dict:
        return f"Record<{_type(arguments[0], names)}, {_type(arguments[1], names)}>"
    raise TypeError(f"no TypeScript for {hint}")


def _tuple(arguments: tuple[Any, ...], names: dict[str, Any]) -> str:
    if arguments[-1] is not Ellipsis:
        return f"[{', '.join(_type(argument, names) for argument in arguments)}]"
    item = _type(arguments[0], names)
    return f"({item})[]" if " | " in item else f"{item}[]"


def _strip(hint: Any) -> Any:
    """`hint` without `Annotated`; literal values pass as one-value literals."""
    if isinstance(hint, str):
        return Literal[hint]
    return get_args(hint)[0] if get_origin(hint) is typing.Annotated else hint


if __name__ == "__main__":
    sys.stdout.write(generate_training() if sys.argv[1:] == ["training"] else generate())
