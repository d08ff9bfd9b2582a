"""Scales of maps: those of a clinic, unmoved by fluid and vessels, with short numbers at their ticks."""

import numpy as np
import pytest

from dsc_superres.perfusion.map_scales import MapScale, map_scale, mostly_early, round_up, tick_decimals

RANDOM = np.random.default_rng(3)
BRAIN = RANDOM.lognormal(np.log(3.0), 0.4, 5000)


def record(white: float | None = None, trusted: bool = True) -> dict:
    known = None if white is None else {"median_cbv_ml_per_100g": white, "median_cbf_ml_per_100g_per_min": 10 * white}
    return {"absolute_scale_trusted": trusted, "reference": known, "bolus_arrival_s": 20.0, "bolus_peak_s": 26.5}


@pytest.mark.parametrize("name", ["cbv", "cbf", "mtt", "ttp", "tmax", "rcbv"])
@pytest.mark.parametrize("trusted", [True, False])
def test_noise_of_fluid_and_vessels_does_not_move_a_scale(name: str, trusted: bool) -> None:
    wild = np.concatenate([RANDOM.uniform(40, 4000, 900), np.full(500, np.nan)])
    scale = map_scale(name, BRAIN, record(2.0, trusted))
    assert map_scale(name, np.concatenate([BRAIN, wild]), record(2.0, trusted)) == scale


def test_scales_of_a_clinic() -> None:
    scales = {name: map_scale(name, BRAIN, record(2.0)) for name in ("cbv", "cbf", "mtt", "ttp", "tmax", "rcbf")}
    assert scales == {
        "cbv": MapScale(0, 8),
        "cbf": MapScale(0, 80),
        "mtt": MapScale(0, 20),
        "ttp": MapScale(0, 20),
        "tmax": MapScale(0, 10),
        "rcbf": MapScale(0, 4),
    }


def test_a_wrong_factor_of_the_artery_stretches_volume_and_flow_alike() -> None:
    """Where the artery is doubtful, and where it is not doubted but wrong: the colors of tissue stay about the same."""
    for factor in (0.2, 7.0, 50.0):
        for known in (record(2.0 * factor, trusted=False), record(None, trusted=False), record(2.0 * factor)):
            upper = map_scale("cbv", factor * BRAIN, known).upper
            assert 3.9 < upper / (2.0 * factor) < 5.5
    assert map_scale("cbf", np.zeros(9), {"absolute_scale_trusted": False}) == MapScale(0, 80)


def test_times_before_the_artery_are_told_from_later_ones() -> None:
    tmax = RANDOM.normal(1.0, 0.4, 4000)
    assert map_scale("tmax", tmax, record()) == MapScale(0, 10)
    assert map_scale("tmax", tmax - 2.5, record()) == MapScale(-10, 10)
    assert not mostly_early(np.full(9, np.nan))


def test_uncertainty_and_leakage_end_where_most_values_do() -> None:
    sd = np.concatenate([RANDOM.uniform(0, 1.15, 3000), np.full(200, 90.0)])
    assert map_scale("cbv_sd", sd, record()) == MapScale(0, 1.2)
    assert map_scale("tmax_sd", 50 * sd, record()).upper == 10
    assert map_scale("k2", RANDOM.normal(0, 0.01, 4000), record()) == MapScale(-0.02, 0.02)


@pytest.mark.parametrize("value", [*RANDOM.uniform(1e-4, 1e5, 40), 1, 8, 1600, 52])
def test_ticks_are_short(value: float) -> None:
    upper = round_up(value)
    assert value <= upper * (1 + 1e-9) <= 1.34 * value
    texts = [f"{tick:.{tick_decimals(0, upper)}f}" for tick in np.linspace(0, upper, 5)]
    assert [float(text) for text in texts] == pytest.approx(np.linspace(0, upper, 5))
    assert all(
        "e" not in text and len(text.replace(".", "").lstrip("0")) <= max(3, int(np.log10(upper)) + 1) for text in texts
    )


def test_ticks_of_any_window_differ() -> None:
    for lower, upper in RANDOM.normal(size=(60, 2)).cumsum(axis=1) * 10.0 ** RANDOM.integers(-2, 4, (60, 1)):
        ticks = {f"{tick:.{tick_decimals(lower, upper)}f}" for tick in np.linspace(lower, upper, 5)}
        assert len(ticks) >= 4 or abs(upper - lower) < 0.05 * max(abs(lower), abs(upper))
