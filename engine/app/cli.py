"""The `sightline` command. Parses, calls, prints; decides nothing."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import sys
from contextlib import closing
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from engine.app.garbage import look_rarely
from engine.core.errors import Cancelled, EnvironmentLacks, InputRefused, InvalidValue, NotApplicable, SightlineError

if TYPE_CHECKING:  # each command imports what it needs
    from engine.app.certificate import ServerCertificate

app = typer.Typer(
    name="sightline",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

#: Progress and messages; results for machines go to stdout alone. Emoji codes are off: ``:AB:`` is a piece of a
#: certificate's fingerprint before it is a blood group.
console = Console(stderr=True, emoji=False)
stdout = Console(emoji=False)

INTERRUPTED = 130
EXIT_CODES: tuple[tuple[type[SightlineError], int], ...] = (
    (InputRefused, 3),
    (NotApplicable, 3),
    (EnvironmentLacks, 4),
    (InvalidValue, 2),
    (Cancelled, INTERRUPTED),
)
DEFECT = 1
#: Where several things failed, the code of what most needs somebody to look.
WORST_LAST = (INTERRUPTED, 2, 3, 4, DEFECT)


class Device(StrEnum):
    """Where to compute."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Leader(StrEnum):
    """Who can start a session."""

    SURGEON = "surgeon"
    EDUCATOR = "educator"


class Guest(StrEnum):
    """What somebody can be let in as (engine.stream.roles)."""

    SURGEON = "surgeon"
    ASSISTANT = "assistant"
    EDUCATOR = "educator"
    TRAINEE = "trainee"
    VIEWER = "viewer"
    DEVICE = "device"


class ExportFormat(StrEnum):
    """What surfaces are written as for other programs."""

    STL = "stl"
    PLY = "ply"
    OBJ = "obj"
    THREE_MF = "3mf"


class DicomExport(StrEnum):
    """DICOM objects of the study that a scan belongs to."""

    SEG = "seg"
    LABELMAP = "labelmap"
    RTSTRUCT = "rtstruct"
    STL = "stl"


Inputs = Annotated[list[Path], typer.Argument(help="Folders or files: DICOM, NIfTI, NRRD, MetaImage.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]
WORKERS_HELP = (
    "Where jobs run: local, one process here; ray, a Ray started here for this run; ray://HOST:PORT, a cluster, "
    "all of whose machines must see the inputs and the results under the same paths."
)
CertificateOption = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Your own certificate, chain in one PEM file.")
]
KeyOption = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Its private key, PEM.")]
WorkersOption = Annotated[str, typer.Option(metavar="local|ray|ray://HOST:PORT", help=WORKERS_HELP)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to write to; made where missing.", file_okay=False)]


def _say_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"sightline {metadata.version('sightline')}\n")
        raise typer.Exit


@app.callback()
def sightline(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """From scan to headset. Research use — not a medical device."""


@app.command()
def segment(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT…", help="DICOM folder or files, NIfTI, NRRD, MHA.")],
    out: Out,
    pipeline: Annotated[str | None, typer.Option(help="Pipeline; chosen by modality where not given.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Use this segmentation instead of computing one.")] = None,
    series: Annotated[str | None, typer.Option(help="Series UID; the largest volume where not given.")] = None,
    phase: Annotated[int, typer.Option(min=0, help="Which volume of a 4-D series.")] = 0,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.AUTO,
    export: Annotated[
        list[ExportFormat] | None, typer.Option(help="Surfaces in millimetres too, in OUT/surfaces; may be repeated.")
    ] = None,
    export_dicom: Annotated[
        list[DicomExport] | None,
        typer.Option(help="DICOM objects of the same study too, in OUT/dicom; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Segment a scan: writes `labels.nii.gz`, `scene.glb` and `report.json`."""
    from engine.app.pipeline import Options
    from engine.app.segment_command import segment_to_folder
    from engine.app.terminal import progress_bar, show_report

    options = Options(phase, pipeline, labels, device.value)
    with progress_bar(console, enabled=not as_json) as progress:
        report = segment_to_folder(
            tuple(inputs), out, options, series, progress, tuple(export or ()), tuple(export_dicom or ())
        )
    if as_json:
        _print_json(report)
    else:
        show_report(console, report, out)


@app.command("segment-batch")
def segment_batch(
    inputs: Inputs,
    out: Out,
    workers: WorkersOption = "local",
    series: Annotated[list[str] | None, typer.Option(help="Series UID to take alone; may be repeated.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Pipeline; chosen by modality where not given.")] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.AUTO,
    export: Annotated[
        list[ExportFormat] | None, typer.Option(help="Surfaces in millimetres too; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Segment every volume under INPUTS: a folder each as `segment` writes it, and `batch.json` for all.

    Run it again to go on: what is done with the same files, choices and version is not done twice.
    """
    from engine.app.batch import RETRIES, WAITING, Choice, find_studies, segment_studies
    from engine.app.batch_terminal import batch_bars, show_batch
    from engine.app.terminal import progress_bar
    from engine.app.workers import new_workers, require_place

    require_place(workers)
    options = Choice(tuple(series or ()), pipeline, device.value, tuple(export or ()))
    with progress_bar(console, enabled=not as_json) as progress:
        found = find_studies(tuple(inputs), options, progress)
    with (
        closing(new_workers(workers, RETRIES)) as places,
        batch_bars(console, enabled=not as_json) as watcher,
    ):
        batch = segment_studies(found, out, options, places, watcher)
    if as_json:
        _print_json(batch.as_json())
    else:
        show_batch(console, batch, out)
    if batch.counts[WAITING]:
        raise typer.Exit(INTERRUPTED)
    if batch.errors:
        raise typer.Exit(max(map(_exit_code, batch.errors), key=WORST_LAST.index))


@app.command("list")
def list_series(inputs: Inputs, as_json: AsJson = False) -> None:
    """List the series found under INPUTS, and the files set aside with reasons."""
    from engine.app.terminal import progress_bar, show_inventory
    from engine.ingest.open import take_inventory

    with progress_bar(console, enabled=not as_json) as progress:
        inventory = take_inventory(tuple(inputs), progress)
    if as_json:
        _print_json(
            {
                "series": [
                    {
                        "uid": s.uid,
                        "kind": str(s.kind),
                        "format": s.format,
                        "modality": s.modality,
                        "description": s.description,
                        "files": len(s.files),
                        "shape": s.shape,
                        "spacing_mm": s.spacing_mm,
                        "phases": s.phases,
                        "phase_names": s.phase_names,
                        "series_number": s.series_number,
                        "date": s.date.isoformat() if s.date else None,
                        "orientation": s.orientation,
                        "thickness_mm": s.thickness_mm,
                    }
                    for s in inventory.series
                ],
                "problems": [{"file": str(p.path), "reason": p.reason} for p in inventory.problems],
            }
        )
    else:
        show_inventory(stdout, inventory)


@app.command()
def deidentify(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT…", help="DICOM folders or files.")],
    out: Out,
    keep_dates: Annotated[bool, typer.Option("--keep-dates", help="Move dates alike per patient; keep times.")] = False,
    keep_patient: Annotated[bool, typer.Option("--keep-patient", help="Keep sex, age, size, weight.")] = False,
    keep_device: Annotated[bool, typer.Option("--keep-device", help="Keep which device it was.")] = False,
    keep_descriptions: Annotated[
        bool, typer.Option("--keep-descriptions", help="Keep the known words of descriptions.")
    ] = False,
    keep_private: Annotated[bool, typer.Option("--keep-private", help="Keep private numbers known as safe.")] = False,
    keep_uids: Annotated[
        bool, typer.Option("--keep-uids", help="Keep UIDs, which lead whoever has the originals to the patient.")
    ] = False,
    deface: Annotated[
        bool, typer.Option("--deface/--flag-face", help="Remove faces of head scans, or say so.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write DICOM files without their patients (PS3.15 annex E): a folder a series, and `deidentification.json`."""
    from engine.app.deidentify_command import deidentified
    from engine.app.terminal import progress_bar, show_deidentified
    from engine.ingest.deidentify.options import Faces, Options

    options = Options(
        keep_dates=keep_dates,
        keep_patient=keep_patient,
        keep_device=keep_device,
        keep_descriptions=keep_descriptions,
        keep_private=keep_private,
        keep_uids=keep_uids,
        faces=Faces.REMOVE if deface else Faces.FLAG,
    )
    with progress_bar(console, enabled=not as_json) as progress:
        report = deidentified(inputs, out, options, progress)
    if as_json:
        _print_json(report)
    else:
        show_deidentified(console, report, out)


@app.command()
def phantom(
    name: Annotated[str, typer.Argument(help="thorax, thorax_angiogram, abdomen, head, head_ct or head_ct_plain.")],
    out: Out,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 0,
    size: Annotated[str, typer.Option(help="small, reading, demo or full.")] = "demo",
    as_json: AsJson = False,
) -> None:
    """Make a phantom: writes `volume.nii.gz`, `truth.nii.gz` and `phantom.json` with exact volumes."""
    from engine.app.phantom_command import phantom_to_folder
    from engine.app.terminal import progress_bar, show_phantom

    with progress_bar(console, enabled=not as_json) as progress:
        description = phantom_to_folder(name, out, seed=seed, size=size, progress=progress)
    if as_json:
        _print_json(description)
    else:
        show_phantom(console, description, out)


@app.command()
def implant(
    scan: Annotated[Path, typer.Argument(metavar="SCAN", help="CT of the head, or a segmentation of its skull.")],
    out: Out,
    seed: Annotated[
        str | None, typer.Option(metavar="X,Y,Z", help="Patient (LPS) mm at the hole; the largest where not given.")
    ] = None,
    clearance_mm: Annotated[float, typer.Option(min=0.0, max=3.0, help="Gap to the bone all round.")] = 0.5,
    min_thickness_mm: Annotated[float, typer.Option(min=0.5, max=10.0, help="Thinner walls are warned of.")] = 2.0,
    bone_hu: Annotated[float, typer.Option(min=100.0, max=2000.0, help="What is denser is bone.")] = 250.0,
    series: Annotated[str | None, typer.Option(help="Series UID; the largest volume where not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fill a hole in a skull from its other side: writes `implant.stl`, `implant.3mf`, `report.json`, `preview.png`.

    Research use only, not a medical device.
    """
    from engine.app.implant_command import Request, implant_to_folder, seed_of
    from engine.app.implant_terminal import show_implant
    from engine.app.terminal import progress_bar
    from guidance.implant.design import Wish

    request = Request(Wish(clearance_mm, min_thickness_mm), seed_of(seed), bone_hu, series)
    with progress_bar(console, enabled=not as_json) as progress:
        report = implant_to_folder(scan, out, request, progress)
    if as_json:
        _print_json(report)
    else:
        show_implant(console, report, out)


@app.command()
def serve(
    inputs: Annotated[list[Path] | None, typer.Argument(metavar="INPUT…", help="Studies to list and show.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on. 0.0.0.0 lets headsets in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8443,
    tls: Annotated[
        bool | None, typer.Option("--tls/--no-tls", help="HTTPS; on by default beyond this machine.")
    ] = None,
    role: Annotated[Leader, typer.Option("--as", help="What you are in the session.")] = Leader.SURGEON,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    session: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Record to this file; where it exists, go on from it.")
    ] = None,
    workers: WorkersOption = "local",
    redis: Annotated[
        str | None, typer.Option(metavar="redis://HOST:PORT", help="Share one session with the hubs on this Redis.")
    ] = None,
) -> None:
    """Serve studies to browsers and headsets: page, API and socket on one port, until interrupted."""
    from engine.app.addresses import is_loopback
    from engine.app.library import StudyLibrary
    from engine.app.serve import Behind, Listening
    from engine.app.serve import serve as serve_library
    from engine.app.terminal import progress_bar
    from engine.app.workers import require_place
    from engine.stream.roles import Role

    require_place(workers)
    library = StudyLibrary()
    for path in inputs or ():
        if not path.exists():
            raise InputRefused(f"{path} does not exist")
        with progress_bar(console, enabled=True) as progress:
            library.add(path.resolve().name, (path,), progress)
    own = _own_certificate(certificate, key)
    use_tls = own is not None or (not is_loopback(host) if tls is None else tls)
    listening = Listening(host, port, use_tls, Role(role.value), own, session)
    serve_library(library, listening, console, Behind(workers, redis))


def _own_certificate(certificate: Path | None, key: Path | None) -> ServerCertificate | None:
    from engine.app.certificate import ServerCertificate

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise InvalidValue("a certificate and its key go together: give both --certificate and --key")
    return ServerCertificate(certificate, key, None)


@app.command()
def train(
    studies: Annotated[
        list[Path] | None, typer.Argument(metavar="[STUDY…]", exists=True, help="Scans that cases can be made of.")
    ] = None,
    catalog: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of cases; those that come with Sightline.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="sqlite:///FILE or postgresql://…; a file of its own by default.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on. 0.0.0.0 lets headsets in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8443,
    records: Annotated[
        str | None, typer.Option(metavar="URL", help="xAPI record store; SIGHTLINE_LRS_USER and …_PASSWORD let in.")
    ] = None,
    home: Annotated[str | None, typer.Option(metavar="URL", help="What this server is called in statements.")] = None,
    lti: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Learning platforms that launch it: see `sightline lti show`."),
    ] = None,
    certificate: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Cases for trainees: read, marked, scored, explained; the next one is the one that teaches most."""
    from engine.app.addresses import is_loopback
    from engine.app.serve import Listening
    from engine.app.training.command import TrainOptions
    from engine.app.training.command import train as serve_training
    from engine.app.training.lti.registration import read_registered
    from engine.app.training.record_store import RecordStore
    from engine.app.training.school import Ours
    from engine.stream.roles import Role

    user, password = (os.environ.get(f"SIGHTLINE_LRS_{name}", "") for name in ("USER", "PASSWORD"))
    options = TrainOptions(
        tuple(studies or ()),
        catalog,
        store,
        None if records is None else RecordStore(records, user, password),
        Ours() if home is None else Ours(home),
        None if lti is None else read_registered(lti),
    )
    own = _own_certificate(certificate, key)
    use_tls = own is not None or not is_loopback(host)
    serve_training(options, Listening(host, port, use_tls, Role.EDUCATOR, own), console)


@app.command()
def replay(
    recording: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `serve --session` wrote.")],
    speed: Annotated[float, typer.Option(min=0.1, max=1000.0, help="2 takes half the time.")] = 1.0,
    host: Annotated[str, typer.Option(help="Address to listen on. 0.0.0.0 lets headsets in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8443,
) -> None:
    """Show a recorded session to browsers and headsets; it begins when the first of them has come."""
    from engine.app.addresses import is_loopback
    from engine.app.serve import Listening, serve_replay

    serve_replay(recording, speed, Listening(host, port, not is_loopback(host)), console)


@app.command()
def invite(
    role: Annotated[Guest, typer.Option(help="What they will be in the session.")] = Guest.VIEWER,
    port: Annotated[int | None, typer.Option(help="Of the server, where several run.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let one more browser or headset into the session of a server that runs here: six digits and a QR code."""
    from engine.app.invite import invite_to
    from engine.app.serve import show_offer

    made = invite_to(port, role.value)
    if as_json:
        _print_json(made.model_dump())
    else:
        show_offer(stdout, made.code, made.address, made.role, made.seconds)


lti_app = typer.Typer(help="Launches from learning platforms (LTI 1.3).", no_args_is_help=True)
app.add_typer(lti_app, name="lti")


@lti_app.command()
def show(
    address: Annotated[str, typer.Argument(help="How browsers reach this server: https://HOST:PORT.")],
    as_json: AsJson = False,
) -> None:
    """What a platform's administrator enters of this server, and the file for what the platform says in return."""
    from engine.app.training.lti.registration import TEMPLATE, to_enter

    made = to_enter(address)
    if as_json:
        _print_json(made)
        return
    for name, value in made.items():
        stdout.print(f"{name:20} {value if isinstance(value, str) else ' '.join(value)}", soft_wrap=True, markup=False)
    stdout.print(
        f"\n# For sightline train --lti FILE:\n{TEMPLATE.format(address=address.rstrip('/'))}",
        soft_wrap=True,
        markup=False,
    )


audit = typer.Typer(help="The log of who came, was refused, and changed what others rely on.", no_args_is_help=True)
app.add_typer(audit, name="audit")


@audit.command()
def verify(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE…", help="Logs; your own where none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that no line of the audit log was changed, moved or taken out."""
    from engine.app.audit_command import verify_logs
    from engine.app.terminal import show_audits

    results = verify_logs(tuple(files or ()))
    if as_json:
        _print_json([result.as_json() for result in results])
    else:
        show_audits(stdout, results)
    if any(result.broken for result in results):
        raise typer.Exit(3)


study = typer.Typer(
    help="Reader studies: what marks and ratings say of readers and of modalities.", no_args_is_help=True
)
app.add_typer(study, name="study")


class Figure(StrEnum):
    """What readers are judged by."""

    WAFROC = "wafroc"
    AFROC = "afroc"
    WAFROC1 = "wafroc1"
    AFROC1 = "afroc1"
    AUC = "auc"


class Errors(StrEnum):
    """How covariances are estimated."""

    JACKKNIFE = "jackknife"
    DELONG = "delong"
    UNBIASED = "unbiased"


@study.command()
def analyse(
    ratings: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A row a mark, or readings.jsonl (docs/studies.md).")
    ],
    cases: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A row a case: truth, lesions, weights.")
    ] = None,
    reads: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A row a reading, where not everybody read everything."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for report.html, figures and report.json.", file_okay=False),
    ] = None,
    figure: Annotated[
        Figure | None, typer.Option(help="Figure of merit; wAFROC where marks have places, else the ROC area.")
    ] = None,
    errors: Annotated[Errors, typer.Option(help="How covariances are estimated.")] = Errors.JACKKNIFE,
    as_json: AsJson = False,
) -> None:
    """Figures of merit of every reader and modality, and whether modalities differ (Obuchowski-Rockette-Hillis)."""
    from engine.app.study_command import analysed, read_any
    from engine.app.study_terminal import show_study
    from scenarios.score.covariance import Method
    from scenarios.score.merit import Merit

    study = read_any(ratings, cases, reads)
    report = analysed(study, None if figure is None else Merit[figure.name], Method[errors.name])
    if out is not None:
        from engine.app.study_report import write_report

        write_report(study, report, out)
    if as_json:
        _print_json(report)
    else:
        show_study(stdout, report)


@study.command()
def convert(
    table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A row a reading; CSV, or CSV.GZ.")],
    out: Out,
    reader: Annotated[str, typer.Option(help="Column of the reader.")] = "reader",
    case: Annotated[str, typer.Option(help="Column of the case.")] = "case",
    modality: Annotated[str, typer.Option(help="Column of the modality.")] = "modality",
    rating: Annotated[str, typer.Option(help="Column of the rating.")] = "rating",
    truth: Annotated[str, typer.Option(help="Column of the truth: 0 is normal, 1 abnormal.")] = "truth",
    where: Annotated[list[str] | None, typer.Option(help="COLUMN=VALUE: only such rows; may be repeated.")] = None,
) -> None:
    """One rating a reading, as tables that `analyse` reads: `ratings.csv`, `cases.csv`, `reads.csv`."""
    from engine.app.study_convert import Columns, convert_table

    rows = convert_table(table, Columns(reader, case, modality, rating, truth), tuple(where or ()), out)
    console.print(f"  {rows} readings: {out}/ratings.csv, cases.csv, reads.csv", highlight=False)


case = typer.Typer(help="Cases that trainees read: made, checked, looked at, packed.", no_args_is_help=True)
app.add_typer(case, name="case")
CasePath = Annotated[Path, typer.Argument(metavar="CASE", exists=True, help="Folder of a case, or its case.yaml.")]


@case.command()
def new(
    study: Annotated[Path, typer.Argument(metavar="STUDY", exists=True, help="DICOM folder, NIfTI, NRRD or MHA.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", file_okay=False, help="Folder of the case; must be empty.")],
    title: Annotated[str | None, typer.Option(help="What the trainee sees: it gives nothing away.")] = None,
    name: Annotated[str | None, typer.Option("--id", help="Of the case; from the title where not given.")] = None,
    topic: Annotated[str, typer.Option(help="Of the curriculum, for example chest.")] = "general",
    licence: Annotated[str, typer.Option(help="Under which the case may be used.")] = "not licensed yet",
    series: Annotated[str | None, typer.Option(help="Series UID; the largest volume where not given.")] = None,
    labels: Annotated[Path | None, typer.Option(exists=True, help="Segmentation: its structures are findings.")] = None,
    deface: Annotated[
        bool, typer.Option("--deface/--flag-face", help="Remove a face, or say that it is there.")
    ] = False,
    allow_text: Annotated[bool, typer.Option("--allow-text", help="Though pixels may hold text: you looked.")] = False,
    keep_patient: Annotated[bool, typer.Option("--keep-patient", help="Keep sex, age, size, weight.")] = False,
    as_json: AsJson = False,
) -> None:
    """Begin a case from a study. DICOM is de-identified before anything is stored (docs/deidentification.md)."""
    from engine.app.case_new import NewCase, new_case
    from engine.app.case_terminal import show_new
    from engine.app.terminal import progress_bar

    ask = NewCase(title, name, topic, licence, series, labels, deface, allow_text, keep_patient)
    with progress_bar(console, enabled=not as_json) as progress:
        made = new_case(study, out, ask, progress)
    if as_json:
        _print_json(made)
    else:
        show_new(console, made)


@case.command()
def schema() -> None:
    """Print the JSON Schema of a case file, for editors that check and complete by it."""
    from scenarios.case.schema import case_schema_text

    sys.stdout.write(case_schema_text())


@case.command("validate")
def case_validate(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", exists=True, help="Cases, or folders of them.")],
    quick: Annotated[bool, typer.Option("--quick", help="Files alone: images are not made.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with cases: path, line, and what to do. Exit code 3 where anything is."""
    from engine.app.case_check import checked_all
    from engine.app.case_terminal import show_checked
    from engine.app.terminal import progress_bar

    with progress_bar(console, enabled=not as_json) as progress:
        found = checked_all(paths, quick=quick, progress=progress)
    if as_json:
        _print_json([one.as_json() for one in found])
    else:
        show_checked(stdout, found)
    if any(one.flaws for one in found):
        raise typer.Exit(3)


@case.command()
def preview(
    path: CasePath,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Picture to write, PNG.", dir_okay=False)] = None,
    shows_truth: Annotated[bool, typer.Option("--truth/--no-truth", help="Outline what is there.")] = True,
) -> None:
    """Show a case in words, and with --out as a picture: every finding in three planes and enlarged."""
    from engine.app.case_folder import open_case
    from engine.app.case_terminal import show_case
    from engine.app.terminal import progress_bar

    one, folder = open_case(path)
    if out is not None:
        from engine.app.case_preview import previewed

        with progress_bar(console, enabled=True) as progress:
            previewed(one, folder, progress, shows_truth=shows_truth).save(out, "PNG")
    show_case(stdout, one)


@case.command()
def pack(
    path: CasePath,
    out: Annotated[Path, typer.Option("--out", "-o", help="Pack to write, for example nodule.case.", dir_okay=False)],
    quick: Annotated[bool, typer.Option("--quick", help="Without making its images to check them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a sound case and all files that it names as one file, with their hashes."""
    from engine.app.case_pack import packed
    from engine.app.case_terminal import show_packed
    from engine.app.terminal import progress_bar

    with progress_bar(console, enabled=not as_json) as progress:
        made = packed(path, out, progress, quick=quick)
    if as_json:
        _print_json(made)
    else:
        show_packed(console, made)


@case.command("export")
def case_export(
    path: CasePath,
    out: Out,
    dicom: Annotated[bool, typer.Option("--dicom", help="What is there as a DICOM segmentation too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a case for other programs: the YAML, studies and truth as NIfTI, a table of what is there."""
    from engine.app.case_export import exported
    from engine.app.terminal import progress_bar

    with progress_bar(console, enabled=not as_json) as progress:
        made = exported(path, out, progress, dicom=dicom)
    if as_json:
        _print_json(made)
    else:
        console.print(f"  {escape(made['folder'])}: {', '.join(made['files'])}", highlight=False)


@case.command("import")
def case_import(
    source: Annotated[Path, typer.Argument(metavar="PACK|XML", exists=True, dir_okay=False, help="A pack, or MIRC.")],
    cases: Annotated[
        Path, typer.Option("--into", file_okay=False, help="Folder of cases, as `train --catalog` reads it.")
    ],
    study: Annotated[Path | None, typer.Option(exists=True, help="Study of a MIRC teaching file.")] = None,
    deface: Annotated[bool, typer.Option("--deface/--flag-face", help="Of the study of a teaching file.")] = False,
    allow_text: Annotated[bool, typer.Option("--allow-text", help="Though its pixels may hold text.")] = False,
    as_json: AsJson = False,
) -> None:
    """Unpack a case into a folder of cases; or make one of a MIRC teaching file (XML) and its study."""
    from engine.app.case_mirc import from_mirc
    from engine.app.case_new import NewCase
    from engine.app.case_pack import imported
    from engine.app.case_terminal import show_imported
    from engine.app.terminal import progress_bar

    with progress_bar(console, enabled=not as_json) as progress:
        if source.suffix.lower() == ".xml":
            made = from_mirc(source, study, cases, NewCase(deface=deface, allow_text=allow_text), progress)
        else:
            made = imported(source, cases, progress)
    if as_json:
        _print_json(made)
    else:
        show_imported(console, made)


@case.command()
def catalog(
    montage: Annotated[
        Path | None, typer.Option(file_okay=False, help="Make each case, and write a picture of it into this folder.")
    ] = None,
    only: Annotated[str, typer.Option(help="Cases whose id holds this, for example head.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the cases that come with Sightline; with --montage, make each and draw its best slices."""
    from engine.app.catalog_command import catalog_rows, montages
    from engine.app.terminal import progress_bar, show_catalog

    if montage is None:
        rows = [row for row in catalog_rows() if only in row["id"]]
    else:
        with progress_bar(console, enabled=not as_json) as progress:
            rows = montages(montage, only, progress)
    if as_json:
        _print_json(rows)
    else:
        show_catalog(stdout, rows)


class Demo(StrEnum):
    """What is shown."""

    SCAN = "scan"
    GUIDANCE = "guidance"


plan = typer.Typer(help="Plans of guidance sessions: what is done, on which scan, with what.", no_args_is_help=True)
app.add_typer(plan, name="plan")
PlanPath = Annotated[Path, typer.Argument(metavar="PLAN", help="What `sightline plan new` wrote.", dir_okay=False)]


@plan.command("new")
def plan_new(
    scan: Annotated[Path, typer.Argument(metavar="SCAN", help="DICOM folder or file, NIfTI, NRRD, MHA.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, JSON.", dir_okay=False)],
    name: Annotated[str | None, typer.Option(help="As it is shown. No patient's name.")] = None,
    series: Annotated[str | None, typer.Option(help="Series UID; the largest volume where not given.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Segmentation to take structures from.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Pipeline that makes them, where there are no labels.")] = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(
            help="Points marked in 3D Slicer (.mrk.json, .fcsv); names that begin with check are to check with."
        ),
    ] = None,
    tool: Annotated[list[str] | None, typer.Option(help="What the device calls a tool; may be repeated.")] = None,
    reference: Annotated[str | None, typer.Option(help="What it calls the reference on the patient.")] = None,
    as_json: AsJson = False,
) -> None:
    """Begin a plan for a scan: the likely target, what is likely to be watched; landmarks are chosen by people."""
    from engine.app.plan_command import NewPlan, new_plan
    from engine.app.plan_terminal import show_plan
    from engine.app.terminal import progress_bar

    chosen = NewPlan(name, series, pipeline, labels, landmarks, tuple(tool or ()), reference)
    with progress_bar(console, enabled=not as_json) as progress:
        report = new_plan(scan, out, chosen, progress)
    if as_json:
        _print_json(report)
    else:
        show_plan(console, report, out, written=True)


@plan.command("validate")
def plan_validate(path: PlanPath, as_json: AsJson = False) -> None:
    """Look over a plan with its scan: whether a session can begin with it, and what should be known."""
    from engine.app.plan_command import validate_plan
    from engine.app.plan_terminal import show_plan
    from engine.app.terminal import progress_bar

    with progress_bar(console, enabled=not as_json) as progress:
        report = validate_plan(path, progress)
    if as_json:
        _print_json(report)
    else:
        show_plan(stdout, report, path, written=False)
    if report["lacks"]:
        raise typer.Exit(3)


@plan.command("propose")
def plan_propose(
    path: PlanPath,
    count: Annotated[int, typer.Option(min=1, max=16, help="Ways to propose, at most.")] = 5,
    entry: Annotated[str | None, typer.Option(help="Structure to go in through; head or body where not given.")] = None,
    radius: Annotated[float | None, typer.Option(help="Of the tool, mm; the plan's widest where not given.")] = None,
    target: Annotated[
        tuple[float, float, float] | None, typer.Option(help="Place in patient mm (LPS); else deep in the target.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find straight ways to the target that keep to the plan's limits, and write them into the plan."""
    from engine.app.plan_command import Proposing, propose_ways
    from engine.app.plan_terminal import show_proposals
    from engine.app.terminal import progress_bar

    with progress_bar(console, enabled=not as_json) as progress:
        report = propose_ways(path, Proposing(count, entry, radius, target), progress)
    if as_json:
        _print_json(report)
    else:
        show_proposals(stdout, report, path)


@app.command()
def demo(
    what: Annotated[Demo, typer.Argument(help="scan: from scan to headset; guidance: a whole guidance session.")] = (
        Demo.SCAN
    ),
    host: Annotated[str, typer.Option(help="Address to listen on. 0.0.0.0 lets headsets in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8443,
    phantom_name: Annotated[str, typer.Option("--phantom", help="thorax, head, head_ct or abdomen.")] = "thorax",
    scan: Annotated[
        Path | None, typer.Option(exists=True, help="For guidance: a scan of a head in place of the phantom.")
    ] = None,
) -> None:
    """What Sightline does, with no scan and no hardware at hand."""
    from engine.app.terminal import progress_bar

    if what is Demo.GUIDANCE:
        from engine.app.demo_guidance import serve_demo_guidance

        serve_demo_guidance(scan, host, port, console, lambda: progress_bar(console, enabled=True))
        return
    from engine.app.demo import serve_demo

    serve_demo(phantom_name, host, port, console, lambda: progress_bar(console, enabled=True))


@app.command()
def guide(
    plan: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A plan: `sightline plan new` makes one.")],
    device: Annotated[
        str, typer.Option(help="igtl://HOST[:PORT], recording:FILE, simulated:[SCENARIO.toml], camera:N.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on. 0.0.0.0 lets headsets in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8443,
    session: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Record to this file; where it exists, go on from it.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for DICOM objects of each check: a sub-folder each.")
    ] = None,
    share: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=1, max=65535, help="Let programs of this machine follow the tools there (OpenIGTLink)."
        ),
    ] = None,
) -> None:
    """Guide by a plan: connect, calibrate, register, verify, guide, record."""
    from engine.app.addresses import is_loopback
    from engine.app.guide_command import serve_guided
    from engine.app.plan_file import read_plan
    from engine.app.serve import Listening

    listening = Listening(host, port, not is_loopback(host), recording=session)
    serve_guided(read_plan(plan), device, listening, console, exports=export, share_port=share)


@app.command()
def view(
    address: Annotated[str, typer.Argument(metavar="URL", help="As the server printed it, with its code.")],
    ca: Annotated[
        Path | None, typer.Option(help="Certificate that the server named at its start.", dir_okay=False)
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after this many; else when you leave.")] = None,
    save_eyes: Annotated[
        Path | None, typer.Option(help="Folder for left.png and right.png of the last frame.", file_okay=False)
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was measured here, as JSON.", dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Show a served scene in a tethered headset (OpenXR), and report its frame timing."""
    from engine.app.terminal import show_view
    from engine.app.view_command import ViewRequest, show_in_headset, write_report

    request = ViewRequest(address, ca, frames, save_eyes)
    told = show_in_headset(request, lambda text: None if as_json else console.print(text))
    if report is not None:
        write_report(report, told)
    if as_json:
        _print_json(told)
    else:
        show_view(console, told)


@app.command()
def accuracy(
    device: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="igtl://HOST:PORT, recording:FILE, or simulated:[SCENARIO.toml]."),
    ] = "simulated:",
    artefact: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Divots of your own, TOML; else the shipped one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", file_okay=False, help="Folder for report.html and report.json.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the tracker is called in the report and its history.")] = None,
    tool: Annotated[str | None, typer.Option(help="The pointer, by the device's name for it.")] = None,
    reference: Annotated[str | None, typer.Option(help="The reference on the artefact, likewise.")] = None,
    tip: Annotated[
        str | None, typer.Option(metavar="X,Y,Z", help="The pointer's tip where it was calibrated before, mm.")
    ] = None,
    history: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Earlier checks, JSON lines; else your own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulator.")] = 0,
    make: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Only write the shipped artefact there: TOML, and STL to make it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a tracked pointer against an artefact, after ASTM F2554: bias, precision, control chart over time."""
    from engine.app.accuracy.command import AccuracyRequest, check_accuracy, tip_of, write_shipped
    from engine.app.accuracy.listening import Things
    from engine.app.accuracy.terminal import advising, show_accuracy

    if make is not None:
        console.print(f"{write_shipped(make).words}. Written to {make}/", highlight=False)
        return
    request = AccuracyRequest(device, artefact, out, history, name, Things(tool, reference), tip_of(tip), seed=seed)
    with advising(console) as tell:
        report = check_accuracy(request, tell)
    if as_json:
        _print_json(report.model_dump(mode="json"))
    else:
        show_accuracy(console, report, out)


@app.command()
def markers(
    out: Annotated[Path, typer.Option("--out", metavar="SHEET.svg", help="Where to write the first page.")],
    markers_file: Annotated[
        Path | None,
        typer.Option("--markers", dir_okay=False, help="What to print; a reference and a pointer if not given."),
    ] = None,
    paper: Annotated[str, typer.Option(help="a4, a3 or letter.")] = "a4",
    as_json: AsJson = False,
) -> None:
    """Markers to print for a camera that tracks them: pages at true size with a ruler, and the file that names them."""
    from engine.app.markers_command import write_markers

    written = write_markers(out, markers_file, paper)
    if as_json:
        _print_json({"files": [str(path) for path in written]})
    else:
        console.print(f"Written: {', '.join(str(path) for path in written)}. Print at 100 %, and measure the ruler.")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """What this machine has and lacks, and what to do about each lack."""
    from engine.app.doctor import diagnose, show
    from engine.app.terminal import progress_bar

    with progress_bar(console, enabled=not as_json) as progress:
        checks = diagnose(progress=progress)
    if as_json:
        _print_json([check.as_json() for check in checks])
    else:
        show(stdout, checks)
    if any(check.blocks for check in checks):
        raise typer.Exit(4)


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Which; all where not given.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of real scans; phantoms alone where not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure against the field's best tools in the same run."""
    from engine.app.bench import run_benches
    from engine.app.terminal import show_rows

    result = run_benches(tuple(names or ()), data, console)
    if as_json:
        _print_json(result)
    else:
        show_rows(stdout, result)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every deliberate error becomes its exit code and a plain message."""
    try:
        app(arguments, standalone_mode=True)
    except SightlineError as error:
        console.print(f"[bold red]Refused.[/bold red] {escape(str(error))}", highlight=False)
        sys.exit(_exit_code(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _exit_code(error: Exception) -> int:
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), DEFECT)


def _print_json(value: Any) -> None:
    try:
        sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.exit(141)  # whoever read has seen enough
    except OSError as error:
        raise EnvironmentLacks(
            f"the result cannot be written ({error.strerror})", "See where the output goes."
        ) from error


def _end(_number: int, _frame: object) -> None:
    """End by way of every `finally`, so that no patient's data stay behind."""
    sys.exit(128 + signal.SIGTERM)


def run() -> None:
    """The installed command: `main`, then an end without taking the process apart.

    Giving back a gigabyte array by array, and unloading torch, takes Python half a second that the operating
    system does not need. Files and servers are closed by their own blocks before this.
    """
    look_rarely()
    signal.signal(signal.SIGTERM, _end)
    if hasattr(signal, "SIGHUP"):  # the terminal was closed; Windows has no such signal
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    else:
        code = 0
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):  # nobody reads any more, or the disk is full: said above
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
