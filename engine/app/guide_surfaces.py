"""Keeps what is measured in step with what is drawn: trees of surfaces, built one after the other beside the loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.app.guide_structures import follows_tissue, surface_nodes, surface_of, version_of
from engine.core.anatomy import OUTER
from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from engine.stream.messages import Scene, SurfaceNode
from guidance.margins.surface_tree import SurfaceTree
from guidance.register.deformation import Deformation

#: Of the error of a guess (root mean square), what holds in 95 % of cases along one direction.
_HOLDS = 1.96


class Surfaces:
    """Not a value: it follows the scene.

    `outer` is the surface that tools go in through, once it is there. While `deformation` is set, what follows soft
    tissue is measured only where that has put it, with the error of the guess.
    """

    def __init__(
        self,
        scene: Scene,
        keys: Callable[[], tuple[str, ...]],
        blobs: Path,
        put: Callable[[str, str, SurfaceTree | None], None],
        put_outer: Callable[[Surface], None],
    ) -> None:
        """`put` takes a structure's key, its name, and its tree or that it is not ready; `put_outer` the outside."""
        self.outer: Surface | None = None
        self.deformation: Deformation | None = None
        self._keys = keys
        self._blobs = blobs
        self._put = put
        self._put_outer = put_outer
        self._scene = scene
        self._built: dict[str, str] = {}
        self._outer_version = ""
        self._building: asyncio.Task[None] | None = None

    def follow(self, scene: Scene) -> None:
        """The scene as it is now: what is no longer so is not measured from this moment."""
        self._scene = scene
        nodes = surface_nodes(scene)
        for key, version in list(self._built.items()):
            node = nodes.get(key)
            if node is None or self._version(node) != version:
                del self._built[key]
                self._put(key, key if node is None else node.structure.name, None)
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build())

    def close(self) -> None:
        """Build no more."""
        if self._building is not None:
            self._building.cancel()

    async def ready(self) -> None:
        """Until everything is built that can be."""
        while self._building is not None and not self._building.done():
            await asyncio.shield(self._building)

    def _version(self, node: SurfaceNode) -> str | None:
        if self.deformation is not None and follows_tissue(node) and not node.moved:
            return None
        return version_of(node)

    async def _build(self) -> None:
        while await self._build_tree() or await self._build_outer():
            pass

    async def _build_tree(self) -> bool:
        """The first that waits; whether there was one."""
        nodes = surface_nodes(self._scene)
        versions = {key: self._version(nodes[key]) for key in self._keys() if key in nodes}
        waiting = ((key, version) for key, version in versions.items() if version not in (None, self._built.get(key)))
        key, version = next(waiting, (None, None))
        if key is None or version is None:
            return False
        tree: SurfaceTree | None = None
        with contextlib.suppress(InvalidValue, OSError):  # told as not ready: open, so without an inside, or gone
            tree = await asyncio.to_thread(self._tree, self._scene, nodes[key], self.deformation)
        node = surface_nodes(self._scene).get(key)
        if node is not None and self._version(node) == version:
            self._built[key] = version
            self._put(key, node.structure.name, tree)
        return True

    def _tree(self, scene: Scene, node: SurfaceNode, deformation: Deformation | None) -> SurfaceTree:
        surface = surface_of(scene, node, self._blobs)
        if node.moved and deformation is not None:
            guess_mm = _HOLDS * float(deformation.error_now_mm(surface.vertices_mm.astype(np.float64)).max())
            surface = replace(surface, error_mm=surface.error_mm + guess_mm)
        return SurfaceTree(surface)

    async def _build_outer(self) -> bool:
        """The outside, if it is another than before; whether it was."""
        nodes = surface_nodes(self._scene)
        node = next((nodes[key] for key in OUTER if key in nodes and version_of(nodes[key]) is not None), None)
        if node is None or node.lods[0].blob == self._outer_version:
            return False
        self._outer_version = node.lods[0].blob
        with contextlib.suppress(InvalidValue, OSError):  # open, or gone: ways stay as they were planned
            surface = await asyncio.to_thread(surface_of, self._scene, node, self._blobs)
            self._put_outer(surface)
            self.outer = surface
        return True
