"""The background process, started as another program starts it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres.degrade import undersample
from dsc_superres.errors import DSCError
from dsc_superres.io import read_series, read_volume, write_series, write_volume
from dsc_superres.jobs.job_files import parse_job
from dsc_superres.jobs.targets import is_results_folder
from dsc_superres.networks import create, save_model
from dsc_superres.pipeline.checks import JobError
from dsc_superres.pipeline.reconstruct_case import reconstruct_case
from dsc_superres.utils.memory_errors import out_of_memory
from dsc_superres.utils.priority import NICENESS
from dsc_superres.utils.progress import never, no_progress

MINIMAL = {"task": "reconstruct", "input": "in.nii", "output": "out"}


class Worker:
    """A worker with its pipes, as Slicer's QProcess would hold it."""

    def __init__(self, folder, job, *arguments):
        path = folder / "job.json"
        path.write_text(job if isinstance(job, str) else json.dumps(job))
        command = [sys.executable, "-m", "dsc_superres.worker", *(arguments or ("--job", str(path)))]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(command, text=True, encoding="utf-8", **pipes)

    def finish(self, close=False):
        """(exit code, messages, log); standard input stays open until the end unless ``close``."""
        if close:
            self.process.stdin.close()
        messages = [json.loads(line) for line in self.process.stdout]
        code = self.process.wait(timeout=60)
        return code, messages, self.process.stderr.read()


def test_the_deviation_is_written_where_it_is_asked_for(tmp_path):
    small = {"channels": 8, "frame_blocks": 1, "direction": 4, "field": 4, "decoder": 8}
    small |= {"detail": 8, "detail_blocks": 1, "detail_decoder": 8}
    save_model(create("ode-liif-plus", **small), tmp_path / "plus.safetensors", name="ode-liif-plus", options=small)
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    job = {"task": "compare", "input": "in.nii.gz", "output": "out", "model": "plus.safetensors", "maps": False}
    code, messages, log = Worker(tmp_path, job | {"uncertainty": True}).finish()
    assert code == 0, log
    uncertainty = read_series(tmp_path / "out" / messages[-1]["files"]["uncertainty"])
    assert uncertainty.signal.shape == read_series(tmp_path / "out" / "reconstruction.seq.nrrd").signal.shape
    code, messages, log = Worker(tmp_path, job | {"output": "mapped", "maps": True, "method": "csvd"}).finish()
    assert code == 0, log
    assert "uncertainty" not in messages[-1]["files"]
    assert (tmp_path / "mapped" / "maps_reconstruction" / "cbv_sd.nii.gz").is_file()
    assert not (tmp_path / "mapped" / "maps_truth" / "cbv_sd.nii.gz").exists()
    code, messages, log = Worker(tmp_path, job | {"model": "pchip", "uncertainty": True}).finish()
    assert code == 2
    assert "estimate its uncertainty" in messages[-1]["message"]


def test_compare_sends_progress_then_a_result_with_all_its_files(tmp_path):
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    job = {"task": "compare", "input": "in.nii.gz", "output": "out", "model": "pchip", "report": True}
    job |= {"baselines": ["linear"], "baseline_maps": False}
    code, messages, log = Worker(tmp_path, job).finish()
    assert code == 0, log
    *progress, result = messages
    assert {message["type"] for message in progress} == {"progress"}
    fractions = [message["fraction"] for message in progress]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert result["type"] == "result"
    assert (
        result["metrics"]["images"]["pchip"]["brain"]["psnr"] > result["metrics"]["images"]["linear"]["brain"]["psnr"]
    )
    assert set(result["metrics"]["maps_against_truth"]) == {"pchip"}
    assert "scan" not in json.dumps(result["provenance"])
    for name in result["files"].values():
        assert (tmp_path / "out" / name).exists()
    assert read_series(tmp_path / "out" / "reconstruction.seq.nrrd").frames == 33
    assert {"maps_truth", "maps_reconstruction", "maps_input", "report"} < result["files"].keys()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_arrays_go_in_and_come_out_for_a_program_that_holds_the_image_itself(tmp_path):
    series = bolus_series()
    np.save(tmp_path / "in.npy", series.signal[::4])
    geometry = {name: getattr(series.geometry, name) for name in ("spacing", "origin", "direction")}
    job = {"task": "reconstruct", "input": "in.npy", "output": "out", "model": "linear", "format": "npy", "maps": False}
    job |= {"times": series.times[::4].tolist(), "geometry": geometry, "echo_time": 0.03}
    code, messages, log = Worker(tmp_path, job).finish()
    assert code == 0, log
    described = messages[-1]["series"]["reconstruction"]
    signal = np.load(tmp_path / "out" / described["file"])
    assert signal.dtype == np.float32
    assert signal.shape == (33, 2, 74, 82)
    assert len(described["times"]) == 33
    assert described["geometry"]["spacing"] == pytest.approx([1.75, 1.75, 5.0])


def as_array(series, path):
    np.save(path, series.signal)
    geometry = {name: getattr(series.geometry, name) for name in ("spacing", "origin", "direction")}
    return {"file": path.name, "times": series.times.tolist(), "geometry": geometry}


def test_maps_of_several_series_share_one_arterial_input(tmp_path):
    truth = bolus_series()
    inputs = {"truth": as_array(truth, tmp_path / "truth.npy")}
    inputs["input"] = as_array(undersample(truth, 2, 2), tmp_path / "input.npy")
    job = {"task": "maps", "inputs": inputs, "output": "out", "echo_time": 0.03, "method": "csvd"}
    job |= {"aif_voxels": [[0, 20, 11], [1, 20, 11]], "aif_series": "truth", "baseline": [1.5, 9.0]}
    code, messages, log = Worker(tmp_path, job).finish()
    assert code == 0, log
    assert messages[-1]["files"] == {"maps_truth": "maps_truth", "maps_input": "maps_input"}
    found = {name: json.loads((tmp_path / f"out/maps_{name}/provenance.json").read_text()) for name in inputs}
    assert found["truth"]["aif"] == found["input"]["aif"]
    assert found["truth"]["aif"]["voxels_zyx"] == job["aif_voxels"]
    assert found["input"]["aif_series"] == "truth"
    assert found["truth"]["baseline_s"] == [1.5, 9.0]
    fine, _ = read_volume(tmp_path / "out/maps_truth/cbv.nii.gz")
    coarse, geometry = read_volume(tmp_path / "out/maps_input/cbv.nii.gz")
    assert geometry.spacing == pytest.approx((7.0, 7.0, 5.0))
    assert coarse[0, 6:12, 7:13].mean() == pytest.approx(fine[0, 12:24, 14:26].mean(), rel=0.15)


def test_maps_of_a_reconstruction_know_of_its_deviation(tmp_path):
    fine, found = bolus_series(), {}
    sure = {"reconstruction": as_array(fine, tmp_path / "fine.npy")}
    uncertainty = fine.with_signal(np.full_like(fine.signal, 0.02 * fine.signal.max()))
    uncertainty = {**sure, "uncertainty": as_array(uncertainty, tmp_path / "uncertainty.npy")}
    for name, inputs in {"sure": sure, "unsure": uncertainty}.items():
        job = {"task": "maps", "inputs": inputs, "output": name, "echo_time": 0.03, "method": "bayes"}
        code, _messages, log = Worker(tmp_path, job).finish()
        assert code == 0, log
        found[name] = read_volume(tmp_path / name / "maps_reconstruction/cbf_sd.nii.gz")[0]
    assert (found["unsure"] >= found["sure"]).all()
    assert found["unsure"].sum() > found["sure"].sum()
    short = fine.with_signal(fine.signal[1:], times=fine.times[1:])
    job["inputs"] = {**sure, "uncertainty": as_array(short, tmp_path / "uncertainty.npy")}
    code, messages, _log = Worker(tmp_path, job).finish()
    assert (code, "does not belong" in messages[-1]["message"]) == (2, True)


@pytest.mark.parametrize("how", ["cancel line", "closed input"])
def test_cancel_ends_the_worker_without_a_result(tmp_path, how):
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    worker = Worker(tmp_path, {"task": "compare", "input": "in.nii.gz", "output": "out", "model": "pchip"})
    if how == "cancel line":
        worker.process.stdin.write("cancel\n")
        worker.process.stdin.flush()
    code, messages, log = worker.finish(close=how == "closed input")
    assert code == 130, log
    assert "result" not in [message["type"] for message in messages]
    assert "Traceback" not in log
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.json", "in.nii.gz", "job.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has classes instead of numbers")
def test_a_job_lets_other_programs_go_first(tmp_path):
    """The panel's window stays responsive while the worker has all cores busy; the probe is done at once."""
    code = "import os, sys; from dsc_superres.worker import process\n"
    code += "process.supervised = lambda work, *_, **_more: work()\n"
    code += "before = os.nice(0); process.main(sys.argv[1:]); sys.exit(os.nice(0) - before)"
    job = tmp_path / "job.json"
    job.write_text("{}")
    arguments = [sys.executable, "-c", code, "--job", str(job)]
    assert subprocess.run(arguments, capture_output=True, stdin=subprocess.PIPE).returncode == NICENESS


def test_a_worker_that_waits_does_one_job(tmp_path):
    np.save(tmp_path / "in.npy", np.full((4, 1, 8, 8), 100, np.float32))
    geometry = {"spacing": [1, 1, 5], "origin": [0, 0, 0], "direction": np.eye(3).tolist()}
    job = {**MINIMAL, "input": "in.npy", "model": "linear", "maps": False, "geometry": geometry}
    job["times"] = [0, 1, 2, 3]
    worker = Worker(tmp_path, job, "--wait")
    assert json.loads(worker.process.stdout.readline()) == {"type": "ready"}
    line = {"job": str(tmp_path / "job.json"), "temporary": str(tmp_path)}
    worker.process.stdin.write(json.dumps(line) + "\n" + json.dumps(line) + "\n")
    worker.process.stdin.flush()
    code, messages, log = worker.finish()
    assert code == 0, log
    assert [message["type"] for message in messages].count("result") == 1
    assert read_series(tmp_path / "out" / "reconstruction.seq.nrrd").frames == 13


@pytest.mark.parametrize(("sent", "code"), [("", 130), ("cancel\n", 130), ("[]\n", 2), ('{"job": 1}\n', 2)])
def test_a_worker_that_waits_ends_with_its_starter_or_without_a_job(tmp_path, sent, code):
    worker = Worker(tmp_path, "", "--wait")
    assert json.loads(worker.process.stdout.readline()) == {"type": "ready"}
    worker.process.stdin.write(sent)
    worker.process.stdin.flush()
    found, messages, log = worker.finish(close=not sent)
    assert (found, "Traceback" in log) == (code, False)
    assert [message["type"] for message in messages] == ["error"] * (code == 2)


def test_bad_input_is_an_error_line_and_exit_code_2(tmp_path):
    (tmp_path / "in.nii").write_text("not an image")
    code, messages, log = Worker(tmp_path, {**MINIMAL, "model": "linear"}).finish()
    assert code == 2
    assert messages[-1]["type"] == "error"
    assert "in.nii" in messages[-1]["message"]
    assert "Traceback" not in log
    assert not (tmp_path / "out").exists()


def test_probe_lists_devices_versions_and_models(tmp_path):
    code, messages, _ = Worker(tmp_path, "", "--probe").finish(close=True)
    assert code == 0
    (answer,) = messages
    assert answer["devices"][0]["name"] == "cpu"
    assert answer["versions"]["torch"]
    assert {"ode-liif", "backprojection"} <= {model["name"] for model in answer["models"]}


def test_nothing_that_a_library_prints_can_break_a_line():
    code = (
        "import os; from dsc_superres.worker.process import Channel\n"
        "channel = Channel(); print('python'); os.write(1, b'compiled\\n'); channel.send('progress', fraction=0.5)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"type": "progress", "fraction": 0.5}
    assert {"python", "compiled"} <= set(done.stderr.split())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": None}, "lacks"),
        ({"task": "guess"}, "reconstruct, compare"),
        ({"modle": "pchip"}, 'did you mean "model"'),
        ({"space": "two"}, "positive number"),
        ({"space": 0.5}, "at least 1"),
        ({"time": True}, "positive number"),
        ({"task": "compare", "time": 2.5}, "whole numbers"),
        ({"task": "compare", "interval": 1.0}, "belongs"),
        ({"maps": "yes"}, "true or false"),
        ({"task": "compare", "baselines": "linear"}, "list"),
        ({"geometry": {"spacing": [1, 1, 1]}}, "origin"),
        ({"operator": "block"}, 'belongs to the task "compare"'),
        ({"uncertainty": "fine_uncertainty.nii"}, "only where the output is one"),
        ({"geometry": {"spacing": [1, 0, 1], "origin": [0, 0, 0], "direction": np.eye(3).tolist()}}, "spacing"),
        ({"device": "tpu"}, "one of auto"),
        ({"task": "maps", "input": None}, "inputs"),
        ({"task": "maps", "input": None, "inputs": {"other": {"file": "x.npy"}}}, "truth, input, reconstruction"),
        ({"task": "maps", "input": None, "inputs": {"uncertainty": {"file": "x.npy"}}}, "reconstruction"),
        ({"aif_voxels": [[1, 2]]}, "three whole numbers"),
        ({"baseline": [9, 1]}, "earlier one first"),
    ],
)
def test_a_job_that_cannot_be_done_says_why(change, words):
    with pytest.raises(DSCError, match=words) as error:
        parse_job({**MINIMAL, **change})
    assert "\n" not in str(error.value)


def test_a_job_is_an_object():
    with pytest.raises(JobError):
        parse_job(["reconstruct"])


def test_paths_start_at_the_job_file(tmp_path):
    (tmp_path / "own.safetensors").write_bytes(b"")
    job = parse_job({**MINIMAL, "model": "own.safetensors", "mask": "auto"}, tmp_path)
    assert job.input == tmp_path / "in.nii"
    assert job.model == str(tmp_path / "own.safetensors")
    assert job.mask == "auto"


def test_a_mask_drawn_on_the_input_reaches_the_maps_of_the_reconstruction(tmp_path):
    series = undersample(bolus_series(), 2, 2)
    drawn = np.zeros(series.signal.shape[1:], np.float32)
    drawn[0, 5:12, 6:15] = 1
    write_volume(drawn, series.geometry, tmp_path / "mask.nii.gz")
    job = parse_job({**MINIMAL, "model": "linear", "time": 1, "mask": "mask.nii.gz"}, tmp_path)
    case = reconstruct_case(series, job, no_progress, never)
    assert case.maps_error is None
    np.testing.assert_array_equal(case.maps["linear"].mask, drawn.repeat(2, axis=1).repeat(2, axis=2) > 0)


def test_memory_errors_are_told_apart_from_defects():
    assert out_of_memory(MemoryError())
    assert out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."))
    assert not out_of_memory(RuntimeError("shape mismatch"))


def test_images_are_handed_over_before_the_maps_and_the_result_is_the_same(tmp_path):
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    job = {"task": "compare", "input": "in.nii.gz", "output": "out", "model": "linear", "format": "npy"}
    job |= {"method": "csvd", "space": 4}
    code, (*_progress, alone), log = Worker(tmp_path, job).finish()
    assert code == 0, log
    alone_files = content_of(tmp_path / "out")
    worker = Worker(tmp_path, job, "--wait")
    line = {"job": str(tmp_path / "job.json"), "images": str(tmp_path / "images")}
    worker.process.stdin.write(json.dumps(line) + "\n")
    worker.process.stdin.flush()
    code, messages, log = worker.finish()
    assert code == 0, log
    (ahead,) = [message for message in messages if message["type"] == "images"]
    assert any("maps" in message.get("stage", "") for message in messages[messages.index(ahead) :])
    assert ahead["folder"] == line["images"]
    assert ahead["files"].keys() == alone["files"].keys() - {"maps_truth", "maps_reconstruction", "maps_input"}
    assert ahead["series"] == alone["series"]
    assert ahead["metrics"]["images"] == alone["metrics"]["images"]
    assert content_of(tmp_path / "out") == alone_files
    for name in ("truth.npy", "reconstruction.npy", "input.npy", "difference.npy"):
        assert (tmp_path / "images" / name).read_bytes() == alone_files[name]


def test_images_that_were_handed_over_stay_when_the_maps_are_cancelled(tmp_path):
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    job = {"task": "reconstruct", "input": "in.nii.gz", "output": "out", "model": "linear", "time": 1}
    worker = Worker(tmp_path, job, "--job", str(tmp_path / "job.json"), "--images", str(tmp_path / "images"))
    for line in worker.process.stdout:
        if json.loads(line)["type"] == "images":
            worker.process.stdin.write("cancel\n")
            worker.process.stdin.flush()
            break
    code, _messages, log = worker.finish()
    assert code == 130, log
    assert not (tmp_path / "out").exists()
    assert read_series(tmp_path / "images" / "reconstruction.seq.nrrd").frames == 33
    assert is_results_folder(tmp_path / "images")


def test_images_go_into_a_free_folder_of_their_own(tmp_path):
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    job = {"task": "compare", "input": "in.nii.gz", "output": "out", "model": "linear"}
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "notes.txt").write_text("mine")
    for folder, reason in (("held", "holds files"), ("out", "Two outputs")):
        worker = Worker(tmp_path, job, "--job", str(tmp_path / "job.json"), "--images", str(tmp_path / folder))
        code, messages, log = worker.finish()
        assert (code, reason in messages[-1]["message"]) == (2, True), log


def content_of(folder):
    """The bytes of all files by name, but for when it was made and how long that took."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    found = {name: path.read_bytes() for name, path in files.items()}
    provenance = json.loads(found["provenance.json"])
    found["provenance.json"] = {key: value for key, value in provenance.items() if key not in ("created", "seconds")}
    return found
