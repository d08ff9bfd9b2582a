"""Reading of a DICOM series, classic or enhanced MR: find its files, sort its images, decode the pixels."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from dsc_superres.errors import FileError, SeriesError, os_error_text
from dsc_superres.io.dicom_frames import Slice, check_alike, repetition_time, slices_of
from dsc_superres.io.dicom_order import frame_times, sort_into_frames
from dsc_superres.io.image_file import StoredImage, quiet_itk
from dsc_superres.series import MISSING
from dsc_superres.utils.atomic_writing import temporary_folder

_PIXEL_TAGS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "NumberOfFrames",
)
"""Tags that describe how the pixels are stored."""
_HEADER_TAGS = [
    *_PIXEL_TAGS,
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "ImageType",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "AcquisitionNumber",
    "InstanceNumber",
    "TemporalPositionIdentifier",
    "TemporalResolution",
    "TriggerTime",
    "ScanningSequence",
    "EchoPlanarPulseSequence",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]
"""All tags that are read from a header; none of them identifies the patient."""


def is_dicom(path: Path) -> bool:
    """Return whether ``path`` is a DICOM file, with or without a preamble."""
    try:
        with open(path, "rb") as file:
            start = file.read(132)
    except OSError:
        return False
    return start[128:] == b"DICM" or start[:2] == b"\x08\x00"


def read_dicom(path: Path) -> StoredImage:
    """Read the series in a folder (subfolders are not searched), or the series that a file belongs to.

    Raises ``FileError`` if the folder does not contain exactly one such series or if files cannot be read, and
    ``SeriesError`` if its images do not form a dynamic series.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of values that do not conform to the standard
        headers = _series_headers(path)
        first = next(iter(headers.values()))
        slices = [s for file, header in headers.items() for s in slices_of(file, header)]
        check_alike(slices, path.name)
        frames, geometry = sort_into_frames(slices, path.name)
        signal, scalar_type = _voxels(frames)
    resolution = float(first.get("TemporalResolution") or 0) / 1000
    times, tag = frame_times(frames, resolution, repetition_time(first))
    echo_time = slices[0].echo_time
    return StoredImage(
        array=signal,
        geometry=geometry,
        scalar_type=scalar_type,
        frame_times=times,
        echo_time=None if echo_time is None else echo_time / 1000,
        sources={
            "times": MISSING if times is None else tag,
            "echo_time": MISSING if echo_time is None else "DICOM EchoTime",
            "geometry": "DICOM position and orientation",
        },
    )


def _series_headers(path: Path) -> dict[Path, FileDataset]:
    """Return the headers of one series by file, each image once."""
    folder = path if path.is_dir() else path.parent
    try:
        files = sorted(file for file in folder.iterdir() if file.is_file() and is_dicom(file))
    except OSError as error:
        raise FileError(f"Cannot read {folder}: {os_error_text(error)}.") from error
    headers = {file: header for file in files if (header := _read_header(file)) is not None and "Rows" in header}
    if not headers:
        raise FileError(f"{path} holds no DICOM image: name the folder that has the files of the series itself.")
    if path in headers:
        series_uid = headers[path].get("SeriesInstanceUID")
        headers = {file: header for file, header in headers.items() if header.get("SeriesInstanceUID") == series_uid}
    series: dict[str, list[FileDataset]] = {}
    for header in headers.values():
        series.setdefault(str(header.get("SeriesInstanceUID")), []).append(header)
    if len(series) > 1:
        listing = ", ".join(
            f"number {group[0].get('SeriesNumber')} with {len(group)} files" for group in series.values()
        )
        raise FileError(
            f"{path} holds {len(series)} series ({listing}): move the one you want to a folder of its own, "
            "or name one of its files instead of the folder."
        )
    _check_image_types(list(headers.values()), path.name)
    first_files: dict[str, Path] = {}
    return {
        file: header
        for file, header in headers.items()
        if first_files.setdefault(str(header.get("SOPInstanceUID", file)), file) == file
    }


def _read_header(file: Path) -> FileDataset | None:
    """Return the header of a file without its pixels; None if the file is not DICOM."""
    try:
        return pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=_HEADER_TAGS)
    except InvalidDicomError:
        return None
    except OSError as error:
        raise FileError(f"Cannot read {file}: {os_error_text(error)}.") from error
    except Exception as error:  # pydicom raises any type of exception for damaged files
        raise FileError(f"{file} is damaged: copy it again from where it came.") from error


def _check_image_types(headers: list[FileDataset], name: str) -> None:
    """Raise ``SeriesError`` for mosaics, color images and a mixture of image types."""
    image_types = {tuple(np.atleast_1d(header.get("ImageType") or "")) for header in headers}
    if any("MOSAIC" in image_type for image_type in image_types):
        raise SeriesError(
            f"{name} holds Siemens mosaics (all slices tiled into one picture), which are not read: "
            "convert the series to NIfTI with dcm2niix first."
        )
    if len(image_types) > 1:
        raise SeriesError(
            f"{name} mixes {len(image_types)} kinds of image (ImageType; magnitude and phase, or originals and maps): "
            "keep the files of one kind."
        )
    if any(int(header.get("SamplesPerPixel") or 1) > 1 for header in headers):
        raise SeriesError(f"{name} holds color images: a perfusion series has one number per pixel.")


def _voxels(frames: list[list[Slice]]) -> tuple[np.ndarray, np.dtype]:
    """Return the voxels, float32[t, z, y, x], and their stored type; each file is decoded once."""
    images_of_file: dict[Path, list[tuple[int, int, Slice]]] = {}
    for t, frame in enumerate(frames):
        for z, image in enumerate(frame):
            images_of_file.setdefault(image.path, []).append((t, z, image))
    signal = np.empty((len(frames), len(frames[0]), *frames[0][0].shape), np.float32)
    stored_type = np.dtype(np.float32)
    for path, images in images_of_file.items():
        pixels = _read_pixels(path).reshape(-1, *signal.shape[2:])
        stored_type = pixels.dtype
        for t, z, image in images:
            slope, intercept = image.scale
            signal[t, z] = pixels[image.index] * slope + intercept if image.scale != (1, 0) else pixels[image.index]
    scaled = any(image.scale != (1, 0) for frame in frames for image in frame)
    return signal, np.dtype(np.float32) if scaled else stored_type


def _read_pixels(path: Path) -> np.ndarray:
    """Return the stored pixels of all frames of a file."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        try:
            return dataset.pixel_array
        except (NotImplementedError, RuntimeError):  # no plugin for this compression is installed
            return _decode_with_gdcm(dataset)
    except OSError as error:
        raise FileError(f"Cannot read {path}: {os_error_text(error)}.") from error
    except Exception as error:  # pydicom and GDCM raise any type of exception for damaged files
        raise FileError(f"The pixels of {path} cannot be decoded: copy it again, or export it uncompressed.") from error


def _decode_with_gdcm(dataset: FileDataset) -> np.ndarray:
    """Return the pixels decoded by GDCM, which SimpleITK includes.

    GDCM receives an image without rescaling tags, so that it returns stored values, and without patient data.
    """
    minimal = FileDataset(None, {}, file_meta=dataset.file_meta, preamble=b"\0" * 128)
    minimal.SOPClassUID = minimal.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    minimal.SOPInstanceUID = minimal.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for tag in (*_PIXEL_TAGS, "PixelData"):
        if tag in dataset:
            minimal[tag] = dataset[tag]
    with temporary_folder() as folder, quiet_itk():
        minimal.save_as(f"{folder}/bare.dcm")
        return sitk.GetArrayFromImage(sitk.ReadImage(f"{folder}/bare.dcm", imageIO="GDCMImageIO"))
