"""The controllers that are known, and which of their inputs do what. Data alone."""

from __future__ import annotations

from collections.abc import Mapping

#: What each kind of controller has, by action (OpenXR 1.1, 6.4 "Interaction Profile Paths"). `{face}` is the lower
#: face button: X on the left, A on the right.
_TOUCH = {
    "select": "input/trigger/value",
    "squeeze": "input/squeeze/value",
    "menu": "input/{face}/click",
    "stick": "input/thumbstick",
}
PROFILES: Mapping[str, Mapping[str, str]] = {
    "khr/simple_controller": {"select": "input/select/click", "menu": "input/menu/click"},
    "oculus/touch_controller": _TOUCH,
    "bytedance/pico_neo3_controller": _TOUCH,
    "bytedance/pico4_controller": _TOUCH,
    "hp/mixed_reality_controller": _TOUCH,
    "valve/index_controller": {**_TOUCH, "squeeze": "input/squeeze/force", "menu": "input/a/click"},
    "htc/vive_cosmos_controller": {**_TOUCH, "squeeze": "input/squeeze/click"},
    "htc/vive_focus3_controller": {**_TOUCH, "squeeze": "input/squeeze/click"},
    "htc/vive_controller": {
        "select": "input/trigger/value",
        "squeeze": "input/squeeze/click",
        "menu": "input/menu/click",
        "stick": "input/trackpad",
    },
    "microsoft/motion_controller": {
        "select": "input/trigger/value",
        "squeeze": "input/squeeze/click",
        "menu": "input/menu/click",
        "stick": "input/thumbstick",
    },
}
#: Profiles that came as extensions need their extension; the others are part of OpenXR 1.0.
PROFILE_EXTENSIONS = {
    "bytedance/pico_neo3_controller": "XR_BD_controller_interaction",
    "bytedance/pico4_controller": "XR_BD_controller_interaction",
    "hp/mixed_reality_controller": "XR_EXT_hp_mixed_reality_controller",
    "htc/vive_cosmos_controller": "XR_HTC_vive_cosmos_controller_interaction",
    "htc/vive_focus3_controller": "XR_HTC_vive_focus3_controller_interaction",
}
