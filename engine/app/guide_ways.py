"""The ways of a session: judged by the structures that are watched, chosen, and moved by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.app.guide_trajectories import asked_for, trajectory_message
from engine.core.errors import InvalidValue
from engine.core.surface import Surface
from engine.stream import guiding
from engine.stream.guiding import TrajectoryAsk
from guidance.margins.surface_tree import SurfaceTree
from guidance.plan.plan import MOST_TRAJECTORIES, Plan
from guidance.register.deformation import Deformation
from guidance.trajectory.assess import Surroundings
from guidance.trajectory.entry_surface import EntrySurface
from guidance.trajectory.trajectory import Trajectory

#: Of a way that is drawn anew by hand.
RADIUS_MM = 1.5


class Ways:
    """Not a value: ways are moved, chosen and added."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._ways: dict[str, Trajectory] = {way.id: way for way in plan.trajectories}
        #: Of ways that moved with soft tissue: where they were, and where they were put.
        self._shifted: dict[str, tuple[Trajectory, Trajectory]] = {}
        self.chosen = plan.trajectories[0].id if plan.trajectories else None
        self._entry: EntrySurface | None = None
        self._trees: dict[str, SurfaceTree] = {}
        self._told: dict[str, guiding.Trajectory] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        """Structures that ways are held against: the target alone is meant to be reached."""
        watched = (one.key for one in self._plan.watched if one.key != self._plan.target)
        return tuple(dict.fromkeys((*watched, *self._plan.forbidden)))

    @property
    def all(self) -> tuple[Trajectory, ...]:
        """As they are now."""
        return tuple(self._ways.values())

    def put_entry(self, surface: Surface) -> None:
        """Where ways begin.

        Raises:
            InvalidValue: it is not closed.
        """
        self._entry = EntrySurface(surface)
        self._told.clear()

    def put(self, key: str, tree: SurfaceTree | None) -> None:
        """A structure, or that it is not ready: ways are then judged by the others, and say less."""
        if tree is None:
            self._trees.pop(key, None)
        elif key in self.keys:
            self._trees[key] = tree
        self._told.clear()

    def move(self, ask: TrajectoryAsk) -> None:
        """Other ends for a way, or a new way.

        Raises:
            InvalidValue: both ends in one place, or too many ways.
        """
        made = asked_for(ask, self._ways.values(), RADIUS_MM)
        if made.id not in self._ways and len(self._ways) >= MOST_TRAJECTORIES:
            raise InvalidValue(f"there are {MOST_TRAJECTORIES} ways already: move one of them")
        self._ways[made.id] = made
        self._told.pop(made.id, None)

    def shift(self, deformation: Deformation) -> None:
        """Targets move with the tissue that they lie in; entries lie on the outside, which does not."""
        self.put_back()
        for id_, way in self._ways.items():
            moved = replace(way, target_mm=deformation.moved(way.target_mm))
            self._shifted[id_] = way, moved
            self._ways[id_] = moved
        self._told.clear()

    def put_back(self) -> None:
        """Ways that moved with tissue are where they were planned, but for those that a hand has moved since."""
        for id_, (before, moved) in self._shifted.items():
            if self._ways[id_] is moved:
                self._ways[id_] = before
        self._shifted.clear()
        self._told.clear()

    def choose(self, way: str | None) -> None:
        """Guide along this one; along none where None.

        Raises:
            InvalidValue: no such way.
        """
        if way is not None and way not in self._ways:
            raise InvalidValue(f"{way} is no way of this plan")
        self.chosen = way

    def messages(self, names: Mapping[str, str]) -> tuple[guiding.Trajectory, ...]:
        """Every way with what it is worth; until the structures are ready, as it was planned."""
        for id_, way in self._ways.items():
            if id_ not in self._told:
                self._told[id_] = self._message(way, names)
        return tuple(self._told[id_] for id_ in self._ways)

    def _message(self, way: Trajectory, names: Mapping[str, str]) -> guiding.Trajectory:
        missing = [key for key in self.keys if key not in self._trees]
        if self._entry is None or missing:
            words = "not judged yet" if not missing else f"not judged: {names.get(missing[0], missing[0])} is not ready"
            entry, target = way.entry_mm.tolist(), way.target_mm.tolist()
            return guiding.Trajectory(
                id=way.id,
                name=way.name,
                entry_mm=(entry[0], entry[1], entry[2]),
                target_mm=(target[0], target[1], target[2]),
                radius_mm=way.radius_mm,
                refused=words,
            )
        forbidden = {key: tree for key, tree in self._trees.items() if key in self._plan.forbidden}
        watched = {key: tree for key, tree in self._trees.items() if key not in forbidden}
        return trajectory_message(Surroundings(self._entry, watched, forbidden, self._plan.limits).assess(way), names)
