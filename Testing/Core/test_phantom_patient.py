"""Digital patients as a whole: repeatable, consistent, recoverable, and different from each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from dsc_superres.errors import SeriesError
from dsc_superres.phantom import TISSUES, TRAINING_SEEDS, VALIDATION_SEEDS, DigitalPatient, digital_patient
from dsc_superres.phantom.template import load_template

LABEL = {name: label for label, name in TISSUES.items()}


def small(seed: int, **options: object) -> DigitalPatient:
    return digital_patient(seed, **({"slices": 4, "matrix": 96, "frames": 60} | options))


@pytest.fixture(scope="module")
def patient() -> DigitalPatient:
    return small(TRAINING_SEEDS[6])


def test_fewer_slices_are_the_middle_of_the_same_patient(patient):
    again = small(TRAINING_SEEDS[6], slices=2)
    np.testing.assert_array_equal(again.series.signal, patient.series.signal[:, 1:3])
    np.testing.assert_array_equal(again.cbf, patient.cbf[1:3])
    size = patient.series.size
    expected = patient.series.geometry.cropped((0, 0, 1))
    np.testing.assert_allclose(again.series.geometry.affine, expected.affine, atol=1e-9)
    assert size[:2] == again.series.size[:2]


def test_the_series_is_what_a_scanner_stores(patient):
    series, clean = patient.series, patient.clean
    assert series.scalar_type == np.int16
    assert set(series.sources.values()) == {"simulated"}
    assert np.all(series.signal == np.rint(series.signal))
    assert series.geometry == clean.geometry
    assert series.geometry.spacing[2] == pytest.approx(5)
    assert 0.86 <= series.geometry.spacing[0] * 96 / 256 <= 0.94
    assert not np.allclose(np.abs(series.geometry.direction), np.eye(3), atol=1e-3)
    assert 0.030 <= series.echo_time <= 0.040
    noise = (series.signal - clean.signal)[:, patient.mask]
    assert noise.std() == pytest.approx(patient.description["sigma"], rel=0.1)


def test_the_brain_darkens_as_the_bolus_passes_and_starts_off_steady_state(patient):
    mean = patient.clean.signal[:, patient.mask].mean(axis=1)
    baseline = mean[5:9].mean()
    assert mean[0] > 1.1 * baseline
    assert 0.15 < 1 - mean.min() / baseline < 0.5
    assert 15 < patient.series.times[mean.argmin()] < 45


def test_thin_arteries_show_blood_by_their_share_of_a_pixel(patient):
    thin = small(TRAINING_SEEDS[6], artery_share=0.2)
    dispersed = small(TRAINING_SEEDS[6], artery_share=0.2, artery_dispersion=2.0)
    whole = patient.tissue == LABEL["artery"]
    assert whole.any()
    assert np.all(thin.vessels[whole] < patient.vessels[whole])
    # 0.2 of a pixel of half of 70.5 mL/100 g, and what tissue adds
    assert np.median(thin.cbv[whole]) == pytest.approx(0.2 * np.median(patient.vessels[whole]) * 35.2 + 2, abs=1)
    signal, times = thin.clean.signal[:, whole].astype(float), thin.aif.times
    curves = -np.log(signal / signal[5:9].mean(axis=0)) / thin.clean.echo_time
    area = 100 * thin.kh_over_rho * np.trapezoid(curves, times, axis=0) / np.trapezoid(thin.aif.delta_r2star, times)
    assert np.corrcoef(area, thin.cbv[whole])[0, 1] > 0.8
    assert dispersed.tmax[whole].mean() > thin.tmax[whole].mean()
    np.testing.assert_array_equal(dispersed.aif.delta_r2star, patient.aif.delta_r2star)


def test_truth_maps_obey_the_central_volume_theorem_and_are_plausible(patient):
    perfused = patient.cbf > 0
    np.testing.assert_allclose((patient.mtt * patient.cbf)[perfused], 60 * patient.cbv[perfused], rtol=1e-4)
    assert np.all(patient.tmax >= patient.delay - 1e-4)
    cbv = {name: np.median(patient.cbv[patient.tissue == LABEL[name]]) for name in ("gray", "white", "csf")}
    cbf = {name: np.median(patient.cbf[patient.tissue == LABEL[name]]) for name in ("gray", "white")}
    assert 2.5 < cbv["gray"] < 5.5
    assert 1.2 < cbv["white"] < 3.0
    assert cbv["csf"] < cbv["white"]
    assert 35 < cbf["gray"] < 75
    assert 15 < cbf["white"] < 35
    maps = patient.truth_maps()
    assert {values.shape for values in maps.values()} == {patient.series.signal.shape[1:]}


def test_the_curve_areas_give_back_the_blood_volume(patient):
    """Area of Delta R2* over that of the arterial input, with the kH/rho stated, in pure tissue."""
    kinds = [ndimage.binary_erosion(patient.tissue == LABEL[n], np.ones((1, 3, 3))) for n in ("gray", "white")]
    pure = kinds[0] | kinds[1]
    signal, times = patient.clean.signal[:, pure].astype(float), patient.aif.times
    curves = -np.log(signal / signal[5:9].mean(axis=0)) / patient.clean.echo_time
    area = np.trapezoid(curves[8:], times[8:], axis=0) / np.trapezoid(patient.aif.delta_r2star, times)
    measured = 100 * patient.kh_over_rho * area
    assert pure.sum() > 200
    assert np.corrcoef(measured, patient.cbv[pure])[0, 1] > 0.85
    assert np.median(measured / patient.cbv[pure]) == pytest.approx(1, abs=0.12)


def test_a_glioma_has_a_vascular_rim_and_a_stroke_is_late_and_starved():
    tumor, stroke = (small(3, slices=16, matrix=64, frames=2, lesion=kind) for kind in ("glioma", "stroke"))
    rim, white = (tumor.tissue == LABEL[name] for name in ("tumor rim", "white"))
    assert rim.any()
    assert np.median(tumor.cbv[rim]) > 2 * np.median(tumor.cbv[white])
    core, risk, healthy = (stroke.tissue == LABEL[name] for name in ("stroke core", "stroke penumbra", "gray"))
    assert np.median(stroke.cbf[core]) < np.median(stroke.cbf[risk]) < 0.6 * np.median(stroke.cbf[healthy])
    assert np.median(stroke.tmax[risk]) > np.median(stroke.tmax[healthy]) + 2


def test_training_and_validation_share_neither_seeds_nor_cortex():
    assert (len(TRAINING_SEEDS), len(VALIDATION_SEEDS)) == (32, 9)
    assert not set(TRAINING_SEEDS) & set(VALIDATION_SEEDS)
    both = [load_template(name) for name in ("mni152", "fsaverage")]
    for template in both:
        assert 500 < np.maximum(template.gray, 0).sum() / 1000 < 1100
        assert -0.01 <= template.white.min() <= template.white.max() <= 1.01
    first, second = (template.gray > 0.5 for template in both)
    dice = 2 * (first & second).sum() / (first.sum() + second.sum())
    assert 0.3 < dice < 0.75
    assert small(VALIDATION_SEEDS[0], slices=1, frames=2).description["template"] == "fsaverage"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"slices": 0}, "slices"),
        ({"slices": 23}, "slices"),
        ({"frames": 1}, "frames"),
        ({"matrix": 65}, "matrix"),
        ({"template": "colin"}, "anatomy"),
        ({"lesion": "abscess"}, "lesion"),
        ({"seed": -1}, "seed"),
        ({"artery_share": 0.0}, "share"),
        ({"artery_dispersion": -1.0}, "disperse"),
    ],
)
def test_the_impossible_is_refused_in_a_sentence(options, word):
    with pytest.raises(SeriesError, match=word):
        digital_patient(**({"seed": 1} | options))
