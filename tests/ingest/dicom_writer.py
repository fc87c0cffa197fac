"""Small DICOM files for tests, written by pydicom so that nothing of ours is on both sides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

CT, MR, PT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"
ENHANCED_MR, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.2.1"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"

SERIES, STUDY, FRAME = (generate_uid(entropy_srcs=[name]) for name in ("series", "study", "frame"))
AXIAL = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]

Encoder = Callable[[NDArray[Any]], bytes | bytearray]

JPEG_LS = "1.2.840.10008.1.2.4.80"
#: Encoders of compressed syntaxes, lossless but for the last two.
ENCODERS: dict[str, Encoder] = {
    "1.2.840.10008.1.2.4.57": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=16, predictor=4),
    "1.2.840.10008.1.2.4.70": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=16, predictor=1),
    JPEG_LS: lambda a: imagecodecs.jpegls_encode(a),
    "1.2.840.10008.1.2.4.90": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", reversible=True, level=0),
    "1.2.840.10008.1.2.4.201": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    "1.2.840.10008.1.2.4.202": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    "1.2.840.10008.1.2.4.81": lambda a: imagecodecs.jpegls_encode(a, level=2),
    "1.2.840.10008.1.2.4.51": lambda a: imagecodecs.jpeg8_encode(a, level=100, bitspersample=12),
}
NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def image(pixels: NDArray[Any], **tags: Any) -> Dataset:
    """A CT slice of `pixels` (rows, columns) at the origin; `tags` override, None deletes."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, FRAME
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SliceThickness = 1.0
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0.0, 0.0, 0.0], AXIAL
    dataset.PixelSpacing = [1.0, 1.0]
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.PixelData = pixels.tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    if bits == 8:
        dataset["PixelData"].VR = "OB"
    return dataset


def save(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write `dataset` with native or already encapsulated pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if syntax == ExplicitVRBigEndian and dataset.BitsAllocated == 16:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.save_as(path, enforce_file_format=True, implicit_vr=None, little_endian=None)
    return path


def save_compressed(pixels: NDArray[Any], path: Path, syntax: str, fragments: int = 1, **tags: Any) -> Path:
    """Write `pixels` (rows, columns) or (frames, rows, columns) in a compressed syntax."""
    dataset = image(pixels, **tags)
    frames = pixels if pixels.ndim == 3 else pixels[None]
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    if syntax == RLELossless:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, generate_instance_uid=False)
    else:
        # Codecs know nothing of signs: signed samples go in as their bits (but JPEG 2000's, which do).
        signed = syntax in ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202")
        parts = [frame if signed else frame.view(f"u{frame.dtype.itemsize}") for frame in frames]
        encoded = [bytes(ENCODERS[syntax](np.ascontiguousarray(part))) for part in parts]
        dataset.PixelData = encapsulate(encoded, fragments_per_frame=fragments, has_bot=fragments == 1)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    return save(dataset, path, syntax)


def save_series(
    folder: Path,
    volume: NDArray[Any],
    *,
    heights_mm: NDArray[Any] | None = None,
    spacing_mm: tuple[float, float] = (1.0, 1.0),
    orientation: list[float] = AXIAL,
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    step: NDArray[Any] | None = None,
    **tags: Any,
) -> list[Path]:
    """Slices of `volume` (k, j, i), each `heights_mm` along `step` (the normal unless given)."""
    heights = np.arange(len(volume), dtype=float) if heights_mm is None else heights_mm
    direction = np.cross(orientation[:3], orientation[3:]) if step is None else step
    paths = []
    for k, (pixels, height) in enumerate(zip(volume, heights, strict=True)):
        dataset = image(
            pixels,
            ImagePositionPatient=[round(float(v), 6) for v in np.asarray(origin_mm) + height * direction],
            ImageOrientationPatient=orientation,
            PixelSpacing=[spacing_mm[1], spacing_mm[0]],
            InstanceNumber=k + 1,
            **tags,
        )
        paths.append(save(dataset, folder / f"{k:03d}.dcm"))
    return paths


def enhanced(
    pixels: NDArray[Any], positions_mm: list[list[float]], frame_tags: list[Dataset] | None = None, **tags: Any
) -> Dataset:
    """An enhanced MR of `pixels` (frames, rows, columns), geometry in functional groups alone."""
    plain = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
    dataset = image(pixels, **plain, RescaleSlope=None, RescaleIntercept=None, SliceThickness=None)
    dataset.SOPClassUID, dataset.Modality = ENHANCED_MR, "MR"
    dataset.NumberOfFrames = len(pixels)
    shared = Dataset()
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=AXIAL)]
    shared.PixelMeasuresSequence = [item(PixelSpacing=[2.0, 1.0], SliceThickness=3.0)]
    shared.PixelValueTransformationSequence = [item(RescaleIntercept=-5, RescaleSlope=2, RescaleType="US")]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for at, position in enumerate(positions_mm):
        frame = Dataset()
        frame.PlanePositionSequence = [item(ImagePositionPatient=position)]
        if frame_tags is not None:
            frame.update(frame_tags[at])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset


def item(**tags: Any) -> Dataset:
    item = Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return item
