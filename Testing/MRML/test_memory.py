"""The memory that a result takes in the scene, while it is loaded and while it is browsed."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("slicer") is None and sys.version_info >= (3, 14):
    pytest.skip("slicer-core has no wheel for this Python", allow_module_level=True)
if not Path("/proc/self/clear_refs").exists():
    pytest.skip("only Linux tells the peak of memory", allow_module_level=True)

SAMPLE = Path(__file__).with_name("loading_sample.py")
SPARE = 16 * 2**20
"""Bytes for what does not grow with the data: nodes, one frame in the making."""


@pytest.mark.parametrize(
    ("task", "size", "frames"), [("reconstruct", (64, 64, 10, 60), 237), ("compare", (128, 128, 10, 237), 237)]
)
def test_loading_a_result_takes_little_more_than_its_data(task, size, frames):
    program = [sys.executable, str(SAMPLE), task, *map(str, size)]
    found = json.loads(subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True).stdout)
    voxels = 2 if task == "compare" else 1
    assert found["frames"] == frames
    assert found["data"] == voxels * frames * 128 * 128 * 10 * 2, "the voxels of short integers stay short"
    assert found["grown"] > found["data"] - SPARE, "a peak below the data itself is not one"
    assert found["grown"] < 1.3 * found["data"] + SPARE
