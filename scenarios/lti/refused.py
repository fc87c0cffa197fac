"""Why a launch opens nothing."""

from __future__ import annotations

from engine.core.errors import SightlineError


class LaunchRefused(SightlineError):
    """A launch that is not as it must be. Its words name claims and addresses, and never a person or a token."""
