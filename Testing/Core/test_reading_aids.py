"""Reading aids: the other side of a brain, fluid and vessels, late tissue with its core, and their numbers on disk."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from dsc_superres.geometry import Geometry
from dsc_superres.io import read_volume, write_series
from dsc_superres.jobs.run import run_job
from dsc_superres.jobs.types import MapsJob
from dsc_superres.perfusion import ArterialInput, MapOptions, compute_maps
from dsc_superres.perfusion.hypoperfusion import find_hypoperfusion
from dsc_superres.perfusion.map_warnings import late_artery_warnings
from dsc_superres.perfusion.midline import find_midline
from dsc_superres.perfusion.region_table import region_statistics, region_table
from dsc_superres.perfusion.tissue_regions import find_tissue_regions
from dsc_superres.series import Series

RANDOM = np.random.default_rng(11)
TURN = np.radians(12)
GEOMETRIES = {
    "axial": Geometry((2.0, 2.0, 5.0), (-80.0, -90.0, 12.0)),
    "left to right": Geometry((2.0, 2.0, 5.0), (83.0, -90.0, 12.0), ((-1, 0, 0), (0, 1, 0), (0, 0, 1))),
    "oblique": Geometry(
        (2.0, 2.0, 5.0),
        (-75.0, -90.0, 0.0),
        ((np.cos(TURN), -np.sin(TURN), 0), (np.sin(TURN), np.cos(TURN), 0), (0, 0, 1)),
    ),
}
BRAIN_SHAPE = (4, 92, 80)


def ellipse(center: tuple[float, float] = (39.5, 45.5), radii: tuple[float, float] = (34.0, 42.0)) -> np.ndarray:
    """bool[z, y, x] of a brain, or of a part of it."""
    y, x = np.mgrid[: BRAIN_SHAPE[1], : BRAIN_SHAPE[2]]
    inside = np.hypot((x - center[0]) / radii[0], (y - center[1]) / radii[1]) < 1
    return np.broadcast_to(inside, BRAIN_SHAPE).copy()


BRAIN = ellipse()


@pytest.mark.parametrize("name", GEOMETRIES)
def test_the_mirror_image_of_the_mirror_image_is_the_region(name: str) -> None:
    geometry = GEOMETRIES[name]
    midline = find_midline(BRAIN, geometry)
    region = BRAIN & (RANDOM.random(BRAIN_SHAPE) < 0.3)
    once = midline.mirrored(region, geometry, within=BRAIN)
    np.testing.assert_array_equal(midline.mirrored(once, geometry, within=BRAIN), region)
    np.testing.assert_array_equal(once, region[:, :, ::-1])
    values = midline.mirrored_values(np.where(BRAIN, RANDOM.normal(size=BRAIN_SHAPE), 0), geometry)
    assert np.isfinite(values[BRAIN]).all()


def test_a_mirrored_region_lies_on_the_other_side_and_in_the_brain() -> None:
    geometry = GEOMETRIES["axial"]
    cut = BRAIN & ~ellipse((8.0, 45.0), (8.0, 30.0))  # a part of the right side is missing
    midline = find_midline(cut, geometry)
    left = midline.distance(BRAIN_SHAPE, geometry) > 0
    region = ellipse((60.0, 40.0), (9.0, 14.0))
    mirrored = midline.mirrored(region, geometry, within=cut)
    assert not (mirrored & ~cut).any()
    assert not (mirrored & left).any()
    assert np.count_nonzero(mirrored) == pytest.approx(np.count_nonzero(region), rel=0.15)


def hypoperfused(tmax: np.ndarray, cbf: np.ndarray, geometry: Geometry = GEOMETRIES["axial"]):
    return find_hypoperfusion(tmax, cbf, BRAIN, geometry, find_midline(BRAIN, geometry))


def stroke(delay: float = 8.0, core_flow: float = 8.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tmax (s), CBF, and the late tissue and its core on the left of a brain."""
    late, core = ellipse((58.0, 45.0), (12.0, 20.0)), ellipse((58.0, 45.0), (6.0, 8.0))
    tmax = np.where(late, delay, 1.5) + RANDOM.normal(0, 0.3, BRAIN_SHAPE)
    cbf = np.where(core, core_flow, np.where(late, 25.0, 50.0)) + RANDOM.normal(0, 1, BRAIN_SHAPE)
    return tmax, cbf, late, core


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("factor", [0.1, 1.0, 30.0])
def test_volumes_are_those_of_late_tissue_and_of_its_core_whatever_the_scale_of_flow(name: str, factor: float) -> None:
    tmax, cbf, late, core = stroke()
    found = hypoperfused(tmax, factor * cbf, GEOMETRIES[name])
    np.testing.assert_array_equal(found.late, late)
    np.testing.assert_array_equal(found.core, core)
    assert found.late_ml == pytest.approx(np.count_nonzero(late) * 0.02)
    assert found.mismatch_ml == pytest.approx(found.late_ml - found.core_ml)
    assert found.mismatch_ratio == pytest.approx(found.late_ml / found.core_ml)
    assert found.normal_cbf == pytest.approx(50 * factor, rel=0.01)
    assert found.record()["tmax_above_6s_ml"] == pytest.approx(found.late_ml)


def test_low_flow_without_late_arrival_and_specks_of_noise_are_neither() -> None:
    tmax, cbf, _late, _core = stroke(delay=3.0)
    tmax[BRAIN & (RANDOM.random(BRAIN_SHAPE) < 0.02)] = 40.0
    found = hypoperfused(tmax, cbf)
    assert (found.late_ml, found.core_ml, found.mismatch_ratio) == (0.0, 0.0, None)


def test_tissue_without_flow_in_the_middle_of_late_tissue_is_core_whatever_its_tmax() -> None:
    """Without flow there is no curve, and Tmax is noise."""
    tmax, cbf, late, core = stroke(core_flow=0.0)
    tmax[core] = 0.0
    found = hypoperfused(tmax, cbf)
    np.testing.assert_array_equal(found.core, core)
    np.testing.assert_array_equal(found.late, late)


def head() -> dict[str, np.ndarray]:
    """Maps and signal of a brain with ventricles, sulci, an artery, a vein, a tumor, and an infarct without blood."""
    gray = BRAIN & ~ellipse(radii=(29.0, 37.0))
    ventricles = ellipse((35.0, 45.0), (3.0, 10.0)) | ellipse((44.0, 45.0), (3.0, 10.0))
    sulcus, infarct = ellipse((12.0, 45.0), (3.0, 4.0)), ellipse((62.0, 60.0), (5.0, 6.0))
    artery, vein = ellipse((39.0, 20.0), (2.0, 2.0)), ellipse((40.0, 82.0), (2.0, 3.0))
    tumor = ellipse((25.0, 60.0), (8.0, 8.0))
    cbv, cbf, ttp = np.where(gray, 4.0, 2.0), np.where(gray, 60.0, 22.0), np.full(BRAIN_SHAPE, 7.0)
    for place, volume, flow, peak in (
        (ventricles, 0.2, 1.0, 25.0),
        (sulcus, 0.3, 2.0, 20.0),
        (infarct, 0.4, 3.0, 9.0),
        (artery, 12.0, 180.0, 4.5),
        (vein, 14.0, 150.0, 10.0),
        (tumor, 9.0, 110.0, 7.2),
    ):
        cbv[place], cbf[place], ttp[place] = volume, flow, peak
    noise = 1 + 0.02 * RANDOM.normal(size=BRAIN_SHAPE)
    baseline = np.where(ventricles | sulcus, 1400.0, 1000.0) * noise
    return {
        "maps": {"cbv": cbv * noise, "cbf": cbf * noise, "ttp": ttp},
        "baseline": baseline,
        "fluid": ventricles | sulcus,
        "vessels": artery | vein,
    }


def test_fluid_and_vessels_are_found_but_neither_infarct_nor_tumor() -> None:
    geometry, of = GEOMETRIES["axial"], head()
    midline = find_midline(BRAIN, geometry)
    for shade in (1.0, np.linspace(0.6, 1.5, BRAIN_SHAPE[2])):  # a coil that sees one side better
        found = find_tissue_regions(
            of["maps"], of["baseline"] * shade, BRAIN, geometry, midline, white_matter=2.0, interval=1.5
        )
        np.testing.assert_array_equal(found.fluid, of["fluid"])
        np.testing.assert_array_equal(found.vessels, of["vessels"])


def test_a_late_artery_is_said() -> None:
    tmax = RANDOM.normal(1.5, 0.5, 5000)
    assert not list(late_artery_warnings(tmax))
    assert "median -1.0 s" in next(late_artery_warnings(tmax - 2.5))


def test_times_are_compared_by_difference_and_amounts_by_ratio() -> None:
    region = ellipse((60.0, 40.0), (9.0, 14.0))
    mirrored, white = region[:, :, ::-1], ellipse((39.0, 60.0), (4.0, 4.0))
    values = np.where(region, 3.0, np.where(mirrored, 2.0, 1.0))
    values[region & (RANDOM.random(BRAIN_SHAPE) < 0.2)] = np.nan
    regions = {"mirrored": mirrored, "white_matter": white, "voxel_ml": 0.02}
    flow = region_statistics("tumor", region, "cbf", values, **regions)
    assert (flow.mean, flow.ratio_to_mirrored, flow.ratio_to_white_matter) == (3.0, 1.5, 3.0)
    assert flow.voxels == np.isfinite(values[region]).sum()
    delay = region_statistics("tumor", region, "tmax", values, **regions)
    assert np.isnan(delay.ratio_to_mirrored)
    assert delay.difference_to_mirrored == 1.0
    nothing = region_statistics("none", ~BRAIN & region, "cbv", values, **regions)
    assert nothing.voxels == 0
    assert np.isnan(nothing.mean)


def bolus_series() -> tuple[Series, ArterialInput]:
    """A brain whose left has a third of the flow, 9 s late, in a region of 20 mL."""
    times = 1.5 * np.arange(50)
    arterial = 300 * np.exp(-(((times - 20) / 4) ** 2))
    late = ellipse((58.0, 45.0), (12.0, 20.0))
    delayed = np.interp(times - 9.0, times, arterial)
    area = np.where(ellipse(radii=(29.0, 37.0)), 1.0, 2.0) / 50
    curves = np.where(late, (delayed / 60)[:, None, None, None], arterial[:, None, None, None] * area)
    noise = RANDOM.normal(0, 3, (50, *BRAIN_SHAPE))
    signal = np.where(BRAIN, 800.0, 0.0) * np.exp(-0.03 * curves) + noise * BRAIN
    series = Series(signal.astype(np.float32), times, GEOMETRIES["axial"], echo_time=0.03)
    return series, ArterialInput(times, arterial)


def test_maps_on_disk_come_with_regions_and_their_table(tmp_path) -> None:
    series, aif = bolus_series()
    found = compute_maps(series, aif=aif, mask=BRAIN, options=MapOptions("csvd"))
    late = ellipse((58.0, 45.0), (12.0, 20.0))
    assert np.mean(found.regions["tmax_above_6s"][BRAIN] == late[BRAIN]) > 0.995
    write_series(series, tmp_path / "scan.nii.gz")
    (tmp_path / "aif.csv").write_text(
        "time_s,delta_r2star\n" + "".join(f"{t},{v}\n" for t, v in zip(aif.times, aif.delta_r2star, strict=True))
    )
    job = MapsJob(
        input=tmp_path / "scan.nii.gz", output=tmp_path / "maps", aif=tmp_path / "aif.csv", method="csvd", mask="none"
    )
    run_job(job)
    record = json.loads((tmp_path / "maps" / "provenance.json").read_text())["hypoperfusion"]
    region, geometry = read_volume(tmp_path / "maps" / "regions" / "tmax_above_6s.nii.gz")
    assert np.count_nonzero(region) * np.prod(geometry.spacing) / 1000 == pytest.approx(record["tmax_above_6s_ml"])
    assert "research" in record["notice"]
    with open(tmp_path / "maps" / "regions" / "regions.csv", encoding="utf-8") as file:
        rows = {(row["region"], row["map"]): row for row in csv.DictReader(file)}
    one = rows["Tmax > 6 s", "tmax"]
    assert float(one["volume_ml"]) == pytest.approx(record["tmax_above_6s_ml"], rel=1e-4)
    assert 6 < float(one["difference_to_mirrored"]) < 12


def test_the_table_is_that_of_each_region(tmp_path) -> None:
    series, aif = bolus_series()
    maps = compute_maps(series, aif=aif, mask=BRAIN, options=MapOptions("csvd"))
    late = ellipse((58.0, 45.0), (12.0, 20.0))
    rows = {row.map: row for row in region_table(maps, maps.midline, series.geometry, {"stroke": late})}
    assert rows["cbv"].mean == pytest.approx(maps.cbv[late].mean(), rel=1e-5)
    assert rows["cbv"].ratio_to_mirrored == pytest.approx(
        maps.cbv[late].mean() / maps.cbv[late[:, :, ::-1]].mean(), rel=0.02
    )
    assert rows["cbv"].volume_ml == pytest.approx(np.count_nonzero(late) * 0.02)
    without = replace(maps, reference=None)
    assert all(
        np.isnan(row.ratio_to_white_matter) for row in region_table(without, maps.midline, series.geometry, {"a": late})
    )
