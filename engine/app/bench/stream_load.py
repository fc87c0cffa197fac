"""The load of `bench stream`: a 512³ CT segmented again and again, as a worker of the server does it.

`python -m engine.app.bench.stream_load`: prints a line when it is under way, then runs until it is killed.
"""

from __future__ import annotations

import itertools

import numpy as np

from engine.app.priority import give_way
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.volume import Quantity, Volume
from engine.ingest.phantom.make import make_phantom
from engine.segment.pipelines import choose

EDGE = 512


def large_scan() -> Volume:
    """A chest of 512³ voxels, each of a small phantom's taken several times."""
    small = make_phantom("thorax", size="small", seed=0).volume
    samples = np.asarray(small.samples)
    picks = [np.linspace(0, n - 1, EDGE).round().astype(int) for n in samples.shape]
    spacing_mm = tuple(float(s * n / EDGE) for s, n in zip(small.grid.spacing_mm, samples.shape, strict=True))
    grid = Grid.centred((EDGE, EDGE, EDGE), spacing_mm, "2.25.1")
    return Volume(grid, np.ascontiguousarray(samples[np.ix_(*picks)]), Quantity.HOUNSFIELD, small.source)


def main() -> None:
    """Segment for ever."""
    give_way()
    scan = large_scan()
    segmenter = choose(scan)
    segmenter.segment(scan, progress=silent)
    for count in itertools.count(1):
        print(count, flush=True)  # noqa: T201  what whoever started it waits for
        segmenter.segment(scan, progress=silent)


if __name__ == "__main__":
    main()
