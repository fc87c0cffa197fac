from __future__ import annotations

from pathlib import Path

from engine.app.typescript import generate

MESSAGES = Path(__file__).resolve().parents[2] / "assets" / "client" / "src" / "wire" / "messages.ts"


def test_the_clients_types_are_those_of_the_wire() -> None:
    assert MESSAGES.read_text() == generate(), (
        "run: python -m engine.app.typescript > assets/client/src/wire/messages.ts"
    )
