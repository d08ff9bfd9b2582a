"""What a user supplies beside a series is checked against it: arterial inputs, masks, uncertainties, echo times."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dsc_superres.errors import DSCError, PerfusionError
from dsc_superres.geometry import Geometry
from dsc_superres.io import read_series, write_series, write_volume
from dsc_superres.perfusion import ArterialInput, MapOptions, compute_maps
from dsc_superres.perfusion.arterial_input import read_aif_csv
from dsc_superres.perfusion.gamma_variate import GammaVariate
from dsc_superres.perfusion.propagation import check_uncertainty
from dsc_superres.pipeline.masks import find_mask
from dsc_superres.reconstruction.target_grid import target_times
from dsc_superres.series import Series

TIMES = 1.5 * np.arange(48)
ARTERY = GammaVariate(60, 15, 3, 1.5, 0.15, 10, 20)(TIMES)
GEOMETRY = Geometry((3.0, 3.0, 5.0))


@pytest.fixture(scope="module")
def series():
    y, x = np.indices((24, 24)) - 11.5
    head = (np.hypot(x, y) < 9).astype(np.float32)
    tissue = np.convolve(ARTERY, 0.04 * np.exp(-TIMES / 4) / 4 * 1.5)[: len(TIMES)]
    noise = np.random.default_rng(0).normal(0, 3, (len(TIMES), 1, 24, 24))
    signal = np.abs(600 * head * np.exp(-0.03 * tissue)[:, None, None, None] + noise)
    return Series(signal.astype(np.float32), TIMES, GEOMETRY, echo_time=0.03)


def cbv_and_warnings(series, times, values):
    maps = compute_maps(
        series,
        aif=ArterialInput(times, values, source="file"),
        mask=series.signal[0] > 300,
        reference="none",
        options=MapOptions(method="csvd", integration_end=45),
    )
    return float(np.median(maps.cbv[maps.mask])), " ".join(maps.warnings)


def test_an_arterial_input_that_fits_has_no_warning_and_one_in_milliseconds_is_converted(series):
    cbv, words = cbv_and_warnings(series, TIMES, ARTERY)
    assert cbv == pytest.approx(3.35, rel=0.05)  # the sum of the sampled residue is 1.19
    assert "arterial" not in words
    converted, words = cbv_and_warnings(series, 1000 * TIMES, ARTERY)
    assert converted == pytest.approx(cbv, rel=1e-5)
    assert "taken as ms, 1.5 s" in words


@pytest.mark.parametrize(
    ("times", "values", "words"),
    [
        (TIMES, 500 * np.exp(-0.03 * ARTERY), "falls where the bolus arrives"),
        (TIMES, ARTERY / 1000, "very small for this series"),
        (TIMES, ARTERY * 1000, "very large for this series"),
        (TIMES + 500, ARTERY, "covers 500 to 570.5 s, the series 0 to 70.5 s"),
        (TIMES[:15], ARTERY[:15], "not all of the bolus"),
    ],
)
def test_an_arterial_input_of_another_kind_unit_or_time_is_refused(series, times, values, words):
    with pytest.raises(DSCError, match=words):
        cbv_and_warnings(series, times, values)


@pytest.mark.parametrize(
    ("times", "values", "words"),
    [
        (TIMES, 20 * ARTERY, "very large for this series"),
        (TIMES + 15, ARTERY, "peaks at 34.5 s"),
        (TIMES[:30], ARTERY[:30], "ends at 43.5 s"),
    ],
)
def test_an_arterial_input_that_is_unlikely_has_a_warning(series, times, values, words):
    assert words in cbv_and_warnings(series, times, values)[1]


def test_a_mask_of_the_background_is_refused(series, tmp_path):
    head = series.signal[0] > 300
    write_volume(head, GEOMETRY, tmp_path / "head.nii")
    write_volume(~head, GEOMETRY, tmp_path / "air.nii")
    assert find_mask(str(tmp_path / "head.nii"), series).sum() == head.sum()
    with pytest.raises(DSCError, match=r"Only 0 % of the mask air.nii lie on the head"):
        find_mask(str(tmp_path / "air.nii"), series)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"times": TIMES + 20}, "frame times differ by up to 20 s"),
        ({"geometry": Geometry((3.0, 3.0, 5.0), (40.0, 0.0, 0.0))}, "lies elsewhere"),
        ({"signal": np.full((48, 1, 24, 24), 500, np.float32)}, "no standard deviation"),
    ],
)
def test_an_uncertainty_of_another_series_is_refused(series, change, words):
    fitting = series.with_signal(np.full_like(series.signal, 5))
    check_uncertainty(fitting, series)
    with pytest.raises(DSCError, match=words):
        check_uncertainty(replace(fitting, **change), series)


def test_an_echo_time_in_milliseconds_is_converted_in_a_sidecar_and_named_when_given(series, tmp_path):
    write_series(series, tmp_path / "scan.nii")
    sidecar = json.loads((tmp_path / "scan.json").read_text())
    (tmp_path / "scan.json").write_text(json.dumps({**sidecar, "EchoTime": 30}))
    found = read_series(tmp_path / "scan.nii")
    assert found.echo_time == 0.03
    assert any("taken as ms: 0.03 s" in note for note in found.notes)
    with pytest.raises(DSCError, match=r"in seconds \(--te 0.03\)"):
        read_series(tmp_path / "scan.nii", echo_time=30)


@pytest.mark.parametrize("factor", [1.3, 2.5, 2.7, 4])
def test_a_reconstruction_begins_and_ends_with_the_series_at_any_factor(series, factor):
    times = target_times(series, time=factor)
    assert times[0] == TIMES[0]
    assert times[-1] == pytest.approx(TIMES[-1])
    assert len(times) == pytest.approx(47 * factor + 1, abs=0.51)
    np.testing.assert_allclose(np.diff(times), np.diff(times)[0])
    assert set(TIMES) <= set(times) or factor % 1


def test_a_table_with_an_endless_line_is_refused(tmp_path):
    path = tmp_path / "aif.csv"
    path.write_text('time_s,delta_r2star\n"0' + "x" * 200_000)
    with pytest.raises(PerfusionError, match="Line 2 of the arterial input"):
        read_aif_csv(path)
