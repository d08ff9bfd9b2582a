"""The benchmark of generalisation: its cells, and what it measures in one of them."""

import numpy as np
import pytest

from dsc_superres.benchmark.generalization import CELLS, Cell, fine_and_coarse, measure, table
from dsc_superres.phantom import digital_patient
from dsc_superres.series import Series


@pytest.mark.parametrize("cell", [Cell("a", space=1.5), Cell("b", space=3.0, time=3), Cell("c")])
def test_fine_and_coarse_cover_the_same_field_of_view(cell: Cell) -> None:
    series = Series(np.ones((9, 1, 24, 36), np.float32), np.arange(9.0))
    fine, coarse = fine_and_coarse(series, cell)
    assert coarse.size[0] * cell.space == fine.size[0]
    assert coarse.times[-1] == fine.times[-1]
    for axis in (0, 1):
        extents = [s.size[axis] * s.geometry.spacing[axis] for s in (fine, coarse)]
        assert extents[0] == pytest.approx(extents[1])


def test_a_protocol_that_is_given_is_used() -> None:
    quiet, noisy = (digital_patient(2000, slices=1, frames=3, matrix=64, protocol={"snr": s}) for s in (200, 20))
    assert noisy.description["sigma"] == pytest.approx(10 * quiet.description["sigma"])
    assert digital_patient(2000, slices=1, frames=3, matrix=64, protocol={"echo_time": 0.05}).series.echo_time == 0.05


def test_a_cell_is_measured_and_told() -> None:
    found = measure(2000, Cell("signal-to-noise 200", protocol={"snr": 200}), ["backprojection", "linear"])
    assert 20 < found["linear"] < found["backprojection"] < 60
    record = {"cell": "x", "seed": 1, "psnr": {"ode-liif": 40.0, "linear": 30, "cubic": 31, "pchip": 32}}
    record["psnr"] |= {"backprojection": 33, "kinetic": 33}
    other = {
        "cell": "x",
        "seed": 2,
        "psnr": record["psnr"] | {"cubic": 36},
    }
    assert "| x | 33.50 (cubic) | +6.50 (+4.00) |" in table([record, other], ["ode-liif"])
    assert len({cell.name for cell in CELLS}) == len(CELLS)
