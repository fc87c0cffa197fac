"""The peer of `bench stream`: viser with the same scene, the same tool and the same edits.

`python -m engine.app.bench.stream_viser`, with viser and its own libraries first on the path (they need older ones
than ours).
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
import time

import numpy as np
import viser

from engine.app.bench.stream_hub import EDITS_PER_S, POSES_PER_S, STRUCTURES
from engine.app.bench.stream_peers import PART


def main() -> None:
    """Serve until interrupted."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with contextlib.redirect_stdout(sys.stderr):  # it greets
        server = viser.ViserServer(host="127.0.0.1", port=port, verbose=False)
    corners = np.random.default_rng(0).random((30, 3)).astype(np.float32)
    faces = np.arange(30, dtype=np.uint32).reshape(10, 3)
    meshes = [server.scene.add_mesh_simple(f"/structure{n}", corners, faces) for n in range(STRUCTURES)]
    tool = server.scene.add_frame("/tool")
    done = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: done.set())
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    print(port, flush=True)  # noqa: T201  what whoever started it waits for
    start_s, n, every = time.monotonic(), 0, round(POSES_PER_S / EDITS_PER_S)
    while not done.is_set():
        time_us = round(time.monotonic() * 1e6)
        tool.position = (time_us // PART // PART, time_us // PART % PART, time_us % PART)
        if n % every == 0:
            meshes[n // every % STRUCTURES].opacity = 0.5 + (n // every % 5) / 10
        n += 1
        time.sleep(max(0.0, start_s + n / POSES_PER_S - time.monotonic()))
    with contextlib.redirect_stdout(sys.stderr):
        server.stop()
    print('{"late_ms": [], "edits": 0}')  # noqa: T201


if __name__ == "__main__":
    main()
