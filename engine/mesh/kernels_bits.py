"""Sixty-four voxels at a time: the machine operations that numba does not offer by name.

Rows of labels become rows of bits, so that everything after the first comparison costs a few
instructions per 64 voxels. LLVM turns `differing` into one vector comparison on AVX-512, two on
AVX2, four on SSE2 and NEON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

#: Voxels per word.
WORD = 64


def kernel(function: Function) -> Function:
    """Compile `function`, keep it on disk, and run it without the interpreter lock.

    Kernels are serial and take a range of slices: threads come from `engine.mesh.slabs`. numba's own `prange` would
    take several times longer to compile, and its bundled thread pool aborts the process when two threads enter it.
    """
    return cast(Function, njit(nogil=True, cache=True)(function))


def inlined(function: Function) -> Function:
    """Compile `function` into the kernels that call it: passing arrays costs more than short work."""
    return cast(Function, njit(nogil=True, cache=True, forceinline=True)(function))


def operation(generator: Callable[..., Any]) -> Callable[..., Any]:
    """A machine operation for use in kernels; `generator` gets numba's typing context before its arguments."""
    return cast("Callable[..., Any]", intrinsic(generator))


@operation
def differing(_typing: Any, array: Any, _left: Any, _right: Any) -> Any:
    """uint64 whose bit b says `array[left + b] != array[right + b]`; `array` is flat and contiguous."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, arguments[0]).data
        row = ir.VectorType(context.get_data_type(kind.dtype), WORD)

        def load(offset: Any) -> Any:
            start = builder.bitcast(builder.gep(data, [offset]), row.as_pointer())
            return builder.load(start, align=kind.dtype.bitwidth // 8, typ=row)

        unequal = builder.icmp_unsigned("!=", load(arguments[1]), load(arguments[2]))
        return builder.bitcast(unequal, ir.IntType(WORD))

    return types.uint64(array, types.intp, types.intp), generate


@operation
def popcount(_typing: Any, _word: Any) -> Any:
    """Number of bits set in a uint64, as intp."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.intp(types.uint64), generate


@operation
def lowest_bit(_typing: Any, _word: Any) -> Any:
    """Position of the lowest bit set in a non-zero uint64, as intp."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.intp(types.uint64), generate
