"""The cameras' picture under ours, on headsets that offer no blending of their own (XR_FB_passthrough)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from engine.xr.openxr import bindings, told_plainly
from engine.xr.session import Session


@contextmanager
def open_passthrough(session: Session) -> Iterator[tuple[Any, ...]]:
    """The composition layers that lie under ours, running, until the block ends."""
    xr = bindings()
    with ExitStack() as closing:
        with told_plainly("its cameras' picture"):
            running = xr.PassthroughFlagsFB.IS_RUNNING_AT_CREATION_BIT
            feature = xr.create_passthrough_fb(session.handle, xr.PassthroughCreateInfoFB(running))
            closing.callback(xr.destroy_passthrough_fb, feature)
            purpose = xr.PassthroughLayerPurposeFB.RECONSTRUCTION
            info = xr.PassthroughLayerCreateInfoFB(feature, running, purpose)
            layer = xr.create_passthrough_layer_fb(session.handle, info)
            closing.callback(xr.destroy_passthrough_layer_fb, layer)
        yield (xr.CompositionLayerPassthroughFB(layer_handle=layer),)
