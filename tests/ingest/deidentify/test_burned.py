"""Text in pixels: found where it is drawn into margins, and not found in slices that have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread

from engine.ingest.deidentify.burned import has_text, reasons
from engine.ingest.deidentify.pixels import frames_of
from engine.ingest.phantom.make import make_phantom
from tests.ingest.dicom_writer import SECONDARY, image, save

US = "1.2.840.10008.5.1.4.1.1.6.1"


def slices(name: str) -> NDArray[Any]:
    """Axial slices (k, rows, columns) of a phantom, four times as fine."""
    samples = np.asarray(make_phantom(name, size="small").volume.samples)
    return np.kron(samples[:, :, ::11].transpose(2, 1, 0), np.ones((1, 4, 4), np.int16)).astype(np.int16)


def written(frame: NDArray[Any], text: str, at: tuple[float, float], size: int, ink: float) -> NDArray[Any]:
    """`frame` with `text` drawn at a share `at` (x, y) of it."""
    mask = Image.new("L", frame.shape[::-1])
    place = (at[0] * frame.shape[1], at[1] * frame.shape[0])
    ImageDraw.Draw(mask).text(place, text, font=ImageFont.load_default(size), fill=255)
    share = np.asarray(mask) / 255.0
    return np.asarray(frame * (1 - share) + ink * share, np.float32)


@pytest.fixture(scope="module", params=["thorax", "head_ct", "head"])
def clean(request: pytest.FixtureRequest) -> NDArray[Any]:
    return slices(request.param)


def test_clean_slices_have_no_text(clean: NDArray[Any]) -> None:
    assert not any(has_text(frame) for frame in clean)


@pytest.mark.parametrize("size", [11, 16, 26])
@pytest.mark.parametrize("at", [(0.02, 0.02), (0.02, 0.9), (0.55, 0.02)])
def test_a_name_in_a_corner_is_found(clean: NDArray[Any], size: int, at: tuple[float, float]) -> None:
    frame = clean[len(clean) // 2]
    assert has_text(written(frame, "DOE JANE 4711", at, size, frame.max()))


def test_dark_letters_on_something_bright_are_found() -> None:
    paper = np.random.default_rng(0).normal(200, 2, (300, 400))
    assert not has_text(paper)
    assert has_text(written(paper, "Doe^Jane *1970-01-01", (0.02, 0.02), 14, 20.0))


@pytest.mark.parametrize("scene", ["plain", "noise", "table", "grid"])
def test_what_is_no_text_is_not_taken_for_it(scene: str) -> None:
    frame = np.random.default_rng(1).normal(0, 12, (512, 512))
    if scene == "plain":
        frame[:] = 0
    if scene == "table":
        frame[430:434, 40:480] = 300
        frame[450:453, 60:460] = 300
    if scene == "grid":
        frame[::64], frame[:, ::64] = 255, 255
    assert not has_text(frame)


def test_what_the_file_says_and_what_kind_it_is_are_reasons() -> None:
    dataset = image(np.zeros((64, 64), np.int16))
    assert reasons(dataset, ()) == ()
    dataset.BurnedInAnnotation, dataset.SOPClassUID = "YES", SECONDARY
    dataset.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    assert reasons(dataset, ()) == ("said by the file", "secondary capture", "picture of a screen")
    dataset = image(np.zeros((64, 64), np.int16), SOPClassUID=US)
    assert reasons(dataset, ()) == ("ultrasound",)


def test_frames_in_colour_are_looked_at_too(tmp_path: Path) -> None:
    grey = written(np.zeros((128, 256), np.float32), "DOE JANE", (0.02, 0.05), 14, 255.0).astype(np.uint8)
    dataset = image(grey, SOPClassUID=SECONDARY, PhotometricInterpretation="RGB", SamplesPerPixel=3)
    dataset.PlanarConfiguration, dataset.PixelData = 0, np.repeat(grey[..., None], 3, -1).tobytes()
    path = save(dataset, tmp_path / "one.dcm")
    frames = frames_of(path, dcmread(path))
    assert frames is not None
    assert [frame.shape for frame in frames] == [(128, 256, 3)]
    assert has_text(frames[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "series", ["ct_head_ge_tilt_irregular", "ct_skullphantom_philips_tilt_jpegls", "ct_chest_lidc0314_jpegls"]
)
def test_real_slices_have_no_text_until_it_is_written(shared_data: Path, series: str) -> None:
    paths = sorted(path for path in (shared_data / "dicom" / series).rglob("*") if path.is_file())
    looked_at = 0
    for path in paths[:: max(1, len(paths) // 12)]:
        frames = frames_of(path, dcmread(path, force=True))
        assert frames is not None
        assert not has_text(frames[0])
        assert has_text(written(frames[0], "DOE JANE 4711", (0.02, 0.02), 14, float(np.max(frames[0]))))
        looked_at += 1
    assert looked_at >= 12
