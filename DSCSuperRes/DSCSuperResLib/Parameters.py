"""What the user chose: kept in the scene by one parameter node."""

from __future__ import annotations

from typing import Annotated

from slicer import vtkMRMLSegmentationNode, vtkMRMLSequenceNode
from slicer.parameterNodeWrapper import Choice, Default, Minimum, WithinRange, parameterNodeWrapper, parameterPack

TASKS = ("compare", "enhance")
OPERATORS = ("block", "kspace")


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
    """With which model, where."""

    model: Annotated[str, Default("ode-liif")]
    device: Annotated[str, Default("auto")]
    maps: Annotated[bool, Default(True)]


@parameterPack
class LookParameters:
    """What the plot below the views shows, in which region; the display of the volumes is theirs."""

    plot: Annotated[str, Default("cursor")]
    region: Annotated[str, Default("brain")]
    relaxation: Annotated[bool, Default(False)]
    segmentation: vtkMRMLSegmentationNode


@parameterNodeWrapper
class Parameters:
    """All of it; ``result`` is the id of the run that is looked at."""

    input: InputParameters
    task: TaskParameters
    reconstruct: ReconstructParameters
    look: LookParameters
    result: str
