"""What a job is said to take before it starts."""

import numpy as np
import pytest
import torch
from sample import bolus_series

from dsc_superres.io import write_series
from dsc_superres.jobs.job_files import parse_job
from dsc_superres.jobs.run import run_job
from dsc_superres.networks.signal_region import find_signal_region
from dsc_superres.pipeline.estimate import estimate, reconstruction_lap
from dsc_superres.pipeline.signal_share import signal_extents, signal_share
from dsc_superres.worker.probe import devices

DEVICE = {"name": "cpu", "gflops": 200.0}
JOB = ((128, 128, 20), 60, 2.0, 4.0, "ode-liif", DEVICE)


def test_more_work_takes_more():
    usual = estimate(*JOB)
    for size, frames, space, time in (
        ((128, 128, 40), 60, 2.0, 4.0),
        ((128, 128, 20), 120, 2.0, 4.0),
        ((128, 128, 20), 60, 3.0, 4.0),
        ((128, 128, 20), 60, 2.0, 8.0),
    ):
        assert estimate(size, frames, space, time, "ode-liif", DEVICE).seconds > usual.seconds
    both = estimate(*JOB, compared=True, maps=True)
    assert both.seconds > usual.seconds
    assert both.bytes > usual.bytes
    compared, more = (estimate(*JOB, compared=True, interpolated=each) for each in (False, True))
    assert compared.seconds < more.seconds < 1.3 * compared.seconds
    assert compared.bytes < more.bytes


def test_the_usual_job_takes_minutes_and_a_quick_device_less():
    usual, quick = estimate(*JOB), estimate(*JOB[:5], {"gflops": 20000.0})
    assert 60 < usual.seconds < 600
    assert quick.seconds < usual.seconds / 5


def test_bfloat16_counts_where_the_device_is_quick_at_it_and_the_job_may_use_it():
    both = {**DEVICE, "bfloat16_gflops": 400.0}
    exact, half, refused = (
        estimate(*JOB[:5], d, fast=f).seconds for d, f in ((DEVICE, True), (both, True), (both, False))
    )
    assert exact == refused
    assert half < 0.7 * exact


def test_plus_takes_little_longer():
    usual, plus = (estimate(*JOB[:4], model, DEVICE).seconds for model in ("ode-liif", "ode-liif-plus"))
    assert usual < plus < 1.5 * usual


def test_kinetics_is_counted_and_costs_a_network_little():
    (plain, kinetic), (plus, drawn) = (
        [estimate(*JOB[:4], model, DEVICE) for model in models]
        for models in (("backprojection", "kinetic"), ("ode-liif-plus", "ode-liif-plus-kinetic"))
    )
    assert 10 < kinetic.seconds - plain.seconds < 60
    assert plus.seconds < drawn.seconds < 1.25 * plus.seconds
    assert drawn.bytes > plus.bytes


def test_the_share_of_an_image_is_that_in_which_networks_compute():
    y, x = np.mgrid[:96, :80]
    head = np.stack([np.hypot((x - 36) / a, (y - 50) / (1.2 * a)) < 1 for a in (30, 12, 0.1)])
    image = np.where(head, 500.0, 1.0)
    image[2] = 1.0  # above the head
    boxes = [find_signal_region(torch.from_numpy(one)[None, None] / 500, (192, 160)) for one in image[:2]]
    computed = [box.size[0] * box.size[1] / (192 * 160) for box in boxes] + [0.0]
    share = signal_share(signal_extents(image), (96, 80))
    assert share == pytest.approx(np.mean(computed), rel=0.05)
    assert share < signal_share(signal_extents(image), (96, 80), space=2) < 2 * share
    assert signal_share(signal_extents(np.ones((2, 8, 8))), (8, 8)) == 0.0


def test_a_small_head_and_close_frames_take_less():
    whole, half, coarse = (
        estimate(*JOB, maps=True, share=s, interval=i).seconds for s, i in ((1, 1.5), (0.5, 1.5), (1, 6))
    )
    assert 1.3 * half < whole < coarse


def test_no_guess_without_a_ground():
    assert estimate(*JOB[:5], None).seconds is None
    assert estimate(*JOB[:4], "other.safetensors", DEVICE).seconds is None
    assert estimate(*JOB[:4], "backprojection", None).seconds < 60


def test_the_probe_measures_the_rate():
    assert all(device["gflops"] > 0 for device in devices())


@pytest.mark.parametrize("task", ["reconstruct", "compare"])
def test_a_case_states_the_seconds_of_the_reconstruction_that_the_estimate_is_corrected_by(task, tmp_path):
    write_series(bolus_series(frames=9, size=(12, 12, 1)), tmp_path / "in.nii.gz")
    job = {"task": task, "input": "in.nii.gz", "output": "out", "model": "linear", "maps": False, "report": False}
    result = run_job(parse_job(job, tmp_path)).to_dict()
    assert reconstruction_lap("linear") in result["provenance"]["seconds"]
