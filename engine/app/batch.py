"""`sightline segment-batch`: every volume of many studies, one job each, and what became of each.

A study's folder is called by its modality and a hash of its series UID: unique, the same on every run and every
machine, and free of patient data, which names of people and of files are not. `batch.json` says which input it was.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from engine.app.pipeline import Options
from engine.app.results import REMEDY, require_folder
from engine.app.segment_command import SetAside, require_inputs, segment_series
from engine.app.stopwatch import Stopwatch
from engine.app.workers import Workers
from engine.core.errors import Cancelled, EnvironmentLacks, FileProblem, InputRefused, SightlineError
from engine.core.progress import Progress
from engine.ingest.open import take_inventory
from engine.ingest.study import SeriesInfo, SeriesKind

#: How often a study is tried again whose worker died; on a cluster, machines go away.
RETRIES = 2

BATCH_FILE = "batch.json"
#: Says of a study's folder what it was made from and with.
FINGERPRINT_FILE = ".fingerprint"
#: Held while a batch writes to a folder. It holds a word by which a worker knows that it sees the same folder.
LOCK_FILE = ".batch-lock"
#: Folders that are not whole yet, or not wanted any more.
UNFINISHED = ".sightline-"

SHARED_PATHS = "On a cluster, inputs and --out must lie on paths that all its machines share."

DONE, FAILED, SKIPPED, WAITING = "done", "failed", "skipped", "waiting"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose for all studies. `series` limits them to these UIDs, where not empty."""

    series: tuple[str, ...] = ()
    pipeline: str | None = None
    device: str = "auto"
    exports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """One series to segment, the name of its folder, and what its results depend on."""

    info: SeriesInfo
    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a study.

    Attributes:
        state: done, failed, skipped (an earlier run did it) or waiting (the run ended before).
        seconds: from its start to its end; None where it did not run.
        error: why it failed.
    """

    study: Study
    state: str
    seconds: float | None = None
    error: Exception | None = None

    @property
    def reason(self) -> str | None:
        """Why it failed, in words."""
        if self.error is None or isinstance(self.error, SightlineError):
            return None if self.error is None else str(self.error)
        defect = f"{type(self.error).__name__}: {self.error}"
        return f"a defect ({defect}). Run `sightline segment` on this series alone, and report it."


@dataclass(frozen=True, slots=True)
class Batch:
    """A whole run: outcomes in the order of the inventory, and files that belong to no series."""

    outcomes: tuple[Outcome, ...]
    problems: tuple[FileProblem, ...]
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        """How many studies ended in each state."""
        return Counter(outcome.state for outcome in self.outcomes)

    @property
    def errors(self) -> tuple[Exception, ...]:
        """Why studies failed."""
        return tuple(outcome.error for outcome in self.outcomes if outcome.error is not None)

    def as_json(self) -> dict[str, Any]:
        """What `batch.json` holds."""
        states = {state: self.counts[state] for state in (DONE, SKIPPED, FAILED, WAITING)}
        return {
            "version": metadata.version("sightline"),
            "total": {"studies": len(self.outcomes), **states, "seconds": round(self.seconds, 3)},
            "studies": [_entry(outcome) for outcome in self.outcomes],
            "problems": [{"file": str(problem.path), "reason": problem.reason} for problem in self.problems],
        }


class Watcher(Protocol):
    """Who is told how a batch goes; called from several threads."""

    def begins(self, studies: int) -> None: ...
    def stands(self, study: Study, fraction: float, stage: str) -> None: ...
    def ends(self, outcome: Outcome) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to do, and files that belong to no series."""

    studies: tuple[Study, ...]
    problems: tuple[FileProblem, ...]


def find_studies(inputs: tuple[Path, ...], choice: Choice, progress: Progress) -> Found:
    """Every volume under `inputs`; segmentations and localizers are not scans.

    Raises:
        InputRefused: a path is not there, or there is no volume, or none of the UIDs chosen.
    """
    require_inputs(inputs)
    inventory = take_inventory((path.absolute() for path in inputs), progress)  # workers may stand elsewhere
    if not choice.series:
        inventory.choose()  # refuses where there is no volume, and says what there is
    chosen = [inventory.choose(uid) for uid in choice.series]
    series = chosen or [info for info in inventory.series if info.kind is SeriesKind.VOLUME]
    studies = tuple(Study(info, folder_name(info), fingerprint(info, choice)) for info in series)
    return Found(studies, inventory.problems)


def folder_name(info: SeriesInfo) -> str:
    """Modality and hash of the series UID: "ct-0b1e6a52c3d49f78"."""
    kind = re.sub("[^a-z0-9]", "", info.modality.lower())[:8] or info.format
    return f"{kind}-{hashlib.sha256(info.uid.encode()).hexdigest()[:16]}"


def fingerprint(info: SeriesInfo, choice: Choice) -> str:
    """What the results depend on: the series, size and time of each of its files, choices and version.

    The device is left out: it changes how fast, not what.
    """
    files = [(stat.st_size, stat.st_mtime_ns) for stat in (path.stat() for path in info.files)]
    made_with = (metadata.version("sightline"), choice.pipeline, sorted(choice.exports))
    return hashlib.sha256(json.dumps([made_with, info.uid, files]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SegmentStudy:
    """The task of one study; its value is how many seconds it took. It may run again, and elsewhere."""

    study: Study
    out: Path
    run: str
    choice: Choice

    def __call__(self, progress: Progress) -> float:
        """Segment it into a folder of its own, which takes its place when it is whole.

        Raises:
            InputRefused: a file is not there; else as `segment_series`.
            EnvironmentLacks: this worker sees another folder where the results belong.
        """
        started_s = time.monotonic()
        self._require_shared_paths()
        options = Options(pipeline=self.choice.pipeline, device=self.choice.device)
        with _whole_folder(self.out, self.study.name) as folder:
            segment_series(
                self.study.info, folder, options, progress, Stopwatch(), SetAside(), exports=self.choice.exports
            )
            (folder / FINGERPRINT_FILE).write_text(self.study.fingerprint)
        return time.monotonic() - started_s

    def _require_shared_paths(self) -> None:
        try:
            is_shared = (self.out / LOCK_FILE).read_text() == self.run
        except OSError:
            is_shared = False
        if not is_shared:
            raise EnvironmentLacks(f"the worker does not see {self.out} as this machine does", SHARED_PATHS)
        missing = [path for path in self.study.info.files if not path.is_file()]
        if missing:
            problems = [FileProblem(path, "not there") for path in missing]
            raise InputRefused(f"the worker cannot see the files of the series. {SHARED_PATHS}", problems)


def segment_studies(found: Found, out: Path, choice: Choice, workers: Workers, watcher: Watcher) -> Batch:
    """Segment what was found into folders in `out`, and keep `batch.json` there up to date.

    What is wrong with one study fails that one alone. An interrupt ends the workers: what is finished stays, and
    what is not is `waiting`.

    Raises:
        EnvironmentLacks: `out` cannot be written, or another batch writes there.
    """
    require_folder(out)
    out = out.absolute()  # workers may stand elsewhere
    run = secrets.token_urlsafe(8)
    with _locked(out, run):
        _sweep(out)
        watcher.begins(len(found.studies))
        return _Run(found, out, watcher).all(workers, run, choice)


class _Run:
    """Outcomes as they come."""

    def __init__(self, found: Found, out: Path, watcher: Watcher) -> None:
        self._outcomes = {study.name: Outcome(study, WAITING) for study in found.studies}
        self._problems = found.problems
        self._out = out
        self._watcher = watcher
        self._started_s = time.monotonic()

    def all(self, workers: Workers, run: str, choice: Choice) -> Batch:
        studies: dict[Future[float], Study] = {}
        try:
            for study in tuple(outcome.study for outcome in self._outcomes.values()):
                if _is_done(self._out / study.name, study.fingerprint):
                    self._note(Outcome(study, SKIPPED))
                else:
                    task = SegmentStudy(study, self._out, run, choice)
                    studies[workers.submit(task, self._report(study)).future] = study
            for future in as_completed(studies):
                self._note(_outcome(studies[future], future))
        except KeyboardInterrupt:
            workers.close()  # what was nearly done may have ended meanwhile
            for future, study in studies.items():
                if future.done() and self._outcomes[study.name].state == WAITING:
                    self._note(_outcome(study, future))
        return self._kept()

    def _report(self, study: Study) -> Progress:
        return lambda fraction, stage: self._watcher.stands(study, fraction, stage)

    def _note(self, outcome: Outcome) -> None:
        self._outcomes[outcome.study.name] = outcome
        self._kept()
        self._watcher.ends(outcome)

    def _kept(self) -> Batch:
        """The batch as it stands, on disk as well."""
        batch = Batch(tuple(self._outcomes.values()), self._problems, time.monotonic() - self._started_s)
        partial = self._out / f"{UNFINISHED}{BATCH_FILE}"
        try:
            partial.write_text(json.dumps(batch.as_json(), indent=2, allow_nan=False) + "\n")
            partial.replace(self._out / BATCH_FILE)
        except OSError as error:
            raise EnvironmentLacks(f"cannot write to {self._out} ({error.strerror})", REMEDY) from error
        return batch


def _outcome(study: Study, future: Future[float]) -> Outcome:
    try:
        return Outcome(study, DONE, future.result())
    except (CancelledError, Cancelled):
        return Outcome(study, WAITING)
    except Exception as error:  # whatever a study raises is its failure, and no other's
        return Outcome(study, FAILED, error=error)


def _entry(outcome: Outcome) -> dict[str, Any]:
    info = outcome.study.info
    return {
        "folder": outcome.study.name,
        "state": outcome.state,
        "seconds": None if outcome.seconds is None else round(outcome.seconds, 3),
        "reason": outcome.reason,
        "series_uid": info.uid,
        "modality": info.modality,
        "format": info.format,
        "input": str(info.files[0] if len(info.files) == 1 else info.files[0].parent),
    }


def _is_done(folder: Path, wanted: str) -> bool:
    try:
        return (folder / FINGERPRINT_FILE).read_text() == wanted
    except OSError:
        return False


@contextmanager
def _whole_folder(out: Path, name: str) -> Iterator[Path]:
    """A folder to write in, which becomes `out/name` once the block is done, in place of any that was there."""
    token = secrets.token_hex(4)
    folder, old = out / f"{UNFINISHED}{name}-{token}", out / f"{UNFINISHED}{name}-{token}-old"
    try:
        folder.mkdir()
        try:
            yield folder
            if (out / name).exists():
                (out / name).rename(old)
            folder.rename(out / name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise EnvironmentLacks(f"cannot write to {out} ({error.strerror or error})", REMEDY) from error


@contextmanager
def _locked(out: Path, run: str) -> Iterator[None]:
    """Hold `out` for this run.

    Raises:
        EnvironmentLacks: another batch holds it.
    """
    with (out / LOCK_FILE).open("a+") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            remedy = "Wait for it to end, or choose another folder with --out."
            raise EnvironmentLacks(f"another segment-batch writes to {out}", remedy) from error
        except (ImportError, OSError):  # a system, or a network's file system, without such locks
            pass
        file.truncate(0)
        file.write(run)
        file.flush()
        yield


def _sweep(out: Path) -> None:
    """Remove what runs that were killed have left half-written."""
    for path in out.glob(f"{UNFINISHED}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
