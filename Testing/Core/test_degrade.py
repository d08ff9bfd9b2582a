"""Under-sampling: values, exact geometry, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dsc_superres.degrade import OPERATORS, block_average, kspace_crop, matching_truth, undersample
from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.series import Series


def blob(size: int, centre: tuple[float, float], width: float = 6.0) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * width**2)).astype(np.float32)


def centroid(image: np.ndarray) -> np.ndarray:
    y, x = np.indices(image.shape)
    return np.array([(image * x).sum(), (image * y).sum()]) / image.sum()


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_operators_keep_every_point_in_place(operator: str, factor: int) -> None:
    fine = blob(48, (20.3, 26.8))
    coarse = OPERATORS[operator](fine, factor)
    # Coarse pixel i has its centre at factor * i + (factor - 1) / 2 on the fine grid.
    np.testing.assert_allclose(centroid(coarse) * factor + (factor - 1) / 2, centroid(fine), atol=0.02)
    assert coarse.mean() == pytest.approx(fine.mean(), rel=1e-3)


def test_operators_keep_a_constant() -> None:
    for operator in OPERATORS.values():
        np.testing.assert_allclose(operator(np.full((12, 18), 5.0, np.float32), 3), 5.0, rtol=1e-6)


def test_block_average_is_the_mean_of_the_block() -> None:
    image = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_allclose(block_average(image, 2), [[2.5, 4.5], [10.5, 12.5]])


def test_kspace_crop_equals_the_band_limited_image() -> None:
    """A cosine below the coarse Nyquist frequency is sampled exactly, at the coarse pixels' centres."""
    position = np.arange(32)
    fine = np.broadcast_to(2 + np.cos(2 * np.pi * 3 * position / 32), (32, 32)).astype(np.float32)
    coarse = 2 + np.cos(2 * np.pi * 3 * (2 * np.arange(16) + 0.5) / 32)
    np.testing.assert_allclose(kspace_crop(fine, 2)[0], coarse, atol=1e-5)


@given(
    rotation=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.5, 6)] * 3),
    space=st.integers(2, 3),
    time=st.integers(1, 4),
    rows=st.integers(9, 15),
)
@settings(max_examples=40, deadline=None)
def test_undersampling_and_reconstruction_overlay_the_truth(rotation, spacing, space, time, rows) -> None:
    """Both corners of the field of view stay where they were in patient space, to 1e-3 mm, for any affine."""
    direction = Rotation.from_euler("xyz", rotation, degrees=True).as_matrix()
    geometry = Geometry(spacing=spacing, origin=(-80.0, 35.5, 12.25), direction=tuple(map(tuple, direction)))
    series = Series(np.random.default_rng(rows).random((9, 2, rows, 12)), np.arange(9) * 1.5, geometry, 0.03)
    truth = matching_truth(series, space, time)
    coarse = undersample(series, space, time)
    fine = reconstruct(coarse, space=space, time=time, model="linear")
    assert fine.signal.shape == truth.signal.shape
    np.testing.assert_allclose(fine.times, truth.times, atol=1e-9)
    np.testing.assert_allclose(fine.geometry.affine, truth.geometry.affine, atol=1e-3)
    for one, other in ((coarse, truth), (fine, truth)):
        for corner in (0.0, 1.0):
            outer = [np.append(corner * np.array(s.size) - 0.5, 1) for s in (one, other)]
            np.testing.assert_allclose(one.geometry.affine @ outer[0], other.geometry.affine @ outer[1], atol=1e-3)


def test_frames_kept_and_refusals() -> None:
    series = Series(np.ones((10, 1, 8, 8)), np.arange(10) * 2.0)
    assert undersample(series).times.tolist() == [0, 8, 16]
    assert matching_truth(series).frames == 9
    with pytest.raises(SeriesError, match="leaves one"):
        undersample(series, time=10)
    with pytest.raises(SeriesError, match="whole numbers"):
        undersample(series, space=1.5)
    with pytest.raises(SeriesError, match="operator"):
        undersample(series, operator="nearest")
    with pytest.raises(SeriesError, match="too small"):
        undersample(series, space=5)
