"""Frame times of DICOM series whose clocks contradict each other, and frames of which something is missing."""

import numpy as np
import pytest
from dicom_sample import classic, save
from pydicom.dataset import Dataset

from dsc_superres.errors import SeriesError
from dsc_superres.io import read_series

FRAMES, SLICES = 12, 3
DELAYS = (0.0, 0.8, 0.4)


def moment(seconds: float) -> str:
    """A time of day; after midnight it starts again."""
    hours, rest = divmod(seconds % 86400, 3600)
    return f"{int(hours):02d}{int(rest // 60):02d}{rest % 60:09.6f}"


def image(t: int, z: int, **tags) -> Dataset:
    """One slice of a GE series with a constant clock: TR 2 s; all pixels are 10 t + z + 1."""
    dataset = classic(0, z, RepetitionTime=2000, AcquisitionTime="100000")
    dataset.RepetitionTime, dataset.AcquisitionTime = 2000, "100000"
    dataset.InstanceNumber = 1 + t * SLICES + z
    dataset.PixelData = np.full(30, 10 * t + z + 1, np.uint16).tobytes()
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    return dataset


def read(folder, tags, keep=lambda t, z: True, **options):
    places = [(t, z) for t in range(FRAMES) for z in range(SLICES) if keep(t, z)]
    datasets = []
    for t, z in places:
        found = dict(tags(t, z))
        private = {name: found.pop(name) for name in list(found) if isinstance(name, int)}
        datasets.append(image(t, z, **found))
        for tag, (kind, value) in private.items():
            datasets[-1].add_new(tag, kind, value)
    return read_series(save(folder / "series", datasets), **options)


def frames_of(series) -> list[int]:
    """The frames that were read, by their pixels; every slice is of its frame."""
    assert np.array_equal(
        series.signal[:, :, 0, 0] - series.signal[:, :1, 0, 0], np.tile([0, 1, 2], (series.frames, 1))
    )
    return [int(value) // 10 for value in series.signal[:, 0, 0, 0]]


def check(series, times, words, note=""):
    assert series.times.tolist() == pytest.approx(times, abs=1e-4)
    assert words in series.sources["times"]
    assert any(note in each for each in series.notes) if note else not series.notes


EVERY = np.arange(FRAMES)
GE = {0x00210010: ("LO", "GEMS_RELA_01")}
PHILIPS = {0x20050010: ("LO", "Philips MR Imaging DD 001")}


def test_ge_timer_and_not_the_repetition_time(tmp_path):
    series = read(tmp_path, lambda t, z: GE | {0x0021105E: ("DS", f"{0.0023 + 5 * t + DELAYS[z]:.4f}")})
    check(series, 5.0 * EVERY, "(0021,105E)", "5 s (DICOM (0021,105E)), not 2 s (DICOM RepetitionTime")
    assert series.slice_times.tolist() == pytest.approx(DELAYS)


def test_ge_timer_of_old_software_with_slices_that_lack_it(tmp_path):
    tenth_ms = lambda t, z: f"{19 + 1e4 * (2 * t + DELAYS[z]):.0f}" if t or not z else "0"  # noqa: E731
    series = read(tmp_path, lambda t, z: GE | {0x0021105E: ("DS", tenth_ms(t, z))})
    check(series, 2.0 * EVERY, "(0021,105E)")


def test_ge_two_passes_by_content_time(tmp_path):
    series = read(tmp_path, lambda t, z: {"ContentTime": moment(36000 + 4 * t)[:6]})
    check(series, 4.0 * EVERY, "ContentTime", "not 2 s (DICOM RepetitionTime")


def test_reconstruction_in_bursts_is_no_clock(tmp_path):
    check(read(tmp_path, lambda t, z: {"ContentTime": moment(36000 + 0.02 * t)}), 2.0 * EVERY, "RepetitionTime")


def test_philips_dynamic_time(tmp_path):
    series = read(tmp_path, lambda t, z: PHILIPS | {0x200510A0: ("FL", 1.4 * t), "MRAcquisitionType": "3D"})
    check(series, 1.4 * EVERY, "(2005,10A0)")


def test_midnight_with_an_unchanged_date(tmp_path):
    stamps = lambda t, z: {"AcquisitionDate": "20260101", "AcquisitionTime": moment(86390.5 + 2 * t)}  # noqa: E731
    check(read(tmp_path, stamps), 2.0 * EVERY, "AcquisitionTime")


def test_exactly_midnight_is_a_time(tmp_path):
    series = read(tmp_path, lambda t, z: {"AcquisitionTime": moment(86400 - 3 * 1.5 + 1.5 * t)})
    check(series, 1.5 * EVERY, "AcquisitionTime", "not 2 s (DICOM RepetitionTime")


SET_BACK = lambda t, z: {"AcquisitionTime": moment(36000.5 + 2 * t - 430 * (t > 7))}  # noqa: E731


def test_trigger_times_of_a_minute_are_no_times_of_day(tmp_path):
    """In ms they pass half of the number of seconds of a day."""
    series = read(tmp_path, lambda t, z: {"TriggerTime": 6000 * t, "RepetitionTime": 6000})
    check(series, 6.0 * EVERY, "TriggerTime")
    assert frames_of(series) == EVERY.tolist()


def test_clock_set_back_while_another_continues(tmp_path):
    series = read(tmp_path, lambda t, z: SET_BACK(t, z) | {"TriggerTime": 2000 * t})
    check(series, 2.0 * EVERY, "TriggerTime", "AcquisitionTime goes back at frame 8")
    assert frames_of(series) == EVERY.tolist()


def test_clock_set_forward_while_another_continues(tmp_path):
    forward = lambda t, z: {"AcquisitionTime": moment(36000.5 + 2 * t + 300 * (t > 7)), "TriggerTime": 2000 * t}  # noqa: E731
    check(read(tmp_path, forward), 2.0 * EVERY, "TriggerTime", "AcquisitionTime jumps")


@pytest.mark.parametrize("stamps", [SET_BACK, lambda t, z: {"AcquisitionTime": moment(36000.5 + 2 * t + 5 * (t == 0))}])
def test_the_frame_interval_rescues_from_wrong_clocks(tmp_path, stamps):
    with pytest.raises(SeriesError, match="--tr SECONDS"):
        read(tmp_path, stamps)
    series = read(tmp_path, stamps, interval=1.8)
    assert series.times.tolist() == pytest.approx(1.8 * EVERY)
    assert frames_of(series) == EVERY.tolist()


def test_repetition_time_of_a_slice_is_refused_and_the_frame_interval_rescues(tmp_path):
    per_slice = lambda t, z: {"RepetitionTime": 65}  # noqa: E731
    with pytest.raises(SeriesError, match=r"0.065 s .*--tr SECONDS"):
        read(tmp_path, per_slice)
    assert read(tmp_path, per_slice, interval=1.8).interval == pytest.approx(1.8)


def test_a_missing_frame_is_a_gap(tmp_path):
    series = read(tmp_path, lambda t, z: {}, keep=lambda t, z: t != 5)
    check(series, np.delete(2.0 * EVERY, 5), "RepetitionTime", "gap")
    seconds = lambda t, z: {"AcquisitionTime": moment(36000 + int(1.5 * t))[:6], "RepetitionTime": 1500}  # noqa: E731
    series = read(tmp_path / "b", seconds, keep=lambda t, z: t != 5)
    check(series, np.delete(1.5 * EVERY, 5), "whole seconds", "gap")


COUNTED = lambda t, z: {"TemporalPositionIdentifier": t + 1, "AcquisitionTime": moment(36000.5 + 2 * t)}  # noqa: E731
PLAIN = lambda t, z: {"AcquisitionTime": moment(36000.5 + 2 * t + DELAYS[z])}  # noqa: E731


UNNUMBERED = lambda t, z: PLAIN(t, z) | {"InstanceNumber": 1 + z * FRAMES + t}  # noqa: E731


@pytest.mark.parametrize("tags", [COUNTED, PLAIN, UNNUMBERED, lambda t, z: {}])
def test_an_incomplete_last_frame_is_left_out(tmp_path, tags):
    series = read(tmp_path, tags, keep=lambda t, z: (t, z) not in {(11, 1), (11, 2)})
    assert frames_of(series) == list(range(11))
    assert series.times.tolist() == pytest.approx(2.0 * EVERY[:11])
    assert (
        series.notes[0]
        == "Frame 11 of the scan's frames 0 to 11 lacks slices 2 and 3 of 3 and is left out (an aborted scan)."
    )


@pytest.mark.parametrize("tags", [COUNTED, PLAIN, UNNUMBERED, lambda t, z: {}])
def test_slices_are_never_of_neighboring_moments(tmp_path, tags):
    """Each slice lacks one image, at another frame; one frame alone is left out."""
    with pytest.raises(
        Exception, match="frame 5 lacks slice 1 of 3; frame 7 lacks slice 2 of 3; frame 8 lacks slice 3"
    ):
        read(tmp_path / "a", tags, keep=lambda t, z: (t, z) not in {(5, 0), (7, 1), (8, 2)})
    series = read(tmp_path / "b", tags, keep=lambda t, z: (t, z) != (5, 1))
    assert frames_of(series) == [*range(5), *range(6, 12)]
    assert series.times.tolist() == pytest.approx(np.delete(2.0 * EVERY, 5))
    assert "Frame 5 of the scan's frames 0 to 11 lacks slice 2 of 3" in series.notes[0]
