"""What is worth writing down for good: who came, who was refused, what was changed that others rely on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any


class AuditEvent(StrEnum):
    """What is written down."""

    STARTED = "started"
    RECOVERED = "recovered"  # a line was cut short when the server was killed
    INVITED = "invited"
    CONNECTED = "connected"
    REFUSED = "refused"
    LEFT = "left"
    ROLE_CHANGED = "role changed"
    ACCESS_REVOKED = "access revoked"
    REGISTRATION_CHANGED = "registration changed"
    EXPORTED = "exported"
    OVERRIDDEN = "overridden"
    OVERLAY_SHOWN = "overlay shown"  # for how long something was drawn over the patient


#: Event, who did it (role and session-made name), and what else is worth knowing; never a patient's data.
Note = Callable[[AuditEvent, str, Mapping[str, Any]], None]
