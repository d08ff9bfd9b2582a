"""Cohorts: what is found, what fails, what is done again, and that results are those of each case alone."""

import json
import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from dicom_sample import SLICES, classic, save
from sample import bolus_series

from dsc_superres.benchmark.cohort import Way, cost_text, measure, throughput_table
from dsc_superres.benchmark.cohort_parts.written import differing, written
from dsc_superres.cli import main
from dsc_superres.cli.batch import BEFORE, DONE, FAILED, find_cases, run_case, template
from dsc_superres.cli.batch_cases import BatchCase, case_names
from dsc_superres.cli.local_processes import run_locally
from dsc_superres.errors import FileError
from dsc_superres.geometry import Geometry
from dsc_superres.io import dicom_volumes, write_series, write_volume
from dsc_superres.io.dicom_maps import write_dicom_map
from dsc_superres.jobs.job_files import read_job
from dsc_superres.jobs.run import run_job
from dsc_superres.jobs.types import ReconstructJob
from dsc_superres.models import WEIGHTS
from dsc_superres.utils.file_names import is_folder_name


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
    assert "the series is not a NIfTI" in found["broken"][2]  # not its name
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
    assert_as_alone(studies, tmp_path / "results" / "plain", str(tmp_path / "own.safetensors"))


def test_the_table_says_why_every_case_failed(studies: Path, tmp_path: Path) -> None:
    shutil.rmtree(studies / "sub-01")
    (studies / "plain.seq.nrrd").unlink()
    assert main(["batch", str(studies), "--out", str(tmp_path / "results")]) == 2
    assert "not a NIfTI" in table(tmp_path / "results")["broken"][2]


def test_a_cluster_of_two_workers_writes_the_bytes_of_one_process(studies: Path, tmp_path: Path) -> None:
    (studies / "broken.nii.gz").unlink()
    ways, contents = (Way("one process", 1), Way("Dask", 2, cluster=True)), []
    for way in ways:
        out = tmp_path / way.title
        spent = measure(way, studies, out, ["--model", "linear", "--method", "csvd"])
        assert spent["processor_seconds"] > 0
        contents.append(written(out))
    alone, cluster = contents
    assert {"plain/reconstruction.seq.nrrd", "plain/maps_reconstruction/cbf.nii.gz", "plain/report.html"} < set(alone)
    assert differing(alone, cluster) == []
    assert differing(alone, {**cluster, "plain/report.html": b""}) == ["plain/report.html"]
    records = [{"title": way.title, "cases": 2, "shape": "small", "seconds": 3.6, "processor_seconds": 7.2,
                "differing": []} for way in ways]  # fmt: skip
    assert "2000" in str(throughput_table(records))
    assert "1,000 x 4 processor seconds / 3600 = 1 core-hours" in cost_text(records[0], 0.05)
    with pytest.raises(FileError, match=r"failed: .*not a folder"):
        measure(ways[0], tmp_path / "nowhere", tmp_path / "out", [])


def test_results_among_the_studies_are_no_cases(studies: Path) -> None:
    inside = studies / "results"
    inside.mkdir()
    write_series(bolus_series(), inside / "reconstruction.seq.nrrd")
    assert [case.name for case in find_cases(studies, inside)] == ["broken", "plain", "sub-01_perf_sub-01_dsc"]


def test_series_behind_links_and_beside_volumes_are_found_once(tmp_path: Path) -> None:
    studies, archive, results = (tmp_path / name for name in ("studies", "archive", "studies/former"))
    for folder in (studies / "a", archive / "b", archive / "c", results):
        folder.mkdir(parents=True)
    for series in (
        studies / "a" / "one.nii",
        archive / "b" / "two.nii",
        archive / "c" / "three.nii",
        results / "reconstruction.seq.nrrd",
    ):
        write_series(bolus_series(frames=3, size=(4, 4, 1)), series)
    (results / "provenance.json").write_text('{"notice": "", "versions": {"dsc-superres": "1"}}')
    for link, place in (("linked", archive), ("again", archive / "b"), ("loop", studies), ("a/loop", studies / "a")):
        (studies / link).symlink_to(place)
    (archive / "b" / "loop").symlink_to(archive)
    write_dicom_map(np.ones((2, 4, 4)), Geometry(), studies / "dicom", name="x", units="1", description="")
    write_volume(np.ones((2, 4, 4)), Geometry(), studies / "dicom" / "anatomy.nii")
    assert [case.name for case in find_cases(studies, tmp_path / "out")] == [
        "a_one",
        "again_two",
        "dicom",
        "linked_c_three",
    ]


def test_no_cases_and_no_scheduler(tmp_path: Path, studies: Path, capsys) -> None:
    assert main(["batch", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["batch", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 2
    assert "no dynamic series" in capsys.readouterr().err
    assert main(["batch", str(studies), "--out", str(tmp_path / "out"), "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "scheduler" in capsys.readouterr().err
    assert not np.any([path.name == "out" for path in tmp_path.iterdir()])


def test_no_two_series_share_a_folder(tmp_path: Path) -> None:
    """Nor does one take the place of the table, or get the name of a file, by which it would become one."""
    names = ["a/b.nii", "a_b.nii", "a_b.nii.gz", "c/scan.nii.gz", "c/scan.seq.nrrd", "batch.csv.nii", "x.nii.nii"]
    names += ["A_B.nii", "a__b-nii.nii", f"{200 * 'x'}.nii", f"{201 * 'x'}.nii", "._hidden.nii", "plain.nii.gz"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no image")
    cases = find_cases(tmp_path, tmp_path / "out")
    assert len({case.name.casefold() for case in cases}) == len(cases) == len(names) - 1
    found = {case.input.relative_to(tmp_path).as_posix(): case.name for case in cases}
    readable = {"plain.nii.gz": "plain", "c/scan.nii.gz": "c__scan-nii-gz", "c/scan.seq.nrrd": "c__scan-seq-nrrd"}
    assert {name: found[name] for name in readable} == readable
    assert all(is_folder_name(case.name) and len(case.name) < 200 for case in cases)
    made_up = [(name,) for name in ("a_b.nii", "a_b.nii.gz", "A_B.nii", f"{found['A_B.nii']}.nii")]
    assert len({*case_names(made_up)}) == len(made_up)


def test_a_folder_that_is_a_dicom_series_is_one_case(tmp_path: Path, monkeypatch) -> None:
    write_dicom_map(np.ones((2, 4, 4)), Geometry(), tmp_path / "study", name="x", units="1", description="")
    monkeypatch.chdir(tmp_path / "study")
    for folder in (tmp_path / "study", Path()):
        assert [case.name for case in find_cases(folder, tmp_path / "out")] == ["study"]


def test_volumes_that_are_series_of_their_own_are_one_case(tmp_path: Path) -> None:
    for t in range(3):
        volume = [classic(t, z, NumberOfTemporalPositions=3, SeriesNumber=7001 + t) for z in range(SLICES)]
        for dataset in volume:
            dataset.SeriesInstanceUID = f"1.2.3.{t}"
        save(tmp_path / "studies" / "sub-01" / f"700{1 + t}", volume)
    save(tmp_path / "studies" / "sub-01" / "other", [classic(0, z, SeriesNumber=1) for z in range(SLICES)])
    cases = find_cases(tmp_path / "studies", tmp_path / "out")
    assert [case.name for case in cases] == ["sub-01_7001", "sub-01_other"]


def test_a_whole_series_is_found_without_a_look_at_those_beside_it(tmp_path: Path, monkeypatch) -> None:
    """There may be thousands of them, and each would be looked at by all others."""
    for one in ("a", "b"):
        images = [classic(t, z, NumberOfTemporalPositions=3) for t in range(3) for z in range(SLICES)]
        save(tmp_path / "studies" / one, images)
    looked_at: list[Path] = []
    real = dicom_volumes.first_header
    monkeypatch.setattr(dicom_volumes, "first_header", lambda folder: looked_at.append(folder) or real(folder))
    assert [case.name for case in find_cases(tmp_path / "studies", tmp_path / "out")] == ["a", "b"]
    assert len(looked_at) == 2


def test_what_others_did_between_is_never_called_done(studies: Path, tmp_path: Path, monkeypatch) -> None:
    """A, then B ended when its results are in place, then A: the record is part of the results."""
    case = next(case for case in find_cases(studies, tmp_path / "out") if case.name == "plain")
    fast = template(ReconstructJob, {"model": "linear", "maps": False})
    slow = template(ReconstructJob, {"model": "linear", "maps": False, "time": 2})

    def run_and_end(*arguments, **more):
        run_job(*arguments, **more)
        raise KeyboardInterrupt

    assert run_case(case, fast, 1).state == DONE
    assert run_case(case, fast, 1).state == BEFORE
    with monkeypatch.context() as patch:
        patch.setattr("dsc_superres.jobs.run.run_job", run_and_end)
        with pytest.raises(KeyboardInterrupt):
            run_case(case, slow, 1)
    assert json.loads((case.output / "provenance.json").read_text())["settings"]["time"] == 2
    assert run_case(case, fast, 1).state == DONE
    (case.output / "reconstruction.seq.nrrd").unlink()
    assert run_case(case, fast, 1).state == DONE
    (studies / "plain.json").write_text("{}")
    assert run_case(case, fast, 1).state == DONE
    assert "plain" not in (case.output / "batch.json").read_text()


def test_a_lost_process_loses_one_case_and_no_port_is_opened(studies: Path, tmp_path: Path) -> None:
    cases = [BatchCase(name, studies / "plain.seq.nrrd", tmp_path / name) for name in ("one", "two", "three")]
    job = template(ReconstructJob, {"model": "linear", "maps": False})
    before = listening()
    found = {}
    with closing(run_locally([replace(cases[0], input=DEADLY), *cases[1:]], job, 1, 1)) as outcomes:
        for outcome in outcomes:
            found[outcome.case] = outcome.state
            assert listening() == before
    assert found == {"one": FAILED, "two": DONE, "three": DONE}


class Deadly:
    """Ends the process that takes it out of the pipe."""

    def __reduce__(self):
        return os._exit, (9,)


DEADLY = Deadly()


def listening() -> set[str]:
    """The listening ports of this machine."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A"}
