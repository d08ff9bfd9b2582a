"""What is written is what is read, for any geometry and any times; nibabel and SimpleITK are the witnesses."""

import json
import math
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dsc_superres.geometry import Geometry
from dsc_superres.io import read_series, read_volume, write_series, write_volume
from dsc_superres.series import MISSING, Series

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SUFFIXES = (".nii", ".nii.gz", ".seq.nrrd")


def make_series(geometry=None, times=(0.0, 1.5, 3.0), shape=(4, 5, 6), **more) -> Series:
    signal = np.random.default_rng(1).normal(200, 80, (len(times), *shape)).astype(np.float32)
    more = {"echo_time": 0.03, **more}
    return Series(signal, np.array(times), geometry or oblique(), **more)


def oblique(angles=(10, -20, 35), spacing=(1.8, 1.75, 5.0), origin=(-110.3, 95.2, -41.7), mirror=False) -> Geometry:
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    if mirror:
        direction[:, 2] *= -1
    return Geometry(spacing, origin, tuple(map(tuple, direction)))


def corners(geometry: Geometry, extent=250.0) -> np.ndarray:
    """LPS of the corners of a head-sized box, mm."""
    ends = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * extent
    return (geometry.affine @ np.column_stack([ends / geometry.spacing, np.ones(8)]).T)[:3]


angle = st.floats(-180, 180)
millimetres = st.floats(0.3, 8)
place = st.floats(-300, 300)
geometries = st.builds(
    oblique,
    st.tuples(angle, angle, angle),
    st.tuples(millimetres, millimetres, millimetres),
    st.tuples(place, place, place),
    st.booleans(),
)
frame_times = st.lists(st.floats(0.01, 10), min_size=1, max_size=5).map(lambda gaps: np.cumsum([0.25, *gaps]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(geometry=geometries, times=frame_times, suffix=st.sampled_from(SUFFIXES))
def test_geometry_times_and_voxels_survive(tmp_path, geometry, times, suffix):
    series = make_series(geometry, times, shape=(2, 3, 4), sources={"times": "a clock"})
    path = tmp_path / f"scan{SUFFIXES.index(suffix)}{suffix}"
    write_series(series, path)
    back = read_series(path)
    assert np.abs(corners(back.geometry) - corners(geometry)).max() < 1e-4
    assert np.array_equal(back.signal, series.signal)
    assert np.array_equal(back.times, series.times)
    assert (back.echo_time, back.sources["times"]) == (0.03, "a clock")
    assert sorted(p.name for p in tmp_path.iterdir() if p.stem.startswith(".")) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(geometry=geometries)
def test_nibabel_finds_the_same_voxels_in_the_same_places(tmp_path, geometry):
    series = make_series(geometry)
    write_series(series, tmp_path / "scan.nii.gz")
    image = nibabel.load(tmp_path / "scan.nii.gz")
    assert np.allclose(image.affine, LPS_TO_RAS @ geometry.affine, rtol=1e-6, atol=1e-4)
    assert np.allclose(image.get_qform(), image.affine, atol=1e-2)
    assert np.array_equal(image.get_fdata(dtype=np.float32), series.signal.T)
    assert image.header.get_zooms()[3] == pytest.approx(1.5)
    assert image.header.get_xyzt_units() == ("mm", "sec")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_simpleitk_reads_what_is_written(tmp_path, suffix):
    series = make_series()
    write_series(series, tmp_path / f"scan{suffix}")
    image = sitk.ReadImage(str(tmp_path / f"scan{suffix}"))
    voxels = sitk.GetArrayFromImage(image)
    if suffix == ".seq.nrrd":  # ITK takes the list axis for components
        voxels = np.moveaxis(voxels, -1, 0)
    assert np.array_equal(voxels, series.signal)
    assert image.GetSpacing()[:3] == pytest.approx(series.geometry.spacing)
    assert image.GetOrigin()[:3] == pytest.approx(series.geometry.origin)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32])
def test_integers_come_back_in_their_own_type(tmp_path, suffix, kind):
    limits = np.iinfo(kind)
    signal = np.array([limits.min, limits.max, 3, 4.4, 4.6, limits.max * 2.0, -1e12, 7]).reshape(2, 1, 2, 2)
    series = Series(signal, np.array([0, 1.5]), scalar_type=kind)
    write_series(series, tmp_path / f"scan{suffix}", integer=True)
    back = read_series(tmp_path / f"scan{suffix}")
    assert back.scalar_type == kind
    expected = np.array([limits.min, limits.max, 3, 4, 5, limits.max, limits.min, 7], np.float32)
    assert np.array_equal(back.signal.ravel(), expected)


def test_integer_leaves_a_float_series_alone(tmp_path):
    series = make_series()
    write_series(series, tmp_path / "scan.nii", integer=True)
    assert np.array_equal(read_series(tmp_path / "scan.nii").signal, series.signal)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("lonely", [False, True])
def test_unknown_times_stay_unknown(tmp_path, suffix, lonely):
    series = make_series(times=(0, 4, 8), sources={"times": MISSING})
    write_series(series, tmp_path / f"scan{suffix}")
    if lonely:
        (tmp_path / "scan.json").unlink()
    back = read_series(tmp_path / f"scan{suffix}")
    assert not back.has_times
    assert back.times.tolist() == ([0, 1, 2] if lonely else [0, 4, 8])


def test_image_header_alone_tells_only_true_times(tmp_path):
    for name, times in (("even", (0.7, 2.1, 3.5)), ("uneven", (0, 1, 3))):
        write_series(make_series(times=times), tmp_path / f"{name}.nii.gz")
        write_series(make_series(times=times), tmp_path / f"{name}2.seq.nrrd")
    for sidecar in tmp_path.glob("*.json"):
        sidecar.unlink()
    assert read_series(tmp_path / "even.nii.gz").times == pytest.approx([0.7, 2.1, 3.5], abs=1e-6)
    assert not read_series(tmp_path / "uneven.nii.gz").has_times
    sequence = read_series(tmp_path / "uneven2.seq.nrrd")
    assert sequence.times.tolist() == [0, 1, 3]
    assert sequence.echo_time == 0.03


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("sec", 1.4, 1.4),
        ("msec", 1500, 1.5),
        ("usec", 1.5e6, 1.5),
        ("sec", 1, 1.0),
        ("unknown", 1.5, 1.5),
        ("unknown", 1500, 1.5),
        ("unknown", 1, None),
        ("unknown", 0, None),
        ("unknown", 80, None),
        ("sec", 0, None),
        ("hz", 2, None),
    ],
)
def test_nifti_time_units(tmp_path, unit, value, expected):
    image = nibabel.Nifti1Image(np.zeros((4, 3, 2, 3), np.int16), np.eye(4))
    image.header.set_xyzt_units("mm", unit)
    image.header["pixdim"][4] = value
    nibabel.save(image, tmp_path / "scan.nii")
    series = read_series(tmp_path / "scan.nii")
    assert series.has_times == (expected is not None)
    assert series.times.tolist() == [0, expected or 1, 2 * (expected or 1)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_from_elsewhere(tmp_path, order):
    affine = LPS_TO_RAS @ oblique(mirror=True).affine
    voxels = np.arange(2 * 3 * 4 * 3, dtype=np.int16).reshape(2, 3, 4, 3)
    image = nibabel.Nifti1Image(voxels, affine, nibabel.Nifti1Header(endianness=order))
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "scaled.nii.gz")
    expected = nibabel.load(tmp_path / "scaled.nii.gz").get_fdata()
    series = read_series(tmp_path / "scaled.nii.gz")
    assert np.allclose(series.signal.T, expected)
    assert not np.allclose(expected, voxels)
    assert series.scalar_type == np.float32
    assert np.abs(corners(series.geometry) - corners(oblique(mirror=True))).max() < 1e-3
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "plain.nii")
    series = read_series(tmp_path / "plain.nii")
    assert series.scalar_type == np.int16
    assert np.array_equal(series.signal.T, voxels)


def test_the_user_has_the_last_word(tmp_path):
    write_series(make_series(), tmp_path / "scan.nii")
    series = read_series(tmp_path / "scan.nii", echo_time=0.04, interval=2.5)
    assert series.times.tolist() == [0, 2.5, 5]
    assert series.echo_time == 0.04
    assert series.sources["times"] == series.sources["echo_time"] == "given by the user"


def test_sidecars_written_by_others(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 3, 2, 3)), np.eye(4)), tmp_path / "perf.nii.gz")
    sidecar = tmp_path / "perf.json"
    sidecar.write_text(json.dumps({"EchoTime": 0.029, "RepetitionTime": 1.6}))
    series = read_series(tmp_path / "perf.nii.gz")
    assert (series.echo_time, series.times.tolist()) == (0.029, [0, 1.6, 3.2])
    assert series.sources["echo_time"] == "sidecar, EchoTime"
    sidecar.write_text(json.dumps({"VolumeTiming": [0, 1, 2.5]}))
    series = read_series(tmp_path / "perf.nii.gz")
    assert (series.echo_time, series.times.tolist()) == (None, [0, 1, 2.5])


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
def test_volumes(tmp_path, suffix):
    geometry = oblique()
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    for array, stored in ((values, sitk.sitkFloat32), (values > 0, sitk.sitkUInt8), ((9 * values).astype(int), None)):
        write_volume(array, geometry, tmp_path / f"map{suffix}")
        back, where = read_volume(tmp_path / f"map{suffix}")
        assert back.dtype == np.float32
        assert np.array_equal(back, array.astype(np.float32))
        assert np.abs(corners(where) - corners(geometry)).max() < 1e-4
        assert stored in (None, sitk.ReadImage(str(tmp_path / f"map{suffix}")).GetPixelID())


def test_sidecar_holds_no_more_than_it_should(tmp_path):
    write_series(make_series(name="DOE^JANE", shape=(1, 7, 5)), tmp_path / "scan.nii")
    assert read_series(tmp_path / "scan.nii").size == (5, 7, 1)
    content = json.loads((tmp_path / "scan.json").read_text())
    assert set(content) == {"EchoTime", "RepetitionTime", "FrameTimes", "Provenance", "ImageChecksum", "GeneratedBy"}
    assert "DOE" not in (tmp_path / "scan.json").read_text()
    assert math.isclose(content["RepetitionTime"], 1.5)


def test_runs_with_what_slicer_brings():
    """No import beyond numpy, scipy, SimpleITK, pydicom and what these bring."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'nibabel', 'skimage', 'nilearn', 'matplotlib'])); "
        "import dsc_superres.io"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
