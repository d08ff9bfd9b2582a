"""Relative maps: where white matter is found, where it is not, and what becomes of a region of one's own."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from dsc_superres.errors import DSCError, PerfusionError
from dsc_superres.geometry import Geometry
from dsc_superres.io import read_volume, write_series, write_volume
from dsc_superres.jobs.run import run_job
from dsc_superres.jobs.types import MapsJob
from dsc_superres.perfusion import ArterialInput, MapOptions, compute_maps, find_white_matter, relative_cbv
from dsc_superres.perfusion.midline import left_of_midline
from dsc_superres.perfusion.options import KH_OVER_RHO
from dsc_superres.perfusion.propagation import with_signal_uncertainty
from dsc_superres.series import Series

AXIAL = Geometry(spacing=(2.0, 2.0, 5.0))
EDEMA = (slice(None), slice(40, 64), slice(52, 70))
TIMES = 1.5 * np.arange(40)


def brain(lesion: bool = True) -> dict[str, np.ndarray]:
    """Maps of 2 x 100 x 84 voxels of 2 mm: cortex, white matter of CBV 2, ventricles, and edema of 1.2 on the left."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:100, :84]
    radius = np.hypot((x - 41.5) / 38, (y - 49.5) / 46)
    mask = np.broadcast_to(radius < 1, (2, 100, 84)).copy()
    folds = np.cos(np.arctan2(y - 49.5, x - 41.5) * 16) * 0.07
    white = mask & (radius < 0.72 + folds)
    ventricle = mask & (np.hypot((np.abs(x - 41.5) - 6) / 4, (y - 49.5) / 14) < 1)
    cbv = np.where(white, 2.0, 4.6) * mask
    signal, ttp = np.where(white, 900.0, 1000.0) * mask, np.full(mask.shape, 7.0)
    cbv[ventricle], signal[ventricle] = 0.2, 1500
    ill = np.zeros_like(mask)
    if lesion:
        ill[EDEMA] = True
        ill &= white & ~ventricle
        cbv[ill], signal[ill] = 1.2, 1300
    cbv = ndimage.gaussian_filter(cbv, (0, 0.5, 0.5)) + 0.25 * random.normal(size=cbv.shape)
    return {"cbv": cbv * mask, "ttp": ttp, "signal": signal, "mask": mask, "white": white & ~ill & ~ventricle}


def found(of: dict[str, np.ndarray], geometry: Geometry = AXIAL):
    return find_white_matter(of["cbv"], of["ttp"], of["signal"], of["mask"], geometry)


def test_it_is_white_matter_of_the_side_without_the_lesion_in_any_unit():
    patient = brain()
    reference = found(patient)
    assert reference.side == "right"
    assert not reference.region[:, :, 42:].any()
    assert patient["white"][reference.region].mean() > 0.98
    assert np.median(patient["cbv"][reference.region]) == pytest.approx(2.0, rel=0.04)
    scaled = found({**patient, "cbv": 37 * patient["cbv"]})
    np.testing.assert_array_equal(scaled.region, reference.region)
    healthy = found(brain(lesion=False))
    assert healthy.side == "both"
    assert healthy.region[:, :, 42:].any()


def test_a_late_side_is_not_the_reference():
    patient = brain(lesion=False)
    patient["ttp"] = np.where(np.arange(84) < 42, 9.0, 7.0) + np.zeros(patient["mask"].shape)
    assert found(patient).side == "left"


@pytest.mark.parametrize("direction", [np.diag([-1.0, 1, 1]), np.diag([1.0, -1, -1])])
def test_sides_are_the_patients(direction):
    """The same voxels stored in another direction: the lesion is on the other side of the patient, or is not."""
    reference = found(brain(), Geometry((2.0, 2.0, 5.0), direction=tuple(map(tuple, direction))))
    assert reference.side == ("left" if direction[0, 0] < 0 else "right")
    assert not reference.region[:, :, 42:].any()


def test_the_midline_follows_a_turned_head():
    angle = np.radians(20)
    y, x = np.mgrid[-50:50, -50:50] + 0.5
    along, across = x * np.sin(angle) + y * np.cos(angle), x * np.cos(angle) - y * np.sin(angle)
    mask = (np.hypot(across / 35, along / 45) < 1)[None]
    assert np.mean(left_of_midline(mask, Geometry())[mask] != (across > 0)[None][mask]) < 0.005


def test_without_credible_white_matter_there_is_a_sentence():
    patient = brain()
    noise = np.random.default_rng(1).lognormal(size=patient["cbv"].shape) * patient["mask"]
    flat = np.where(patient["mask"], 3.0, 0)
    small = {name: values[:, 45:55, 37:47] for name, values in patient.items()}
    for one in ({**patient, "cbv": noise}, {**patient, "cbv": flat}, small):
        with pytest.raises(PerfusionError, match=r"No normal-appearing white matter was found \(.*--reference FILE"):
            found(one)


def series() -> tuple[Series, ArterialInput, dict[str, np.ndarray]]:
    patient = brain()
    arterial = 300 * np.exp(-(((TIMES - 20) / 4) ** 2))
    share = np.maximum(patient["cbv"], 0) / 100
    signal = patient["signal"] * np.exp(-0.03 * arterial[:, None, None, None] * share)
    return Series(signal, TIMES, AXIAL, echo_time=0.03), ArterialInput(TIMES, arterial), patient


def test_maps_come_with_relative_ones_and_their_uncertainty():
    one, aif, patient = series()
    maps = compute_maps(one, aif=aif, mask=patient["mask"], options=MapOptions("csvd"))
    region = maps.reference.region
    assert np.median(maps.extra["rcbv"][region]) == pytest.approx(1) == np.median(maps.extra["rcbf"][region])
    record = maps.provenance["reference"]
    assert record["side"] == "right"
    assert record["volume_ml"] == pytest.approx(region.sum() * 0.02, abs=1e-3)
    np.testing.assert_allclose(maps.cbv, maps.extra["rcbv"] * record["median_cbv_ml_per_100g"], rtol=1e-5)
    np.testing.assert_array_equal(relative_cbv(maps), maps.extra["rcbv"])
    sd = one.with_signal(np.full_like(one.signal, 5))
    certain = with_signal_uncertainty(maps, one, sd).extra
    for name, level in (("cbv", "median_cbv_ml_per_100g"), ("cbf", "median_cbf_ml_per_100g_per_min")):
        np.testing.assert_allclose(certain[f"{name}_sd"], certain[f"r{name}_sd"] * record[level], rtol=1e-5)
    own = np.zeros_like(region)
    own[:, 60:70, 20:30] = True
    assert np.median(compute_maps(one, aif=aif, reference=own, options=MapOptions("csvd")).extra["rcbv"][own]) == 1
    assert "rcbv" not in compute_maps(one, aif=aif, reference="none", options=MapOptions("csvd")).extra
    with pytest.raises(PerfusionError, match="size"):
        compute_maps(one, aif=aif, reference=own[:1], options=MapOptions("csvd"))


def test_absolute_values_are_trusted_only_with_an_artery_beyond_doubt():
    one, aif, patient = series()
    thin = replace(aif, delta_r2star=aif.delta_r2star / 5)
    doubted = replace(aif, warnings=("Hardly any voxel lies wholly within an artery.",))
    trusted = [
        compute_maps(one, aif=each, mask=patient["mask"], options=MapOptions("csvd")).scale_is_trusted
        for each in (aif, thin, doubted)
    ]
    assert trusted == [True, False, False]


def test_one_region_of_the_patient_serves_all_series_of_a_case(tmp_path):
    one, aif, _patient = series()
    coarse = one.with_signal(
        one.signal.reshape(40, 2, 50, 2, 42, 2).mean(axis=(3, 5)), geometry=AXIAL.resized((84, 100, 2), (42, 50, 2))
    )
    write_series(one, tmp_path / "fine.nii.gz")
    write_series(coarse, tmp_path / "coarse.nii.gz")
    (tmp_path / "aif.csv").write_text(
        "time_s,delta_r2star\n"
        + "".join(f"{t},{value}\n" for t, value in zip(aif.times, aif.delta_r2star, strict=True))
    )
    inputs = {"truth": tmp_path / "fine.nii.gz", "input": tmp_path / "coarse.nii.gz"}
    options = {"inputs": inputs, "aif": tmp_path / "aif.csv", "method": "csvd"}
    run_job(MapsJob(output=tmp_path / "auto", **options))
    fine, at = read_volume(tmp_path / "auto/maps_truth/reference.nii.gz")
    below, _ = read_volume(tmp_path / "auto/maps_input/reference.nii.gz")
    np.testing.assert_array_equal(below, fine[:, 1::2, 1::2])
    relative, _ = read_volume(tmp_path / "auto/maps_input/rcbv.nii.gz")
    assert np.median(relative[below > 0]) == pytest.approx(1)
    own = np.zeros_like(fine)
    own[:, 60:70, 20:30] = 1
    write_volume(own, at, tmp_path / "own.nii.gz")
    run_job(MapsJob(output=tmp_path / "own", reference=str(tmp_path / "own.nii.gz"), **options))
    np.testing.assert_array_equal(read_volume(tmp_path / "own/maps_truth/reference.nii.gz")[0], own)
    record = json.loads((tmp_path / "own/maps_input/provenance.json").read_text())["reference"]
    assert record["source"] == "given as a mask file"
    assert record["voxels"] == 2 * 5 * 5
    run_job(MapsJob(output=tmp_path / "none", reference="none", **options))
    assert not list((tmp_path / "none").rglob("r[ec][fb]*.nii.gz"))
    run_job(MapsJob(output=tmp_path / "vein", vein=tmp_path / "own.nii.gz", **options))
    scale = {
        name: json.loads((tmp_path / f"vein/maps_{name}/provenance.json").read_text())["aif"][
            "partial_volume_correction"
        ]
        for name in inputs
    }
    assert scale == {"truth": 1.0, "input": 1.0}  # tissue has less than the artery
    thin = aif.delta_r2star / 100
    (tmp_path / "aif.csv").write_text(
        "time_s,delta_r2star\n" + "".join(f"{t},{value}\n" for t, value in zip(aif.times, thin, strict=True))
    )
    run_job(MapsJob(output=tmp_path / "vein", vein=tmp_path / "own.nii.gz", **options))
    for name in inputs:  # one input for all, scaled once: the vein's own blood volume is that of the artery
        vein, _ = read_volume(tmp_path / f"vein/maps_{name}/cbv.nii.gz")
        inside, _ = read_volume(tmp_path / f"own/maps_{name}/reference.nii.gz")
        assert vein[inside > 0].mean() == pytest.approx(100 * KH_OVER_RHO, rel=0.02)
    write_volume(own, Geometry(spacing=(1.7, 2.0, 5.0)), tmp_path / "elsewhere.nii.gz")
    with pytest.raises(DSCError, match="elsewhere"):
        run_job(MapsJob(output=tmp_path / "bad", reference=str(tmp_path / "elsewhere.nii.gz"), **options))
