"""An OpenGL context without a window of its own, and how OpenXR is told of it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import moderngl

from engine.core.errors import EnvironmentLacks
from engine.xr.openxr import bindings, has_window_system, told_plainly
from engine.xr.runtime import EGL, Runtime

#: 3-D textures, 32-bit indices, sRGB framebuffers, clip distances: all of 2010.
OPENGL = 330


@contextmanager
def open_graphics(runtime: Runtime) -> Iterator[tuple[moderngl.Context, Any]]:
    """A current OpenGL context, and the binding that a session is made with, until the block ends.

    Raises:
        EnvironmentLacks: there is no OpenGL of 2010 or newer, or no way to hand it to the runtime.
    """
    xr = bindings()
    provider = _provider(runtime)
    try:
        provider.make_current()
        with told_plainly("OpenGL"):
            _ask_requirements(runtime)
            # Adopts the current context: only ever one, a second would fail inside the driver.
            gl = moderngl.create_context()
            if gl.version_code < OPENGL:
                raise EnvironmentLacks(
                    f"this machine's OpenGL is {gl.version_code / 100:.1f}", "Update its graphics driver."
                )
            yield gl, xr.utils.gl.create_graphics_binding(provider)
    finally:
        provider.destroy()


def _provider(runtime: Runtime) -> Any:
    """A hidden window where there is a window system, else a surface of EGL."""
    if not has_window_system() and EGL not in runtime.extensions:
        raise EnvironmentLacks(f"{runtime.name} needs a window system", "Start this on the desktop, with DISPLAY set.")
    try:
        if has_window_system():
            import glfw
            from xr.utils.gl.glfw_util import GLFWOffscreenContextProvider

            if hasattr(glfw, "PLATFORM_X11") and hasattr(glfw, "init_hint"):
                # OpenXR has no binding for Wayland's OpenGL; X works there too.
                glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_X11)
            return GLFWOffscreenContextProvider()
        from xr.utils.gl.egl_util import EGLOffscreenContextProvider

        return EGLOffscreenContextProvider()
    except (ImportError, OSError, RuntimeError) as error:
        remedy = "As root: apt-get install -y --no-install-recommends libgl1 libegl1 libgl1-mesa-dri"
        raise EnvironmentLacks(f"no OpenGL context can be made ({error})", remedy) from error
    except Exception as error:  # PyOpenGL's EGL errors share no base with others
        if type(error).__module__.partition(".")[0] != "OpenGL":
            raise
        remedy = "As root: apt-get install -y --no-install-recommends libegl-mesa0 libgl1-mesa-dri"
        raise EnvironmentLacks("EGL does not start", remedy) from error


def _ask_requirements(runtime: Runtime) -> None:
    """Must be asked before a session is made (XR_KHR_opengl_enable); what it says is older than `OPENGL`."""
    xr = bindings()
    function = ctypes.cast(
        xr.get_instance_proc_addr(runtime.instance, "xrGetOpenGLGraphicsRequirementsKHR"),
        xr.PFN_xrGetOpenGLGraphicsRequirementsKHR,
    )
    requirements = xr.GraphicsRequirementsOpenGLKHR()
    result = xr.check_result(xr.Result(function(runtime.instance, runtime.system, ctypes.byref(requirements))))
    if result.is_exception():
        raise result
