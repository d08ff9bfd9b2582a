"""Series to maps: masks, arteries, refusals, and what comes with the maps."""

import json

import numpy as np
import pytest

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.errors import PerfusionError
from dsc_superres.geometry import Geometry
from dsc_superres.perfusion import (
    ArterialInput,
    MapOptions,
    aif_candidates,
    aif_from_voxels,
    brain_mask,
    compute_maps,
    delta_r2star,
    read_aif_csv,
)
from dsc_superres.perfusion.bayes import posterior
from dsc_superres.perfusion.dictionary import dictionary
from dsc_superres.perfusion.mask import otsu_threshold
from dsc_superres.series import Series

TIMES = 1.5 * np.arange(50)
ARTERIAL = objects.tissue_curves(objects.STANDARD_AIF, TIMES, [("exp", 1.0, 2.0, 0.0)])


def head(stripped: bool, contrast: float = 1.0, noise: float = 15.0) -> tuple[Series, dict[str, np.ndarray]]:
    """A head of 3 x 64 x 64 voxels of 3.4 mm: scalp, skull, brain of two tissues, fluid, six arteries, a vein."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[:64, :64]
    radius = np.hypot((x - 31.5) / 24, (y - 31.5) / 28)
    brain = np.broadcast_to(radius < 0.85, (3, 64, 64))
    grey = brain & (radius > 0.6)
    fluid = brain & (np.hypot(x - 31.5, y - 31.5) < 5)
    artery, vein = np.zeros_like(brain), np.zeros_like(brain)
    artery[:, 28:30, 20] = artery[:, 34:36, 44] = True
    vein[:, 52:55, 31:33] = True
    cases = [("exp", 1.5, 5.0, 1.0), ("exp", 3.5, 4.0, 0.8), ("exp", 12.0, 1.0, 0.0), ("exp", 14.0, 3.0, 4.0)]
    curves = objects.tissue_curves(objects.STANDARD_AIF, TIMES, cases)
    curves *= contrast * 11 / curves[:, 1].max()
    rate = np.zeros((len(TIMES), 3, 64, 64))
    for k, where in enumerate((brain & ~grey & ~fluid, grey & ~artery & ~vein, artery, vein)):
        rate[:, where] = curves[:, k, None]
    base = np.where(brain, np.where(fluid, 1700, np.where(grey, 1000, 850)), 0)
    scalp = np.broadcast_to((radius > 1.0) & (radius < 1.1), brain.shape)
    base = base + (0 if stripped else 700 * scalp)
    signal = base * np.exp(-0.03 * rate)
    signal[0] *= 1.5
    signal = np.hypot(signal + noise * random.normal(size=signal.shape), noise * random.normal(size=signal.shape))
    if stripped:
        signal *= brain
    series = Series(np.round(signal), TIMES, Geometry(spacing=(3.4, 3.4, 5.0)), echo_time=0.03)
    return series, {"brain": brain, "grey": grey & ~artery & ~vein, "white": brain & ~grey & ~fluid, "artery": artery}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_values_that_hardly_differ_have_a_threshold(kind):
    values = kind(1000) + np.arange(3, dtype=kind) * np.spacing(kind(1000))
    assert values[0] <= otsu_threshold(values) < values[2]


@pytest.mark.parametrize("stripped", [True, False])
def test_brain_mask_is_the_brain(stripped):
    series, truth = head(stripped)
    brain = brain_mask(series)
    overlap = 2 * (brain & truth["brain"]).sum() / (brain.sum() + truth["brain"].sum())
    assert overlap > 0.96


@pytest.mark.parametrize("stripped", [True, False])
def test_the_automatic_arterial_input_lies_in_arteries_and_has_their_height(stripped):
    series, truth = head(stripped)
    maps = compute_maps(series, options=MapOptions("csvd"))
    assert truth["artery"][tuple(maps.aif.voxels.T)].all()
    expected = delta_r2star(series.signal[:, truth["artery"]], 0.03, maps.baseline).mean(axis=1)
    assert maps.aif.delta_r2star.max() == pytest.approx(expected.max(), rel=0.15)
    assert 0.5 < maps.aif.score <= 1


@pytest.mark.parametrize("method", ["bayes", "csvd", "osvd", "ssvd"])
def test_maps_are_consistent_and_tell_grey_from_white(method):
    series, truth = head(stripped=False)
    maps = compute_maps(series, options=MapOptions(method))
    for name, values in maps.as_dict().items():
        assert values.dtype == np.float32, name
        assert values.shape == truth["brain"].shape
        assert np.isfinite(values).all()
        assert not values[~maps.mask].any()
    both = (maps.cbv > 0) & (maps.cbf > 0)
    np.testing.assert_array_equal(maps.mtt[both], (60 * maps.cbv[both] / maps.cbf[both]).astype(np.float32))
    ratio = np.median(maps.cbv[truth["grey"]]) / np.median(maps.cbv[truth["white"]])
    assert ratio == pytest.approx(3.5 / 1.5, rel=0.1)
    assert maps.baseline.start == 1, "the first frame is not in steady state"
    assert json.loads(json.dumps(dict(maps.provenance)))["aif"]["voxels_zyx"] == maps.aif.voxels.tolist()


def test_a_given_arterial_input_gives_absolute_values_and_kh_over_rho_scales_both():
    series, truth = head(stripped=True, noise=5)
    scale = 11 / objects.tissue_curves(objects.STANDARD_AIF, TIMES, [("exp", 3.5, 4.0, 0.8)]).max()
    aif = ArterialInput(TIMES, scale * objects.STANDARD_AIF(TIMES))
    one = compute_maps(series, aif=aif, options=MapOptions(kh_over_rho=1.0))
    assert np.median(one.cbv[truth["grey"]]) == pytest.approx(3.5, rel=0.03)
    assert np.median(one.cbf[truth["grey"]]) == pytest.approx(60 * 3.5 / 4, rel=0.12)
    assert np.median(one.tmax[truth["grey"]]) == pytest.approx(0.8, abs=0.25)
    half = compute_maps(series, aif=aif, options=MapOptions(kh_over_rho=0.5))
    np.testing.assert_allclose(half.cbv, one.cbv / 2, rtol=1e-5)
    np.testing.assert_allclose(half.cbf, one.cbf / 2, rtol=1e-5)


def test_a_weak_bolus_works_and_none_is_refused():
    weak, _ = head(stripped=True, contrast=0.15, noise=5)
    assert compute_maps(weak, options=MapOptions("csvd")).cbv.max() > 0
    none, _ = head(stripped=True, contrast=0.0)
    with pytest.raises(PerfusionError, match="No contrast bolus"):
        compute_maps(none)


def test_motion_is_not_taken_for_a_bolus():
    series, _ = head(stripped=True, contrast=0.0, noise=5)
    moved = series.signal.copy()
    moved[20:24] = np.roll(moved[20:24], 8, axis=2)
    with pytest.raises(PerfusionError, match="No contrast bolus"):
        compute_maps(series.with_signal(moved))


def test_what_is_missing_is_named():
    series, truth = head(stripped=True)
    with pytest.raises(PerfusionError, match="--te"):
        compute_maps(series.with_signal(series.signal, echo_time=None, sources={}))
    with pytest.raises(PerfusionError, match="size"):
        compute_maps(series, mask=np.ones((1, 2, 3), bool))
    with pytest.raises(PerfusionError, match="empty"):
        compute_maps(series, mask=np.zeros_like(truth["brain"]))
    with pytest.raises(PerfusionError, match="unknown"):
        MapOptions("fft")


def test_candidates_are_ranked_and_lie_in_single_arteries():
    series, truth = head(stripped=True)
    maps = compute_maps(series, options=MapOptions("csvd"))
    curves = delta_r2star(series.signal[:, maps.mask], 0.03, maps.baseline)
    first, *others = aif_candidates(curves, series.times, maps.bolus, np.argwhere(maps.mask), 0.03)
    assert others
    assert [aif.score for aif in others] == sorted((aif.score for aif in others), reverse=True)
    for aif in (first, *others):
        assert truth["artery"][tuple(aif.voxels.T)].mean() > 0.8
    for aif in others:
        assert np.ptp(aif.voxels[:, 2]) < 6


@pytest.mark.parametrize("leakage", ["bsw", "bidirectional"])
def test_leakage_maps_come_along(leakage):
    series, _ = head(stripped=True)
    maps = compute_maps(series, options=MapOptions("csvd", leakage=leakage))
    assert {"k1", "k2"} <= set(maps.extra)
    assert abs(np.median(maps.extra["k2"][maps.mask])) < 0.01


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,value\n0,1\n", "time_s,delta_r2star"),
        ("time_s,delta_r2star\n0,1\n1,2\n", "2 time points"),
        ("time_s,delta_r2star\n0,0\n1,x\n2,1\n3,0\n", "Line 3"),
        ("time_s,delta_r2star\n0,0\n1,5\n1,1\n3,0\n", "do not increase"),
        ("time_s,delta_r2star\n0,0\n1,0\n2,0\n3,0\n", "never rises"),
    ],
)
def test_wrong_arterial_files_are_refused_with_the_reason(tmp_path, text, message):
    file = tmp_path / "aif.csv"
    file.write_text(text)
    with pytest.raises(PerfusionError, match=message):
        read_aif_csv(file)
    with pytest.raises(PerfusionError, match="does not exist"):
        read_aif_csv(tmp_path / "none.csv")


def test_arterial_inputs_from_file_and_voxels(tmp_path):
    file = tmp_path / "aif.csv"
    file.write_text("time_s,delta_r2star\n0,0\n1.5,4\n\n3,2\n4.5,1\n")
    aif = read_aif_csv(file)
    assert aif.at(np.array([0.75, 9.0])).tolist() == [2.0, 1.0]
    curves = np.random.default_rng(0).random((6, 2, 3, 4))
    region = np.zeros((2, 3, 4), bool)
    region[1, 2, 3] = region[0, 1, 1] = True
    chosen = aif_from_voxels(curves, np.arange(6), region)
    np.testing.assert_allclose(chosen.delta_r2star, (curves[:, 1, 2, 3] + curves[:, 0, 1, 1]) / 2)
    with pytest.raises(PerfusionError, match="outside"):
        aif_from_voxels(curves, np.arange(6), np.array([[5, 0, 0]]))


def test_curves_that_only_fall_have_a_posterior_too():
    """All of a block of voxels may lie below the baseline: no atom rises with them."""
    atoms = dictionary(lambda t: np.interp(t, TIMES, ARTERIAL[:, 0]), TIMES)
    estimate = posterior(-0.001 * ARTERIAL[:, [0, 0]], atoms)
    assert all(np.isfinite(values).all() for values in vars(estimate).values())
    assert (estimate.cbv < 0.001).all()
