"""`sightline audit verify`: each log of this user checked from its first line to its last."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.app.audit import AuditBroken, verify
from engine.app.folders import audit_folder
from engine.core.errors import InputRefused


@dataclass(frozen=True, slots=True)
class Verified:
    """One log: how many lines are as they were written, or how it shows that they are not."""

    file: str
    lines: int
    last: str
    broken: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def verify_logs(files: tuple[Path, ...]) -> tuple[Verified, ...]:
    """Check `files`, or all logs of this user.

    Raises:
        InputRefused: a file that is not there.
    """
    for path in files:
        if not path.is_file():
            raise InputRefused(f"{path} does not exist")
    return tuple(_verified(path) for path in files or sorted(audit_folder().glob("*.jsonl")))


def _verified(path: Path) -> Verified:
    try:
        last = verify(path)
    except AuditBroken as error:
        return Verified(str(path), 0, "", str(error))
    return Verified(str(path), last.number if last else 0, last.time if last else "")
