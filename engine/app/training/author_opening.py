"""The images of a draft: a series read once, kept beside the draft, and cut into slabs for the page."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.progress import Progress, part

if TYPE_CHECKING:
    from engine.app.blobs import BlobFolder
    from engine.app.worker import Work
    from engine.core.volume import Volume
    from engine.stream.messages import Scene


@dataclass(frozen=True, slots=True)
class OpenForDraft:
    """The task that reads a series and lays scan, slabs and scene into a draft's folder; its value is the scene.

    The scan is kept as NIfTI: values and geometry, and nothing else that its files said of the patient.
    """

    work: Work
    folder: Path

    def __call__(self, progress: Progress) -> str:
        """Do it.

        Raises:
            Cancelled: the server asked to stop.
            SightlineError: as reading raises.
        """
        import numpy as np

        from engine.app.blobs import BlobFolder
        from engine.app.training.draft_files import BLOBS, SCAN_FILE, SCENE_FILE, write_whole_file
        from engine.ingest.nifti import write_nifti
        from engine.ingest.open import read_volume

        progress(0.0, "reading slices")
        reading = read_volume(self.work.scan, phase=self.work.request.phase, progress=part(progress, 0.0, 0.5))
        volume = reading.value
        progress(0.5, "packing slices")
        scene = volume_scene(volume, BlobFolder(self.folder / BLOBS), self.work.title)
        keep = part(progress, 0.7, 1.0)
        write_nifti(self.folder / SCAN_FILE, volume.grid, np.asarray(volume.samples), progress=keep)
        text = scene.model_copy(update={"opened": self.work.request}).model_dump_json()
        write_whole_file(self.folder / SCENE_FILE, text.encode())
        return text


def volume_scene(volume: Volume, blobs: BlobFolder, title: str) -> Scene:
    """A scene of a volume alone, its slabs in `blobs`."""
    import numpy as np

    from engine.app.publish import pack_slabs
    from engine.app.windows import window_presets
    from engine.stream.codec import headset_from_patient, row_major, wire_samples
    from engine.stream.messages import Scene, VolumeNode

    grid = volume.grid
    kji = np.ascontiguousarray(np.asarray(volume.samples).T)
    wire, value_range = wire_samples(kji, volume.quantity)
    node = VolumeNode(
        id="volume",
        title=title,
        modality=volume.source.modality,
        quantity=str(volume.quantity),
        shape=grid.shape,
        spacing_mm=(float(grid.spacing_mm[0]), float(grid.spacing_mm[1]), float(grid.spacing_mm[2])),
        patient_from_voxel=row_major(grid.patient_from_voxel.matrix),
        value_range=value_range,
        presets=window_presets(kji[::4, ::4, ::4], volume.quantity),
        slabs=pack_slabs(wire, blobs),
        label_slabs=(),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )
    return Scene(
        id=secrets.token_urlsafe(8),
        title=title,
        frame_of_reference_uid=grid.frame_of_reference_uid,
        registration_epoch=0,
        headset_from_patient=row_major(headset_from_patient(grid.centre_mm)),
        nodes=(node,),
    )
