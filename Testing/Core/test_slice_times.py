"""Slices of one frame are taken one after the other: maps and reconstructions know when, where the file says it."""

import json

import numpy as np
import pytest

from dsc_superres.io import read_series, write_series
from dsc_superres.jobs.run import run_job
from dsc_superres.perfusion import MapOptions, compute_maps
from dsc_superres.perfusion.slice_offsets import mean_curve
from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.series import Series

OFFSETS = np.array([0.0, 0.75, 0.35, 1.1])
INTERVAL = 1.5


def curve(times, onset, alpha, beta, height):
    """Smooth bolus, 1/s."""
    x = np.maximum(times - onset, 0) / (alpha * beta)
    return height * x**alpha * np.exp(alpha * (1 - x))


def signal_at(times):
    """One slice, float[t, y, x] at any times: tissue, with an artery that is ahead of it by 2 s."""
    y, x = np.indices((24, 24))
    head = np.hypot(x - 11.5, y - 11.5) < 11
    artery = np.hypot(x - 6, y - 12) < 2
    tissue, arterial = curve(times, 17.0, 3.0, 2.4, 9.0), curve(times, 15.0, 3.0, 1.4, 45.0)
    delta = np.where(artery, arterial[:, None, None], tissue[:, None, None])
    return np.where(head, 700 * np.exp(-0.03 * delta), 0.0)


def scanned(frames=44, interval=INTERVAL, offsets=OFFSETS, known=True):
    times = interval * np.arange(frames)
    signal = np.stack([signal_at(times + offset) for offset in offsets], axis=1)
    signal += np.random.default_rng(3).normal(0, 3, signal.shape) * (signal > 0)
    return Series(signal, times, echo_time=0.03, slice_times=offsets if known else None)


@pytest.mark.parametrize("method", ["csvd", "osvd", "ssvd", "bayes"])
def test_times_of_maps_do_not_drift_over_the_slices(method):
    options = MapOptions(method=method, spatial_prior=False)
    mask = np.broadcast_to(signal_at(np.zeros(1)) > 0, (4, 24, 24))

    def slopes(series):
        maps = compute_maps(series, mask=mask, options=options)
        medians = {name: [np.median(getattr(maps, name)[z][mask[z]]) for z in range(4)] for name in ("ttp", "tmax")}
        return [float(np.polyfit(OFFSETS, medians[name], 1)[0]) for name in medians], maps

    (ttp, tmax), maps = slopes(scanned())
    assert abs(ttp) < 0.15
    assert abs(tmax) < (0.3 if method == "ssvd" else 0.15)  # sSVD depends on the delay by itself
    (ttp, tmax), _ = slopes(scanned(known=False))
    assert ttp < -0.8  # a slice that is taken later seems to have its blood earlier
    assert tmax < -0.6
    assert maps.provenance["slice_times_s"] == OFFSETS.tolist()


def test_an_arterial_input_has_the_times_of_its_slices():
    times = INTERVAL * np.arange(30)
    same, mean = mean_curve(curve(times + 1.1, 15, 3, 2, 40)[:, None].repeat(3, 1), times, np.full(3, 1.1))
    assert np.allclose(same, times + 1.1)
    assert np.allclose(mean, curve(same, 15, 3, 2, 40))
    offsets = np.array([0.0, 0.75])
    curves = np.stack([curve(times + offset, 15, 3, 2, 40) for offset in offsets], axis=1)
    between, mean = mean_curve(curves, times, offsets)
    assert np.allclose(between, times + 0.375)
    assert np.abs(mean - curve(between, 15, 3, 2, 40)).max() < 0.8  # 4.9 for the mean without their times


def test_slices_of_a_reconstruction_are_those_of_one_moment():
    fine = scanned(4 * 43 + 1, INTERVAL / 4, np.zeros(4)).signal

    def error(series, **options):
        found = reconstruct(series, space=1, time=4, model="pchip", **options)
        return [float(np.sqrt(np.mean((found.signal[8:, z] - fine[8:, z]) ** 2))) for z in range(4)], found

    known, found = error(scanned())
    unknown, other = error(scanned(known=False))
    assert known[0] == pytest.approx(unknown[0])
    assert max(known) < 1.1 * unknown[0]
    assert min(unknown[1:]) > 1.4 * max(known)
    assert found.slice_times.tolist() == [0] * 4
    assert other.slice_times is None
    apart = reconstruct(scanned(), space=1, time=4, model="pchip", common_times=False)
    assert apart.slice_times.tolist() == OFFSETS.tolist()
    assert np.array_equal(apart.signal, other.signal)


def test_the_option_turns_it_off_and_comparisons_leave_slices_where_the_truth_has_them(tmp_path):
    write_series(scanned(17), tmp_path / "scan.nii.gz")
    job = {"task": "reconstruct", "input": str(tmp_path / "scan.nii.gz"), "model": "linear", "space": 1, "time": 2}
    for timing, expected in ((True, [0.0] * 4), (False, None)):
        run_job({**job, "output": str(tmp_path / f"{timing}.nii.gz"), "slice_timing": timing})
        series = read_series(tmp_path / f"{timing}.nii.gz")
        assert (None if series.slice_times is None else series.slice_times.tolist()) == expected
    run_job({**job, "task": "compare", "output": str(tmp_path / "case"), "maps": False})
    for name in ("truth", "input", "reconstruction"):
        assert read_series(tmp_path / "case" / f"{name}.seq.nrrd").slice_times.tolist() == OFFSETS.tolist()
    assert json.loads((tmp_path / "case" / "provenance.json").read_text())["source"]["slice_times_s"]
