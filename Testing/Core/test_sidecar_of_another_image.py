"""Image and sidecar are one commit: neither a crash nor a copy joins an image with the times of another one."""

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sample import bolus_series

from dsc_superres.io import read_series, write_series
from dsc_superres.io.sidecar import ANOTHER_IMAGE
from dsc_superres.series import MISSING

SMALL = bolus_series(frames=5, size=(8, 7, 2))
OTHER = replace(SMALL.with_signal(2 * SMALL.signal, times=3 * SMALL.times), echo_time=0.05)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".seq.nrrd"])
def test_a_sidecar_of_another_image_is_ignored_and_that_is_noted(tmp_path: Path, suffix: str) -> None:
    write_series(SMALL, tmp_path / f"a{suffix}")
    write_series(OTHER, tmp_path / f"b{suffix}")
    os.replace(tmp_path / f"b{suffix}", tmp_path / f"a{suffix}")
    found = read_series(tmp_path / f"a{suffix}")
    assert ANOTHER_IMAGE in found.notes
    assert found.echo_time == (0.05 if suffix == ".seq.nrrd" else None)  # of the header, not of the sidecar
    assert found.times.tolist() == OTHER.times.tolist()
    assert (found.sources["echo_time"] == MISSING) == (suffix != ".seq.nrrd")


def test_an_image_that_was_compressed_anew_keeps_its_sidecar(tmp_path: Path) -> None:
    write_series(SMALL, tmp_path / "a.nii")
    content = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "a.nii").unlink()
    members = gzip.compress(content[:1000]) + gzip.compress(content[1000:])
    for packed in (gzip.compress(content, 9), members):
        (tmp_path / "a.nii.gz").write_bytes(packed)
        assert read_series(tmp_path / "a.nii.gz").echo_time == 0.03
    (tmp_path / "a.json").write_text(json.dumps({"EchoTime": 0.04}))  # of others, without a checksum
    assert read_series(tmp_path / "a.nii.gz").echo_time == 0.04


def test_a_writer_that_was_killed_between_two_renames_is_completed_by_the_next(tmp_path: Path) -> None:
    write_series(SMALL, tmp_path / "a.nii")
    code = (
        "import os, signal, sys, test_sidecar_of_another_image as test\n"
        "replace = os.replace\n"
        "def once(one, other):\n"
        "    replace(one, other)\n"
        "    if str(other) == sys.argv[1].replace('.nii', '.json'): os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.replace = once\n"
        "test.write_series(test.OTHER, sys.argv[1])\n"
    )
    target = str(tmp_path.resolve() / "a.nii")
    killed = subprocess.run([sys.executable, "-c", code, target], cwd=Path(__file__).parent)
    assert killed.returncode < 0
    assert read_series(target).echo_time is None  # the old image beside the new sidecar
    write_series(SMALL, tmp_path / "c.nii")
    assert read_series(target).echo_time == 0.05
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.nii", "c.json", "c.nii"]
