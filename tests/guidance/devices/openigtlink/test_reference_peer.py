"""Our server and a client of the reference library, and our tracker and a server of the reference library."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from subprocess import PIPE

import pytest

from guidance.devices.device import open_device
from guidance.devices.openigtlink.serving import Server
from tests.guidance.devices.openigtlink.test_reference import compiled
from tests.guidance.devices.openigtlink.test_serving import Theatre, run, served

pytestmark = pytest.mark.slow

PEER = Path(__file__).with_name("peer.cxx")


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(PEER, tmp_path_factory.mktemp("igtl"))


def test_a_client_of_the_reference_library_is_given_everything(peer: Path) -> None:
    async def main(_: Theatre, __: Server, port: int) -> list[str]:
        asking = await asyncio.create_subprocess_exec(peer, "ask", str(port), stdout=PIPE)
        out, _err = await asking.communicate()
        assert asking.returncode == 0, out
        return out.decode().splitlines()

    lines = served(main)
    assert lines[0].startswith("CAPABILITY")
    assert "STT_TDATA" in lines[0]
    assert lines[1] == "STATUS Sightline 1 guiding"
    assert lines[2] == "RTS_TDATA tracker 0"
    streamed = [line for line in lines if line.startswith("TDATA")]
    assert len(streamed) >= 5
    for line in streamed:
        _, _, name, x, y, z, _, at_s = line.split()
        assert (name, y, z) == ("Stylus", "2.0", "3.0")
        assert float(at_s) - 1_700_000_000 == pytest.approx(float(x) / 100, abs=2e-3)
    rest = lines[lines.index(streamed[-1]) + 1 :]
    assert rest == [
        "RTS_TDATA tracker 0",
        "RTS_TDATA tracker 1",
        "POLYDATA liver 4 points 2 polygons",
        "RTS_POLYDATA nobody ",
        "POINT Sightline 2 nasion",
        "TRAJ Sightline 1 EVD",
        "LBMETA Sightline 1 liver",
        "IMGMETA Sightline 1",
        "IMAGE CT 8 6 5",
        f"TRANSFORM Stylus {rest[-1].split()[2]} 2.0 3.0",
    ]


def test_a_server_of_the_reference_library_that_waits_to_be_asked_is_asked_heard_and_told_to_stop(
    peer: Path, unused_port: int
) -> None:
    async def main() -> str:
        server = await asyncio.create_subprocess_exec(peer, "serve", str(unused_port), stdout=PIPE)
        assert server.stdout is not None
        assert await server.stdout.readline() == b"ready\n"
        device = await open_device(f"igtl://127.0.0.1:{unused_port}?interval_ms=10&coordinates=Room", time.monotonic)
        heard = []
        async for said in device.said():
            heard += [one for one in said.samples if one.is_known]
            if len(heard) >= 10:
                await device.close()
        assert {one.thing for one in heard} == {"Stylus"}
        assert all(one.time_s <= time.monotonic() for one in heard)
        out, _err = await server.communicate()
        assert server.returncode == 0
        return out.decode()

    assert run(main()) == "start 10 Room\nstop\n"
