"""bfloat16 is used where the processor is quick at it and the network stays what it is, and nowhere else."""

import numpy as np
import pytest
import torch

from dsc_superres.networks import create, load_model
from dsc_superres.reconstruction import half_precision
from dsc_superres.reconstruction.half_precision import LARGEST_CHANGE, change_in_bfloat16, computes_in_bfloat16
from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.series import Series

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["ode-liif", "ode-liif-plus"])
def test_the_shipped_networks_stay_what_they_are(name: str) -> None:
    assert 0 < change_in_bfloat16(load_model(name), CPU) < LARGEST_CHANGE / 2


def test_both_questions_count(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_model("ode-liif")
    for quick in (False, True):
        monkeypatch.setattr(half_precision, "quick_in_bfloat16", lambda device, quick=quick: quick)
        assert computes_in_bfloat16(network, CPU) == quick
        assert not computes_in_bfloat16(create("pchip"), CPU)
    monkeypatch.setattr(half_precision, "LARGEST_CHANGE", 0.001)
    assert not computes_in_bfloat16(network, CPU)


def test_results_say_which_and_are_the_same_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = 100 + 50 * np.random.default_rng(2).random((4, 3, 13, 17))
    series, before = Series(signal, 6.0 * np.arange(4)), torch.get_num_threads()
    monkeypatch.setattr(half_precision, "quick_in_bfloat16", lambda device: True)
    exact = reconstruct(series, fast=False)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(reconstruct(series))
    torch.set_num_threads(before)
    assert np.array_equal(found[0].signal, found[1].signal)
    assert 0 < np.abs(found[0].signal - exact.signal).max() < 0.01 * np.ptp(exact.signal)
    assert [one.provenance["settings"]["fast"] for one in (exact, found[0])] == [False, True]
