"""How the inner loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile `function`, keep it on disk, and run it without the interpreter lock."""
    return cast(Function, njit(nogil=True, cache=True, fastmath=False)(function))


def inlined(function: Function) -> Function:
    """Compile `function` into the kernels that call it."""
    return cast(Function, njit(nogil=True, cache=True, forceinline=True)(function))
