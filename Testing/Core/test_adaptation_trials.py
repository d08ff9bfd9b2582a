"""The trials of adaptation: each procedure runs, and what it claims stands beside what is true."""

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres.benchmark.adaptation import summary
from dsc_superres.benchmark.adaptation_trials.procedures import PROCEDURES, refined
from dsc_superres.degrade import undersample
from dsc_superres.series import Series


@pytest.fixture(scope="module")
def coarse() -> Series:
    fine = bolus_series()
    return undersample(fine, 2, 2)


@pytest.mark.parametrize(
    "procedure", ["two gains, coarser copy", "mean agrees with the input", "noise of the input shrunk"]
)
def test_a_procedure_gives_the_target_grid_and_its_claim(coarse, procedure):
    claimed, signal = PROCEDURES[procedure](coarse, "ode-liif", 1)
    assert signal.shape == refined(coarse, "linear").shape
    assert np.isfinite(signal).all()
    assert np.isnan(claimed) == ("gains" not in procedure)


def test_the_mean_over_time_agrees_with_the_input_where_it_is_made_to(coarse):
    _, signal = PROCEDURES["mean agrees with the input"](coarse, "ode-liif", 1)
    plain = refined(coarse, "ode-liif")
    wanted = coarse.signal[1:].mean(axis=0)

    def error(image):
        rows, columns = image.shape[-2] // 2, image.shape[-1] // 2
        blocks = image[4::4].mean(axis=0).reshape(-1, rows, 2, columns, 2).mean(axis=(2, 4))
        return np.abs(blocks - wanted).mean()

    assert error(signal) < 0.5 * error(plain)


def test_the_summary_tells_claims_from_gains():
    def record(case, claimed, gain):
        before = {"psnr": 30.0, "peak": 10.0, "cbv": 10.0}
        after = {"psnr": 30.0 + gain, "peak": 12.0, "cbv": 9.0}
        return {"case": case, "model": "m", "procedure": "p", "claimed": claimed, "before": before, "after": after}

    (row,) = summary([record("a", 3.0, -2.0), record("b", 2.0, -1.0), record("c", 0.0, -3.0)]).rows
    assert row[2:6] == ("+1.67", "-2.00 (-3.00)", "-1.00 (-2.00)", "+2.0 (+2.0)")
