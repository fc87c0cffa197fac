"""Connected components, and what is kept by size or by contact.

Components are numbered 1 … by their first voxel in walking order (i fastest, then j, then k), so
the numbers agree on every device. Connectivity 6, 18 or 26 joins across faces, edges, corners; 4
joins faces within a slice of constant k and treats each slice alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch

from engine.core.errors import InvalidValue
from engine.segment.steps.layout import host_array, indexed, on_host, walked
from engine.segment.steps.runs import CONNECTIVITIES, repaint, runs_of


def components(mask: torch.Tensor, *, connectivity: int = 6) -> tuple[torch.Tensor, int]:
    """Number the components of `mask`.

    Args:
        mask: (ni, nj, nk) bool.
        connectivity: 4, 6, 18 or 26.

    Returns:
        (ni, nj, nk) int32, 0 outside the mask, and the number of components.
    """
    _check(connectivity)
    walk = walked(mask)
    if on_host(mask):
        runs = runs_of(host_array(walk), connectivity)
        painted = runs.painted(np.arange(runs.count + 1, dtype=np.int32))
        return indexed(torch.from_numpy(painted)), runs.count
    labels, count = _propagated(walk, connectivity)
    return indexed(labels), count


def component_sizes(mask: torch.Tensor, *, connectivity: int = 6) -> torch.Tensor:
    """Voxels in each component, (count + 1,) int64 on the mask's device; index 0 is 0."""
    _check(connectivity)
    walk = walked(mask)
    if on_host(mask):
        return torch.from_numpy(runs_of(host_array(walk), connectivity).sizes())
    return _sizes(*_propagated(walk, connectivity))


def kept(
    mask: torch.Tensor,
    keep: Callable[..., torch.Tensor],
    values: Sequence[torch.Tensor] = (),
    *,
    connectivity: int = 6,
) -> torch.Tensor:
    """The components that `keep` chooses by their size and sums.

    Args:
        mask: (ni, nj, nk) bool.
        keep: given the voxel count of each component and, for each of `values`, its sum over the
            component, all (count,) int64; returns (count,) bool on the same device.
        values: integer tensors (ni, nj, nk) to sum.
        connectivity: 4, 6, 18 or 26.
    """
    _check(connectivity)
    walk, walks = walked(mask), [walked(v) for v in values]
    if on_host(mask):
        runs = runs_of(host_array(walk), connectivity)
        table = [runs.sizes(), *(runs.sums(host_array(v)) for v in walks)]
        chosen = _padded(keep(*(torch.from_numpy(column[1:]) for column in table)))
        return indexed(torch.from_numpy(runs.painted(chosen.numpy())))
    labels, count = _propagated(walk, connectivity)
    columns = [_sizes(labels, count), *(_sums(labels, count, v) for v in walks)]
    return indexed(_chosen(labels, _padded(keep(*(column[1:] for column in columns)))))


def relabelled(
    labels: torch.Tensor,
    label: int,
    to: int,
    choose: Callable[..., torch.Tensor],
    values: Sequence[torch.Tensor] = (),
    *,
    connectivity: int = 6,
) -> torch.Tensor:
    """`labels` with the components of `label` that `choose` picks turned into label `to`.

    Arguments as for `kept`; `labels` is uint8 and is changed in place where its layout allows.
    """
    _check(connectivity)
    walk, walks = walked(labels), [walked(v) for v in values]
    if on_host(labels):
        runs = runs_of(host_array(walk), connectivity, label)
        table = [runs.sizes(), *(runs.sums(host_array(v)) for v in walks)]
        chosen = _padded(choose(*(torch.from_numpy(column[1:]) for column in table)))
        repaint(host_array(walk), runs, chosen.numpy(), to)
        return indexed(walk)
    picked = kept(labels == label, choose, values, connectivity=connectivity)
    return torch.where(picked, to, labels).to(labels.dtype)


def larger_than(mask: torch.Tensor, voxels: int, *, connectivity: int = 6) -> torch.Tensor:
    """The components of at least `voxels` voxels."""
    return kept(mask, lambda sizes: sizes >= voxels, connectivity=connectivity)


def largest(mask: torch.Tensor, count: int = 1, *, connectivity: int = 6) -> torch.Tensor:
    """The `count` largest components; of equals, the first in walking order."""
    return kept(mask, lambda sizes: _largest(sizes, count), connectivity=connectivity)


def touching(mask: torch.Tensor, seeds: torch.Tensor, *, connectivity: int = 6) -> torch.Tensor:
    """Region growing: the components of `mask` that hold a voxel of `seeds`."""
    _check(connectivity)
    walk, seeded = walked(mask), walked(seeds & mask)
    if on_host(mask):
        runs = runs_of(host_array(walk), connectivity)
        return indexed(torch.from_numpy(runs.painted(runs.touched(host_array(seeded)))))
    labels, count = _propagated(walk, connectivity)
    keep = torch.zeros(count + 1, dtype=torch.bool, device=mask.device)
    keep[labels[seeded].long()] = True
    return indexed(_chosen(labels, keep))


def _check(connectivity: int) -> None:
    if connectivity not in CONNECTIVITIES:
        raise InvalidValue(f"connectivity is one of {CONNECTIVITIES}, got {connectivity}")


def _sizes(labels: torch.Tensor, count: int) -> torch.Tensor:
    sizes = torch.bincount(labels.reshape(-1), minlength=count + 1)
    sizes[0] = 0
    return sizes


def _sums(labels: torch.Tensor, count: int, values: torch.Tensor) -> torch.Tensor:
    sums = torch.zeros(count + 1, dtype=torch.int64, device=labels.device)
    return sums.scatter_add_(0, labels.reshape(-1).long(), values.reshape(-1).to(torch.int64))


def _padded(keep: torch.Tensor) -> torch.Tensor:
    """Background before the components: never kept."""
    return torch.cat([keep.new_zeros(1), keep])


def _chosen(labels: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    chosen: torch.Tensor = keep[labels.long()] & (labels > 0)
    return chosen


def _largest(sizes: torch.Tensor, count: int) -> torch.Tensor:
    order = torch.sort(sizes, descending=True, stable=True).indices[:count]
    keep = torch.zeros(len(sizes), dtype=torch.bool, device=sizes.device)
    keep[order] = True
    return keep


def _propagated(walk: torch.Tensor, connectivity: int) -> tuple[torch.Tensor, int]:
    """Components by hooking and pointer jumping, on any device; walked in, walked out.

    Every voxel points at a voxel of its component with a smaller index; hooking takes the least
    pointer among neighbours, for the voxel and for the one it points at, and jumping halves the
    way to the root (Zhang, Azad, Hu, "FastSV: a distributed-memory connected component algorithm
    with fast convergence", SIAM PP 2020).
    """
    outside = walk.numel()
    index = torch.arange(outside, device=walk.device).reshape(walk.shape)
    flat = torch.where(walk, index, outside).reshape(-1)
    parent = torch.cat([flat, flat.new_tensor([outside])])
    while True:
        before = parent.clone()
        lowest = _least_neighbour(parent[:-1].reshape(walk.shape), connectivity, outside).reshape(-1)
        lowest = torch.where(walk.reshape(-1), lowest, outside)
        parent.scatter_reduce_(0, before[:-1], lowest, "amin")
        parent[outside] = outside
        parent[:-1] = torch.minimum(parent[:-1], lowest)
        parent = parent[parent]
        if torch.equal(parent, before):
            break
    roots, numbers = torch.unique(parent[:-1][walk.reshape(-1)], return_inverse=True)
    labels = torch.zeros(outside, dtype=torch.int32, device=walk.device)
    labels[walk.reshape(-1)] = numbers.to(torch.int32) + 1
    return labels.reshape(walk.shape), len(roots)


def _least_neighbour(values: torch.Tensor, connectivity: int, outside: int) -> torch.Tensor:
    padded = torch.nn.functional.pad(values, (1, 1, 1, 1, 1, 1), value=outside)
    nk, nj, ni = values.shape
    least = values
    for dk, dj, di in _offsets(connectivity):
        least = torch.minimum(least, padded[1 + dk : 1 + dk + nk, 1 + dj : 1 + dj + nj, 1 + di : 1 + di + ni])
    return least


def _offsets(connectivity: int) -> list[tuple[int, int, int]]:
    """Neighbours as (dk, dj, di)."""
    steps = {4: 1, 6: 1, 18: 2, 26: 3}[connectivity]
    near = (-1, 0, 1)
    offsets = [o for o in itertools.product(near, near, near) if 0 < sum(map(abs, o)) <= steps]
    return [o for o in offsets if connectivity != 4 or o[0] == 0]
