"""Cohorts: what is found, what fails, what is done again, and that results are those of each case alone."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sample import bolus_series

from dsc_superres.cli import main
from dsc_superres.cli.batch import BEFORE, DONE, FAILED, find_cases
from dsc_superres.io import write_series, write_volume
from dsc_superres.jobs.job_files import read_job
from dsc_superres.jobs.run import run_job
from dsc_superres.models import WEIGHTS


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    folder = tmp_path / "studies"
    (folder / "sub-01" / "perf").mkdir(parents=True)
    series = bolus_series()
    write_series(series, folder / "sub-01" / "perf" / "sub-01_dsc.nii.gz")
    write_series(series, folder / "plain.seq.nrrd")
    write_volume(series.signal[0], series.geometry, folder / "sub-01" / "T1w.nii.gz")
    (folder / "broken.nii.gz").write_bytes(b"no image")
    return folder


def table(out: Path) -> dict[str, list[str]]:
    rows = [line.split(",", 3) for line in (out / "batch.csv").read_text().splitlines()[1:]]
    return {row[0]: row[1:] for row in rows}


def test_a_cohort(studies: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "results"
    command = ["batch", str(studies), "--out", str(out), "--model", "backprojection", "--jobs", "2"]
    assert main(command) == 2
    captured = capsys.readouterr()
    assert "1 of 3 cases failed" in captured.err
    found = table(out)
    assert {name: row[0] for name, row in found.items()} == {
        "broken": FAILED,
        "plain": DONE,
        "sub-01_perf_sub-01_dsc": DONE,
    }
    assert "broken.nii.gz" in found["broken"][2]
    assert not (out / "broken").exists()

    assert_as_alone(studies, out / "plain", "backprojection")

    (studies / "broken.nii.gz").unlink()
    assert main(command) == 0
    assert {row[0] for row in table(out).values()} == {BEFORE}
    assert main([*command, "--time", "2"]) == 0
    assert {row[0] for row in table(out).values()} == {DONE}


def assert_as_alone(studies: Path, folder: Path, model: str) -> None:
    """The plain case on more threads than the batch gave it, bit for bit the same."""
    job, alone = studies / "job.json", studies.parent / "alone"
    settings = {"task": "reconstruct", "input": "plain.seq.nrrd", "output": str(alone), "model": model}
    job.write_text(json.dumps(settings))
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        run_job(read_job(job))
    finally:
        torch.set_num_threads(before)
    for file in ("reconstruction.seq.nrrd", "maps_reconstruction/cbf.nii.gz"):
        assert (folder / file).read_bytes() == (alone / file).read_bytes()


def test_a_network_gives_in_a_cohort_what_it_gives_alone(studies: Path, tmp_path: Path, monkeypatch) -> None:
    """With paths from the current folder, as one types them."""
    monkeypatch.chdir(tmp_path)
    (studies / "broken.nii.gz").unlink()
    shutil.rmtree(studies / "sub-01")
    shutil.copy(WEIGHTS / "ode-liif.safetensors", "own.safetensors")
    assert main(["batch", "studies", "--out", "results", "--model", "own.safetensors"]) == 0
    assert_as_alone(studies, tmp_path / "results" / "plain", "ode-liif")


def test_the_table_says_why_every_case_failed(studies: Path, tmp_path: Path) -> None:
    shutil.rmtree(studies / "sub-01")
    (studies / "plain.seq.nrrd").unlink()
    assert main(["batch", str(studies), "--out", str(tmp_path / "results")]) == 2
    assert "broken.nii.gz" in table(tmp_path / "results")["broken"][2]


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a Dask scheduler that runs on its own, with one worker."""
    told = tmp_path / "scheduler.json"
    ends = {"scheduler": ("--port", "0", "--no-dashboard"), "worker": ("--nthreads", "1", "--no-dashboard")}
    started = [
        subprocess.Popen([sys.executable, "-m", "dask", name, *options, "--scheduler-file", str(told)], cwd=tmp_path)
        for name, options in ends.items()
    ]
    while not (told.exists() and told.read_text().endswith("}")):
        assert started[0].poll() is None
        time.sleep(0.1)
    yield json.loads(told.read_text())["address"]
    for process in started:
        process.terminate()
        process.wait()


def test_a_cluster_gives_what_a_case_gives_alone(studies: Path, tmp_path: Path, scheduler: str) -> None:
    out = tmp_path / "results"
    (studies / "broken.nii.gz").unlink()
    shutil.rmtree(studies / "sub-01")
    assert main(["batch", str(studies), "--out", str(out), "--scheduler", scheduler]) == 0
    assert_as_alone(studies, out / "plain", "ode-liif")


def test_results_among_the_studies_are_no_cases(studies: Path) -> None:
    inside = studies / "results"
    inside.mkdir()
    write_series(bolus_series(), inside / "reconstruction.seq.nrrd")
    assert [case.name for case in find_cases(studies, inside)] == ["broken", "plain", "sub-01_perf_sub-01_dsc"]


def test_no_cases_and_no_scheduler(tmp_path: Path, studies: Path, capsys) -> None:
    assert main(["batch", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["batch", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 2
    assert "no dynamic series" in capsys.readouterr().err
    assert main(["batch", str(studies), "--out", str(tmp_path / "out"), "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "scheduler" in capsys.readouterr().err
    assert not np.any([path.name == "out" for path in tmp_path.iterdir()])
