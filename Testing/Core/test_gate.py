"""No command replaces what it reads."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres.cli import main
from dsc_superres.errors import DSCError, FileError
from dsc_superres.io import write_series
from dsc_superres.jobs.export import is_export
from dsc_superres.jobs.gate import check_outputs
from dsc_superres.jobs.run import run_job
from dsc_superres.jobs.targets import is_results_folder

GEOMETRY = {"spacing": [2, 2, 5], "origin": [0, 0, 0], "direction": np.eye(3).tolist()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """Two series, a mask folder with a mask and an arterial input, and a link to one of the series."""
    monkeypatch.chdir(tmp_path)
    series = bolus_series()
    write_series(series, tmp_path / "a.nii")
    write_series(series, tmp_path / "b.nii")
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "aif.csv").write_text("time_s,delta_r2star\n0,0\n1,1\n")
    write_series(series, tmp_path / "maps" / "mask.nii.gz")
    os.symlink("b.nii", tmp_path / "link.nii")
    (tmp_path / "notes.json").write_text('{"notes": "mine"}')
    (tmp_path / "other.nii.gz").write_bytes(b"of somebody else")
    (tmp_path / "other_cbv.nii.gz").write_bytes(b"of somebody else")
    (tmp_path / "scan.nrrd").write_bytes((tmp_path / "a.nii").read_bytes())
    (tmp_path / "scan.json").write_text('{"GeneratedBy": [{"Name": "DSCSuperRes"}]}')
    (tmp_path / "own.safetensors").write_bytes(b"weights")
    (tmp_path / "own.json").write_text('{"GeneratedBy": [{"Name": "DSCSuperRes"}]}')
    return tmp_path


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        "compare a.nii b.nii --json b.nii",
        "compare a.nii b.nii --json ./link.nii",
        "compare a.nii b.nii --mask maps/mask.nii.gz --difference maps/mask.nii.gz",
        "compare a.nii b.nii --json x.nii --difference x.nii",
        "maps a.nii maps --mask maps/mask.nii.gz --te 0.03",
        "maps a.nii maps --aif maps/aif.csv --te 0.03",
        "demo a.nii --out . --model linear",
        "maps b.nii new/.. --method csvd",
        "maps b.nii maps/new/../. --method csvd",
        "reconstruct b.nii new/../fine.nii --model linear",
        "reconstruct a.nii fine.nii --model linear --uncertainty-file fine.nii",
        "reconstruct b.nii link.nii --model linear",
        "reconstruct a.nii . --model linear",
        "compare a.nii b.nii --json b.json",
        "compare a.nii b.nii --json notes.json",
        "compare a.nii b.nii --json fine.json --difference fine.nii",
        "undersample a.nii other.nii.gz",
        "undersample a.nii notes.nii.gz",
        "undersample scan.nrrd scan.nii.gz --tr 1.5",
        "reconstruct a.nii own.nii --model own.safetensors",
        "simulate other.seq.nrrd --seed 7 --slices 1",
    ],
)
def test_a_command_that_would_replace_its_input_is_refused(folder: Path, command: str, capsys) -> None:
    before = state(folder)
    assert main(command.split()) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert state(folder) == before


def test_a_job_of_the_worker_is_refused_likewise(folder: Path) -> None:
    inputs = {"truth": {"file": folder / "a.nii"}, "input": {"file": folder / "maps" / "mask.nii.gz"}}
    with pytest.raises(FileError, match="lies in the output folder"):
        run_job({"task": "maps", "inputs": inputs, "output": folder / "maps", "echo_time": 0.03})
    with pytest.raises(FileError, match="input itself"):
        run_job({"task": "reconstruct", "input": folder / "a.nii", "output": folder / "." / "a.nii"})


def test_a_folder_of_images_within_earlier_results_is_not_lost(folder: Path) -> None:
    run_job({"task": "maps", "input": folder / "a.nii", "output": folder / "earlier", "method": "csvd"})
    (folder / "earlier" / "dicom").mkdir()
    with pytest.raises(FileError, match="lies in the output folder"):
        check_outputs([folder / "earlier"], [folder / "earlier" / "dicom"])


def test_results_beside_the_inputs_are_fine(folder: Path) -> None:
    check_outputs([folder / "new.nii", folder / "results"], [folder / "a.nii", folder / "maps" / "mask.nii.gz"])
    assert main(["compare", "a.nii", "b.nii", "--json", "metrics.json"]) == 0
    assert json.loads((folder / "metrics.json").read_text())["whole"]["nmse"] == 0


def test_results_replace_earlier_results_as_a_whole(folder: Path) -> None:
    """The maps of one series do not stay beside the reconstruction of another one."""
    write_series(bolus_series(bolus=False), folder / "flat.nii")
    job = {"task": "reconstruct", "output": folder / "results", "model": "linear", "method": "csvd"}
    run_job({**job, "input": folder / "a.nii"})
    assert (folder / "results" / "maps_reconstruction" / "cbv.nii.gz").is_file()
    result = run_job({**job, "input": folder / "flat.nii"})
    assert result.facts["maps_error"]
    assert not (folder / "results" / "maps_reconstruction").exists()
    assert sorted(path.name for path in folder.iterdir() if "part" in path.name or "old" in path.name) == []


def test_maps_by_another_method_leave_none_of_the_first(folder: Path) -> None:
    command = "maps a.nii again --te 0.03 --method csvd"
    assert main([*command.split(), "--leakage", "bsw"]) == 0
    assert (folder / "again" / "k2.nii.gz").is_file()
    assert main(command.split()) == 0
    assert not (folder / "again" / "k2.nii.gz").exists()


@pytest.mark.parametrize("task", ["reconstruct", "compare", "maps"])
def test_a_folder_of_somebody_else_is_left_alone(folder: Path, task: str) -> None:
    (folder / "notes").mkdir()
    (folder / "notes" / "provenance.json").write_text('{"of": "somebody else"}')
    options = {} if task == "maps" else {"model": "linear"}
    with pytest.raises(FileError, match="did not write"):
        run_job({"task": task, "input": folder / "a.nii", "output": folder / "notes", **options})
    assert [path.name for path in (folder / "notes").iterdir()] == ["provenance.json"]


def test_a_folder_is_never_removed_for_a_file(folder: Path, capsys) -> None:
    for name in ("fine.json", "fine.provenance.json", "fine.nii"):
        (folder / name).mkdir()
        (folder / name / "precious").write_text("")
        assert main(["reconstruct", "a.nii", "fine.nii", "--model", "linear"]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
        (folder / name / "precious").unlink()
        (folder / name).rmdir()


def test_what_is_read_only_or_of_somebody_else_stays(folder: Path) -> None:
    for name in ("fine.nii", "fine.json", "fine.provenance.json"):
        (folder / name).write_text("[1, 2]")
        (folder / name).chmod(0o444)
        assert main(["reconstruct", "a.nii", "fine.nii", "--model", "linear"]) == 2
        assert (folder / name).read_text() == "[1, 2]"
        (folder / name).unlink()
    (folder / "fine.json").write_text('{"notes": "mine"}')
    assert main(["reconstruct", "a.nii", "fine.nii", "--model", "linear"]) == 2
    assert "mine" in (folder / "fine.json").read_text()


def test_a_job_does_not_replace_its_own_file(folder: Path) -> None:
    job = {"task": "reconstruct", "input": "a.nii", "output": "job.nii.gz", "model": "linear"}
    (folder / "job.json").write_text(json.dumps(job))
    assert main(["run", "job.json"]) == 2
    assert json.loads((folder / "job.json").read_text()) == job


def test_what_fails_leaves_nothing_in_either_folder(folder: Path, monkeypatch, capsys) -> None:
    from dsc_superres.jobs import case_jobs

    def broken(*arguments):
        raise FileError("The disk is full.")

    (folder / "elsewhere").mkdir()
    before = state(folder)
    monkeypatch.setattr(case_jobs, "write_json", broken)
    command = "reconstruct a.nii fine.nii --time 1 --model ode-liif-plus --uncertainty-file elsewhere/u.nii"
    assert main(command.split()) == 2
    assert state(folder) == before
    assert not list((folder / "elsewhere").iterdir())


def test_what_a_user_put_into_results_is_not_lost(folder: Path, capsys) -> None:
    command = ["reconstruct", "a.nii", "results", "--model", "linear", "--no-maps"]
    assert main(command) == 0
    assert main(command) == 0
    (folder / "results" / "notes.txt").write_text("mine")
    assert main(command) == 2
    assert "notes.txt" in capsys.readouterr().err
    (folder / "results" / "notes.txt").unlink()
    (folder / "results" / "metrics.json").chmod(0o444)
    assert main(command) == 2


def test_what_is_replaced_keeps_its_mode(folder: Path) -> None:
    for command, name in (("undersample a.nii fine.nii", "fine.nii"), ("reconstruct a.nii new", "new/metrics.json")):
        words = [*command.split(), *(["--model", "linear", "--no-maps"] if "reconstruct" in command else [])]
        assert main(words) == 0
        (folder / name).chmod(0o640)
        assert main(words) == 0
        assert (folder / name).stat().st_mode & 0o777 == 0o640


def test_an_empty_current_folder_is_filled_and_stays_the_same_folder(folder: Path, monkeypatch) -> None:
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    for _ in range(2):
        assert main(["reconstruct", str(folder / "a.nii"), ".", "--model", "linear", "--no-maps"]) == 0
        assert "reconstruction.seq.nrrd" in os.listdir(".")


def test_a_temporary_folder_without_room_is_a_sentence(monkeypatch) -> None:
    from dsc_superres.utils import scratch_memory

    def full(*arguments: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(FileError, match="TMPDIR"):
        scratch_memory.scratch((3, 4, 5), limit=10)


@pytest.mark.parametrize("task", ["reconstruct", "compare"])
def test_a_full_disk_is_found_before_the_work(folder: Path, task: str, monkeypatch) -> None:
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 10**5))
    stages = []
    job = {"task": task, "input": folder / "a.nii", "output": folder / "new" / "results", "model": "linear"}
    with pytest.raises(FileError, match="MiB"):
        run_job(job, lambda fraction, stage: stages.append(stage))
    assert stages == ["Reading"]
    assert not (folder / "new").exists()


def test_a_compressed_result_needs_room_too(folder: Path, monkeypatch) -> None:
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 10**3))
    with pytest.raises(FileError, match="need about"):
        run_job({"task": "reconstruct", "input": folder / "a.nii", "output": folder / "fine.nii.gz", "model": "linear"})


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (("cbv", "cbv"), "map cbv would be written over The map cbv"),
        (("cbv", "CBV"), "map CBV would be written over The map cbv"),
        (("note",), "over the file note.nrrd, which is copied"),
    ],
)
def test_entries_of_an_export_replace_neither_each_other_nor_what_is_copied(tmp_path, maps, words) -> None:
    np.save(tmp_path / "map.npy", np.ones((2, 3, 4), np.float32))
    (tmp_path / "copied").mkdir()
    (tmp_path / "copied" / "note.nrrd").write_text("x")
    (tmp_path / "copied" / "provenance.json").write_text("{}")
    entries = [
        {"file": str(tmp_path / "map.npy"), "geometry": GEOMETRY, "path": path, "formats": ["nrrd"]} for path in maps
    ]
    job = {"task": "export", "output": str(tmp_path / "out"), "files": str(tmp_path / "copied"), "maps": entries}
    with pytest.raises(DSCError, match=words):
        run_job(job)
    assert not (tmp_path / "out").exists()


def test_a_provenance_without_end_is_no_results_folder(tmp_path) -> None:
    (tmp_path / "provenance.json").write_text("[" * 100_000)
    assert not is_results_folder(tmp_path)
    assert not is_export(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8_are_one_sentence(folder, capsys) -> None:
    (folder / "a\udcff.nii").write_bytes((folder / "a.nii").read_bytes())
    assert main(["info", "a\udcff.nii"]) == 2
    assert main(["reconstruct", "a.nii", "b\udcff.nii", "--model", "linear"]) == 2
    assert capsys.readouterr().err.count("not UTF-8") == 2


def test_results_of_several_patients_are_not_replaced_by_those_of_one(folder: Path, capsys) -> None:
    command = ["reconstruct", "a.nii", "--model", "linear", "--no-maps"]
    assert main([*command, "results/one"]) == 0
    before = state(folder)
    assert main([*command, "results"]) == 2
    assert state(folder) == before


@pytest.mark.parametrize("content", ["# DSCSuperRes\nmy notes\n", '{"software": "DSCSuperRes"}'])
def test_a_text_that_mentions_this_software_is_not_its_own(folder: Path, content: str) -> None:
    (folder / "notes.md").write_text(content)
    assert main(["compare", "a.nii", "b.nii", "--json", "notes.md"]) == 2
    assert (folder / "notes.md").read_text() == content


def test_an_image_in_the_place_of_ours_is_not_ours(folder: Path) -> None:
    assert main(["undersample", "a.nii", "fine.nii"]) == 0
    other = (folder / "fine.nii").read_bytes().replace(b"DSCSuperRes", b"SomeoneElse")[:-1] + b"x"
    (folder / "fine.nii").write_bytes(other)
    assert main(["undersample", "a.nii", "fine.nii"]) == 2
    assert (folder / "fine.nii").read_bytes() == other


def test_names_that_some_disks_take_for_one_are_two_outputs_of_one_name(tmp_path: Path) -> None:
    for names in (("Fine.nii", "fine.nii"), ("\u00e9.nii", "e\u0301.nii")):
        with pytest.raises(FileError, match="Two outputs"):
            check_outputs([tmp_path / name for name in names], [])


def test_what_is_copied_into_an_export_lies_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for make in (lambda path: path.symlink_to("/etc/hostname"), lambda path: path.symlink_to("."), os.mkfifo):
        make(tmp_path / "files" / "odd")
        with pytest.raises(FileError, match="odd in files"):
            run_job({"task": "export", "output": tmp_path / "out", "files": tmp_path / "files"})
        (tmp_path / "files" / "odd").unlink()


def test_links_to_nothing_and_folders_instead_of_files_are_one_sentence(folder: Path, capsys) -> None:
    os.symlink("nowhere", folder / "dangling.nii")
    for command in ("undersample a.nii dangling.nii", "maps a.nii m --aif . --te 0.03", "info a\nb\x1b[31m.nii"):
        assert main(command.split(" ")) == 2
        assert "\x1b" not in (error := capsys.readouterr().err)
        assert len(error.strip().splitlines()) == 1
    assert (folder / "dangling.nii").is_symlink()
