"""A session on a DICOM scan leaves DICOM objects of each check: `sightline guide --export`."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from engine.app.blobs import BlobFolder
from engine.app.guide_export import FIDUCIALS, REGISTRATION, SEGMENTATION, STRUCTURES, VERIFICATION
from engine.app.guide_process import GuideRunner, Guiding
from engine.app.pipeline import Options, process_series
from engine.app.publish import publish
from engine.app.stopwatch import Stopwatch
from engine.core.progress import silent
from engine.export.dicom.source import read_source
from engine.ingest.nifti import write_nifti
from engine.ingest.open import take_inventory
from engine.stream.messages import OpenRequest, ReplaceScene
from engine.stream.roles import Role
from guidance.devices.simulated import Scenario
from guidance.margins.tool_place import ToolShape
from guidance.plan.plan import Landmark, Plan, PlannedTool, Use, Watched
from tests.export.scans import complaints, counting, drawn, opened, scan
from tests.guidance.register.places import HEAD_MM
from tests.stream.hubs import NotedHub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_each_check_of_a_session_leaves_objects_that_a_validator_finds_no_fault_with(tmp_path: Path) -> None:
    volume, _ = opened(scan(tmp_path / "scan"))
    label_map = drawn(volume.grid)
    labels = tmp_path / "labels.nii.gz"
    write_nifti(labels, volume.grid, np.asarray(label_map.labels), label_map.structures)
    info = take_inventory([tmp_path / "scan"]).choose()
    processed = process_series(info, Options(labels=labels), silent, Stopwatch())
    blobs = BlobFolder(tmp_path / "blobs")
    scene = publish(processed, blobs, "scan", silent)
    scene = scene.model_copy(update={"opened": OpenRequest(study="study", series=info.uid)})
    middle = volume.grid.centre_mm
    plan = Plan(
        name="A tumour",
        series_uid=info.uid,
        frame_of_reference_uid=scene.frame_of_reference_uid,
        target="tumour",
        watched=(Watched("tumour"),),
        landmarks=(
            *(Landmark(f"l{k}", f"Landmark {k}", middle + at, Use.REGISTER) for k, at in enumerate(HEAD_MM)),
            Landmark("c", "Check", middle + np.array([40.0, -60.0, 60.0]), Use.CHECK),
        ),
        tools=(PlannedTool("Pointer", "Pointer", ToolShape(np.zeros((1, 3)), 1.0)),),
        reference="Reference",
    )
    out = tmp_path / "out"
    out.mkdir()

    async def played() -> None:
        hub = NotedHub(Role.SURGEON)
        said: list[str] = []
        exports = out, read_source(info.files, counting())
        guiding = Guiding(plan, info.uid, "simulated:", Scenario(), pilot=True, exports=exports)
        runner = GuideRunner(guiding, hub, blobs.folder, time.time, said.append)
        runner.start()
        hub.publish(ReplaceScene(scene=scene))
        async with asyncio.timeout(400):
            while not any((folder / VERIFICATION).exists() for folder in out.iterdir()):
                await asyncio.sleep(0.2)
        runner.close()
        assert not said

    asyncio.run(played())
    folder = next(one for one in out.iterdir() if (one / VERIFICATION).exists())
    names = {path.name for path in folder.iterdir()}
    assert names == {SEGMENTATION, STRUCTURES, REGISTRATION, FIDUCIALS, VERIFICATION}
    for name in names:
        assert complaints(folder / name) == []
