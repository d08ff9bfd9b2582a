"""The section Input: the choice of a series, its properties, and the user's corrections."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from dsc_superres.errors import DSCError
from dsc_superres.pipeline.case_options import MOTION
from dsc_superres.series import MISSING

from ..Jobs.BackgroundJob import Finished
from ..Scene.Display.OwnViews import showInOwnViews
from ..Scene.Result import RUN
from ..Scene.Sequences.NewSequence import browserOf, volumeOf
from ..Scene.Sequences.SequenceInput import InputInfo, sequenceOf
from ..Scene.Sequences.Toolbar import showInToolbar
from ..Translation import _
from .Section import Section

IMAGE_CHOICES = ("series", "echo", "stack")
"""Parameters that choose among the images of a DICOM folder."""
BREAK = "\N{ZERO WIDTH SPACE}"
"""Where a line may end within a long word."""


FIRST = 1.0
"""Priority of an observer that is called before the widgets of Slicer, which have 0."""


class InputSection(Section, VTKObservationMixin):
    """Controls of ``Input.ui``."""

    def __init__(self, ui, context) -> None:
        VTKObservationMixin.__init__(self)
        Section.__init__(self, ui, context)
        self._chosen, self._updating, self._folderOpened = None, False, False
        ui.openingBar.visible = ui.openingLabel.visible = ui.imageChoices.visible = False
        ui.sequenceSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onSequence)
        ui.openFileButton.connect("clicked()", self._onOpenFile)
        ui.openFolderButton.connect("clicked()", self._onOpenFolder)
        ui.sampleButton.connect("clicked()", self._onSample)
        ui.repetitionTime.connect("valueChanged(double)", self._onRepetitionTime)
        ui.echoTime.connect("valueChanged(double)", self._onEchoTime)
        ui.excludedFrames.connect("editingFinished()", self._onExcluded)
        ui.motionSelector.connect("currentIndexChanged(int)", self._onMotion)
        ui.repetitionTimeReset.connect("clicked()", self._onRepetitionTimeReset)
        ui.echoTimeReset.connect("clicked()", self._onEchoTimeReset)
        removal = slicer.mrmlScene.NodeAboutToBeRemovedEvent
        self.addObserver(slicer.mrmlScene, removal, self._onNodeRemoved, priority=FIRST)

    def setParameterNode(self, parameters) -> None:
        """Connect other parameters; corrections belong to the series that they were saved with."""
        self._chosen = parameters.input.sequence if parameters is not None else None
        super().setParameterNode(parameters)

    def setResult(self, result) -> None:
        """Offer the user's series and not those of results, which would be most of them."""
        parameters = self.context.parameters
        chosen = parameters.input.sequence if parameters is not None else None
        sequences = slicer.util.getNodesByClass("vtkMRMLSequenceNode")
        hidden = [node.GetID() for node in sequences if node.GetAttribute(RUN) and node is not chosen]
        self.ui.sequenceSelector.sortFilterProxyModel().hiddenNodeIDs = hidden

    def cleanup(self) -> None:
        """Leave nothing observed."""
        self.removeObservers()
        super().cleanup()

    def enter(self) -> None:
        """Choose the series on the screen, if none was chosen yet."""
        parameters = self.context.parameters
        if parameters is None or parameters.input.sequence is not None:
            return
        shown = _shownSequence()
        if shown is not None:
            parameters.input.sequence = shown

    def parametersChanged(self) -> None:
        """Show the properties of the series."""
        parameters = self.context.parameters
        if parameters is None:
            return
        try:
            info, note = self.context.logic.inputInfo(parameters), ""
        except DSCError as error:
            info, note = None, str(error)
        self.ui.facts.visible = info is not None
        self.ui.sequenceSelector.toolTip = _selectorText(parameters.input.sequence)
        if not self.context.logic.opening and not self.ui.sampleButton.enabled:  # the scene was closed meanwhile
            self._showOpening("")
        if self._chosenImages():
            self.ui.imageChoices.visible = True
        if info is not None:
            self._showInfo(info, parameters.input)
            note = _missing(info)
        self.ui.inputNote.text = note
        self.ui.inputNote.visible = bool(note)

    def open(self, path: str | Path | None) -> None:
        """Open a file or a folder, or simulate the sample (None), and choose it as the input."""
        self._showOpening(_("Starting"))
        self._folderOpened = path is not None and Path(path).is_dir()
        chosen = {} if path is None else self._chosenImages()
        self.context.logic.openFile(
            path, self._onOpened, lambda fraction, stage, left: self._showOpening(stage), chosen
        )

    def _chosenImages(self) -> dict[str, int]:
        """Return the choices among the images of a DICOM folder; without those that are left open."""
        parameters = self.context.parameters
        chosen = {} if parameters is None else {name: getattr(parameters.input, name) for name in IMAGE_CHOICES}
        return {name: number for name, number in chosen.items() if number > 0}

    def _showInfo(self, info: InputInfo, corrections) -> None:
        ui, self._updating = self.ui, True
        spacing = " x ".join(f"{size:.3g}" for size in info.geometry.spacing)
        ui.matrixLabel.text = _("{matrix} voxels of {spacing} mm").format(
            matrix=" x ".join(map(str, info.size)), spacing=spacing
        )
        ui.framesLabel.text = _framesText(info)
        ui.repetitionTime.value = info.interval if info.hasTimes else 0.0
        ui.echoTime.value = 1000 * info.echoTime if info.echoTime is not None else 0.0
        for label, value in ((ui.repetitionTimeSource, "times"), (ui.echoTimeSource, "echo_time")):
            label.toolTip = _sourceText(info.sources[value])
            label.text = label.toolTip.replace(".", f".{BREAK}")
        ui.excludedFrames.text = corrections.exclude
        ui.motionSelector.currentIndex = MOTION.index(corrections.motion)
        ui.repetitionTimeReset.visible = corrections.repetitionTime > 0
        ui.echoTimeReset.visible = corrections.echoTime > 0
        self._updating = False

    def _showOpening(self, text: str) -> None:
        busy = bool(text)
        self.ui.openingBar.visible = self.ui.openingLabel.visible = busy
        self.ui.openingLabel.text = text
        for button in (self.ui.openFileButton, self.ui.openFolderButton, self.ui.sampleButton):
            button.enabled = not busy

    def _onOpened(self, finished: Finished) -> None:
        self._showOpening("")
        sequence = finished.result
        if sequence is None:
            self.ui.openingLabel.visible = bool(finished.error)
            self.ui.openingLabel.text = finished.error
            self.ui.imageChoices.visible = self._folderOpened
            return
        self.ui.imageChoices.visible = False
        parameters = self.context.parameters
        if parameters is not None:
            for name in IMAGE_CHOICES:  # they were those of this folder
                setattr(parameters.input, name, 0)
            self.ui.sequenceSelector.setCurrentNode(sequence)
        showInViews(sequence)

    def _onSequence(self, node: slicer.vtkMRMLNode | None) -> None:
        """Reset corrections and ranges, which belong to the previous series."""
        parameters = self.context.parameters
        if parameters is None or node is self._chosen:
            return
        self._chosen = node
        self.ui.openingLabel.visible = self.context.logic.opening  # an earlier failure does not matter any more
        with slicer.util.NodeModify(self.context.logic.parameterNode()):
            parameters.input.sequence = node  # also here, or the other changes would restore the former one
            parameters.input.repetitionTime = parameters.input.echoTime = 0.0
            parameters.input.exclude = ""
            parameters.task.firstFrame = parameters.task.firstSlice = 1
            parameters.task.lastFrame = parameters.task.lastSlice = 0

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller: vtk.vtkObject, event: str, node: slicer.vtkMRMLNode) -> None:
        """Choose no series when the chosen one is deleted; the selector by itself would take its neighbor."""
        if node is self._chosen and self.context.parameters is not None:
            self.ui.sequenceSelector.setCurrentNode(None)

    def _onOpenFile(self) -> None:
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("Open a dynamic series"), "", _fileFilter())
        if path:
            self.open(path)

    def _onOpenFolder(self) -> None:
        path = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Open a folder of DICOM files"))
        if path:
            self.open(path)

    def _onSample(self) -> None:
        self.open(None)

    def _onRepetitionTime(self, seconds: float) -> None:
        if not self._updating and self.context.parameters is not None:
            self.context.parameters.input.repetitionTime = seconds

    def _onEchoTime(self, milliseconds: float) -> None:
        if not self._updating and self.context.parameters is not None:
            self.context.parameters.input.echoTime = milliseconds

    def _onExcluded(self) -> None:
        if not self._updating and self.context.parameters is not None:
            self.context.parameters.input.exclude = self.ui.excludedFrames.text

    def _onMotion(self, row: int) -> None:
        if not self._updating and self.context.parameters is not None:
            self.context.parameters.input.motion = MOTION[row]

    def _onRepetitionTimeReset(self) -> None:
        self.context.parameters.input.repetitionTime = 0.0

    def _onEchoTimeReset(self) -> None:
        self.context.parameters.input.echoTime = 0.0


def _fileFilter() -> str:
    return f"{_('4D images')} (*.nii *.nii.gz *.hdr *.img *.nrrd *.nhdr *.par *.PAR *.zip);;{_('All files')} (*)"


def _framesText(info: InputInfo) -> str:
    frames = len(info.times)
    if not info.hasTimes:
        return _("{frames}, without times").format(frames=frames)
    text = _("{frames} in {duration} s") if info.uniform else _("{frames} in {duration} s, unevenly spaced")
    return text.format(frames=frames, duration=f"{info.times[-1] - info.times[0]:.1f}")


def _selectorText(sequence: slicer.vtkMRMLSequenceNode | None) -> str:
    text = _("The dynamic series: a sequence of volumes, one per time point.")
    return text if sequence is None else f"{sequence.GetName()}\n{text}"


def _sourceText(source: str) -> str:
    return _("not in the series") if source == MISSING else source


def _missing(info: InputInfo) -> str:
    """Return notes of the file's reader, and on missing or suspicious properties."""
    notes = list(dict.fromkeys((*info.notes, *info.provenance.get("notes", ()))))
    if not info.hasTimes:
        notes.append(
            _("TR is needed: frames are only numbered, but the model and the maps work in seconds. See the protocol.")
        )
    if info.echoTime is None:
        notes.append(_("TE is not known. Enter it for ΔR2* in 1/s; without it maps assume 30 ms, which cancels out."))
    if info.size[2] == 1 and len(info.times) > 200:
        notes.append(
            _("A single slice over many frames may be a mix-up: in DICOM, Advanced, load it as a volume sequence.")
        )
    return "\n".join(notes)


def _shownSequence() -> slicer.vtkMRMLSequenceNode | None:
    """Return the sequence in the background of a slice view; else the only one in the scene."""
    scene = slicer.mrmlScene
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
        composite = scene.GetNthNodeByClass(index, "vtkMRMLSliceCompositeNode")
        sequence = sequenceOf(scene.GetNodeByID(composite.GetBackgroundVolumeID() or ""))
        if sequence is not None and not sequence.GetAttribute(RUN):
            return sequence
    own = [node for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode") if not node.GetAttribute(RUN)]
    return own[0] if len(own) == 1 else None


def showInViews(sequence: slicer.vtkMRMLSequenceNode) -> None:
    """Show the volume of ``sequence`` in the user's slice views, if there are any, and play it by the toolbar."""
    volume = volumeOf(sequence)
    if volume is not None and slicer.app.layoutManager() is not None:
        showInOwnViews(volume, slicer.app.applicationLogic())
    showInToolbar(browserOf(sequence))
