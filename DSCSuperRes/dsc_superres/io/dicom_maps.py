"""Writing of maps as DICOM: one derived MR image per slice, in the study of its source.

Needs only pydicom and numpy. Patient and study are copied from the source image; without a source, the map belongs to
a new, anonymous study.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from pydicom.config import RAISE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import validate_value

from dsc_superres.errors import DSCError, FileError
from dsc_superres.geometry import Geometry
from dsc_superres.io.dicom import is_dicom
from dsc_superres.io.dicom_reading import read_dataset
from dsc_superres.utils.atomic_writing import atomic_folder
from dsc_superres.version import __version__

COPIED_TAGS = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "PatientWeight",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "MagneticFieldStrength",
    "PatientPosition",
    "BodyPartExamined",
)
"""Tags that are copied from the source image."""

EMPTY_TAGS = (
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientPosition",
    "PositionReferenceIndicator",
)
"""Tags that the standard requires, empty where the source has none."""

PADDING, LARGEST = 0, 65535
"""Stored values: of what was not computed, and of the largest value."""

UCUM_CODES = {
    "mL/100 g": "ml/(100.g)",
    "mL/100 g/min": "ml/(100.g.min)",
    "s": "s",
    "1": "1",
    "1 (white matter = 1)": "1",
    "1/s": "/s",
}
"""Codes of the Unified Code for Units of Measure by unit of a map."""


def write_dicom_map(
    values: np.ndarray,
    geometry: Geometry,
    folder: str | Path,
    *,
    name: str,
    units: str,
    description: str = "",
    reference: str | Path | Dataset | None = None,
    series_number: int = 9000,
    provenance: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write a map as DICOM, one file per slice, atomically.

    Parameters
    ----------
    values : float array, [z, y, x]
        Map in ``units``. Stored as 16-bit integers with a rescale slope that covers their range and zero. NaN, where
        the map was not computed, is the pixel padding value; software that ignores it shows about zero, or the least.
    geometry : Geometry
    folder : path
        Folder for the files.
    name : str
        Name of the map for the series description, such as "CBV".
    units : str
        Unit of the map.
    description : str
        How the map was derived, in words.
    reference : path or Dataset, optional
        DICOM file of the source, a folder of such files, or a header; gives patient, study and frame of reference.
    series_number : int
    provenance : mapping of str to str, optional
        Further entries for the derivation description.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    FileError
        If the reference cannot be read or the folder cannot be written.
    """
    values = np.asarray(values, np.float32)
    if values.ndim != 3:
        raise FileError(f"The map {name} has {values.ndim} dimensions, not 3: export single volumes as DICOM.")
    source = reference if isinstance(reference, Dataset) else read_source(reference)
    series = _series_dataset(source, name, units, description, series_number, provenance or {})
    computed = np.isfinite(values)
    low, high = np.nanmin(values[computed], initial=0.0), np.nanmax(values[computed], initial=0.0)
    slope = float(high - low) / (LARGEST - 1) or 1.0
    low = float(low) - slope  # of the padding
    stored = np.where(computed, np.rint((values - low) / slope), PADDING).astype(np.uint16)
    names = [f"{name.lower().replace(' ', '_')}_{z + 1:04d}.dcm" for z in range(len(stored))]
    with atomic_folder(folder) as partial:
        for z, plane in enumerate(stored):
            image = _image_dataset(series, geometry, plane, z)
            image.PixelPaddingValue = PADDING
            image["PixelPaddingValue"].VR = "US"
            image.RescaleSlope, image.RescaleIntercept = f"{slope:.10g}", f"{low:.10g}"
            image.RescaleType = units[:64]
            image.WindowCenter, image.WindowWidth = _display_window(values)
            if float(image.WindowWidth) < 1:  # the usual function has no widths below 1
                image.VOILUTFunction = "LINEAR_EXACT"
            image.RealWorldValueMappingSequence = Sequence([_real_world_mapping(name, units, slope, low)])
            image.save_as(partial / names[z], enforce_file_format=True)
    return [Path(folder) / file for file in names]


def read_source(reference: str | Path | None) -> Dataset:
    """Return the header of a DICOM file or of the first DICOM file in or below a folder; an empty header for None.

    Raises ``FileError`` if there is no such file or it cannot be read.
    """
    if reference is None:
        return Dataset()
    path = Path(reference)
    files = [path] if path.is_file() else _below(path)
    images = (file for file in files if file.is_file() and file.name.upper() != "DICOMDIR")
    image = next((file for file in images if is_dicom(file)), None)
    if image is None:
        raise FileError(f"{path.name} is no DICOM image to take the study from: choose another one, or none.")
    try:
        return read_dataset(image, stop_before_pixels=True)
    except FileError:
        raise
    except Exception as error:  # pydicom raises any type of exception for damaged files
        raise FileError(f"The DICOM image {image.name} cannot be read: choose another one.") from error


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, then those in its subfolders."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def _series_dataset(
    source: Dataset, name: str, units: str, description: str, number: int, provenance: Mapping[str, str]
) -> Dataset:
    """Return the attributes that all images of a map share."""
    shared = Dataset()
    for keyword in COPIED_TAGS:
        if keyword in source and _is_valid(source[keyword]):
            shared[keyword] = source[keyword]
    if not shared.get("BodyPartExamined"):  # the standard wants the side of a part that may have two
        shared.pop("BodyPartExamined", None)
        shared.Laterality = ""
    for keyword, value in {"PatientName": "", "PatientID": "", "StudyDate": "", "StudyTime": "", "StudyID": ""}.items():
        if keyword not in shared:
            setattr(shared, keyword, value)
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        if not shared.get(keyword):
            setattr(shared, keyword, generate_uid())
    for keyword in EMPTY_TAGS:
        if keyword not in shared:
            setattr(shared, keyword, "")
    now = datetime.datetime.now()
    shared.SOPClassUID = MRImageStorage
    shared.Modality = "MR"
    shared.SeriesInstanceUID = generate_uid()
    shared.SeriesNumber = number
    shared.SeriesDescription = f"DSCSuperRes {name} [{units}]"[:64]
    shared.ImageType = ["DERIVED", "SECONDARY", "PERFUSION", name.upper()[:16].replace(" ", "_")]
    derivation = "; ".join([description, *(f"{key}: {value}" for key, value in provenance.items())]).strip("; ")
    shared.DerivationDescription = (derivation or f"{name} map")[:1024]
    shared.Manufacturer = "DSCSuperRes"
    shared.SoftwareVersions = __version__
    shared.ContentDate = shared.SeriesDate = shared.InstanceCreationDate = f"{now:%Y%m%d}"
    shared.ContentTime = shared.SeriesTime = shared.InstanceCreationTime = f"{now:%H%M%S}"
    shared.ScanningSequence, shared.SequenceVariant, shared.ScanOptions = "RM", "NONE", ""
    shared.MRAcquisitionType, shared.EchoTime, shared.EchoTrainLength = "2D", source.get("EchoTime"), ""
    shared.RepetitionTime = source.get("RepetitionTime")
    shared.ImageComments = "For research only. Not for diagnosis or treatment."
    if source.get("SOPInstanceUID") and source.get("SOPClassUID"):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
        shared.SourceImageSequence = Sequence([item])
    return shared


def _is_valid(element: DataElement) -> bool:
    """Return whether a value conforms to the standard: software that removes names may leave *** behind."""
    values = element.value if isinstance(element.value, MultiValue | list) else [element.value]
    try:
        for value in values:
            validate_value(element.VR, None if value is None else str(value), RAISE)
    except (ValueError, TypeError):
        return False
    return True


def _image_dataset(series: Dataset, geometry: Geometry, plane: np.ndarray, z: int) -> FileDataset:
    """Return the image of slice ``z``, without rescaling."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", series, file_meta=meta, preamble=b"\0" * 128)
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.InstanceNumber = z + 1
    direction, spacing = np.asarray(geometry.direction), geometry.spacing
    position = (geometry.affine @ (0, 0, z, 1))[:3]
    image.ImagePositionPatient = [_decimal_string(value) for value in position]
    image.ImageOrientationPatient = [_decimal_string(value) for value in (*direction[:, 0], *direction[:, 1])]
    image.PixelSpacing = [_decimal_string(spacing[1]), _decimal_string(spacing[0])]
    image.SliceThickness = image.SpacingBetweenSlices = _decimal_string(spacing[2])
    image.SliceLocation = _decimal_string(float(position @ direction[:, 2]))
    image.Rows, image.Columns = plane.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.PixelData = plane.astype("<u2").tobytes()
    return image


def _display_window(values: np.ndarray) -> tuple[str, str]:
    """Return center and width of the display window: from 0 to the 98th percentile of the nonzero values."""
    inside = values[np.isfinite(values) & (values != 0)]
    low, high = np.percentile(inside, (1, 98)) if inside.size else (0.0, 1.0)
    low = min(float(low), 0.0)
    return _decimal_string((low + high) / 2), _decimal_string(max(float(high - low), 1e-3))


def _real_world_mapping(name: str, units: str, slope: float, intercept: float) -> Dataset:
    """Return the mapping from stored to real-world values with the coded unit."""
    unit = Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator = UCUM_CODES.get(units, units)[:16], "UCUM"
    unit.CodeMeaning = units[:64]
    mapping = Dataset()
    mapping.LUTExplanation, mapping.LUTLabel = f"{name} in {units}"[:64], name[:16]
    mapping.RealWorldValueFirstValueMapped, mapping.RealWorldValueLastValueMapped = PADDING + 1, LARGEST
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = float(slope), float(intercept)
    mapping.MeasurementUnitsCodeSequence = Sequence([unit])
    mapping["RealWorldValueFirstValueMapped"].VR = mapping["RealWorldValueLastValueMapped"].VR = "US"
    return mapping


def _decimal_string(value: float) -> str:
    """Return a number as DICOM decimal string (at most 16 characters), as precise as possible."""
    for digits in range(15, 3, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise DSCError(f"The number {value} cannot be written as DICOM.")
