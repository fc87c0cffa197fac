"""What the active OpenXR runtime says of itself, for `sightline doctor`.

Run in a process of its own: a runtime is somebody else's library in this address space, and some end the process.
"""

from __future__ import annotations

import json

from engine.core.errors import EnvironmentLacks
from engine.xr.runtime import open_runtime


def probe() -> str:
    """One line of JSON: what the runtime and its headset are, or `what` is missing."""
    try:
        with open_runtime() as runtime:
            told = {
                "runtime": f"{runtime.name} {runtime.version}",
                "headset": runtime.headset,
                "blend_modes": [mode.name for mode in runtime.blend_modes],
                "tracks_hands": runtime.tracks_hands,
                "offers_passthrough": runtime.offers_passthrough,
            }
    except EnvironmentLacks as error:
        told = {"what": error.what}
    return json.dumps(told)
