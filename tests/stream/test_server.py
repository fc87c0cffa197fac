"""The real server on a real socket, with a fake application behind it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from engine.app.serve import Listening, listening_socket
from engine.core.errors import FileProblem, InputRefused
from engine.stream.access import LOOPBACK_HOSTS, Access
from engine.stream.audit_event import AuditEvent
from engine.stream.binary import Beat, records
from engine.stream.fresh import FreshProtocol
from engine.stream.hub import Hub
from engine.stream.messages import PROTOCOL, EditRequest, Job, Library, OpenRequest, PutNode, ReplaceScene, Study
from engine.stream.pairing import PairingDesk
from engine.stream.peer import MAX_INCOMING_BYTES
from engine.stream.pose import Pose
from engine.stream.roles import Role
from engine.stream.scene_log import SceneLog
from engine.stream.server import NotFound, create_app
from tests.stream.scenes import scene, surface_node

JOB = Job(id="j1", state="running", stage="reading", fraction=0.25, eta_s=3.0, study="s1", series=None)
BLOB = bytes(range(256)) * 64
BLOB_SHA256 = hashlib.sha256(BLOB).hexdigest()


class FakeApplication:
    """Keeps what it is given; fails where a test asks it to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploaded: dict[tuple[str, int], bytes] = {}
        (folder / BLOB_SHA256).write_bytes(BLOB)

    def library(self) -> Library:
        return Library(studies=(Study(id="s1", name="Study", series=()),), pipelines=("ct",))

    def new_upload(self) -> str:
        return "u1"

    async def put_upload(self, upload: str, number: int, chunks: AsyncIterator[bytes]) -> None:
        self.uploaded[upload, number] = b"".join([chunk async for chunk in chunks])

    async def finish_upload(self, upload: str) -> Study:
        raise InputRefused("no volume", [FileProblem(self.folder / "secret-folder" / "000001", "truncated")])

    def edit(self, request: EditRequest, refuse: Callable[[str], None]) -> None:
        refuse(f"no {request.type} here")

    def remove_study(self, study: str) -> None:
        self.removed = study

    async def start_job(self, request: OpenRequest) -> Job:
        return JOB

    def job(self, job: str) -> Job:
        if job != JOB.id:
            raise NotFound("no such job")
        return JOB

    def jobs(self) -> tuple[Job, ...]:
        return (JOB,)

    def cancel_job(self, job: str) -> Job:
        return self.job(job).model_copy(update={"state": "cancelled"})

    def blob_path(self, sha256: str) -> Path | None:
        path = self.folder / sha256
        return path if sha256.isalnum() and path.is_file() else None


class Running:
    """A server on a port of its own, and the means to publish on its loop."""

    def __init__(self, folder: Path, open_role: Role | None = Role.SURGEON) -> None:
        self.application = FakeApplication(folder)
        self.log = SceneLog("epoch")
        self.desk = PairingDesk(random.Random(1).randbytes)
        self.noted: list[tuple[AuditEvent, str, dict[str, Any]]] = []
        self.hub = Hub(self.log, Access(LOOPBACK_HOSTS, self.desk, open_role), self.note)
        page = folder / "page"
        page.mkdir()
        (page / "index.html").write_text("<!doctype html><title>Sightline</title>")
        app = create_app(self.application, self.hub, page)
        self.socket = listening_socket(Listening("127.0.0.1", 0, tls=False))
        self.netloc = f"127.0.0.1:{self.socket.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="error", ws=FreshProtocol, ws_per_message_deflate=False)
        self.server = uvicorn.Server(config)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.server.serve(sockets=[self.socket]))

    def note(self, event: AuditEvent, who: str, facts: Mapping[str, Any]) -> None:
        self.noted.append((event, who, dict(facts)))

    def publish(self, op: Any) -> None:
        async def on_loop() -> None:
            self.hub.publish(op)

        asyncio.run_coroutine_threadsafe(on_loop(), self.loop).result(5)

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=f"http://{self.netloc}", headers=headers, trust_env=False)

    def socket_client(self, **options: Any) -> ClientConnection:
        return connect(f"ws://{self.netloc}/ws", subprotocols=[PROTOCOL], proxy=None, **options)  # type: ignore[list-item]

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.loop.close()
        self.socket.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    server = Running(tmp_path)
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        yield server


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Running]:
    server = Running(tmp_path, open_role=None)
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        yield server


def greet(connection: ClientConnection, **changes: Any) -> dict[str, Any]:
    """What the server says first, after whom it takes us for."""
    connection.send(json.dumps({"type": "hello", "protocol": PROTOCOL, **changes}))
    first = receive(connection)
    return receive(connection) if first["type"] == "welcome" else first


def receive(connection: ClientConnection) -> dict[str, Any]:
    """The next text; binary frames come between."""
    while True:
        frame = connection.recv(timeout=5)
        if isinstance(frame, str):
            message: dict[str, Any] = json.loads(frame)
            return message


def test_the_page_is_served_with_a_policy_that_forbids_other_hosts(running: Running) -> None:
    with running.client() as client:
        response = client.get("/")
    assert "Sightline" in response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_a_foreign_host_name_is_refused(running: Running) -> None:
    with running.client(host="evil.example") as client:
        assert client.get("/api/library").status_code == 403


def test_a_foreign_page_is_refused(running: Running) -> None:
    with running.client(origin="https://evil.example") as client:
        assert client.post("/api/uploads").status_code == 403


def test_the_library_lists_studies(running: Running) -> None:
    with running.client() as client:
        assert client.get("/api/library").json() == json.loads(running.application.library().model_dump_json())


def test_dropped_bytes_arrive_whole(running: Running) -> None:
    data = bytes(range(256)) * 4096
    with running.client() as client:
        upload = client.post("/api/uploads").json()["upload"]
        assert client.put(f"/api/uploads/{upload}/7", content=data).status_code == 204
    assert running.application.uploaded[upload, 7] == data


def test_a_refusal_names_files_without_their_folders(running: Running) -> None:
    with running.client() as client:
        response = client.post("/api/uploads/u1/finish")
    assert response.status_code == 422
    assert response.json()["error"]["problems"] == [{"file": "000001", "reason": "truncated"}]
    assert "secret-folder" not in response.text


def test_jobs_can_be_started_asked_for_and_cancelled(running: Running) -> None:
    with running.client() as client:
        assert client.post("/api/jobs", json={"study": "s1"}).json()["id"] == "j1"
        assert client.get("/api/jobs/j1").json()["fraction"] == 0.25
        assert client.delete("/api/jobs/j1").json()["state"] == "cancelled"
        assert client.get("/api/jobs/other").status_code == 404


@pytest.mark.parametrize(
    "body", ["{", "[]", '{"study": 1}', '{"study": "s", "surprise": 1}', '{"study":"s","phase":-1}']
)
def test_a_malformed_request_is_refused_without_reaching_the_application(running: Running, body: str) -> None:
    with running.client() as client:
        response = client.post("/api/jobs", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert set(response.json()["error"]) == {"summary", "problems", "remedy"}


def test_a_blob_is_immutable_and_ranged(running: Running) -> None:
    with running.client() as client:
        whole = client.get(f"/blob/{BLOB_SHA256}")
        part = client.get(f"/blob/{BLOB_SHA256}", headers={"range": "bytes=16-31"})
    assert whole.content == BLOB
    assert "immutable" in whole.headers["cache-control"]
    assert part.status_code == 206
    assert part.content == BLOB[16:32]


@pytest.mark.parametrize("path", ["/blob/" + "0" * 64, "/blob/..%2f..%2fetc%2fpasswd", "/blob/x"])
def test_an_unknown_blob_is_not_found(running: Running, path: str) -> None:
    with running.client() as client:
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/%2e%2e/etc/passwd", "/..%5c..%5csecret", "//etc/passwd"])
def test_the_page_folder_cannot_be_left(running: Running, path: str) -> None:
    (running.application.folder / "secret").write_text("nobody's business")
    with running.client() as client:
        response = client.get(path)
    assert response.status_code in (400, 403, 404)
    assert "business" not in response.text


def test_a_client_gets_the_scene_and_then_every_change_in_order(running: Running) -> None:
    running.publish(ReplaceScene(scene=scene("a")))
    with running.socket_client() as connection:
        assert connection.subprotocol == PROTOCOL
        snapshot = greet(connection)
        assert [node["id"] for node in snapshot["scene"]["nodes"]] == ["a"]
        assert snapshot["jobs"][0]["id"] == "j1"
        for name in "bcd":
            running.publish(PutNode(node=surface_node(name)))
        assert [receive(connection)["seq"] for _ in range(3)] == [2, 3, 4]


def test_two_clients_see_the_same_order(running: Running) -> None:
    running.publish(ReplaceScene(scene=scene("a")))
    with running.socket_client() as one, running.socket_client() as two:
        greet(one)
        greet(two)
        for name in "bcdefgh":
            running.publish(PutNode(node=surface_node(name)))
        assert [receive(one) for _ in range(7)] == [receive(two) for _ in range(7)]


def test_a_client_that_reconnects_gets_only_the_tail(running: Running) -> None:
    running.publish(ReplaceScene(scene=scene("a")))
    with running.socket_client() as connection:
        seq = greet(connection)["seq"]
    running.publish(PutNode(node=surface_node("b")))
    with running.socket_client() as connection:
        message = greet(connection, epoch="epoch", last_seq=seq)
    assert (message["type"], message["seq"]) == ("op", seq + 1)


def test_a_socket_from_a_foreign_page_is_refused(running: Running) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)), running.socket_client(origin="https://evil.example") as c:
        greet(c)


@pytest.mark.parametrize("frame", ["not json", "{}", "x" * (MAX_INCOMING_BYTES + 1), b"\x00\x01"])
def test_a_bad_first_frame_closes_that_socket_and_no_other(running: Running, frame: str | bytes) -> None:
    running.publish(ReplaceScene(scene=scene("a")))
    with running.socket_client() as good, running.socket_client() as bad:
        greet(good)
        with pytest.raises(ConnectionClosed):  # noqa: PT012  the close may arrive with either call
            bad.send(frame)
            while True:
                bad.recv(timeout=5)
        running.publish(PutNode(node=surface_node("b")))
        assert receive(good)["seq"] == 2


def test_without_being_let_in_nothing_but_the_page_is_served(guarded: Running) -> None:
    with guarded.client() as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/me").json() == {"member": None, "role": None, "may": []}
        for path in ("/api/library", f"/blob/{BLOB_SHA256}", "/api/jobs/j1", "/api/members"):
            assert client.get(path).status_code == 403
        assert client.post("/api/pair", json={"code": "wrong"}).status_code == 403


@contextlib.contextmanager
def let_in(guarded: Running, role: Role) -> Iterator[httpx.Client]:
    """A browser that typed the six digits."""
    offer = guarded.desk.offer(role, time.time())
    with guarded.client() as client:
        assert client.post("/api/pair", json={"code": offer.code}).status_code == 204
        yield client


def token_of(client: httpx.Client) -> str:
    return str(client.cookies["sightline_session"])


def token_for(guarded: Running, role: Role) -> str:
    with let_in(guarded, role) as client:
        return token_of(client)


def test_six_digits_let_a_browser_in_once(guarded: Running) -> None:
    offer = guarded.desk.offer(Role.EDUCATOR, time.time())
    with guarded.client() as client:
        response = client.post("/api/pair", json={"code": offer.code})
        assert response.status_code == 204
        assert {"httponly", "samesite=strict"} <= {
            part.strip().lower() for part in response.headers["set-cookie"].split(";")
        }
        assert client.get("/api/library").status_code == 200
        assert client.get("/api/me").json()["role"] == "educator"
    with guarded.client() as another:
        assert another.post("/api/pair", json={"code": offer.code}).status_code == 403
        assert another.get("/api/library").status_code == 403


def test_guessing_codes_is_slowed_down(guarded: Running) -> None:
    with guarded.client() as client:
        answers = [client.post("/api/pair", json={"code": f"{n:06d}"}).status_code for n in range(8)]
    assert answers[:5] == [403] * 5
    assert answers[5:] == [429] * 3


def test_a_socket_needs_a_token_or_a_cookie(guarded: Running) -> None:
    with guarded.socket_client() as connection:
        assert greet(connection)["type"] == "error"
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=5)
    token = token_for(guarded, Role.VIEWER)
    with guarded.socket_client() as connection:
        assert greet(connection, token=token)["type"] == "snapshot"
    with guarded.socket_client(additional_headers={"cookie": f"sightline_session={token}"}) as connection:
        assert greet(connection)["type"] == "snapshot"


@pytest.mark.parametrize(
    ("role", "method", "path", "allowed"),
    [
        (Role.VIEWER, "GET", f"/blob/{BLOB_SHA256}", True),
        (Role.VIEWER, "GET", "/api/library", False),
        (Role.TRAINEE, "POST", "/api/uploads", False),
        (Role.ASSISTANT, "POST", "/api/uploads", True),
        (Role.ASSISTANT, "DELETE", "/api/studies/s1", False),
        (Role.EDUCATOR, "DELETE", "/api/studies/s1", True),
        (Role.ASSISTANT, "POST", "/api/invitations", False),
        (Role.SURGEON, "POST", "/api/invitations", True),
        (Role.DEVICE, "DELETE", "/api/jobs/j1", False),
        (Role.VIEWER, "DELETE", "/api/members/x", False),
    ],
)
def test_each_role_may_do_what_the_table_says_and_no_more(
    guarded: Running, role: Role, method: str, path: str, allowed: bool
) -> None:
    with let_in(guarded, role) as client:
        response = client.request(method, path, json={"role": "viewer"} if path.endswith("invitations") else None)
    assert (response.status_code != 403) == allowed
    if not allowed:
        assert f"a {role} may not" in response.json()["error"]["summary"]
        assert guarded.noted[-1][0] is AuditEvent.REFUSED


def test_an_invitation_lets_one_in_under_its_role_by_digits_or_by_the_secret_of_the_address(guarded: Running) -> None:
    with let_in(guarded, Role.SURGEON) as owner, guarded.client() as by_digits, guarded.client() as by_camera:
        one, two = [owner.post("/api/invitations", json={"role": "trainee"}).json() for _ in range(2)]
        assert by_digits.post("/api/pair", json={"code": one["code"]}).status_code == 204
        secret = two["address"].split("#pair=")[1]
        assert by_camera.post("/api/pair", json={"code": secret}).status_code == 204
        assert {member["role"] for member in owner.get("/api/members").json()} == {"surgeon", "trainee"}


def test_a_withdrawn_access_ends_the_connection_and_opens_no_other(guarded: Running) -> None:
    surgeon, viewer = let_in(guarded, Role.SURGEON), let_in(guarded, Role.VIEWER)
    with surgeon as owner, viewer as guest, guarded.socket_client() as connection:
        greet(connection, token=token_of(guest))
        name = guest.get("/api/me").json()["member"]
        assert owner.delete(f"/api/members/{name}").status_code == 204
        assert receive(connection)["type"] == "error"
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
        assert guest.get(f"/blob/{BLOB_SHA256}").status_code == 403
        assert owner.delete(f"/api/members/{name}").status_code == 404
    assert AuditEvent.ACCESS_REVOKED in [event for event, *_ in guarded.noted]


def test_a_changed_role_is_told_at_once_and_holds(guarded: Running) -> None:
    surgeon, viewer = let_in(guarded, Role.SURGEON), let_in(guarded, Role.VIEWER)
    with surgeon as owner, viewer as guest, guarded.socket_client() as connection:
        greet(connection, token=token_of(guest))
        name = guest.get("/api/me").json()["member"]
        assert owner.patch(f"/api/members/{name}", json={"role": "assistant"}).status_code == 204
        welcome = receive(connection)
        assert (welcome["type"], welcome["role"]) == ("welcome", "assistant")
        assert "edit" in welcome["may"]
        assert guest.get("/api/library").status_code == 200


def test_what_a_role_may_not_ask_over_the_socket_is_refused_to_it_alone(guarded: Running) -> None:
    with guarded.socket_client() as connection:
        greet(connection, token=token_for(guarded, Role.VIEWER))
        connection.send(json.dumps({"type": "step", "request": "r1", "scene": "s", "direction": "undo"}))
        refused = receive(connection)
    assert (refused["type"], refused["request"]) == ("refused", "r1")
    assert "a viewer may not correct a segmentation" in refused["summary"]


def test_a_flood_of_texts_ends_the_connection_that_sends_it_and_no_other(running: Running) -> None:
    running.publish(ReplaceScene(scene=scene("a")))
    step = json.dumps({"type": "step", "request": "r", "scene": "s", "direction": "undo"})
    with running.socket_client() as good, running.socket_client() as bad:
        greet(good)
        greet(bad)
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012  whichever call meets it
            for _ in range(2000):
                bad.send(step)
            while True:
                bad.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4429
        running.publish(PutNode(node=surface_node("b")))
        assert receive(good)["seq"] == 2


def test_the_heart_beats_ten_times_a_second_with_the_number_of_the_last_op(running: Running) -> None:
    running.publish(ReplaceScene(scene=scene("a")))
    with running.socket_client() as connection:
        greet(connection)
        beats: list[Beat] = []
        start_s = time.monotonic()
        while len(beats) < 5:
            frame = connection.recv(timeout=5)
            if isinstance(frame, bytes):
                beats += [record for record in records(frame) if isinstance(record, Beat)]
    assert {beat.seq for beat in beats} == {1}
    assert time.monotonic() - start_s < 3


def test_a_client_that_does_not_read_gets_the_newest_pose_and_not_the_backlog(running: Running) -> None:
    """What waits in the system cannot be taken back, so little may wait there."""
    running.publish(ReplaceScene(scene=scene("a")))
    place, turn, sent = (1.0, 2.0, 3.0), (1.0, 0.0, 0.0, 0.0), 4000
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", int(running.netloc.split(":")[1])))
    with running.socket_client(sock=sock, max_queue=1) as connection:
        greet(connection)
        start_s = time.time()
        for n in range(sent):
            pose = Pose(1, start_s + n / 1000, place, turn)
            running.loop.call_soon_threadsafe(running.hub.pose, pose)
            time.sleep(0.0002)
        heard: list[float] = []
        while not heard or heard[-1] < start_s + (sent - 1) / 1000 - 1e-3:
            frame = connection.recv(timeout=5)
            if isinstance(frame, bytes):
                heard += [record.time_s for record in records(frame) if isinstance(record, Pose)]
    assert heard == sorted(heard)
    assert len(heard) < sent / 2
