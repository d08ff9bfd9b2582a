"""A file, or a simulated patient, becomes a volume sequence in the scene. Nothing of it waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import qt
import slicer

from dsc_superres.geometry import Geometry

from .Process.Chore import Chore
from .Process.LineProcess import Command, LineProcess
from .Process.WorkerProcess import Log, Outcome, WorkerProcess
from .Scene.RunOutput import newSequence, voxelType
from .Scene.SequenceFrames import readFrames
from .Scene.SequenceInput import InputInfo
from .Translation import _

SAMPLE_SEED, SAMPLE_SLICES = 7, 4
SAMPLE_NAME = "DSC sample patient"


class Opening:
    """Starts at once. ``onProgress(text)``, then once ``onFinished(sequence or None, error, empty when cancelled)``.

    Without ``path`` the sample patient is simulated.
    """

    def __init__(
        self,
        scene: slicer.vtkMRMLScene,
        command: Command,
        path: Path | None,
        onProgress: Callable[[str], None],
        onFinished: Callable[[slicer.vtkMRMLSequenceNode | None, str], None],
        log: Log,
    ) -> None:
        self._scene, self._command, self._log = scene, command, log
        self._onProgress, self._onFinished = onProgress, onFinished
        self._folder = qt.QTemporaryDir()
        self._chore: Chore | None = None
        self._sequence: slicer.vtkMRMLSequenceNode | None = None
        self._name = SAMPLE_NAME if path is None else path.name.split(".")[0]
        if path is None:
            self._simulate()
        else:
            self._read(path)

    def kill(self) -> None:
        """Stop it and leave nothing behind. Nobody is told."""
        self._onFinished = lambda sequence, error: None
        self._process.kill()
        self._end("")

    @property
    def _path(self) -> Path:
        return Path(self._folder.path())

    def _simulate(self) -> None:
        self._onProgress(_("Simulating a patient: this takes about ten seconds"))
        file = self._path / "sample.seq.nrrd"
        options = ("--seed", str(SAMPLE_SEED), "--slices", str(SAMPLE_SLICES))
        command = self._command.following("-m", "dsc_superres", "simulate", str(file), *options)

        def finished(code: int) -> None:
            if code == 0:
                self._read(file)
            else:
                self._end(_("The sample patient could not be made: {line}").format(line=self._log.last))

        self._process = LineProcess(command, self._log.add, self._log.add, finished)

    def _read(self, path: Path) -> None:
        self._onProgress(_("Reading {name}").format(name=self._name))
        command = self._command.following("-m", "dsc_superres.pipeline.open_series", str(path), str(self._path))
        self._process = WorkerProcess(command, self._onOutcome, log=self._log)

    def _onOutcome(self, outcome: Outcome) -> None:
        if outcome.message is None:
            self._end(outcome.error)
        else:
            self._chore = Chore(self._load(outcome.message), self._done, lambda error: self._end(str(error)))

    def _load(self, message: dict) -> Iterator[float]:
        geometry, stored = Geometry(**message["geometry"]), np.dtype(message["scalar_type"])
        times, sources = np.array(message["times"]), dict(message["sources"])
        size = np.load(self._path / message["file"], mmap_mode="r").shape[:0:-1]
        info = InputInfo(size, geometry, times, message["echo_time"], sources, stored)
        self._sequence = newSequence(self._scene, self._name, info)
        yield from readFrames(self._sequence, self._path / message["file"], times, geometry, voxelType(stored))
        browse(self._sequence)

    def _done(self) -> None:
        sequence, self._sequence = self._sequence, None
        self._end("", sequence)

    def _end(self, error: str, sequence: slicer.vtkMRMLSequenceNode | None = None) -> None:
        if self._chore is not None:
            self._chore.stop()
        if self._sequence is not None:
            self._scene.RemoveNode(self._sequence)
            self._sequence = None
        self._folder.remove()
        self._onFinished(sequence, error)


def browse(sequence: slicer.vtkMRMLSequenceNode) -> slicer.vtkMRMLScalarVolumeNode:
    """A browser for ``sequence`` of its own; returns the volume that shows its current frame."""
    scene, name = sequence.GetScene(), sequence.GetName()
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    browser.AddProxyNode(volume, sequence, True)
    browser.SetOverwriteProxyName(sequence, False)
    volume.CreateDefaultDisplayNodes()
    return volume
