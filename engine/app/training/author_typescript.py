"""TypeScript types of the authoring and educator pages, generated from the pydantic models.

    python -m engine.app.training.author_typescript > assets/client/src/wire/author_messages.ts

A test fails when the file and the models differ.
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any

from engine.app.training import author_messages, draft, educator_messages
from engine.app.typescript import _interface, _type
from engine.stream.message import Message
from scenarios.case import task

_MODULES: tuple[ModuleType, ...] = (draft, author_messages, educator_messages)
_UNIONS: tuple[tuple[ModuleType, str], ...] = (
    (task, "Scale"),
    (draft, "TaskKind"),
    (draft, "FeedbackWhen"),
    (draft, "QuantityName"),
    (draft, "RoleOfLesion"),
    (author_messages, "PaintTool"),
    (author_messages, "OpeningState"),
    (author_messages, "FlawPlace"),
)
_TAKEN = "Failure, Scene"


def generate() -> str:
    """The whole file."""
    names: dict[str, Any] = {name: getattr(module, name) for module, name in _UNIONS}
    parts = [
        "// Generated from engine/app/training by `python -m engine.app.training.author_typescript`. Do not edit.",
        f'import type {{ {_TAKEN} }} from "./messages";',
        *(f"export type {name} = {_type(union, {})};" for name, union in names.items()),
    ]
    for module in _MODULES:
        models = [
            one
            for one in vars(module).values()
            if inspect.isclass(one) and issubclass(one, Message) and one.__module__ == module.__name__
        ]
        parts += [_interface(one, names) for one in sorted(models, key=lambda one: inspect.getsourcelines(one)[1])]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(generate())
