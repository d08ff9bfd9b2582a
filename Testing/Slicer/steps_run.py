"""Reconstruct: a run that is cancelled, one whose worker crashes, and one that ends well."""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import slicer
from workflow import Workflow


def run(w: Workflow) -> None:
    """Leaves one result, which the panel looks at."""
    before = _nodes()
    _cancel(w)
    w.check(_nodes() == before, "a cancelled run leaves the scene as it was")
    if os.name == "posix":
        _crash(w)
        w.check(_nodes() == before, "a crashed run leaves the scene as it was")
    _finish(w)


def _cancel(w: Workflow) -> None:
    files = _temporary()
    _start(w)
    w.picture("running")
    started = time.monotonic()
    w.ui("Reconstruct").cancelButton.click()
    w.wait(lambda: not w.logic.running, 5, "the end of a cancelled run")
    print(f"cancelled after {time.monotonic() - started:.1f} s", flush=True)
    w.check("Cancelled" in w.ui("Reconstruct").statusLabel.text, w.ui("Reconstruct").statusLabel.text)
    w.check(not _workers(), "a cancelled run leaves no process")
    w.check(_temporary() <= files, "a cancelled run leaves no file")


def _crash(w: Workflow) -> None:
    _start(w)
    for worker in _workers():
        os.kill(worker, signal.SIGKILL)
    w.wait(lambda: not w.logic.running, 5, "the end of a crashed run")
    w.check("crashed" in w.ui("Reconstruct").statusLabel.text, w.ui("Reconstruct").statusLabel.text)
    w.picture("crashed")


def _finish(w: Workflow) -> None:
    stall, last = 0.0, time.monotonic()
    w.ui("Reconstruct").applyButton.click()
    end = last + 300
    while w.logic.running and last < end:
        slicer.app.processEvents()
        now = time.monotonic()
        stall, last = max(stall, now - last), now
    text = w.ui("Reconstruct").statusLabel.text
    print(f"longest stall {1000 * stall:.0f} ms", flush=True)
    w.check(w.result is not None, text)
    w.check(w.result.task == "compare", "the result has a ground truth")
    w.check([len(w.result.times(role)) for role in ("truth", "input", "reconstruction")] == [57, 15, 57], "frames")
    voxels = w.result.signal("reconstruction")[0]
    w.check(voxels.shape == (2, 256, 256) and voxels.dtype == "int16", f"{voxels.shape} {voxels.dtype}")
    w.check(w.result.folderItem, "the result has a folder")
    w.check(not _workers(), "no process is left")
    w.show("Reconstruct")
    w.picture("result")


def _start(w: Workflow) -> None:
    w.ui("Reconstruct").applyButton.click()
    w.check(w.logic.running, w.ui("Reconstruct").statusLabel.text)
    w.wait(lambda: w.ui("Reconstruct").progressBar.value > 150, 90, "the start of the reconstruction")


def _nodes() -> int:
    return slicer.mrmlScene.GetNumberOfNodes()


def _temporary() -> set[Path]:
    """What programs of this name left among the temporary files."""
    folder = Path(tempfile.gettempdir())
    return {path for path in folder.iterdir() if path.is_dir() and (path / "job.json").exists()}


def _workers() -> list[int]:
    """The background processes of this Slicer."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "dsc_superres"], capture_output=True, text=True, check=False
    )
    return [int(number) for number in found.stdout.split()]
