"""DICOM series made with pydicom: classic and enhanced MR, every way to tell time, and what must be refused."""

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_sample import (
    ALL,
    COLUMNS,
    FRAMES,
    PIXELS,
    ROWS,
    SLICES,
    check,
    classic,
    classic_series,
    enhanced,
    item,
    refusal,
    save,
)
from pydicom import dcmread
from pydicom.uid import RLELossless

from dsc_superres.errors import FileError
from dsc_superres.io import read_series


def clock(t, z):
    """Interleaved slices, a frame every 1.5 s, from just before midnight."""
    seconds = 23 * 3600 + 59 * 60 + 58 + 1.5 * t + (0, 0.75, 0.375, 1.125)[z]
    day, seconds = divmod(seconds, 86400)
    minutes, seconds = divmod(seconds, 60)
    return day, f"{int(minutes // 60):02d}{int(minutes % 60):02d}{seconds:09.6f}"


TIMINGS = {
    "one clock for all slices": (
        lambda t, z: {"AcquisitionTime": f"1000{10 + 2 * t:02d}.25", "AcquisitionNumber": 1},
        [0, 2, 4],
        "AcquisitionTime",
    ),
    "midnight with dates": (
        lambda t, z: {"AcquisitionDate": f"2024022{8 + int(clock(t, z)[0])}", "AcquisitionTime": clock(t, z)[1]},
        [0, 1.5, 3],
        "AcquisitionTime",
    ),
    "midnight without dates": (lambda t, z: {"AcquisitionTime": clock(t, z)[1]}, [0, 1.5, 3], "AcquisitionTime"),
    "whole seconds with TR": (
        lambda t, z: {"AcquisitionTime": f"1000{(10, 11, 13)[t]}"},
        [0, 1.5, 3],
        "whole seconds and RepetitionTime",
    ),
    "whole seconds without": (
        lambda t, z: {"AcquisitionTime": f"1000{(10, 12, 15)[t]}", "ScanningSequence": "GR"},
        [0, 2.5, 5],
        "evened out",
    ),
    "trigger": (
        lambda t, z: {"TriggerTime": 1600 * t, "TemporalPositionIdentifier": t + 1, "AcquisitionTime": "100000"},
        [0, 1.6, 3.2],
        "TriggerTime",
    ),
    "trigger, and a clock in whole seconds": (
        lambda t, z: {"TriggerTime": 1600 * t, "AcquisitionTime": f"1000{(10, 11, 13)[t]}"},
        [0, 1.6, 3.2],
        "TriggerTime",
    ),
    "resolution": (
        lambda t, z: {"TemporalPositionIdentifier": t + 1, "TemporalResolution": 1700},
        [0, 1.7, 3.4],
        "TemporalResolution",
    ),
    "TR": (lambda t, z: {"AcquisitionTime": "100000"}, [0, 1.5, 3], "RepetitionTime"),
    "3D": (lambda t, z: {"MRAcquisitionType": "3D", "RepetitionTime": 20}, [0, 1, 2], "missing"),
    "slice after slice": (lambda t, z: {"InstanceNumber": 1 + z * FRAMES + t}, [0, 1.5, 3], "RepetitionTime"),
    "frame tags against file order": (
        lambda t, z: {"TemporalPositionIdentifier": t + 1, "InstanceNumber": 99 - t},
        [0, 1.5, 3],
        "RepetitionTime",
    ),
}


@pytest.mark.parametrize("timing", TIMINGS)
def test_classic(tmp_path, timing):
    tags, times, source = TIMINGS[timing]

    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "notes.txt").write_text("not an image")
    datasets = []
    for t in range(FRAMES):
        for z in range(SLICES):
            dataset = classic(t, z)
            for tag, value in tags(t, z).items():
                setattr(dataset, tag, value)
            datasets.append(dataset)
    check(read_series(save(folder, datasets)), times, source)


def test_itk_agrees_on_the_geometry(tmp_path):
    series = read_series(classic_series(tmp_path / "series"))
    frame = save(tmp_path / "frame", [classic(0, z) for z in range(SLICES)])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(frame)))
    other = reader.Execute()
    assert np.array_equal(sitk.GetArrayFromImage(other), series.signal[0])
    assert other.GetSpacing() == pytest.approx(series.geometry.spacing, abs=1e-4)
    assert other.GetOrigin() == pytest.approx(series.geometry.origin, abs=1e-4)
    assert other.GetDirection() == pytest.approx(np.ravel(series.geometry.direction), abs=1e-4)


def test_one_file_stands_for_its_series(tmp_path):
    folder = classic_series(tmp_path / "series")
    localizer = classic(0, 0, SeriesNumber=1)
    localizer.SeriesInstanceUID = "1.2.4"
    localizer.save_as(folder / "A.dcm", enforce_file_format=True)
    check(read_series(folder / "IM0003"), [0, 1.5, 3], "RepetitionTime")
    message = refusal(folder)
    assert "2 series" in message
    assert "number 7 with 12 files" in message


def test_copies_and_stored_scale(tmp_path):
    datasets = [classic(t, z, RescaleSlope=2 + t, RescaleIntercept=-5) for t in range(FRAMES) for z in range(SLICES)]
    series = read_series(save(tmp_path / "series", [*datasets, datasets[0]]))
    assert np.array_equal(series.signal, PIXELS * np.array([2.0, 3, 4]).reshape(-1, 1, 1, 1) - 5)
    assert series.scalar_type == np.float32


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_philips_displayed_values_of_several_scales(tmp_path, kind):
    """Signal times a scale of each frame is displayed; the private scale slope says which, and the signal is read."""
    slope, scale_slope = 2.0 ** np.arange(FRAMES), 0.5
    signal = PIXELS / scale_slope
    if kind == "classic":
        datasets = [classic(t, z, RescaleSlope=slope[t], RescaleIntercept=0) for t, z in ALL]
        holders = [(t, dataset) for (t, _), dataset in zip(ALL, datasets, strict=True)]
    else:
        datasets = [enhanced(ALL, lambda t, z: {"FrameContentSequence": item(TemporalPositionIndex=t + 1)})]
        holders = []
        for (t, _), frame in zip(ALL, datasets[0].PerFrameFunctionalGroupsSequence, strict=True):
            frame.PixelValueTransformationSequence[0].RescaleSlope = slope[t]
            frame.add_new(0x20050010, "LO", "Philips MR Imaging DD 001")
            frame.add_new(0x2005140F, "SQ", item())
            holders.append((t, frame[0x2005140F].value[0]))
    for _, holder in holders:
        holder.add_new(0x20050010, "LO", "Philips MR Imaging DD 001")
        holder.add_new(0x2005100E, "FL", scale_slope)
    series = read_series(save(tmp_path / "series", datasets))
    assert np.allclose(series.signal, signal)
    assert any("scale slope" in note for note in series.notes)
    for t, holder in holders:
        holder[0x2005100E].value = scale_slope / slope[t]
    series = read_series(save(tmp_path / "one scale", datasets))
    assert np.allclose(series.signal, PIXELS * slope.reshape(-1, 1, 1, 1))
    assert not series.notes


@pytest.mark.parametrize("compression", ["JPEG", "RLE"])
def test_compressed(tmp_path, compression):
    datasets = [classic(t, z) for t, z in ALL]
    for dataset, pixels in zip(datasets, PIXELS.reshape(-1, 1, ROWS, COLUMNS), strict=True):
        if compression == "RLE":
            dataset.compress(RLELossless)
            continue
        writer = sitk.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG")
        writer.SetFileName(str(tmp_path / "compressed.dcm"))
        writer.Execute(sitk.GetImageFromArray(pixels))
        compressed = dcmread(tmp_path / "compressed.dcm")
        dataset.file_meta.TransferSyntaxUID = compressed.file_meta.TransferSyntaxUID
        dataset.BitsStored, dataset.HighBit = compressed.BitsStored, compressed.HighBit
        dataset["PixelData"] = compressed["PixelData"]
    assert all(dataset.file_meta.TransferSyntaxUID.is_compressed for dataset in datasets)
    check(read_series(save(tmp_path / "series", datasets)), [0, 1.5, 3], "RepetitionTime")


MIXED = [ALL[i] for i in np.random.default_rng(2).permutation(len(ALL))]
CLUES = {
    "index": (lambda t, z: {"FrameContentSequence": item(TemporalPositionIndex=t + 1)}, [0, 1.5, 3], "Repetition"),
    "moment": (
        lambda t, z: {"FrameContentSequence": item(FrameAcquisitionDateTime=f"202402281000{10 + 2 * t}.5{z}+0100")},
        [0, 2, 4],
        "FrameAcquisitionDateTime",
    ),
    "offset": (
        lambda t, z: {"TemporalPositionSequence": item(TemporalPositionTimeOffset=1.4 * t)},
        [0, 1.4, 2.8],
        "TemporalPositionTimeOffset",
    ),
}


@pytest.mark.parametrize("clue", CLUES)
def test_enhanced(tmp_path, clue):
    tags, times, source = CLUES[clue]
    folder = save(tmp_path / "series", [enhanced(MIXED, tags)])
    check(read_series(folder), times, source)
    check(read_series(folder / "IM0000"), times, source)


def test_enhanced_in_order_or_in_a_file_per_frame(tmp_path):
    nothing = lambda t, z: {}  # noqa: E731
    check(read_series(save(tmp_path / "one", [enhanced(ALL, nothing)])), [0, 1.5, 3], "Repetition")
    files = [enhanced(ALL[t * SLICES : (t + 1) * SLICES], nothing, InstanceNumber=t + 1) for t in range(FRAMES)]
    check(read_series(save(tmp_path / "many", files)), [0, 1.5, 3], "Repetition")


COUNTED = lambda t, z: {"TemporalPositionIdentifier": t + 1}  # noqa: E731


@pytest.mark.parametrize(
    ("tags", "keep", "words"),
    [
        (COUNTED, lambda t, z: (t, z) != (1, 2), "frame 1 lacks slice 3 of 4"),
        (COUNTED, lambda t, z: (t, z) not in {(0, 0), (1, 1), (2, 2), (0, 3)}, "files are missing"),
        (lambda t, z: {}, lambda t, z: (t, z) not in {(0, 0), (1, 1), (2, 2), (0, 3)}, "files are missing"),
        (COUNTED, lambda t, z: z != 1, "not evenly spaced"),
        (COUNTED, lambda t, z: t == 0, "single frame"),
        (lambda t, z: {"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, lambda t, z: True, "private tags"),
        (lambda t, z: {"ImageType": ["DERIVED", "PRIMARY", "CBV"]} if t else {}, lambda t, z: True, "2 kinds"),
        (lambda t, z: {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, lambda t, z: True, "phase images only"),
        (
            lambda t, z: {"EchoTime": 12 + 18 * (t % 2)},
            lambda t, z: True,
            "1 at 12 ms (8 images), 2 at 30 ms (4 images); choose one (--echo 1 to 2)",
        ),
        (lambda t, z: {"EchoTime": 0}, lambda t, z: True, "echo time"),
        (lambda t, z: {"Rows": 5 + t % 2}, lambda t, z: True, "matrix"),
        (
            lambda t, z: {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]} if t else {},
            lambda t, z: True,
            "--stack 1 to 2",
        ),
        (lambda t, z: {"ImagePositionPatient": [0, 3 * z, 4 * z]}, lambda t, z: True, "off the stack"),
        (lambda t, z: {"ImagePositionPatient": None}, lambda t, z: True, "no place in space"),
        (lambda t, z: {"PixelData": b"12"}, lambda t, z: True, "cannot be decoded"),
        (
            lambda t, z: {"TemporalPositionIdentifier": t + 1, "AcquisitionTime": f"1000{20 - 2 * t}.5"},
            lambda t, z: True,
            "sort the frames of series differently",
        ),
    ],
)
def test_refused(tmp_path, tags, keep, words):
    datasets = []
    for t, z in ALL:
        if keep(t, z):
            dataset = classic(t, z)
            if "ImagePositionPatient" in tags(t, z):
                dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            for tag, value in tags(t, z).items():
                setattr(dataset, tag, value)
            datasets.append(dataset)
    assert words in refusal(save(tmp_path / "series", datasets))


def test_damaged_file(tmp_path):
    folder = classic_series(tmp_path / "series")
    path = folder / "IM0005"
    path.write_bytes(path.read_bytes()[:-30])
    assert "IM0005" in refusal(folder)


def test_user_overrides_zero_echo_time(tmp_path):
    folder = save(tmp_path / "series", [classic(t, z, EchoTime=0) for t, z in ALL])
    assert read_series(folder, echo_time=0.025, interval=1.1).echo_time == 0.025


def test_several_values_where_one_belongs(tmp_path):
    folder = save(tmp_path / "scan", [classic(t, z, TriggerTime=1500 * t) for t, z in ALL])
    for path in folder.iterdir():
        dataset = dcmread(path)
        del dataset.SamplesPerPixel
        dataset.add_new(0x00280002, "IS", ["1", "1"])
        dataset.save_as(path)
    with pytest.raises(FileError):
        read_series(folder)
