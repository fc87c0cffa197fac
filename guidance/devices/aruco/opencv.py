"""OpenCV, where it is installed."""

from __future__ import annotations

from typing import Any

from engine.core.errors import EnvironmentLacks


def opencv() -> Any:
    """The library.

    Raises:
        EnvironmentLacks: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise EnvironmentLacks(
            "OpenCV, which reads cameras, is not installed", "pip install 'sightline[camera]'"
        ) from error
    return cv2
