"""The benchmark of what time could gain at most: what is known in its rows, and its table."""

import numpy as np

from dsc_superres.benchmark.ceiling import errors, reconstructions, table, true_at_acquired_pixels
from dsc_superres.benchmark.image_quality.benchmark_cases import patient_case
from dsc_superres.degrade import undersample
from dsc_superres.series import Series


def test_the_more_is_known_the_smaller_the_error() -> None:
    case = patient_case(2000, 1, 2, 4, frames=33, matrix=64)
    found = {row: errors(case, fine, 4) for row, fine in reconstructions(case, ["backprojection"], 2, 4)}
    plain, acquired = "backprojection", "backprojection, every frame acquired"
    assert list(found) == [plain, f"{plain}, true at the acquired pixels", acquired, f"{acquired}, without noise"]
    for name in ("between", "bolus"):
        assert found[plain][name] + 0.1 < found[acquired][name] < found[f"{acquired}, without noise"][name]
    assert found[acquired]["peak"] < found[plain]["peak"]


def test_frames_are_drawn_to_what_is_known_and_keep_their_detail() -> None:
    rng = np.random.default_rng(0)
    true, fine = (Series(rng.uniform(1, 2, (3, 1, 16, 16)).astype(np.float32), np.arange(3.0)) for _ in range(2))
    coarse = undersample(true, 2, 1)
    drawn = true_at_acquired_pixels(fine, coarse)
    missed = [np.abs(undersample(series, 2, 1).signal - coarse.signal).mean() for series in (fine, drawn)]
    assert missed[1] < missed[0] / 3
    apart = drawn.signal - fine.signal
    assert np.abs(apart - undersample(drawn, 2, 1).signal.repeat(2, 2).repeat(2, 3)).std() > 0.1
    assert not np.shares_memory(drawn.signal, fine.signal)


def test_the_table_states_gains_with_the_least_and_the_most() -> None:
    rest = {"peak": 5.0, "cbv": 4.0, "cbf": 3.0}
    records = [
        {"case": case, "row": row, "between": value, "bolus": value} | rest
        for row, values in (("a", (40.0, 44.0)), ("b", (41.0, 48.0)))
        for case, value in zip("12", values, strict=True)
    ]
    lines = table(records).splitlines()
    assert lines[0].startswith("2 patients, mean; in brackets the gain over a:")
    assert lines[-1].startswith("| b | 44.50 (+2.50; +1.00 to +4.00) | 44.50")
    assert lines[-1].endswith("| 5.00 | 4.00 | 3.00 |")
