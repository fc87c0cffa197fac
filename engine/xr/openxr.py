"""The OpenXR bindings, and what to do where something they need is missing. Imported only where a headset is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.core.errors import EnvironmentLacks

INSTALL_EXTRA = "Run `pip install 'sightline[xr]'`."
INSTALL_RUNTIME = (
    "Install one: SteamVR, Monado or WiVRn, or on Windows the headset maker's own. Make it the active runtime in its "
    "settings, or set XR_RUNTIME_JSON to its manifest. `sightline doctor` says what it finds."
)
START_HEADSET = "Connect the headset, switch it on, and start its runtime; then try again."


def has_window_system() -> bool:
    """Whether OpenGL finds a window system: always but on Linux without X."""
    return os.name == "nt" or bool(os.environ.get("DISPLAY"))


def bindings() -> Any:
    """pyopenxr.

    Raises:
        EnvironmentLacks: it, or a system library that it loads, is not installed.
    """
    os.environ.setdefault("XR_LOADER_DEBUG", "none")  # what it would print is told by errors, in words
    if not has_window_system():  # read once, when EGL and PyOpenGL are loaded
        os.environ.setdefault("EGL_PLATFORM", "surfaceless")
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    try:
        import moderngl  # noqa: F401
        import PIL  # noqa: F401
        import xr
    except ModuleNotFoundError as error:
        raise EnvironmentLacks(
            f"native headsets need the package {error.name}, which is missing", INSTALL_EXTRA
        ) from error
    except (ImportError, OSError, AttributeError) as error:
        # PyOpenGL tells a missing libGL or libEGL as any of the three.
        remedy = "As root: apt-get install -y --no-install-recommends libgl1 libegl1"
        raise EnvironmentLacks(f"the OpenXR bindings do not start ({error})", remedy) from error
    return xr


@contextmanager
def told_plainly(doing: str) -> Iterator[None]:
    """OpenXR's own errors in words that help.

    Args:
        doing: what is being done, for errors that nobody foresaw.

    Raises:
        EnvironmentLacks: no runtime, no headset, or the runtime failed.
    """
    import xr

    try:
        yield
    except xr.RuntimeUnavailableError as error:
        raise EnvironmentLacks("no OpenXR runtime is active on this machine", INSTALL_RUNTIME) from error
    except xr.FormFactorUnavailableError as error:
        raise EnvironmentLacks("the OpenXR runtime sees no headset", START_HEADSET) from error
    except (xr.SessionLostError, xr.InstanceLostError) as error:
        raise EnvironmentLacks("the OpenXR runtime ended", START_HEADSET) from error
    except xr.exception.XrException as error:
        name = type(error).__name__.removesuffix("Error")
        raise EnvironmentLacks(f"the OpenXR runtime refused {doing} ({name})", START_HEADSET) from error
