"""What stands in the place of identifiers: derived from them and a secret key, the same each time (HMAC-SHA-256).

Without the key nobody can tell which value a stand-in came from, nor whether a guess is right. With it, and with the
original, everybody can: the key is as secret as the study.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from engine.core.errors import InvalidValue

KEY_BYTES = 32
#: Dates move back by one to ten years.
_LEAST_DAYS, _MOST_DAYS = 366, 3652


@dataclass(frozen=True, slots=True)
class Secret:
    """A key, and what it makes of identifiers.

    Raises:
        InvalidValue: the key is not of `KEY_BYTES` bytes.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise InvalidValue(f"a key has {KEY_BYTES} bytes, not {len(self.key)}")

    def uid(self, original: str) -> str:
        """A UID in the place of another (PS3.5 annex B.2: a UUID as a number, here of version 8)."""
        number = int.from_bytes(self._digest("uid", original)[:16], "big")
        number = number & ~(0xF << 76) | 8 << 76
        number = number & ~(0x3 << 62) | 2 << 62
        return f"2.25.{number}"

    def patient(self, original: str) -> str:
        """A patient's new ID, which is the new name too."""
        # No letters: a name could be among them.
        return f"SL-{int.from_bytes(self._digest('patient', original)[:8], 'big') % 10**16:016d}"

    def days(self, original: str) -> int:
        """By how many days all dates of a patient move; negative, so that no study lies in the future."""
        number = int.from_bytes(self._digest("days", original)[:8], "big")
        return -(_LEAST_DAYS + number % (_MOST_DAYS - _LEAST_DAYS + 1))

    def _digest(self, what: str, original: str) -> bytes:
        return hmac.digest(self.key, f"{what}\0{original}".encode(), hashlib.sha256)
