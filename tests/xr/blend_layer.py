"""An OpenXR API layer in Python: the headset seems to offer ALPHA_BLEND, and what is submitted is remembered.

No headset that Monado can simulate offers ALPHA_BLEND. What reaches the runtime is opaque; what the compositor would
make of alpha is not tested by this.
"""

from __future__ import annotations

import ctypes
from typing import Any

import xr

NAME = "XR_APILAYER_SIGHTLINE_blend"
_ENUMERATE, _END = b"xrEnumerateEnvironmentBlendModes", b"xrEndFrame"


class BlendLayer(xr.DynamicApiLayerBase):  # type: ignore[misc]
    """Enable it with XR_ENABLE_API_LAYERS."""

    def __init__(self, modes: tuple[int, ...]) -> None:
        self.modes = modes
        self.submitted: list[int] = []
        self._below: dict[bytes, Any] = {}
        self._find_below: Any = None
        # ctypes callbacks live as long as these references.
        self._find = xr.PFN_xrGetInstanceProcAddr(self._on_find)
        self._create = xr.PFN_xrCreateApiLayerInstance(self._on_create)
        self._ours = {
            _ENUMERATE: xr.PFN_xrEnumerateEnvironmentBlendModes(self._on_enumerate),
            _END: xr.PFN_xrEndFrame(self._on_end),
        }
        super().__init__(name=NAME)

    def negotiate_loader_api_layer_interface(self, _info: Any, _name: str, request: Any) -> Any:
        request.layer_interface_version = xr.CURRENT_LOADER_API_LAYER_VERSION
        request.layer_api_version = xr.XR_CURRENT_API_VERSION
        request.get_instance_proc_addr = self._find
        request.create_api_layer_instance = self._create
        return xr.Result.SUCCESS

    def _on_create(self, info: Any, layer_info: Any, instance: Any) -> int:
        below = layer_info.contents.next_info.contents
        # A copy: what the loader hands over lives in memory that it gives back.
        address = ctypes.cast(below.next_get_instance_proc_addr, ctypes.c_void_p).value
        self._find_below = xr.PFN_xrGetInstanceProcAddr(address)
        result = int(below.next_create_api_layer_instance(info, layer_info, instance))
        # The bindings type XrInstance* as XrInstance here.
        made = ctypes.cast(instance, ctypes.POINTER(xr.Instance))[0]
        kinds = {_ENUMERATE: xr.PFN_xrEnumerateEnvironmentBlendModes, _END: xr.PFN_xrEndFrame}
        for name, kind in kinds.items():
            function = xr.PFN_xrVoidFunction()
            self._find_below(made, name, ctypes.pointer(function))
            self._below[name] = ctypes.cast(function, kind)
        return result

    def _on_find(self, instance: Any, name: bytes, function: Any) -> int:
        ours = self._ours.get(name)
        if ours is None:
            return int(self._find_below(instance, name, function))
        ctypes.memmove(function, ctypes.byref(ours), ctypes.sizeof(ours))
        return 0

    def _on_enumerate(self, _instance: Any, _system: Any, _kind: Any, capacity: int, count: Any, out: Any) -> int:
        count[0] = len(self.modes)
        for n in range(min(capacity, len(self.modes))):
            out[n] = self.modes[n]
        return 0

    def _on_end(self, session: Any, info: Any) -> int:
        asked = ctypes.cast(info, ctypes.POINTER(xr.FrameEndInfo)).contents
        mode = asked.environment_blend_mode
        self.submitted.append(int(mode.value))
        asked.environment_blend_mode = xr.EnvironmentBlendMode.OPAQUE
        result = int(self._below[_END](session, info))
        asked.environment_blend_mode = mode
        return result
