"""The one truth of a session: the scene, and the numbered ops that made it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from engine.core.errors import InvalidValue
from engine.stream.messages import (
    EditScene,
    LabelBox,
    MoveSurface,
    NumberedOp,
    Op,
    PatchedSurface,
    PutNode,
    Registration,
    RemoveNode,
    RenewScene,
    ReplaceScene,
    RoleName,
    Scene,
    SceneNode,
    SetAlerts,
    SetGuidance,
    SetRegistration,
    SurfaceNode,
    SurfacePatch,
    TrackedNode,
    VolumeNode,
)
from engine.stream.patches import latest_first

#: Ops kept for peers that come back, in number and in characters. A peer further behind gets a snapshot.
TAIL_LENGTH = 1024
TAIL_CHARACTERS = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One op as every peer and every recording has it: its number, and a text that is the same bytes for all.

    The op itself is not kept: as objects it takes ten times as much.
    """

    seq: int
    text: str


class SceneLog:
    """Folds ops into a scene, numbers them, and keeps the tail for peers that reconnect.

    `epoch` names this run of the server: sequence numbers of another epoch mean nothing here.
    """

    def __init__(self, epoch: str, seq: int = 0, scene: Scene | None = None) -> None:
        self.epoch = epoch
        self.seq = seq
        self.scene = scene
        self._tail: deque[Entry] = deque()
        self._tail_characters = 0

    def append(self, op: Op) -> Entry:
        """Apply `op`, number it, and return it as it goes to every peer.

        Raises:
            KeyError: a node that is not there, or no scene yet.
        """
        seq = self.seq + 1
        entry = Entry(seq, NumberedOp(seq=seq, op=op).model_dump_json())
        self.take(entry, op)
        return entry

    def take(self, entry: Entry, op: Op) -> None:
        """Apply an op that was numbered elsewhere, and keep its text as it is.

        Raises:
            InvalidValue: not the next number.
            KeyError: as `append`.
        """
        if entry.seq != self.seq + 1:
            raise InvalidValue(f"op {entry.seq} does not follow op {self.seq}")
        self.scene = folded(self.scene, op)
        self.seq = entry.seq
        self._tail.append(entry)
        self._tail_characters += len(entry.text)
        while len(self._tail) > TAIL_LENGTH or self._tail_characters > TAIL_CHARACTERS:
            self._tail_characters -= len(self._tail.popleft().text)

    def restart(self, epoch: str, seq: int) -> None:
        """Begin again under another epoch, without a scene; the next op is numbered `seq` + 1."""
        self.epoch, self.scene = epoch, None
        self.skip(seq)

    def skip(self, seq: int) -> None:
        """Number on from `seq`: what would have led there is void, or was missed. Peers behind get a snapshot."""
        self.seq = seq
        self._tail.clear()
        self._tail_characters = 0

    def since(self, epoch: str | None, last_seq: int | None) -> tuple[Entry, ...] | None:
        """The ops after `last_seq`, or None when the peer needs a snapshot."""
        if epoch != self.epoch or last_seq is None or last_seq > self.seq:
            return None
        missing = self.seq - last_seq
        if missing > len(self._tail):
            return None
        return tuple(self._tail)[len(self._tail) - missing :]


def folded(scene: Scene | None, op: Op) -> Scene:
    """The scene after `op`; raises KeyError as `SceneLog.append` does."""
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
    if isinstance(op, EditScene):
        return scene.model_copy(update={"nodes": _edited(scene.nodes, op)})
    if isinstance(op, RenewScene):
        return scene.model_copy(update={"nodes": _renewed(scene.nodes, op)})
    if isinstance(op, MoveSurface):
        return scene.model_copy(update={"nodes": _moved(scene.nodes, op)})
    if isinstance(op, SetRegistration):
        return _registered(scene, op.registration)
    if isinstance(op, SetGuidance):
        return scene.model_copy(update={"guidance": op.guidance} | ({} if op.guidance else {"alerts": ()}))
    if isinstance(op, SetAlerts):
        return scene.model_copy(update={"alerts": op.alerts})
    raise TypeError(f"not an op: {op!r}")


def resumed(scene: Scene) -> Scene:
    """A scene that outlived its server: devices and guidance come again, and no registration is believed unchecked.

    The patient may have moved, or be another: a landmark check makes it true again, under a new epoch.
    """
    epoch = scene.registration_epoch + (scene.registration is not None)
    known = scene.registration
    registration = known and known.model_copy(update={"verified": False, "epoch": epoch})
    still = [node for node in scene.nodes if not isinstance(node, TrackedNode)]
    nodes = tuple(node.model_copy(update={"registration_epoch": epoch}) for node in still)
    changes = {
        "nodes": nodes,
        "registration": registration,
        "registration_epoch": epoch,
        "guidance": None,
        "alerts": (),
    }
    return scene.model_copy(update=changes)


def _registered(scene: Scene, registration: Registration) -> Scene:
    nodes = tuple(node.model_copy(update={"registration_epoch": registration.epoch}) for node in scene.nodes)
    changes = {"registration": registration, "registration_epoch": registration.epoch, "nodes": nodes}
    return scene.model_copy(update=changes)


def _edited(nodes: tuple[SceneNode, ...], op: EditScene) -> tuple[SceneNode, ...]:
    changes = {surface.id: surface for surface in op.surfaces}
    missing = changes.keys() - {node.id for node in nodes if isinstance(node, SurfaceNode)}
    if missing or not any(isinstance(node, VolumeNode) for node in nodes):
        raise KeyError(f"no node {min(missing)}" if missing else "no volume to edit")
    return tuple(
        _patched(node, changes[node.id], op.by)
        if isinstance(node, SurfaceNode) and node.id in changes
        else _relabelled(node, op.labels)
        if isinstance(node, VolumeNode)
        else node
        for node in nodes
    )


def _patched(node: SurfaceNode, change: PatchedSurface, by: RoleName | None) -> SurfaceNode:
    patches = _seen((*node.patches, *change.patches))
    hands = node.corrected_by if by is None or by in node.corrected_by else (*node.corrected_by, by)
    return node.model_copy(update={"volume_ml": change.volume_ml, "patches": patches, "corrected_by": hands})


def _moved(nodes: tuple[SceneNode, ...], op: MoveSurface) -> tuple[SceneNode, ...]:
    known = next((node for node in nodes if isinstance(node, SurfaceNode) and node.id == op.id), None)
    if known is None or len(known.lods) != len(op.moved):
        raise KeyError(f"no surface {op.id} with {len(op.moved)} levels of detail")
    changes = {"moved": op.moved, "volume_ml": op.volume_ml, "surface_area_mm2": op.surface_area_mm2}
    return _with(nodes, known.model_copy(update=changes))


def _renewed(nodes: tuple[SceneNode, ...], op: RenewScene) -> tuple[SceneNode, ...]:
    renewed = {surface.id: surface for surface in op.surfaces}
    edits = frozenset(op.edits)

    def fold(node: SceneNode) -> SceneNode:
        if isinstance(node, VolumeNode):
            boxes = tuple(box for box in node.label_boxes if box.blob not in edits)
            return node.model_copy(update={"label_slabs": op.label_slabs, "label_boxes": boxes})
        if isinstance(node, SurfaceNode) and (made := renewed.get(node.id)) is not None:
            patches = tuple(patch for patch in node.patches if patch.blob not in edits)
            changes = {"lods": made.lods, "moved": (), "surface_area_mm2": made.surface_area_mm2, "closed": made.closed}
            return node.model_copy(update=changes | {"patches": patches})
        return node

    return tuple(map(fold, nodes))


def _seen(patches: tuple[SurfacePatch, ...]) -> tuple[SurfacePatch, ...]:
    """Those of which any block shows: a later patch takes the place of its blocks in earlier ones."""
    kept = [patch for patch, over in latest_first(patches) if not over.issuperset(patch.blocks)]
    return tuple(reversed(kept))


def _relabelled(node: VolumeNode, box: LabelBox) -> VolumeNode:
    """Boxes that the new one covers are never seen again."""
    kept = tuple(old for old in node.label_boxes if not _covers(box, old))
    return node.model_copy(update={"label_boxes": (*kept, box)})


def _covers(box: LabelBox, old: LabelBox) -> bool:
    return all(
        box.low[axis] <= old.low[axis] and old.low[axis] + old.shape[axis] <= box.low[axis] + box.shape[axis]
        for axis in range(3)
    )


def _with(nodes: tuple[SceneNode, ...], node: SceneNode) -> tuple[SceneNode, ...]:
    if any(old.id == node.id for old in nodes):
        return tuple(node if old.id == node.id else old for old in nodes)
    return (*nodes, node)
