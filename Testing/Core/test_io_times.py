"""Which of the times that files state are believed, and that readers say so."""

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from dsc_superres.errors import SeriesError
from dsc_superres.io import read_series, write_series
from dsc_superres.series import MISSING, Series

SLICES, FRAMES = 20, 9


def scan(folder, pixdim=0.0, unit="sec", **sidecar):
    """A NIfTI file of 20 slices with this header and sidecar."""
    image = nibabel.Nifti1Image(np.ones((3, 2, SLICES, FRAMES), np.int16), np.eye(4))
    image.header.set_xyzt_units("mm", unit)
    image.header["pixdim"][4] = pixdim
    nibabel.save(image, folder / "scan.nii")
    (folder / "scan.json").write_text(json.dumps(sidecar))
    return folder / "scan.nii"


@pytest.mark.parametrize(
    ("header", "sidecar", "interval", "words"),
    [
        ((1.5,), {"RepetitionTime": 1.5}, 1.5, ()),
        ((1.5,), {"RepetitionTime": 1.6}, 1.6, ()),  # within a tenth
        ((1.5,), {"RepetitionTime": 0.055}, 1.5, ("0.055 s", "shorter than any frame", "--tr")),
        ((1.5,), {"RepetitionTime": 0.75}, 1.5, ("0.75 s", "several excitations", "--tr")),
        ((5.0,), {"RepetitionTime": 2.0}, 5.0, ("not 2 s",)),
        ((1.0,), {"RepetitionTime": 0.6}, 0.6, ("not 1 s", "does not know")),
        ((3.0,), {"RepetitionTime": 1.5, "AcquisitionDuration": 13.5}, 1.5, ("not 3 s", "AcquisitionDuration")),
        ((1.5,), {"RepetitionTime": 0}, 1.5, ("0 s of sidecar",)),
        ((1.5,), {"RepetitionTime": [1.5] * FRAMES}, 1.5, ()),
        ((0,), {"RepetitionTime": 1500}, 1.5, ("1500 s", "taken as ms")),
        ((1500,), {}, 1.5, ("1500 s", "taken as ms")),
        ((1.5, "msec"), {}, 1.5, ("0.0015 s", "taken as 1.5 s")),
        ((1.5e6,), {}, 1.5, ("taken as us",)),
        ((1.5,), {"VolumeTiming": [3.0 * k for k in range(FRAMES)]}, 3.0, ("not 1.5 s", "each frame")),
        ((3.0,), {"FrameTimesStart": [3.0 * k for k in range(FRAMES)]}, 3.0, ()),
        ((0,), {"FrameTimes": [1500.0 * k for k in range(FRAMES)]}, 1.5, ("taken as ms",)),
    ],
)
def test_the_interval_that_is_believed(tmp_path, header, sidecar, interval, words):
    series = read_series(scan(tmp_path, *header, **sidecar))
    assert series.interval == pytest.approx(interval)
    assert len(series.notes) == bool(words)
    assert all(word in series.notes[0] for word in words)
    given = read_series(tmp_path / "scan.nii", interval=2.2)  # disagrees with each of them
    assert given.interval == pytest.approx(2.2)
    assert "2.2 s as given" in given.notes[0]


@pytest.mark.parametrize(
    ("header", "sidecar", "words"),
    [
        ((0,), {"RepetitionTime": 0.065}, ("0.065 s", "one slice", "1.3 s", "--tr")),
        ((0.05,), {}, ("0.05 s", "--tr")),
        ((90,), {}, ("90 s", "--tr")),
        ((0,), {"FrameTimes": [1e9 * k for k in range(FRAMES)]}, ("1e+09 s apart", "--tr")),
    ],
)
def test_times_of_no_perfusion_series(tmp_path, header, sidecar, words):
    path = scan(tmp_path, *header, **sidecar)
    with pytest.raises(SeriesError) as caught:
        read_series(path)
    assert all(word in str(caught.value) for word in words)
    assert read_series(path, interval=1.3).interval == pytest.approx(1.3)


@pytest.mark.parametrize(("interval", "words"), [(1500, "mean 1.5"), (0.0015, "0.1"), (0.065, "0.1")])
def test_an_interval_that_the_user_mistyped(tmp_path, interval, words):
    with pytest.raises(SeriesError, match=words):
        read_series(scan(tmp_path, 1.5), interval=interval)


def test_gaps_are_noted_and_uneven_protocols_are_not(tmp_path):
    times = 1.5 * np.arange(12.0)
    times[7:] += 20
    uneven = np.concatenate([np.arange(0, 15, 3.0), np.arange(15, 36, 1.2), np.arange(36, 60, 3.0)])
    rounded = np.floor(1.5 * np.arange(20))
    for values, count in ((times, 1), (uneven, 0), (rounded, 0), (1.5 * np.arange(9), 0)):
        write_series(Series(np.ones((len(values), 1, 4, 4)), values), tmp_path / "scan.seq.nrrd")
        assert len(read_series(tmp_path / "scan.seq.nrrd").notes) == count
    write_series(Series(np.ones((12, 1, 4, 4)), times), tmp_path / "gap.nii")
    (note,) = read_series(tmp_path / "gap.nii").notes
    assert "21.5 s between frames 6 and 7" in note
    assert "--tr" in note


SLICE_TIMES = [0.07 * ((7 * k) % SLICES) for k in range(SLICES)]


@pytest.mark.parametrize(
    ("sidecar", "expected", "words"),
    [
        ({"SliceTiming": SLICE_TIMES}, SLICE_TIMES, None),
        ({"SliceTiming": SLICE_TIMES, "SliceEncodingDirection": "k-"}, SLICE_TIMES[::-1], None),
        ({"SliceTiming": [1000 * t for t in SLICE_TIMES]}, SLICE_TIMES, "taken as ms"),
        ({"SliceTiming": SLICE_TIMES[:-1]}, None, "19 values for 20 slices"),
        ({"SliceTiming": [3 * t for t in SLICE_TIMES]}, None, "frames are 1.5 s apart"),
        ({"SliceTiming": SLICE_TIMES, "SliceEncodingDirection": "j"}, None, "another axis"),
        ({"SliceTiming": [-0.1, *SLICE_TIMES[1:]]}, None, "after the begin"),
        ({}, None, None),
    ],
)
def test_times_of_slices(tmp_path, sidecar, expected, words):
    series = read_series(scan(tmp_path, 1.5, **sidecar))
    assert (series.slice_times is None) == (expected is None)
    if expected is not None:
        assert np.allclose(series.slice_times, expected)
    assert len(series.notes) == (words is not None)
    assert words is None or words in series.notes[0]


def test_slices_that_need_longer_than_an_interval_contradict_it(tmp_path):
    series = read_series(scan(tmp_path, 3.0, RepetitionTime=1.0, SliceTiming=[0.1 * k for k in range(SLICES)]))
    assert series.interval == 3.0
    assert "SliceTiming" in series.notes[0]


@pytest.mark.parametrize("suffix", [".nii.gz", ".seq.nrrd"])
@pytest.mark.parametrize("lonely", [False, True])
def test_times_of_slices_survive(tmp_path, suffix, lonely):
    series = Series(np.ones((4, 3, 2, 2)), 1.5 * np.arange(4), slice_times=[0, 1.0, 0.5])
    write_series(series, tmp_path / f"scan{suffix}")
    if lonely:
        (tmp_path / "scan.json").unlink()
    back = read_series(tmp_path / f"scan{suffix}")
    if lonely and suffix == ".nii.gz":
        assert back.slice_times is None
    else:
        assert back.slice_times.tolist() == [0, 1.0, 0.5]
        assert replace(back, sources={}).notes == ()


def test_unknown_times_stay_unknown_beside_slice_times(tmp_path):
    series = read_series(scan(tmp_path, 0, SliceTiming=SLICE_TIMES))
    assert series.sources["times"] == MISSING
    assert np.allclose(series.slice_times, SLICE_TIMES)


def test_sidecars_above_an_image_are_those_of_its_data_set(tmp_path):
    """The nearest counts most, what another task or suffix has does not count, and the image's own counts more."""
    folder = tmp_path / "set" / "sub-01" / "perf"
    folder.mkdir(parents=True)
    image = folder / "sub-01_task-rest_dsc.nii"
    scan(folder).rename(image)
    (folder / "scan.json").unlink()
    (tmp_path / "set" / "dsc.json").write_text(json.dumps({"EchoTime": 0.025, "RepetitionTime": 1.5}))
    assert read_series(image).echo_time is None  # no data set
    (tmp_path / "set" / "dataset_description.json").write_text("{}")
    for name, echo_time in (("sub-01_dsc", 0.03), ("task-other_dsc", 0.09), ("bold", 0.08)):
        (tmp_path / "set" / "sub-01" / f"{name}.json").write_text(json.dumps({"EchoTime": echo_time}))
    series = read_series(image)
    assert (series.echo_time, series.interval) == (0.03, 1.5)
    image.with_suffix(".json").write_text(json.dumps({"EchoTime": 0.04}))
    series = read_series(image)
    assert (series.echo_time, series.interval) == (0.04, 1.5)


def test_a_header_that_states_two_places_says_which_is_used(tmp_path):
    image = nibabel.Nifti1Image(np.ones((20, 20, 4, 3), np.int16), np.diag([3, 3, 5, 1]))
    turned = np.diag([3.0, 3, 5, 1])
    turned[:3, :3] = [[2.954, -0.521, 0], [0.521, 2.954, 0], [0, 0, 5]]
    for qform, sform, differ in ((1, 1, False), (1, 2, True)):
        image.set_qform(np.diag([3, 3, 5, 1]), qform)
        image.set_sform(turned if differ else np.diag([3, 3, 5, 1]), sform)
        nibabel.save(image, tmp_path / "scan.nii")
        assert any("qform" in note for note in read_series(tmp_path / "scan.nii").notes) == differ
