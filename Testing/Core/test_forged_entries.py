"""Hidden entries that somebody made up, or that came with a copy, move and remove nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsc_superres.errors import FileError
from dsc_superres.utils.atomic_writing import atomic_file, atomic_folder, check_target
from dsc_superres.utils.partial_entries import new_name

LONG_AGO = 1e9


def forged(folder: Path, state: str, journal: dict) -> Path:
    """A folder like those that a process leaves that was ended long ago."""
    entry = folder / new_name(state)
    entry.mkdir()
    (entry / ".commit.json").write_text(json.dumps(journal))
    os.utime(entry, (LONG_AGO, LONG_AGO))
    return entry


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "scan.nii").write_text("scan")
    (tmp_path / "deep" / "er" / "scan.nii").write_text("other")
    return tmp_path


def remaining(study: Path) -> list[str]:
    with atomic_file(study / "new") as partial:
        partial.write_text("")
    return sorted(path.relative_to(study).as_posix() for path in study.rglob("*"))


def test_a_journal_of_others_neither_moves_nor_removes(study: Path) -> None:
    inode = (study / "deep").stat().st_ino
    forged(study, "commit", {"others": [], "names": [], "gone": ["scan.nii"], "inode": inode})
    forged(study, "commit", {"others": [str(study / "deep" / "er")], "gone": []})
    forged(study, "part", {"first": str(study / "deep" / "er")})
    assert remaining(study) == ["deep", "deep/er", "deep/er/scan.nii", "new", "scan.nii"]
    assert (study / "scan.nii").read_text() == "scan"


def test_links_and_pipes_are_left_alone(study: Path) -> None:
    link, pipe = study / new_name("commit"), study / new_name("part")
    (study / "deep" / "er" / ".commit.json").write_text('{"others": [], "gone": []}')
    link.symlink_to(study / "deep" / "er")
    os.mkfifo(pipe)
    for one in (link, pipe):
        os.utime(one, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    assert {link.name, pipe.name, "deep/er/scan.nii"} < set(remaining(study))


def test_what_came_into_a_folder_after_its_process_was_killed_stays(tmp_path: Path, monkeypatch) -> None:
    """A commit removes what was there when it began, nothing else."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "former").write_text("")
    monkeypatch.chdir(out)
    code = """
import os, sys
from dsc_superres.utils.atomic_writing import atomic_folder
real = os.replace
os.replace = lambda *a: os._exit(9)
with atomic_folder(".", replace=True) as folder:
    (folder / "result").write_text("new")
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=out).returncode == 9
    (out / "mine").write_text("")
    for entry in out.glob(".*"):
        os.utime(entry, (LONG_AGO, LONG_AGO))
    with atomic_file(out / "next"):
        pass
    assert sorted(os.listdir(out)) == ["mine", "next", "result"]


@pytest.mark.parametrize("name", [".commit.json", new_name("part"), new_name("old", "a.nii")])
def test_names_of_temporary_entries_are_no_outputs(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="temporary"):
        check_target(tmp_path / name)


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="pipe"), atomic_file(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()


def test_a_process_that_a_library_ends_is_no_defect() -> None:
    """OpenBLAS leaves with exit code 1 where it gets no memory."""
    begin = "import os, sys; from dsc_superres.utils.supervision import supervised; "
    for work, expected in (("os._exit(1)", 2), ("1", 1), ("sys.exit(3)", 3)):
        code = f"{begin}sys.exit(supervised(lambda: {work}, lambda name: 2))"
        assert subprocess.run([sys.executable, "-c", code]).returncode == expected


def test_batch_looks_at_headers_without_a_library(tmp_path: Path) -> None:
    """ITK does not end on an orientation that is infinite."""
    import struct

    from dsc_superres.cli.batch_cases import find_cases
    from dsc_superres.geometry import Geometry
    from dsc_superres.io import write_series, write_volume
    from dsc_superres.series import Series

    write_series(Series(np.ones((3, 2, 4, 4), np.float32), [0, 1, 2]), tmp_path / "bad.nii")
    raw = bytearray((tmp_path / "bad.nii").read_bytes())
    struct.pack_into("<h12f", raw, 254, 1, *[float("inf")] * 12)
    (tmp_path / "bad.nii").write_bytes(raw)
    write_volume(np.ones((2, 4, 4)), Geometry(), tmp_path / "volume.nii.gz")
    os.mkfifo(tmp_path / "pipe.nii")
    assert [case.name for case in find_cases(tmp_path, tmp_path / "out")] == ["bad", "pipe"]


def test_a_folder_with_such_a_name_is_no_output(tmp_path: Path) -> None:
    from dsc_superres.jobs.targets import check_results_folder

    with pytest.raises(FileError, match="temporary"):
        check_results_folder(tmp_path / new_name("commit"))
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("")
