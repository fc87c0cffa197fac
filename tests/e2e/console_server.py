"""The product's own server shell with a scripted application behind it: a small synthetic scan, jobs that obey.

Surfaces are real GLB blobs and slices real zstd slabs, so the page walks its whole path; only reading and
segmenting are left out, and jobs move when a test says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import imagecodecs
import numpy as np
import trimesh
import uvicorn
from fastapi import FastAPI

from engine.app.editor_process import EditDesk
from engine.app.renewal import RenewSurfaces
from engine.app.serve import Listening, listening_socket
from engine.core.anatomy import structure
from engine.core.array import Float64
from engine.core.errors import FileProblem, InputRefused
from engine.core.frame import patient
from engine.core.grid import Grid
from engine.core.progress import silent
from engine.core.structure import Provenance
from engine.core.surface import Surface
from engine.mesh.gltf import single_surface_glb
from engine.mesh.gltf_read import read_glb
from engine.mesh.meshopt import encode_attributes
from engine.mesh.quantize import QuantizationFrame
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.binary import Blob
from engine.stream.codec import headset_from_patient, row_major, slabs
from engine.stream.fresh import FreshProtocol
from engine.stream.hub import Hub
from engine.stream.messages import (
    CodeMessage,
    EditRequest,
    Failure,
    HubsState,
    Job,
    Library,
    MovedPositions,
    MoveSurface,
    Op,
    OpenRequest,
    ProblemMessage,
    ProvenanceMessage,
    RenewScene,
    ReplaceScene,
    Scene,
    SeriesMessage,
    Slab,
    StrokeRequest,
    StructureMessage,
    Study,
    SurfaceLod,
    SurfaceNode,
    VolumeNode,
    WindowPreset,
)
from engine.stream.pairing import PairingDesk
from engine.stream.pose import Pose
from engine.stream.reading import Reading
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog
from engine.stream.server import NotFound, create_app
from tests.e2e.chromium import PAGE

Triple = tuple[int, int, int]

SPACING_MM = (3.0, 3.0, 4.0)
GRID = Grid.centred((64, 56, 48), SPACING_MM, "2.25.7")
#: key, centre and radii in patient millimetres, HU: a trunk with a lung, a bone and a nodule.
SHAPES = (
    ("body", (0, 0, 0), (88, 76, 84), 40),
    ("lung_left", (34, 0, 0), (34, 44, 62), -800),
    ("bone", (0, 52, 0), (12, 12, 70), 500),
    ("nodule", (40, -10, 12), (9, 9, 9), 60),
)
STUDY = Study(
    id="study-1",
    name="Chest, synthetic",
    series=(
        SeriesMessage(
            uid="2.25.71", kind="volume", modality="CT", description="Thin slices", shape=GRID.shape,
            spacing_mm=(3.0, 3.0, 4.0), phases=3, files=144, date="2020-08-03", orientation="axial",
        ),
        SeriesMessage(
            uid="2.25.72", kind="localizer", modality="CT", description="Scout", shape=(64, 64, 1),
            spacing_mm=(3.0, 3.0, 1.0), phases=1, files=1,
        ),
        SeriesMessage(
            uid="2.25.73", kind="labels", modality="SEG", description="Nodule, drawn", shape=GRID.shape,
            spacing_mm=(3.0, 3.0, 4.0), phases=1, files=1,
        ),
    ),
    problems=(ProblemMessage(file="000049", reason="pixel data ends early"),),
)  # fmt: skip


class ScriptedApplication:
    """Does what a test tells it: answers from memory, moves jobs on request."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.folder = folder
        self.hub = hub
        self.current: Job | None = None
        self.desk: tuple[str, EditDesk] | None = None
        self.asked: OpenRequest | None = None
        self.removed: str | None = None
        self.uploaded: dict[int, bytes] = {}
        self.refuse_upload = False
        #: Held, an upload's bytes wait until it is set.
        self.let_through = threading.Event()
        self.let_through.set()

    def library(self) -> Library:
        return Library(studies=(STUDY,), pipelines=("ct",))

    def new_upload(self) -> str:
        return "upload-1"

    async def put_upload(self, upload: str, number: int, chunks: AsyncIterator[bytes]) -> None:
        data = b"".join([chunk async for chunk in chunks])
        while not self.let_through.is_set():
            await asyncio.sleep(0.02)
        self.uploaded[number] = data

    async def finish_upload(self, upload: str) -> Study:
        if self.refuse_upload:
            problems = [FileProblem(Path(f"{number:06d}"), "not an image") for number in range(2)]
            raise InputRefused("No volume was found in these files.", problems)
        return STUDY

    def edit(self, request: EditRequest, refuse: Callable[[str], None]) -> None:
        """The product's own desk, in this process: strokes are few here."""
        scene = self.hub.log.scene
        assert scene is not None
        if self.desk is None or self.desk[0] != scene.id:
            self.desk = (scene.id, EditDesk(scene, self.folder))
        made = self.desk[1].answer(request)
        if made is not None:
            self.hub.publish(*made)

    def remove_study(self, study: str) -> None:
        self.removed = study

    async def start_job(self, request: OpenRequest) -> Job:
        return self.begin(request)

    def begin(self, request: OpenRequest) -> Job:
        self.asked = request
        self.current = Job(
            id="job-1", state="running", stage="reading slices", fraction=0.3, eta_s=4.0, study=request.study,
            series=request.series,
        )  # fmt: skip
        return self.current

    def job(self, job: str) -> Job:
        if self.current is None or self.current.id != job:
            raise NotFound("no such job")
        return self.current

    def jobs(self) -> tuple[Job, ...]:
        return () if self.current is None else (self.current,)

    def cancel_job(self, job: str) -> Job:
        cancelled = self.job(job).model_copy(update={"state": "cancelled"})
        self.current = None
        return cancelled

    def blob_path(self, sha256: str) -> Path | None:
        path = self.folder / sha256
        return path if sha256.isalnum() and path.is_file() else None


class Console:
    """A running server, as a test steers it. Everything runs on the server's own loop."""

    def __init__(self, folder: Path, open_role: Role | None) -> None:
        self.log = SceneLog("epoch-1")
        self.desk = PairingDesk(random.Random(1).randbytes)
        self.access = Access(LOOPBACK_HOSTS, self.desk, open_role)
        self.hub = Hub(self.log, self.access, lambda *_: None)
        self.application = ScriptedApplication(folder, self.hub)
        self.scene = _scene(folder)
        self.port = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        sock = listening_socket(Listening("127.0.0.1", self.port, tls=False))
        self.port = sock.getsockname()[1]
        app = create_app(self.application, self.hub, PAGE, self._lifespan)
        config = uvicorn.Config(
            app, log_level="critical", ws=FreshProtocol, ws_per_message_deflate=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [sock]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        yield

    def _on_loop(self, act: Callable[[], object]) -> None:
        assert self._loop is not None
        done = threading.Event()
        self._loop.call_soon_threadsafe(act)
        self._loop.call_soon_threadsafe(done.set)
        assert done.wait(60)  # kernels may be compiling beside it

    def stop(self) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join()

    def freeze(self) -> threading.Event:
        """The server neither hears nor says anything until the event is set; connections stay open."""
        assert self._loop is not None
        thaw = threading.Event()
        self._loop.call_soon_threadsafe(thaw.wait, 30)
        return thaw

    def cut(self) -> None:
        """Every socket breaks off, without a word; what is being fetched is let come."""
        assert self._server is not None
        sockets = [each for each in self._server.server_state.connections if isinstance(each, FreshProtocol)]
        for each in sockets:
            self._on_loop(each.transport.abort)

    def open_scene(self, identifier: str = "scene-1", **changes: object) -> None:
        """The job is done: the scene takes its place."""
        self.application.current = None
        request = self.application.asked or OpenRequest(study=STUDY.id)
        resolved = request.model_copy(update={"series": request.series or STUDY.series[0].uid})
        op = ReplaceScene(scene=self.scene.model_copy(update={"id": identifier, "opened": resolved} | changes))
        self._on_loop(lambda: self.hub.publish(op))

    def clear(self) -> None:
        """As freshly started, with nothing open."""
        self.log.scene = None
        self.application.current = self.application.asked = self.application.removed = self.application.desk = None
        self.application.uploaded.clear()
        self.application.refuse_upload = False
        self.application.let_through.set()

    def edit(self, **stroke: object) -> None:
        """A stroke by somebody else."""
        scene = self.log.scene
        assert scene is not None
        fields = {"request": "r", "scene": scene.id, "tool": "brush", **stroke}
        request = StrokeRequest.model_validate(fields)
        refused: list[str] = []
        self._on_loop(lambda: self.application.edit(request, refused.append))
        assert refused == []

    def swell(self, key: str, by_mm: float) -> None:
        """Every vertex of a surface goes straight away from its middle, counted from where it came."""
        scene = self.log.scene
        assert scene is not None
        node = next(node for node in scene.nodes if isinstance(node, SurfaceNode) and node.structure.key == key)
        patient_from_headset = np.linalg.inv(np.reshape(scene.headset_from_patient, (4, 4)))
        moved, data = [], b""
        for lod in node.lods:
            (surface,) = read_glb((self.application.folder / lod.blob).read_bytes())
            at_mm = surface.positions_m @ patient_from_headset[:3, :3].T + patient_from_headset[:3, 3]
            out = at_mm - at_mm.mean(axis=0)
            now = (at_mm + by_mm * out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)
            frame = QuantizationFrame(now.min(axis=0), float(np.ptp(now, axis=0).max()) / 65535)
            packed = encode_attributes(frame.quantized(now).view(np.uint8))
            moved.append((len(data), len(packed), len(now), frame))
            data += packed
        sha256 = hashlib.sha256(data).hexdigest()
        (self.application.folder / sha256).write_bytes(data)
        levels = tuple(
            MovedPositions(
                blob=sha256,
                start=start,
                bytes=size,
                vertices=count,
                origin_mm=frame.origin_mm.tolist(),
                step_mm=frame.step_mm,
            )
            for start, size, count, frame in moved
        )
        op = MoveSurface(id=node.id, moved=levels, volume_ml=node.volume_ml, surface_area_mm2=node.surface_area_mm2)
        self._on_loop(lambda: self.hub.publish(op, Blob(sha256, data)))

    def say(self, op: Op) -> None:
        """An op of somebody's."""
        self._on_loop(lambda: self.hub.publish(op))

    def measure(self, pose: Pose, reading: Reading) -> None:
        """A sample of a guidance session."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.hub.pose, pose)
        self._loop.call_soon_threadsafe(self.hub.read, reading)

    def hubs(self, state: HubsState) -> None:
        """Whether other servers of the session are heard."""
        self._on_loop(lambda: self.hub.session(hubs=state))

    def renew(self, *ids: str) -> None:
        """Whole surfaces again, with what was corrected."""
        scene = self.log.scene
        assert scene is not None
        task = RenewSurfaces(scene, frozenset(ids), self.application.folder)
        op = RenewScene.model_validate_json(task(silent))
        self._on_loop(lambda: self.hub.publish(op))

    def job(self, **changes: object) -> None:
        """Moves the running job."""
        current = self.application.current or self.application.begin(OpenRequest(study=STUDY.id))
        moved = current.model_copy(update=changes)
        self.application.current = None if moved.state in ("done", "failed", "cancelled") else moved
        self._on_loop(lambda: self.hub.progress(moved))

    def fail_job(self) -> None:
        problems = (ProblemMessage(file="000003", reason="slice spacing is uneven: 1.0 and 7.0 mm"),)
        remedy = "Choose another series of this study."
        self.job(
            state="failed", error=Failure(summary="This series is not one volume.", problems=problems, remedy=remedy)
        )


@contextmanager
def console_server(folder: Path, open_role: Role | None = Role.SURGEON) -> Iterator[Console]:
    console = Console(folder, open_role)
    console.start()
    try:
        yield console
    finally:
        console.stop()


def _put(folder: Path, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    (folder / sha256).write_bytes(data)
    return sha256


def _scene(folder: Path) -> Scene:
    matrix = headset_from_patient(GRID.centre_mm)
    surfaces = [surface_node(label, *shape, matrix, folder) for label, shape in enumerate(SHAPES, 1)]
    return Scene(
        id="scene-1",
        title="Thin slices",
        frame_of_reference_uid="2.25.7",
        registration_epoch=0,
        headset_from_patient=row_major(matrix),
        nodes=(*surfaces, _volume_node(folder)),
        warnings=("One slice was set aside.",),
    )


def surface_node(
    label: int, key: str, centre: Triple, radii: Triple, _hu: int, matrix: Float64, folder: Path
) -> SurfaceNode:
    made = structure(key, label, Provenance("ct tissue", "1.0", (("bone threshold", "180 HU"),), synthetic=True))
    levels = []
    volume_mm3, area_mm2 = 0.0, 0.0
    for subdivisions, error_mm in ((4, 0.1), (2, 1.6)):
        ball = trimesh.creation.icosphere(subdivisions=subdivisions)
        surface = Surface(patient("2.25.7"), ball.vertices * radii + np.asarray(centre), ball.faces, error_mm)
        blob = single_surface_glb(surface, made, matrix)
        volume_mm3, area_mm2 = max(volume_mm3, surface.volume_mm3), max(area_mm2, surface.area_mm2)
        levels.append(
            SurfaceLod(blob=_put(folder, blob), bytes=len(blob), triangles=len(ball.faces), error_mm=error_mm)
        )
    assert made.code is not None
    return SurfaceNode(
        id=f"surface-{key}",
        structure=StructureMessage(
            label=label,
            key=key,
            name=made.name,
            code=CodeMessage(value=made.code.value, scheme=made.code.scheme, meaning=made.code.meaning),
            colour=made.colour,
            opacity=made.opacity,
            provenance=ProvenanceMessage(
                pipeline="ct tissue", version="1.0", parameters={"bone threshold": "180 HU"}, synthetic=True
            ),
        ),
        lods=tuple(levels),
        volume_ml=volume_mm3 / 1000,
        surface_area_mm2=area_mm2,
        closed=True,
        source="synthetic",
        frame_of_reference_uid="2.25.7",
        registration_epoch=0,
    )


def _volume_node(folder: Path) -> VolumeNode:
    index = np.moveaxis(np.indices(GRID.shape), 0, -1)
    at_mm = GRID.patient_from_voxel.apply(index)
    samples = np.full(GRID.shape, -1000, dtype=np.int16)
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    for label, (_key, centre, radii, hu) in enumerate(SHAPES, 1):
        inside = (((at_mm - centre) / radii) ** 2).sum(axis=-1) <= 1
        samples[inside] = hu
        labels[inside] = label
    return VolumeNode(
        id="volume",
        title="Thin slices",
        modality="CT",
        quantity="HU",
        shape=GRID.shape,
        spacing_mm=SPACING_MM,
        patient_from_voxel=row_major(GRID.patient_from_voxel.matrix),
        value_range=(-32768, 32767),
        presets=(
            WindowPreset(name="Soft tissue", low=-160, high=240),
            WindowPreset(name="Lung", low=-1350, high=150),
            WindowPreset(name="Bone", low=-500, high=1300),
        ),
        slabs=_slabs(samples, folder),
        label_slabs=_slabs(labels, folder),
        frame_of_reference_uid="2.25.7",
    )


def _slabs(array: np.ndarray, folder: Path) -> tuple[Slab, ...]:
    packed = [
        (k, n, bytes(imagecodecs.zstd_encode(np.ascontiguousarray(part).tobytes()))) for k, n, part in slabs(array.T)
    ]
    return tuple(Slab(blob=_put(folder, data), bytes=len(data), k_start=k, k_count=n) for k, n, data in packed)
