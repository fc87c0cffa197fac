"""Level of detail: the same surface at several error bounds, each made from the one before."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from itertools import pairwise

from engine.core.errors import InvalidValue
from engine.core.progress import Progress, silent
from engine.core.surface import Surface
from engine.mesh.kernels_slabs import thread_count
from engine.mesh.simplify import Draft, finished, reduce


def build_lods(
    surfaces: Sequence[Surface],
    bounds_mm: Sequence[Sequence[float]],
    *,
    workers: int | None = None,
    progress: Progress = silent,
) -> list[tuple[Surface, ...]]:
    """Each surface at each of its bounds, finest first; a leading bound of 0 keeps the surface itself.

    Bounds are distances to the surface given, not from level to level, and each level's `error_mm` states what was
    reached.

    Args:
        surfaces: closed two-manifolds; all are worked on side by side.
        bounds_mm: for each surface its own, rising, millimetres.
        workers: threads; all processors by default. The result does not depend on it.
        progress: called after each surface.

    Raises:
        InvalidValue: bounds that do not rise, or are negative, or not as many as surfaces.
        Cancelled: from `progress`.
    """
    if len(bounds_mm) != len(surfaces):
        raise InvalidValue(f"{len(surfaces)} surfaces, bounds for {len(bounds_mm)}")
    for bounds in bounds_mm:
        _check_bounds(bounds)
    count = workers or thread_count()
    # Two pools: a surface waits for its blocks, so the threads that wait must not be those that work.
    with ThreadPoolExecutor(count) as pool, ThreadPoolExecutor(count) as conductors:
        largest_first = sorted(range(len(surfaces)), key=lambda i: -surfaces[i].triangle_count)
        jobs = {conductors.submit(_levels, surfaces[i], bounds_mm[i], pool): i for i in largest_first}
        levels: dict[int, tuple[Surface, ...]] = {}
        try:
            for job in as_completed(jobs):
                levels[jobs[job]] = job.result()
                progress(len(levels) / len(jobs), "simplifying surfaces")
        except BaseException:
            conductors.shutdown(wait=False, cancel_futures=True)
            raise
    return [levels[i] for i in range(len(surfaces))]


def _levels(surface: Surface, bounds_mm: Sequence[float], pool: Executor) -> tuple[Surface, ...]:
    draft = Draft.of(surface)
    levels = []
    for bound in bounds_mm:
        if bound > 0:
            draft = reduce(draft, bound, pool)
        levels.append(finished(surface, draft))
    return tuple(levels)


def _check_bounds(bounds_mm: Sequence[float]) -> None:
    if not bounds_mm or not bounds_mm[0] >= 0 or not all(a < b < float("inf") for a, b in pairwise(bounds_mm)):
        raise InvalidValue(f"LOD bounds rise from 0 or more millimetres, got {tuple(bounds_mm)}")
