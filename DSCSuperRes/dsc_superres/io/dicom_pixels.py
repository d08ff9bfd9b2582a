"""The pixels of DICOM files, each file decoded once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.io.dicom_files import PIXEL_TAGS
from dsc_superres.io.dicom_reading import read_dataset
from dsc_superres.io.dicom_slice import Slice
from dsc_superres.io.image_file import check_memory, quiet_itk
from dsc_superres.utils.atomic_writing import temporary_folder
from dsc_superres.utils.scratch_memory import release, scratch

PIXEL_SHAPE = ("Rows", "Columns", "BitsAllocated", "PixelRepresentation")


def read_voxels(frames: list[list[Slice]], headers: Mapping[Path, Dataset]) -> tuple[np.ndarray, np.dtype]:
    """Return the voxels, float32[t, z, y, x], and their stored type (float32 if they are rescaled).

    ``headers`` are those of the files.
    """
    images_of_file: dict[Path, list[tuple[int, int, Slice]]] = {}
    for t, frame in enumerate(frames):
        for z, image in enumerate(frame):
            images_of_file.setdefault(image.path, []).append((t, z, image))
    rows, columns = frames[0][0].shape
    check_memory(frames[0][0].path, len(frames) * len(frames[0]) * rows * columns)
    signal = scratch((len(frames), len(frames[0]), rows, columns))
    stored_type = np.dtype(np.float32)
    for path, images in images_of_file.items():
        pixels = _without_unused_bits(_read_pixels(path, headers[path]), headers[path])
        pixels = pixels.reshape(-1, *pixels.shape[-2:])
        stored_type = pixels.dtype
        for t, z, image in images:
            slope, intercept = image.scale
            top, left = image.corner or (0, 0)
            plane = pixels[image.index, top : top + rows, left : left + columns]
            signal[t, z] = plane * slope + intercept if image.scale != (1, 0) else plane
            release(signal[t, z])
    scaled = any(image.scale != (1, 0) for frame in frames for image in frame)
    return signal, np.dtype(np.float32) if scaled else stored_type


def _read_pixels(path: Path, header: Dataset) -> np.ndarray:
    """Return the stored pixels of all frames of a file."""
    try:
        if (pixels := _plain_pixels(path, header)) is not None:
            return pixels
        dataset = read_dataset(path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        try:
            return dataset.pixel_array
        except (NotImplementedError, RuntimeError):  # no plugin for this compression is installed
            return _decode_with_gdcm(dataset)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"Cannot read {path}: {os_error_text(error)}.") from error
    except Exception as error:  # pydicom and GDCM raise any type of exception for damaged files
        raise FileError(f"The pixels of {path} cannot be decoded: copy it again, or export it uncompressed.") from error


def _without_unused_bits(pixels: np.ndarray, header: Dataset) -> np.ndarray:
    """Return the pixels without what lies in the bits beside BitsStored: an overlay, or no copy of the sign."""
    allocated, stored, high = (header.get(name) for name in ("BitsAllocated", "BitsStored", "HighBit"))
    if pixels.dtype.kind not in "iu" or allocated != 8 * pixels.itemsize or not stored or not 0 < stored < allocated:
        return pixels
    low = 0 if high is None or not stored <= high + 1 <= allocated else high + 1 - stored
    limits = (-(1 << stored - 1), (1 << stored - 1) - 1) if pixels.dtype.kind == "i" else (0, (1 << stored) - 1)
    if not low and pixels.size and limits[0] <= pixels.min() and pixels.max() <= limits[1]:
        return pixels
    above = allocated - stored - low
    return (pixels << above) >> above + low  # of signed numbers, a shift to the right repeats the sign


def _plain_pixels(path: Path, header: Dataset) -> np.ndarray | None:
    """Return uncompressed pixels of one sample that are the last element of a file; None of any other.

    Everything in front of them has been looked at before, and is not read again.
    """
    syntax = getattr(header, "file_meta", {}).get("TransferSyntaxUID")
    rows, columns, bits, sign = (header.get(name) for name in PIXEL_SHAPE)
    if syntax not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian) or header.get("SamplesPerPixel") != 1:
        return None
    if bits not in (8, 16, 32) or sign not in (0, 1) or not rows or not columns:
        return None
    frames = int(header.get("NumberOfFrames") or 1)
    size = frames * rows * columns * bits // 8
    length = (size + size % 2).to_bytes(4, "little")
    tag = b"\xe0\x7f\x10\x00"
    starts = (
        [tag + length] if syntax == ImplicitVRLittleEndian else [tag + vr + length for vr in (b"OW\0\0", b"OB\0\0")]
    )
    with open(path, "rb") as file:
        begin = file.seek(0, os.SEEK_END) - size - size % 2 - len(starts[0])
        if begin < 0:
            return None
        file.seek(begin)
        data = file.read()
    if not data.startswith(tuple(starts)):
        return None
    stored = np.frombuffer(data, f"<{'ui'[sign]}{bits // 8}", frames * rows * columns, len(starts[0]))
    return stored.reshape(frames, rows, columns)


def _decode_with_gdcm(dataset: FileDataset) -> np.ndarray:
    """Return the pixels decoded by GDCM, which SimpleITK includes.

    GDCM receives an image without rescaling tags, so that it returns stored values, and without patient data.
    """
    minimal = FileDataset(None, {}, file_meta=dataset.file_meta, preamble=b"\0" * 128)
    minimal.SOPClassUID = minimal.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    minimal.SOPInstanceUID = minimal.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for tag in (*PIXEL_TAGS, "PixelData"):
        if tag in dataset:
            minimal[tag] = dataset[tag]
    with temporary_folder() as folder, quiet_itk():
        minimal.save_as(f"{folder}/bare.dcm")
        return sitk.GetArrayFromImage(sitk.ReadImage(f"{folder}/bare.dcm", imageIO="GDCMImageIO"))
