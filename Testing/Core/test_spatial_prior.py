"""The spatial prior of transit times: strength from the data, edges kept, and calibrated."""

import numpy as np
import pytest

from dsc_superres.perfusion import MapOptions, compute_maps
from dsc_superres.perfusion.spatial_prior import noise_and_drift, with_spatial_prior

MASK = np.ones((2, 48, 48), bool)


def bayesian_values(log_mtt, noise, cbv=4.0, seed=0, said=None):
    """Values as the Bayesian method returns them, with noise of ln MTT and of the delay (s)."""
    random = np.random.default_rng(seed)
    mtt = np.exp(log_mtt + noise * random.normal(size=MASK.shape))[MASK].astype(np.float32)
    cbv = np.broadcast_to(np.float32(cbv), MASK.shape)[MASK]
    said = said or max(noise, 0.05)
    return {
        "cbv": cbv,
        "cbf": 60 * cbv / mtt,
        "mtt": mtt,
        "tmax": (1 + noise * random.normal(size=mtt.size)).astype(np.float32),
        "cbv_sd": 0.03 * cbv,
        "cbf_sd": said * 60 * cbv / mtt,
        "mtt_sd": said * mtt,
        "tmax_sd": np.full(mtt.size, said, np.float32),
    }


def volume(values, name="mtt"):
    result = np.zeros(MASK.shape)
    result[MASK] = values[name]
    return result


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_noise_on_even_tissue_is_averaged_whatever_the_method_says_of_it(noise):
    for said in (0.5 * noise, noise, 2 * noise):
        found = with_spatial_prior(bayesian_values(np.log(5.0), noise, said=said), MASK)
        assert np.std(np.log(found["mtt"])) < 0.45 * noise
        assert np.std(found["tmax"]) < 0.45 * noise


def test_what_is_no_noise_is_not_averaged():
    y, x = np.mgrid[:48, :48]
    smooth = np.log(5) + 0.2 * np.sin(x / 4.0) * np.cos(y / 5.0)
    values = bayesian_values(np.broadcast_to(smooth, MASK.shape), 0.0, said=0.2)
    assert np.max(np.abs(np.log(with_spatial_prior(values, MASK)["mtt"] / values["mtt"]))) < 0.03


@pytest.mark.parametrize("radius", [3, 5])
def test_a_lesion_keeps_its_contrast(radius):
    y, x = np.mgrid[:48, :48]
    lesion = np.broadcast_to(np.hypot(y - 24, x - 24) <= radius, MASK.shape)
    values = bayesian_values(np.log(np.where(lesion, 9.0, 5.0)), 0.15)
    found = volume(with_spatial_prior(values, MASK))
    assert np.median(found[lesion]) == pytest.approx(9.0, rel=0.05)
    outside = ~lesion
    error = np.abs(np.log(found / np.where(lesion, 9.0, 5.0)))
    assert error[outside].mean() < 0.07
    assert error[lesion].mean() < np.abs(np.log(volume(values)[lesion] / 9.0)).mean()


def test_a_vessel_of_one_voxel_is_not_mixed_with_tissue():
    cbv = np.full(MASK.shape, 4.0)
    cbv[:, 20, 10:40] = 30.0
    vessel = cbv > 10
    values = bayesian_values(np.log(np.where(vessel, 1.5, 5.0)), 0.1, cbv=cbv)
    found = volume(with_spatial_prior(values, MASK))
    assert np.median(found[vessel]) == pytest.approx(1.5, rel=0.1)
    assert np.median(found[~vessel]) == pytest.approx(5.0, rel=0.03)


def test_volume_stays_and_flow_follows():
    values = bayesian_values(np.log(5.0), 0.2)
    found = with_spatial_prior(values, MASK)
    assert np.array_equal(found["cbv"], values["cbv"])
    np.testing.assert_allclose(found["cbf"] * found["mtt"], 60 * found["cbv"], rtol=1e-5)
    assert np.median(found["mtt_sd"] / found["mtt"]) < 0.6 * 0.2


def test_the_variogram_tells_noise_from_drift():
    random = np.random.default_rng(1)
    walk = np.cumsum(0.1 * random.normal(size=(4, 200, 200)), axis=2)
    sd = np.full(walk.shape, 0.3)
    inside = np.ones(walk.shape, bool)
    noise, drift = noise_and_drift(0.3 * random.normal(size=walk.shape), sd, inside)
    assert noise == pytest.approx(1.0, abs=0.1)
    assert drift < 0.01 * 0.3**2 + 0.003
    rows = np.cumsum(0.1 * random.normal(size=walk.shape), axis=1) * 0 + walk
    assert noise_and_drift(rows, sd, inside)[0] < noise
    assert noise_and_drift(np.zeros(walk.shape), sd, inside) == (0.0, 0.0)


def test_it_is_on_in_images_and_off_by_an_option():
    from dsc_superres.phantom import digital_patient

    patient = digital_patient(1000, slices=1, frames=40, matrix=64)
    prior, none = (
        compute_maps(patient.series, mask=patient.mask, options=MapOptions(spatial_prior=each))
        for each in (True, False)
    )
    tissue = patient.mask & (none.cbv > np.quantile(none.cbv[patient.mask], 0.3))

    def roughness(maps):
        log_mtt = np.log(np.maximum(maps.mtt, 0.1))
        both = tissue[:, :, 1:] & tissue[:, :, :-1]
        return np.median(np.abs(np.diff(log_mtt, axis=2)[both]))

    assert roughness(prior) < 0.5 * roughness(none)
    np.testing.assert_allclose(prior.mtt[tissue], 60 * prior.cbv[tissue] / prior.cbf[tissue], rtol=1e-5)


@pytest.mark.parametrize("radius", [2, 4])
def test_a_small_lesion_keeps_its_delay_from_series_to_map(radius):
    from dsc_superres.phantom import digital_patient

    patient = digital_patient(1000, slices=1, frames=40, matrix=64)
    series = patient.series
    _, y, x = np.indices(patient.mask.shape)
    before = compute_maps(series, mask=patient.mask)
    vessels = patient.vessels > 0.01
    vessels[tuple(before.aif.voxels.T)] = True
    places = [
        disk
        for row, column in np.ndindex(64, 64)
        if (disk := np.hypot(y - row, x - column) <= radius)[patient.mask & ~vessels].sum() == disk.sum()
    ]
    lesion = places[len(places) // 2]
    signal = np.array(series.signal)
    signal[2:, lesion] = series.signal[:-2, lesion]
    after = compute_maps(series.with_signal(signal), mask=patient.mask)
    later = series.times[2] - series.times[0]
    assert np.median((after.tmax - before.tmax)[lesion]) == pytest.approx(later, rel=0.17)
