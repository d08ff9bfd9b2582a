"""Reconstruct: a run that is canceled, one whose worker crashes, and one that ends well."""

import os
import signal
import tempfile
from pathlib import Path

import slicer
from panel_driver import Stalls
from workflow import Workflow


def run(w: Workflow) -> None:
    """Leaves one result, which is selected."""
    before = _nodes()
    _cancel(w)
    w.check(_nodes() == before, "a canceled run leaves the scene as it was")
    if os.name == "posix":
        _crash(w)
        w.check(_nodes() == before, "a crashed run leaves the scene as it was")
    _finish(w)


def _cancel(w: Workflow) -> None:
    files = _temporary()
    w.start()
    w.working()
    w.picture("running")
    w.cancelRun()
    w.check(not w.workers(), "a canceled run leaves no process")
    w.check(_temporary() <= files, "a canceled run leaves no file")


def _crash(w: Workflow) -> None:
    w.start()
    w.working()  # a process that dies before it begins its job is replaced by another
    for worker in w.workers():
        os.kill(worker, signal.SIGKILL)
    w.wait(lambda: not w.logic.running, 30, "the end of a crashed run")
    w.check("crashed" in w.ui("Reconstruct").statusLabel.text, w.ui("Reconstruct").statusLabel.text)
    w.picture("crashed")


def _finish(w: Workflow) -> None:
    stalls = Stalls()
    w.start()
    w.finish()
    text = w.ui("Reconstruct").statusLabel.text
    print(f"longest stall {1000 * stalls.stop():.0f} ms", flush=True)
    w.check(w.result is not None, text)
    w.check(w.result.task == "compare", "the result has a ground truth")
    w.check([len(w.result.times(role)) for role in ("truth", "input", "reconstruction")] == [57, 15, 57], "frames")
    voxels = w.result.signal("reconstruction")[0]
    w.check(voxels.shape == (2, 256, 256) and voxels.dtype == "int16", f"{voxels.shape} {voxels.dtype}")
    w.check(w.result.folderItem, "the result has a folder")
    w.check(not w.workers(), "no process is left")
    w.settle()
    w.check(w.layout.shown, "a run ends with its result side by side")
    w.check(w.panel.ui.reconstructSection.collapsed, "what led to the result is out of the way")
    w.check(not w.panel.ui.displaySection.collapsed, "what is next is open")
    w.picture("end-of-run")
    w.show("Reconstruct")
    w.picture("result")


def _nodes() -> int:
    return slicer.mrmlScene.GetNumberOfNodes()


def _temporary() -> set[Path]:
    """What programs of this name left among the temporary files."""
    folder = Path(tempfile.gettempdir())
    return {path for path in folder.iterdir() if path.is_dir() and (path / "job.json").exists()}
