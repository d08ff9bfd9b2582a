"""DICOM as users reported it: moved slices, bits beside the pixels, copies, one UID for all, wrong counts."""

import numpy as np
import pytest
from dicom_sample import (
    ALL,
    DIRECTION,
    FRAMES,
    PIXELS,
    SLICES,
    check,
    classic,
    classic_series,
    cosines,
    enhanced,
    item,
    position,
    refusal,
    save,
)
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from dsc_superres.io import read_series


def timed(t, z=0):
    return {"AcquisitionTime": f"1000{10 + 2 * t:02d}.25", "TemporalPositionIdentifier": t + 1}


@pytest.mark.parametrize("degrees", [0, 0.8])
def test_slices_that_follow_the_head_lie_on_the_grid_of_the_first_frame(tmp_path, degrees):
    def moved(t, z):
        turn = Rotation.from_euler("xyz", [degrees * t, 0, -degrees * t], degrees=True).as_matrix()
        place = turn @ np.array(position(z)) + t * (0.9 * DIRECTION[:, 2] + 0.4 * DIRECTION[:, 0])
        axes = (turn @ np.array(cosines()).reshape(2, 3).T).T
        return timed(t) | {
            "ImagePositionPatient": [float(f"{v:.8g}") for v in place],
            "ImageOrientationPatient": [float(f"{v:.8f}") for v in axes.ravel()],
        }

    datasets = [classic(t, z) for t, z in ALL]
    for (t, z), dataset in zip(ALL, datasets, strict=True):
        for tag, value in moved(t, z).items():
            setattr(dataset, tag, value)
    series = read_series(save(tmp_path / "series", datasets))
    check(series, [0, 2, 4], "AcquisitionTime")
    assert "follow the head by up to" in series.notes[0]


def test_slices_of_passes_are_not_moved_slices(tmp_path):
    """AcquisitionNumber counts the two passes of interleaved slices; every frame has both."""
    tags = lambda t, z: {"AcquisitionTime": f"1000{10 + 2 * t:02d}.25", "AcquisitionNumber": 1 + z % 2}  # noqa: E731
    check(read_series(classic_series(tmp_path / "series", tags)), [0, 2, 4], "AcquisitionTime")


@pytest.mark.parametrize("signed", [False, True])
def test_bits_beside_the_pixels_are_no_signal(tmp_path, signed):
    """Of 12 stored bits: an overlay in the four others, or a sign that is not continued there."""
    datasets = [classic(t, z, **timed(t)) for t, z in ALL]
    for (t, z), dataset in zip(ALL, datasets, strict=True):
        stored = (PIXELS[t, z].astype(np.int16) - 400 & 0xFFF) if signed else PIXELS[t, z] | 0x9000
        dataset.PixelData = stored.astype(np.uint16).tobytes()
        if signed:
            dataset.PixelRepresentation, dataset.RescaleSlope, dataset.RescaleIntercept = 1, 1, 400
    series = read_series(save(tmp_path / "series", datasets))
    assert np.array_equal(series.signal, PIXELS)


def test_images_that_were_sent_twice_count_once(tmp_path):
    datasets = [classic(t, z, **timed(t)) for t, z in ALL]
    save(tmp_path / "series", datasets)
    for dataset in datasets:
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(tmp_path / "series" / f"again-{dataset.InstanceNumber}", enforce_file_format=True)
    check(read_series(tmp_path / "series"), [0, 2, 4], "AcquisitionTime")


def test_series_that_share_their_uid_are_told_by_their_numbers(tmp_path):
    datasets = [classic(t, z, **timed(t)) for t, z in ALL]
    folder = save(tmp_path / "series", [*datasets, *(classic(0, z, SeriesNumber=2) for z in range(SLICES))])
    for dataset in datasets[:SLICES]:
        assert dataset.SeriesInstanceUID == "1.2.3"
    assert "2 series (number 7 with 12 files, number 2 with 4 files)" in refusal(folder).replace(
        "number 2 with 4 files, number 7 with 12 files", "number 7 with 12 files, number 2 with 4 files"
    )
    check(read_series(folder, series=7), [0, 2, 4], "AcquisitionTime")


NUMBERS = np.random.default_rng(5).permutation(FRAMES * SLICES) + 1
WITHOUT_MEANING = {
    "InstanceNumber at random": lambda t, z: {"InstanceNumber": int(NUMBERS[t * SLICES + z])},
    "InstanceNumber 1": lambda t, z: {"InstanceNumber": 1},
    "wrong counts": lambda t, z: {"NumberOfTemporalPositions": 2, "ImagesInAcquisition": 240},
    "a wrong spacing": lambda t, z: {"SpacingBetweenSlices": 1},
    "a decimal comma": lambda t, z: {"AcquisitionTime": f"1000{10 + 2 * t:02d},25"},
}


@pytest.mark.parametrize("kind", WITHOUT_MEANING)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_software_writes_wrongly_changes_nothing(tmp_path, kind):
    datasets = [classic(t, z) for t, z in ALL]
    for (t, z), dataset in zip(ALL, datasets, strict=True):
        for tag, value in (timed(t) | WITHOUT_MEANING[kind](t, z)).items():
            setattr(dataset, tag, value)
    check(read_series(save(tmp_path / "series", datasets)), [0, 2, 4], "AcquisitionTime")


def test_an_interval_of_the_whole_acquisition_is_said_to_be_one(tmp_path):
    dataset = enhanced(ALL, lambda t, z: {"FrameContentSequence": item(TemporalPositionIndex=t + 1)})
    dataset.MRAcquisitionType, dataset.AcquisitionDuration = "3D", 4.5
    del dataset.SharedFunctionalGroupsSequence[0].MRTimingAndRelatedParametersSequence
    series = read_series(save(tmp_path / "series", [dataset]))
    assert series.times.tolist() == pytest.approx([0, 1.5, 3])
    assert any("whole acquisition" in note and "--tr" in note for note in series.notes)
