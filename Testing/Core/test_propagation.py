"""How unsure CBV and CBF are where the signal is: against many noisy copies of one series, and on the command line."""

import json

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres.cli import main
from dsc_superres.io import read_volume, write_series
from dsc_superres.perfusion import MapOptions, compute_maps
from dsc_superres.perfusion.propagation import SD_FACTORS, propagated_sd, with_signal_uncertainty


def test_it_is_what_many_noisy_copies_show() -> None:
    """With independent errors and the factors taken out; the peak is not chosen anew, so it is told a little low."""
    series = bolus_series()
    mask = series.signal[-1] > 0.3 * series.signal[-1].max()
    clean = compute_maps(series, mask=mask, options=MapOptions(method="csvd"))
    rng, sigma = np.random.default_rng(0), 0.01 * float(series.signal[-1][mask].mean())
    uncertainty = series.with_signal(np.full_like(series.signal, sigma))
    told = propagated_sd(clean, series, uncertainty)
    copies, options = [], MapOptions(method="csvd", integration_end=60)
    for _ in range(12):
        noisy = series.with_signal(series.signal + sigma * rng.standard_normal(series.signal.shape).astype(np.float32))
        copies.append(compute_maps(noisy, aif=clean.aif, mask=mask, options=options))
    spread = np.std([copy.cbv[mask] for copy in copies], axis=0)
    assert np.median(told["cbv"][mask]) / SD_FACTORS["cbv"] == pytest.approx(np.median(spread), rel=0.5)
    assert (told["cbf"][mask] > 0).all()
    assert not told["cbf"][~mask].any()


def test_it_adds_to_what_the_method_says() -> None:
    series = bolus_series()
    maps = compute_maps(series)
    uncertainty = series.with_signal(np.full_like(series.signal, 0.02 * series.signal.max()))
    surely = with_signal_uncertainty(maps, series, series.with_signal(np.zeros_like(series.signal)))
    np.testing.assert_array_equal(surely.extra["cbv_sd"], maps.extra["cbv_sd"])
    uncertainty = with_signal_uncertainty(maps, series, uncertainty)
    assert (uncertainty.extra["cbv_sd"] >= maps.extra["cbv_sd"]).all()
    assert uncertainty.extra["cbf_sd"].sum() > maps.extra["cbf_sd"].sum()
    np.testing.assert_array_equal(uncertainty.cbv, maps.cbv)


def test_the_command_takes_the_deviation(tmp_path, capsys) -> None:
    series = bolus_series()
    write_series(series, tmp_path / "fine.nii.gz")
    write_series(series.with_signal(np.full_like(series.signal, 30)), tmp_path / "sd.nii.gz")
    command = [
        "maps",
        str(tmp_path / "fine.nii.gz"),
        str(tmp_path / "maps"),
        "--deviation",
        str(tmp_path / "sd.nii.gz"),
    ]
    assert main([*command, "--method", "csvd"]) == 0
    assert read_volume(tmp_path / "maps" / "cbv_sd.nii.gz")[0].max() > 0
    assert "reconstruction" in json.loads((tmp_path / "maps" / "provenance.json").read_text())["cbv_sd_cbf_sd"]
    short = series.with_signal(series.signal[:-1], times=series.times[:-1])
    write_series(short, tmp_path / "sd.nii.gz")
    command[2] = str(tmp_path / "other")
    assert main(command) == 2
    assert "does not belong" in capsys.readouterr().err
