"""A running OpenXR session: its states, its frames, and the images that its eyes are drawn into."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np

from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks
from engine.xr.blending import Blending
from engine.xr.eye import Eye, FieldOfView
from engine.xr.openxr import bindings, told_plainly
from engine.xr.rigid import rigid, rotation_from_quaternion
from engine.xr.runtime import TIMESPEC, Runtime

#: GL_SRGB8_ALPHA8 before GL_RGBA16F before GL_RGBA8: all but the first are taken as linear light by the compositor.
_FORMATS = (0x8C43, 0x881A, 0x8058)
_SRGB = _FORMATS[0]
#: While nothing is to be drawn, the runtime is asked this often what has changed.
_IDLE_S = 0.05


@dataclass(frozen=True, slots=True)
class EyeImages:
    """One eye's swapchain.

    Attributes:
        handle: OpenXR's.
        size_px: width, height.
        framebuffers: one for each of its images.
    """

    handle: Any
    size_px: tuple[int, int]
    framebuffers: tuple[moderngl.Framebuffer, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame to draw.

    Attributes:
        display_ns, period_ns: the runtime's prediction of when it is seen, and the display's period.
        display_s: the former on the clock of `time.monotonic`.
        woken_s: when the runtime said to begin, on that clock.
        world_from_head: (4, 4).
        eyes: none while nothing is to be drawn.
        views: the same as OpenXR told them, which is how it wants them back.
    """

    display_ns: int
    period_ns: int
    display_s: float
    woken_s: float
    world_from_head: Float64
    eyes: tuple[Eye, ...]
    views: tuple[Any, ...]


def pose_matrix(pose: Any) -> Float64:
    """(4, 4) of an XrPosef."""
    q, p = pose.orientation, pose.position
    return rigid(rotation_from_quaternion(q.x, q.y, q.z, q.w), (p.x, p.y, p.z))


class Session:
    """One session with stereo eyes.

    Attributes:
        handle: OpenXR's session.
        space: what everything is located in: the stage, or where the head was at the start.
        has_floor: whether the floor is at height 0 of that space.
        is_focused: whether hands are ours: False while the device shows something of its own.
        was_recentred: set when the person asked the device for a new "here"; cleared by who has seen it.
    """

    def __init__(self, runtime: Runtime, handle: Any, space: Any, *, has_floor: bool) -> None:
        self.runtime = runtime
        self.handle = handle
        self.space = space
        self.has_floor = has_floor
        self.is_focused = False
        self.was_recentred = False
        self.images: tuple[EyeImages, ...] = ()
        self.is_srgb = True
        self._is_running = False
        self._is_over = False

    def request_end(self) -> None:
        """Ask the runtime to end the running session; `frames` ends when it has."""
        bindings().request_exit_session(self.handle)

    def frames(self, is_over: Callable[[], bool]) -> Iterator[Frame]:
        """Frames as the display wants them, until the session ends. Each is submitted with `submit` or `skip`.

        Args:
            is_over: asked while there are none, as when the headset is not worn; then True ends it.
        """
        xr = bindings()
        while True:
            self._take_events()
            if self._is_over or (not self._is_running and is_over()):
                return
            if not self._is_running:
                time.sleep(_IDLE_S)
                continue
            state = xr.wait_frame(self.handle)
            woken_s = time.monotonic()
            xr.begin_frame(self.handle)
            yield self._frame(state, woken_s)

    def draw(self, eye: int, paint: Callable[[moderngl.Framebuffer], None]) -> None:
        """Have one eye's next image painted."""
        xr = bindings()
        images = self.images[eye]
        index = xr.acquire_swapchain_image(images.handle, xr.SwapchainImageAcquireInfo())
        xr.wait_swapchain_image(images.handle, xr.SwapchainImageWaitInfo(timeout=xr.INFINITE_DURATION))
        try:
            paint(images.framebuffers[int(index)])
        finally:
            xr.release_swapchain_image(images.handle, xr.SwapchainImageReleaseInfo())

    def submit(self, frame: Frame, blending: Blending, under: Sequence[Any] = ()) -> None:
        """Show what was drawn into the eyes' images.

        Args:
            under: composition layers below it.
        """
        xr = bindings()
        views = [
            xr.CompositionLayerProjectionView(pose=view.pose, fov=view.fov, sub_image=_whole(images))
            for view, images in zip(frame.views, self.images, strict=True)
        ]
        # Colours are premultiplied by alpha, which is what BLEND_TEXTURE_SOURCE_ALPHA alone means.
        flags = xr.CompositionLayerFlags.BLEND_TEXTURE_SOURCE_ALPHA_BIT if blending.shows_room else 0
        layer = xr.CompositionLayerProjection(
            layer_flags=xr.CompositionLayerFlags(flags), space=self.space, views=views
        )
        pointers = [ctypes.byref(each) for each in (*under, layer)]
        self._end(frame, blending, pointers)

    def skip(self, frame: Frame, blending: Blending) -> None:
        """Show nothing: the headset is not worn, or its place is not known."""
        self._end(frame, blending, [])

    def _end(self, frame: Frame, blending: Blending, layers: list[Any]) -> None:
        xr = bindings()
        mode = xr.EnvironmentBlendMode(blending.mode.value)
        info = xr.FrameEndInfo(display_time=frame.display_ns, environment_blend_mode=mode, layers=layers)
        xr.end_frame(self.handle, info)

    def _take_events(self) -> None:
        xr = bindings()
        while True:
            try:
                event = xr.poll_event(self.runtime.instance)
            except xr.EventUnavailable:
                return
            kind = xr.StructureType(event.type)
            if kind == xr.StructureType.EVENT_DATA_SESSION_STATE_CHANGED:
                changed = ctypes.cast(ctypes.byref(event), ctypes.POINTER(xr.EventDataSessionStateChanged)).contents
                self._enter(xr.SessionState(changed.state))
            elif kind == xr.StructureType.EVENT_DATA_REFERENCE_SPACE_CHANGE_PENDING:
                self.was_recentred = True
            elif kind == xr.StructureType.EVENT_DATA_INSTANCE_LOSS_PENDING:
                self._is_over = True

    def _enter(self, state: Any) -> None:
        xr = bindings()
        self.is_focused = state == xr.SessionState.FOCUSED
        if state == xr.SessionState.READY:
            xr.begin_session(self.handle, xr.SessionBeginInfo(xr.ViewConfigurationType.PRIMARY_STEREO))
            self._is_running = True
        elif state == xr.SessionState.STOPPING:
            self._is_running = False
            xr.end_session(self.handle)
        elif state in (xr.SessionState.EXITING, xr.SessionState.LOSS_PENDING):
            self._is_over = True

    def _frame(self, state: Any, woken_s: float) -> Frame:
        display_ns = int(state.predicted_display_time)
        views = self._views(display_ns) if state.should_render else ()
        eyes = tuple(Eye(pose_matrix(view.pose), FieldOfView(*map(float, view.fov))) for view in views)
        head = np.eye(4)
        if eyes:
            head = eyes[0].world_from_eye.copy()
            head[:3, 3] = np.mean([eye.position_m for eye in eyes], axis=0)
        period_ns = int(state.predicted_display_period)
        display_s = self._monotonic_s(display_ns, period_ns, woken_s)
        return Frame(display_ns, period_ns, display_s, woken_s, head, eyes, views)

    def _views(self, display_ns: int) -> tuple[Any, ...]:
        xr = bindings()
        info = xr.ViewLocateInfo(xr.ViewConfigurationType.PRIMARY_STEREO, display_ns, self.space)
        state, views = xr.locate_views(self.handle, info)
        needed = xr.ViewStateFlags.POSITION_VALID_BIT | xr.ViewStateFlags.ORIENTATION_VALID_BIT
        if int(state.view_state_flags) & int(needed) != int(needed):
            return ()
        return tuple(views)

    def _monotonic_s(self, display_ns: int, period_ns: int, woken_s: float) -> float:
        """The runtime's time on the clock of `time.monotonic`: asked where it can be, else a period after waking."""
        xr = bindings()
        if TIMESPEC in self.runtime.extensions:
            spec = xr.convert_time_to_timespec_time_khr(self.runtime.instance, display_ns)
            return float(spec.tv_sec) + float(spec.tv_nsec) * 1e-9
        return woken_s + period_ns * 1e-9


@contextmanager
def open_session(runtime: Runtime, gl: moderngl.Context, binding: Any) -> Iterator[Session]:
    """A session with its swapchains, until the block ends.

    Raises:
        EnvironmentLacks: the runtime refuses one.
    """
    xr = bindings()
    with ExitStack() as closing:
        with told_plainly("a session"):
            handle = xr.create_session(
                runtime.instance, xr.SessionCreateInfo(system_id=runtime.system, next=binding.pointer)
            )
            closing.callback(xr.destroy_session, handle)
            kinds = {int(kind) for kind in xr.enumerate_reference_spaces(handle)}
            has_floor = xr.ReferenceSpaceType.STAGE.value in kinds
            kind = xr.ReferenceSpaceType.STAGE if has_floor else xr.ReferenceSpaceType.LOCAL
            space = xr.create_reference_space(handle, xr.ReferenceSpaceCreateInfo(kind, xr.Posef()))
            closing.callback(xr.destroy_space, space)
            session = Session(runtime, handle, space, has_floor=has_floor)
            offered = [int(each) for each in xr.enumerate_swapchain_formats(handle)]
            chosen = next((each for each in _FORMATS if each in offered), None)
            if chosen is None:
                raise EnvironmentLacks("the OpenXR runtime offers no image format of 8 bits or more", "Update it.")
            session.is_srgb = chosen == _SRGB
            kind = xr.ViewConfigurationType.PRIMARY_STEREO
            views = xr.enumerate_view_configuration_views(runtime.instance, runtime.system, kind)
            session.images = tuple(_eye_images(handle, gl, view, chosen, closing) for view in views)
        with told_plainly("to go on"):
            yield session


def _eye_images(session: Any, gl: moderngl.Context, view: Any, chosen: int, closing: ExitStack) -> EyeImages:
    xr = bindings()
    width, height = int(view.recommended_image_rect_width), int(view.recommended_image_rect_height)
    usage = xr.SwapchainUsageFlags.SAMPLED_BIT | xr.SwapchainUsageFlags.COLOR_ATTACHMENT_BIT
    handle = xr.create_swapchain(
        session,
        xr.SwapchainCreateInfo(
            usage_flags=usage,
            format=chosen,
            sample_count=1,
            width=width,
            height=height,
            face_count=1,
            array_size=1,
            mip_count=1,
        ),
    )
    closing.callback(xr.destroy_swapchain, handle)
    textures = xr.enumerate_swapchain_images(swapchain=handle, element_type=xr.SwapchainImageOpenGLKHR)
    framebuffers = tuple(
        gl.framebuffer(gl.external_texture(int(each.image), (width, height), 4, 0, "f1")) for each in textures
    )
    return EyeImages(handle, (width, height), framebuffers)


def _whole(images: EyeImages) -> Any:
    xr = bindings()
    rect = xr.Rect2Di(offset=xr.Offset2Di(0, 0), extent=xr.Extent2Di(*images.size_px))
    return xr.SwapchainSubImage(swapchain=images.handle, image_rect=rect)
