"""The server's paths, as a page asks them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.stream.roles import Role
from scenarios.case.case import Case
from tests.app.training.cases import CASES, SHELF, read
from tests.app.training.server import Server


@pytest.fixture
def server(tmp_path: Path, images: Path) -> Iterator[Server]:
    with Server(tmp_path, SHELF, images=images).serving() as made:
        yield made


def events(one: Case, rightly: bool = True) -> list[dict[str, Any]]:
    return [json.loads(event.model_dump_json()) for event in read(one, rightly=rightly)]


def read_one(client: httpx.Client, *, rightly: bool = True, **ask: Any) -> dict[str, Any]:
    """Read a case to the end; its feedback."""
    now = client.post("/api/training/readings", json=ask).json()
    one = next(one for one in CASES if one.id == now["case"]["id"])
    path = f"/api/training/readings/{now['id']}"
    assert client.post(f"{path}/events", json={"events": events(one, rightly)}).status_code == 200
    told: dict[str, Any] = client.get(f"{path}/feedback").json()
    return told


def test_nobody_reads_without_a_code(server: Server) -> None:
    assert server.browser(None).get("/api/training/me").status_code == 403
    assert server.browser(None).post("/api/join", json={"code": "000000"}).status_code == 403


def test_a_trainee_reads_from_code_to_feedback(server: Server) -> None:
    client = server.browser()
    assert client.get("/api/training/me").json()["role"] == "trainee"
    told = read_one(client)
    assert {task["share"] for task in told["tasks"]} == {1.0}
    assert client.get("/api/training/progress").json()["readings"][0]["share"] == 1.0


def test_images_come_as_a_scene_that_gives_no_finding_away(server: Server) -> None:
    client = server.browser()
    now = client.post("/api/training/readings", json={"case": "one"}).json()
    scene = client.get(f"/api/training/readings/{now['id']}/volumes/ct").json()
    (node,) = scene["nodes"]
    assert node["kind"] == "volume"
    assert node["shape"][0] > 16
    assert all(client.get(f"/blob/{slab['blob']}").status_code == 200 for slab in node["slabs"])
    assert len({slab["blob"] for slab in node["label_slabs"]}) <= 2, "every label is 0"
    assert now["case"]["volumes"][0]["is_ready"]
    assert client.get(f"/api/training/readings/{now['id']}/volumes/none").status_code == 404


def test_a_gap_is_answered_with_the_number_that_comes_next(server: Server) -> None:
    client = server.browser()
    now = client.post("/api/training/readings", json={"case": "one"}).json()
    path = f"/api/training/readings/{now['id']}/events"
    sent = events(CASES[0])
    assert client.post(path, json={"events": sent[:2]}).json()["next_event"] == 2
    refused = client.post(path, json={"events": sent[3:]})
    assert (refused.status_code, refused.json()["next_event"]) == (409, 2)
    assert client.post(path, json={"events": sent[1:]}).json()["next_event"] == len(sent)


def test_what_cannot_be_an_event_is_refused_with_its_place(server: Server) -> None:
    client = server.browser()
    now = client.post("/api/training/readings", json={}).json()
    refused = client.post(f"/api/training/readings/{now['id']}/events", json={"events": [{"kind": "danced"}]})
    assert refused.status_code == 422


def test_a_trainee_has_no_business_on_the_educators_side(server: Server) -> None:
    client = server.browser()
    for path in ("cohort", "items", "cases", "answers.csv"):
        assert client.get(f"/api/training/educator/{path}").status_code == 403


def test_the_educator_sees_who_read_what_and_takes_it_away(server: Server) -> None:
    for n in range(6):
        read_one(server.browser(), rightly=n > 2, case="one")
    client = server.browser(Role.EDUCATOR)
    cohort = client.get("/api/training/educator/cohort").json()
    assert cohort["readings"] == sum(learner["cases"] for learner in cohort["learners"]) == 6
    assert {learner["missed"]["mean"] for learner in cohort["learners"] if learner["cases"]} == {0.0, 1.0}
    items = client.get("/api/training/educator/items").json()
    what = next(item for item in items if (item["case"], item["task"]) == ("one", "what"))
    assert what["count"] == 6
    assert what["missed"]["mean"] == 0.5
    assert what["wrong"] == {"text": "Cyst", "share": 0.5}
    assert what["difficulty"]["low"] < what["difficulty"]["mean"] < what["difficulty"]["high"]
    assert what["discrimination"] is None, "six answers tell too little of it"
    assert what["median_s"] == 4.0
    table = client.get("/api/training/educator/answers.csv").text.splitlines()
    assert len(table) == 1 + 6 * 2
    pq = pytest.importorskip("pyarrow.parquet")
    read_back = pq.read_table(io.BytesIO(client.get("/api/training/educator/answers.parquet").content))
    assert read_back.num_rows == 12
    assert read_back.column("share").to_pylist().count(0.0) == 6


def test_an_educator_publishes_a_case_and_takes_it_out(server: Server) -> None:
    client = server.browser(Role.EDUCATOR)
    new = CASES[0].model_copy(update={"id": "new"}).model_dump(mode="json")
    assert client.post("/api/training/educator/cases", json=new).status_code == 201
    assert client.post("/api/training/educator/cases", json=new).status_code == 409
    new["tasks"][0]["volume"] = "mr"
    assert "there is no volume" in client.post("/api/training/educator/cases", json=new).text
    assert not client.put("/api/training/educator/cases/new", json={"is_open": False}).json()["is_open"]
    assert server.browser().post("/api/training/readings", json={"case": "new"}).status_code == 409


def test_a_headset_that_joins_by_a_trainees_code_is_the_same_trainee(server: Server) -> None:
    page = server.browser()
    me = page.get("/api/training/me").json()["id"]
    code = page.post("/api/training/me/device").json()["code"]
    headset = server.browser(None)
    assert headset.post("/api/join", json={"code": code}).status_code == 204
    assert headset.get("/api/training/me").json()["id"] == me
    assert server.browser(None).post("/api/join", json={"code": code}).status_code == 403, "a code is for one use"


def test_a_server_started_anew_knows_who_was_let_in(server: Server) -> None:
    client = server.browser()
    me = client.get("/api/training/me").json()["id"]
    now = client.post("/api/training/readings", json={}).json()
    with Server(server.folder, SHELF, images=server.images).serving() as again:
        same = again.browser(None, cookies=client.cookies)
        assert same.get("/api/training/me").json()["id"] == me
        assert same.post("/api/training/readings", json={}).json()["id"] == now["id"]


def test_a_trainee_takes_all_that_is_theirs_and_has_it_erased(server: Server) -> None:
    client, other = server.browser(), server.browser()
    read_one(client, case="one")
    read_one(other, case="one")
    assert client.put("/api/training/me", json={"name": "Zyxwvut"}).json()["name"] == "Zyxwvut"
    me = client.get("/api/training/me").json()["id"]
    archive = zipfile.ZipFile(io.BytesIO(client.get("/api/training/me/export").content))
    assert json.loads(archive.read("trainee.json"))[0]["name"] == "Zyxwvut"
    (reading,) = json.loads(archive.read("readings.json"))
    assert json.loads(archive.read(f"events/{reading['id']}.json")) == events(CASES[0])
    assert client.post("/api/training/me/erase", json={"name": "Somebody"}).status_code == 409
    assert client.post("/api/training/me/erase", json={"name": "Zyxwvut"}).status_code == 204
    for path in server.folder.glob("training.sqlite*"):
        data = path.read_bytes()
        assert b"Zyxwvut" not in data
        assert me.encode() not in data
    assert other.get("/api/training/progress").json()["readings"]


def test_on_this_machine_no_code_is_needed(tmp_path: Path, images: Path) -> None:
    with Server(tmp_path, SHELF, Role.EDUCATOR, images=images).serving() as made:
        client = made.browser(None)
        assert client.get("/api/training/me").json()["role"] == "educator"
        assert read_one(client)["tasks"]
        (learner,) = client.get("/api/training/educator/cohort").json()["learners"]
        assert learner["cases"] == 1
