"""The one truth of a session: the scene, and the numbered ops that made it."""

from __future__ import annotations

from collections import deque

from engine.stream.messages import NumberedOp, Op, PutNode, RemoveNode, ReplaceScene, Scene, SceneNode

#: Ops kept for peers that come back. A peer further behind gets a snapshot.
TAIL_LENGTH = 1024


class SceneLog:
    """Folds ops into a scene, numbers them, and keeps the tail for peers that reconnect.

    `epoch` names this run of the server: sequence numbers of another epoch mean nothing here.
    """

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.seq = 0
        self.scene: Scene | None = None
        self._tail: deque[NumberedOp] = deque(maxlen=TAIL_LENGTH)

    def append(self, op: Op) -> NumberedOp:
        """Apply `op`, number it, and return it as it goes to every peer.

        Raises:
            KeyError: a node that is not there, or no scene yet.
        """
        self.scene = _apply(self.scene, op)
        self.seq += 1
        numbered = NumberedOp(seq=self.seq, op=op)
        self._tail.append(numbered)
        return numbered

    def since(self, epoch: str | None, last_seq: int | None) -> tuple[NumberedOp, ...] | None:
        """The ops after `last_seq`, or None when the peer needs a snapshot."""
        if epoch != self.epoch or last_seq is None or last_seq > self.seq:
            return None
        missing = self.seq - last_seq
        if missing > len(self._tail):
            return None
        return tuple(self._tail)[len(self._tail) - missing :]


def _apply(scene: Scene | None, op: Op) -> Scene:
    if isinstance(op, ReplaceScene):
        return op.scene
    if scene is None:
        raise KeyError("no scene to change yet")
    if isinstance(op, PutNode):
        return scene.model_copy(update={"nodes": _with(scene.nodes, op.node)})
    if isinstance(op, RemoveNode):
        if all(node.id != op.id for node in scene.nodes):
            raise KeyError(f"no node {op.id}")
        return scene.model_copy(update={"nodes": tuple(node for node in scene.nodes if node.id != op.id)})
    raise TypeError(f"not an op: {op!r}")


def _with(nodes: tuple[SceneNode, ...], node: SceneNode) -> tuple[SceneNode, ...]:
    if any(old.id == node.id for old in nodes):
        return tuple(node if old.id == node.id else old for old in nodes)
    return (*nodes, node)
