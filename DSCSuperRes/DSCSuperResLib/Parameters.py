"""What the user chose: kept in the scene by one parameter node."""

from __future__ import annotations

from typing import Annotated

from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLSegmentationNode, vtkMRMLSequenceNode
from slicer.parameterNodeWrapper import Choice, Default, Minimum, WithinRange, parameterNodeWrapper, parameterPack

from dsc_superres.models import DEFAULT_MODEL

TASKS = ("compare", "enhance")
OPERATORS = ("block", "kspace")
METHODS = ("bayes", "csvd", "osvd", "ssvd")
LEAKAGE = ("none", "bsw", "bidirectional")
AIF = ("automatic", "candidate", "segment", "points", "file")
COMPARED = ("reconstruction", "input")


@parameterPack
class InputParameters:
    """The series; ``repetitionTime`` (s) and ``echoTime`` (ms) replace what it says where they are not 0."""

    sequence: vtkMRMLSequenceNode
    repetitionTime: Annotated[float, Minimum(0.0), Default(0.0)]
    echoTime: Annotated[float, Minimum(0.0), Default(0.0)]


@parameterPack
class TaskParameters:
    """What to do with it, and with how much of it: frames and slices are counted from 1, and 0 means to the end.

    ``regular`` is whether ``enhance`` goes by ``interval`` (s) instead of the factor ``time``.
    """

    task: Annotated[str, Choice(TASKS), Default("compare")]
    space: Annotated[float, WithinRange(1, 8), Default(2.0)]
    time: Annotated[int, WithinRange(1, 20), Default(4)]
    regular: Annotated[bool, Default(False)]
    interval: Annotated[float, WithinRange(0.05, 10), Default(0.5)]
    operator: Annotated[str, Choice(OPERATORS), Default("block")]
    firstFrame: Annotated[int, Default(1)]
    lastFrame: Annotated[int, Default(0)]
    firstSlice: Annotated[int, Default(1)]
    lastSlice: Annotated[int, Default(0)]


@parameterPack
class ReconstructParameters:
    """With which model, where; ``adapt`` is whether it is tuned to the series first, for so many ``minutes``.

    ``adapt`` and ``deviation`` mean nothing to models that cannot do it.
    """

    model: Annotated[str, Default(DEFAULT_MODEL)]
    device: Annotated[str, Default("auto")]
    maps: Annotated[bool, Default(True)]
    deviation: Annotated[bool, Default(False)]
    adapt: Annotated[bool, Default(False)]
    minutes: Annotated[float, WithinRange(0.1, 120), Default(2.0)]


@parameterPack
class LookParameters:
    """What the plot below the views shows, in which region; the display of the volumes is theirs."""

    plot: Annotated[str, Default("cursor")]
    region: Annotated[str, Default("brain")]
    relaxation: Annotated[bool, Default(False)]
    segmentation: vtkMRMLSegmentationNode


@parameterPack
class PerfusionParameters:
    """How maps are computed; what is shown of them is kept by their display.

    aif            where the arterial input is from: ``candidate`` (one of those found, by number), ``segment``, ...
    aifSegment     its id; one that is not there stands for the first
    ownBaseline    whether the baseline goes from ``baselineStart`` to ``baselineEnd`` (s) instead of being found
    integrationEnd s after the bolus' arrival at which the areas of CBV end; 0 lets the series decide
    regions        the segments for statistics
    """

    method: Annotated[str, Choice(METHODS), Default("bayes")]
    leakage: Annotated[str, Choice(LEAKAGE), Default("none")]
    aif: Annotated[str, Choice(AIF), Default("automatic")]
    candidate: Annotated[int, Default(0)]
    aifSegmentation: vtkMRMLSegmentationNode
    aifSegment: str
    aifPoints: vtkMRMLMarkupsFiducialNode
    aifFile: str
    ownBaseline: Annotated[bool, Default(False)]
    baselineStart: Annotated[float, Default(0.0)]
    baselineEnd: Annotated[float, Default(10.0)]
    integrationEnd: Annotated[float, Minimum(0.0), Default(0.0)]
    compared: Annotated[str, Choice(COMPARED), Default("reconstruction")]
    regions: vtkMRMLSegmentationNode


@parameterPack
class ExportParameters:
    """What is written; ``folder`` is where, empty before one was chosen."""

    folder: str
    sequence: Annotated[bool, Default(True)]
    nifti: Annotated[bool, Default(False)]
    mapsNifti: Annotated[bool, Default(True)]
    mapsNrrd: Annotated[bool, Default(False)]
    mapsDicom: Annotated[bool, Default(True)]
    tables: Annotated[bool, Default(True)]
    screenshots: Annotated[bool, Default(True)]
    report: Annotated[bool, Default(True)]


@parameterNodeWrapper
class Parameters:
    """All of it; ``result`` is the id of the run that is looked at."""

    input: InputParameters
    task: TaskParameters
    reconstruct: ReconstructParameters
    look: LookParameters
    perfusion: PerfusionParameters
    export: ExportParameters
    result: str
