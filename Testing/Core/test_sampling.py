"""The benchmark of sampling: the object as a movie is the object, and what is read off it is what was drawn."""

import numpy as np
import pytest

from dsc_superres.benchmark.perfusion_objects.map_errors import values
from dsc_superres.benchmark.sampling import CURVES, KNOWN, NATIVE, SPARSE, phase_records, tables
from dsc_superres.benchmark.sparse_sampling.sampling_object import FACTOR, PROBED, artery_pixels, sampling_object
from dsc_superres.benchmark.sparse_sampling.sampling_patients import _rows, patients_table
from dsc_superres.series import Series

PROBES = len(PROBED) ** 2


@pytest.mark.parametrize("phase", [0.0, 4.5])
def test_curves_read_off_the_movie_are_those_of_the_object(phase: float) -> None:
    made = sampling_object(phase, np.inf)
    read = made.curves(made.movie, made.movie.times)
    np.testing.assert_array_equal(read.signal, made.made.signal.repeat(PROBES, axis=1))
    np.testing.assert_allclose(read.arterial, made.made.arterial, atol=1e-3 * made.made.arterial.max())
    assert read.baseline == made.made.baseline
    assert made.movie.signal[:, 0, 0, 0].max() == 0  # air


def test_every_fourth_frame_is_acquired_with_the_baseline_that_there_is() -> None:
    made = sampling_object(1.5, 50.0)
    sparse = made.curves(made.coarse, made.coarse.times)
    np.testing.assert_allclose(sparse.times, 1.5 + 6 * np.arange(16))
    assert made.made.times[made.made.baseline][-1] < 12.3
    assert sparse.baseline == slice(0, 2)  # 1.5 and 7.5 s; the bolus comes at 12.3 s
    assert sparse.signal.shape[1] == len(sparse.truth["cbf"]) == 288 * PROBES
    assert made.coarse.frames == (made.movie.frames - 1) // FACTOR + 1


def test_the_artery_is_read_off_its_pixels_and_the_baseline_ends_where_it_was_acquired() -> None:
    made = sampling_object(4.5, np.inf)
    z, y, x = artery_pixels().T
    artery = made.movie.signal[:, z, y, x]
    assert np.ptp(artery, axis=1).max() == 0
    assert artery.min() < 0.31 * artery.max()
    refined = made.curves(made.movie, acquired=made.coarse.times)
    assert refined.times[refined.baseline][-1] == made.coarse.times[1]


def test_sampling_every_6_s_depends_on_its_phase_and_every_1_5_s_does_not() -> None:
    sparse, native = [], []
    for phase in (0.0, 3.0):
        made = sampling_object(phase, np.inf)
        for series, found in ((made.coarse, sparse), (made.movie, native)):
            maps = values(made.curves(series, series.times), "csvd")
            found.append(maps["cbf"])
    change = [np.median(np.abs(np.log(one / other))) for one, other in (sparse, native)]
    assert change[0] > 0.2 > 0.02 > change[1]


def test_tables_hold_every_row_and_the_spread(monkeypatch) -> None:
    monkeypatch.setattr("dsc_superres.benchmark.sampling.METHODS", {"csvd": {}})
    records = [record for phase in (0.0, 3.0) for record in phase_records(phase, np.inf, ["pchip"])]
    errors, spread = tables(records)
    assert [row[0] for row in errors.rows] == [NATIVE, SPARSE, CURVES, "pchip", f"pchip{KNOWN}"]
    low, high = (float(value) for value in spread.rows[1][1].split(";")[0].split(" to "))
    assert low < high


def test_rows_of_patients_are_of_one_size_and_time() -> None:
    frames = np.random.default_rng(0).uniform(400, 600, (9, 1, 16, 16)).astype(np.float32)
    rows = dict(_rows(Series(frames, 1.5 * np.arange(9), echo_time=0.03), ["linear"]))
    fine, sparse, made = rows.values()
    assert fine.signal.shape == made.signal.shape == (9, 1, 16, 16)
    np.testing.assert_array_equal(sparse.signal, fine.signal[::4])
    assert list(rows) == ["every 1.5 s, fine pixels", "every 6 s, fine pixels", "linear"]


def test_patients_are_averaged() -> None:
    records = [
        {"patient": seed, "row": "pchip", "method": "csvd", "errors": [value, 2.0, 3.0, 0.5], "spread": 10.0 * value}
        for seed, value in ((1, 1.0), (2, 3.0))
    ]
    table = patients_table(records, {"csvd": "cSVD"})
    assert table.rows == (("pchip", "2.0 / 2.0 / 3.0 / 0.50; 20"),)
    assert table.title.startswith("2 digital patients")
