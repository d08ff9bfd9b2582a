"""A result says what it is: in its sidecar, its header, its folder, and when it is read again."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres import compute_maps, read_series, undersample
from dsc_superres.cli import main
from dsc_superres.io import write_series
from dsc_superres.jobs.run import run_job
from dsc_superres.models import find
from dsc_superres.perfusion import MapOptions

CSVD = {"method": "csvd"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A coarse series of every second frame, and the working folder."""
    monkeypatch.chdir(tmp_path)
    write_series(undersample(bolus_series(frames=41), 1, 2), tmp_path / "scan.nii.gz")
    return tmp_path


def sidecar(path: Path) -> dict:
    return json.loads(path.read_text())["Provenance"]


@pytest.mark.parametrize("name", ["fine.nii.gz", "fine.seq.nrrd"])
def test_a_reconstruction_is_known_as_one(folder: Path, name: str) -> None:
    assert main(["reconstruct", "scan.nii.gz", name, "--space", "1", "--time", "2", "--model", "ode-liif"]) == 0
    coarse, said = read_series("scan.nii.gz"), sidecar(folder / "fine.json")
    assert said["role"] == "reconstruction"
    assert said["model"] == {"name": "ode-liif", "weights_sha256": find("ode-liif").weights_sha256}
    assert (said["settings"]["space"], said["settings"]["time"]) == (1, 2)
    assert said["acquired_times_s"] == coarse.times.tolist()
    assert said["times"] == f"reconstructed from {coarse.frames} acquired frames"
    assert said["versions"]["dsc-superres"]
    assert said["input"]["role"] == "under-sampled"
    folder_says = json.loads((folder / "fine.provenance.json").read_text())
    assert folder_says["acquired_times_s"] == coarse.times.tolist()
    assert folder_says["notes"] == said["notes"]
    if name.endswith("nrrd"):
        (folder / "fine.json").unlink()  # the header says the same
    again = read_series(name)
    assert again.reconstructed["model"] == said["model"]
    np.testing.assert_array_equal(again.acquired_times, coarse.times)
    assert list(again.notes) == said["notes"]


def test_maps_of_a_reconstruction_weigh_what_was_acquired_and_say_so(folder: Path, capsys) -> None:
    main(["reconstruct", "scan.nii.gz", "fine.nii.gz", "--space", "1", "--time", "2", "--model", "linear"])
    assert main(["maps", "fine.nii.gz", "maps", "--method", "csvd"]) == 0
    assert "itself a reconstruction (linear, of 21 acquired frames)" in capsys.readouterr().err
    made = json.loads((folder / "maps" / "provenance.json").read_text())
    assert made["frames_per_measurement"] == pytest.approx(41 / 21, abs=1e-3)
    assert made["series"]["model"]["name"] == "linear"
    assert any("itself a reconstruction" in note for note in made["notes"])
    assert made["weight_of_computed_frames"] is None  # SVD takes all frames alike
    found = compute_maps(read_series("fine.nii.gz"), options=MapOptions("csvd"))
    assert found.provenance["acquired_times_s"] == read_series("scan.nii.gz").times.tolist()
    by_default = compute_maps(read_series("fine.nii.gz"))
    assert by_default.provenance["weight_of_computed_frames"] == 0  # interpolated frames add nothing
    np.testing.assert_array_equal(by_default.aif.times, read_series("scan.nii.gz").times)


def test_acquired_frames_move_with_the_times_that_the_user_gives(folder: Path) -> None:
    main(["reconstruct", "scan.nii.gz", "fine.nii.gz", "--space", "1", "--time", "2", "--model", "linear"])
    again = read_series("fine.nii.gz", interval=2.0)
    np.testing.assert_allclose(again.acquired_times, 4.0 * np.arange(21))


def test_a_reconstruction_of_a_reconstruction_says_so_and_keeps_what_was_acquired(folder: Path, capsys) -> None:
    for source, output in (("scan.nii.gz", "fine.nii.gz"), ("fine.nii.gz", "finer.nii.gz")):
        main(["reconstruct", source, output, "--space", "1", "--time", "2", "--model", "linear"])
    assert "reconstructed once more" in capsys.readouterr().err
    said = sidecar(folder / "finer.json")
    assert len(said["acquired_times_s"]) == 21
    assert said["input"]["input"]["role"] == "under-sampled"
    assert any("reconstructed once more" in note for note in said["notes"])


def test_every_series_in_a_folder_of_results_has_its_role(folder: Path) -> None:
    job = {"task": "compare", "input": "scan.nii.gz", "output": "out", "time": 2, "model": "linear", **CSVD}
    run_job({**job, "format": "nii.gz"})
    roles = {role: sidecar(folder / "out" / f"{role}.json")["role"] for role in ("truth", "input", "reconstruction")}
    assert roles == {"truth": "under-sampled", "input": "under-sampled", "reconstruction": "reconstruction"}
    assert sidecar(folder / "out" / "difference.json")["role"] == "difference"
    with_notes = json.loads((folder / "out" / "provenance.json").read_text())
    for place in ("maps_reconstruction/provenance.json", "maps_truth/provenance.json"):
        assert json.loads((folder / "out" / place).read_text())["notes"] == with_notes["notes"]


def test_an_array_with_a_sidecar_is_known_too(folder: Path) -> None:
    run_job(
        {"task": "reconstruct", "input": "scan.nii.gz", "output": "out", "model": "linear", "maps": False}
        | {"format": "npy", "time": 2, "space": 1}
    )
    series = {"times": read_series("scan.nii.gz").times.tolist(), "geometry": bolus_series().geometry.as_dict()}
    fine = np.load("out/reconstruction.npy")
    series["times"] = np.linspace(0, series["times"][-1], len(fine)).tolist()
    job = {"task": "reconstruct", "input": "out/reconstruction.npy", "output": "again", "model": "linear"}
    result = run_job({**job, "maps": False, **series})
    assert any("reconstructed once more" in note for note in result.notes)


@pytest.mark.parametrize(
    "forged",
    [
        {"role": "king"},
        {"role": "reconstruction", "acquired_times_s": "all"},
        {"role": "reconstruction", "acquired_times_s": [2, 1], "model": ["ode-liif"]},
        {"role": ["reconstruction"], "notes": [{"a": 1}, "x" * 10_000]},
    ],
)
def test_a_provenance_that_makes_no_sense_is_left_out(folder: Path, forged: dict) -> None:
    content = json.loads((folder / "scan.json").read_text())
    content["Provenance"] |= {"input": {}, **forged}
    (folder / "scan.json").write_text(json.dumps(content))
    found = read_series("scan.nii.gz")
    assert found.acquired_times is None
    assert found.notes == ()
    assert "model" not in found.provenance or isinstance(found.provenance["model"], dict)


def test_a_sidecar_of_other_software_is_not_quoted(folder: Path) -> None:
    content = {"RepetitionTime": 3.0, "Provenance": {"times": "JANE DOE", "role": "reconstruction", "notes": ["JANE"]}}
    (folder / "scan.json").write_text(json.dumps(content))
    found = read_series("scan.nii.gz")
    assert found.sources["times"] == "sidecar, RepetitionTime"
    assert (found.notes, dict(found.provenance)) == ((), {})


DOORS = ("command line", "worker", "run_job")


def test_a_report_without_maps_has_the_warnings(folder: Path) -> None:
    write_series(bolus_series().described(echo_time=0.9), folder / "wrong.nii.gz")
    job = {"task": "reconstruct", "input": folder / "wrong.nii.gz", "output": folder / "out", "model": "linear"}
    run_job({**job, "maps": False, "report": True})
    assert "An echo time of 900 ms" in (folder / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("task", "door"),
    [("reconstruct", door) for door in DOORS] + [("maps", "command line"), ("maps", "run_job"), ("compare", "run_job")],
)
def test_a_wrong_input_has_the_same_warnings_at_every_door(folder: Path, capsys, task: str, door: str) -> None:
    series = bolus_series(frames=41)
    signal = series.signal.copy()
    signal[30] = signal[29]
    write_series(series.with_signal(signal, echo_time=0.9), folder / "wrong.nii.gz")
    job = {"task": task, "input": str(folder / "wrong.nii.gz"), "output": str(folder / "out"), **CSVD}
    job |= {} if task == "maps" else {"model": "linear", "time": 2, "report": True}
    if door == "run_job":
        said = "\n".join(run_job(job).notes)
    elif door == "worker":
        (folder / "job.json").write_text(json.dumps(job))
        command = [sys.executable, "-m", "dsc_superres.worker", "--job", "job.json"]
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        with subprocess.Popen(command, **pipes, text=True) as process:
            said = process.stdout.read()
            assert process.wait() == 0
    else:
        options = [] if task == "maps" else ["--model", "linear", "--time", "2", "--report"]
        assert main([task, job["input"], job["output"], "--method", "csvd", *options]) == 0
        said = capsys.readouterr().err
    kept = {"provenance": "\n".join(json.loads((folder / "out" / "provenance.json").read_text())["notes"])}
    if task != "maps":
        kept["sidecar"] = "\n".join(sidecar(folder / "out" / "reconstruction.json")["notes"])
        kept["report"] = (folder / "out" / "report.html").read_text()
    for where, text in {"printed": said, **kept}.items():
        assert "An echo time of 900 ms" in text, where
        assert "Frame 30 repeats a frame before" in text, where
