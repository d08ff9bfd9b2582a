"""Small DICOM series made with pydicom: classic and enhanced MR of a head that lies obliquely."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from scipy.spatial.transform import Rotation

from dsc_superres.errors import DSCError, FileError, SeriesError
from dsc_superres.io import read_series

FRAMES, SLICES, ROWS, COLUMNS = 3, 4, 5, 6
SPACING = (1.5, 1.25, 4.0)
DIRECTION = Rotation.from_euler("xyz", (15, -25, 40), degrees=True).as_matrix()
ORIGIN = np.array([-80.5, 60.25, -12.0])
PIXELS = np.random.default_rng(0).integers(0, 1000, (FRAMES, SLICES, ROWS, COLUMNS)).astype(np.uint16)
ALL = [(t, z) for t in range(FRAMES) for z in range(SLICES)]
NAME = "Doe^Jane"


def position(z):
    return [float(f"{v:.6g}") for v in ORIGIN + z * SPACING[2] * DIRECTION[:, 2]]


def cosines():
    return [float(f"{v:.6f}") for v in DIRECTION[:, :2].T.ravel()]


def image(sop_class, pixels, **tags) -> Dataset:
    """A data set with all that any MR image has."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientID, dataset.Modality = NAME, "4711", "MR"
    dataset.SeriesInstanceUID, dataset.SeriesNumber = "1.2.3", 7
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.MRAcquisitionType, dataset.ScanningSequence = "2D", ["EP", "GR"]
    dataset.RepetitionTime, dataset.EchoTime = 1500, 30
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    return dataset


def classic(t, z, **tags) -> Dataset:
    place = {"ImagePositionPatient": position(z), "ImageOrientationPatient": cosines()}
    place |= {"PixelSpacing": [SPACING[1], SPACING[0]], "SliceThickness": 3}
    return image(MRImageStorage, PIXELS[t, z], InstanceNumber=1 + t * SLICES + z, **place, **tags)


def save(folder, datasets):
    """Write under names that say nothing about the order."""
    folder.mkdir(parents=True, exist_ok=True)
    names = np.random.default_rng(1).permutation(len(datasets))
    for name, dataset in zip(names, datasets, strict=True):
        dataset.save_as(folder / f"IM{name:04d}", enforce_file_format=True)
    return folder


def classic_series(folder, tags=lambda t, z: {}, keep=lambda t, z: True):
    return save(folder, [classic(t, z, **tags(t, z)) for t in range(FRAMES) for z in range(SLICES) if keep(t, z)])


def check(series, times, source, scalar_type=np.uint16):
    assert np.array_equal(series.signal, PIXELS)
    assert series.scalar_type == scalar_type
    assert series.times.tolist() == pytest.approx(times, abs=1e-6)
    assert source in series.sources["times"]
    assert series.echo_time == pytest.approx(0.03)
    assert np.allclose(series.geometry.affine[:3, :3], DIRECTION * SPACING, atol=1e-4)
    assert np.allclose(series.geometry.origin, ORIGIN, atol=1e-4)


def item(**tags) -> list[Dataset]:
    dataset = Dataset()
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    return [dataset]


def enhanced(places, clue, **tags) -> Dataset:
    """One file with the images of ``places`` [(t, z), ...] in that order; half its groups shared, half per frame."""
    dataset = image(EnhancedMRImageStorage, np.array([PIXELS[t, z] for t, z in places]), **tags)
    del dataset.EchoTime, dataset.RepetitionTime, dataset.ScanningSequence
    dataset.EchoPlanarPulseSequence, dataset.NumberOfFrames = "YES", len(places)
    dataset.SharedFunctionalGroupsSequence = item(
        PlaneOrientationSequence=item(ImageOrientationPatient=cosines()),
        PixelMeasuresSequence=item(PixelSpacing=[SPACING[1], SPACING[0]], SliceThickness=3),
        MREchoSequence=item(EffectiveEchoTime=30.0),
        MRTimingAndRelatedParametersSequence=item(RepetitionTime=1500.0),
    )
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=item(ImagePositionPatient=position(z)),
            PixelValueTransformationSequence=item(RescaleSlope=1, RescaleIntercept=0, RescaleType="US"),
            **clue(t, z),
        )[0]
        for t, z in places
    ]
    return dataset


def refusal(path) -> str:
    """The one sentence, which says nothing about the patient."""
    with pytest.raises(DSCError) as caught:
        read_series(path)
    message = str(caught.value)
    assert "\n" not in message
    assert not any(word in message for word in ("Doe", "Jane", "4711"))
    assert isinstance(caught.value, FileError | SeriesError)
    return message
