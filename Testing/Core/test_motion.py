"""Heads that move: the motion is found, whatever the bolus does, and taken back; still heads stay as they are."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from sample import bolus_series
from scipy import ndimage

from dsc_superres.cli import main
from dsc_superres.geometry import Geometry
from dsc_superres.io import read_series, write_series
from dsc_superres.motion.correct import corrected
from dsc_superres.motion.head_motion import head_motion
from dsc_superres.motion.motion_words import motion_notes, motion_record
from dsc_superres.motion.rigid import composed, displacement, image, inverse, resampled
from dsc_superres.perfusion import ArterialInput, MapOptions, compute_maps
from dsc_superres.perfusion.usable_samples import usable_series
from dsc_superres.series import Series

SPACING = (3.0, 3.0, 5.0)
FRAMES, ARRIVAL, PEAK = 20, 6, 10


def head(path: np.ndarray, slices: int = 8) -> tuple[Series, np.ndarray, ArterialInput]:
    """A head of three tissues whose frames move along ``path``, its CBV (fraction) and the arterial input."""
    z, y, x = (each - each.mean() for each in np.indices((slices, 50, 44), dtype=float))
    x, y, z = x * SPACING[0], y * SPACING[1], z * SPACING[2]
    radius = np.sqrt((x / 60) ** 2 + (y / 70) ** 2 + ((z - 8) / 75) ** 2)
    folds = np.sin(x / 9 + 0.6 * np.sin(y / 14)) * np.cos(y / 11 - z / 17) + 0.4 * np.sin(z / 9 + x / 20)
    gray, ventricle = folds > 0.2, np.hypot((x - 3) / 14, (y + 5) / 26) + np.abs(z / 25) < 1
    still = np.where(radius < 0.82, np.where(gray, 800.0, 600.0), np.where(radius < 0.92, 250.0, 500.0))
    still = np.where(radius > 1, 0, np.where(ventricle, 950.0, still))
    volume = np.where((radius < 0.82) & ~ventricle, np.where(gray, 0.045, 0.02), 0.0)
    times = 1.5 * np.arange(FRAMES)
    t = np.maximum(times - 1.5 * ARRIVAL, 0) / 1.8
    aif = 300 * (t / 3) ** 3 * np.exp(3 - t) + 8 * (t > 3)
    tissue = np.convolve(aif, np.exp(-times / 4))[:FRAMES] / np.exp(-times / 4).sum()
    random, signal = np.random.default_rng(2), np.empty((FRAMES, *still.shape))
    for frame, (parameters, change) in enumerate(zip(path, tissue, strict=True)):
        signal[frame] = ndimage.gaussian_filter(still * np.exp(-0.03 * change * volume), (0, 0.8, 0.8))
        if np.any(parameters):
            moved = resampled(image(signal[frame], SPACING), parameters, slices)
            signal[frame] = np.maximum(np.nan_to_num(moved), 0)
    signal = np.hypot(signal + random.normal(0, 6, signal.shape), random.normal(0, 6, signal.shape))
    series = Series(signal, times, Geometry(spacing=SPACING), echo_time=0.03, name="head")
    return series, volume, ArterialInput(times, aif)


def path_of(amount: float, frames: slice, in_plane: bool = False) -> np.ndarray:
    """A motion by ``amount`` mm and as many degrees in some frames, float64[t, 6]."""
    path = np.zeros((FRAMES, 6))
    path[frames] = amount * np.array([0.2, 0.15, 0.97, 0.6, 0.6, 0.53]) * np.array([np.pi / 180] * 3 + [1] * 3)
    if in_plane:
        path[:, [0, 1, 5]] = 0
    return path


def residual(path: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """How far the head is moved in each frame after the correction, mm."""
    points = np.random.default_rng(3).normal(size=(200, 3)) * [32, 36, 14]
    rest = [composed(there, back) for there, back in zip(path, parameters, strict=True)]
    return np.array([displacement(composed(inverse(rest[3]), one), points) for one in rest])


@pytest.mark.parametrize(
    ("amount", "frames"),
    [(0.5, slice(PEAK, None)), (2, slice(5, None)), (2, slice(PEAK - 2, PEAK + 3))],
)
def test_motion_is_found_before_and_during_the_bolus(amount: float, frames: slice) -> None:
    path = path_of(amount, frames)
    series = head(path)[0]
    motion = head_motion(series)
    assert residual(path, motion.parameters).max() < 0.2
    assert motion_notes(head_motion(series, quick=True), False)


def test_maps_of_a_corrected_series_are_those_of_a_still_one() -> None:
    path = path_of(5, slice(PEAK, None), in_plane=True)
    (series, volume, aif), still = head(path), still_head()[0]
    motion, inside = head_motion(series), volume > 0
    options = MapOptions("csvd", integration_end=30)
    errors = {}
    states = {"still": (still, None), "moved": (series, None), "back": corrected(series, motion)}
    for name, (one, outside) in states.items():
        maps = compute_maps(usable_series(one, outside=outside), aif=aif, mask=inside, options=options)
        errors[name] = np.median(np.abs(maps.cbv[inside] / (70.5 * volume[inside]) - 1))
    assert errors["back"] < errors["still"] + 0.1 * errors["moved"] < errors["moved"], errors


@cache
def still_head(slices: int = 8) -> tuple[Series, np.ndarray, ArterialInput]:
    return head(np.zeros((FRAMES, 6)), slices)


def test_still_heads_stay_as_they_are_and_are_not_noted() -> None:
    for slices in (1, 4, 8):
        series = still_head(slices)[0]
        quick = head_motion(series, quick=True)
        assert not motion_notes(quick, False)
        record = motion_record(quick, series.times, "warn")
        assert len(record["times_s"]) == len(record["displacement_mm"]) == FRAMES
        motion = head_motion(series)
        assert corrected(series, motion)[0] is series
        assert motion.in_plane == (slices < 8)


def test_few_slices_are_corrected_in_plane_and_edges_have_no_data_on_any_number_of_threads() -> None:
    path = path_of(4, slice(14, None), in_plane=True)
    series = head(path, slices=2)[0]
    threads, found = torch.get_num_threads(), []
    try:
        for number in (1, 3):
            torch.set_num_threads(number)
            motion = head_motion(series)
            back, outside = corrected(series, motion)
            found.append((motion.parameters, back.signal, outside))
    finally:
        torch.set_num_threads(threads)
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))
    assert residual(path, motion.parameters).max() < 0.2
    assert outside[14:].any(axis=(1, 2, 3)).all()
    assert not outside[:14].any()
    assert np.isfinite(back.signal).all()
    assert (back.signal[:14] == series.signal[:14]).all()


def test_frames_are_left_out_at_the_command_line_and_reconstructed(tmp_path, capsys) -> None:
    series = bolus_series()
    signal = series.signal.copy()
    signal[[4, 17]] = np.roll(signal[[4, 17]], 9, axis=3)
    write_series(series.with_signal(signal), tmp_path / "bad.nii.gz")
    arguments = [str(tmp_path / "bad.nii.gz"), "--exclude", "4,17", "--motion", "off"]
    assert main(["maps", arguments[0], str(tmp_path / "maps"), "--method", "csvd", *arguments[1:]]) == 0
    assert "Frames 4 and 17 were left out." in capsys.readouterr().err
    provenance = json.loads((tmp_path / "maps" / "provenance.json").read_text())
    assert provenance["frames"]["missing_times_s"] == [6.0, 25.5]
    assert (
        main(["reconstruct", arguments[0], str(tmp_path / "fine"), "--model", "pchip", "--no-maps", *arguments[1:]])
        == 0
    )
    fine = read_series(tmp_path / "fine" / "reconstruction.seq.nrrd")
    assert fine.frames == 129
    np.testing.assert_allclose(np.diff(fine.times), 0.375, atol=1e-6)
    facts = json.loads((tmp_path / "fine" / "provenance.json").read_text())
    assert len(facts["acquired_times_s"]) == 31
    assert facts["settings"]["exclude"] == [4, 17]
    head_of_it = np.s_[:, 10:-10, 10:-10]
    right = series.signal[17][head_of_it]
    assert np.abs(fine.signal[68][:, ::2, ::2][head_of_it] - right).mean() < 0.1 * right.mean()
    job = {"task": "compare", "input": "bad.nii.gz", "output": "compared", "model": "linear", "exclude": [4, 17]}
    (tmp_path / "job.json").write_text(json.dumps(job | {"maps": False, "motion": "off"}))
    assert main(["run", str(tmp_path / "job.json")]) == 0
    truth = read_series(tmp_path / "compared" / "truth.seq.nrrd")
    assert not {6.0, 25.5} & set(truth.times.tolist())
    assert main(["maps", arguments[0], str(tmp_path / "no"), "--exclude", "99"]) == 2
    assert "no frame 99" in capsys.readouterr().err
    fine_file = str(tmp_path / "fine" / "reconstruction.seq.nrrd")
    several = ["maps", str(tmp_path / "no"), "--inputs", f"truth={arguments[0]}", f"reconstruction={fine_file}"]
    for option in (["--exclude", "4"], ["--motion", "correct"]):
        assert main([*several, *option]) == 2
        assert 'give it with "input"' in capsys.readouterr().err


def test_frames_of_the_truth_can_be_left_out_of_a_comparison(tmp_path, capsys) -> None:
    series = bolus_series(12, size=(16, 16, 2))
    signal = series.signal.copy()
    signal[4] = 0
    write_series(series, tmp_path / "fine.nii.gz")
    write_series(series.with_signal(signal), tmp_path / "truth.nii.gz")
    pair = ["compare", str(tmp_path / "fine.nii.gz"), str(tmp_path / "truth.nii.gz"), "--mask", "none", "--json", "-"]
    nmse = []
    for more in ([], ["--exclude", "4"]):
        assert main([*pair, *more]) == 0
        printed = capsys.readouterr()
        nmse.append(json.loads(printed.out)["whole"]["nmse"])
    assert nmse[0] > 0.01
    assert nmse[1] == pytest.approx(0, abs=1e-9)
    assert "Frame 4 was left out." in printed.err


def test_what_interpolation_takes_from_edges_is_given_back(monkeypatch) -> None:
    """In all voxels, not only in the median, a corrected frame is nearer to the still one."""
    path = path_of(5, slice(PEAK, None), in_plane=True)
    series, still = head(path)[0], still_head()[0]
    motion = head_motion(series)
    errors = []
    for most in (1.0, 1.5):
        monkeypatch.setattr("dsc_superres.motion.correct.MOST_GAIN", most)
        back, outside = corrected(series, motion)
        difference = np.where(outside, 0, back.signal - still.signal)[-1]
        errors.append(float(np.sqrt(np.mean(difference**2))))
    assert errors[1] < 0.95 * errors[0], errors  # most of it is noise


def test_values_that_are_those_of_no_head_do_not_move_out_of_the_image() -> None:
    """Concentrations on a bright background, in which frames seemed to move until nothing of them was left."""
    series = bolus_series(frames=40, size=(24, 22, 2))
    first = series.signal[:8].mean(axis=0)
    contrast = -np.log(np.clip(series.signal / first, 0.01, None)) / 0.03
    found = head_motion(series.with_signal(np.abs(contrast * (first > 200) + 50)))
    assert found is None or np.isfinite(found.parameters).all()
