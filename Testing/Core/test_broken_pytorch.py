"""PyTorch that is there and does not start: one sentence with the reason and the way out, from every door."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from dsc_superres.geometry import Geometry
from dsc_superres.io import write_series
from dsc_superres.series import Series

BROKEN = {
    "a library that is missing": "raise OSError('[WinError 126] Error loading fbgemm.dll or one of its dependencies.')",
    "half removed": "",
    "old": "__version__ = '1.4.0'",
    "without a part": "raise ModuleNotFoundError(\"No module named 'torchgen'\", name='torchgen')",
}


@pytest.fixture(params=BROKEN)
def environment(request, tmp_path):
    (tmp_path / "fake" / "torch").mkdir(parents=True)
    (tmp_path / "fake" / "torch" / "__init__.py").write_text(BROKEN[request.param])
    return {**os.environ, "PYTHONPATH": str(tmp_path / "fake")}


def test_probe_worker_and_command_line_say_what_is_wrong_and_what_to_do(tmp_path, environment):
    series = Series(np.ones((8, 1, 8, 8), np.float32), 1.5 * np.arange(8), Geometry((2.0, 2.0, 5.0)), echo_time=0.03)
    write_series(series, tmp_path / "s.nii")
    job = {"task": "reconstruct", "input": str(tmp_path / "s.nii"), "output": str(tmp_path / "out"), "model": "linear"}
    (tmp_path / "job.json").write_text(json.dumps(job))
    worker = [sys.executable, "-m", "dsc_superres.worker"]
    words = ["reconstruct", str(tmp_path / "s.nii"), str(tmp_path / "r.nii"), "--model", "linear"]
    processes = [
        subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=-1, stderr=-1)
        for command in (
            [*worker, "--probe"],
            [*worker, "--job", str(tmp_path / "job.json")],
            [sys.executable, "-m", "dsc_superres", *words],
        )
    ]
    codes = [process.wait(120) for process in processes]
    for process in processes:
        process.stdin.close()
    probe, done, command = ((process.stdout.read(), process.stderr.read()) for process in processes)
    assert codes == [0, 2, 2]
    answer = json.loads(probe[0])
    assert answer["ready"] is False
    error = json.loads(done[0].splitlines()[-1])
    assert error["type"] == "error"
    for sentence in (answer["problem"], error["message"], command[1]):
        assert "PyTorch" in sentence
        assert "install it again (Reinstall" in sentence
    assert len(command[1].strip().splitlines()) == 1
