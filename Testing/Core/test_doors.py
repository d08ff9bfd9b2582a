"""Every option of a job exists at every door, with one name, one default, one check and one sentence."""

import argparse
import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample import bolus_series

from dsc_superres.cli import main
from dsc_superres.cli.arguments import job_options
from dsc_superres.cli.parser import PER_CASE, build_parser
from dsc_superres.errors import DSCError
from dsc_superres.io import write_series
from dsc_superres.jobs.job_files import parse_job
from dsc_superres.jobs.run import run_job
from dsc_superres.jobs.types import JOB_TYPES, CompareJob, MapsJob, ReconstructJob
from dsc_superres.perfusion import MapOptions
from dsc_superres.pipeline.case_options import MAP_OPTIONS, default_of, options_of, required_options
from dsc_superres.pipeline.checks import JobError

COMMANDS = {
    "reconstruct": (ReconstructJob, ["in.nii", "out"]),
    "demo": (CompareJob, ["in.nii", "--out", "out"]),
    "maps": (MapsJob, ["in.nii", "out"]),
}
"""Commands that do one job, and the words that they need."""

VALUES = {
    "space": 3.0,
    "time": 2.0,
    "model": "pchip",
    "device": "cpu",
    "fast": False,
    "uncertainty": True,
    "mask": "none",
    "aif": "aif.csv",
    "aif_voxels": [[0, 1, 2], [0, 1, 3]],
    "aif_series": "input",
    "method": "csvd",
    "leakage": "bsw",
    "kh_over_rho": 1.0,
    "threshold": 0.15,
    "as_published": True,
    "oscillation": 0.05,
    "integration_end": 40.0,
    "baseline": [1.5, 9.0],
    "spatial_prior": False,
    "reference": "none",
    "vein": "vein.nii.gz",
    "maps": False,
    "report": True,
    "format": "nii.gz",
    "integer": True,
    "echo_time": 0.025,
    "frame_interval": 1.2,
    "series": 7,
    "echo": 2,
    "stack": 1,
    "times": [0.0, 1.0],
    "slice_times": [0.0, 0.5],
    "slice_timing": False,
    "geometry": {"spacing": [1, 1, 5], "origin": [0, 0, 0], "direction": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]},
    "interval": 0.5,
    "operator": "kspace",
    "baselines": ["linear", "cubic"],
    "baseline_maps": False,
    "exclude": "5,17-19",
    "motion": "correct",
    "inputs": {"reconstruction": {"file": "fine.nii"}, "input": {"file": "in.nii"}},
    "update_report": "report.html",
}
"""A value of each option that is not its default, as a job file has it."""

ALL_OPTIONS = [(command, name) for command, (job_type, _) in COMMANDS.items() for name in options_of(job_type)]


def words(name, value):
    """The same value on a command line."""
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [option if value else f"--no-{name.replace('_', '-')}"]
    if name == "uncertainty" and value.endswith(".nii"):
        return ["--deviation", value]
    if name == "aif_voxels":
        return [option, *(",".join(map(str, voxel)) for voxel in value)]
    if name == "inputs":
        return [option, *(f"{role}={source['file']}" for role, source in value.items())]
    if isinstance(value, dict):
        return [option, json.dumps(value)]
    return [option, *map(str, value if isinstance(value, list) else [value])]


def parsed(command, *arguments):
    return build_parser().parse_args([command, *arguments])


def job_of(command, *more):
    job_type, needed = COMMANDS[command]
    arguments = parsed(command, *needed, *more)
    options = job_options(arguments, job_type)
    if command == "maps":
        options |= {"output": arguments.paths[-1]} | ({} if arguments.inputs else {"input": arguments.paths[0]})
    return job_type(**options)


@pytest.mark.parametrize("command", COMMANDS)
def test_defaults_are_the_same_at_the_command_line_and_in_a_job_file(command):
    job_type, _ = COMMANDS[command]
    from_file = parse_job({"task": job_type.task, "input": "in.nii", "output": "out"})
    from_command = job_of(command)
    names = options_of(job_type)
    differing = {name for name in names if getattr(from_file, name) != getattr(from_command, name)}
    assert differing <= ({"report"} if command == "demo" else set())  # a demo is a comparison with its report


@pytest.mark.parametrize(("command", "name"), ALL_OPTIONS)
def test_a_value_means_the_same_at_the_command_line_and_in_a_job_file(command, name):
    job_type, _ = COMMANDS[command]
    if name in ("input", "output") or (command, name) == ("demo", "report"):  # a demo always has its report
        return
    value = "sd.nii" if (command, name) == ("maps", "uncertainty") else VALUES[name]
    fields = {"task": job_type.task, "input": "in.nii", "output": "out", name: value}
    more = words(name, value)
    if name == "aif_series":
        fields["aif_voxels"] = VALUES["aif_voxels"]
        more += words("aif_voxels", VALUES["aif_voxels"])
    if command == "maps" and name in ("inputs", "aif_series", "update_report"):
        del fields["input"]
        fields["inputs"] = VALUES["inputs"]
        more = words("inputs", VALUES["inputs"]) + (more if name != "inputs" else [])
    assert getattr(job_of(command, *more), name) == getattr(parse_job(fields), name) != default_of(job_type, name)


@pytest.mark.parametrize("job_type", [ReconstructJob, CompareJob])
def test_a_batch_has_every_option_that_is_not_of_one_case(job_type):
    known = vars(parsed("batch", "in", "--out", "out", "--task", job_type.task))
    assert set(options_of(job_type)) - {"input", "output", *PER_CASE} <= set(known)


@pytest.mark.parametrize("name", MAP_OPTIONS)
def test_options_of_maps_are_those_of_the_library(name):
    default = MapOptions.__dataclass_fields__[name].default
    assert default_of(ReconstructJob, name) in (None, default)


def test_every_option_has_words_and_no_two_jobs_say_otherwise_of_one_option():
    said = {}
    for job_type in (ReconstructJob, CompareJob):
        for name, option in options_of(job_type).items():
            if name not in required_options(job_type):
                assert said.setdefault(name, (option.words, default_of(job_type, name))) == (
                    option.words,
                    default_of(job_type, name),
                )
            assert option.words


@pytest.mark.parametrize(
    ("name", "value", "text"), [("space", 0.5, "0.5"), ("device", "tpu", "tpu"), ("time", "two", "two")]
)
def test_one_sentence_at_both_doors(name, value, text, capsys):
    with pytest.raises(JobError) as error:
        parse_job({"task": "reconstruct", "input": "in.nii", "output": "out", name: value})
    with pytest.raises(SystemExit):
        parsed("reconstruct", "in.nii", "out", f"--{name}", text)
    wish = str(error.value).split(", not ")[0]
    assert wish in capsys.readouterr().err


def test_names_of_version_0_1_are_still_read():
    job = parse_job({"task": "enhance", "input": "in.nii", "output": "out", "deviation": True})
    assert (job.task, job.uncertainty) == ("reconstruct", True)
    inputs = {"reconstruction": {"file": "a.nii"}, "deviation": {"file": "b.nii"}}
    job = parse_job({"task": "maps", "inputs": inputs, "output": "out"})
    assert set(job.inputs) == {"reconstruction", "uncertainty"}


@pytest.mark.parametrize("task", JOB_TYPES)
def test_a_job_type_states_all_of_its_fields_as_options(task):
    job_type = JOB_TYPES[task]
    assert {one.name for one in dataclasses.fields(job_type)} == set(options_of(job_type))


def test_relative_paths_start_at_the_job_file_wherever_they_stand(tmp_path):
    job = parse_job(
        {
            "task": "export",
            "output": "out",
            "maps": [{"file": "a.npy", "geometry": VALUES["geometry"], "path": "maps_input/cbv", "formats": ["nrrd"]}],
            "dicom": {"reference": "study"},
        },
        tmp_path,
    )
    assert (job.maps[0].file, job.dicom.reference) == (tmp_path / "a.npy", tmp_path / "study")
    assert job.maps[0].path == "maps_input/cbv"


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../evil", "C:/evil"])
def test_an_export_stays_in_its_folder(path):
    fields = {"file": "a.npy", "geometry": VALUES["geometry"], "path": path, "formats": ["nrrd"]}
    with pytest.raises(JobError, match="stays in the output folder"):
        parse_job({"task": "export", "output": "out", "maps": [fields]})


def test_namespaces_without_an_option_leave_its_default():
    assert job_options(argparse.Namespace(space=3.0), ReconstructJob) == {"space": 3.0}
    assert ReconstructJob(input=Path("a"), output=Path("b")).space == default_of(ReconstructJob, "space")


@pytest.mark.parametrize("role", ["reconstruction", "input", "truth"])
@pytest.mark.parametrize("task", ["reconstruct", "compare"])
def test_arterial_voxels_lie_on_the_series_that_the_job_names(tmp_path, task, role):
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    job = {"task": task, "input": tmp_path / "in.nii.gz", "output": tmp_path / "out", "model": "linear", "space": 2}
    job |= {"time": 2, "method": "csvd", "aif_voxels": [[0, 10, 5], [1, 10, 5]], "aif_series": role}
    if (task, role) == ("reconstruct", "truth"):
        with pytest.raises(JobError, match="does not have"):
            run_job(job)
        return
    assert run_job(job).facts["maps_error"] is None
    found = json.loads((tmp_path / "out" / "maps_reconstruction" / "provenance.json").read_text())
    assert found["aif"]["voxels_zyx"] == job["aif_voxels"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aif_series": "input"}, "aif_voxels"),
        ({"output": "fine.nii.gz", "method": "csvd"}, "needs a folder"),
        ({"output": "fine.nii.gz", "report": True}, "needs a folder"),
        ({"space": 17}, "at most 16"),
        ({"minutes": 2}, "removed"),
        ({"task": "adapt"}, "removed"),
        ({"aif": "nowhere.csv"}, "nowhere.csv"),
        ({"mask": "nowhere.nii"}, "nowhere.nii"),
        ({"interval": 1e-5}, "frames, more than"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(tmp_path, options, words):
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    job = {"task": "reconstruct", "input": tmp_path / "in.nii.gz", "output": tmp_path / "out", "model": "linear"}
    with pytest.raises(DSCError, match=words):
        run_job({**job, **options})
    assert not (tmp_path / "out").exists()


def test_a_batch_refuses_an_option_of_the_other_task(tmp_path, capsys):
    write_series(bolus_series(), tmp_path / "in.nii.gz")
    command = ["batch", str(tmp_path), "--out", str(tmp_path / "out"), "--task", "compare", "--interval", "1"]
    assert main(command) == 2
    assert 'belongs to the task "reconstruct"' in capsys.readouterr().err


def test_an_arterial_input_from_a_file_needs_the_echo_time_at_every_door(tmp_path, capsys):
    bare = replace(bolus_series(), echo_time=None)
    write_series(bare, tmp_path / "bare.nii.gz")
    (tmp_path / "aif.csv").write_text("time_s,delta_r2star\n" + "".join(f"{1.5 * i},{i % 5}\n" for i in range(33)))
    for command in ("maps", "reconstruct"):
        model = ["--model", "linear"] if command == "reconstruct" else []
        paths = [str(tmp_path / "bare.nii.gz"), str(tmp_path / command)]
        assert main([command, *paths, *model, "--aif", str(tmp_path / "aif.csv")]) == 2
        assert "--te" in capsys.readouterr().err
    assert main(["maps", str(tmp_path / "bare.nii.gz"), str(tmp_path / "found"), "--method", "csvd"]) == 0
    assert "assume 30 ms" in capsys.readouterr().err
    assert json.loads((tmp_path / "found" / "provenance.json").read_text())["echo_time_assumed"] is True
