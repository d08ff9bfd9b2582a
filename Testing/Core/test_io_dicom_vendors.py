"""What each vendor makes of a DICOM series: mosaics, tiled volumes, volumes apart, magnitude beside phase, echoes."""

import struct

import numpy as np
import pytest
from dicom_sample import (
    ALL,
    COLUMNS,
    DIRECTION,
    FRAMES,
    PIXELS,
    ROWS,
    SLICES,
    SPACING,
    check,
    classic,
    cosines,
    enhanced,
    image,
    item,
    position,
    refusal,
    save,
)
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from dsc_superres.errors import SeriesError
from dsc_superres.io import read_series

SLICE_TIMES = [0.0, 0.75, 0.375, 1.125]


def csa_header(**tags) -> bytes:
    """A private header of Siemens (CSA2) with the values of ``tags`` as text."""
    parts = [b"SV10\4\3\2\1", struct.pack("<2I", len(tags), 77)]
    for name, values in tags.items():
        parts.append(struct.pack("<64si4s3i", name.encode(), len(values), b"FD", 4, len(values), 77))
        for value in values:
            text = f"{value:g}".encode() + b"\0"
            parts += [struct.pack("<4i", len(text), len(text), 77, len(text)), text, b"\0" * (-len(text) % 4)]
    return b"".join(parts)


def mosaic(t, *, reverse=False, standard=True, kind="ND", **tags) -> Dataset:
    """A frame of Siemens: 4 slices in 2 x 2 tiles; the private header says how they follow each other."""
    order = list(range(SLICES))[:: -1 if reverse else 1]
    tiles = np.zeros((2, ROWS, 2, COLUMNS), np.uint16)
    for k, z in enumerate(order):
        tiles[k // 2, :, k % 2] = PIXELS[t, z]
    normal = DIRECTION[:, 2] * (-1 if reverse else 1)
    corner = np.array(position(order[0])) - DIRECTION[:, :2] @ (COLUMNS / 2 * SPACING[0], ROWS / 2 * SPACING[1])
    dataset = image(
        MRImageStorage,
        tiles.reshape(2 * ROWS, 2 * COLUMNS),
        Rows=2 * ROWS,
        Columns=2 * COLUMNS,
        ImageType=["ORIGINAL", "PRIMARY", "M", kind, "MOSAIC"],
        InstanceNumber=t + 1,
        AcquisitionTime=f"1000{10 + 2 * t:02d}.250000",
        ImagePositionPatient=[float(f"{v:.7g}") for v in corner],
        ImageOrientationPatient=cosines(),
        PixelSpacing=[SPACING[1], SPACING[0]],
        SpacingBetweenSlices=-SPACING[2] if standard else SPACING[2],
        **tags,
    )
    times = [1000 * SLICE_TIMES[z] for z in order]
    if standard:
        dataset.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
        dataset.add_new(0x0019100A, "US", SLICES)
        dataset.add_new(0x00191029, "FD", times)
    dataset.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
    known = {"SliceNormalVector": normal.tolist()}
    known |= {} if standard else {"NumberOfImagesInMosaic": [SLICES], "MosaicRefAcqTimes": times}
    dataset.add_new(0x00291010, "OB", csa_header(**known))
    return dataset


@pytest.mark.parametrize("kind", [{}, {"reverse": True}, {"standard": False}])
def test_siemens_mosaic(tmp_path, kind):
    series = read_series(save(tmp_path / "series", [mosaic(t, **kind) for t in range(FRAMES)]))
    check(series, [0, 2, 4], "AcquisitionTime")
    assert series.slice_times.tolist() == SLICE_TIMES


def test_mosaics_of_two_echoes_in_one_folder(tmp_path):
    echoes = [mosaic(t, EchoTime=echo, kind=f"TE{k}") for t in range(FRAMES) for k, echo in enumerate((30.0, 48.5), 1)]
    folder = save(tmp_path / "series", echoes)
    assert "2 echoes: 1 at 30 ms (12 images), 2 at 48.5 ms (12 images)" in refusal(folder)
    series = read_series(folder, echo=1)
    check(series, [0, 2, 4], "AcquisitionTime")
    assert series.notes[0] == "Of 2 echoes, number 1 is used, 30 ms (12 images)."
    assert read_series(folder, echo=2).echo_time == pytest.approx(0.0485)


def test_united_imaging_tiles_each_with_its_header(tmp_path):
    datasets = []
    for t in range(FRAMES):
        tiles = np.zeros((2, ROWS, 3, COLUMNS), np.uint16)  # 2 x 3 tiles for 4 slices
        headers = []
        for z in range(SLICES):
            tiles[z // 3, :, z % 3] = PIXELS[t, z]
            seconds = 10 + 2 * t + SLICE_TIMES[z]
            headers += item(ImagePositionPatient=position(z), AcquisitionTime=f"1000{seconds:09.6f}")
        dataset = image(
            MRImageStorage,
            tiles.reshape(2 * ROWS, 3 * COLUMNS),
            Rows=2 * ROWS,
            Columns=3 * COLUMNS,
            ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"],
            InstanceNumber=t + 1,
            ImageOrientationPatient=cosines(),
            PixelSpacing=[SPACING[1], SPACING[0]],
            SliceThickness=3,
        )
        dataset.add_new(0x00650010, "LO", "Image Private Header")
        dataset.add_new(0x00651004, "SH", f"{ROWS}*{COLUMNS}")
        dataset.add_new(0x00651050, "DS", SLICES)
        dataset.add_new(0x00651051, "SQ", headers)
        datasets.append(dataset)
    series = read_series(save(tmp_path / "series", datasets))
    check(series, [0, 2, 4], "AcquisitionTime")
    assert series.slice_times.tolist() == SLICE_TIMES


def test_siemens_volumes_that_are_series_of_their_own(tmp_path):
    for t in range(FRAMES):
        volume = [
            classic(t, z, NumberOfTemporalPositions=FRAMES, AcquisitionTime=f"1000{10 + 2 * t:02d}.{25 + 10 * z}")
            for z in range(SLICES)
        ]
        for dataset in volume:
            dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{t}", 7001 + t
        save(tmp_path / f"700{1 + t}", volume)
    series = read_series(tmp_path)
    check(series, [0, 2, 4], "AcquisitionTime")
    assert series.slice_times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert "3 volumes that were exported as series of their own are read as one series" in series.notes[0]
    assert np.array_equal(read_series(tmp_path, series=7003).signal, PIXELS)
    for one in (tmp_path / "7001", next((tmp_path / "7002").iterdir())):  # the others lie beside it
        check(read_series(one), [0, 2, 4], "AcquisitionTime")
    (tmp_path / "elsewhere").mkdir()
    lonely = (tmp_path / "7001").rename(tmp_path / "elsewhere" / "7001")
    assert "name the folder above" in refusal(lonely)


@pytest.mark.parametrize("own", [{"FrameType": ["ORIGINAL", "PRIMARY", "VELOCITY", "NONE"]}, {}])
def test_magnitude_and_phase_in_one_enhanced_file(tmp_path, own):
    dataset = enhanced([place for place in ALL for _ in range(2)], lambda t, z: {})
    for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        t, _ = ALL[k // 2]
        frame.FrameContentSequence = item(TemporalPositionIndex=t + 1)
        component = own or {"ComplexImageComponent": "PHASE"}
        frame.MRImageFrameTypeSequence = item(**(component if k % 2 else {"ComplexImageComponent": "MAGNITUDE"}))
    series = read_series(save(tmp_path / "series", [dataset]))
    check(series, [0, 1.5, 3], "Repetition")
    assert series.notes[0] == "The 12 magnitude images are used; the 12 phase images beside them are not."


def test_magnitude_and_phase_in_files_of_their_own(tmp_path):
    datasets = [classic(t, z) for t, z in ALL]
    datasets += [classic(t, z, ImageType=["ORIGINAL", "PRIMARY", "P", "ND"]) for t, z in ALL]
    series = read_series(save(tmp_path / "series", datasets))
    assert np.array_equal(series.signal, PIXELS)
    assert "12 magnitude images" in series.notes[0]


def test_stacks_are_chosen(tmp_path):
    dataset = enhanced(
        ALL, lambda t, z: {"FrameContentSequence": item(StackID="AB"[z // 2], TemporalPositionIndex=t + 1)}
    )
    for frame, (_, z) in zip(dataset.PerFrameFunctionalGroupsSequence, ALL, strict=True):
        frame.PlanePositionSequence[0].ImagePositionPatient = position(z + 3 * (z // 2))
    folder = save(tmp_path / "series", [dataset])
    assert "2 stacks of slices" in refusal(folder)
    assert np.array_equal(read_series(folder, stack=2).signal, PIXELS[:, 2:])
    with pytest.raises(SeriesError, match="has no stack 3"):
        read_series(folder, stack=3)


def test_enhanced_file_converted_from_classic_ones(tmp_path):
    """Echo time, time and number of each image are where the conversion found no group for them."""
    dataset = enhanced(ALL, lambda t, z: {})
    del dataset.SharedFunctionalGroupsSequence[0].MREchoSequence
    dataset.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence = item(EchoTime=30)
    for frame, (t, z) in zip(dataset.PerFrameFunctionalGroupsSequence, ALL, strict=True):
        frame.UnassignedPerFrameConvertedAttributesSequence = item(TriggerTime=1600 * t + 100 * z)
    series = read_series(save(tmp_path / "series", [dataset]))
    check(series, [0, 1.6, 3.2], "TriggerTime")
    assert series.slice_times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3])


def test_differences_that_mean_nothing(tmp_path):
    """Processing flags, rounded echo times, one distance with another sign, one identifier for all files."""
    datasets = []
    for t, z in ALL:
        flags = ["NORM"] if t else ["ND", "FIL"]
        datasets.append(classic(t, z, SpacingBetweenSlices=-4.0 if (t, z) == (1, 2) else 4.0))
        datasets[-1].ImageType = ["ORIGINAL", "PRIMARY", "M", *flags]
        datasets[-1].EchoTime = (30, 30.002)[t % 2]
        datasets[-1].SOPInstanceUID = datasets[-1].file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    series = read_series(save(tmp_path / "series", [*datasets, datasets[5]]))
    check(series, [0, 1.5, 3], "Repetition")
    single = [classic(t, 0, SpacingBetweenSlices=-4.0) for t in range(FRAMES)]
    assert read_series(save(tmp_path / "single", single)).geometry.spacing[2] == 4.0
