from __future__ import annotations

from pathlib import Path

from engine.app.typescript import generate, generate_training

WIRE = Path(__file__).resolve().parents[2] / "assets" / "client" / "src" / "wire"


def test_the_clients_types_are_those_of_the_wire() -> None:
    assert (WIRE / "messages.ts").read_text() == generate(), (
        "run: python -m engine.app.typescript > assets/client/src/wire/messages.ts"
    )


def test_the_clients_types_of_a_reading_are_those_of_the_models() -> None:
    assert (WIRE / "training_messages.ts").read_text() == generate_training(), (
        "run: python -m engine.app.typescript training > assets/client/src/wire/training_messages.ts"
    )
