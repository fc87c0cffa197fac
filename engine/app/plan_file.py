"""A plan as a file: JSON that a person can read and write (docs/planning.md)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.core.array import Float64
from engine.core.errors import EnvironmentLacks, FrameMismatch, InputRefused, InvalidValue
from engine.ingest.study import SeriesInfo
from guidance.alerts.level import Bands
from guidance.calibrate.block import Block
from guidance.calibrate.tool_tip import ToolTip
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import (
    Flaw,
    Landmark,
    Plan,
    PlannedMargin,
    PlannedTool,
    PlanRefused,
    Use,
    Watched,
    refuse_other,
)
from guidance.trajectory.trajectory import Limits, Trajectory
from guidance.uncertainty.point_error import LEVEL, PointError, region2

VERSION: Literal[1] = 1
#: A plan is a page or two.
MOST_BYTES = 2**20
#: Of the file, where it can be helped.
LONGEST_LINE = 120
#: Decimals of a millimetre that are written: no scan and no tracker knows more.
DECIMALS = 4

#: Of watched structures.
_USUAL = {"soon_s": Bands().soon_s, "leave_mm": Bands().leave_mm, "hold_s": Bands().hold_s}

_Numbers3 = tuple[float, float, float]
_Name = Annotated[str, Field(min_length=1, max_length=128)]
_UID = re.compile(r"[0-9.]+(#[0-9]+)?")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan, and where its scan and its structures come from.

    Attributes:
        plan: what is to be done.
        scan: file or folder of the series that it was made on.
        labels: segmentation that its structures are named in; None where a pipeline makes them.
        labels_sha256: of that file when the plan was made, so that a change is noticed; empty where nobody looked.
        pipeline: that makes the structures; None for the one that fits the scan. Not with `labels`.
    """

    plan: Plan
    scan: Path
    labels: Path | None = None
    labels_sha256: str = ""
    pipeline: str | None = None

    def __post_init__(self) -> None:
        if self.labels is not None and self.pipeline is not None:
            raise InvalidValue("structures come from labels or from a pipeline: give one of the two")


# --- as it is written -------------------------------------------------------------------------------


class _Part(BaseModel):
    """A part of the file. What it stands for is made at once, so that every fault is found with its place."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    def as_value(self) -> Any:
        return None

    @model_validator(mode="after")
    def _is_meant(self) -> _Part:
        self.as_value()
        return self


class _Scan(_Part):
    path: _Name
    series_uid: _Name
    frame_of_reference_uid: str = ""


class _Labels(_Part):
    path: _Name
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


class _Watched(_Part):
    key: _Name
    near_mm: float = Bands().near_mm
    risk_mm: float = Bands().risk_mm
    breach_mm: float = Bands().breach_mm
    soon_s: float = Bands().soon_s
    leave_mm: float = Bands().leave_mm
    hold_s: float = Bands().hold_s

    def as_value(self) -> Watched:
        return Watched(self.key, Bands(**self.model_dump(exclude={"key"})))


class _Landmark(_Part):
    id: _Name
    name: _Name
    patient_mm: _Numbers3
    use: Literal["register", "check"]

    def as_value(self) -> Landmark:
        return Landmark(self.id, self.name, np.array(self.patient_mm), Use(self.use))


class _Tool(_Part):
    """Without `tip_mm` the tip is found by pivot calibration; `tip_error_mm` holds it in 95 % of cases."""

    thing: _Name
    name: _Name
    line_mm: Annotated[tuple[_Numbers3, ...], Field(min_length=1, max_length=64)]
    radius_mm: float
    tip_mm: _Numbers3 | None = None
    tip_error_mm: float | None = Field(default=None, gt=0, le=50.0)
    cuts: bool = False

    def as_value(self) -> PlannedTool:
        shape = ToolShape(np.array(self.line_mm), self.radius_mm)
        return PlannedTool(self.thing, self.name, shape, self._tip(), self.cuts)

    def _tip(self) -> ToolTip | None:
        if self.tip_mm is None and self.tip_error_mm is None:
            return None
        if self.tip_mm is None or self.tip_error_mm is None:
            raise InvalidValue("tip_mm and tip_error_mm go together; without both, the tip is found by turning it")
        variance = self.tip_error_mm**2 / region2(LEVEL, np.inf)
        return ToolTip(np.array(self.tip_mm), PointError(np.eye(3) * variance), 0.0, 0.0)


class _Block(_Part):
    """A tracked block with a divot: `error_mm` holds the divot in 95 % of cases."""

    thing: _Name
    divot_mm: _Numbers3
    error_mm: Annotated[float, Field(gt=0, le=10.0)]

    def as_value(self) -> Block:
        return Block(self.thing, np.array(self.divot_mm), self.error_mm / np.sqrt(region2(LEVEL, np.inf)))


class _Margin(_Part):
    id: _Name
    name: _Name
    distance_mm: float
    toward_mm: tuple[float, float, float, float, float, float] | None = None

    def as_value(self) -> PlannedMargin:
        return PlannedMargin(self.id, self.name, self.distance_mm, self.toward_mm)


class _ClearOf(_Part):
    key: _Name
    away_mm: float = 0.0


class _Trajectory(_Part):
    id: _Name
    name: _Name
    entry_mm: _Numbers3
    target_mm: _Numbers3
    radius_mm: float

    def as_value(self) -> Trajectory:
        return Trajectory(self.id, self.name, np.array(self.entry_mm), np.array(self.target_mm), self.radius_mm)


class _Limits(_Part):
    angle_deg: float = Limits().angle_deg
    length_mm: float = Limits().length_mm
    clearance_mm: float = Limits().clearance_mm

    def as_value(self) -> Limits:
        return Limits(self.angle_deg, self.length_mm, self.clearance_mm)


class _File(_Part):
    sightline_plan: Literal[1]
    name: _Name
    scan: _Scan
    labels: _Labels | None = None
    pipeline: _Name | None = None
    target: _Name | None = None
    watched: tuple[_Watched, ...] = ()
    forbidden: tuple[_Name, ...] = ()
    landmarks: tuple[_Landmark, ...] = ()
    reference: _Name | None = None
    block: _Block | None = None
    tools: tuple[_Tool, ...] = ()
    margins: tuple[_Margin, ...] = ()
    margins_within: _Name | None = None
    margins_clear_of: tuple[_ClearOf, ...] = ()
    limits: _Limits = _Limits()
    trajectories: tuple[_Trajectory, ...] = ()

    def as_value(self) -> None:
        if self.labels is not None and self.pipeline is not None:
            raise InvalidValue("structures come from labels or from a pipeline: leave one of the two out")

    def as_plan(self) -> Plan:
        return Plan(
            name=self.name,
            series_uid=self.scan.series_uid,
            frame_of_reference_uid=self.scan.frame_of_reference_uid,
            target=self.target,
            watched=tuple(one.as_value() for one in self.watched),
            forbidden=self.forbidden,
            landmarks=tuple(one.as_value() for one in self.landmarks),
            tools=tuple(one.as_value() for one in self.tools),
            reference=self.reference,
            margins=tuple(one.as_value() for one in self.margins),
            trajectories=tuple(one.as_value() for one in self.trajectories),
            limits=self.limits.as_value(),
            margins_within=self.margins_within,
            margins_clear_of=tuple((one.key, one.away_mm) for one in self.margins_clear_of),
            block=None if self.block is None else self.block.as_value(),
        )


# --- reading ----------------------------------------------------------------------------------------


def read_plan(path: Path) -> PlanFile:
    """The plan in a file; paths in it count from its own folder.

    Raises:
        InputRefused: with every fault that was found, where it stands in the file, and what to do.
    """
    text = _text(path)
    try:
        json.loads(text, object_pairs_hook=_each_once)
        file = _File.model_validate_json(text)
        plan = file.as_plan()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _refused(
            path, [Flaw(where, f"not JSON ({error.msg.lower()}): see the comma or bracket before it")]
        ) from None
    except RecursionError:
        raise _refused(path, [Flaw("file", "brackets within brackets without end: not a plan")]) from None
    except ValidationError as error:
        raise _refused(path, map(_flaw, error.errors(include_url=False))) from None
    except PlanRefused as error:
        raise _refused(path, error.flaws) from None
    except _Twice as error:
        raise _refused(path, [Flaw(error.key, "stands twice in one place: leave one out")]) from None
    folder = path.resolve().parent
    return PlanFile(
        plan,
        folder / file.scan.path,
        folder / file.labels.path if file.labels else None,
        file.labels.sha256 if file.labels else "",
        file.pipeline,
    )


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}): give the file of a plan") from error
    if len(data) > MOST_BYTES:
        raise InputRefused(f"{path.name} is larger than any plan: give the file that `sightline plan new` wrote")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefused(f"{path.name} is not text: give the file that `sightline plan new` wrote") from None


class _Twice(InvalidValue):
    """A name that stands twice in one object: which of the two is meant, nobody knows."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            raise _Twice(key)
    return dict(pairs)


#: What pydantic found, in words that say what to do.
_WORDS = {
    "missing": "is missing: add it",
    "extra_forbidden": "is not part of a plan: see how it is spelt, or leave it out",
}


def _flaw(error: Any) -> Flaw:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    words = _WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    return Flaw(where or "file", words)


def _refused(path: Path, flaws: Iterable[Flaw]) -> InputRefused:
    lines = dict.fromkeys(f"  {flaw}" for flaw in flaws)
    return InputRefused("\n".join([f"{path.name} is not a plan that can be used:", *lines]))


# --- writing ----------------------------------------------------------------------------------------


def plan_text(file: PlanFile, folder: Path) -> str:
    """What is written into a file of `folder`."""
    written = _as_file(file, folder.resolve()).model_dump(mode="json", exclude_none=True)
    for one in written["watched"]:  # what few will change is left out where it is as usual
        for name, usual in _USUAL.items():
            if one[name] == usual:
                del one[name]
    return _json(written) + "\n"


def write_plan(path: Path, file: PlanFile) -> None:
    """Write a plan, whole or not at all.

    Raises:
        EnvironmentLacks: it cannot be written there.
    """
    text = plan_text(file, path.parent)
    try:
        handle, beside = tempfile.mkstemp(prefix=".sightline-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
            Path(beside).replace(path)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EnvironmentLacks(f"cannot write {path} ({error.strerror})", "Choose another place with --out.") from error


def _as_file(file: PlanFile, folder: Path) -> _File:
    plan = file.plan
    return _File(
        sightline_plan=VERSION,
        name=plan.name,
        scan=_Scan(
            path=_from(folder, file.scan),
            series_uid=plan.series_uid,
            frame_of_reference_uid=plan.frame_of_reference_uid,
        ),
        labels=_Labels(path=_from(folder, file.labels), sha256=file.labels_sha256) if file.labels else None,
        pipeline=file.pipeline,
        target=plan.target,
        watched=tuple(_watched(one) for one in plan.watched),
        forbidden=plan.forbidden,
        landmarks=tuple(
            _Landmark(id=one.id, name=one.name, patient_mm=_three(one.patient_mm), use=one.use.value)
            for one in plan.landmarks
        ),
        reference=plan.reference,
        block=None if plan.block is None else _block(plan.block),
        tools=tuple(_tool(one) for one in plan.tools),
        margins=tuple(
            _Margin(id=one.id, name=one.name, distance_mm=one.distance_mm, toward_mm=one.toward_mm)
            for one in plan.margins
        ),
        margins_within=plan.margins_within,
        margins_clear_of=tuple(_ClearOf(key=key, away_mm=away_mm) for key, away_mm in plan.margins_clear_of),
        limits=_Limits(
            angle_deg=plan.limits.angle_deg,
            length_mm=plan.limits.length_mm,
            clearance_mm=plan.limits.clearance_mm,
        ),
        trajectories=tuple(
            _Trajectory(
                id=one.id,
                name=one.name,
                entry_mm=_three(one.entry_mm),
                target_mm=_three(one.target_mm),
                radius_mm=one.radius_mm,
            )
            for one in plan.trajectories
        ),
    )


def _watched(one: Watched) -> _Watched:
    bands = one.bands
    return _Watched(
        key=one.key,
        near_mm=bands.near_mm,
        risk_mm=bands.risk_mm,
        breach_mm=bands.breach_mm,
        soon_s=bands.soon_s,
        leave_mm=bands.leave_mm,
        hold_s=bands.hold_s,
    )


def _block(one: Block) -> _Block:
    error_mm = round(one.error_mm * np.sqrt(region2(LEVEL, np.inf)), DECIMALS)
    return _Block(thing=one.thing, divot_mm=_three(one.divot_mm), error_mm=error_mm)


def _tool(one: PlannedTool) -> _Tool:
    return _Tool(
        thing=one.thing,
        name=one.name,
        line_mm=tuple(map(_three, one.shape.line_mm)),
        radius_mm=one.shape.radius_mm,
        tip_mm=_three(one.tip.tip_mm) if one.tip else None,
        tip_error_mm=round(one.tip.error.radius_mm(), DECIMALS) if one.tip else None,
        cuts=one.cuts,
    )


def _three(point_mm: Float64) -> _Numbers3:
    x, y, z = (round(float(value), DECIMALS) + 0.0 for value in point_mm)
    return x, y, z


def _from(folder: Path, path: Path) -> str:
    """A path as it is written: from the plan's folder, so that both can be moved together."""
    try:
        return Path(os.path.relpath(path.resolve(), folder)).as_posix()
    except ValueError:  # on another drive
        return str(path.resolve())


def _json(value: Any, indent: str = "") -> str:
    """JSON in which what fits on a line stands on one; things of a list have a line each."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, dict | list) or not value:
        return line
    of_things = not indent or (isinstance(value, list) and isinstance(value[0], dict))
    if not of_things and len(indent) + len(line) <= LONGEST_LINE:
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        rows = [f"{deeper}{json.dumps(key)}: {_json(one, deeper)}" for key, one in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + _json(one, deeper) for one in value) + f"\n{indent}]"


# --- the scan ---------------------------------------------------------------------------------------


def series_identity(info: SeriesInfo) -> str:
    """What a plan is bound to: the UID of a series, or "sha256:" and the hash of its files where it has none.

    Raises:
        InputRefused: a file cannot be read.
    """
    if info.format == "dicom" and _UID.fullmatch(info.uid):
        return info.uid
    return f"sha256:{file_hash(*info.files)}"


def file_hash(*paths: Path) -> str:
    """SHA-256 of files, one after the other.

    Raises:
        InputRefused: one cannot be read.
    """
    made = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                while piece := file.read(2**20):
                    made.update(piece)
        except OSError as error:
            raise InputRefused(f"{path} cannot be read ({error.strerror})") from error
    return made.hexdigest()


def refuse_other_scan(file: PlanFile, info: SeriesInfo, frame_of_reference_uid: str) -> None:
    """Refuse a plan that was made on another scan than `info`.

    Raises:
        InputRefused: says what differs and what to do.
    """
    try:
        refuse_other(file.plan, frame_of_reference_uid, series_identity(info))
    except FrameMismatch as error:
        raise InputRefused(str(error)) from error


def labels_changed(file: PlanFile) -> bool:
    """Whether the segmentation is another than when the plan was made.

    Raises:
        InputRefused: it cannot be read.
    """
    if file.labels is None or not file.labels_sha256:
        return False
    return labels_hash(file.labels) != file.labels_sha256


def labels_hash(path: Path) -> str:
    """SHA-256 of a segmentation: a file, or all files of its folder in order.

    Raises:
        InputRefused: it cannot be read.
    """
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    return file_hash(*files)
