"""The images of a draft: a series read once, kept beside the draft, and cut into slabs for the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.progress import Progress, part

if TYPE_CHECKING:
    from engine.app.worker import Work


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
        from engine.app.publish import publish_volume
        from engine.app.training.draft_files import BLOBS, SCAN_FILE, SCENE_FILE, write_whole_file
        from engine.ingest.nifti import write_nifti
        from engine.ingest.open import read_volume

        progress(0.0, "reading slices")
        reading = read_volume(self.work.scan, phase=self.work.request.phase, progress=part(progress, 0.0, 0.5))
        volume = reading.value
        progress(0.5, "packing slices")
        scene = publish_volume(volume, BlobFolder(self.folder / BLOBS), self.work.title)
        keep = part(progress, 0.7, 1.0)
        write_nifti(self.folder / SCAN_FILE, volume.grid, np.asarray(volume.samples), progress=keep)
        text = scene.model_copy(update={"opened": self.work.request}).model_dump_json()
        write_whole_file(self.folder / SCENE_FILE, text.encode())
        return text
