"""The series value checks itself and cannot be changed."""

from dataclasses import replace

import numpy as np
import pytest

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.series import MISSING, Series

SIGNAL = np.ones((3, 2, 4, 5), np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signal": np.ones((4, 5, 6))}, "3 dimensions"),
        ({"signal": np.ones((1, 2, 4, 5)), "times": [0.0]}, "single frame"),
        ({"signal": np.where(np.arange(120).reshape(3, 2, 4, 5) == 50, np.nan, 1)}, "not finite.*frame 1"),
        ({"times": [0, 1]}, "3 frames but 2"),
        ({"times": [0, 2, 1]}, "do not increase"),
        ({"times": [0, 1, np.inf]}, "do not increase"),
        ({"echo_time": 0.0}, "echo time"),
        ({"echo_time": 30.0}, "echo time"),
    ],
)
def test_wrong_values_are_refused_with_one_sentence(change: dict, message: str) -> None:
    with pytest.raises(SeriesError, match=message) as caught:
        Series(**{"signal": SIGNAL, "times": [0.0, 1.5, 3.0], **change})
    assert "\n" not in str(caught.value)


def test_immutable_and_leaves_the_callers_array_alone() -> None:
    signal = SIGNAL.copy()
    series = Series(signal, [0, 1, 2])
    with pytest.raises(ValueError, match="read-only"):
        series.signal[0, 0, 0, 0] = 2
    signal[0, 0, 0, 0] = 2
    assert series.size == (5, 4, 2)
    assert series.sources["echo_time"] == MISSING


def test_geometry_refuses_skewed_axes_and_zero_spacing() -> None:
    with pytest.raises(SeriesError, match="right angles"):
        Geometry(direction=((1, 0.2, 0), (0, 1, 0), (0, 0, 1)))
    with pytest.raises(SeriesError, match="spacing"):
        Geometry(spacing=(1, 0, 1))


def test_resized_grid_covers_the_same_box() -> None:
    geometry = Geometry(spacing=(1, 1, 5)).resized((8, 8, 3), (4, 4, 3))
    assert geometry.spacing == (2, 2, 5)
    assert geometry.origin == (0.5, 0.5, 0)


def test_source_of_the_echo_time_follows_the_value() -> None:
    without = Series(SIGNAL, [0, 1, 2])
    assert replace(without, echo_time=0.03).sources["echo_time"] == "given"
    assert replace(without, echo_time=0.03, sources={"echo_time": "sidecar"}).sources["echo_time"] == "sidecar"
