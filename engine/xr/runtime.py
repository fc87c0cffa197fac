"""The OpenXR runtime and the headset that it drives: what they are and what they offer."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engine.core.errors import EnvironmentLacks
from engine.xr.blending import BlendMode
from engine.xr.openxr import bindings, told_plainly
from engine.xr.profiles import PROFILE_EXTENSIONS

OPENGL = "XR_KHR_opengl_enable"
EGL = "XR_MNDX_egl_enable"
HAND_TRACKING = "XR_EXT_hand_tracking"
PASSTHROUGH = "XR_FB_passthrough"
TIMESPEC = "XR_KHR_convert_timespec_time"
_WANTED = (EGL, HAND_TRACKING, PASSTHROUGH, TIMESPEC, *sorted(set(PROFILE_EXTENSIONS.values())))
#: As old as can be, so that any runtime has it: nothing newer is used.
_API = (1, 0, 34)


@dataclass(frozen=True, slots=True)
class Runtime:
    """An instance of a runtime, with its headset.

    Attributes:
        instance, system: OpenXR's handles.
        name, version: the runtime's own.
        headset: what the runtime calls it.
        extensions: those enabled.
        blend_modes: those the headset offers, best first by its own word.
        tracks_hands: whether bare hands can be located.
        offers_passthrough: whether its cameras' picture can lie under ours.
    """

    instance: Any
    system: Any
    name: str
    version: str
    headset: str
    extensions: frozenset[str]
    blend_modes: tuple[BlendMode, ...]
    tracks_hands: bool
    offers_passthrough: bool


@contextmanager
def open_runtime() -> Iterator[Runtime]:
    """The machine's active runtime, until the block ends.

    Raises:
        EnvironmentLacks: the bindings, a runtime, OpenGL in it, or a headset is missing; says what to install.
    """
    xr = bindings()
    with told_plainly("to start"):
        offered = {_text(each.extension_name) for each in xr.enumerate_instance_extension_properties()}
        if OPENGL not in offered:
            raise EnvironmentLacks(
                "the OpenXR runtime does not offer OpenGL", "Use another runtime: Monado and SteamVR do."
            )
        enabled = [OPENGL, *(name for name in _WANTED if name in offered)]
        about = xr.ApplicationInfo("Sightline", 1, "Sightline", 1, xr.Version(*_API))
        info = xr.InstanceCreateInfo(application_info=about, enabled_extension_names=enabled)
        instance = xr.create_instance(info)
    try:
        with told_plainly("the headset"):
            runtime = _described(instance, frozenset(enabled))
        yield runtime
    finally:
        xr.destroy_instance(instance)


def _described(instance: Any, extensions: frozenset[str]) -> Runtime:
    xr = bindings()
    about = xr.get_instance_properties(instance)
    system = xr.get_system(instance, xr.SystemGetInfo(xr.FormFactor.HEAD_MOUNTED_DISPLAY))
    hands = xr.SystemHandTrackingPropertiesEXT()
    cameras = xr.SystemPassthroughPropertiesFB()
    asked = [each for each, name in ((hands, HAND_TRACKING), (cameras, PASSTHROUGH)) if name in extensions]
    properties = _system_properties(instance, system, asked)
    modes = xr.enumerate_environment_blend_modes(instance, system, xr.ViewConfigurationType.PRIMARY_STEREO)
    known = {mode.value for mode in BlendMode}
    return Runtime(
        instance=instance,
        system=system,
        name=_text(about.runtime_name),
        version=str(xr.Version(about.runtime_version)),
        headset=_text(properties.system_name),
        extensions=extensions,
        blend_modes=tuple(BlendMode(int(mode)) for mode in modes if int(mode) in known),
        tracks_hands=HAND_TRACKING in extensions and bool(hands.supports_hand_tracking),
        offers_passthrough=PASSTHROUGH in extensions and bool(cameras.supports_passthrough),
    )


def _system_properties(instance: Any, system: Any, chain: list[Any]) -> Any:
    """`xrGetSystemProperties` with structures to fill behind it: the bindings' own call takes none."""
    xr = bindings()
    behind = None
    for each in chain:
        each.next = behind
        behind = ctypes.cast(ctypes.pointer(each), ctypes.c_void_p)
    properties = xr.SystemProperties(next=behind)
    result = xr.check_result(
        xr.Result(xr.raw_functions.xrGetSystemProperties(instance, system, ctypes.byref(properties)))
    )
    if result.is_exception():
        raise result
    return properties


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
